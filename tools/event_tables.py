"""Writes `docs/events/`: for each event where every field of its Avro schema goes. `make docs`.

Drawn from the mappings as the program reads them, so the tables cannot say anything else than what happens; a test
compares the committed files. Of a brand: `python -m tools.event_tables --mappings DIR --to DIR`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

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
    Unread,
)
from processor.mapping.coverage import Use, leaves, uses
from processor.mapping.sources import Source
from processor.settings import schemas_dir
from processor.translator import Mappings, load_mappings
from tools.golden_code import TENANT

GENERATED = "<!-- Generated from schemas/ by `make docs`; a test compares. -->"


def pages(mappings: Mappings) -> dict[str, str]:
    """The files by name: one for each event, and the list of all event types that are known by name."""
    found = {f"{event}.md": _page(mapping) for event, mapping in sorted(mappings.bound.items())}
    return found | {"README.md": _index(mappings)}


def _index(mappings: Mappings) -> str:
    lines = [
        GENERATED,
        "# Events",
        "",
        "What becomes of every event type that Capillary documents. An event of neither list becomes a dead letter",
        "(`unknown_event`). How to add one: [contracts.md](../contracts.md).",
        "",
        "| event | other names | goes to |",
        "|---|---|---|",
    ]
    for event, mapping in sorted(mappings.bound.items()):
        to = ", ".join(dict.fromkeys(output.to for output in mapping.outputs))
        lines.append(f"| [{event}]({event}.md) | {', '.join(mapping.reader.aliases)} | {to} |")
    lines += ["", "Ignored on purpose:", "", "| event | why |", "|---|---|"]
    lines += [f"| {name} | {_cell(reason)} |" for name, reason in sorted(mappings.ignored.items(), key=_folded)]
    return "\n".join(lines) + "\n"


def _folded(item: tuple[str, str]) -> str:
    return item[0].casefold()


def _page(mapping: BoundMapping) -> str:
    lines = [
        GENERATED,
        f"# {mapping.event}",
        "",
        f"Contract `schemas/capillary/{mapping.event}.avsc`, mapping `schemas/{mapping.place.file}`.",
        "",
        "| output | when | always |",
        "|---|---|---|",
        *map(_output_row, mapping.outputs),
        "",
        "| field | type | goes to |",
        "|---|---|---|",
    ]
    lines += [f"| `{path}` | {kind} | {where} |" for path, kind, where in _rows(mapping)]
    return "\n".join(lines) + "\n"


def _rows(mapping: BoundMapping) -> Iterator[tuple[str, str, str]]:
    """Field, type and place of every leaf; what is unsent by its root is one row."""
    profiles = [output.name for output in mapping.outputs if output.profile]
    found = [use for output in mapping.outputs for use in uses(output)]
    unsent = {spec.path: spec.reason for spec in reversed(mapping.unsent)}
    told: set[str] = set()
    for path in leaves(mapping.reader.root):
        if where := _where(path, found, profiles):
            yield path, _type(mapping.reader.root, path), _cell(where)
            continue
        root = next(root for root in unsent if f"{path}.".startswith(f"{root}."))
        if root not in told:
            told.add(root)
            yield root, _type(mapping.reader.root, root), f"nowhere: {_cell(unsent[root])}"


def _output_row(output: Output) -> str:
    rules = [
        _condition(condition.invoke) + (f": else {condition.otherwise}" * bool(condition.otherwise))
        for condition in output.conditions
    ]
    constants = [f"`{target}` = `{value}`" for target, value in _constants(output.fields, "")]
    each = f", one for each item of `{output.each.path}`" if output.each is not None else ""
    return f"| {output.name}{each} | {_cell(' and '.join(rules))} | {_cell(', '.join(constants))} |"


def _constants(fields: Iterable[Field], prefix: str) -> Iterator[tuple[str, object]]:
    for field in fields:
        match field.verb:
            case Constant(value):
                yield prefix + field.target, value
            case Parts(parts):
                for part in parts:
                    yield from _constants(part.fields, f"{prefix}{field.target}[].")


def _call(invoke: Invoke) -> str:
    return f"`{invoke.function.name}`"


def _condition(invoke: Invoke) -> str:
    """As one would say it in Python; the columns of rows are left out."""
    given = [_argument(argument) for argument in invoke.arguments]
    return f"`{invoke.function.name}({', '.join(given)})`"


def _argument(argument: Argument) -> str:
    match argument:
        case Literal(value):
            return repr(value)
        case Context(name):
            return name
        case Unread(ref):
            return ref.path
    return argument.path


def _where(path: str, found: Iterable[Use], profiles: list[str]) -> str:
    """What reads a path, for each output, equal ones together; empty where nothing does."""
    readers: dict[str, list[str]] = {}
    for use in found:
        if f"{path}.".startswith(f"{use.path}."):
            readers.setdefault(_target(use) + _how(use), []).append(use.output.name)
    grouped: dict[str, list[str]] = {}
    for reading, names in readers.items():
        grouped.setdefault(_outputs(list(dict.fromkeys(names)), profiles), []).append(reading)
    return "; ".join(f"{names}: {', '.join(readings)}" for names, readings in grouped.items())


def _outputs(names: list[str], profiles: list[str]) -> str:
    written = [name for name in names if name in profiles]
    if len(written) > 1 and written == profiles:
        return ", ".join([*(name for name in names if name not in profiles), "every profile"])
    return ", ".join(names)


def _target(use: Use) -> str:
    return {"when": "decides whether", "key": "tells items apart"}.get(use.target, f"`{use.target}`")


def _how(use: Use) -> str:
    verb = use.by.verb if isinstance(use.by, Field) else None if use.by is None else use.by.invoke
    match verb:
        case Invoke(arguments=given):
            unread = any(isinstance(argument, Unread) and argument.ref.path == use.path for argument in given)
            return f" by {_call(verb)}" + (", if the settings ask for it" if unread else "")
        case Lookup():
            return " by a table"
        case Pick(coercion=str(coercion)):
            return f" as {coercion}"
    return ""


def _type(root: Source, path: str) -> str:
    """The type of a path, with what repeats around it."""
    source, repeated = root, False
    for name in path.split("."):
        while source.kind == "array" and source.item is not None:
            source, repeated = source.item, True
        source = source.fields[name]
    kind = source.kind
    if kind in ("array", "map") and source.item is not None:
        kind = f"{kind} of {source.item.kind}"
    return f"{kind}, of each item" if repeated else kind


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Writes the pages and takes away those of events that are gone."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mappings", type=Path, help="a brand's own directory of mappings")
    arguments.add_argument("--to", type=Path, default=Path("docs/events"))
    given = arguments.parse_args()
    written = pages(load_mappings(schemas_dir(), given.mappings, TENANT))
    given.to.mkdir(parents=True, exist_ok=True)
    for stale in {file.name for file in given.to.glob("*.md")} - written.keys():
        (given.to / stale).unlink()
    for name, text in written.items():
        (given.to / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
