"""Customers as the label of a metric: a bounded number of them, so that Prometheus keeps a bounded number of series."""

OTHERS = "other"


class CustomerLabels:
    """The first `most` customers that a process meets have labels of their own, until it ends; the rest is `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, customer_id: str) -> str:
        """The label under which a customer is counted."""
        if customer_id in self._known:
            return customer_id
        if len(self._known) < self._most:
            self._known.add(customer_id)
            return customer_id
        return OTHERS
