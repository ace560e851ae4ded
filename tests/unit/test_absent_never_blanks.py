"""No absent field blanks what another event wrote: every Profile destination, every mapping that writes it.

Destinations, mappings and the paths they read are found, none is listed here. A full event is a golden case that writes
the destination; the sparse ones are golden cases too, robbed of one path at a time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from itertools import count, product
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.avro.wire import confluent_frame
from processor.capillary import load_contracts
from processor.mapping.bound import Context, Field, Invoke, Output
from processor.mapping.coverage import arguments, uses
from processor.model import Destination, Record, Translated
from processor.simulator.account import Account, load_datasets
from processor.simulator.ledger import Ledger
from processor.translator import load_mappings

ROOT = Path(__file__).parents[2]
ACCOUNT = Account()
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, ACCOUNT.tenant)
DATASETS = {dataset.name: dataset for dataset in load_datasets(ROOT / "schemas" / "xdm", ACCOUNT).values()}
NOW = 1_800_000_000_000
ORG, CUSTOMER = 150_698, 164_875_001
BOOKKEEPING = ("identityMap", "extSourceSystemAudit")  # of every write; not what it says

Json = dict[str, Any]


def cases(event: str) -> Iterator[Json]:
    """The golden records of an event, all of one customer; the fullest first."""
    folder = ROOT / "tests" / "golden" / event
    for file in sorted(folder.glob("*/record.json"), key=lambda file: (file.parent.name != "documented", file)):
        record = json.loads(file.read_bytes())["record"]
        record["orgId"] = ORG
        belong(record, CONTRACTS[event].customer)
        yield record
        yield from (extra(deepcopy(record)) for extra in MORE.get(event, ()))


def belong(value: object, way: Sequence[str]) -> None:
    """Sets the customer at the end of a path, in each item of a list on the way."""
    for inner in value if isinstance(value, list) else [value]:
        if isinstance(inner, dict) and len(way) == 1:
            inner[way[0]] = CUSTOMER
        elif isinstance(inner, dict):
            belong(inner[way[0]], way[1:])


def born(record: Json) -> Json:
    """No golden case changes the date of birth."""
    record["data"]["updatedFields"] = [{"fieldName": "dob", "currentValue": "1990-05-17"}]
    return record


MORE: Mapping[str, tuple[Callable[[Json], Json], ...]] = {"customerUpdated": (born,)}
"""Full events that are no golden case."""


DESTINATIONS = {
    name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names
}
TRANSLATOR = MAPPINGS.translator(DESTINATIONS, lambda: NOW)
IDS = count(1)
LEARNT: dict[str, int] = {}


def translate(event: str, record: Json, schema: Json | None = None) -> Translated | None:
    """As the worker does, from Avro of our schema or of another one; None when that cannot hold such a record."""
    contract = CONTRACTS[event]
    text = json.dumps(schema or contract.schema)
    buffer = io.BytesIO()
    try:
        parsed = contract.parsed if schema is None else fastavro.parse_schema(schema)
        fastavro.schemaless_writer(buffer, parsed, record)  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if text not in LEARNT:
        LEARNT[text] = next(IDS)
        TRANSLATOR.learn(LEARNT[text], text)
    value = confluent_frame(LEARNT[text], buffer.getvalue())
    translated = TRANSLATOR.translate(Record("t", 0, 0, NOW, f"{ORG}:{CUSTOMER}".encode(), value))
    assert isinstance(translated, Translated)
    return translated


def said(destination: str, *events: Translated) -> set[str]:
    """Where Profile, as the stand-in's ledger holds it after these events, says something in this destination."""
    ledger, dataset = Ledger(), DATASETS[destination]
    for translated in events:
        for message in translated.messages:
            if message.to.name == destination:
                entity = json.loads(message.entity)
                assert dataset.validator.is_valid(entity)
                ledger.accept(1, [(dataset, entity)], hidden=False)
    (entity,) = ledger.profiles().values()
    return set(leaves({name: value for name, value in entity.items() if name not in BOOKKEEPING}))


@cache
def full(event: str, destination: str) -> Json:
    """A record of this event that writes the destination."""
    for record in cases(event):
        translated = translate(event, record)
        if translated is not None and any(one.to.name == destination for one in translated.messages):
            return record
    raise AssertionError(f"no golden case of {event} writes {destination}: add one to tests/golden/{event}, or here")


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Where an entity says something; a list is one value, its items are what this event says they are."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path


def outputs(event: str, destination: str) -> list[Output]:
    return [output for output in MAPPINGS.bound[event].outputs if output.to == destination]


def reads(field: Field) -> tuple[str, ...]:
    """The paths of the event, outside of lists, that decide whether a field has a value; the org is always there."""
    return tuple(ref.path for ref in field.decides() if not ref.item and ref.path != "orgId")


def may_go(event: str, destination: str, robbed: str) -> tuple[str, ...]:
    """Targets that an event may take away by what it says, where it was not robbed of what says so."""
    return tuple(
        field.target.replace("_tenant", f"_{ACCOUNT.tenant}")
        for output in outputs(event, destination)
        for field in output.fields
        if isinstance(field.verb, Invoke) and field.verb.function.gone
        if not any(f"{path}.".startswith(f"{robbed}.") for path in reads(field))
    )


def lost(destination: str, first: Translated, second: Translated, but: tuple[str, ...]) -> set[str]:
    """What the second event took from Profile; `but` are targets that it may take."""
    gone = said(destination, first) - said(destination, first, second)
    return {leaf for leaf in gone if not any(f"{leaf}.".startswith(f"{target}.") for target in but)}


