"""Pure rules: no I/O, no clock, no randomness; pydantic and msgspec read the values that the rules are about."""
