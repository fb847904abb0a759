"""Publishes what happened to messages: rows that are there already, in the order of their transactions."""
