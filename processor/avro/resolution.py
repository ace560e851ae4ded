"""How data of a writer's schema become what somebody wants of a reader's: all decided before the first record.

The result is a plan that follows the writer's schema, because that is the order of the bytes. Rules: Avro specification
1.12, "Schema Resolution". Choices where it leaves one, or where we differ:
- Only what is wanted is resolved: a reader's field that nobody wants may lack both a counterpart and a default.
- Types with a name match by unqualified name or by an alias of the reader's, at the top as anywhere else.
- Of a reader's union the branch with the very same type and full name counts, else the first that matches by type and
  name, whatever lies deeper. (Java does so. By the letter, the first that matches would: bytes would be read as string
  even where both schemas say ["string", "bytes"].)
- A decimal comes out where the reader's schema says so, with the scale that the writer's says: no digit is lost. What
  the writer does not call a decimal does not match one. All other logical types are left alone: a timestamp is a
  number, a uuid is a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from processor.avro.reading import Bad, decimal_of
from processor.avro.types import (
    NO_DEFAULT,
    Array,
    Decimal,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Primitive,
    Record,
    Type,
    Union,
)
from processor.avro.wanted import Table, Wanted


class IncompatibleSchema(ValueError):  # noqa: N818 - names what is wrong: the schema, not the program
    """The writer's schema cannot serve what is wanted of the reader's. `place` is a path of the reader's schema."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place or 'the record'}: {detail}")
        self.place = place
        self.detail = detail


# ---- shapes: reading a value as a whole -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A primitive that was written as `wire` and comes out as `kind`, both by Avro's names."""

    wire: str
    kind: str
    decimal: Decimal | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bytes:
    """A fixed."""

    size: int
    decimal: Decimal | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """An enum: what comes out, by index. None where the reader has neither the symbol nor a default."""

    symbols: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """An array, as a list."""

    item: Shape
    least: int


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A map, as a dict."""

    value: Shape
    least: int


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """A record, as a dict: steps in the writer's order, then what only the reader's schema knows."""

    steps: tuple[Step, ...]
    defaults: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Mismatch:
    """A branch of the writer's union that the reader's schema has no place for: an error when it comes."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A union of the writer's."""

    branches: tuple[Shape | Mismatch, ...]


Shape = Scalar | Bytes | Symbol | Items | Pairs | Members | Choice

# ---- plans: reading what is wanted ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Skip:
    """Nothing of it is wanted."""

    type: Type


@dataclass(frozen=True, slots=True, eq=False)
class Keep:
    """The whole value is wanted, and perhaps parts of it once more."""

    shape: Shape
    wanted: Wanted


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Some fields of a record. `defaults` are variables and their values where a field is the reader's alone."""

    steps: tuple[Step, ...]
    defaults: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One tuple per item, for each table. `wanted` is what is wanted of one item."""

    item: Plan
    least: int
    wanted: Wanted
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A union of the writer's."""

    branches: tuple[Plan | Mismatch, ...]


Plan = Skip | Keep | Walk | Rows | Branch


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One field of the writer's: `name` is the reader's name of it, or the writer's where it is skipped."""

    name: str
    plan: Plan


# ---- which type goes with which -------------------------------------------------------------------------------------

_PROMOTIONS = {
    "int": frozenset({"int", "long", "float", "double"}),
    "long": frozenset({"long", "float", "double"}),
    "float": frozenset({"float", "double"}),
    "string": frozenset({"string", "bytes"}),
    "bytes": frozenset({"bytes", "string"}),
}


def same_name(writer: Named, reader: Named) -> bool:
    """Whether two named types are meant to be the same."""
    short = writer.name.rpartition(".")[2]
    return short == reader.name.rpartition(".")[2] or writer.name in reader.aliases or short in reader.aliases


def _matches(writer: Type, reader: Type) -> bool:  # noqa: PLR0911 - one return per pair of types
    match writer, reader:
        case (Union(), _) | (_, Union()):
            return True  # decided when the branch is known
        case Primitive(), Primitive():
            same = reader.kind in _PROMOTIONS.get(writer.kind, frozenset({writer.kind}))
            return same and _decimals_match(writer, reader)
        case Array(), Array():
            return _matches(writer.items, reader.items)
        case Map(), Map():
            return _matches(writer.values, reader.values)
        case Fixed(), Fixed():
            return writer.size == reader.size and same_name(writer, reader) and _decimals_match(writer, reader)
        case Enum(), Enum():
            return same_name(writer, reader)
        case Record(), Record():
            return same_name(writer, reader)
        case _:
            return False


def _decimals_match(writer: Primitive | Fixed, reader: Primitive | Fixed) -> bool:
    return writer.decimal is not None or reader.decimal is None


def _counterpart(writer: Type, reader: Type) -> Type | None:
    """The reader's type for one of the writer's that is no union."""
    branches = reader.branches if isinstance(reader, Union) else (reader,)
    matching = [branch for branch in branches if _matches(writer, branch)]
    return next((branch for branch in matching if _is_same(writer, branch)), matching[0] if matching else None)


