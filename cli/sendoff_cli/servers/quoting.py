"""Strings in configuration files: Valkey and NATS read them alike."""


def quoted(text: str) -> str:
    """The text between double quotes; what would end it or change its meaning is escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
