"""Values on their way from Avro to XDM: what functions take and give, and the small conversions that the code calls.

Four things are kept apart: absent (None), untrusted (`Noted(None, reasons)`, dropped and counted), said to be none
(`GONE`), and a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import product
from math import isfinite
from typing import Generic, NamedTuple, NewType, TypeVar

import orjson

T = TypeVar("T")

EpochMs = NewType("EpochMs", int)
"""Milliseconds since 1970, UTC; becomes a date-time."""

Day = NewType("Day", str)
"""YYYY-MM-DD; becomes a date."""

Rows = Sequence[tuple[object, ...]]
"""An array of records as one tuple per item, with the columns that the mapping names."""

IdentityMap = dict[str, list[dict[str, object]]]
"""XDM's identityMap: identities by the code of their namespace."""


class Noted(NamedTuple, Generic[T]):
    """A value (None: dropped as untrusted) with reasons to count. A reason never holds a value out of the event.

    No value and no reason: left out on purpose, and nothing to count.
    """

    value: T | None
    reasons: tuple[str, ...]


class Gone:
    """What a function gives where the event means that there is no value (any more), see `GONE`."""


GONE = Gone()
"""A Profile output goes out without the field, so that the value of another time goes; an event just lacks it."""


class Unmappable(Exception):  # noqa: N818 - the name of the outcome, as in Reason.UNMAPPABLE
    """A field that the record cannot do without is missing or cannot be used."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"{target}: {reason}")
        self.target = target
        self.reason = reason


class FunctionFault(Exception):  # noqa: N818 - it is a fault, and not of this program
    """A brand's own function raised, or gave what its signature excludes; says which one, and no value."""


_NULLS = (
    "".join(letters)
    for word in ("null", "(null)")
    for letters in product(*({letter, letter.upper()} for letter in word))
)
PLACEHOLDERS = frozenset({*_NULLS, "undefined"} - {"Null"})
"""Texts that stand for nothing: null in every casing but that of a name, because a person may be called Null.

And undefined as JavaScript writes it: UNDEFINED is a type that Capillary has for series of coupons.
"""

SECONDS_BELOW = 100_000_000_000
"""A time below is in seconds, as in two documented samples: as milliseconds it would lie before March 1973."""

_LAST_MS = 253_402_300_799_999  # the end of the year 9999
_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR = 1900


def milliseconds(time: int) -> int:
    """A time that may have come in seconds, in milliseconds."""
    return time * 1000 if -SECONDS_BELOW < time < SECONDS_BELOW else time


# Every message has a time or two: texts out of tables cost half of what formatting numbers costs.
_MINUTES = tuple(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))
_SECONDS = tuple(f"{second:02}." for second in range(60))
_MILLIS = tuple(f"{millis:03}Z" for millis in range(1000))


@lru_cache(maxsize=4096)  # a few thousand days are all that a run sees
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days)).date().isoformat()


