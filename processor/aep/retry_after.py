"""The header Retry-After, in both forms that HTTP knows (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST = 300.0
"""Seconds; a server that asks for more is asked again after these."""

_DIGITS = 9
"""A longer number is beyond the longest wait anyway, and need not be read."""


def seconds(value: str | None, date: str | None, now: float) -> float | None:
    """How long to wait, 0 to 300 seconds; None where the header says nothing that can be used.

    Args:
        value: the header's value: a whole number of seconds, or a date.
        date: the reply's own Date, against which a date is reckoned: the server's clock may not be ours.
        now: seconds since 1970 by our clock, for a reply without a Date.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return LONGEST if len(text) > _DIGITS else min(float(text), LONGEST)
    until = _http_date(text)
    if until is None:
        return None
    sent = _http_date(date or "")
    return min(max(until - (now if sent is None else sent), 0.0), LONGEST)


def _http_date(text: str) -> float | None:
    try:
        time = parsedate_to_datetime(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
