"""JSON values -> Avro primitives. Capillary sends numbers as text, ids as doubles, text as numbers.

Every function takes a JSON value other than null and returns a value that fits its Avro type exactly, or None where
the value is a blank that stands for nothing, or raises `Unfit`. None of them guesses: a value that may have lost
digits on its way (a double beyond 2**53) or is no number at all is refused.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_EXACT = 2**53
_INT = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)
_DIGITS = 40  # no number is longer; Python refuses to print integers of some thousand digits


class Unfit(Exception):  # noqa: N818 - an answer, not an error: the value is dropped and named
    """The value cannot become its type. The reason never holds the value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def text(value: object) -> str:
    """A string as it is; numbers and booleans as JSON prints them, an integral double without its `.0`."""
    if isinstance(value, str):
        return value if value.isascii() else _unicode(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(_integral(value)) if value.is_integer() else _finite_text(value)
    if isinstance(value, int) and abs(value) < 10**_DIGITS:
        return str(value)
    raise Unfit(f"{_kind(value)} where text is expected")


def long(value: object) -> int | None:
    """A 64-bit integer, also from an integral double or its text."""
    return _integer(value, _LONG)


def int32(value: object) -> int | None:
    """A 32-bit integer, also from an integral double or its text."""
    return _integer(value, _INT)


def double(value: object) -> float | None:
    """A finite double, also from an integer or the text of a number."""
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, str):
        return _finite(float(_number(value))) if value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"{_kind(value)} where a number is expected")
    try:
        return _finite(float(value))
    except OverflowError:
        raise Unfit("a number beyond the range of a double") from None


def boolean(value: object) -> bool | None:
    """A boolean, also from the words true and false in any casing."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in {"true", "false"}:
            return word == "true"
        if not word:
            return None
    raise Unfit(f"{_kind(value)} where true or false is expected")


def _integer(value: object, bounds: range) -> int | None:
    if type(value) is int and value in bounds:  # nearly always
        return value
    if isinstance(value, str):
        if not value.strip():
            return None
        value = _whole(_number(value))
    elif isinstance(value, float):
        value = _integral(value)
    elif isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"{_kind(value)} where a whole number is expected")
    if value not in bounds:
        raise Unfit("a whole number out of range")
    return value


def _number(value: str) -> str:
    value = value.strip()
    if _NUMBER.fullmatch(value):
        return value
    raise Unfit("text that is no number")


def _whole(number: str) -> int:
    exact = Decimal(number)
    whole = int(exact)  # of a thousand digits at most: see _NUMBER
    if whole != exact:
        raise Unfit("a fraction where a whole number is expected")
    return whole


def _integral(value: float) -> int:
    if not value.is_integer():  # also what is not finite
        raise Unfit("a fraction where a whole number is expected" if math.isfinite(value) else "not a finite number")
    if abs(value) > _EXACT:
        raise Unfit("a double beyond 2**53, which may have lost digits")
    return int(value)


def _finite(value: float) -> float:
    if math.isfinite(value):
        return value
    raise Unfit("not a finite number")


def _finite_text(value: float) -> str:
    return repr(_finite(value))


def _unicode(value: str) -> str:
    """JSON can spell half of a surrogate pair; UTF-8, and so Avro, cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unfit("text that is not valid Unicode") from None
    return value


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
    return "an object"
