"""POST /v1/customers/{id}/rotate-secret."""