def _is_same(writer: Type, reader: Type) -> bool:
    if isinstance(writer, Named) and isinstance(reader, Named):
        return writer.name == reader.name
    return writer.kind == reader.kind


def _required_counterpart(writer: Type, reader: Type, place: str) -> Type:
    found = _counterpart(writer, reader)
    if found is None:
        raise IncompatibleSchema(place, f"the writer has {_name(writer)} where we read {_name(reader)}")
    return found


def _name(kind: Type) -> str:
    decimal = "decimal " if isinstance(kind, Primitive | Fixed) and kind.decimal else ""
    return f"{decimal}{kind.kind} {kind.name}" if isinstance(kind, Named) else f"{decimal}{kind.kind}"


def written_field(field: Field, writer: Record, reader: Record) -> Field | None:
    """The writer's field for one of the reader's: that of its name, else the first that it has as an alias."""
    by_name = next((candidate for candidate in writer.fields if candidate.name == field.name), None)
    if by_name is not None:
        return by_name
    taken = {other.name for other in reader.fields}
    return next((other for other in writer.fields if other.name in field.aliases and other.name not in taken), None)


# ---- the plan -------------------------------------------------------------------------------------------------------


def resolve(writer: Record, reader: Record, wanted: Wanted) -> Walk:
    """How to read what is wanted.

    Raises:
        IncompatibleSchema: a type of the writer's that can never become the reader's, or a wanted field that the
            writer lacks and the reader has no default for.
    """
    if not same_name(writer, reader):
        raise IncompatibleSchema("", f"the writer's record is {writer.name}, ours is {reader.name}")
    return _walk(writer, reader, wanted)


def _plan(writer: Type, reader: Type, wanted: Wanted) -> Plan:
    if isinstance(writer, Union):
        branches = tuple(
            _plan(branch, reader, wanted) if _counterpart(branch, reader) else Mismatch(_name(branch))
            for branch in writer.branches
        )
        if all(isinstance(branch, Mismatch) for branch in branches):
            raise IncompatibleSchema(wanted.place, f"nothing of the writer's union can be read as {_name(reader)}")
        return Branch(branches)
    reader = _required_counterpart(writer, reader, wanted.place)
    if wanted.whole:
        return Keep(_shape(writer, reader, wanted.place), wanted)
    match writer, reader:
        case Record(), Record():
            return _walk(writer, reader, wanted)
        case Array(), Array() if wanted.item:
            item = _plan(writer.items, reader.items, wanted.item)
            return Rows(item, writer.items.least, wanted.item, tuple(wanted.tables))
        case _:
            return Skip(writer)


def _walk(writer: Record, reader: Record, wanted: Wanted) -> Walk:
    plans: dict[str, Step] = {}
    defaults: list[tuple[str, object]] = []
    fields = {field.name: field for field in reader.fields}
    for name, below in wanted.below.items():
        if name not in fields:
            continue  # another record of the same union has it
        written = written_field(fields[name], writer, reader)
        if written is None:
            value = _field_default(fields[name], below.place)
            defaults += [(into, part) for into, part in derived(value, below) if part is not None]
        else:
            _add(plans, written.name, Step(name, _plan(written.type, fields[name].type, below)), below.place)
    steps = tuple(plans.get(field.name) or Step(field.name, Skip(field.type)) for field in writer.fields)
    return Walk(steps, tuple(defaults))


def _add(steps: dict[str, Step], written: str, step: Step, place: str) -> None:
    if written in steps:
        raise IncompatibleSchema(place, f"the writer's field {written} is the alias of two fields of ours")
    steps[written] = step


def _shape(writer: Type, reader: Type, place: str) -> Shape:  # noqa: PLR0911 - one return per pair of types
    """The shape of a value. `reader` is the counterpart of `writer` already, or any type if `writer` is a union."""
    match writer, reader:
        case Union(), _:
            return _choice(writer, reader, place)
        case Primitive(), Primitive():
            return Scalar(writer.kind, reader.kind, writer.decimal if reader.decimal else None)
        case Fixed(), Fixed():
            return Bytes(writer.size, writer.decimal if reader.decimal else None)
        case Enum(), Enum():
            known = frozenset(reader.symbols)
            return Symbol(tuple(symbol if symbol in known else reader.default for symbol in writer.symbols))
        case Array(), Array():
            return Items(_part(writer.items, reader.items, f"{place}[]"), writer.items.least)
        case Map(), Map():
            return Pairs(_part(writer.values, reader.values, f"{place}{{}}"), 1 + writer.values.least)
        case Record(), Record():
            return _members(writer, reader, place)
    raise AssertionError(f"{place}: {_name(writer)} is no counterpart of {_name(reader)}")


def _part(writer: Type, reader: Type, place: str) -> Shape:
    if not isinstance(writer, Union):
        reader = _required_counterpart(writer, reader, place)
    return _shape(writer, reader, place)


