"""GET /health/live and /health/ready."""
