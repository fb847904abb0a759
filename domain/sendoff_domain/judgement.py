"""Whether an answer of a webhook means that its message was delivered."""

from sendoff_domain.outcome import ErrorClass, is_success, status_failure_class
from sendoff_domain.response_rule.rule import ResponseRule


def refusal(rule: ResponseRule, status_code: int, body: bytes, *, is_cut: bool) -> tuple[ErrorClass, str] | None:
    """Why an answer does not count as delivered by the customer's rule, or None if it does; never raises."""
    if status_code in rule.accepted_codes:
        violation = rule.body_violation(body, is_cut=is_cut) if rule.reads_body else None
        return None if violation is None else (ErrorClass.RESPONSE_RULE, violation)
    if is_success(status_code):
        return ErrorClass.RESPONSE_RULE, rule.status_violation(status_code)
    return status_failure_class(status_code), f"the webhook answered {status_code}"
