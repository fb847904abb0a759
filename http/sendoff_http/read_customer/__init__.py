"""GET /v1/customers/{id}."""
