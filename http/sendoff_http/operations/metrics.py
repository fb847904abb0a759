"""The metrics in Prometheus' text format."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sendoff_domain.access import Scope
from sendoff_http.operations.customer_gauges import read_customer_gauges
from sendoff_http.operations.fleet_gauges import FLEET_READER
from sendoff_http.operations.ingest_gauges import IngestGauges
from sendoff_http.web.keys import MEMBER, POOL, SETTINGS
from sendoff_http.web.operation import ResponseDoc, Routes, needs
from sendoff_http.web.problems import ProblemError
from sendoff_http.web.request_log import METRICS

routes = Routes("Health")


@routes.operation(
    "GET",
    "/metrics",
    "Metrics for Prometheus",
    {200: ResponseDoc("Text format", str, content_type="text/plain")},
    access=needs(Scope.READ_MESSAGES, of_fleet=True),
    problems=(404,),
)
async def read_metrics(request: web.Request) -> web.Response:
    """Answer with the numbers of all processes of this instance, each with its label `process`.

    What has no such label is of the whole fleet: what PostgreSQL knows, and what is in the stream of the ingest.
    """
    if not request.app[SETTINGS].metrics.enabled:
        raise ProblemError(404, "not_found", "metrics are switched off (metrics.enabled)")
    body = generate_latest(request.app[METRICS].of_process.gather())
    body += generate_latest(await request.app[FLEET_READER].read())
    gauges = await read_customer_gauges(request.app[POOL])
    if gauges is not None:
        body += generate_latest(gauges)
    ingest = await request.app[MEMBER].ingest_stream.figures()
    if ingest is not None:
        body += generate_latest(IngestGauges(ingest))
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
