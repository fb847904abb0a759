"""What can go wrong with an embedded server."""


class ServerError(Exception):
    """An embedded server cannot be started or used; the message says why and what helps."""
