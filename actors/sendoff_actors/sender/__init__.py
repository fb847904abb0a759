"""Sender: one webhook request per message at its exact time, recorded once."""
