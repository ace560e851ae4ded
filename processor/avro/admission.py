"""Whether a schema may be used at all, and its types as values.

A writer's schema comes from outside. Before anything is decoded by it, it must be bounded: a recursive schema makes a
decoder run out of stack (fastavro's dies of it), and a few bytes of an array of zero-width items fill all memory.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import fastavro

from processor.avro.types import (
    NO_DEFAULT,
    PRIMITIVES,
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
from processor.avro.wire import fingerprint

MAX_DEPTH = 32
"""Records, arrays and maps that hold each other."""

MAX_FIELDS = 2000
"""Record fields and branches of large unions, every use of a named type written out: this bounds the generated code."""

MAX_PRECISION = 1000
"""Digits of a decimal. The cost of a conversion grows with their square."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_RECORDS = ("record", "error")
_PRIMITIVE = {kind: Primitive(kind) for kind in PRIMITIVES}
_PARSED = "__fastavro_parsed"  # fastavro checks nothing of a schema that says this of itself
_LONGEST_DETAIL = 200


class RefusedSchema(ValueError):  # noqa: N818 - what happened to the schema, not an error of the program
    """A schema that is not used. `detail` names the place and the rule."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """A schema within all bounds.

    `name` is the full name of its record, `fingerprint` as in `wire.fingerprint`, `parsed` the schema as fastavro wants
    it (for writing, or reading with fastavro), `type` the same as values of ours.
    """

    name: str
    fingerprint: bytes
    parsed: dict[str, object] = field(repr=False)
    type: Record = field(repr=False)


def admit(schema: object) -> Admitted:
    """Checks a schema: parsed JSON, or its text.

    Raises:
        RefusedSchema: no Avro schema; its top is no record; recursive; deeper than MAX_DEPTH; more than MAX_FIELDS
            fields; an array whose items may take no bytes; a name that Avro does not allow.
    """
    if isinstance(schema, str):
        schema = _parse_text(schema)
    if not isinstance(schema, dict) or schema.get("type") not in _RECORDS:
        raise RefusedSchema("the top level of the schema must be a record")
    schema = {key: value for key, value in schema.items() if key != _PARSED}
    record = _Builder().record(schema, "", "", 1)
    _check_bounds(record)
    try:
        parsed = fastavro.parse_schema(schema)
        return Admitted(record.name, fingerprint(schema), parsed, record)  # type: ignore[arg-type]
    except Exception as error:  # fastavro raises what it runs into: KeyError, TypeError, errors of its own
        raise RefusedSchema(f"not an Avro schema: {type(error).__name__} {error}"[:_LONGEST_DETAIL]) from error


def _parse_text(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedSchema(f"the schema is not JSON: {type(error).__name__}") from error


def _check_bounds(record: Record) -> None:
    if record.depth > MAX_DEPTH:
        raise RefusedSchema(f"{record.name}: {record.depth} levels deep, at most {MAX_DEPTH} are admitted")
    if record.breadth > MAX_FIELDS:
        raise RefusedSchema(
            f"{record.name}: more than {MAX_FIELDS} fields, each use of a named type counted with all its fields"
        )


class _Builder:
    """Walks the JSON of one schema, once, never deeper than MAX_DEPTH.

    `place` is the path so far: "data.tiers[]". `space` is the enclosing namespace.
    """

    def __init__(self) -> None:
        self._named: dict[str, Named] = {}
        self._open: set[str] = set()

    def type(self, schema: object, space: str, place: str, depth: int) -> Type:
        if isinstance(schema, list):
            return self._union(schema, space, place, depth)
        if isinstance(schema, str):
            return _PRIMITIVE.get(schema) or self._reference(schema, space, place)
        if not isinstance(schema, dict):
            raise RefusedSchema(f"{place}: a type is a name, an object or a list")
        kind = schema.get("type")
        if kind in ("array", "map", *_RECORDS):
            return self._nested(schema, space, place, depth + 1)
        if kind == "enum":
            return self._enum(schema, space, place)
        if kind == "fixed":
            return self._fixed(schema, space, place)
        if isinstance(kind, str) and kind in PRIMITIVES:
            return Primitive(kind, _logical(schema), _decimal(schema, place) if kind == "bytes" else None)
        raise RefusedSchema(f"{place}: unknown type {_quoted(kind)}")

    def _nested(self, schema: dict[str, object], space: str, place: str, depth: int) -> Type:
        if depth > MAX_DEPTH:
            raise RefusedSchema(f"{place}: deeper than {MAX_DEPTH} levels")
        if schema["type"] == "map":
            return Map(self.type(schema.get("values"), space, f"{place}{{}}", depth))
        if schema["type"] == "array":
            items = self.type(schema.get("items"), space, f"{place}[]", depth)
            if items.least == 0:
                raise RefusedSchema(f"{place}[]: an array of zero-width items: a few bytes would fill all memory")
            return Array(items)
        return self.record(schema, space, place, depth)

    def _union(self, schema: list[object], space: str, place: str, depth: int) -> Union:
        if not schema:
            raise RefusedSchema(f"{place}: an empty union")
        if any(isinstance(branch, list) for branch in schema):
            raise RefusedSchema(f"{place}: a union directly in a union")
        return Union(tuple(self.type(branch, space, place, depth) for branch in schema))

    def _reference(self, name: str, space: str, place: str) -> Named:
        full = name if "." in name or not space else f"{space}.{name}"
        if full in self._open:
            raise RefusedSchema(f"{place}: recursive, {full} holds itself")
        if full not in self._named:
            raise RefusedSchema(f"{place}: unknown type {_quoted(name)}")
        return self._named[full]

    def record(self, schema: dict[str, object], space: str, place: str, depth: int) -> Record:
        name = self._claim(schema, space, place)
        space = name.rpartition(".")[0]
        fields = schema.get("fields", [])
        if not isinstance(fields, list):
            raise RefusedSchema(f"{place or name}: the fields of a record are a list")
        self._open.add(name)
        members = tuple(self._field(member, space, place, depth) for member in fields)
        self._open.remove(name)
        names = [member.name for member in members]
        if len(set(names)) != len(names):
            raise RefusedSchema(f"{place or name}: two fields of one name")
        record = Record(name, _aliases(schema, space, place or name), members)
        self._named[name] = record
        return record

    def _field(self, schema: object, space: str, place: str, depth: int) -> Field:
        if not isinstance(schema, dict):
            raise RefusedSchema(f"{place or 'the top level'}: a field is an object")
        name = schema.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RefusedSchema(f"{place or 'the top level'}: {_quoted(name)} is no name of a field")
        place = f"{place}.{name}" if place else name
        kind = self.type(schema.get("type"), space, place, depth)
        return Field(name, _aliases(schema, "", place), kind, schema.get("default", NO_DEFAULT))

    def _enum(self, schema: dict[str, object], space: str, place: str) -> Enum:
        name = self._claim(schema, space, place)
        symbols = schema.get("symbols")
        if not isinstance(symbols, list) or not symbols or not all(isinstance(symbol, str) for symbol in symbols):
            raise RefusedSchema(f"{place}: the symbols of an enum are a list of names")
        default = schema.get("default")
        aliases = _aliases(schema, name.rpartition(".")[0], place)
        enum = Enum(name, aliases, tuple(symbols), default if isinstance(default, str) else None)
        self._named[name] = enum
        return enum

    def _fixed(self, schema: dict[str, object], space: str, place: str) -> Fixed:
        name = self._claim(schema, space, place)
        size = schema.get("size")
        if type(size) is not int or size < 0:
            raise RefusedSchema(f"{place}: the size of a fixed is a number of bytes")
        aliases = _aliases(schema, name.rpartition(".")[0], place)
        fixed = Fixed(name, aliases, size, _logical(schema), _decimal(schema, place))
        self._named[name] = fixed
        return fixed

    def _claim(self, schema: dict[str, object], space: str, place: str) -> str:
        """The full name of a type that is defined here."""
        name = schema.get("name")
        space = str(schema.get("namespace", space) or "")
        full = f"{space}.{name}" if space and "." not in str(name) else str(name)
        if not isinstance(name, str) or not _FULL_NAME.fullmatch(full):
            raise RefusedSchema(f"{place or 'the top level'}: {_quoted(full)} is no name of a type")
        if full in self._named or full in self._open:
            raise RefusedSchema(f"{place}: {full} is defined twice")
        return full


def _aliases(schema: dict[str, object], space: str, place: str) -> frozenset[str]:
    """The aliases of a type or field; those of a type also with their namespace."""
    aliases = schema.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise RefusedSchema(f"{place}: aliases are a list of names")
    return frozenset(aliases) | {f"{space}.{alias}" for alias in aliases if space and "." not in alias}


def _logical(schema: dict[str, object]) -> str | None:
    logical = schema.get("logicalType")
    return logical if isinstance(logical, str) else None


def _decimal(schema: dict[str, object], place: str) -> Decimal | None:
    """The decimal that bytes or a fixed stand for. One of no digits counts as none; other faults fastavro refuses."""
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if schema.get("logicalType") != "decimal" or type(precision) is not int or type(scale) is not int:
        return None
    if precision > MAX_PRECISION:
        raise RefusedSchema(f"{place}: a decimal of more than {MAX_PRECISION} digits")
    return Decimal(precision, scale) if precision > 0 else None


def _quoted(name: object) -> str:
    return repr(name)[:60]
