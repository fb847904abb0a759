"""GET /v1/messages/{id}/explain."""
