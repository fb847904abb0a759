"""Metric families as values that can travel: what a process counts, written by it and read by whoever serves it.

A number keeps the process that counted it as a label: one that is started again counts from zero, which Prometheus can
tell from its series only if nobody has added it to others.
"""

from collections.abc import Iterable, Mapping

import msgspec
from prometheus_client import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

#: The label of the process; `worker-0` and the like.
PROCESS_LABEL = "process"


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric of one process: each sample is a name, its labels and its value."""

    name: str
    meaning: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


#: Of each process its families.
Families = Mapping[str, list[Family]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Family]).decode


def read_families(collector: Collector) -> list[Family]:
    """What a collector, or a registry, has at this moment; without the times at which its series began."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [(one.name, one.labels, one.value) for one in metric.samples if not one.name.endswith("_created")],
        )
        for metric in collector.collect()
    ]


def encode_families(families: list[Family]) -> bytes:
    """The bytes that `decode_families` reads."""
    return _encode(families)


def decode_families(data: bytes) -> list[Family]:
    """Read them again; raises msgspec.MsgspecError for anything else."""
    return _decode(data)


class Gathered(Collector):
    """The families of several processes as one collector: each metric once, with the samples of all processes."""

    def __init__(self, families: Families) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; `generate_latest` calls it."""
        metrics: dict[str, Metric] = {}
        for process, families in self._families.items():
            for family in families:
                metric = metrics.setdefault(family.name, Metric(family.name, family.meaning, family.kind))
                metric.samples += [
                    Sample(name, {**labels, PROCESS_LABEL: process}, value) for name, labels, value in family.samples
                ]
        return metrics.values()

    def total(self, name: str) -> float:
        """The sum of all samples of that name."""
        every = (sample for families in self._families.values() for family in families for sample in family.samples)
        return sum(value for sample, _, value in every if sample == name)
