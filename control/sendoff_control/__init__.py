"""Start and stop of the fleet: PostgreSQL decides, NATS and Redis carry hints."""
