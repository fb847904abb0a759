"""JetStream: there if messages come in or events go out over it, with streams as configured and replicas for them."""

import asyncio
from collections.abc import Sequence

from nats.aio.client import Client
from nats.errors import Error, NoRespondersError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError

from sendoff_cli.doctor.finding import Finding, fail, ok, warn
from sendoff_cli.doctor.nats import connect
from sendoff_config.settings import Settings
from sendoff_ingest.events.streams import event_streams
from sendoff_ingest.streams import differences, fixed_differences, ingest_stream, rejected_stream

_TIMEOUT_SECONDS = 3
_MIB = 2**20


async def check_streams(settings: Settings) -> list[Finding]:
    """A finding for `ingest` and for `events`, each if it is switched on, or has streams.

    Of a NATS that does not let us in, `check_nats` tells.
    """
    client = Client()
    servers = [server.strip() for server in str(settings.nats.url).split(",")]
    try:
        async with asyncio.timeout(3 * _TIMEOUT_SECONDS):
            await connect(client, settings, servers)
            return await _examine(client, settings)
    except (Error, OSError, TimeoutError, ValueError):
        return []
    finally:
        await client.close()


async def _examine(client: Client, settings: Settings) -> list[Finding]:
    prefix = settings.control.prefix
    jetstream = client.jetstream(timeout=_TIMEOUT_SECONDS)
    sections = (
        ("ingest", settings.ingest, [f(prefix, settings.ingest) for f in (ingest_stream, rejected_stream)]),
        ("events", settings.events, event_streams(prefix, settings.events)),
    )
    findings = []
    for section, configured, wanted in sections:
        try:
            found = [await _look(jetstream, stream) for stream in wanted]
        except (APIError, NoRespondersError) as error:
            if configured.enabled:
                findings.append(_without_jetstream(section, error))
            continue
        if configured.enabled or any(found):
            findings.append(_finding(section, wanted, found, _count_servers(client)))
    return findings


async def _look(jetstream: JetStreamContext, wanted: StreamConfig) -> StreamInfo | None:
    try:
        return await jetstream.stream_info(wanted.name or "")
    except NotFoundError:
        return None


def _without_jetstream(section: str, error: Exception) -> Finding:
    said = error.description if isinstance(error, APIError) else "nobody answers for it"
    advice = f"start NATS with JetStream (`nats-server -js`), or set {section}.enabled to false"
    return fail(section, f"JetStream is not there: {said}", advice)


def _finding(section: str, wanted: Sequence[StreamConfig], found: Sequence[StreamInfo | None], servers: int) -> Finding:
    """What is worst of the streams of one section."""
    pairs = list(zip(wanted, found, strict=True))
    there = [(stream, info) for stream, info in pairs if info is not None]
    for stream, info in there:
        if other := fixed_differences(info.config, stream):
            advice = "delete it, or choose another control.prefix"
            return fail(section, f"the stream {stream.name} is none of this version's: {', '.join(other)}", advice)
    replicas = max(stream.num_replicas or 1 for stream in wanted)
    if any(info is None or (info.config.num_replicas or 1) < replicas for _, info in pairs) and servers < replicas:
        detail = f"{section}.replicas is {replicas}, and NATS has {servers} server{'s' if servers > 1 else ''}"
        return fail(section, detail, f"lower {section}.replicas, or make NATS a cluster of {replicas}")
    for stream, info in there:
        if behind := _replicas_behind(info):
            detail = f"the stream {stream.name} lacks {behind} of {info.config.num_replicas} replicas"
            return warn(section, detail, "see to the servers of NATS: each further loss may stop the stream")
    for stream, info in there:
        if changed := differences(info.config, stream):
            detail = f"the stream {stream.name} is not as configured: {', '.join(changed)}"
            return warn(section, detail, "start `sendoff ingest` anew, which changes it")
    return ok(section, _shown([info for _, info in there], len(wanted), replicas))


def _replicas_behind(info: StreamInfo) -> int:
    """How many replicas are offline, or have not all that the others have."""
    peers = info.cluster.replicas if info.cluster is not None else None
    return sum(bool(peer.offline) or not peer.current for peer in peers or ())


def _shown(there: Sequence[StreamInfo], wanted: int, replicas: int) -> str:
    if len(there) < wanted:
        return f"JetStream is there; {wanted - len(there)} of {wanted} streams are made at the first start"
    held = "; ".join(
        f"{info.config.name} has {info.state.messages:,} messages, {info.state.bytes // _MIB:,} of"
        f" {(info.config.max_bytes or 0) // _MIB:,} MiB"
        for info in there
    )
    return f"{held}; replicas: {replicas}"


def _count_servers(client: Client) -> int:
    """How many servers the cluster has, as the one that we are on tells; at least that many, if it has many names."""
    told = client._server_info  # nats-py has no other way to it
    return max(1, len(set(told.get("connect_urls") or ()))) if told.get("cluster") else 1
