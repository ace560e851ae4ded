"""The same mapping, done slowly and plainly: for `try --explain`, and as the oracle of the compiled code.

It reads the mapping field by field, walks whole records as fastavro gives them, and knows nothing of steps, wants or
generated source. Only what a value means (`functions`, the parsing in `values`) is shared with the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import NamedTuple, cast

from processor.mapping import values
from processor.mapping.bound import (
    Argument,
    BoundMapping,
    Constant,
    Context,
    Field,
    Invoke,
    Literal,
    Lookup,
    Output,
    Part,
    Parts,
    Pick,
    Ref,
    RowsRef,
    Unread,
    whole_path,
)
from processor.mapping.coercion import conforms
from processor.mapping.fitting import fit, spare
from processor.mapping.values import GONE, Noted, Unmappable
from processor.mapping.xdm import LONGEST, Array, Boolean, Date, DateTime, Integer, Map, Node, Number, Object, Text
from processor.model import Skip

Json = dict[str, object]


class Event(NamedTuple):
    """What an interpretation starts from: the whole record, the paths its writer knows, and two times in ms."""

    record: Mapping[str, object]
    known: frozenset[str]
    now: int
    received: int


@dataclass(frozen=True, slots=True)
class Interpreted:
    """What one output comes to: entities (several in a fan-out), or a skip, or neither where `when` says no.

    `left_out` are the items of a fan-out that are not among the entities.
    """

    output: Output
    entities: tuple[Json, ...] = ()
    skip: Skip | None = None
    left_out: tuple[Skip, ...] = ()


def interpret(mapping: BoundMapping, event: Event) -> tuple[tuple[Interpreted, ...], tuple[str, ...]]:
    """Every output of a mapping for one record, and the notes.

    Raises:
        Unmappable: the record cannot do without something that is not there.
    """
    notes: list[str] = []
    return tuple(_output(output, event, notes) for output in mapping.outputs), tuple(notes)


class _Dropped(Exception):  # noqa: N818 - what happened to a value
    """A value that is not used, with the reason that is counted (None: it was blank)."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


class _Withheld(Exception):  # noqa: N818 - what happened to the output
    """A Profile output that cannot be whole."""


class _LeftOut(Exception):  # noqa: N818 - what happened to the element
    """An element of a list that lacks what it needs."""


_NO_ITEM = object()


@dataclass(slots=True)
class _Work:
    """One output at work: where paths start, and what happens when something is missing."""

    output: Output
    event: Event
    notes: list[str]
    item: object = _NO_ITEM
    key: str | None = None
    label: str = ""
    within: str = ""
    element: bool = False
    single: bool = False

    # ---- reading ----

    def value(self, argument: Argument) -> object:
        match argument:
            case Literal(value):
                return value
            case Unread():
                return None
            case Context(name):
                return {
                    "@now": self.event.now,
                    "@received": self.event.received,
                    "@output": self.output.name,
                    "@item": self.key,
                    "@value": self.item,
                }[name]
            case Ref(path, _, item):
                return _walk(self.item if item else self.event.record, path)
            case RowsRef(path, columns, item):
                found = _walk(self.item if item else self.event.record, path)
                listed = found if isinstance(found, list) else []
                return [tuple(_walk(row, column) for column in columns) for row in listed]

    def first(self, verb: Pick | Lookup) -> object:
        found = [value for ref in verb.refs if (value := self.value(ref)) is not None]
        present = [value for value in found if not _is_blank(value)]
        return [*present, *found, None][0]

    # ---- missing things ----

    @property
    def dropped(self) -> list[str] | None:
        return cast("list[str] | None", self.event.record.get("dropped"))

    def give_up(self, field: Field, why: str, note: str | None, *, counted: bool = False) -> None:
        label = self.label + field.target
        if note is not None:
            self.notes.append(f"{label}:{note}")
        if self.output.profile and (field.required or field.clear):
            raise _Withheld(label)
        if field.required and self.element:
            if note is None and not self.single and not counted:
                self.notes.append(f"{label}:{why}")
            raise _LeftOut
        if field.required:
            raise Unmappable(label, why)

    def absent(self, field: Field) -> None:
        if not field.clear:
            self.give_up(field, "absent", None)
            return
        paths = tuple(whole_path(ref, self.within) for ref in field.decides())
        there = any(
            _walk(self.item if ref.item else self.event.record, ref.path) is not None for ref in field.decides()
        )
        if there or not self.event.known.issuperset(paths) or values.was_dropped(paths, self.dropped):
            raise _Withheld(self.label + field.target)


