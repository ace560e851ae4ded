"""Where every path of an event goes: which output reads it, or that it is unsent on purpose. Nothing is forgotten.

Paths go on inside arrays with a dot, as they do inside records: `data.lineItems.qty` is the quantity of every item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from processor.mapping.bound import (
    Argument,
    BoundMapping,
    Condition,
    Context,
    Field,
    Invoke,
    Lookup,
    Output,
    Parts,
    Pick,
    Ref,
    RowsRef,
    Unread,
)
from processor.mapping.language import UnsentSpec
from processor.mapping.problems import Problem, hint
from processor.mapping.sources import Reader, Source


@dataclass(frozen=True, slots=True)
class Use:
    """One path that an output reads. `target` is the whole XDM path, "when" in a condition, "key" of a fan-out."""

    path: str
    target: str
    output: Output
    by: Field | Condition | None


def uses(output: Output) -> Iterator[Use]:
    """All that an output reads, in the order of the file."""
    item = None if output.each is None else output.each.path
    for condition in output.conditions:
        for path in _paths(condition.invoke.arguments, None):
            yield Use(path, "when", output, condition)
    for ref in output.key:
        yield Use(f"{item}.{ref.path}", "key", output, None)
    for target, field, paths_read in every_field(output):
        for path in paths_read:
            yield Use(path, target, output, field)


def every_field(output: Output) -> Iterator[tuple[str, Field, tuple[str, ...]]]:
    """Every field of an output, those of list elements behind their list, with its whole target and what it reads."""
    item = None if output.each is None else output.each.path
    for target, field, inside in _fields(output.fields, "", item):
        yield target, field, tuple(_paths(arguments(field), inside))


def arguments(field: Field) -> Sequence[Argument]:
    """What a field reads itself; of a list of objects nothing, because their own fields do."""
    match field.verb:
        case Pick(refs=refs) | Lookup(refs=refs):
            return refs
        case Invoke(arguments=given):
            return given
    return ()


def _fields(fields: Iterable[Field], prefix: str, item: str | None) -> Iterator[tuple[str, Field, str | None]]:
    """Every field with its whole target and the path of the item that it stands in, None outside of any."""
    for field in fields:
        target = prefix + field.target
        yield target, field, item
        for part in field.verb.parts if isinstance(field.verb, Parts) else ():
            inside = item if part.each is None else _absolute(part.each, item)
            yield from _fields(part.fields, f"{target}[].", inside)


def _paths(given: Iterable[Argument], item: str | None) -> Iterator[str]:
    for argument in given:
        match argument:
            case Ref():
                yield _absolute(argument, item)
            case Unread(ref):  # thought of, and not needed as things are configured
                yield _absolute(ref, item)
            case RowsRef(columns=columns):
                yield from (f"{_absolute(argument, item)}.{column}" for column in columns)
            case Context(name="@value") if item is not None:
                yield item


def _absolute(ref: Ref | RowsRef, item: str | None) -> str:
    return f"{item}.{ref.path}" if ref.item else ref.path


def has(root: Source, path: str) -> bool:
    """Whether an event has a path, arrays gone through."""
    source: Source | None = root
    for name in path.split("."):
        source = None if source is None else _inside(source).get(name)
    return source is not None


def paths(source: Source, prefix: str = "") -> Iterator[str]:
    """Every path of an event, arrays gone through."""
    for name, inner in _inside(source).items():
        yield prefix + name
        yield from paths(inner, f"{prefix}{name}.")


def leaves(source: Source, prefix: str = "") -> Iterator[str]:
    """The paths below which there is nothing; a map is one, because its keys are anybody's."""
    for name, inner in _inside(source).items():
        if _inside(inner):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def _inside(source: Source) -> Mapping[str, Source]:
    while source.kind == "array" and source.item is not None:
        source = source.item
    return source.fields


def unsent_in(reader: Reader, common: Iterable[UnsentSpec]) -> tuple[UnsentSpec, ...]:
    """What `_common.toml` lists of this event; other events may have what it lacks."""
    return tuple(spec for spec in common if has(reader.root, spec.path))


def listed_wrongly(reader: Reader, own: Sequence[UnsentSpec]) -> Iterator[Problem]:
    """Lines of `[unsent]` that name nothing, or what another line has named with all below it."""
    roots = {spec.path for spec in own}
    for spec in own:
        if not has(reader.root, spec.path):
            message = f'the event has no "{spec.path}"{hint(spec.path, paths(reader.root))}'
            yield spec.place.problem(spec.path, message)
        elif above := next((root for root in _above(spec.path) if root in roots), None):
            yield spec.place.problem(spec.path, f'is listed with "{above}" already')


def unaccounted(mapping: BoundMapping, own: Sequence[UnsentSpec]) -> Iterator[Problem]:
    """Lines of `[unsent]` that an output contradicts, and paths that nobody thought of."""
    read: dict[str, Use] = {}
    for output in mapping.outputs:
        for use in uses(output):
            if use.target != "_id":  # a hash sends nothing: what goes only there is gone
                read.setdefault(use.path, use)
    for spec in own:
        if clash := next((use for path, use in read.items() if _meet(path, spec.path)), None):
            place = clash.output.place if clash.by is None else clash.by.place
            message = f'is listed as unsent, and {place.file}:{place.line} reads "{clash.path}"'
            yield spec.place.problem(spec.path, message)
    settled = {*read, *(spec.path for spec in mapping.unsent)}
    for path in _gaps(mapping.reader.root, settled, ""):
        yield mapping.place.problem(path, "is read by no output and not listed in [unsent]")


def _gaps(source: Source, settled: set[str], prefix: str) -> list[str]:
    """Paths that nothing settles; a record or array of which nothing is settled, by its root."""
    found: list[str] = []
    for name, inner in _inside(source).items():
        path = prefix + name
        if path in settled:
            continue
        below = _gaps(inner, settled, f"{path}.")
        whole = not any(other.startswith(f"{path}.") for other in settled)
        found += [path] if whole else below
    return found


def _meet(path: str, other: str) -> bool:
    return f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}.")


def _above(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
