"""Uploads what an import is to accept, piece by piece; a piece whose answer was lost is sent again."""

import gzip
from collections.abc import Callable, Iterable

from sendoff_cli.api_client import ApiClient
from sendoff_cli.imports.pieces import cut_pieces
from sendoff_cli.imports.source_line import SourceLine
from sendoff_cli.job_table import Document
from sendoff_domain.errors import SendoffError
from sendoff_domain.jobs import MOST_PIECE_ITEMS, MOST_PIECES, JobState

_TRIES = 20
_HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


async def upload(api: ApiClient, lines: Iterable[SourceLine], key: str, tell: Callable[[int], None]) -> Document:
    """The job with all lines in it, held; or as it is, if the same was uploaded under this key and started before.

    `tell` is called with the number of messages that are uploaded. Raises SendoffError if there are too many.
    """
    job: Document = await api.call_safely("POST", "/v1/messages/import", headers={"Idempotency-Key": key})
    if job["state"] != JobState.HELD:
        return job
    uploaded = 0
    for number, (items, piece) in enumerate(cut_pieces(lines)):
        if number == MOST_PIECES:
            raise SendoffError(
                f"too large for one import ({MOST_PIECES * MOST_PIECE_ITEMS} messages): cut it into parts"
            )
        path = f"/v1/jobs/{job['id']}/pieces/{number}"
        await api.call_safely("PUT", path, gzip.compress(piece, 1), headers=_HEADERS, tries=_TRIES)
        uploaded += items
        tell(uploaded)
    found: Document = await api.call_safely("GET", f"/v1/jobs/{job['id']}")
    return found
