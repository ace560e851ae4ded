"""The composed XDM schemas of `schemas/xdm/` as trees that the compiler can make valid values for.

Only the part of JSON Schema that can be guaranteed while a value is built is understood; anything else is refused when
the file is loaded, because a rule that is overlooked would be a message that Adobe loses silently after its 2xx.
Types and limits: XDM field constraints (integer is 32 bits unless the schema says otherwise, long ends at 2^53 - 1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

from processor.mapping.problems import MappingProblems, Problem

LONGEST = 2**53 - 1
_INT32 = 2**31
PROFILE_CLASS = "https://ns.adobe.com/xdm/context/profile"
EVENT_CLASS = "https://ns.adobe.com/xdm/context/experienceevent"


@dataclass(frozen=True, slots=True)
class Text:
    """A string; `format` is None, "email", "uri" or "uri-reference"."""

    pattern: str | None = None
    enum: tuple[str, ...] = ()
    shortest: int = 1
    longest: int | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A finite double."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, both ends included."""

    low: int = -_INT32
    high: int = _INT32 - 1


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class DateTime:
    """A string, RFC 3339 with milliseconds and Z."""


@dataclass(frozen=True, slots=True)
class Date:
    """A string, YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Array:
    """A list of one kind of item."""

    items: Node
    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """Any names, one kind of value."""

    values: Node


@dataclass(frozen=True, slots=True)
class Object:
    """Known properties and no others."""

    properties: Mapping[str, Node]
    required: frozenset[str] = frozenset()


Scalar = Text | Number | Integer | Boolean | DateTime | Date
Node = Scalar | Array | Map | Object


@dataclass(frozen=True, slots=True)
class Schema:
    """One destination's schema. `document` is the JSON with the tenant's name in it, for validators."""

    name: str
    profile: bool
    root: Object
    document: Mapping[str, object]

    def find(self, target: str) -> Node | None:
        """The node at a target such as "commerce.order.priceTotal", None if there is none."""
        return find(self.root, target)

    def targets(self) -> tuple[str, ...]:
        """Every path that objects lead to, for hints."""
        return tuple(_targets(self.root, ""))


def find(root: Node, target: str) -> Node | None:
    """The node below another one, through objects only."""
    node: Node | None = root
    for part in target.split("."):
        node = node.properties.get(part) if isinstance(node, Object) else None
    return node


def _targets(node: Object, prefix: str) -> list[str]:
    found: list[str] = []
    for name, child in node.properties.items():
        found += [prefix + name] if not isinstance(child, Object) else _targets(child, f"{prefix}{name}.")
    return found


def load_schemas(
    directory: Path,
    tenant: str,
    adapt: Callable[[Mapping[str, object]], Mapping[str, object]] = lambda document: document,
    brand: Path | None = None,
) -> dict[str, Schema]:
    """All schemas of a directory by the name of their file, which is the name of the destination.

    Args:
        directory: holds one `NAME.json` per destination.
        tenant: the tenant's namespace, with or without the leading underscore.
        adapt: what becomes of a document before, while `_tenant` still stands for that namespace.
        brand: holds a brand's additions, files of the same names and of new ones; see `laid_over`.

    Raises:
        MappingProblems: files that are no JSON, or use what cannot be guaranteed.
    """
    schemas: dict[str, Schema] = {}
    problems: list[Problem] = []
    ours = {file.name: file for file in directory.glob("*.json")}
    theirs = {file.name: file for file in brand.glob("*.json")} if brand is not None else {}
    for name in sorted(ours.keys() | theirs.keys()):
        label = str(theirs[name]) if name in theirs else f"{directory.name}/{name}"
        stem = name.removesuffix(".json")
        try:
            documents = [_document(files[name]) for files in (ours, theirs) if name in files]
            schemas[stem] = read_schema(stem, with_tenant(adapt(reduce(laid_over, documents)), tenant))
        except (ValueError, SchemaError) as error:
            problems.append(Problem(label, 0, "schema", str(error)))
    if problems:
        raise MappingProblems(problems)
    return schemas


def laid_over(ours: Mapping[str, object], brands: Mapping[str, object]) -> dict[str, object]:
    """A schema with a brand's additions: objects are merged, lists get what they lack, all else is replaced."""
    merged = dict(ours)
    for name, value in brands.items():
        known = merged.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[name] = laid_over(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            merged[name] = [*known, *(item for item in value if item not in known)]
        else:
            merged[name] = value
    return merged


class SchemaError(Exception):
    """A schema says something that the compiler cannot guarantee, or is none."""


def _document(file: Path) -> dict[str, object]:
    document = json.loads(file.read_bytes())
    if not isinstance(document, dict):
        raise SchemaError("is no JSON object")
    return document


def with_tenant(document: Mapping[str, object], tenant: str) -> Mapping[str, object]:
    """The document with `_tenant` as the tenant's own namespace, e.g. `_acme`."""
    properties = document.get("properties")
    if not isinstance(properties, dict) or "_tenant" not in properties:
        return document
    named = {(tenant_name(tenant) if name == "_tenant" else name): node for name, node in properties.items()}
    return {**document, "properties": named}


def tenant_name(tenant: str) -> str:
    """The tenant's namespace as it stands in XDM: one leading underscore.

    Raises:
        SchemaError: no name that Adobe would give.
    """
    name = "_" + tenant.lstrip("_")
    if not re.fullmatch(r"_[A-Za-z][A-Za-z0-9]*", name):
        raise SchemaError(f"{tenant!r} is no tenant's namespace: letters and digits are what Adobe gives")
    return name


def read_schema(name: str, document: Mapping[str, object]) -> Schema:
    """The tree of one document.

    Raises:
        SchemaError: a keyword or type that cannot be guaranteed; neither of the two classes.
    """
    kind = document.get("meta:class")
    if kind not in (PROFILE_CLASS, EVENT_CLASS):
        raise SchemaError(f'"meta:class" is neither {PROFILE_CLASS} nor {EVENT_CLASS}')
    root = _object(dict(document), "")
    if not isinstance(root, Object):
        raise SchemaError("the root is no object with properties")
    needed = {"identityMap"} if kind == PROFILE_CLASS else {"_id", "timestamp", "identityMap"}
    if missing := needed - root.properties.keys():
        raise SchemaError(f"the root has no {', '.join(sorted(missing))}")
    if kind == EVENT_CLASS and not root.required >= {"_id", "timestamp"}:
        raise SchemaError("an event requires _id and timestamp")
    if kind == PROFILE_CLASS:
        # XDM lets a profile name its customer in another way. We do not, so an output without is refused at the start.
        root = replace(root, required=root.required | needed)
    return Schema(name, kind == PROFILE_CLASS, root, document)


_PLAIN = frozenset({"type", "title", "description", "default", "examples", "$schema", "$id"})
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"pattern", "enum", "minLength", "maxLength", "format"}),
    "number": frozenset({"minimum", "maximum"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "array": frozenset({"items", "maxItems", "minItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}


def _node(schema: object, path: str) -> Node:
    if not isinstance(schema, dict):
        raise SchemaError(f"{path}: is no JSON object")
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise SchemaError(f"{path}: type {kind!r} is none that can be guaranteed")
    unknown = [name for name in schema if name not in _PLAIN | _KEYWORDS[kind] and not name.startswith(("meta:", "x-"))]
    if unknown:
        raise SchemaError(f"{path}: {', '.join(unknown)} cannot be guaranteed")
    return _READERS[kind](schema, path)


def _text(schema: dict[str, object], path: str) -> Node:
    form = schema.get("format")
    if form == "date-time":
        return DateTime()
    if form == "date":
        return Date()
    if form not in (None, "email", "uri", "uri-reference"):
        raise SchemaError(f"{path}: format {form!r} cannot be guaranteed")
    pattern = schema.get("pattern")
    if pattern is not None and (not isinstance(pattern, str) or not _compiles(pattern)):
        raise SchemaError(f"{path}: pattern {pattern!r} is none that Python understands")
    enum = schema.get("enum", [])
    if not isinstance(enum, list) or not all(isinstance(value, str) and value for value in enum):
        raise SchemaError(f"{path}: enum is a list of texts")
    shortest, longest = _whole(schema, "minLength", path), _whole(schema, "maxLength", path)
    return Text(pattern, tuple(enum), max(1, shortest or 1), longest, None if form is None else str(form))


def compiled(pattern: str) -> re.Pattern[str]:
    r"""A pattern of JSON Schema, whose `\d` and `\w` are those of ASCII only, as in ECMA-262.

    Raises:
        re.error, ValueError: Python does not understand it.
    """
    return re.compile(pattern, re.ASCII)


def _compiles(pattern: str) -> bool:
    try:
        compiled(pattern)
    except (re.error, ValueError):  # a flag in the pattern may contradict
        return False
    return True


def _number(schema: dict[str, object], path: str) -> Node:
    low, high = schema.get("minimum"), schema.get("maximum")
    for limit in (low, high):
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
            raise SchemaError(f"{path}: minimum and maximum are numbers")
    return Number(low, high)  # type: ignore[arg-type]  # just checked


def _integer(schema: dict[str, object], path: str) -> Node:
    low, high = _whole(schema, "minimum", path), _whole(schema, "maximum", path)
    return Integer(max(-LONGEST, -_INT32 if low is None else low), min(LONGEST, _INT32 - 1 if high is None else high))


def _whole(schema: dict[str, object], keyword: str, path: str) -> int | None:
    value = schema.get(keyword)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise SchemaError(f"{path}: {keyword} is a whole number")
    return value


def _array(schema: dict[str, object], path: str) -> Node:
    if (_whole(schema, "minItems", path) or 0) > 1:
        raise SchemaError(f"{path}: minItems above 1 cannot be guaranteed")
    return Array(_node(schema.get("items"), f"{path}[]"), _whole(schema, "maxItems", path))


def _object(schema: dict[str, object], path: str) -> Node:
    more, properties = schema.get("additionalProperties"), schema.get("properties")
    if isinstance(more, dict) and properties is None and "required" not in schema:
        return Map(_node(more, f"{path}{{}}"))
    if more is not False or not isinstance(properties, dict):
        raise SchemaError(f"{path or 'the root'}: an object has properties and additionalProperties false, or is a map")
    required = schema.get("required", [])
    if not isinstance(required, list) or not set(required) <= properties.keys():
        raise SchemaError(f"{path or 'the root'}: required names a property that is not there")
    nodes = {name: _node(node, f"{path}.{name}".lstrip(".")) for name, node in properties.items()}
    return Object(nodes, frozenset(required))


_READERS = {
    "string": _text,
    "number": _number,
    "integer": _integer,
    "boolean": lambda _schema, _path: Boolean(),
    "array": _array,
    "object": _object,
}
