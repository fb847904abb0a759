"""GET /v1/retries."""
