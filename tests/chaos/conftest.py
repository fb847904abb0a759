"""The fixtures of a whole Sendoff."""

from support.whole_sendoff import api, launch, prefix, receiver

__all__ = ["api", "launch", "prefix", "receiver"]
