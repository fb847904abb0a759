"""What a webhook's address may look like, before any name is resolved."""

from urllib.parse import urlsplit

LONGEST = 2048


def checked_webhook_url(url: str) -> str:
    """Return the URL unchanged if a webhook may have it.

    Raises ValueError that says what was expected: http or https, a host, no user or password, no fragment, ASCII.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"expected a URL: {error}") from None
    if len(url) > LONGEST:
        raise ValueError(f"expected a URL of at most {LONGEST} characters")
    if parts.scheme not in ("http", "https"):
        raise ValueError("expected a URL that starts with http:// or https://")
    if not parts.hostname or port == 0:
        raise ValueError("expected a URL with a host")
    if parts.username is not None or "#" in url or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise ValueError("expected a URL without user, password, fragment or blanks")
    if not url.isascii():
        raise ValueError("expected a URL in ASCII: a name in punycode, other characters percent-encoded")
    return url
