"""Avro types as values: an admitted schema with its named types resolved.

A type that several fields share is one object here, so that nothing grows with the number of its uses. Every type
knows three measures of itself, reckoned once:
    least    the fewest bytes that a value takes
    breadth  how many record fields there are when every use of a named type is written out; of a union, each branch
             beyond two counts as one more
    depth    how many records, arrays and maps hold each other, itself included
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

NO_DEFAULT = object()
"""The default of a field that has none; None is the default null."""

_LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
PRIMITIVES = frozenset(_LEAST)


@dataclass(frozen=True, slots=True)
class Decimal:
    """The logical type decimal: `precision` digits, of which `scale` follow the point."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """One of Avro's eight primitive types; `kind` is its name, `logical` the logical type as the schema spells it."""

    kind: str
    logical: str | None = None
    decimal: Decimal | None = None
    least: int = field(init=False)
    breadth: ClassVar[int] = 0
    depth: ClassVar[int] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "least", _LEAST[self.kind])


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """So many bytes."""

    name: str
    aliases: frozenset[str]
    size: int
    logical: str | None = None
    decimal: Decimal | None = None
    kind: ClassVar[str] = "fixed"
    breadth: ClassVar[int] = 0
    depth: ClassVar[int] = 0

    @property
    def least(self) -> int:
        """Always all of them."""
        return self.size


@dataclass(frozen=True, slots=True, eq=False)
class Enum:
    """One of a list of symbols, written as its index. `default` stands in for a symbol that a reader does not know."""

    name: str
    aliases: frozenset[str]
    symbols: tuple[str, ...]
    default: str | None = None
    kind: ClassVar[str] = "enum"
    least: ClassVar[int] = 1
    breadth: ClassVar[int] = 0
    depth: ClassVar[int] = 0


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """Blocks of items."""

    items: Type
    kind: ClassVar[str] = "array"
    least: ClassVar[int] = 1
    breadth: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "breadth", self.items.breadth)
        object.__setattr__(self, "depth", self.items.depth + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Blocks of pairs; keys are strings."""

    values: Type
    kind: ClassVar[str] = "map"
    least: ClassVar[int] = 1
    breadth: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "breadth", self.values.breadth)
        object.__setattr__(self, "depth", self.values.depth + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """One of several types, written as its index and its value. Never empty, never directly in another union."""

    branches: tuple[Type, ...]
    kind: ClassVar[str] = "union"
    least: int = field(init=False)
    breadth: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "least", 1 + min(branch.least for branch in self.branches))
        more = max(0, len(self.branches) - 2)
        object.__setattr__(self, "breadth", more + sum(branch.breadth for branch in self.branches))
        object.__setattr__(self, "depth", max(branch.depth for branch in self.branches))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field of a record. `default` is JSON as the schema has it, or NO_DEFAULT."""

    name: str
    aliases: frozenset[str]
    type: Type
    default: object = NO_DEFAULT


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Values one after another, in the order of the fields."""

    name: str
    aliases: frozenset[str]
    fields: tuple[Field, ...]
    kind: ClassVar[str] = "record"
    least: int = field(init=False)
    breadth: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "least", sum(member.type.least for member in self.fields))
        object.__setattr__(self, "breadth", sum(1 + member.type.breadth for member in self.fields))
        object.__setattr__(self, "depth", 1 + max((member.type.depth for member in self.fields), default=0))


Type = Primitive | Fixed | Enum | Array | Map | Union | Record
Named = Fixed | Enum | Record


class Possible(NamedTuple):
    """What a value may be: null or not, and which other types."""

    nullable: bool
    branches: tuple[Type, ...]


def nullable(kind: Type) -> Possible:
    """Takes null out of a type."""
    branches = kind.branches if isinstance(kind, Union) else (kind,)
    others = tuple(branch for branch in branches if branch.kind != "null")
    return Possible(len(others) < len(branches), others)
