"""Messages: one module a use case."""
