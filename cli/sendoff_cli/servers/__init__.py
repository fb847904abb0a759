"""PostgreSQL, Valkey and NATS as child processes on loopback, from wheels: no installation, no container."""
