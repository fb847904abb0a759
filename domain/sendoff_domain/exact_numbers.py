"""Numbers of a message's content: a fraction that a double cannot hold keeps the digits that were sent."""

import math
from decimal import Decimal, InvalidOperation

from msgspec import Raw

#: A sign, a point and this many digits at most always come back from a double as they were.
_ALWAYS_KEPT = 16


class ExactFloat(float):
    """The double nearest to a number, with the text that says all of it."""

    __slots__ = ("text",)
    text: str

    def __repr__(self) -> str:
        """The digits that were sent; json writes them, too."""
        return self.text


def read_number(text: str) -> float:
    """The number of a JSON text with a point or an exponent, an ExactFloat if a double would change its value.

    Raises ValueError for what is too large for a double: hardly any receiver could read it.
    """
    number = float(text)
    if len(text) <= _ALWAYS_KEPT and "e" not in text and "E" not in text:
        return number
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number if _is_kept(number, text) else _exact(number, text)


def _is_kept(number: float, text: str) -> bool:
    try:
        return Decimal(text) == Decimal(repr(number))
    except InvalidOperation:  # an exponent that not even Decimal holds: the double is zero
        return False


def _exact(number: float, text: str) -> ExactFloat:
    exact = ExactFloat(number)
    exact.text = text
    return exact


def write_number(value: object) -> Raw:
    """What msgspec is to write for an ExactFloat; raises TypeError for any other value."""
    if isinstance(value, ExactFloat):
        return Raw(value.text.encode())
    raise TypeError(f"{type(value).__name__} is no JSON")
