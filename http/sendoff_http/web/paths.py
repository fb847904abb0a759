"""What stands in the path of a request."""

from uuid import UUID

from aiohttp import web

from sendoff_domain.ids import is_key_id, parse_job_id, parse_message_id
from sendoff_domain.texts import match_customer_id
from sendoff_http.web.keys import CALLER
from sendoff_http.web.problems import no_such_customer, no_such_job, no_such_key, no_such_message


def message_id_of(request: web.Request) -> UUID:
    """The id in the path; raises ProblemError 404 for what cannot be one."""
    text = request.match_info["id"]
    message_id = parse_message_id(text)
    if message_id is None:
        raise no_such_message(text)
    return message_id


def customer_id_of(request: web.Request) -> str:
    """The id in the path; raises ProblemError 404 for what cannot be one, and for one that is not the caller's."""
    text = request.match_info["id"]
    if match_customer_id(text) is None or request[CALLER].narrow(text) != text:
        raise no_such_customer(text)
    return text


def key_id_of(request: web.Request) -> str:
    """The id in the path; raises ProblemError 404 for what cannot be one."""
    text = request.match_info["id"]
    if not is_key_id(text):
        raise no_such_key(text)
    return text


def job_id_of(request: web.Request) -> UUID:
    """The id in the path; raises ProblemError 404 for what cannot be one."""
    text = request.match_info["id"]
    job_id = parse_job_id(text)
    if job_id is None:
        raise no_such_job(text)
    return job_id
