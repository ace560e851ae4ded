"""What Capillary documents under two names, at two places or more than once reaches AEP all the same."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from processor.capillary import read_event
from processor.commands._encoding import Encoder, single_object
from processor.mapping.functions import identifier_map, lists_a_card, lists_no_card, tier_name
from processor.mapping.options import Namespaces, Options
from processor.mapping.values import PLACEHOLDERS, Noted
from processor.model import Destination, Record, Translated
from processor.translator import Mappings, load_mappings
from tests.translating import CONTRACTS, MAPPINGS, NOW, ROOT, changed, entities, entity, golden, translate

TRIGGERED = [event for event in MAPPINGS.events if "triggeringActivity" in golden(event)["data"]]
WITH_PAIRS = [event for event in MAPPINGS.events if "customFields" in golden(event)["data"]]
ABOUT_CUSTOMERS = ("customerAdded", "customerUpdated")
STORE = {"id": 7, "till": {"code": "t-1"}, "store": {"code": "s-1", "name": "Kedai"}}


def own(document: object) -> dict[str, Any]:
    """The tenant's part of the event."""
    part: dict[str, Any] = entity(document)["_acme"]["capillary"]
    return part


def triggered(event: str, **activity: object) -> dict[str, Any]:
    return changed(golden(event), triggeringActivity={"name": "TransactionAdd", **activity}, enteredBy=...)


