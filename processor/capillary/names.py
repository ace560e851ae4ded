"""Names as Capillary spells them: casing and joints vary between pages, and line wraps left blanks inside keys."""

from __future__ import annotations

import re
from functools import lru_cache

from processor.capillary.nothing import says_nothing

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\- ]{0,59}")


def fold(name: str) -> str:
    """The form in which two spellings of one name are equal: `points Redeemed`, `PointsRedeemed`, `points_redeemed`."""
    return _remembered(name) if len(name) <= _LONGEST else _folded(name)


def _folded(name: str) -> str:
    return "".join(name.replace("_", " ").replace("-", " ").split()).casefold()


_LONGEST = 64
_remembered = lru_cache(maxsize=4096)(_folded)  # the same names come in every document


def pick(content: dict[str, object], name: str) -> object:
    """The value under a name, in this spelling if that says something, else in the first other that does.

    Where none does it is what stands there all the same; None without.
    """
    exact = content.get(name)
    if not says_nothing(exact):
        return exact
    others = [content[key] for key in named(content, name)]
    said = (value for value in others if not says_nothing(value))
    return next(said, exact if exact is not None else next(iter(others), None))


def named(content: dict[str, object], name: str) -> list[str]:
    """All spellings of a name that an object has, sorted: the order of keys means nothing."""
    wanted = fold(name)
    least = len(wanted)  # the length first: it costs less than folding
    return sorted(key for key in content if len(key) >= least and fold(key) == wanted)


def shown(name: str) -> str:
    """A name from a document, fit for a log: a key may hold anything, even a customer's number or address."""
    return name if _PLAIN.fullmatch(name) else f"(a name of {len(name)} characters)"
