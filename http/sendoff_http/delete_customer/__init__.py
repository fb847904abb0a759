"""DELETE /v1/customers/{id}."""