def pairs(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


# ---- cards ----------------------------------------------------------------------------------------------------------


def with_cards(event: str, **instore: object) -> dict[str, Any]:
    return changed(golden(event), customerIdentifiers={"customerId": 164875001, "instore": instore})


@pytest.mark.parametrize("event", ABOUT_CUSTOMERS)
@pytest.mark.parametrize("name", ["cardnumber", "card_number", "cardNumber"])
@pytest.mark.parametrize("listed", [..., None, [], ["", " "], ["-", " null ", "N/A", "0", "0000"]])
def test_an_only_card_is_a_card(event: str, name: str, listed: object) -> None:
    document = with_cards(event, **{name: " CARD_9 "}, **({} if listed is ... else {"cardNumbers": listed}))
    assert entity(document, "profile-cards")["loyalty"] == {"cardsDetails": [{"number": "CARD_9"}]}


@pytest.mark.parametrize("event", ABOUT_CUSTOMERS)
def test_where_cards_are_listed_they_are_all(event: str) -> None:
    document = with_cards(event, cardnumber="CARD_9", cardNumbers=["CARD_1"])
    assert entity(document, "profile-cards")["loyalty"] == {"cardsDetails": [{"number": "CARD_1"}]}


@pytest.mark.parametrize("event", ABOUT_CUSTOMERS)
@pytest.mark.parametrize("card", [None, "", "null", "0000", "d41d8cd98f00b204e9800998ecf8427e"])
def test_an_only_card_that_is_none_goes_nowhere_and_is_counted(event: str, card: str | None) -> None:
    translated = translate(with_cards(event, cardnumber=card))
    assert not entities(translated, "profile-cards")
    assert "profile-cards" in {skip.to for skip in translated.skips}


def test_the_card_of_a_deleted_customer_is_personal() -> None:
    document = changed(with_cards("customerUpdated", cardnumber="CARD_9"), customerStatus={"currentLabel": "Deleted"})
    assert not entities(translate(document), "profile-cards")


@pytest.mark.parametrize("cards", [None, [], ["", "\t"], ["-", "0"], ["C"], [" ", "C"], ["null", "C"]])
def test_cards_are_listed_or_are_not(cards: list[str] | None) -> None:
    assert lists_a_card(cards) is (cards is not None and "C" in cards)
    assert lists_no_card(cards) is not lists_a_card(cards)


CARDS = Namespaces(card="LoyaltyCard")


@cache
def configured(namespaces: Namespaces) -> Mappings:
    return load_mappings(ROOT / "schemas", None, "acme", Options(namespaces))


def identities(document: object, namespaces: Namespaces) -> list[dict[str, Any]]:
    """Every identityMap that goes out, the event's first."""
    mappings = configured(namespaces)
    where = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    event = read_event(document, CONTRACTS)
    record = Record("t", 0, 0, NOW, event.key, Encoder(CONTRACTS, single_object)(event))
    translated = mappings.translator(where, lambda: NOW).translate(record)
    assert isinstance(translated, Translated)
    assert translated.refusal is None
    return [json.loads(message.entity)["identityMap"] for message in translated.messages]


@pytest.mark.parametrize("event", [*ABOUT_CUSTOMERS, "pointsIssued"])
@pytest.mark.parametrize("listed", [None, ["-", "n/a"]])
def test_an_only_card_is_an_identity(event: str, listed: list[str] | None) -> None:
    document = with_cards(event, card_number="CARD_9", cardNumbers=listed)
    assert identities(document, CARDS)[0]["LoyaltyCard"] == [{"id": "CARD_9"}]
    primary = identities(document, replace(CARDS, primary="card"))
    assert len(primary) > 1
    assert all(found["LoyaltyCard"] == [{"id": "CARD_9", "primary": True}] for found in primary)


def test_an_only_card_is_an_identity_also_in_lists_and_of_a_survivor() -> None:
    card = {"instore": {"cardnumber": "CARD_9"}}
    issued = golden("CouponIssue")
    for coupon in issued["data"]["coupons"]:
        coupon["customerIdentifiers"] = {"customerId": 7, **card}
    merged = changed(golden("loyaltyCustomerMerge"), survivorCustomerIdentifiers={"customerId": 7, **card})
    for document in (issued, merged):
        found = identities(document, replace(CARDS, primary="card"))
        assert all(listed["LoyaltyCard"] == [{"id": "CARD_9", "primary": True}] for listed in found)
    assert len(identities(issued, replace(CARDS, primary="card"))) > len(issued["data"]["coupons"])  # Profile too


# ---- activities -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", TRIGGERED)
def test_every_identifier_of_an_activity_arrives(event: str) -> None:
    found = own(
        triggered(
            event,
            identifiers=[
                {"key": "BillId", "value": "2147864816"},
                {"key": "BillLineItemId", "value": "983202640"},
                {"key": "billNumber", "value": "2_134577"},
                {"key": "billLineItemId ", "value": 983202641},
                {"key": "BillLineItemId", "value": "983202640"},
                {"key": "TargetRuleId", "value": "7709"},
                {"key": "redemptionId", "value": "NULL"},
            ],
        )
    )
    assert found["triggeringIdentifiers"] == {
        "BillId": "2147864816",
        "BillLineItemId": "983202640,983202641",
        "billNumber": "2_134577",
        "TargetRuleId": "7709",
    }


def test_of_more_identifiers_than_a_field_may_hold_the_first_are_kept() -> None:
    numbers = [str(983_000_000 + number) for number in range(200)]
    found = identifier_map([("BillId", "7"), *(("BillLineItemId", number) for number in numbers)])
    assert isinstance(found, Noted)
    assert found.value is not None
    kept = found.value["BillLineItemId"].split(",")
    assert (found.value["BillId"], found.reasons, kept) == ("7", ("too long",), numbers[: len(kept)])
    assert len(json.dumps({"BillLineItemId": ",".join(kept)})) - 2 <= 1024 < len(json.dumps(",".join(numbers)))
    assert len(kept) > 90


def test_identifiers_that_say_nothing_are_no_map() -> None:
    assert identifier_map([]) is None
    assert identifier_map([("BillId", "null"), ("", ""), (None, None)]) is None
    assert identifier_map([("", "7")]) == Noted(None, ("without a name",))
    assert identifier_map([("k", "v" * 2000), ("k", "w" * 2000)]) == Noted(None, ("too long",))


@pytest.mark.parametrize("event", [event for event in TRIGGERED if event != "customerUpdated"])
def test_who_entered_an_activity_may_stand_under_entered_at(event: str) -> None:
    fields = {"enteredById", "storeCode", "storeName", "tillCode"}
    usual = own(triggered(event, enteredBy=STORE))
    assert {name: usual[name] for name in fields} == {
        "enteredById": "7",
        "storeCode": "s-1",
        "storeName": "Kedai",
        "tillCode": "t-1",
    }
    assert own(triggered(event, enteredAt=STORE)) == usual


def test_the_bill_of_a_redemption_stands_beside_the_bill_of_its_activity() -> None:
    activity = {"name": "PointsRedemption", "identifiers": pairs(billNumber="B-1", redemptionId="xMQy8y")}
    found = own(changed(golden("pointsRedeemed"), triggeringActivity=activity, redemptionBillNumber="SA-2"))
    assert (found["billNumber"], found["redemptionBillNumber"]) == ("B-1", "SA-2")
    alone = own(changed(golden("pointsRedeemed"), redemptionBillNumber="SA-2"))
    assert (alone["billNumber"], alone["redemptionBillNumber"]) == ("SA-2", "SA-2")


# ---- places and names -----------------------------------------------------------------------------------------------


def wrapped(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A flat document in every envelope, by its letter."""
    inside = {name: value for name, value in document.items() if name != "eventId"}
    stream = {"eventId": document["eventId"], "eventType": document["eventName"], "attributes": inside}
    return {"A": document, "B": stream, "C": {"body": document}, "D": {"data": document, "errors": None}}


@pytest.mark.parametrize("event", ["pointsIssued", "pointsRedeemed"])
@pytest.mark.parametrize("name", ["availablePointsBalance", "AvailablePointsBalance", "availablePoints Balance"])
@pytest.mark.parametrize("envelope", ["A", "B", "C", "D"])
def test_the_balance_of_all_programs_may_stand_beside_the_body(event: str, name: str, envelope: str) -> None:
    document = changed(golden(event), availablePointsBalance=..., AvailablePointsBalance=...) | {name: 4711.5}
    read = read_event(wrapped(document)[envelope], CONTRACTS)
    assert read.notes == ()
    assert own(wrapped(document)[envelope])["availablePoints"] == 4711.5


def test_it_may_stand_beside_a_body_in_another_spelling() -> None:
    document = changed(golden("pointsIssued"), availablePointsBalance=..., AvailablePointsBalance=...)
    document |= {"Data": document.pop("data"), "availablePointsBalance": 4711.5}
    assert read_event(document, CONTRACTS).notes == ()
    assert own(document)["availablePoints"] == 4711.5


def test_a_balance_in_both_places_is_named_and_one_in_other_events_too() -> None:
    both = changed(golden("pointsIssued"), AvailablePointsBalance=1) | {"availablePointsBalance": 2}
    assert own(both)["availablePoints"] == 1
    other = golden("pointsExpired") | {"availablePointsBalance": 2}
    for document in (both, other):
        assert "availablePointsBalance: not in the contract, left out" in read_event(document, CONTRACTS).notes
    for nothing in (None, "", " "):
        empty = changed(golden("pointsIssued"), availablePointsBalance=nothing) | {"availablePointsBalance": 2}
        assert own(empty)["availablePoints"] == 2
    none = changed(golden("pointsIssued"), availablePointsBalance=0) | {"availablePointsBalance": 2}
    assert own(none)["availablePoints"] == 0


@pytest.mark.parametrize("event", WITH_PAIRS)
def test_custom_fields_may_say_name_for_key(event: str) -> None:
    listed = {"customFields": "field2", "extendedFields": "PreferredLanguage"}
    for field, name in listed.items():
        if field in golden(event)["data"]:
            document = changed(golden(event), **{field: [{"name": name, "value": "id"}]})
            assert own(document)[field] == {name: "id"}
            assert read_event(document, CONTRACTS).notes == read_event(golden(event), CONTRACTS).notes


def test_a_key_counts_more_than_a_name() -> None:
    document = changed(golden("customerAdded"), customFields=[{"name": "label", "key": "field2", "value": "1"}])
    assert own(document)["customFields"] == {"field2": "1"}


# ---- placeholders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["null", "NULL", "nUll", "(null)", "(NULL)", "(Null)", "undefined"])
def test_placeholders_say_nothing_in_any_casing(text: str) -> None:
    assert text in PLACEHOLDERS
    assert tier_name(Options(), [(3, f" {text} ")], 3) == Noted("tier-3", ("not listed",))
    assert tier_name(Options(tables={"tiers": {"7:3": text}}), (), 3, 7) == Noted("tier-3", ("not listed",))
    document = changed(golden("customerAdded"), firstName=text, accountId=text, customFields=pairs(field2=text))
    assert not own(document).keys() & {"accountId", "customFields"}
    assert not entities(translate(document), "profile-first-name")


@pytest.mark.parametrize("text", ["Null", "UNDEFINED"])
def test_a_person_may_be_called_null_and_a_series_be_of_type_undefined_but_no_tier(text: str) -> None:
    assert text not in PLACEHOLDERS
    assert tier_name(Options(), [(3, text)], 3) == Noted("tier-3", ("not listed",))


def test_a_series_of_coupons_may_be_of_type_undefined() -> None:
    document = golden("CouponRedeem")
    document["data"]["coupon"]["series_info"]["seriesType"] = "UNDEFINED"
    assert own(document)["couponSeries"]["type"] == "undefined"
    assert not [note for note in translate(document).notes if "couponSeries" in note]


@pytest.mark.parametrize("text", ["null", "NULL", " Null ", "undefined", "(null)", ""])
def test_a_name_that_is_none_hides_no_real_one(text: str) -> None:
    document = golden("pointsIssued")
    usual = own(document)
    flat = {**document, "eventName": text, "eventType": "150698_pointsIssued"}
    inside = {name: value for name, value in document.items() if name != "eventId"}
    stream = {"eventId": document["eventId"], "eventName": text, "eventType": text, "attributes": inside}
    other = {**stream, "eventType": "pointsIssued", "attributes": {**copy.deepcopy(inside), "eventName": text}}
    for found in (flat, stream, other):
        assert own(found) == usual
