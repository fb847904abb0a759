"""PATCH /v1/customers/{id}."""
