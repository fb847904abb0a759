"""Customers: one module a use case."""
