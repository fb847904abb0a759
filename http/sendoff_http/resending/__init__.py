"""Sending again what was sent, is dead or was cancelled: as a new generation of the same message."""
