"""List the lines that an import has refused."""

from aiohttp import web
from pydantic import Field

from sendoff_domain.jobs import MOST_REJECTIONS
from sendoff_domain.validation_errors import FieldError
from sendoff_http.jobs.finding import find_visible_job
from sendoff_http.jobs.model import SEEING
from sendoff_http.web.keys import POOL
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.responses import json_response
from sendoff_http.web.validation import ApiModel
from sendoff_intake.jobs.rows import read_rejections

routes = Routes("Jobs")


class Rejection(ApiModel):
    """Why a line was not accepted; the same words as in a problem document."""

    line: int = Field(ge=1, description="The line's number in all that was uploaded, from 1.")
    code: str
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


class Rejections(ApiModel):
    """The lines that were refused so far."""

    data: list[Rejection] = Field(description=f"The first {MOST_REJECTIONS}, in their order.")
    rejected: int = Field(description="How many there are in all.")


@routes.operation(
    "GET",
    "/v1/jobs/{id}/rejections",
    "List the lines that an import has refused",
    {200: ResponseDoc("The first of them", Rejections)},
    access=needs(*SEEING),
    problems=(404, 503),
)
async def list_rejections(request: web.Request) -> web.Response:
    """Answer with what is wrong in each of them; of a job that is no import with none."""
    async with request.app[POOL].connection() as connection:
        job = await find_visible_job(connection, request)
        rejections = await read_rejections(connection, job.id)
    return json_response({"data": rejections, "rejected": job.rejected})
