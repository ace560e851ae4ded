"""`try --explain`: of every field where it came from, of every output that was not written why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from processor.mapping.bound import (
    Argument,
    BoundMapping,
    Constant,
    Context,
    Field,
    Invoke,
    Literal,
    Lookup,
    Output,
    Parts,
    Pick,
    Readable,
    RowsRef,
    Unread,
)
from processor.mapping.coverage import every_field
from processor.mapping.interpreter import Event, Interpreted, interpret
from processor.mapping.language import Place
from processor.mapping.values import FunctionFault, Unmappable
from processor.model import Translated
from processor.translator import NO_KEY, OTHER_KEY

Json = dict[str, object]


class Source(NamedTuple):
    """One field: `value` as it is sent (None: nothing), `verb` in words, `reads` the paths of the event."""

    target: str
    value: object
    verb: str
    reads: tuple[str, ...]
    place: str


class Explained(NamedTuple):
    """One output: `why` it was not written, empty if it was; then `fields` has those of the message."""

    output: str
    to: str
    place: str
    why: str
    fields: tuple[Source, ...]


def explain(mapping: BoundMapping, event: Event, translated: Translated) -> tuple[Explained, ...]:
    """Every output of an event's mapping, several times where it gave several messages.

    Args:
        mapping: the event's.
        event: the record, as the worker would read it.
        translated: what became of it.
    """
    if translated.refusal is not None:
        why = f"the whole event is a dead letter: {translated.refusal.detail}"
        return tuple(_unwritten(output, why) for output in mapping.outputs)
    try:
        interpreted, _ = interpret(mapping, event)
    except (Unmappable, FunctionFault) as error:  # in an output that the translator was not to write
        return tuple(_unwritten(output, f"cannot be explained: {error}") for output in mapping.outputs)
    unkeyed = next((skip.rule for skip in translated.skips if skip.rule in (NO_KEY, OTHER_KEY)), None)
    return tuple(found for one in interpreted for found in _output(one, unkeyed))


def _output(one: Interpreted, unkeyed: str | None) -> Iterator[Explained]:
    output = one.output
    if output.profile and unkeyed is not None:
        yield _unwritten(output, f"{unkeyed}: a Profile write belongs to the customer that the Kafka key names")
        return
    if one.skip is not None:
        yield _unwritten(output, one.skip.rule)
    elif not one.entities:
        yield _unwritten(output, "`when` does not hold")
    for entity in one.entities:
        yield Explained(output.name, output.to, _at(output.place), "", tuple(_sources(output, entity)))
    yield from (_unwritten(output, skip.rule) for skip in one.left_out)


def _unwritten(output: Output, why: str) -> Explained:
    return Explained(output.name, output.to, _at(output.place), why, ())


def _sources(output: Output, entity: Json) -> Iterator[Source]:
    for target, field, reads in every_field(output):
        value = None if "[]" in target else _value(entity, target)
        yield Source(target, value, _verb(field), reads, _at(field.place))


def _value(entity: Json, target: str) -> object:
    value: object = entity
    for name in target.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _at(place: Place) -> str:
    return f"{place.file}:{place.line}"


def _verb(field: Field) -> str:
    match field.verb:
        case Constant():
            return "const"
        case Pick(refs=refs, coercion=coercion):
            return f"from {_named(refs)}" + (f" as {coercion}" if coercion else "")
        case Lookup(refs=refs):
            return f"lookup of {_named(refs)}"
        case Invoke(function=function, arguments=arguments):
            return f"call {function.name}({', '.join(map(_argument, arguments))})"
        case Parts(parts=parts):
            return " and ".join(f"each {part.each.path}" if part.each else "one element" for part in parts)


def _named(refs: tuple[Readable, ...]) -> str:
    return ", else ".join(map(_argument, refs))


def _argument(argument: Argument) -> str:
    match argument:
        case Literal(value):
            return repr(value)
        case Context(name):
            return name
        case RowsRef(path, columns):
            return f"{path}[{','.join(columns)}]"
        case Unread(ref):
            return f"{ref.path}, not looked at"
    return argument.path


def as_lines(event: str, outputs: tuple[Explained, ...]) -> Iterator[str]:
    """The explanation as a person reads it."""
    yield event
    for output in outputs:
        yield f"  {output.output}  ({output.place}){f': not written: {output.why}' if output.why else ''}"
        inside = {target for target, value, *_ in output.fields if value is not None}
        empty: list[str] = []
        for field in output.fields:
            if field.value is not None:
                yield f"    {field.target} = {orjson.dumps(field.value).decode()}"
                yield f"        {field.verb}, {field.place}"
            elif "[]" in field.target and field.target.partition("[]")[0] in inside:
                yield f"    {field.target}"
                yield f"        {field.verb}, {field.place}"
            elif "[]" not in field.target:
                empty.append(field.target)
        if empty:
            yield f"    nothing for {', '.join(empty)}"
