"""Retry-After, in both forms and in none."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.aep import retry_after

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 12 ", 12.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 5_000, 300.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("+5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Wed, 99 Foo 2026 25:61:61 GMT", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_seconds(value: str | None, expected: float | None) -> None:
    """Whole seconds are taken and clamped; what is no number and no date says nothing."""
    assert retry_after.seconds(value, None, NOW) == expected


@pytest.mark.parametrize(("ahead", "expected"), [(30, 30.0), (0, 0.0), (-30, 0.0), (4_000, 300.0)])
@pytest.mark.parametrize("skew", [0, 3_600, -3_600])
def test_a_date_is_reckoned_by_the_servers_clock(ahead: int, expected: float, skew: int) -> None:
    """An hour between the clocks changes nothing, because the reply says when it was made."""
    date = formatdate(NOW + skew, usegmt=True)
    assert retry_after.seconds(formatdate(NOW + skew + ahead, usegmt=True), date, NOW) == expected


def test_without_a_date_of_the_reply_our_clock_counts() -> None:
    assert retry_after.seconds(formatdate(NOW + 20, usegmt=True), None, NOW) == 20.0
    assert retry_after.seconds(formatdate(NOW + 20, usegmt=True), "rubbish", NOW) == 20.0


@given(st.text(), st.none() | st.text())
def test_any_text_is_none_or_within_the_clamp(value: str, date: str | None) -> None:
    """Nothing that a server can write makes us raise, or wait longer than five minutes."""
    wait = retry_after.seconds(value, date, NOW)
    assert wait is None or 0 <= wait <= retry_after.LONGEST
