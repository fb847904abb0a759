"""The two streams: what they should be, and making them so.

What is there already is brought to the limits of the settings; what NATS can't change is refused with SettingsError.
"""

from collections.abc import Sequence

import structlog
from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
    SubjectTransform,
)
from nats.js.errors import NotFoundError

from sendoff_config.ingest_settings import IngestSettings
from sendoff_domain.errors import SettingsError
from sendoff_domain.stream_names import (
    ingest_stream_name,
    ingest_subject,
    kept_subject,
    rejected_stream_name,
    rejected_subject,
)

#: The durable consumer that all customers share, but for those who flood the stream.
CONSUMER = "ingest"
#: Among so many groups the stream divides the customers.
GROUPS = 256
#: After so long (seconds) NATS gives what was not acknowledged to somebody else: what a killed process held waits so
#: long. A statement that stores a batch gives up sooner.
ACK_WAIT = 15.0
#: What NATS can't change of a stream that has messages, and what decides whether any of them is lost.
_FIXED = ("retention", "storage")
_LIMITS = (
    "subjects",
    "discard",
    "discard_new_per_subject",
    "max_msgs_per_subject",
    "max_bytes",
    "max_age",
    "num_replicas",
    "duplicate_window",
    "subject_transform",
)

log = structlog.get_logger("sendoff.ingest")


def ingest_stream(prefix: str, settings: IngestSettings) -> StreamConfig:
    """A queue on disk that refuses what is too much, and of one customer before it is too much for all."""
    return StreamConfig(
        name=ingest_stream_name(prefix),
        subjects=[ingest_subject(prefix, "*")],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        discard_new_per_subject=True,
        max_msgs_per_subject=settings.per_customer,
        max_bytes=settings.max_bytes,
        max_age=0,
        num_replicas=settings.replicas,
        duplicate_window=settings.duplicate_window.total_seconds(),
        subject_transform=SubjectTransform(
            src=ingest_subject(prefix, "*"),
            dest=kept_subject(prefix, f"{{{{partition({GROUPS},1)}}}}", "{{wildcard(1)}}"),
        ),
    )


def rejected_stream(prefix: str, settings: IngestSettings) -> StreamConfig:
    """A log on disk that never refuses anything: the oldest rejections go."""
    return StreamConfig(
        name=rejected_stream_name(prefix),
        subjects=[rejected_subject(prefix)],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=settings.rejected.max_bytes,
        max_age=settings.rejected.max_age.total_seconds(),
        num_replicas=settings.replicas,
        duplicate_window=min(settings.duplicate_window, settings.rejected.max_age).total_seconds(),
    )


def origin_of(stream: StreamInfo) -> str:
    """What tells a stream from another of its name: when it was made. A stream that is restored keeps it."""
    if stream.created is None:
        raise ConnectionError(f"NATS does not say when it has made the stream {stream.config.name}")
    return f"{round(stream.created.timestamp() * 1_000_000):x}"


async def ensure_streams(jetstream: JetStreamContext, prefix: str, settings: IngestSettings) -> StreamInfo:
    """Make both streams what they should be; gives the stream of what comes in.

    Raises SettingsError for a stream of that name that is of another kind, and what nats-py raises for all else.
    """
    info = await ensure_stream(jetstream, ingest_stream(prefix, settings))
    await ensure_stream(jetstream, rejected_stream(prefix, settings))
    return info


async def ensure_stream(jetstream: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
    """Make a stream, or bring the one that is there to the limits that are wanted."""
    try:
        found = await jetstream.stream_info(wanted.name or "")
    except NotFoundError:
        log.info("making a stream", stream=wanted.name)
        return await jetstream.add_stream(wanted)
    if fixed := fixed_differences(found.config, wanted):
        raise SettingsError(
            f"the stream {wanted.name} of NATS exists already and is none of this version's: {', '.join(fixed)};"
            " delete it, or choose another control.prefix"
        )
    if changed := differences(found.config, wanted):
        log.info("changing a stream", stream=wanted.name, changes=changed)
        limits = {name: getattr(wanted, name) for name in _LIMITS}
        return await jetstream.update_stream(found.config.evolve(**limits))
    return found


def fixed_differences(found: StreamConfig, wanted: StreamConfig) -> list[str]:
    """What makes a stream one of another kind, in words: NATS can't change it."""
    return _differences(found, wanted, _FIXED)


def differences(found: StreamConfig, wanted: StreamConfig) -> list[str]:
    """What is not as it is wanted and can be changed, in words."""
    return _differences(found, wanted, _LIMITS)


def _differences(found: StreamConfig, wanted: StreamConfig, names: Sequence[str]) -> list[str]:
    """What differs, in words."""
    pairs = [(name, getattr(found, name) or 0, getattr(wanted, name) or 0) for name in names]
    return [f"{name} is {_shown(is_)}, expected {_shown(should)}" for name, is_, should in pairs if is_ != should]


def _shown(value: object) -> str:
    return str(getattr(value, "value", value))
