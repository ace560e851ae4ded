"""Whatever JSON comes: one kind of error, a record that Avro gives back unchanged, the same in every envelope."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processor.capillary import CanonicalEvent, CapillaryError, encode, load_contracts, read_event
from tests.sizes import examples

CONTRACTS = load_contracts(Path(__file__).parents[2] / "schemas" / "capillary")
PROVENANCE = {"envelopeVersion", "eventType", "timeStamp", "consumerGroupId", "actionType"}

Json = dict[str, object]


def names(schema: object) -> set[str]:
    """Every field name and alias of a schema."""
    if isinstance(schema, list):
        return set().union(*map(names, schema))
    if not isinstance(schema, dict):
        return set()
    own = {name for field in schema.get("fields", []) for name in (field["name"], *field.get("aliases", []))}
    return own.union(*map(names, schema.values()))


def without_logical_types(schema: Any) -> Any:
    """A long stays a long, so that also a time in the year 300,000 can be read back."""
    if isinstance(schema, list):
        return [without_logical_types(item) for item in schema]
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return schema


NAMES = sorted(set().union(*(names(contract.schema) for contract in CONTRACTS.values())))
PLAIN = {event: fastavro.parse_schema(without_logical_types(contract.schema)) for event, contract in CONTRACTS.items()}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["", " ", "null", "600.000", "1e400", "true", "150698", "\ud800", 2**63, 379499720.0])
)
keys = st.sampled_from(NAMES) | st.sampled_from([name.upper() + " " for name in NAMES]) | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)


def shaped(schema: object, named: dict[str, object]) -> st.SearchStrategy[object]:
    """Values that mostly have the shape of a schema."""
    if isinstance(schema, str) and schema in named:
        return shaped(named[schema], named)
    if isinstance(schema, list):
        return st.none() | shaped(schema[1], named)
    if isinstance(schema, dict) and schema["type"] == "record":
        named[schema["name"]] = schema
        fields = {field["name"]: shaped(field["type"], named) | scalars for field in schema["fields"]}
        return st.fixed_dictionaries({}, optional=fields)
    if isinstance(schema, dict) and schema["type"] == "array":
        return st.lists(shaped(schema["items"], named), max_size=2)
    return scalars


def body_of(event: str) -> st.SearchStrategy[object]:
    fields = CONTRACTS[event].schema["fields"]
    assert isinstance(fields, list)
    return shaped(fields[-1]["type"], {})


BODIES = {event: body_of(event) for event in CONTRACTS}


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Events of envelope A with a sound name and org, and anything else."""
    event = draw(st.sampled_from(sorted(CONTRACTS)))
    rest = draw(st.dictionaries(st.sampled_from(["eventId", "createdAt", "refId", "loyaltyEventId", "x"]), scalars))
    body = draw(BODIES[event] | st.dictionaries(keys, values, max_size=6))
    return {"eventName": event, "orgId": draw(st.integers(1, 10**6)), **rest, "data": body}


def read(document: object) -> CanonicalEvent | None:
    try:
        return read_event(document, CONTRACTS)
    except CapillaryError:
        return None


def assert_avro_gives_it_back(event: CanonicalEvent) -> None:
    payload = io.BytesIO(encode(event, CONTRACTS))
    assert fastavro.schemaless_reader(payload, PLAIN[event.event], None) == event.record
    assert not payload.read()


@settings(max_examples=examples(300), deadline=None)
@given(values)
def test_no_json_raises_anything_but_our_error(document: object) -> None:
    event = read(document)
    if event is not None:
        assert_avro_gives_it_back(event)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_a_record_always_encodes_and_comes_back(document: Json) -> None:
    event = read(document)
    assert event is not None
    assert_avro_gives_it_back(event)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_envelopes_commute(document: Json) -> None:
    inside = {name: value for name, value in document.items() if name != "eventId"}
    outside = {name: value for name, value in document.items() if name == "eventId"}
    name, org = document["eventName"], document["orgId"]
    wrapped = [
        document,
        {**outside, "eventType": name, "timeStamp": 1, "attributes": inside},
        {**outside, "eventType": f"{org}_{name}", "actionType": "START", "attributes": inside},
        {"body": document},
        {"data": document, "errors": None},
        {"event": {"body": document}},
    ]
    events = [read(other) for other in wrapped]
    plain = [
        (event.event, event.key, event.notes, {k: v for k, v in event.record.items() if k not in PROVENANCE})
        for event in events
        if event is not None
    ]
    assert len(plain) == len(wrapped)
    assert all(other == plain[0] for other in plain)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_what_was_mended_once_is_not_mended_again(document: Json) -> None:
    once = read(document)
    assert once is not None
    again = read({name: value for name, value in once.record.items() if name not in {"envelopeVersion", "dropped"}})
    assert again is not None
    assert again.notes == ()
    assert {**again.record, "dropped": once.record["dropped"]} == once.record