def _is_blank(value: object) -> bool:
    return not value.strip() if isinstance(value, str) else value in ([], {})


def _walk(value: object, path: str) -> object:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _output(output: Output, event: Event, notes: list[str]) -> Interpreted:
    work = _Work(output, event, notes)
    for condition in output.conditions:
        invoke = condition.invoke
        if (lost := values.unreadable(condition.reads, work.dropped)) is not None:
            if output.withholds(condition):
                return Interpreted(output, skip=Skip(values.undecided(lost), output.to))
            raise Unmappable("when", values.undecided(lost))
        if not invoke.function.call(*map(work.value, invoke.arguments)):
            return Interpreted(output, skip=Skip(condition.otherwise, output.to) if condition.otherwise else None)
    try:
        return Interpreted(output, (_entity(work),)) if output.each is None else _fan_out(work, output.each)
    except _Withheld as withheld:
        return Interpreted(output, skip=Skip(f"withheld: {withheld}", output.to))


def _entity(work: _Work) -> Json:
    entity = _object(work, work.output.fields, work.output.schema.root)
    if missing := sorted(work.output.schema.root.required - entity.keys()):
        raise _Withheld(missing[0]) if work.output.profile else Unmappable(missing[0], "absent")
    if work.output.profile and not _has_one_primary(entity):
        raise _Withheld("no one primary identity")
    if not work.output.profile:
        fit(entity, spare(work.output), work.notes)
    return entity


def _has_one_primary(entity: Json) -> bool:
    identities = cast("dict[str, list[Json]]", entity["identityMap"])
    primaries = [item.get("id") for listed in identities.values() for item in listed if item.get("primary") is True]
    return len(primaries) == 1 and isinstance(primaries[0], str)


def _fan_out(work: _Work, each: Ref) -> Interpreted:
    output = work.output
    entities: list[Json] = []
    left_out: list[Skip] = []
    seen: set[str] = set()
    for item in cast("list[object] | None", work.value(each)) or []:
        work.item = item
        work.key = values.item_key(*(cast("str | int | None", work.value(ref)) for ref in output.key))
        if work.key in seen:
            work.notes.append(f"{output.name}:given twice")
            continue
        if work.value(output.key[0]) is None:
            left_out.append(Skip(f"item without {output.key[0].path}", output.to))
            continue
        try:
            entities.append(_entity(work))
            seen.add(work.key)
        except Unmappable as error:
            left_out.append(Skip(f"item without {error.target}", output.to))
    if entities:
        return Interpreted(output, tuple(entities), None, tuple(left_out))
    if left_out:
        raise Unmappable(each.path, f"no item can be sent; {left_out[0].rule}")
    if values.was_dropped((each.path,), work.dropped):
        raise Unmappable(each.path, "could not be read")
    return Interpreted(output, skip=Skip("nothing to send", output.to))


def _object(work: _Work, fields: Sequence[Field], node: Node, path: str = "") -> Json:
    """The object at a path, which ends in a dot."""
    assert isinstance(node, Object)
    built: Json = {}
    for name in dict.fromkeys(field.target.removeprefix(path).partition(".")[0] for field in fields):
        target = path + name
        inside = [field for field in fields if f"{field.target}.".startswith(f"{target}.")]
        if inside[0].target == target:
            value = _value(work, inside[0])
        else:
            value = _child(work, inside, node.properties[name], target)
        if value is not None:
            built[name] = value
    return built


