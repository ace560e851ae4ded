"""An event that is larger than Profile takes loses what it can do without, so that the rest of it arrives.

Profile drops an event above 10 kB silently, after a 2xx. One runaway field, or a bill of a hundred items, would cost
the purchase itself; so the largest of the tenant's own fields goes, then the next, and where these are not enough a
list. A list goes as a whole: a sum over half of its items would be wrong without a sign of it. Each loss is a note.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import orjson

from processor.mapping.bound import Output
from processor.mapping.xdm import Array, Object, find

MAX_EVENT = 10_000
"""Bytes of an event's entity (Profile guardrails; 1 kB = 1,000 bytes)."""

Json = dict[str, object]
Target = tuple[str, ...]


class Spare(NamedTuple):
    """What an output can do without: the tenant's own fields, and lists among the others."""

    own: tuple[Target, ...]
    lists: tuple[Target, ...]


def spare(output: Output) -> Spare:
    """All targets but those that the mapping or XDM requires."""
    own: list[Target] = []
    lists: list[Target] = []
    for field in output.fields:
        target = tuple(field.target.split("."))
        above = find(output.schema.root, ".".join(target[:-1])) if len(target) > 1 else output.schema.root
        if field.required or (isinstance(above, Object) and target[-1] in above.required):
            continue
        if len(target) > 1 and target[0].startswith("_"):
            own.append(target)
        elif isinstance(field.node, Array):
            lists.append(target)
    return Spare(tuple(own), tuple(lists))


def fit(entity: Json, can_go: Spare, notes: list[str]) -> bytes:
    """The entity as JSON, of at most `MAX_EVENT` bytes if leaving out what can go is enough.

    What is left out is taken out of `entity` too, and noted.
    """
    encoded = orjson.dumps(entity)
    while (excess := len(encoded) - MAX_EVENT) > 0:
        target = _next(entity, can_go, excess)
        if target is None:
            return encoded
        _remove(entity, target)
        notes.append(f"{'.'.join(target)}:event too large")
        encoded = orjson.dumps(entity)
    return encoded


def _next(entity: Json, can_go: Spare, excess: int) -> Target | None:
    own, lists = _sizes(entity, can_go.own), _sizes(entity, can_go.lists)
    heavy = own if sum(own.values()) >= excess else lists
    return max(heavy, key=lambda target: heavy[target], default=None)


def _sizes(entity: Json, targets: tuple[Target, ...]) -> dict[Target, int]:
    """Bytes of those targets that are there, with their names."""
    found: dict[Target, int] = {}
    for target in targets:
        value: object = entity
        for name in target:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            found[target] = len(orjson.dumps({target[-1]: value})) - 1  # a comma goes with it, and no two braces
    return found


def _remove(node: Json, target: Target) -> None:
    """Takes a value out, and the objects around it that are empty then."""
    name, *below = target
    if below:
        inner = cast("Json", node[name])
        _remove(inner, tuple(below))
        if inner:
            return
    del node[name]
