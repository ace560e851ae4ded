"""All paths of a schema, for checks of what somebody wants of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from processor.avro.admission import Admitted
from processor.avro.types import Array, Enum, Field, Fixed, Map, Primitive, Record, Type, nullable


class PathType(NamedTuple):
    """What a path ends at.

    `kind` is Avro's name of the type, without null: "string", "long", "record", "array", "map", ...; "union" where
    several types remain. `nullable` is whether this very value may be null; it is None as well wherever a record above
    it is null. `logical` is the logical type as the schema spells it, `symbols` those of an enum, `items` what an array
    or a map holds.
    """

    kind: str
    nullable: bool
    logical: str | None = None
    symbols: tuple[str, ...] = ()
    items: PathType | None = None


def reader_paths(reader: Admitted) -> Mapping[str, PathType]:
    """Every path of a schema, in its order: "data.tiers" for the array, "data.tiers[].tierName" inside an item.

    What a map holds has no path of its own. Of a union of several records each field has one.
    """
    paths: dict[str, PathType] = {}
    _add_fields(paths, reader.type.fields, "")
    return paths


def _add_fields(paths: dict[str, PathType], fields: tuple[Field, ...], prefix: str) -> None:
    for field in fields:
        paths.setdefault(prefix + field.name, _path_type(field.type))
        _add_inside(paths, field.type, prefix + field.name)


def _add_inside(paths: dict[str, PathType], kind: Type, place: str) -> None:
    for branch in nullable(kind).branches:
        if isinstance(branch, Record):
            _add_fields(paths, branch.fields, f"{place}.")
        elif isinstance(branch, Array):
            _add_inside(paths, branch.items, f"{place}[]")


def _path_type(kind: Type) -> PathType:
    found = nullable(kind)
    if len(found.branches) != 1:
        return PathType("union" if found.branches else "null", found.nullable)
    (only,) = found.branches
    logical = only.logical if isinstance(only, Primitive | Fixed) else None
    symbols = only.symbols if isinstance(only, Enum) else ()
    inner = only.items if isinstance(only, Array) else only.values if isinstance(only, Map) else None
    return PathType(only.kind, found.nullable, logical, symbols, _path_type(inner) if inner else None)
