"""The fleet: start, stop and state."""
