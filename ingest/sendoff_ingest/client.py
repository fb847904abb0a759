"""A client of NATS that survives whatever a producer has written into the headers of a message."""

from nats.aio.client import Client

#: What stands for headers that can't be read; no header has a name like that.
UNREADABLE = {"": ""}


class TolerantClient(Client):
    """Reads headers as nats-py does, and gives UNREADABLE for those that would end its reader.

    A header block that is cut short, or a status that is no text, raises out of the loop that reads the connection
    (nats-py 2.16): nothing would be read any more, and the message would come again and do it again.
    """

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        try:
            read: dict[str, str] | None = await super()._process_headers(headers)
        except (ValueError, IndexError):  # UnicodeDecodeError is a ValueError
            return dict(UNREADABLE)
        return read
