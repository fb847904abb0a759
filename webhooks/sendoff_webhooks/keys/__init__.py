"""Signing keys: how they are made, rotated, and encrypted where they are stored."""
