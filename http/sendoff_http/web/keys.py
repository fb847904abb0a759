"""What one API process shares between its requests; each is made once by the composition root."""

import asyncio

from aiohttp import web

from sendoff_config.identity import Identity
from sendoff_config.settings import Settings
from sendoff_config.tracing.tracer import Span, Tracer
from sendoff_control.member import Member
from sendoff_db.clock import DatabaseClock
from sendoff_db.pool import Pool
from sendoff_domain.access import Caller
from sendoff_domain.errors import UnavailableError
from sendoff_http.web.body_memory import BodyMemory
from sendoff_intake.backlog_figures import BacklogFigures
from sendoff_intake.group_commit import AdmittingIntake
from sendoff_intake.submission_reader import SubmissionReader
from sendoff_webhooks.keys.encryption import KeyCipher

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
TRACER: web.AppKey[Tracer | None] = web.AppKey("tracer")
IDENTITY: web.AppKey[Identity] = web.AppKey("identity", Identity)
POOL: web.AppKey[Pool] = web.AppKey("pool")
CLOCK: web.AppKey[DatabaseClock] = web.AppKey("clock", DatabaseClock)
KEY_CIPHER: web.AppKey[KeyCipher] = web.AppKey("key_cipher", KeyCipher)
MEMBER: web.AppKey[Member] = web.AppKey("member", Member)
SUBMISSION_READER: web.AppKey[SubmissionReader] = web.AppKey("submission_reader", SubmissionReader)
BACKLOGS: web.AppKey[BacklogFigures] = web.AppKey("backlogs", BacklogFigures)
INTAKE: web.AppKey[AdmittingIntake] = web.AppKey("intake", AdmittingIntake)
BATCH_MEMORY: web.AppKey[BodyMemory] = web.AppKey("batch_memory", BodyMemory)

#: Who sent the request; it is there once the request was let in.
CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
#: The body of a request that was read, which can be read once only.
BODY: web.RequestKey[bytes] = web.RequestKey("body", bytes)
#: Set from the moment on at which the process is going to end.
LEAVING: web.AppKey[asyncio.Event] = web.AppKey("leaving", asyncio.Event)

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
#: The trace of a request that has one, which goes along with its messages to their webhooks, and the span that accepts
#: them, if it is sampled.
TRACE: web.RequestKey[str] = web.RequestKey("trace", str)
SPAN: web.RequestKey[Span] = web.RequestKey("span")


def database_now(app: web.Application) -> float:
    """The database's clock in Unix seconds; raises UnavailableError until it was read once."""
    clock = app[CLOCK]
    if not clock.known:
        raise UnavailableError("the database's clock is not known yet")
    return clock.now()
