"""What a mapping can read: the paths of an Avro reader schema with their types.

Logical types of int and long are ignored, because the decoder gives plain numbers; decimals come as `decimal.Decimal`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_KINDS = {
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "string": "string",
    "bytes": "bytes",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Source:
    """The type of one path.

    `kind` is boolean, integer, number, string, bytes, decimal, map, array, record, or mixed (a union of several types).
    `item` is the type of the items of an array and of the values of a map, `fields` the fields of a record.
    """

    kind: str
    nullable: bool = False
    item: Source | None = None
    fields: Mapping[str, Source] = field(default_factory=dict)

    def find(self, path: str) -> Source | None:
        """The type at a path such as "data.enteredBy.store.code", None if there is none.

        It is nullable when the field itself or a record on the way to it is.
        """
        source, nullable = self, False
        for part in path.split("."):
            found = source.fields.get(part)
            if found is None:
                return None
            source = found
            nullable = nullable or source.nullable
        return Source(source.kind, nullable, source.item, source.fields)

    def paths(self, prefix: str = "") -> Iterator[str]:
        """Every path through records, for hints."""
        for name, source in self.fields.items():
            yield prefix + name
            yield from source.paths(f"{prefix}{name}.")

    def places(self, place: str = "") -> Iterator[str]:
        """Every place whose value can be lost, as the field `dropped` spells it: "data.coupons[].code"."""
        if place:
            yield place
        if self.item is not None:
            yield from self.item.places(place + ("[]" if self.kind == "array" else "{}"))
        for name, source in self.fields.items():
            yield from source.places(f"{place}.{name}" if place else name)


class Columns(NamedTuple):
    """An array of records as the decoder is to give it: one tuple per item, of these paths inside the item."""

    path: str
    items: tuple[str, ...]


Want = str | Columns


class Reader(NamedTuple):
    """One event's Avro schema, as far as mappings need it.

    `customer` is the path of the customer's id, through an array where every item has its own, None where the event
    names no customer; `aliases` are other names under which the event was seen.
    """

    event: str
    record: str
    root: Source
    customer: str | None
    aliases: tuple[str, ...] = ()

    @property
    def customer_want(self) -> Want | None:
        """What gives the customer's id: its path, or one row per item of an array. None without one."""
        if self.customer is None:
            return None
        parts, source = self.customer.split("."), self.root
        for number, part in enumerate(parts, 1):
            found = source.fields.get(part)
            if found is None:
                return None
            if found.kind == "array" and found.item is not None and number < len(parts):
                rest = ".".join(parts[number:])
                return Columns(".".join(parts[:number]), (rest,)) if found.item.find(rest) is not None else None
            source = found
        return self.customer


def read_reader(schema: Mapping[str, object]) -> Reader:
    """The reader of one `.avsc` document that fastavro has accepted and that is not recursive."""
    name, namespace = str(schema["name"]), schema.get("namespace")
    record = f"{namespace}.{name}" if namespace and "." not in name else name
    customer = schema.get("customer")
    root = _Walk().source(dict(schema), "")
    aliases = schema.get("eventAliases")
    names = tuple(map(str, aliases)) if isinstance(aliases, list) else ()
    return Reader(str(schema.get("event", "")), record, root, str(customer) if customer else None, names)


class _Walk:
    """Remembers named types; a name is looked up qualified first and bare after."""

    def __init__(self) -> None:
        self._named: dict[str, Source] = {}

    def source(self, schema: object, namespace: str) -> Source:
        if isinstance(schema, list):
            return self._union(schema, namespace)
        if isinstance(schema, str):
            return Source(_KINDS[schema]) if schema in _KINDS else self._by_name(schema, namespace)
        assert isinstance(schema, dict)  # Avro has no other shape
        return self._complex(schema, namespace)

    def _union(self, branches: list[object], namespace: str) -> Source:
        found = [self.source(branch, namespace) for branch in branches if branch != "null"]
        nullable = len(found) < len(branches)
        if len(found) != 1:
            return Source("mixed" if found else "null", nullable)
        return Source(found[0].kind, nullable, found[0].item, found[0].fields)

    def _by_name(self, name: str, namespace: str) -> Source:
        return self._named.get(f"{namespace}.{name}") or self._named[name]

    def _complex(self, schema: dict[str, object], namespace: str) -> Source:
        kind = schema["type"]
        if kind == "array":
            return Source("array", item=self.source(schema["items"], namespace))
        if kind == "map":
            return Source("map", item=self.source(schema["values"], namespace))
        if kind in ("record", "enum", "fixed"):
            return self._define(schema, namespace)
        if schema.get("logicalType") == "decimal":
            return Source("decimal")
        return self.source(kind, namespace)

    def _define(self, schema: dict[str, object], namespace: str) -> Source:
        name = str(schema["name"])
        own = str(schema.get("namespace", namespace))
        full = name if "." in name or not own else f"{own}.{name}"
        inner = full.rpartition(".")[0]
        if schema["type"] == "record":
            fields = schema["fields"]
            assert isinstance(fields, list)  # fastavro has seen to it
            source = Source("record", fields={str(f["name"]): self.source(f["type"], inner) for f in fields})
        else:
            decimal = schema.get("logicalType") == "decimal"
            source = Source("string" if schema["type"] == "enum" else "decimal" if decimal else "bytes")
        self._named[full] = source
        return source
