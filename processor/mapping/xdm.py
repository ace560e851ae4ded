"""The composed XDM schemas of `schemas/xdm/` as trees that the compiler can make valid values for.

Only the part of JSON Schema that can be guaranteed while a value is built is understood; anything else is refused when
the file is loaded, because a rule that is overlooked would be a message that Adobe loses silently after its 2xx.
Types and limits: XDM field constraints (integer is 32 bits unless the schema says otherwise, long ends at 2^53 - 1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import reduce
from math import isfinite
from pathlib import Path

from processor.mapping.json_locator import locate_json
from processor.mapping.locator import KeyPath
from processor.mapping.problems import MappingProblems, Problem, hint

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
        MappingProblems: files that are no JSON, or use what cannot be guaranteed; what a brand has beside them.
    """
    schemas: dict[str, Schema] = {}
    ours = {file.name: (f"{directory.name}/{file.name}", file) for file in directory.glob("*.json")}
    theirs = {file.name: (str(file), file) for file in brand.glob("[!.]*.json")} if brand is not None else {}
    problems = [] if brand is None else _strays(brand, ours)
    for name in sorted(ours.keys() | theirs.keys()):
        stem = name.removesuffix(".json")
        read = [_layer(*files[name]) for files in (ours, theirs) if name in files]
        layers = [layer for layer in read if isinstance(layer, _Layer)]
        problems += [problem for problem in read if isinstance(problem, Problem)]
        if len(layers) < len(read):
            continue
        documents = [layer.document for layer in layers]
        try:
            if name in ours:
                _check_addition(documents[0], documents[-1], tenant)
            else:
                _check_own(stem, documents[0], ours)
            schemas[stem] = read_schema(stem, with_tenant(adapt(reduce(laid_over, documents)), tenant))
        except SchemaError as error:
            problems.append(_placed(error, layers, tenant))
        except RecursionError:
            problems.append(Problem(layers[-1].label, 0, "schema", _TOO_DEEP))
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
    """A schema says something that the compiler cannot guarantee, or is none; `at` are the keys that lead there."""

    def __init__(self, message: str, at: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.at = at


# ---- files ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Layer:
    """One file: ours, or what a brand lays over it."""

    label: str
    text: str
    document: dict[str, object]


def _layer(label: str, file: Path) -> _Layer | Problem:
    content = file.read_bytes()
    try:
        text = content.decode(json.detect_encoding(content))
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return Problem(label, error.lineno, "schema", str(error))
    except ValueError as error:  # no text, or a number of thousands of digits
        return Problem(label, 0, "schema", str(error))
    except RecursionError:
        return Problem(label, 0, "schema", _TOO_DEEP)
    return _Layer(label, text, document) if isinstance(document, dict) else Problem(label, 1, "schema", _NO_OBJECT)


_NO_OBJECT = "is no JSON object"
_TOO_DEEP = "objects or lists hold each other too deep"


def _strays(brand: Path, ours: Iterable[str]) -> list[Problem]:
    """What lies among a brand's schemas and is none, so that nobody reads it."""
    return [
        Problem(str(entry), 0, "file", f"is read by nobody; schemas are called NAME.json{hint(entry.name, ours)}")
        for entry in (sorted(brand.iterdir()) if brand.is_dir() else ())
        if not entry.name.startswith(".") and entry.suffix not in (".json", ".md")
    ]


def _check_own(name: str, document: Mapping[str, object], ours: Iterable[str]) -> None:
    """Raises SchemaError where a file with a name of its own says of which kind it is as little as an addition."""
    if "meta:class" not in document:
        near = hint(name, [other.removesuffix(".json") for other in ours])
        raise SchemaError(f'there is no schema "{name}" to add to{near}; one of its own needs "meta:class"')


def _check_addition(ours: Mapping[str, object], brands: Mapping[str, object], tenant: str) -> None:
    """Raises SchemaError where the tenant's namespace stands by name, and would be a field beside ours, or instead."""
    known, added = ours.get("properties"), brands.get("properties")
    if not isinstance(known, dict) or not isinstance(added, dict):
        return
    for name, node in added.items():
        new = name.startswith("_") and name not in (*known, "_tenant")
        typed = isinstance(node, dict) and "type" in node
        if new and (name == _own(tenant) or not typed):
            raise SchemaError(f'{name}: the tenant\'s fields stand under "_tenant"', ("properties", name))


def _placed(error: SchemaError, layers: Sequence[_Layer], tenant: str) -> Problem:
    """Where it is mended: the brand's file if what is wrong stands there, or what it is a part of; else ours."""
    for layer in reversed(layers):
        lines = {_named(path, tenant): line for path, line in locate_json(layer.text).items()}
        for path in (error.at, error.at[:-1]):
            if path in lines:
                return Problem(layer.label, lines[path], "schema", str(error))
    return Problem(layers[-1].label, 0, "schema", str(error))


def _named(path: KeyPath, tenant: str) -> KeyPath:
    return tuple(_own(tenant) if key == "_tenant" else key for key in path)


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
    name = _own(tenant)
    if not re.fullmatch(r"_[A-Za-z][A-Za-z0-9]*", name):
        raise SchemaError(f"{tenant!r} is no tenant's namespace: letters and digits are what Adobe gives")
    return name


def _own(tenant: str) -> str:
    return "_" + tenant.lstrip("_")


def read_schema(name: str, document: Mapping[str, object]) -> Schema:
    """The tree of one document.

    Raises:
        SchemaError: a keyword or type that cannot be guaranteed; neither of the two classes.
    """
    kind = document.get("meta:class")
    if kind not in (PROFILE_CLASS, EVENT_CLASS):
        raise SchemaError(f'"meta:class" is neither {PROFILE_CLASS} nor {EVENT_CLASS}', ("meta:class",))
    root_type = document.get("type", "object")
    if root_type != "object":
        raise _refused((), "type", f'type {root_type!r} is not "object"')
    root = _node({**document, "type": root_type}, ())
    if not isinstance(root, Object):
        raise SchemaError("the root is no object with properties", ("additionalProperties",))
    needed = {"identityMap"} if kind == PROFILE_CLASS else {"_id", "timestamp", "identityMap"}
    if missing := needed - root.properties.keys():
        raise SchemaError(f"the root has no {', '.join(sorted(missing))}", ("properties",))
    if kind == EVENT_CLASS and not root.required >= {"_id", "timestamp"}:
        raise SchemaError("an event requires _id and timestamp", ("required",))
    if kind == PROFILE_CLASS:
        # XDM lets a profile name its customer in another way. We do not, so an output without is refused at the start.
        root = replace(root, required=root.required | needed)
    return Schema(name, kind == PROFILE_CLASS, root, document)


_At = tuple[str, ...]
"""Keys from the root of a document down to a node."""

_PLAIN = frozenset({"type", "title", "description", "default", "examples", "$schema", "$id"})
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"pattern", "enum", "minLength", "maxLength", "format"}),
    "number": frozenset({"minimum", "maximum"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "array": frozenset({"items", "maxItems", "minItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}
_MISSPELT = 0.75  # of patternProperties to properties it is 0.74: a word of its own
_FORMATS = ("date", "date-time", "email", "uri", "uri-reference")


def _node(schema: object, at: _At) -> Node:
    if not isinstance(schema, dict):
        raise SchemaError(f"{_shown(at)}: {_NO_OBJECT}", at)
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise _refused(at, "type", f"type {kind!r} is none that can be guaranteed{hint(str(kind), _KEYWORDS)}")
    known = _PLAIN | _KEYWORDS[kind]
    unknown = [name for name in schema if name not in known and not name.startswith(("meta:", "x-"))]
    if unknown:
        near = "".join(hint(name, get_close_matches(name, known, cutoff=_MISSPELT)) for name in unknown)
        raise _refused(at, unknown[0], f"{', '.join(unknown)} cannot be guaranteed{near}")
    return _READERS[kind](schema, at)


def _refused(at: _At, keyword: str, message: str) -> SchemaError:
    """What is wrong with a keyword of the node at a place."""
    return SchemaError(f"{_shown(at)}: {message}", (*at, keyword))


def _shown(at: _At) -> str:
    """A place as targets are written, with [] for the items of a list and {} for the values of a map."""
    shown = ""
    keys = iter(at)
    for key in keys:
        shown += f".{next(keys)}" if key == "properties" else "[]" if key == "items" else "{}"
    return shown.removeprefix(".") or "the root"


def _text(schema: dict[str, object], at: _At) -> Node:
    form = schema.get("format")
    if form == "date-time":
        return DateTime()
    if form == "date":
        return Date()
    if form not in (None, *_FORMATS):
        raise _refused(at, "format", f"format {form!r} cannot be guaranteed{hint(str(form), _FORMATS)}")
    pattern = schema.get("pattern")
    if pattern is not None and (not isinstance(pattern, str) or not _compiles(pattern)):
        raise _refused(at, "pattern", f"pattern {pattern!r} is none that Python understands")
    enum = schema.get("enum", [])
    if not isinstance(enum, list) or not all(isinstance(value, str) and value for value in enum):
        raise _refused(at, "enum", "enum is a list of texts")
    shortest, longest = _whole(schema, "minLength", at), _whole(schema, "maxLength", at)
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
    except (re.error, ValueError, OverflowError, RecursionError):  # a flag may contradict, a count be too large
        return False
    return True


def _number(schema: dict[str, object], at: _At) -> Node:
    low, high = schema.get("minimum"), schema.get("maximum")
    for keyword, limit in (("minimum", low), ("maximum", high)):
        if limit is not None and not _is_number(limit):
            raise _refused(at, keyword, "minimum and maximum are numbers, and finite")
    return Number(low, high)  # type: ignore[arg-type]  # just checked


def _is_number(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and isfinite(value))


def _integer(schema: dict[str, object], at: _At) -> Node:
    low, high = _whole(schema, "minimum", at), _whole(schema, "maximum", at)
    return Integer(max(-LONGEST, -_INT32 if low is None else low), min(LONGEST, _INT32 - 1 if high is None else high))


def _whole(schema: dict[str, object], keyword: str, at: _At) -> int | None:
    value = schema.get(keyword)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise _refused(at, keyword, f"{keyword} is a whole number")
    return value


def _array(schema: dict[str, object], at: _At) -> Node:
    if (_whole(schema, "minItems", at) or 0) > 1:
        raise _refused(at, "minItems", "minItems above 1 cannot be guaranteed")
    return Array(_node(schema.get("items"), (*at, "items")), _whole(schema, "maxItems", at))


def _object(schema: dict[str, object], at: _At) -> Node:
    more, properties = schema.get("additionalProperties"), schema.get("properties")
    if isinstance(more, dict) and properties is None and "required" not in schema:
        return Map(_node(more, (*at, "additionalProperties")))
    if more is not False or not isinstance(properties, dict):
        keyword = "properties" if more is False else "additionalProperties"
        raise _refused(at, keyword, "an object has properties and additionalProperties false, or is a map")
    required = schema.get("required", [])
    if not isinstance(required, list):
        raise _refused(at, "required", "required is a list of properties")
    if missing := [name for name in required if not isinstance(name, str) or name not in properties]:
        near = hint(str(missing[0]), properties)
        raise _refused(at, "required", f"required names a property that is not there: {missing[0]}{near}")
    nodes = {name: _node(node, (*at, "properties", name)) for name, node in properties.items()}
    return Object(nodes, frozenset(required))


_READERS = {
    "string": _text,
    "number": _number,
    "integer": _integer,
    "boolean": lambda _schema, _at: Boolean(),
    "array": _array,
    "object": _object,
}
