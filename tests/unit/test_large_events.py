"""Events that are too large for Profile: what goes, in which order, and that the rest arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processor.mapping.fitting import MAX_EVENT, spare
from processor.mapping.functions import field_map
from processor.mapping.values import Noted
from processor.model import Reason
from tests.translating import MAPPINGS, changed, entities, golden, translate

WITH_FIELDS = [event for event in MAPPINGS.events if {"customFields", "extendedFields"} <= golden(event)["data"].keys()]
LINE = {
    "itemCode": "SKU-0",
    "description": "Kopi",
    "qty": 1,
    "rate": 1.5,
    "value": 1.5,
    "amount": 1.5,
    "type": "REGULAR",
}


def lines(count: int) -> list[dict[str, object]]:
    return [{**LINE, "itemCode": f"SKU-{number}", "serial": str(number)} for number in range(count)]


def arrived(document: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The event and its notes; it is below the limit whatever it was."""
    translated = translate(document)
    [event] = entities(translated)
    assert all(len(message.entity) <= MAX_EVENT for message in translated.messages)
    return event, translated.notes


PAIRS = {
    "500 fields": [{"key": f"field{number}", "value": str(number)} for number in range(500)],
    "500 long fields": [{"key": f"field {number}", "value": "v" * 900} for number in range(500)],
    "a value of 100 kB": [{"key": "small", "value": "1"}, {"key": "large", "value": "石" * 33_000}],
    "a key of 100 kB": [{"key": "small", "value": "1"}, {"key": "k" * 100_000, "value": "1"}],
    "what JSON escapes": [{"key": f"field{number}", "value": '\x01"\\' * 100} for number in range(500)],
    "emoji": [{"key": f"🎁.{number} 👩‍👩‍👧", "value": "\u202e石川 e\u0301"} for number in range(500)],
    "one key, 500 times": [{"key": "Key" if number % 2 else "key ", "value": str(number)} for number in range(500)],
}


@pytest.mark.parametrize("event", WITH_FIELDS)
@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
def test_fields_never_cost_the_event(event: str, pairs: list[dict[str, str]]) -> None:
    document = changed(golden(event), customFields=pairs, extendedFields=pairs)
    found, notes = arrived(document)
    own = found["_acme"]["capillary"]
    for name in ("customFields", "extendedFields"):
        assert {note for note in notes if note.startswith(f"_acme.capillary.{name}")} <= {
            f"_acme.capillary.{name}:too long",
            f"_acme.capillary.{name}:given twice",
        }
        kept = own[name]
        given = {pair["key"].strip(): pair["value"] for pair in pairs}
        assert kept.items() <= given.items()
    assert notes
    assert found["identityMap"].keys() >= {"CapillaryId"}


def test_keys_and_values_of_any_kind_arrive_as_they_are() -> None:
    pairs = [
        {"key": "a.b", "value": "dots"},
        {"key": "🎁", "value": "石川 👩‍👩‍👧"},
        {"key": " two words ", "value": " padded "},
        {"key": "twice", "value": "1"},
        {"key": "Twice", "value": "2"},
        {"key": "", "value": "no name"},
        {"key": "empty", "value": ""},
        {"key": "nothing", "value": None},
        {"key": "text", "value": "null"},
        {"key": "Null", "value": "Null"},
        {},
    ]
    for event in WITH_FIELDS:
        found, notes = arrived(changed(golden(event), customFields=pairs))
        assert found["_acme"]["capillary"]["customFields"] == {
            "a.b": "dots",
            "🎁": "石川 👩‍👩‍👧",
            "two words": "padded",
            "Twice": "2",
            "Null": "Null",
        }
        place = "_acme.capillary.customFields"
        assert [note for note in notes if "Fields" in note] == [f"{place}:given twice", f"{place}:without a name"]


def test_the_last_of_equal_keys_counts_once() -> None:
    """Its place is that of the value that stays, not of all that were."""
    rows = [("key", "v" * 500)] * 100 + [("other", "1")]
    assert field_map(rows) == Noted({"key": "v" * 500, "other": "1"}, ("given twice",))


def test_a_long_bill_loses_our_own_lines_first() -> None:
    event, notes = arrived(changed(golden("transactionAdded"), lineItems=lines(80)))
    assert len(event["productListItems"]) == 80
    assert "lineItems" not in event["_acme"]["capillary"]
    assert event["_acme"]["capillary"]["customFields"] == {"field2": "10"}
    assert notes == ("_acme.capillary.lineItems:event too large",)


@pytest.mark.parametrize("count", [300, 4000])
def test_a_longer_one_loses_its_products_too_and_stays_a_purchase(count: int) -> None:
    event, notes = arrived(changed(golden("transactionAdded"), lineItems=lines(count), lineItemCount=count))
    assert event["commerce"]["purchases"] == {"value": 1}
    assert event["commerce"]["order"]["priceTotal"] == 89000.0
    assert event["_acme"]["capillary"]["lineItemCount"] == count
    assert event["_acme"]["capillary"]["customFields"] == {"field2": "10"}
    assert sorted(notes) == ["_acme.capillary.lineItems:event too large", "productListItems:event too large"]


def test_one_text_of_100_kb_goes_alone() -> None:
    document = golden("transactionAdded")
    document["data"]["enteredBy"]["store"]["name"] = "s" * 100_000
    event, notes = arrived(document)
    assert notes == ("_acme.capillary.storeName:event too large",)
    assert event["_acme"]["capillary"]["storeCode"] == "store.jkt01"


def test_what_cannot_be_made_to_fit_is_a_dead_letter() -> None:
    document = golden("transactionAdded")
    document["data"]["enteredBy"]["store"]["code"] = "s" * 100_000  # also commerce.commerceScope.storeCode
    translated = translate(document)
    assert translated.messages == ()
    assert translated.refusal is not None
    assert translated.refusal.reason is Reason.TOO_LARGE


def test_what_is_required_is_not_spare() -> None:
    for mapping in MAPPINGS.bound.values():
        for output in (output for output in mapping.outputs if not output.profile):
            can_go = spare(output)
            first = {target[0] for target in (*can_go.own, *can_go.lists)}
            assert not first & {"_id", "timestamp", "identityMap", "eventType", "producedBy"}
            assert {target[0] for target in can_go.own} == {"_acme"}
            required = {tuple(field.target.split(".")) for field in output.fields if field.required}
            assert not required & {*can_go.own, *can_go.lists}


def test_golden_events_are_far_below_the_limit() -> None:
    """If the fields that every event has took most of it, little would be left for a brand's own."""
    folder = Path(__file__).parents[1] / "golden"
    for file in sorted(folder.glob("*/*/A.json")):
        for message in translate(json.loads(file.read_bytes())).messages:
            assert len(message.entity) < MAX_EVENT / 2, file.parent
