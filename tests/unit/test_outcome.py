"""What an answer's status means."""

import pytest

from sendoff_domain.outcome import ErrorClass, is_success, status_failure_class


def test_only_2xx_is_a_success() -> None:
    assert [status for status in range(100, 600) if is_success(status)] == list(range(200, 300))


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 399])
def test_a_redirect_is_a_failure_of_its_own_class(status: int) -> None:
    assert status_failure_class(status) is ErrorClass.REDIRECT


@pytest.mark.parametrize("status", [100, 199, 400, 404, 410, 429, 500, 503, 599])
def test_any_other_answer_fails_by_its_status(status: int) -> None:
    assert status_failure_class(status) is ErrorClass.STATUS