def _choice(writer: Union, reader: Type, place: str) -> Choice:
    branches: list[Shape | Mismatch] = []
    for branch in writer.branches:
        counterpart = _counterpart(branch, reader)
        branches.append(_shape(branch, counterpart, place) if counterpart else Mismatch(_name(branch)))
    if all(isinstance(branch, Mismatch) for branch in branches):
        raise IncompatibleSchema(place, f"nothing of the writer's union can be read as {_name(reader)}")
    return Choice(tuple(branches))


def _members(writer: Record, reader: Record, place: str) -> Members:
    steps: dict[str, Step] = {}
    defaults = []
    for field in reader.fields:
        inside = f"{place}.{field.name}"
        written = written_field(field, writer, reader)
        if written is None:
            defaults.append((field.name, _field_default(field, inside)))
        else:
            shape = _part(written.type, field.type, inside)
            _add(steps, written.name, Step(field.name, Keep(shape, Wanted(inside))), inside)
    in_order = tuple(steps.get(field.name) or Step(field.name, Skip(field.type)) for field in writer.fields)
    return Members(in_order, tuple(defaults))


# ---- defaults -------------------------------------------------------------------------------------------------------


def _field_default(field: Field, place: str) -> object:
    if field.default is NO_DEFAULT:
        raise IncompatibleSchema(place, "the writer has no such field, and ours has no default")
    return default_value(field.type, field.default, place)


def default_value(kind: Type, json: object, place: str) -> object:
    """The value that a default stands for; of a union the first branch that fits counts.

    Raises:
        IncompatibleSchema: the default does not fit the type.
    """
    if isinstance(kind, Union):
        for branch in kind.branches:
            try:
                return default_value(branch, json, place)
            except IncompatibleSchema:
                continue
    else:
        try:
            return _default_of(kind, json, place)
        except (TypeError, ValueError, KeyError, Bad) as error:
            if isinstance(error, IncompatibleSchema):
                raise
    raise IncompatibleSchema(place, f"the default does not fit {_name(kind)}")


def _default_of(kind: Type, json: object, place: str) -> object:  # noqa: PLR0911 - one return per pair of types
    """As `default_value`, with whatever error comes up."""
    match kind, json:
        case (Primitive(kind="null"), None) | (Primitive(kind="boolean"), bool()) | (Primitive(kind="string"), str()):
            return json
        case Primitive(kind="int" | "long"), int() if not isinstance(json, bool):
            return json
        case Primitive(kind="float" | "double"), int() | float() if not isinstance(json, bool):
            return float(json)
        case Primitive(kind="bytes") | Fixed(), str():
            return _default_bytes(kind, json.encode("latin-1"))  # the specification's spelling of bytes in JSON
        case Enum(), str() if json in kind.symbols:
            return json
        case Array(), list():
            return [default_value(kind.items, item, f"{place}[]") for item in json]
        case Map(), dict():
            return {str(key): default_value(kind.values, value, f"{place}{{}}") for key, value in json.items()}
        case Record(), dict():
            return {field.name: _default_member(field, json, f"{place}.{field.name}") for field in kind.fields}
    raise TypeError


def _default_bytes(kind: Primitive | Fixed, raw: bytes) -> object:
    if isinstance(kind, Fixed) and len(raw) != kind.size:
        raise ValueError
    return decimal_of(raw, kind.decimal.precision, kind.decimal.scale) if kind.decimal else raw


def _default_member(field: Field, json: Mapping[str, object], place: str) -> object:
    if field.name in json:
        return default_value(field.type, json[field.name], place)
    if field.default is NO_DEFAULT:
        raise IncompatibleSchema(place, "the default of the record lacks this field")
    return default_value(field.type, field.default, place)


def derived(value: object, wanted: Wanted) -> Iterator[tuple[str, object]]:
    """What is wanted of a value that is known already: variables and their values."""
    if wanted.whole:
        yield wanted.whole, value
    for name, below in wanted.below.items():
        yield from derived(value.get(name) if isinstance(value, dict) else None, below)
    if wanted.item is not None and isinstance(value, list):
        rows = [dict(derived(item, wanted.item)) for item in value]
        for table in wanted.tables:
            yield table.into, [tuple(row[cell] for cell in table.cells) for row in rows]


# ---- what is there --------------------------------------------------------------------------------------------------


def has(writer: Type, reader: Type, path: str) -> bool:
    """Whether the writer's schema has what a path of the reader's means: "data.tiers[].tierName"."""
    return _has(writer, reader, path.replace("[]", ".[]").split("."))


def _has(writer: Type, reader: Type, names: list[str]) -> bool:
    if not names:
        return True
    if isinstance(writer, Union):
        return any(_has(branch, reader, names) for branch in writer.branches)
    match writer, _counterpart(writer, reader):
        case Record(), Record() as ours:
            field = next((field for field in ours.fields if field.name == names[0]), None)
            written = written_field(field, writer, ours) if field else None
            return field is not None and written is not None and _has(written.type, field.type, names[1:])
        case Array(), Array() as ours if names[0] == "[]":
            return _has(writer.items, ours.items, names[1:])
        case _:
            return False
