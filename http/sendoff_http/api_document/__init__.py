"""GET /openapi.json and the Swagger page."""
