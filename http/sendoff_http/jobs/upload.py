"""Upload a piece of an import."""

from aiohttp import web
from pydantic import Field

from sendoff_domain.access import Scope
from sendoff_domain.jobs import MOST_PIECE_BYTES, MOST_PIECE_ITEMS, MOST_PIECES, JobKind
from sendoff_domain.validation_errors import FieldError
from sendoff_http.jobs.finding import find_visible_job
from sendoff_http.web.body import LINES, read_kept_bytes, require_type
from sendoff_http.web.documents import ResponseModel
from sendoff_http.web.keys import BATCH_MEMORY, POOL
from sendoff_http.web.operation import Body, ResponseDoc, Routes, needs
from sendoff_http.web.problems import ProblemError, invalid
from sendoff_http.web.responses import json_response
from sendoff_intake.jobs.uploading import NewPiece, NoPiece, add_piece, make_piece

routes = Routes("Jobs")

#: Beside a body of the largest size its compressed form and its lines are in memory for a moment.
_MEMORY = 3 * MOST_PIECE_BYTES
_MOST_EMPTY_LINES = 100_000


class Piece(ResponseModel):
    """What is in a piece."""

    number: int = Field(ge=0)
    items: int = Field(description="Lines that are not empty.")
    lines: int


@routes.operation(
    "PUT",
    "/v1/jobs/{id}/pieces/{number}",
    "Upload a piece of an import",
    {200: ResponseDoc("It is stored; the same piece may be sent again", Piece)},
    access=needs(Scope.WRITE_MESSAGES),
    problems=(400, 404, 409, 413, 415, 422, 503),
    body=Body({LINES: str}),
)
async def upload_piece(request: web.Request) -> web.Response:
    """Store the lines behind those of the pieces before; they are counted by the number of the first piece, 0.

    Each line that is not empty is a message as `POST /v1/messages` takes it, with an `idempotencyKey` if it has one.
    """
    async with request.app[POOL].connection() as connection:
        job = await find_visible_job(connection, request)
    if job.kind is not JobKind.IMPORT_MESSAGES:
        raise ProblemError(409, "wrong_state", "the job is no import", extra={"jobState": job.state})
    number = _number_of(request)
    require_type(request, (LINES,))
    async with request.app[BATCH_MEMORY].reserved(_MEMORY):
        piece = await make_piece(number, _checked(await read_kept_bytes(request, MOST_PIECE_BYTES)))
    async with request.app[POOL].connection() as connection:
        why = await add_piece(connection, job.id, piece)
        job = await find_visible_job(connection, request)
    if why is not None:
        raise _refused(why, piece, job.state)
    return json_response(Piece(number=number, items=piece.items, lines=piece.lines).document())


def _number_of(request: web.Request) -> int:
    text = request.match_info["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_PIECES)) and int(text) < MOST_PIECES):
        raise invalid([FieldError("number", f"expected 0 to {MOST_PIECES - 1}: an import has {MOST_PIECES} pieces")])
    return int(text)


def _checked(body: bytes) -> bytes:
    if body.count(b"\n") > _MOST_EMPTY_LINES:
        raise invalid([FieldError("", f"expected at most {_MOST_EMPTY_LINES} lines, empty ones too")])
    items = sum(1 for line in body.split(b"\n") if line.strip())
    if not 1 <= items <= MOST_PIECE_ITEMS:
        raise invalid([FieldError("", f"expected 1 to {MOST_PIECE_ITEMS} messages, got {items}")])
    return body


def _refused(why: NoPiece, piece: NewPiece, state: str) -> ProblemError:
    match why:
        case NoPiece.WRONG_STATE:
            detail = f"the job is {state}: pieces are uploaded while it is held"
            return ProblemError(409, "wrong_state", detail, extra={"jobState": state})
        case NoPiece.OUT_OF_ORDER:
            return ProblemError(409, "piece_out_of_order", f"the piece before number {piece.number} is not there yet")
        case NoPiece.DIFFERS:
            return ProblemError(409, "piece_differs", f"piece {piece.number} is there already with other lines")
        case NoPiece.FULL:
            return ProblemError(413, "imports_full", "this import, or all that are not finished together, is too large")
