"""/v1/scheduler: start and stop the whole fleet, and see what it does."""
