"""A checked mapping: every path with its Avro type, every target with its XDM type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from processor.mapping.language import Place, UnsentSpec
from processor.mapping.registry import Function
from processor.mapping.sources import Columns, Reader, Source
from processor.mapping.xdm import Node, Schema


@dataclass(frozen=True, slots=True)
class Ref:
    """A path that is read; `item` tells that it starts at the item of the `each` around it."""

    path: str
    source: Source
    item: bool


@dataclass(frozen=True, slots=True)
class RowsRef:
    """An array of records that is read as rows."""

    path: str
    columns: tuple[str, ...]
    item: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """`@now`, `@received`, `@output`, `@item` or `@value`."""

    name: str
    source: Source


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant among the arguments of a call."""

    value: object


@dataclass(frozen=True, slots=True)
class Unread:
    """An argument that its function does not look at as it is configured: nothing is decoded for it, it is None."""

    ref: Ref


Readable = Ref | Context
Argument = Ref | RowsRef | Context | Literal | Unread


@dataclass(frozen=True, slots=True)
class Pick:
    """`from`: the first of some values of one kind that is present."""

    refs: tuple[Readable, ...]
    coercion: str | None

    @property
    def source(self) -> Source:
        """The type of all of them."""
        return self.refs[0].source


@dataclass(frozen=True, slots=True)
class Constant:
    """`const`, or an entry of a lookup: valid for its target."""

    value: object


@dataclass(frozen=True, slots=True)
class Lookup:
    """`lookup`: keys are folded texts; `otherwise` is the entry "*", None without one."""

    entries: Mapping[str, object]
    otherwise: object
    refs: tuple[Readable, ...]


@dataclass(frozen=True, slots=True)
class Invoke:
    """`call`."""

    function: Function
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The elements of one part of a list: one per item of `each`, or one."""

    each: Ref | None
    fields: tuple[Field, ...]
    node: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Parts:
    """A list of objects."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One target. `required` is already what it comes to: in a Profile output all but `clear` fields are."""

    target: str
    node: Node
    verb: Pick | Constant | Lookup | Invoke | Parts
    required: bool
    clear: bool
    place: Place

    @property
    def sure(self) -> bool:
        """Whether it is set in every message that goes out; one that may be gone is not."""
        return self.required and not (isinstance(self.verb, Invoke) and self.verb.function.gone)

    def decides(self) -> tuple[Ref | RowsRef, ...]:
        """What decides whether there is a value."""
        return tuple(ref for ref in _readables(self.verb) if isinstance(ref, Ref | RowsRef))

    def reads(self) -> tuple[str, ...]:
        """The places of the event that it is made of, also those that its function leaves alone as it is configured."""
        arguments = (argument.ref if isinstance(argument, Unread) else argument for argument in _readables(self.verb))
        return tuple(place for argument in arguments for place in _places(argument))

    def clears(self) -> bool:
        """Whether it, or a field of the objects that it makes a list of, says `absent = "clear"`."""
        parts = self.verb.parts if isinstance(self.verb, Parts) else ()
        return self.clear or any(field.clears() for part in parts for field in part.fields)


def _readables(verb: object) -> tuple[Argument, ...]:
    match verb:
        case Pick(refs=refs) | Lookup(refs=refs):
            return refs
        case Invoke(arguments=arguments):
            return arguments
        case Parts(parts=parts):
            return tuple(part.each for part in parts if part.each is not None)
    return ()


@dataclass(frozen=True, slots=True)
class Condition:
    """`when`."""

    invoke: Invoke
    otherwise: str
    place: Place

    @property
    def reads(self) -> tuple[str, ...]:
        """The places of the event that decide, as the field `dropped` spells them."""
        return tuple(place for argument in self.invoke.arguments for place in _places(argument))


def _places(argument: Argument) -> tuple[str, ...]:
    match argument:
        case Ref(path):
            return (path,)
        case RowsRef(path, columns):
            return tuple(f"{path}[].{column}" for column in columns)
    return ()


@dataclass(frozen=True, slots=True)
class Output:
    """One output, common block included. `each` and `key` make it a fan-out; the first path of `key` must be there."""

    to: str
    name: str
    schema: Schema
    each: Ref | None
    key: tuple[Ref, ...]
    conditions: tuple[Condition, ...]
    fields: tuple[Field, ...]
    place: Place

    @property
    def profile(self) -> bool:
        """Whether it writes Profile."""
        return self.schema.profile

    def withholds(self, condition: Condition) -> bool:
        """Whether one of its conditions, where it cannot be told, costs this output alone and not the record.

        Profile must not guess, and a condition with a name is there to hold back. Of events a condition without one
        chooses which event it is: while that cannot be told, none of them may go out.
        """
        return self.profile or bool(condition.otherwise)


@dataclass(frozen=True, slots=True)
class BoundMapping:
    """One event's mapping.

    `wants` is all that the decoder has to give, in the order of the compiled code's tuple; `unsent` is what no output
    reads, on purpose: that of the file, then what holds of `_common.toml`.
    """

    event: str
    reader: Reader
    outputs: tuple[Output, ...]
    wants: tuple[str | Columns, ...]
    unsent: tuple[UnsentSpec, ...]
    place: Place


def whole_path(ref: Ref | RowsRef, within: str) -> str:
    """A path as the decoder's `known` and the field `dropped` have it; `within` is that of items: `data.coupons[].`."""
    return within + ref.path if ref.item else ref.path


def item_columns(part_fields: tuple[Field, ...], key: tuple[Ref, ...] = ()) -> tuple[str, ...]:
    """The paths inside the item of an `each` that fields read, once each, in the order of the item's tuple."""
    paths: dict[str, None] = dict.fromkeys(ref.path for ref in key)
    for field in part_fields:
        for path in _item_paths(field.verb):
            paths[path] = None
    return tuple(paths)


def _item_paths(verb: object) -> tuple[str, ...]:
    if not isinstance(verb, Parts):
        return tuple(ref.path for ref in _readables(verb) if isinstance(ref, Ref | RowsRef) and ref.item)
    paths: list[str] = []
    for part in verb.parts:
        if part.each is None:
            paths += item_columns(part.fields)
        elif part.each.item:
            paths.append(part.each.path)
    return tuple(paths)


def item_want(each: Ref, columns: tuple[str, ...]) -> str | Columns:
    """What the decoder has to give for an `each` over an array of the event."""
    item = each.source.item
    if item is None or item.kind != "record":
        return each.path
    return Columns(each.path, columns or tuple(item.fields)[:1])


def returned(function: Function) -> Source:
    """The type of what a function returns."""
    if function.result == "string" and function.ours:
        return Source("clean", nullable=True)
    listed = {"strings": "array", "texts": "map"}.get(function.result)
    if listed is None:
        return Source(function.result, nullable=True)
    return Source(listed, nullable=True, item=Source("string"))
