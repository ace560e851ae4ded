"""Where an entity breaks its XDM schema, in the words of the library that AEP seems to use (everit json-schema).

The wording is inferred from AEP's published messages: tests of a client must not depend on it. AEP stops at five.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jsonschema_rs

MOST = 5

_TYPES = {
    "string": "String",
    "number": "Number",
    "integer": "Integer",
    "boolean": "Boolean",
    "object": "JSONObject",
    "array": "JSONArray",
    "null": "null",
}
_FOUND: Mapping[type, str] = {
    type(None): "null",
    bool: "Boolean",
    int: "Integer",
    float: "BigDecimal",
    str: "String",
    list: "JSONArray",
    dict: "JSONObject",
}
_DATE_TIME = (
    "Expected [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1-9}Z, yyyy-MM-dd'T'HH:mm:ss[+-]HH:mm,"
    " yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,9}[+-]HH:mm]"
)
_INT32 = 2**31


def describe(errors: Iterable[jsonschema_rs.ValidationError]) -> str:
    """At most five violations in one line, as AEP puts them into an item's message; empty where there is none."""
    found: list[str] = []
    for error in errors:
        pointer = "/".join(["#", *map(str, error.instance_path)])
        found += [f"{pointer}: {words}" for words in _words(error)]
        if len(found) >= MOST:
            break
    return f"The message cannot be validated: [{', '.join(found[:MOST])}]" if found else ""


def _words(error: jsonschema_rs.ValidationError) -> list[str]:
    """One violation in words; extraneous keys are one violation each."""
    words = _WORDS.get(error.kind.name)
    return words(error.instance, error.kind.as_dict()) if words else [error.message]


def _type(value: object, kind: Mapping[str, Any]) -> list[str]:
    expected = " or ".join(_TYPES.get(name, name) for name in kind["types"])
    found = _FOUND.get(type(value), "JSONObject")
    if found == "Integer" and isinstance(value, int) and not -_INT32 <= value < _INT32:
        found = "Long"
    return [f"expected type: {expected}, found: {found}"]


def _format(value: object, kind: Mapping[str, Any]) -> list[str]:
    hint = f". {_DATE_TIME}" if kind["format"] == "date-time" else ""
    return [f"[{value}] is not a valid {kind['format']}{hint}"]


_WORDS: Mapping[str, Callable[[object, Mapping[str, Any]], list[str]]] = {
    "required": lambda _, kind: [f"required key [{kind['property']}] not found"],
    "additionalProperties": lambda _, kind: [
        f"extraneous key [{name}] is not permitted" for name in kind["unexpected"]
    ],
    "type": _type,
    "enum": lambda value, _: [f"{value} is not a valid enum value"],
    "pattern": lambda value, kind: [f"string [{value}] does not match pattern {kind['pattern']}"],
    "format": _format,
}


def emptiness(value: object, pointer: str = "#") -> str | None:
    """Where a value is null or empty: Platform accepts neither, for any field. None where all is well."""
    if value is None or value in ("", [], {}):
        return f"The message cannot be validated: [{pointer}: null or empty value]"
    children: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    return next((found for name, child in children if (found := emptiness(child, f"{pointer}/{name}"))), None)
