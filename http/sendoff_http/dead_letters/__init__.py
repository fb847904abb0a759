"""/v1/dead-letters: list, inspect, send again, delete."""
