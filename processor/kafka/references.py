"""A registry keeps a schema and what it refers to apart; a decoder wants one document that stands alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

Json = object
_NAMED = ("record", "error", "enum", "fixed")
MAX_REFERENCES = 200


def self_contained(schema: str, references: Iterable[str]) -> str:
    """The Avro `schema` with each named type of `references` written out at its first use.

    A definition keeps its full name, so namespaces around it do not change it. A schema that cannot be read, and names
    that no reference defines, are left as they are: whoever parses the result says what is wrong with it.
    """
    definitions: dict[str, Json] = {}
    try:
        for reference in references:
            _collect(json.loads(reference), "", definitions)
        return json.dumps(_Writer(definitions).written(json.loads(schema), "")) if definitions else schema
    except (ValueError, RecursionError):  # not JSON, or nested to exhaust us
        return schema


def _collect(schema: Json, namespace: str, into: dict[str, Json]) -> None:
    """Finds all definitions in a schema, each with its full name."""

    def named(full_name: str, definition: Mapping[str, Json]) -> Json:
        into.setdefault(full_name, {**definition, "name": full_name})
        return definition

    _walk(schema, namespace, named, lambda name: name)


class _Writer:
    """Writes definitions out where their name is used first."""

    def __init__(self, definitions: Mapping[str, Json]) -> None:
        self._definitions = definitions
        self._known: set[str] = set()

    def written(self, schema: Json, namespace: str) -> Json:
        return _walk(schema, namespace, self._defined, self._used)

    def _defined(self, full_name: str, definition: Mapping[str, Json]) -> Json:
        self._known.add(full_name)
        return definition

    def _used(self, name: str) -> Json:
        if name in self._known or name not in self._definitions:
            return name
        return self.written(self._definitions[name], "")


def _walk(
    schema: Json,
    namespace: str,
    defined: Callable[[str, Mapping[str, Json]], Json],
    used: Callable[[str], Json],
) -> Json:
    """A copy of a schema. `defined` sees a definition before its fields are walked, `used` replaces each full name."""
    if isinstance(schema, str):
        return used(_full_name(schema, namespace)) if schema not in _PRIMITIVES else schema
    if isinstance(schema, list):
        return [_walk(branch, namespace, defined, used) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    copy = dict(schema)
    kind = copy.get("type")
    if kind in _NAMED:
        full_name = _full_name(str(copy.get("name", "")), str(copy.get("namespace") or namespace))
        inner = full_name.rpartition(".")[0]
        defined(full_name, copy)
        copy["name"], copy["namespace"] = full_name, inner
        if isinstance(copy.get("fields"), list):
            copy["fields"] = [_field(field, inner, defined, used) for field in copy["fields"]]
    elif kind == "array":
        copy["items"] = _walk(copy.get("items"), namespace, defined, used)
    elif kind == "map":
        copy["values"] = _walk(copy.get("values"), namespace, defined, used)
    else:
        copy["type"] = _walk(kind, namespace, defined, used)
    return copy


def _field(
    field: Json,
    namespace: str,
    defined: Callable[[str, Mapping[str, Json]], Json],
    used: Callable[[str], Json],
) -> Json:
    if not isinstance(field, dict):
        return field
    return {**field, "type": _walk(field.get("type"), namespace, defined, used)}


def _full_name(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name else name


_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
