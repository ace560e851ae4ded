"""Names as Capillary spells them: casing varies between pages, and line wraps left blanks inside keys."""

from __future__ import annotations

import re

_NOTHING = frozenset({"", "null", "undefined", "(null)"})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\- ]{0,59}")


def fold(name: str) -> str:
    """The form in which two spellings of one name are equal: `points Redeemed`, `PointsRedeemed`."""
    return "".join(name.split()).casefold()


def pick(content: dict[str, object], name: str) -> object:
    """The value under a name, in this spelling if it is there, else in the first other one; None without."""
    if name in content:
        return content[name]
    wanted, least = fold(name), len(name)  # the length first: folding every key of every document costs
    return next((value for key, value in content.items() if len(key) >= least and fold(key) == wanted), None)


def says_nothing(value: object) -> bool:
    """Whether a value is a text that stands for none: of two that name the event the other counts."""
    return isinstance(value, str) and fold(value) in _NOTHING


def shown(name: str) -> str:
    """A name from a document, fit for a log: a key may hold anything, even a customer's number or address."""
    return name if _PLAIN.fullmatch(name) else f"(a name of {len(name)} characters)"
