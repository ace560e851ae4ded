"""What becomes of one record, whatever it holds: messages, skips, a refusal that says why, or a question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processor.avro.wire import confluent_frame, single_object_frame
from processor.capillary import read_event
from processor.commands._encoding import Encoder, confluent, single_object
from processor.mapping.problems import MappingProblems
from processor.model import Destination, NeedsSchema, Reason, Record, Refusal, Skip, Stage, Translated
from processor.translator import Translator
from tests.translating import CONTRACTS, MAPPINGS, NOW, golden

Json = dict[str, Any]
PROFILE = tuple(name for name in MAPPINGS.destination_names if MAPPINGS.schemas[name].profile)
DESTINATIONS = {name: Destination(name, name in PROFILE, b"", b"") for name in MAPPINGS.destination_names}
ADDED = golden("transactionAdded")
EVENT = read_event(ADDED, CONTRACTS)
JOINED = read_event(golden("customerAdded"), CONTRACTS)
OWN = Encoder(CONTRACTS, single_object)(EVENT)
SEVEN = Encoder(CONTRACTS, confluent(lambda _: 7))(EVENT)
OURS = json.dumps(CONTRACTS["transactionAdded"].schema)


def translator(**options: Any) -> Translator:
    return MAPPINGS.translator(DESTINATIONS, lambda: NOW, **options)


def record(value: bytes | None, key: bytes | None = EVENT.key) -> Record:
    return Record("t", 0, 0, NOW, key, value)


def became(value: bytes | None, key: bytes | None = EVENT.key, **options: Any) -> Translated:
    translated = translator(**options).translate(record(value, key))
    assert isinstance(translated, Translated)
    return translated


def learned(schema: str | None, value: bytes = SEVEN, **options: Any) -> Translated:
    judge = translator(**options)
    assert judge.translate(record(value)) == NeedsSchema(7)
    judge.learn(7, schema)
    translated = judge.translate(record(value))
    assert isinstance(translated, Translated)
    return translated


def avro(name: str, **fields: object) -> str:
    """A schema of an event: `orgId`, `eventName` and other fields with their types."""
    named = {"orgId": "long", "eventName": "string", **fields}
    listed = [{"name": field, "type": kind} for field, kind in named.items()]
    return json.dumps({"type": "record", "name": name, "namespace": "capillary.events", "fields": listed})


def undecodable(detail: str) -> Translated:
    return Translated("", refusal=Refusal(Reason.UNDECODABLE, Stage.DECODE, detail))


def test_a_tombstone_is_skipped() -> None:
    assert became(None) == Translated("", skips=(Skip("tombstone"),))


def test_what_is_too_large_is_not_even_read() -> None:
    room = 1_048_576 - len(EVENT.key)
    assert became(b"x" * room) == undecodable(
        "starts with 78 78; expected 00 and a schema id (Confluent wire format) or C3 01 (Avro single object)"
    )
    detail = "the record has 1,048,577 bytes, more than 1,048,576"
    assert became(b"x" * (room + 1)) == Translated("", refusal=Refusal(Reason.TOO_LARGE, Stage.DECODE, detail))


def test_a_fingerprint_of_nobody() -> None:
    value = single_object_frame(bytes(8), b"")
    detail = (
        "fingerprint 0000000000000000 is none of schemas/capillary/ or its released/; "
        "put the writer's schema into released/, or use a schema registry"
    )
    assert became(value) == Translated("", refusal=Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, detail))


def test_our_own_schemas_need_no_registry_and_are_planned_once() -> None:
    judge = translator()
    first = judge.translate(record(OWN))
    assert isinstance(first, Translated)
    assert (first.event, first.schema_id, first.refusal, first.skips) == ("transactionAdded", None, None, ())
    assert sent(first) == {"events"}
    [plan] = judge._by_fingerprint.values()
    assert judge.translate(record(OWN)) == first
    assert [*judge._by_fingerprint.values()] == [plan]


def sent(translated: Translated) -> set[str]:
    return {message.to.name for message in translated.messages}


def test_garbage_fills_no_table() -> None:
    judge = translator()
    for number in range(3):
        judge.translate(record(single_object_frame(number.to_bytes(8, "big"), b"")))
    assert not judge._by_fingerprint


def test_a_schema_of_the_registry_says_the_same_as_our_own() -> None:
    assert learned(OURS)._replace(schema_id=None) == became(OWN)
    assert learned(OURS).schema_id == 7


def test_the_registry_does_not_know_the_id() -> None:
    detail = "the registry does not know schema id 7; register it there, then redrive"
    refusal = Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, detail)
    assert learned(None) == Translated("", refusal=refusal, schema_id=7)


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        ('{"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}]}', "schema id 7: "),
        ("{", "schema id 7: "),
        ("[" * 100_000, "schema id 7: "),
    ],
)
def test_a_schema_that_is_not_admitted(schema: str, detail: str) -> None:
    translated = learned(schema)
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.REFUSED_SCHEMA, Stage.DECODE)
    assert translated.refusal.detail.startswith(detail)
    assert len(translated.refusal.detail) > len(detail)
    assert translated == Translated("", refusal=translated.refusal, schema_id=7)


def test_what_the_registry_gives_may_break_the_plan_and_nothing_else() -> None:
    judge = MAPPINGS.translator(DESTINATIONS, lambda: NOW)
    judge._destinations = {}  # no plan can be made
    judge.learn(7, OURS)
    translated = judge.translate(record(SEVEN))
    assert isinstance(translated, Translated)
    assert translated.refusal == Refusal(Reason.REFUSED_SCHEMA, Stage.DECODE, "schema id 7: KeyError while reading it")


def test_an_event_on_no_list() -> None:
    detail = "no mapping for records called capillary.events.New; add one, or put the event on the ignore list"
    refusal = Refusal(Reason.UNKNOWN_EVENT, Stage.TRANSLATE, detail)
    assert learned(avro("New")) == Translated("New", refusal=refusal, schema_id=7)


@pytest.mark.parametrize("listed", ["New", "new", "NEW"])
def test_an_event_that_the_settings_ignore(listed: str) -> None:
    assert learned(avro("New"), ignored=["other", listed]) == Translated(
        "New", skips=(Skip("ignored event"),), schema_id=7
    )


def test_a_schema_that_ours_cannot_be_read_with() -> None:
    translated = learned(avro("TransactionAdded", createdAt={"type": "map", "values": "string"}))
    assert translated.event == "transactionAdded"
    assert translated.schema_id == 7
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.REFUSED_SCHEMA, Stage.DECODE)
    assert translated.refusal.detail.startswith("cannot be read as capillary.events.TransactionAdded of this version: ")


def test_a_record_that_is_cut_off() -> None:
    translated = became(OWN[:-1])
    assert (translated.event, translated.messages, translated.notes) == ("transactionAdded", (), ())
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.UNDECODABLE, Stage.DECODE)
    cut = learned(OURS, SEVEN[:-1])
    assert cut.schema_id == 7
    assert cut.refusal == translated.refusal


def test_orgs_that_may_pass() -> None:
    org = ADDED["orgId"]
    assert became(OWN, org_ids=[1, org]) == became(OWN)
    detail = f"org {org} is not in KAFKA__ORG_IDS"
    assert became(OWN, org_ids=[1]) == Translated(
        "transactionAdded", refusal=Refusal(Reason.STRAY_ORG, Stage.TRANSLATE, detail)
    )


def called(name: str) -> bytes:
    """A transactionAdded, and by its own word another event."""
    return Encoder(CONTRACTS, single_object)(read_event(ADDED, CONTRACTS)).replace(
        b"\x20transactionAdded", bytes([2 * len(name)]) + name.encode(), 1
    )


@pytest.mark.parametrize("name", ["transactionAdded", "TRANSACTIONADDED", "transactionadded"])
def test_an_event_by_its_name(name: str) -> None:
    assert became(called(name)).refusal is None


@pytest.mark.parametrize("name", ["transactionUpdated", "", "transactionAdde"])
def test_an_event_by_another_name(name: str) -> None:
    detail = "eventName does not agree with the record, which is a transactionAdded"
    assert became(called(name)) == Translated(
        "transactionAdded", refusal=Refusal(Reason.UNMAPPABLE, Stage.TRANSLATE, detail)
    )


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (None, "no key"),
        (b"", "key names another customer"),
        (JOINED.key + b"0", "key names another customer"),
        (b"1" + JOINED.key, "key names another customer"),
    ],
)
def test_profile_belongs_to_the_key_of_its_customer(key: bytes | None, rule: str) -> None:
    value = Encoder(CONTRACTS, single_object)(JOINED)
    whole, part = became(value, JOINED.key), became(value, key)
    assert len(sent(whole) & {*PROFILE}) > 3
    assert sent(part) == sent(whole) - {*PROFILE}
    outputs = MAPPINGS.bound["customerAdded"].outputs
    withheld = [skip for skip in part.skips if skip.rule == rule]
    assert withheld == [Skip(rule, output.to) for output in outputs if output.profile]


def test_without_a_customer_no_key_is_the_right_one() -> None:
    document = golden("customerAdded")
    del document["data"]["customerIdentifiers"]
    event = read_event(document, CONTRACTS)
    for key in (b"150698:None", b"150698:", b"None:None"):
        translated = became(Encoder(CONTRACTS, single_object)(event), key)
        assert not sent(translated) & {*PROFILE}


def test_nothing_that_comes_stops_the_others() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    judge = MAPPINGS.translator(DESTINATIONS, broken)
    detail = "ZeroDivisionError while translating; a fault of this program, please report it"
    assert judge.translate(record(OWN)) == Translated("", refusal=Refusal(Reason.INVALID, Stage.TRANSLATE, detail))


def test_a_message_that_fits_no_request() -> None:
    size = next(len(message.entity) for message in became(OWN).messages if message.to.name == "events")
    room = 1_000_000 - len('{"messages":[]}') - size
    for spare, fits in ((0, True), (1, False)):
        wide = DESTINATIONS | {"events": Destination("events", profile=False, prefix=b"x" * (room + spare), suffix=b"")}
        translated = MAPPINGS.translator(wide, lambda: NOW).translate(record(OWN))
        assert isinstance(translated, Translated)
        assert (translated.refusal is None) is fits
        if not fits:
            detail = "a message of 999,986 bytes to events fits no request"
            assert translated == Translated(
                "transactionAdded", refusal=Refusal(Reason.TOO_LARGE, Stage.TRANSLATE, detail), notes=translated.notes
            )


def test_what_goes_out_takes_no_more_room_than_it_needs() -> None:
    for message in became(OWN).messages:
        assert message.entity.__sizeof__() < len(message.entity) + 64


def test_every_destination_has_to_be_there_and_of_its_kind() -> None:
    with pytest.raises(MappingProblems) as missing:
        MAPPINGS.translator({name: to for name, to in DESTINATIONS.items() if name != "events"}, lambda: NOW)
    other = Destination("events", profile=True, prefix=b"", suffix=b"")
    with pytest.raises(MappingProblems) as misplaced:
        MAPPINGS.translator(DESTINATIONS | {"events": other}, lambda: NOW)
    outputs = [output for mapping in MAPPINGS.bound.values() for output in mapping.outputs if output.to == "events"]
    for caught, what in ((missing, "no such destination in the settings"), (misplaced, "an event destination meets")):
        assert len(caught.value.problems) == len(outputs)
        assert all(problem.message.startswith(what) for problem in caught.value.problems)
        assert {problem.where for problem in caught.value.problems} == {"events"}


def test_the_events_and_destinations_are_listed_in_order() -> None:
    assert list(MAPPINGS.events) == sorted(MAPPINGS.bound)
    assert list(MAPPINGS.destination_names) == sorted(DESTINATIONS)


def test_a_frame_of_the_registry_is_no_single_object() -> None:
    assert translator().translate(record(confluent_frame(2**31 - 1, b""))) == NeedsSchema(2**31 - 1)
