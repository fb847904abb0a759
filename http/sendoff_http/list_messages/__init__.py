"""GET /v1/messages."""
