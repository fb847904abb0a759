"""POST /v1/customers/{id}/pause and /resume."""
