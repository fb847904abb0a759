"""Accepted messages by customer, of whom a bounded number is told apart."""

from datetime import UTC, datetime

from sendoff_config.metrics.customer_labels import OTHERS, CustomerLabels
from sendoff_domain.errors import UnavailableError
from sendoff_intake.accepted_messages import AcceptedMessages
from sendoff_intake.submission import Reason, Rejected, Result, Stored, Submission
from sendoff_intake.submission_reader import SubmissionReader

NOW = datetime.now(UTC)
NEW, REPLAYED = Stored("0" * 32, NOW), Stored("0" * 32, NOW, replayed=True)


def submissions(*customers: str) -> list[Submission]:
    read = [
        SubmissionReader(lambda: 0.0).read(b'{"to": "bob", "content": 1, "customer": "%b"}' % one.encode(), None)
        for one in customers
    ]
    return [one for one in read if isinstance(one, Submission)]


def by_label(accepted: AcceptedMessages) -> dict[str, float]:
    [family] = accepted.collect()
    return {sample.labels["customer"]: sample.value for sample in family.samples}


def test_only_what_was_stored_anew_is_counted() -> None:
    accepted = AcceptedMessages(CustomerLabels(10))
    results: list[Result | Exception] = [NEW, REPLAYED, Rejected(Reason.BACKLOG_FULL, ""), UnavailableError("?"), NEW]
    accepted.count(submissions("acme", "acme", "acme", "acme", "bolt"), results)
    assert by_label(accepted) == {"acme": 1, "bolt": 1}
    assert by_label(accepted) == {"acme": 1, "bolt": 1}, "reading changes nothing"
    assert accepted.total == 2


def test_more_customers_than_may_be_told_apart_are_counted_together() -> None:
    accepted = AcceptedMessages(CustomerLabels(2))
    for first in range(0, 3000, 500):
        customers = submissions(*(f"c{number}" for number in range(first, first + 500)))
        accepted.count(customers, [NEW] * len(customers))
        accepted.count(customers[:1], [NEW])
    assert by_label(accepted) == {"c0": 2, "c1": 1, OTHERS: 3003}
    assert accepted.total == 3006
