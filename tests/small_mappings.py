"""Mappings of a made-up event, small enough to stand in a test, through the compiled code and through the interpreter.

Nothing is bound or compiled while this is imported.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson

from processor.mapping.binding import bind
from processor.mapping.bound import BoundMapping
from processor.mapping.compiler import CompiledMapping, compile_mapping
from processor.mapping.interpreter import Event, Interpreted, interpret
from processor.mapping.language import Language, read_common, read_mapping
from processor.mapping.options import Options
from processor.mapping.problems import Problem
from processor.mapping.registry import read_function
from processor.mapping.sources import Columns, Reader, read_reader
from processor.mapping.values import GONE, Day, EpochMs, Gone, IdentityMap, Noted, Rows, Unmappable
from processor.mapping.xdm import EVENT_CLASS, PROFILE_CLASS, Schema, read_schema, with_tenant
from processor.model import Skip

Json = dict[str, Any]
Function = Callable[..., object]

NOW = 1_790_000_000_000
RECEIVED = NOW - 1_000

# ---- the event ------------------------------------------------------------------------------------------------------


def _record(name: str, **fields: object) -> Json:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": ["null", t]} for n, t in fields.items()]}


def _array(items: object) -> Json:
    return {"type": "array", "items": items}


def _map(values: object) -> Json:
    return {"type": "map", "values": values}


def avro(*, dropped: bool = True) -> Json:
    """The Avro schema: a field of every kind, all of which may be null."""
    plain: Json = {"text": "string", "other": "string", "number": "double", "whole": "long", "flag": "boolean"}
    deep = _record("InPart", text="string")
    part = _record("Part", text="string", number="double", tags=_array("string"), inner=deep)
    item = _record("Item", **plain, tags=_array("string"), inner=_record("In", text="string"), parts=_array(part))
    fields: Json = {
        **plain,
        "third": "string",
        "amount": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        "texts": _array(["null", "string"]),
        "names": _array("string"),
        "numbers": _array("double"),
        "labels": _map(["null", "string"]),
        "marks": _map("string"),
        "counts": _map("long"),
        "inner": _record("Inner", text="string", deep=_record("Deep", text="string", names=_array("string"))),
        "items": _array(item),
        "more": _array("Item"),
        **({"dropped": _array("string")} if dropped else {}),
    }
    thing = _record("Thing", **fields)
    thing["fields"] += [{"name": "orgId", "type": "long"}, {"name": "eventName", "type": "string"}]
    return {**thing, "namespace": "example", "event": "thing"}


@cache
def reader(*, dropped: bool = True) -> Reader:
    """The event as mappings see it."""
    return read_reader(avro(dropped=dropped))


# ---- the destinations -----------------------------------------------------------------------------------------------

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}


def _object(required: Sequence[str] = (), **properties: object) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: object, longest: int | None = None) -> Json:
    return {"type": "array", "items": items, **({} if longest is None else {"maxItems": longest})}


def _names(values: object) -> Json:
    return {"type": "object", "additionalProperties": values}


def _properties() -> Json:
    place = _object(["code"], city=_TEXT, code=_TEXT, deep=_object(text=_TEXT, other=_TEXT))
    element: Json = {
        "name": _TEXT,
        "number": _NUMBER,
        "time": {"type": "string", "format": "date-time"},
        "tags": _list(_TEXT, 2),
        "place": place,
        "free": _object(text=_TEXT),
        "parts": _list(_object(name=_TEXT, number=_NUMBER, tags=_list(_TEXT))),
    }
    identity = _object(id=_TEXT, primary={"type": "boolean"})
    return {
        "identityMap": _names(_list(identity)),
        **dict.fromkeys(("text", "other", "third"), _TEXT),
        "short": {"type": "string", "minLength": 2, "maxLength": 4},
        "code": {"type": "string", "pattern": "^[A-Z]+$"},
        "kind": {"type": "string", "enum": ["RED", "BLUE"]},
        "email": {"type": "string", "format": "email"},
        "number": _NUMBER,
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "whole": {"type": "integer"},
        "byte": {"type": "integer", "minimum": 0, "maximum": 255},
        "flag": {"type": "boolean"},
        "time": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "texts": _list(_TEXT),
        "few": _list(_TEXT, 2),
        "numbers": _list(_NUMBER),
        "labels": _names(_TEXT),
        "amounts": _names({"type": "number", "minimum": 0}),
        "place": place,
        "free": _object(text=_TEXT, other=_TEXT, more=_object(text=_TEXT)),
        "pair": _object(["one", "two"], one=_TEXT, two=_TEXT, three=_TEXT),
        "outer": _object(place=place, free=_object(place=place)),
        "pairs": _list(_object(["one", "two"], one=_TEXT, two=_TEXT, number=_NUMBER)),
        "items": _list(_object(["name"], **element)),
        "loose": _list(_object(**element), 3),
        "_tenant": _object(text=_TEXT, list=_list(_TEXT)),
    }


@cache
def schema(name: str) -> Schema:
    """`profile`, `profile-two` and `events` have all types; `strict` are events that require a text and a place."""
    own: Json = {"_id": _TEXT, "timestamp": {"type": "string", "format": "date-time"}}
    profile = name.startswith("profile")
    required = [] if profile else [*own, *(["text", "place"] if name == "strict" else [])]
    properties = _properties() if profile else own | _properties()
    document = {"meta:class": PROFILE_CLASS if profile else EVENT_CLASS, **_object(required, **properties)}
    return read_schema(name, with_tenant(document, "acme"))


SCHEMAS = ("events", "strict", "profile", "profile-two")

# ---- the mapping ----------------------------------------------------------------------------------------------------

COMMON = """
[events.fields]
"_id" = { const = "1" }
"timestamp" = { const = "2026-09-21T14:13:20.000Z" }
[profile.fields]
"identityMap" = { const = { CapillaryId = [{ id = "7:1", primary = true }] } }
[unsent]
"""
"""What every message of these tests has beside what a test is about, and `entity` does not repeat."""


def problems(text: str, *functions: Function, dropped: bool = True) -> tuple[Problem, ...]:
    """What binding says of a mapping."""
    return _bound(text, functions, (), reader(dropped=dropped), COMMON)[1]


def bound(
    text: str,
    *functions: Function,
    ours: Sequence[Function] = (),
    dropped: bool = True,
    common: str = COMMON,
) -> BoundMapping:
    """A mapping of the event, without a problem.

    Args:
        text: the TOML, without the line that names the event.
        functions: what it calls, as a brand's own.
        ours: what it calls, as functions of this program.
        dropped: whether the event tells what was lost on the way.
        common: the common block.
    """
    [mapping], found = _bound(text, functions, ours, reader(dropped=dropped), common)
    assert found == ()
    return mapping


def _bound(
    text: str, functions: Sequence[Function], ours: Sequence[Function], event: Reader, common_text: str
) -> tuple[tuple[BoundMapping, ...], tuple[Problem, ...]]:
    unsent = "".join(f'"{name}" = "not of this test"\n' for name in event.root.fields)
    common, faults = read_common("mappings/_common.toml", common_text + unsent)
    assert faults == ()
    spec, faults = read_mapping("mappings/thing.toml", f'event = "thing"\n{text}')
    assert faults == ()
    assert spec is not None
    named = [read_function(one, Options(), ours=one in ours) for one in (*functions, *ours)]
    return bind(
        Language((spec,), common, (), None),
        {"thing": event},
        {name: schema(name) for name in SCHEMAS},
        {function.name: function for function in named},
        tenant="_acme",
        options=Options(),
    )


# ---- what comes out -------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """What each output came to, and the notes.

    An output is an entity, a list of entities and skips (a fan-out), a skip, or None.
    """

    outputs: tuple[object, ...]
    notes: tuple[str, ...]


def written(mapping: BoundMapping, record: Mapping[str, object], *, known: frozenset[str] | None = None) -> Written:
    """What the compiled code writes; the interpreter says the same.

    Args:
        mapping: what is done.
        record: the event; a field that is left out is null.
        known: what the writer's schema has of that which is read; all of it unless said otherwise.

    Raises:
        Unmappable: both say so, in the same words.
    """
    whole = {"orgId": 7, "eventName": "thing", **record}
    compiled = compile_mapping(mapping)
    paths = all_known(mapping) if known is None else known
    event = Event(whole, paths, NOW, RECEIVED)
    plainly = _tried(lambda: _plainly(*interpret(mapping, event)))
    by_code = _tried(lambda: _by_code(compiled, values_of(compiled, whole), paths))
    if isinstance(by_code, Unmappable):
        assert str(plainly) == str(by_code)
        raise by_code
    assert isinstance(plainly, Written)
    assert by_code == plainly
    return by_code


def _tried(work: Callable[[], Written]) -> Written | Unmappable:
    try:
        return work()
    except Unmappable as error:
        return error


def all_known(mapping: BoundMapping) -> frozenset[str]:
    """The `known` of a decoder whose writer has all that is read."""
    columns = [f"{want.path}[].{item}" for want in mapping.wants if isinstance(want, Columns) for item in want.items]
    return frozenset([*columns, *(want if isinstance(want, str) else want.path for want in mapping.wants)])


def values_of(compiled: CompiledMapping, record: Mapping[str, object]) -> tuple[object, ...]:
    """What a decoder would give."""
    return tuple(
        _rows(walk(record, want.path), want) if isinstance(want, Columns) else copy.deepcopy(walk(record, want))
        for want in compiled.wants
    )


def walk(value: object, path: str) -> object:
    """The value at a path, None where there is none."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _rows(items: object, want: Columns) -> object:
    if items is None:
        return None
    assert isinstance(items, list)
    return [tuple(walk(item, column) for column in want.items) for item in items]


