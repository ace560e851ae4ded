"""The same event in every envelope is the same record, however badly keys and values were treated on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from processor.capillary import CanonicalEvent, encode, fold, load_contracts, read_event
from processor.commands._encoding import single_object
from processor.model import Destination, Record, Translated
from processor.translator import load_mappings
from tests.enveloping import enveloped
from tests.sizes import examples

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
CASES = sorted(file.parent for file in (ROOT / "tests" / "golden").glob("*/*/A.json"))
PROVENANCE = {"envelopeVersion", "eventType", "timeStamp", "consumerGroupId", "actionType"}
OURS = PROVENANCE | {"dropped"}
NOW = 1_790_000_000_000

Json = dict[str, Any]
EACH_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")


def canonical(case: Path) -> CanonicalEvent:
    return read_event(json.loads((case / "A.json").read_bytes()), CONTRACTS)


def compared(event: CanonicalEvent) -> tuple[object, ...]:
    """All but how the event came."""
    return event.event, event.key, {name: value for name, value in event.record.items() if name not in OURS}


# ---- harmless damage: what the same values look like on Capillary's pages --------------------------------------------

ABSENT = object()


def named_records(schema: Any) -> Iterator[tuple[str, Json]]:
    """Every record of a schema by its name."""
    if isinstance(schema, dict) and schema.get("type") == "record":
        yield schema["name"], schema
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in parts:
        yield from named_records(part)


class Damage:
    """Writes a record of a contract as a careless sender would: nothing that it does changes what is meant."""

    def __init__(self, chance: Random, schema: Json) -> None:
        self._chance = chance
        self._named = dict(named_records(schema))

    def record(self, schema: Json, value: Json, left_out: frozenset[str] = frozenset()) -> Json:
        written = {}
        for field in schema["fields"]:
            if field["name"] in left_out:
                continue
            given = self._value(field["type"], value[field["name"]])
            if given is not ABSENT:
                written[self._key(self._chance.choice([field["name"], *field.get("aliases", [])]))] = given
        if not written:  # a record without any key may be nothing, which is another thing than one of nulls
            written = {schema["fields"][0]["name"]: None}
        pairs = list(written.items())
        self._chance.shuffle(pairs)  # the order of keys is not stable
        return dict(pairs)

    def _value(self, schema: Any, value: Any) -> object:
        if isinstance(schema, list):
            return self._absent(schema[1]) if value is None else self._value(schema[1], value)
        if isinstance(schema, str):
            return self.record(self._named[schema], value) if schema in self._named else self._primitive(schema, value)
        if schema["type"] == "record":
            return self.record(schema, value)
        if schema["type"] == "array":
            items = [self._value(schema["items"], item) for item in value]
            return [*items, None] if self._chance.random() < 0.1 else items
        if schema["type"] == "map":
            return {key: self._value(schema["values"], item) for key, item in value.items()}
        return self._primitive(schema["type"], value)

    def _absent(self, schema: Any) -> object:
        kind = schema["type"] if isinstance(schema, dict) else schema
        blanks = ["", "  "] if kind in {"int", "long", "double", "boolean", "array", "map"} else []
        return self._chance.choice([None, ABSENT, *blanks])

    def _primitive(self, kind: str, value: Any) -> object:
        return self._chance.choice([value, *_spellings(kind, value)])

    def _key(self, name: str) -> str:
        at = self._chance.randrange(len(name) + 1)
        damaged = [f"{name[:at]} {name[at:]}", f" {name} ", name.upper(), name[:1].upper() + name[1:], f"{name}\n"]
        return self._chance.choice([name, name, *damaged])


def _spellings(kind: str, value: Any) -> list[object]:
    if kind in {"int", "long"}:
        exact = [float(value), f"{value}.0"] if abs(value) < 2**53 else []
        return [*exact, str(value), f" {value} ", f"{value}.000"]
    if kind == "double":
        whole: list[object] = [int(value), f"{int(value)}.00"] if value.is_integer() and abs(value) < 2**53 else []
        return [*whole, repr(value), f" {value!r}"]
    if kind == "boolean":
        return [str(value), str(value).upper(), f" {value} ".lower()]
    is_number = value.isascii() and value.isdigit() and str(int(value)) == value and len(value) < 16
    return [int(value), float(value)] if is_number else []


@EACH_CASE
@settings(max_examples=examples(15, 0.05), deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
@example(seed=240)
def test_harmless_damage_changes_nothing_in_any_envelope(case: Path, seed: int) -> None:
    event = canonical(case)
    contract = CONTRACTS[event.event]
    flat = Damage(Random(seed), contract.schema).record(contract.schema, event.record, left_out=frozenset(OURS))
    for envelope, document in enveloped(flat).items():
        again = read_event(document, CONTRACTS)
        assert compared(again) == compared(event), envelope
        assert again.notes == (), envelope


# ---- harmful damage: whatever the reader makes of it, it is the same in every envelope -------------------------------

HARM = ["null", "", " ", "x", "1e400", "NaN", float("inf"), 1e300, -1, True, [], {}, [None], {"a": 1}, 2**63, "\ud800"]


def harmed(value: object, chance: Random, often: float) -> object:
    if chance.random() < often:
        return chance.choice([*HARM, value // 1000 if type(value) is int else None])
    if isinstance(value, dict):
        pairs = [(key, harmed(item, chance, often)) for key, item in value.items() if chance.random() > often / 2]
        return {(f"{key} " if chance.random() < often else key): item for key, item in pairs}
    if isinstance(value, list):
        return [harmed(item, chance, often) for item in value]
    return value


@EACH_CASE
@settings(max_examples=examples(15, 0.05), deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), often=st.sampled_from([0.02, 0.1, 0.4]))
def test_harmful_damage_is_judged_alike_in_every_envelope(case: Path, seed: int, often: float) -> None:
    chance = Random(seed)
    flat = json.loads((case / "A.json").read_bytes())
    head = {name: value for name, value in flat.items() if fold(name) in {"eventname", "orgid"}}
    rest = {name: harmed(value, chance, often) for name, value in flat.items() if name not in {*head, "data"}}
    body = harmed(flat["data"], chance, often)
    flat = {**head, **rest, "data": body if isinstance(body, dict) else {}}
    events = {envelope: read_event(document, CONTRACTS) for envelope, document in enveloped(flat).items()}
    for envelope, event in events.items():
        assert (compared(event), event.notes) == (compared(events["A"]), events["A"].notes), envelope
        assert event.record["dropped"] == events["A"].record["dropped"], envelope


# ---- seconds for milliseconds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name == "documented"], ids=lambda case: case.parent.name
)
def test_createdAt_in_seconds_is_the_same_time(case: Path) -> None:  # noqa: N802 - the field's name
    mappings = load_mappings(ROOT / "schemas", None, "acme")
    where = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    translator = mappings.translator(where, lambda: NOW)
    found = []
    for divisor in (1, 1000):
        event = canonical(case)
        created = event.record["createdAt"]
        assert isinstance(created, int)
        event.record["createdAt"] = created // 1000 * 1000 // divisor
        value = single_object(CONTRACTS[event.event]) + encode(event, CONTRACTS)
        translated = translator.translate(Record("t", 0, 0, NOW - 1, event.key, value))
        assert isinstance(translated, Translated)
        entities = [json.loads(message.entity) for message in translated.messages]
        found.append([(entity.get("timestamp"), entity.get("extSourceSystemAudit")) for entity in entities])
        assert found[-1]
    assert found[0] == found[1]
