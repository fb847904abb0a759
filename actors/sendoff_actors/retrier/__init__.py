"""Retrier: decides when a failed message is tried again."""