def _by_code(compiled: CompiledMapping, values: tuple[object, ...], known: frozenset[str]) -> Written:
    notes: list[str] = []
    shared = compiled.share(values, NOW, RECEIVED)
    results = [output.write(values, shared, NOW, RECEIVED, known, notes) for output in compiled.outputs]
    return Written(tuple(map(_decoded, results)), tuple(notes))


def _decoded(result: object) -> object:
    match result:
        case bytes():
            return orjson.loads(result)
        case list():
            return [one if isinstance(one, Skip) else orjson.loads(one) for one in result]
        case (bytes() as entity, str()):
            return orjson.loads(entity)
    return result


def _plainly(interpreted: tuple[Interpreted, ...], notes: tuple[str, ...]) -> Written:
    return Written(tuple(map(_of_one, interpreted)), notes)


def _of_one(one: Interpreted) -> object:
    if one.output.each is not None and one.entities:
        return [*one.entities, *one.left_out]
    assert not one.left_out
    return one.entities[0] if one.entities else one.skip


def outcome(
    fields: str, record: Mapping[str, object], *functions: Function, to: str = "events", more: str = ""
) -> tuple[object, list[str]]:
    """What a single output with these fields comes to, and the notes.

    An entity is given without what the common block sets, a skip as its rule, a dead letter as a text.
    """
    mapping = bound(f'{more}\n[[output]]\nto = "{to}"\n[output.fields]\n{fields}', *functions)
    try:
        [result], notes = written(mapping, record)
    except Unmappable as error:
        return f"dead letter: {error}", []
    return (result.rule if isinstance(result, Skip) else own(result)), list(notes)


