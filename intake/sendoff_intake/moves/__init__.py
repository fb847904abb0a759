"""Moves of messages that somebody asks for: sent again, cancelled, moved to another time, deleted."""
