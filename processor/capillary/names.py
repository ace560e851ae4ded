"""Names as Capillary spells them: casing and joints vary between pages, and line wraps left blanks inside keys."""

from __future__ import annotations

import re

from processor.capillary.nothing import says_nothing

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\- ]{0,59}")


def fold(name: str) -> str:
    """The form in which two spellings of one name are equal: `points Redeemed`, `PointsRedeemed`, `points_redeemed`."""
    return "".join(name.replace("_", " ").replace("-", " ").split()).casefold()


def pick(content: dict[str, object], name: str) -> object:
    """The value under a name, in this spelling if that says something, else in the first other that does.

    Where none does it is what stands there all the same; None without.
    """
    exact = content.get(name)
    if not says_nothing(exact):
        return exact
    others = named(content, name)
    said = (value for value in others if not says_nothing(value))
    return next(said, exact if exact is not None else next(iter(others), None))


def named(content: dict[str, object], name: str) -> list[object]:
    """All values under a name, however it is spelled."""
    wanted = fold(name)
    least = len(wanted)  # the length first: folding every key of every document costs
    return [value for key, value in content.items() if len(key) >= least and fold(key) == wanted]


def shown(name: str) -> str:
    """A name from a document, fit for a log: a key may hold anything, even a customer's number or address."""
    return name if _PLAIN.fullmatch(name) else f"(a name of {len(name)} characters)"
