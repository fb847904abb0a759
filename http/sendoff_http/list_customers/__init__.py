"""GET /v1/customers."""
