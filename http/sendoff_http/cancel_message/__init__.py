"""DELETE /v1/messages/{id}."""
