"""`_id` as AEP sees it: an eventId that is none, and events that have no eventId, in every envelope."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from processor.capillary import read_event
from processor.model import Translated
from tests.enveloping import enveloped
from tests.translating import CONTRACTS, ENVELOPES, changed, entities, entity, golden, translate, translate_event

PLACEHOLDERS = ["null", " NULL ", "undefined", "N/A", "-", "0", "none", "(null)", "Unknown", "000", "-1", "0000-0000"]
ADDED = golden("transactionAdded")

Json = dict[str, Any]


def without_event_id(event: str, envelope: str) -> Json:
    """A golden event in an envelope, the eventId of the event taken out; a body may have another one."""
    document = golden(event, envelope=envelope)
    wrapped = {"C": "body", "D": "data"}
    (document[wrapped[envelope]] if envelope in wrapped else document).pop("eventId", None)
    return document


@pytest.mark.parametrize("none", PLACEHOLDERS)
def test_a_placeholder_gives_no_two_events_one_id(none: str) -> None:
    one = ADDED | {"eventId": none}
    other = changed(one, transactionId=1) | {"createdAt": ADDED["createdAt"] - 1}
    other["data"]["customerIdentifiers"] = {"customerId": 7}
    assert entity(one)["_id"] != entity(other)["_id"]
    assert entity(one)["_id"] == entity(ADDED | {"eventId": None})["_id"]
    assert "_id:eventId placeholder" in translate(one).notes


@pytest.mark.parametrize("own", ["00000000-0000-4000-8000-000000000003", "nullify", "10", "a-", "N/A 7"])
def test_an_event_id_that_only_looks_like_a_placeholder_is_one(own: str) -> None:
    one, other = (changed(ADDED, transactionId=number) | {"eventId": own} for number in (1, 2))
    assert entity(one)["_id"] == entity(other)["_id"]
    assert not any(note.startswith("_id") for note in translate(one).notes)


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_event_id_is_no_placeholder_and_not_counted(blank: str | None) -> None:
    assert not any(note.startswith("_id") for note in translate(ADDED | {"eventId": blank}).notes)


@pytest.mark.parametrize("event", sorted(CONTRACTS))
def test_without_an_event_id_every_envelope_still_gives_one_id(event: str) -> None:
    found = {
        json.dumps([one["_id"] for one in entities(translate(without_event_id(event, envelope)))])
        for envelope in ENVELOPES
    }
    assert len(found) == 1
    assert found != {"[]"}
    if "eventId" in golden(event):
        assert found != {json.dumps([one["_id"] for one in entities(translate(golden(event)))])}


def spellings(event: str) -> Iterator[str]:
    """The name of an event and its documented aliases, in several casings and with the blanks of a line wrap."""
    for name in (event, *CONTRACTS[event].aliases):
        yield from (name, name.lower(), name.upper(), name[0].swapcase() + name[1:], f" {name[:4]} {name[4:]} ")


def spelled(document: Json) -> Iterator[tuple[str, Translated]]:
    """What becomes of a flat event under every spelling of its name: as JSON in every envelope, and as Avro."""
    plain = read_event(document, CONTRACTS)
    for name in spellings(plain.event):
        for envelope, one in enveloped(document | {"eventName": name}).items():
            yield f"{name} in {envelope}", translate(one)
        yield f"{name} in Avro", translate_event(replace(plain, record=plain.record | {"eventName": name}))


@pytest.mark.parametrize("own", [{}, {"eventId": None}], ids=["eventId", "no eventId"])
@pytest.mark.parametrize("event", sorted(CONTRACTS))
def test_the_spelling_of_its_name_makes_no_other_event(event: str, own: Json) -> None:
    document = golden(event) | own
    usual = translate(document)
    assert entities(usual)
    assert [where for where, translated in spelled(document) if translated != usual] == []


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("badgeEarned", {"badgeId": "another"}),
        ("CouponRedeem", {"coupon": {"id": 9, "code": "another"}}),
        ("targetValueAchieved", {"targetDetails": {"id": 9}}),
        ("pointsIssued", {"loyaltyProgramId": 9}),
        ("pointsExpired", {"loyaltyProgramId": 9}),
        ("pointsExpiryReminder", {"scheduledExpiryDate": "2025-07-04"}),
        ("tierUpgraded", {"upgradedTierNumber": 3}),
        ("customerSubscription", {"subscriptions": [{"channel": "SMS", "currentStatus": "OPTIN"}]}),
        ("alternateCurrenciesIssued", {"alternateCurrencies": [{"alternateCurrencyIdentifier": "another"}]}),
        ("alternateCurrenciesIssued", {"triggeringActivity": {"identifiers": [{"key": "BillId", "value": "9"}]}}),
    ],
)
def test_two_events_of_one_request_and_millisecond_stay_apart(event: str, changes: Json) -> None:
    one = golden(event) | {"eventId": None}
    assert entity(one)["_id"] != entity(changed(one, **changes))["_id"]


def test_identifiers_as_an_object_are_those_of_the_list() -> None:
    pairs = {"redemptionId": "x", "BillId": "9", "Another": "1"}
    listed = [{"key": key, "value": value} for key, value in sorted(pairs.items())]
    one = golden("pointsRedeemed") | {"eventId": None}
    found = [entity(changed(one, triggeringActivity={"identifiers": given}))["_id"] for given in (pairs, listed)]
    assert found[0] == found[1]


@pytest.mark.parametrize("outside", ["", " ", "null", " NULL ", "0", "-"])
def test_the_id_inside_holds_where_the_wrapper_has_none(outside: str) -> None:
    stream = golden("transactionAdded", envelope="B")
    own = stream["eventId"]
    hidden = stream | {"eventId": outside, "attributes": stream["attributes"] | {"eventId": own}}
    assert entity(hidden)["_id"] == entity(stream)["_id"]
    assert entity(hidden)["_acme"]["capillary"]["eventId"] == own