def own(entity: object) -> object:
    """An entity without what the common block sets."""
    if not isinstance(entity, dict):
        return entity
    common = {"_id", "timestamp"} if "_id" in entity else {"identityMap"}
    assert entity.keys() >= common
    return {name: value for name, value in entity.items() if name not in common}


# ---- functions that these mappings call -----------------------------------------------------------------------------


def echo(text: str | None) -> str | None:
    """The text as it is."""
    return text


def doubted(text: str | None) -> str | Noted[str] | None:
    """A text with a remark, or one that is not trusted: `no` for two reasons, `-` for none."""
    refused = {"no": Noted[str](None, ("doubt", "second thoughts")), "-": Noted[str](None, ())}
    return refused.get(text or "", Noted(text, ("odd",)) if text == "odd" else text)


def unless_over(text: str | None) -> str | Gone | None:
    """The text, unless it says that it is over."""
    return GONE if text == "over" else text


def shown(*values: object) -> str:
    """All that is given, as Python shows it."""
    return " ".join(map(repr, values))


def rows_shown(rows: Rows) -> str:
    """Rows as Python shows them."""
    return repr([tuple(row) for row in rows])


def doubled(number: float | None) -> float | None:
    """Twice a number."""
    return None if number is None else 2 * number


def counted(text: str | None) -> int:
    """The length of a text."""
    return len(text or "")


def split(text: str | None) -> list[str] | None:
    """The words of a text."""
    return None if text is None else text.split(",")


def spelled(text: str | None) -> dict[str, str] | None:
    """Letters by their place."""
    return None if text is None else {str(number): letter for number, letter in enumerate(text)}


def moment(whole: int | None) -> EpochMs | None:
    """A time as it is."""
    return None if whole is None else EpochMs(whole)


def day(text: str | None) -> Day | None:
    """A day as it is."""
    return None if text is None else Day(text)


def is_red(text: str | None) -> bool:
    """Whether it is red."""
    return text == "RED"


def is_any_red(rows: Rows) -> bool:
    """Whether one of these is red."""
    return any(row[0] == "RED" for row in rows)


def who(text: str | None) -> IdentityMap | Gone | Noted[IdentityMap] | None:
    """Identities of all sorts."""
    known: dict[str, IdentityMap | Gone | Noted[IdentityMap]] = {
        "one": {"A": [{"id": "1", "primary": True}], "B": [{"id": "2"}]},
        "two": {"A": [{"id": "1", "primary": True}, {"id": "2", "primary": True}]},
        "parted": {"A": [{"id": "1", "primary": True}], "B": [{"id": "2", "primary": True}]},
        "none": {"A": [{"id": "1"}]},
        "not quite": {"A": [{"id": "1", "primary": False}]},
        "nameless": {"A": [{"primary": True}]},
        "blank": {"A": [{"id": " ", "primary": True}]},
        "empty": {"A": []},
        "over": GONE,
        "odd": Noted({"A": [{"id": "1", "primary": True}]}, ("odd",)),
    }
    return known.get(text or "")


FUNCTIONS: tuple[Function, ...] = (
    *(echo, doubted, unless_over, shown, rows_shown, doubled, counted, split, spelled, moment, day, is_red),
    *(is_any_red, who),
)


def made(fields: str, record: Mapping[str, object], to: str = "events", more: str = "") -> tuple[object, list[str]]:
    """What comes of a single output, and the notes."""
    return outcome(fields, record, *FUNCTIONS, to=to, more=more)


def entity(fields: str, record: Mapping[str, object], to: str = "events", more: str = "") -> object:
    """What comes of a single output without notes."""
    result, notes = made(fields, record, to, more)
    assert notes == []
    return result
