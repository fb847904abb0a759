"""The plumbing of the API: bodies, responses, problems, and the OpenAPI document."""
