"""POST /v1/customers/{id}/test."""
