"""GET /v1/stats."""
