"""Reads what /metrics says."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


def total(text: str, name: str, **labels: str) -> float:
    """The sum of all samples of that name which have those labels; 0 if there is none."""
    return sum(found for found, _ in samples(text, name, **labels))


def samples(text: str, name: str, **labels: str) -> list[tuple[float, Mapping[str, str]]]:
    """The samples of that name which have those labels: their values and all of their labels."""
    return [
        (sample.value, sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def names(text: str) -> set[str]:
    """The metrics that there are, as their HELP lines call them."""
    return {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")}