def _child(work: _Work, fields: Sequence[Field], node: Node, target: str) -> Json | None:
    """An object inside; none where nothing is in it, or not what XDM requires of it."""
    assert isinstance(node, Object)
    built = _object(work, fields, node, f"{target}.")
    if built and not node.required <= built.keys():
        if work.output.profile:
            raise _Withheld(work.label + target)
        work.notes.append(f"{work.label}{target}:incomplete")
        return None
    return built or None


def _value(work: _Work, field: Field) -> object:
    try:
        return _field(work, field)
    except _Dropped as dropped:
        work.give_up(field, dropped.reason or "blank", dropped.reason)
        return None


def _field(work: _Work, field: Field) -> object:
    match field.verb:
        case Constant(value):
            return value
        case Pick() as pick:
            return _coerced(work, field, work.first(pick), pick.source.kind, pick.coercion)
        case Lookup() as lookup:
            return _looked_up(work, field, lookup)
        case Invoke() as invoke:
            return _invoked(work, field, invoke)
        case Parts() as parts:
            return _listed(work, field, parts)


def _looked_up(work: _Work, field: Field, lookup: Lookup) -> object:
    value = work.first(lookup)
    if value is None:
        work.absent(field)
        return None
    key = str(value).strip().casefold()
    if not key:
        raise _Dropped(None)
    found = lookup.entries.get(key, lookup.otherwise)
    if found is None:
        raise _Dropped("lookup")
    return found


def _invoked(work: _Work, field: Field, invoke: Invoke) -> object:
    result = invoke.function.call(*map(work.value, invoke.arguments))
    label = work.label + field.target
    if result is GONE:
        if work.output.profile:
            return None
        result = None
    if isinstance(result, Noted):
        work.notes.extend(f"{label}:{reason}" for reason in result.reasons)
        result = result.value
        if result is None:
            work.give_up(field, "not trusted", None, counted=True)
            return None
    return _coerced(work, field, result, invoke.function.result, None)


def _listed(work: _Work, field: Field, parts: Parts) -> object:
    if field.clear and parts.parts[0].each is not None and work.value(parts.parts[0].each) is None:
        work.absent(field)
        return None
    found = [element for part in parts.parts for element in _elements(work, field, part)]
    assert isinstance(field.node, Array)
    return _whole_list(work, field, found, field.node)


def _elements(work: _Work, field: Field, part: Part) -> list[Json]:
    items = [work.item] if part.each is None else cast("list[object] | None", work.value(part.each)) or []
    found: list[Json] = []
    for item in items:
        label = f"{work.label}{field.target}[]."
        within = work.within if part.each is None else f"{whole_path(part.each, work.within)}[]."
        inner = replace(work, item=item, label=label, within=within, element=True, single=part.each is None)
        try:
            element = _object(inner, part.fields, part.node)
        except _LeftOut:
            continue
        assert isinstance(part.node, Object)
        if element and part.node.required <= element.keys():
            found.append(element)
    return found


def _whole_list(work: _Work, field: Field, found: list[Json] | list[object], node: Array) -> object:
    if node.longest is not None and len(found) > node.longest:
        raise _Dropped("too long")
    if not found and (field.required or field.clear):
        work.give_up(field, "empty", None)
    return found or None


# ---- from a value to its XDM type ----


def _coerced(work: _Work, field: Field, value: object, kind: str, coercion: str | None) -> object:
    if value is None:
        work.absent(field)
        return None
    node = field.node
    if kind == "identities":
        if not conforms(node, value):
            raise _Dropped("identities")
        return value
    if isinstance(node, Map):
        return _coerced_map(work, field, cast("Mapping[str, object]", value), coercion)
    if isinstance(node, Array) and isinstance(value, list):
        found = [done for item in value if (done := _inside(work, field, item, node.items, coercion)) is not None]
        return _whole_list(work, field, found, node)
    if isinstance(node, Array):
        return [_scalar(value, node.items, coercion)]
    return _scalar(value, node, coercion)


