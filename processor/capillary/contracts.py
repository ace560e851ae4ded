"""The canonical Avro contracts: one `.avsc` per event, and all that this program knows of the event.

Beside Avro's own members the record at the root says
    "event"          the event's name in Capillary's spelling, e.g. "pointsIssued" (required)
    "eventAliases"   other names under which it was seen; casing, blanks, `_` and `-` never matter (optional)
    "customer"       the path of the customer's id, which with the org makes the Kafka key (optional); through an array
                     it is the customer that all items name
    "keyOtherwise"   the path of an id that does so where there is no such customer, to keep what belongs together in
                     order (optional)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import fastavro

from processor.capillary.errors import ContractError
from processor.capillary.ignored import Ignored, load_ignored
from processor.capillary.mend import Items, Member, Named, Node, Scalar, Structure
from processor.capillary.names import fold
from processor.capillary.scalars import boolean, double, int32, long, text

OURS = frozenset({"envelopeVersion", "dropped"})
"""Fields of the root that the reader fills in itself and never takes from a document."""

_REQUIRED = frozenset({"eventName", "orgId", "data"})
_SCALARS = {"boolean": boolean, "int": int32, "long": long, "double": double, "string": text}
_PAIR = frozenset({"key", "value"})

Json = dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """One event.

    `name` is the full name of the Avro record, `schema` the file as parsed JSON, `parsed` the same for fastavro,
    `customer` the path of the customer's id (empty: the event names no customer), `otherwise` that of what stands in
    for it in the Kafka key (empty: nothing does), `body` the names of the fields of `data`, `root` mends a flat
    document.
    """

    event: str
    name: str
    schema: Json
    parsed: object
    aliases: tuple[str, ...]
    customer: tuple[str, ...]
    otherwise: tuple[str, ...]
    body: frozenset[str]
    root: Structure


class Contracts(Mapping[str, Contract]):
    """All contracts by the canonical name of their event. `ignored` are events that go nowhere, with the reasons."""

    def __init__(self, contracts: tuple[Contract, ...], ignored: Ignored) -> None:
        self._contracts = {contract.event: contract for contract in contracts}
        self.ignored = ignored
        self._spellings: dict[str, Contract] = {}
        for contract in contracts:
            for name in (contract.event, *contract.aliases):
                other = self._spellings.setdefault(fold(name), contract)
                if other is not contract:
                    raise ContractError(f"{contract.event}: the name {name} belongs to {other.event} already")

    def __getitem__(self, event: str) -> Contract:
        return self._contracts[event]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contracts)

    def __len__(self) -> int:
        return len(self._contracts)

    def find(self, name: str) -> Contract | None:
        """The contract of an event under any spelling of its name or aliases."""
        return self._spellings.get(fold(name))

    def nearest(self, name: str) -> str | None:
        """The known event whose name is most like this one."""
        found = get_close_matches(fold(name[:80]), self._spellings)
        return self._spellings[found[0]].event if found else None


def load_contracts(directory: Path, brand: Path | None = None) -> Contracts:
    """Reads every `.avsc` of a directory (not of `released/`, which holds what older writers used).

    Args:
        directory: holds the contracts, and `ignored.toml`.
        brand: the brand's own directory of mappings; an `ignored.toml` there adds to ours.

    Raises:
        ContractError: a file that is not JSON, not Avro, or not a contract of ours; two files for one event.
        OSError: the directory or a file cannot be read.
    """
    files = sorted(directory.glob("*.avsc"))
    if not files:
        raise ContractError(f"{directory}: no contract (*.avsc) here")
    ignored = load_ignored(directory)
    if brand is not None:
        ignored = Ignored({**ignored, **load_ignored(brand)})
    return Contracts(tuple(_load(file) for file in files), ignored)


def _load(file: Path) -> Contract:
    try:
        schema = json.loads(file.read_bytes())
        parsed = fastavro.parse_schema(schema)
    except (ValueError, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        raise ContractError(f"{file.name}: no Avro schema: {error}") from error
    try:
        return build_contract(schema, parsed)
    except ContractError as error:
        raise ContractError(f"{file.name}: {error}") from error


def build_contract(schema: Json, parsed: object) -> Contract:
    """The contract of one schema.

    Raises:
        ContractError: the schema breaks a rule of ours: every field nullable with default null but `eventName`,
            `orgId` and `data`; no type that a document cannot be mended into; no recursion; no two names of one
            record that are two spellings of one.
    """
    event = schema.get("event")
    if not isinstance(event, str) or schema.get("type") != "record":
        raise ContractError('the root is a record with a property "event"')
    root = _Builder().root(schema)
    body = next(member.node for member in root.members if member.name == "data")
    if not isinstance(body, Structure):
        raise ContractError("data: is a record")
    customer, otherwise = _path_of_id(schema, root, "customer"), _path_of_id(schema, root, "keyOtherwise")
    name = fastavro.schema.fullname(schema)
    aliases = schema.get("eventAliases", [])
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise ContractError('"eventAliases" is a list of names')
    fields = frozenset(member.name for member in body.members)
    return Contract(event, name, schema, parsed, tuple(aliases), customer, otherwise, fields, root)


def _path_of_id(schema: Json, root: Structure, name: str) -> tuple[str, ...]:
    path = tuple(part for part in str(schema.get(name, "")).split(".") if part)
    if path and not _ends_at_long(root, path):
        raise ContractError(f'"{name}": {".".join(path)} is no long of this schema')
    return path


def _ends_at_long(structure: Structure, path: tuple[str, ...]) -> bool:
    step: object = structure
    for name in path:
        step = step.node if isinstance(step, Items) else step
        members = {member.name: member.node for member in step.members} if isinstance(step, Structure) else {}
        step = members.get(name)
    return isinstance(step, Scalar) and step.convert is long


class _Builder:
    """Walks one schema. Named types are known by their unqualified name: a contract uses each name once."""

    def __init__(self) -> None:
        self._named: dict[str, Json] = {}
        self._open: set[str] = set()

    def root(self, schema: Json) -> Structure:
        fields = [field for field in _fields(schema) if field["name"] not in OURS]
        if missing := _REQUIRED - {str(field["name"]) for field in fields}:
            raise ContractError(f"the root has no {', '.join(sorted(missing))}")
        structure = Structure("", tuple(self._member(field, "", _REQUIRED) for field in fields))
        _refuse_twins(structure, "the root")
        return structure

    def _member(self, field: Json, prefix: str, required: frozenset[str] = frozenset()) -> Member:
        name = str(field["name"])
        path = prefix + name
        kind = field["type"]
        if name not in required:
            kind = _nullable(kind, path)
            if field.get("default", ...) is not None:
                raise ContractError(f"{path}: needs null as its default")
        aliases = field.get("aliases", [])
        assert isinstance(aliases, list)  # fastavro has seen to it
        return Member(name, path, self._node(kind, path), tuple(aliases))

    def _node(self, kind: object, path: str) -> Node:
        if isinstance(kind, str):
            return self._by_name(kind, path)
        if isinstance(kind, dict):
            return self._complex(kind, path)
        raise ContractError(f"{path}: no union is possible here")

    def _by_name(self, name: str, path: str) -> Node:
        if name in _SCALARS:
            return Scalar(_SCALARS[name])
        named = self._named.get(name.rpartition(".")[2])
        if named is None:
            raise ContractError(f"{path}: {name} is no type that a document can be mended into")
        return self._record(named, path)

    def _complex(self, kind: Json, path: str) -> Node:
        if kind["type"] == "record":
            name = str(kind["name"])
            if self._named.setdefault(name, kind) is not kind:
                raise ContractError(f"{path}: the name {name} is taken")
            return self._record(kind, path)
        if kind["type"] == "array":
            item = f"{path}[]"
            node = self._node(kind["items"], item)
            return Items(item, node, pairs=_is_pair(node))
        if kind["type"] == "map":
            return Named(path, self._node(kind["values"], f"{path}{{}}"))
        return self._by_name(str(kind["type"]), path)  # a primitive with a logical type

    def _record(self, kind: Json, path: str) -> Structure:
        name = str(kind["name"])
        if name in self._open:
            raise ContractError(f"{path}: {name} holds itself")
        self._open.add(name)
        members = tuple(self._member(field, f"{path}.") for field in _fields(kind))
        structure = Structure(f"{path}.", members, required=path in _REQUIRED)
        self._open.remove(name)
        _refuse_twins(structure, path)
        return structure


def _fields(schema: Json) -> list[Json]:
    fields = schema["fields"]
    assert isinstance(fields, list)  # fastavro has seen to it
    return fields


def _nullable(kind: object, path: str) -> object:
    match kind:
        case ["null", other]:
            return other
    raise ContractError(f'{path}: must be nullable, ["null", ...]')


def _is_pair(node: Node) -> bool:
    return isinstance(node, Structure) and {member.name for member in node.members} == _PAIR


def _refuse_twins(structure: Structure, path: str) -> None:
    seen: dict[str, Member] = {}
    for member in structure.members:
        for name in (member.name, *member.aliases):
            if seen.setdefault(fold(name), member) is not member:
                raise ContractError(f"{path}: {name} and {seen[fold(name)].name} are two spellings of one name")
