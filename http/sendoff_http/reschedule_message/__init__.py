"""PATCH /v1/messages/{id}."""