def _coerced_map(work: _Work, field: Field, value: Mapping[str, object], coercion: str | None) -> object:
    assert isinstance(field.node, Map)
    found: Json = {}
    for name, item in value.items():
        if name.strip() and (done := _inside(work, field, item, field.node.values, coercion)) is not None:
            found[name.strip()] = done
    if not found and (field.required or field.clear):
        work.give_up(field, "empty", None)
    return found or None


def _inside(work: _Work, field: Field, value: object, node: Node, coercion: str | None) -> object:
    """A value inside a list or map: a bad one is left out of an event and withholds a Profile write."""
    if value is None:
        return None
    try:
        return _scalar(value, node, coercion)
    except _Dropped as dropped:
        if dropped.reason is not None:
            work.notes.append(f"{work.label}{field.target}:{dropped.reason}")
        if work.output.profile:
            raise _Withheld(work.label + field.target) from dropped
        return None


def _scalar(value: object, node: Node, coercion: str | None) -> object:  # noqa: PLR0911 - one case a type
    if isinstance(value, str):
        value = _text(value, coercion)
    match node:
        case Text():
            return _checked_text(value, node)
        case Number(low, high):
            return _within(_number(value, coercion), low, high)
        case Integer(low, high):
            return _within(_integer(value, coercion), low, high)
        case Boolean():
            return _parsed(values.BOOLEANS.get(str(value).lower()), "boolean")
        case DateTime():
            parsed = values.rfc3339(value) if isinstance(value, int) else values.parse_time(str(value))
            return _parsed(parsed, "time")
        case Date() if isinstance(value, int):
            return _parsed(values.day_of(value), "time")
        case Date():
            return _parsed(values.parse_date(str(value)), "date")
    raise AssertionError(node)


def _text(value: str, coercion: str | None) -> str:
    text = value.strip()
    if not text:
        raise _Dropped(None)
    if text in values.PLACEHOLDERS:
        raise _Dropped("placeholder")
    return text.lower() if coercion == "lower" else text.upper() if coercion == "upper" else text


def _checked_text(value: object, node: Text) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if conforms(node, text):
        return text
    alone = {
        "length": Text(shortest=node.shortest, longest=node.longest),
        "enum": Text(enum=node.enum),
        "pattern": Text(pattern=node.pattern),
        str(node.format): Text(format=node.format),
    }
    raise _Dropped(next(reason for reason, rule in alone.items() if not conforms(rule, text)))


def _parsed(value: object, reason: str) -> object:
    if value is None:
        raise _Dropped(reason)
    return value


def _number(value: object, coercion: str | None) -> float:
    if isinstance(value, str):
        return cast("float", _parsed(values.parse_number(value), "number"))
    number = value if isinstance(value, int) else float(cast("float", value))
    if isinstance(number, int) and abs(number) > LONGEST:
        raise _Dropped("range")
    if not isfinite(number):
        raise _Dropped("not finite")
    return abs(number) if coercion == "absolute" else number


def _integer(value: object, coercion: str | None) -> int:
    if isinstance(value, str):
        return cast("int", _parsed(values.parse_integer(value), "number"))
    if isinstance(value, float):
        if not isfinite(value):
            raise _Dropped("not finite")
        if coercion == "integer" and not value.is_integer():
            raise _Dropped("fraction")
        return values.rounded(value)
    return abs(cast("int", value)) if coercion == "absolute" else cast("int", value)


def _within(value: float, low: float | None, high: float | None) -> float:
    if (low is not None and value < low) or (high is not None and value > high):
        raise _Dropped("range")
    return value
