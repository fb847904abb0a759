"""The one error of the client."""

from sendoff_domain.outcome import ErrorClass


class TransportError(Exception):
    """The request got no answer; `error_class` says where it failed."""

    def __init__(self, error_class: ErrorClass, detail: str) -> None:
        super().__init__(detail)
        self.error_class = error_class
        self.detail = detail
