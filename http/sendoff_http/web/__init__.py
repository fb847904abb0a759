"""The plumbing of the API: bodies, answers, problems, and the OpenAPI document."""
