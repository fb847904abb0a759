"""What can go wrong with an embedded server."""

from sendoff_domain.errors import SendoffError


class ServerError(SendoffError):
    """An embedded server cannot be started or used; the message says why and what helps."""
