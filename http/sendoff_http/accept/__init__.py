"""Accepting messages: what is allowed, and how it gets into the database fast and exactly once."""
