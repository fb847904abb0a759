"""Numbers for Prometheus in plain integers, and how many series they may become."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from sendoff_config.metrics.bucket_counts import BucketCounts
from sendoff_config.metrics.customer_labels import OTHERS, CustomerLabels
from sendoff_config.metrics.families import Gathered, decode_families, encode_families, read_families
from support.metrics import samples, total

BOUNDS = (0.1, 1.0, 10.0)


@given(st.lists(st.floats(-5, 100)))
def test_a_value_is_counted_as_prometheus_itself_counts_it(values: list[float]) -> None:
    registry = CollectorRegistry()
    theirs, ours = Histogram("h", "help", buckets=BOUNDS, registry=registry), BucketCounts(BOUNDS)
    for value in values:
        theirs.observe(value)
        ours.add(value)
    expected = {
        sample.labels["le"]: sample.value for sample in next(iter(registry.collect())).samples if "le" in sample.labels
    }
    found = {sample.labels["le"]: sample.value for sample in ours.family("h", "help").samples if "le" in sample.labels}
    assert found == expected
    assert math.isclose(ours.total, sum(values), abs_tol=1e-9)


def test_a_bound_belongs_to_its_own_bucket() -> None:
    counts = BucketCounts(BOUNDS)
    counts.add(1.0)
    assert counts.counts == [0, 1, 0, 0]


def test_more_customers_than_there_are_labels_are_counted_together() -> None:
    labels = CustomerLabels(2)
    assert [labels.label(one) for one in ("a", "b", "c", "a", "d")] == ["a", "b", OTHERS, "a", OTHERS]


def test_without_labels_all_customers_are_counted_together() -> None:
    assert CustomerLabels(0).label("a") == OTHERS


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("things", "Things", ("kind",), registry=registry).labels("odd").inc(3)
    return registry


def test_numbers_travel_and_keep_the_process_that_counted_them(registry: CollectorRegistry) -> None:
    families = decode_families(encode_families(read_families(registry)))
    gathered = Gathered({"worker-0": families, "worker-1": families})
    text = generate_latest(gathered).decode()
    assert text.count("# TYPE things_total counter") == 1
    assert samples(text, "things_total") == [
        (3.0, {"kind": "odd", "process": "worker-0"}),
        (3.0, {"kind": "odd", "process": "worker-1"}),
    ]
    assert gathered.total("things_total") == total(text, "things_total") == 6


def test_numbers_without_a_bound_travel_too(registry: CollectorRegistry) -> None:
    Histogram("h", "help", buckets=(1,), registry=registry).observe(2)
    Counter("endless", "Endless", registry=registry).inc(math.inf)
    text = generate_latest(Gathered({"one": decode_families(encode_families(read_families(registry)))})).decode()
    assert samples(text, "h_bucket", le="+Inf") == [(1.0, {"le": "+Inf", "process": "one"})]
    assert total(text, "endless_total") == math.inf


def test_when_a_series_began_is_no_series(registry: CollectorRegistry) -> None:
    assert b"_created" not in generate_latest(Gathered({"one": read_families(registry)}))
