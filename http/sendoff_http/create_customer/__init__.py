"""POST /v1/customers."""
