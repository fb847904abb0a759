"""GET /v1/messages/{id}/attempts."""
