"""Undoes the coding of a request's body (`Content-Encoding`, RFC 9110 8.4) while it arrives, within its limit."""

import zlib
from collections.abc import Iterator

from aiohttp import web

from sendoff_http.web.problems import ProblemError

#: What zlib is told to expect: a gzip member, or a zlib stream.
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_ACCEPTED = "gzip, deflate, identity"
#: One step makes so many bytes at most, however small its input is.
_STEP = 256 * 1024


class Decoder:
    """Decompresses one body; raises ProblemError 400 when it is broken, cut, or goes on behind its end."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._zlib = zlib.decompressobj(_WINDOW_BITS[coding])

    def decode(self, part: bytes) -> Iterator[bytes]:
        """What another part of the body says, in steps of a bounded size."""
        rest = part
        while rest:
            try:
                decoded = self._zlib.decompress(rest, _STEP)
            except zlib.error:
                raise self._broken("is broken") from None
            if self._zlib.unused_data:
                raise self._broken("goes on behind its end")
            yield decoded
            rest = self._zlib.unconsumed_tail

    def finish(self) -> None:
        """Take it that the body is at its end."""
        if not self._zlib.eof:
            raise self._broken("ends too early")

    def _broken(self, what: str) -> ProblemError:
        return ProblemError(400, "bad_encoding", f"the body {what}: it is no {self._coding} as Content-Encoding says")


def make_decoder(request: web.Request) -> Decoder | None:
    """The decoder for the request's body, or None if it comes as it is; raises ProblemError 415 for other codings."""
    given = request.headers.getall("Content-Encoding", ())
    codings = [one.strip().lower() for line in given for one in line.split(",")]
    applied = [one for one in codings if one not in ("", "identity")]
    if not applied:
        return None
    if len(applied) > 1 or applied[0] not in _WINDOW_BITS:
        raise ProblemError(
            415,
            "unsupported_content_encoding",
            f"expected Content-Encoding gzip, deflate or none, got {', '.join(given)[:80]!r}",
            headers={"Accept-Encoding": _ACCEPTED},
        )
    return Decoder(applied[0])
