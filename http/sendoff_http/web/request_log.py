"""Every request has an id, is counted and leaves one line in the log."""

import os
import re
import time

from aiohttp import web

from sendoff_domain.ids import Entropy
from sendoff_http.web.access_log import AccessLog
from sendoff_http.web.keys import REQUEST_ID
from sendoff_http.web.request_metrics import Metrics

HEADER = "X-Request-Id"
_ID_BYTES = 16
_is_sane = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch


class RequestLog:
    """Gives each request its id, and records in the metrics and in the access log how it ended."""

    def __init__(self, metrics: Metrics, access_log: AccessLog) -> None:
        self._metrics = metrics
        self._access_log = access_log
        self._entropy = Entropy(os.urandom, _ID_BYTES)

    def identify(self, request: web.Request) -> str:
        """Return the client's own id if it is a sane one, else a new one; the request holds it as REQUEST_ID."""
        given = request.headers.get(HEADER)
        request_id = given if given is not None and _is_sane(given) else self._entropy.take().hex()
        request[REQUEST_ID] = request_id
        return request_id

    def record(self, request: web.Request, status: int, started: float) -> None:
        """Count and log a request that began at that `time.perf_counter()`."""
        seconds = time.perf_counter() - started
        resource = request.match_info.route.resource
        # A path without a route is not a label: clients could make up any number of them.
        self._metrics.observe(request.method, resource.canonical if resource else "", status, seconds)
        self._access_log(request.method, request.rel_url.raw_path, status, seconds, request.remote, request[REQUEST_ID])
