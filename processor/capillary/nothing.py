"""What stands for nothing where Capillary has no value: tills, exports and other people's code type it in."""

from __future__ import annotations

NO_VALUE = frozenset({"", "-", "-1", "0", "na", "n/a", "nil", "none", "null", "undefined", "unknown", "(null)", "test"})
"""Texts, trimmed and case-folded, that are no id of an event or a bill. Who is nobody is another matter."""


def says_nothing(value: object) -> bool:
    """Whether a JSON value is absent, blank or empty, or an id that is none: a placeholder, or nothing but zeros.

    A boolean always says something.
    """
    if isinstance(value, str):
        plain = value.strip().casefold()
        return plain in NO_VALUE or not plain.strip("0-")
    return value in (None, 0, -1, {}, []) and value is not False


def is_vain(value: object) -> bool:
    """Whether a JSON value vouches for nothing: absent or empty, or a text that says nothing; any number is a value."""
    return says_nothing(value) if isinstance(value, str) else value is None or value in ([], {})