def rfc3339(time: int) -> str | None:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ` of a time since 1970 in milliseconds or seconds; None outside of 1970 to 9999."""
    if time < SECONDS_BELOW:
        time *= 1000
    return _exactly(time)


def _exactly(millis: int) -> str | None:
    if not 0 <= millis <= _LAST_MS:
        return None
    days, rest = divmod(millis, _DAY_MS)
    minute, rest = divmod(rest, 60_000)
    second, rest = divmod(rest, 1000)
    return f"{_day(days)}{_MINUTES[minute]}{_SECONDS[second]}{_MILLIS[rest]}"


def day_of(time: int) -> str | None:
    """`YYYY-MM-DD` in UTC of a time in milliseconds or seconds; None outside of 1970 to 9999."""
    text = rfc3339(time)
    return text and text[:10]


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ISO_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ]\d\d:\d\d.*)?", re.ASCII)
_JAVA_ZONE = r"(?:[A-Z]{1,5}|[+-]\d\d:?\d\d)"
_JAVA = re.compile(rf"[A-Z][a-z]{{2}} ([A-Z][a-z]{{2}}) (\d\d) \d\d:\d\d:\d\d {_JAVA_ZONE} (\d{{4}})", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST = 100
"""Characters of a time or a date, with all that Java writes behind it; the caches would keep what is longer."""


def parse_time(text: str) -> str | None:
    """RFC 3339 in UTC of a date-time with an offset, or of the midnight (UTC) of a date; None for all else.

    A time without a zone is no time: nothing says whose clock it was. One before 1970 or after 9999 is none either.
    """
    return _time(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)  # the same dates come again and again
def _time(text: str) -> str | None:
    stamp = text if ":" in text else f"{text}T00:00:00Z"
    if _RFC3339.fullmatch(stamp) is None:
        return None
    try:
        since = datetime.fromisoformat(stamp.upper()) - _EPOCH
    except ValueError:
        return None
    return _exactly(since // timedelta(milliseconds=1))


def parse_date(text: str) -> str | None:
    """`YYYY-MM-DD` of an ISO date (also without hyphens, also before a time) or of Java's `Date.toString()`.

    None for all else: an order of day and month that has to be guessed, a day that does not exist, a year before 1900.
    """
    return _day_in(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _day_in(text: str) -> str | None:
    if found := _ISO_DATE.fullmatch(text):
        return _date(*map(int, found.groups()))
    if (found := _JAVA.fullmatch(text)) and found.group(1) in _MONTHS:
        return _date(int(found.group(3)), _MONTHS.index(found.group(1)) + 1, int(found.group(2)))
    return None


def _date(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat() if year >= _FIRST_YEAR else None
    except ValueError:
        return None


_NUMBER = re.compile(r"[+-]?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,18}(?:\.0{1,18})?", re.ASCII)
BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


def parse_number(text: str) -> float | None:
    """The double that a decimal text stands for; None for all else (`1,234.50`, `N/A`, what overflows)."""
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if isfinite(value) else None


def parse_integer(text: str) -> int | None:
    """The whole number that a text stands for (`7`, `7.000`); None for all else."""
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else None


def rounded(value: float) -> int:
    """The nearest whole number, halves away from zero as people round."""
    whole = int(value)
    return whole + int(2 * (value - whole))  # value + 0.5 is not exact: above 2^52 it may be the next whole number


_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{6,254}}\Z)(?=.{{1,64}}@){_LOCAL}(?:\.{_LOCAL})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}", re.ASCII)
_SEGMENT = r"(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})"
_TAIL = rf"(?:/(?:{_SEGMENT}|[:/])*)?(?:\?(?:{_SEGMENT}|[:/?])*)?(?:#(?:{_SEGMENT}|[:/?])*)?"
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://{_LABEL}(?:\.{_LABEL})*(?::\d{{1,5}})?{_TAIL}", re.ASCII)
_URI_REFERENCE = re.compile(rf"{_URI.pattern}|{_SEGMENT}+{_TAIL}", re.ASCII)

FORMATS: Mapping[str, re.Pattern[str]] = {"email": _EMAIL, "uri": _URI, "uri-reference": _URI_REFERENCE}
"""Narrower than the RFCs: whatever matches is valid to every validator."""


def item_key(*parts: str | int | None) -> str:
    """What tells an item of a fan-out apart, as one text: `7`, of several parts a list, `[7,164875001]`."""
    return orjson.dumps(parts).decode() if len(parts) > 1 else str(parts[0])


def was_dropped(paths: tuple[str, ...], dropped: Sequence[str] | None) -> bool:
    """Whether one of the paths, something above or something below it was dropped when the JSON was read.

    Then null does not mean that the event left the value out (the field `dropped` of the canonical record).
    """
    return unreadable(paths, dropped) is not None


def unreadable(paths: tuple[str, ...], dropped: Sequence[str] | None) -> str | None:
    """The first of the paths that was lost: it, something above it (then that is named), or something below it."""
    return next((min(path, lost) for path in paths for lost in dropped or () if _overlap(path, lost)), None)


def undecided(lost: str) -> str:
    """The rule, or the reason, by which an output is not decided: a `when` reads what was lost at this path."""
    return f"cannot tell: {lost} is unreadable"


def _overlap(one: str, other: str) -> bool:
    short, long = sorted((one, other))  # what another text begins with comes before it
    return long == short or (long.startswith(short) and long[len(short)] in ".[{")
