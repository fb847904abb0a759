"""`sendoff events`: what happened, and what happens, as it is published on NATS."""
