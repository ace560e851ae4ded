"""What stands for nothing where Capillary has no value: tills, exports and other people's code type it in."""

from __future__ import annotations

NO_VALUE = frozenset({"", "-", "-1", "0", "na", "n/a", "nil", "none", "null", "undefined", "unknown", "(null)", "test"})
"""Texts, trimmed and case-folded, that are no id of an event or a bill. Who is nobody is another matter."""

_NULLS = frozenset({"", "null", "(null)", "undefined"})


def is_empty(value: object) -> bool:
    """Whether a JSON value is absent, blank, null in words or an empty list or object; 0 is a value.

    Without looking inside: nobody knows how deep it is.
    """
    if isinstance(value, str):
        return value.strip().casefold() in _NULLS
    return value is None or value in ([], {})


def says_nothing(value: object) -> bool:
    """Whether a JSON value is absent, blank or empty, or an id that is none: a placeholder, or nothing but zeros.

    A boolean always says something.
    """
    if isinstance(value, str):
        plain = value.strip().casefold()
        return plain in NO_VALUE or not plain.strip("0-")
    return value in (None, 0, -1, {}, []) and value is not False


def is_vain(value: object) -> bool:
    """Whether a JSON value vouches for nothing: it is empty, or a text that people put where there is none."""
    return is_empty(value) or (isinstance(value, str) and says_nothing(value))