def cleared(event: str, destination: str) -> tuple[str, ...]:
    """Targets that say `absent = "clear"`."""
    fields = [field for output in outputs(event, destination) for field in output.fields]
    return tuple(field.target.replace("_tenant", f"_{ACCOUNT.tenant}") for field in fields if field.clear)


def paths(event: str, destination: str) -> list[str]:
    """All that decides about this write, and every record around it."""
    read = [use.path for output in outputs(event, destination) for use in uses(output) if use.path[:1] != "@"]
    return list(
        dict.fromkeys(
            path[:end] for path in read for end in range(1, len(path) + 1) if path[end : end + 1] in {"", "."}
        )
    )


def with_value(record: Json, path: str, value: object) -> Json:
    """A copy in which this path, in every item of the arrays on its way, has this value."""
    copied = deepcopy(record)
    holders: list[Any] = [copied]
    *way, last = path.split(".")
    for name in way:
        held = [holder.get(name) for holder in holders]
        holders = [one for inner in held for one in (inner if isinstance(inner, list) else [inner])]
        holders = [one for one in holders if isinstance(one, dict)]
    for holder in holders:
        if last in holder:
            holder[last] = value
    return copied


def without_field(schema: Json, path: str) -> Json | None:
    """An older writer's schema, which does not know this path; None where the path is no field of a record."""
    copied = deepcopy(schema)
    named: dict[str, Json] = {}
    for one in _records(copied):
        named[one["name"]] = one
    node: Any = copied
    *way, last = path.split(".")
    for name in way:
        field = next((field for field in node["fields"] if field["name"] == name), None)
        node = None if field is None else _record_in(field["type"], named)
        if node is None:
            return None
    before = len(node["fields"])
    node["fields"] = [field for field in node["fields"] if field["name"] != last]
    return copied if len(node["fields"]) == before - 1 and _complete(copied) else None


def _records(node: object) -> Iterator[Json]:
    if isinstance(node, dict):
        if node.get("type") == "record":
            yield node
        for inner in node.values():
            yield from _records(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _records(inner)


def _record_in(kind: Any, named: Mapping[str, Json]) -> Json | None:
    if isinstance(kind, list):
        return next((found for one in kind if (found := _record_in(one, named)) is not None), None)
    if isinstance(kind, str):
        return named.get(kind)
    return kind if kind["type"] == "record" else _record_in(kind["items"], named) if kind["type"] == "array" else None


def _complete(schema: Json) -> bool:
    """Whether no type was defined in what is gone and is still named elsewhere."""
    try:
        fastavro.parse_schema(deepcopy(schema))
    except fastavro.schema.UnknownType:
        return False
    return True


WRITERS = {
    name: [event for event in MAPPINGS.events if outputs(event, name)]
    for name in sorted(DATASETS)
    if DATASETS[name].profile
}
PAIRS = [(name, first, second) for name, events in WRITERS.items() for first, second in product(events, events)]


@pytest.fixture(params=PAIRS, ids="-".join)
def written(request: pytest.FixtureRequest) -> tuple[str, Translated, str]:
    """A destination; a full event that has written it; the event that comes next."""
    destination, first, second = request.param
    translated = translate(first, full(first, destination))
    assert translated is not None
    return destination, translated, second


def test_a_null_blanks_nothing_unless_the_mapping_says_absent_clear(written: tuple[str, Translated, str]) -> None:
    destination, first, event = written
    clears = cleared(event, destination)
    for path in paths(event, destination):
        second = translate(event, with_value(full(event, destination), path, None))
        if second is not None:
            assert not lost(destination, first, second, clears + may_go(event, destination, path)), path


@pytest.mark.parametrize("blank", ["", "N/A", []], ids=repr)
def test_a_value_that_cannot_be_trusted_blanks_nothing_whatever_the_mapping_says(
    written: tuple[str, Translated, str], blank: object
) -> None:
    destination, first, event = written
    for path in paths(event, destination):
        second = translate(event, with_value(full(event, destination), path, blank))
        if second is not None:
            assert not lost(destination, first, second, may_go(event, destination, path)), path


def test_a_field_that_the_writer_did_not_know_blanks_nothing_whatever_the_mapping_says(
    written: tuple[str, Translated, str],
) -> None:
    destination, first, event = written
    for path in paths(event, destination):
        schema = without_field(CONTRACTS[event].schema, path)
        second = None if schema is None else translate(event, full(event, destination), schema)
        if second is not None:
            assert not lost(destination, first, second, may_go(event, destination, path)), path


def test_the_other_golden_cases_blank_nothing(written: tuple[str, Translated, str]) -> None:
    destination, first, event = written
    for record in cases(event):
        second = translate(event, record)
        assert second is not None
        assert not lost(destination, first, second, cleared(event, destination) + may_go(event, destination, "no path"))


def emptied(event: str, record: Json, path: str) -> Json:
    """The record without a value there: null, or an empty list; as it is where the contract has neither (`orgId`)."""
    tries = [with_value(record, path, None), with_value(record, path, [])]
    return next((each for each in tries if translate(event, each) is not None), record)


def test_an_output_that_lacks_a_required_field_is_withheld(written: tuple[str, Translated, str]) -> None:
    destination, _, event = written
    for output in outputs(event, destination):
        for field in output.fields:
            otherwise = any(isinstance(argument, Context) for argument in arguments(field))  # the time of the record
            if not field.required or not reads(field) or otherwise or field.target.startswith(BOOKKEEPING):
                continue
            record = full(event, destination)
            for path in reads(field):
                record = emptied(event, record, path)
            translated = translate(event, record)
            assert translated is not None
            assert all(message.to.name != destination for message in translated.messages), field.target
            assert output.conditions or any(skip.to == destination for skip in translated.skips), "nothing says so"
