"""The points events: who may write a balance to Profile, whose event it is, and what tells two events apart."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import orjson
import pytest

from processor.capillary import load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.mapping.functions import bill_id, number_of
from processor.mapping.options import Options
from processor.model import Destination, Record, Translated
from processor.translator import Mappings, load_mappings

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, "acme")
ENCODER = Encoder(CONTRACTS, single_object)
DESTINATIONS = {
    name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names
}
NOW = 1_790_000_000_000
RECEIVED = 1_760_000_000_000
FAMILY = (
    "pointsIssued",
    "pointsRedeemed",
    "pointsExpired",
    "pointsExpiryChange",
    "pointsExpiryReminder",
    "issuedPointsReversed",
    "redeemedPointsReversed",
    "promisedToCurrentPointsConversion",
    "pointsTransferredInitiated",
    "pointsTransferredReceived",
    "manualPointsAdjustment",
    "alternateCurrenciesIssued",
)
OUT_OF_SEVERAL = ("pointsRedeemed", "redeemedPointsReversed", "pointsTransferredInitiated")
"""Their balance stands in a list of programs, not beside the event's own program."""

WITHOUT_A_BALANCE = (
    "pointsExpired",
    "pointsExpiryChange",
    "pointsTransferredReceived",
    "manualPointsAdjustment",
    "alternateCurrenciesIssued",
)

Json = dict[str, object]


def golden(event: str, case: str = "documented") -> Json:
    document: Json = json.loads((ROOT / "tests" / "golden" / event / case / "A.json").read_bytes())
    return document


def changed(event: str, path: str, value: object) -> Json:
    """The documented event with one value changed."""
    document = golden(event)
    *above, last = path.split(".")
    place: object = document
    for name in above:
        assert isinstance(place, dict)
        place = place[name]
    assert isinstance(place, dict)
    place[last] = value
    return document


def translated(document: Json, mappings: Mappings = MAPPINGS) -> Translated:
    event = read_event(document, CONTRACTS)
    record = Record("t", 0, 0, RECEIVED, event.key, ENCODER(event))
    result = mappings.translator(DESTINATIONS, lambda: NOW).translate(record)
    assert isinstance(result, Translated)
    assert result.refusal is None
    return result


def entities(document: Json) -> dict[str, Json]:
    """What is sent, by destination."""
    return {message.to.name: orjson.loads(message.entity) for message in translated(document).messages}


def capillary(document: Json) -> Json:
    """The tenant's part of the event."""
    tenant = entities(document)["events"]["_acme"]
    assert isinstance(tenant, dict)
    part: Json = tenant["capillary"]
    return part


def profile(document: Json) -> dict[str, object]:
    """`loyalty` of every Profile write, by destination."""
    return {to: entity["loyalty"] for to, entity in entities(document).items() if to != "events"}


def skipped(document: Json) -> set[tuple[str, str]]:
    return {(skip.to, skip.rule) for skip in translated(document).skips}


@pytest.mark.parametrize(
    ("event", "case", "written"),
    [
        (
            "pointsIssued",
            "documented",
            {"profile-balance": {"points": 2261.5}, "profile-lifetime": {"lifetimePoints": 2261.5}},
        ),
        ("pointsRedeemed", "documented", {"profile-balance": {"points": 761.5}}),
        ("pointsRedeemed", "hostile", {"profile-balance": {"points": 0.269}}),  # the second of two programs
        ("redeemedPointsReversed", "documented", {"profile-balance": {"points": 1061.5}}),
        (
            "issuedPointsReversed",
            "documented",
            {"profile-balance": {"points": 759.5}, "profile-lifetime": {"lifetimePoints": 2259.5}},
        ),
        (
            "promisedToCurrentPointsConversion",
            "documented",
            {"profile-balance": {"points": 1261.5}, "profile-lifetime": {"lifetimePoints": 2761.5}},
        ),
        ("pointsTransferredInitiated", "documented", {"profile-balance": {"points": 751.5}}),
        ("pointsTransferredInitiated", "hostile", {"profile-balance": {"points": 0.0}}),
        (
            "pointsExpiryReminder",
            "documented",
            {
                "profile-points-expiration": {
                    "pointsExpiration": [{"pointsExpiring": 300.0, "pointsExpirationDate": "2025-07-03T00:00:00.000Z"}]
                }
            },
        ),
        *((event, "documented", {}) for event in WITHOUT_A_BALANCE),
    ],
)
def test_what_profile_learns(event: str, case: str, written: dict[str, object]) -> None:
    assert profile(golden(event, case)) == written


WITH_A_BALANCE = [event for event in FAMILY if event not in WITHOUT_A_BALANCE]


@pytest.mark.parametrize("event", WITH_A_BALANCE)
@pytest.mark.parametrize("flag", [False, None])
def test_only_the_default_program(event: str, flag: object) -> None:
    document = changed(event, "data.loyaltyProgramDetails.isDefault", flag)
    rule = "withheld: loyalty.points" if event in OUT_OF_SEVERAL else "not the default program"
    assert skipped(document) == {(to, rule) for to in profile(golden(event))}
    assert profile(document) == {}
    assert capillary(document)["programId"] == "2649"


@pytest.mark.parametrize("event", WITH_A_BALANCE)
def test_only_the_customers_own_points(event: str) -> None:
    document = changed(event, "data.entityInformation.entityType", "USERGROUP2")
    assert skipped(document) == {(to, "points of a group") for to in profile(golden(event))}
    assert profile(document) == {}
    assert capillary(document)["entityType"] == "usergroup2"


@pytest.mark.parametrize(("program", "points"), [(1487, 12.5), (1676, 0.269), (9, None)])
def test_a_configured_program_is_picked_out_of_several(program: int, points: float | None) -> None:
    mappings = load_mappings(ROOT / "schemas", None, "acme", Options(default_program=program))
    sent = translated(golden("pointsRedeemed", "hostile"), mappings)
    balances = [orjson.loads(message.entity)["loyalty"] for message in sent.messages if message.to.profile]
    assert balances == ([] if points is None else [{"points": points}])


def test_points_that_a_group_spent_say_nothing_of_the_customers_balance() -> None:
    document = changed("pointsRedeemed", "data.isGroupRedemption", "true")
    assert profile(document) == {}
    assert skipped(document) == {("profile-balance", "points of a group")}
    assert capillary(document)["isGroupRedemption"] is True


@pytest.mark.parametrize(
    ("event", "programs"),
    [
        ("pointsRedeemed", "redemptionFromEarningPrograms"),
        ("pointsTransferredInitiated", "redemptionFromEarningPrograms"),
        ("redeemedPointsReversed", "redemptionReversalToEarningPrograms"),
    ],
)
@pytest.mark.parametrize(
    "rows",
    [[], None, [{"programId": 7, "programCurrentPoints": 5.0}], [{"programId": 2649}], [{"programCurrentPoints": 5.0}]],
)
def test_a_balance_that_is_not_in_the_list_is_withheld(event: str, programs: str, rows: object) -> None:
    document = changed(event, f"data.{programs}", rows)
    assert profile(document) == {}
    assert skipped(document) == {("profile-balance", "withheld: loyalty.points")}


def test_a_reminder_without_a_day_is_withheld() -> None:
    for day in (None, "", "2024-02-30", "scheduledExpiryDate"):
        document = changed("pointsExpiryReminder", "data.scheduledExpiryDate", day)
        assert profile(document) == {}
        assert capillary(document)["pointsScheduledForExpiry"] == 300.0


@pytest.mark.parametrize(
    ("event", "other"),
    [
        ("pointsTransferredInitiated", "transferReceivingCustomerIdentifiers"),
        ("pointsTransferredReceived", "transferInitiatingCustomerIdentifiers"),
    ],
)
def test_a_transfer_names_the_other_customer_and_tells_nothing_else_of_them(event: str, other: str) -> None:
    document = golden(event)
    data = document["data"]
    assert isinstance(data, dict)
    own, partner = data["customerIdentifiers"], data[other]
    partner |= {"firstName": "Budi", "lastName": "Santoso", "loyaltyType": "LOYALTY"}
    sent = b"".join(message.entity for message in translated(document).messages)
    assert capillary(document)["customerId"] == str(own["customerId"])
    assert capillary(document)["transferPartner"] == {
        "customerId": str(partner["customerId"]),
        "loyaltyType": "loyalty",
        "entityType": "user",
        "entityId": str(partner["customerId"]),
    }
    for entity in entities(document).values():
        identities = entity["identityMap"]
        assert isinstance(identities, dict)
        assert identities["CapillaryId"] == [{"id": f"150698:{own['customerId']}", "primary": True}]
    instore = partner["instore"]
    for private in ("Budi", "Santoso", instore["email"], instore["mobile"]):
        assert private.encode() not in sent


def test_the_two_events_of_a_transfer_have_two_ids() -> None:
    halves = [
        entities(golden(event))["events"] for event in ("pointsTransferredInitiated", "pointsTransferredReceived")
    ]
    assert len({half["_id"] for half in halves}) == 2


def test_conversions_of_one_request_without_event_id_are_told_apart() -> None:
    first = golden("promisedToCurrentPointsConversion", "sparse")
    ids = {str(entities(document)["events"]["_id"]) for document in (first, deepcopy(first))}
    assert len(ids) == 1
    for name in ("billId", "eventLogId"):
        second = deepcopy(first)
        assert isinstance(second["data"], dict)
        second["data"][name] += 1
        ids.add(str(entities(second)["events"]["_id"]))
    assert len(ids) == 3


def test_the_sample_without_created_at_takes_kafkas_time() -> None:
    document = golden("alternateCurrenciesIssued")
    del document["createdAt"]
    assert entities(document)["events"]["timestamp"] == "2025-10-09T08:53:20.000Z"
    assert "timestamp:createdAt missing" in translated(document).notes


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ("pointsRedeemed", "data.redemptionNotes"),
        ("manualPointsAdjustment", "data.reason"),
    ],
)
def test_a_text_that_would_fill_the_event_costs_the_text_only(event: str, path: str) -> None:
    short, long = (capillary(changed(event, path, "x" * length)) for length in (1_000, 12_000))
    assert {value for value in short.values() if isinstance(value, str)} >= {"x" * 1_000}
    assert short.keys() - long.keys() <= {"redemptionNotes", "adjustmentReason"}
    assert len(short) == len(long) + 1


def test_what_is_gained_and_spent_stands_in_the_standard_fields() -> None:
    gained = entities(golden("promisedToCurrentPointsConversion"))["events"]["loyalty"]
    assert gained == {"pointsGained": [{"value": 500.0, "loyaltyProgramId": "2649", "transactionId": "WAN63O3tpr"}]}
    spent = entities(golden("pointsRedeemed"))["events"]["loyalty"]
    assert spent == {
        "pointsRedemption": [{"value": 1500.0, "loyaltyProgramId": "2649", "transactionId": "xMQy8y"}],
        "discounts": [{"value": 750.0, "source": "pointsRedemption", "scope": "transaction"}],
    }
    for event in set(FAMILY) - {"pointsIssued", "pointsRedeemed", "promisedToCurrentPointsConversion"}:
        assert "loyalty" not in entities(golden(event))["events"]


@pytest.mark.parametrize(
    ("keys", "number"),
    [((2,), 5.0), ((None, 2), 5.0), ((9, 2), None), ((None,), None), ((), None), ((3,), None), ((4,), 7.0)],
)
def test_the_first_key_that_is_there_decides(keys: tuple[int | None, ...], number: float | None) -> None:
    assert number_of([(1, 4.0), (2, 5.0), (None, 6.0), (3, None), (4, 7)], *keys) == number


@pytest.mark.parametrize(
    ("otherwise", "found"),
    [((7,), "7"), ((0, "E1"), "E1"), (("-1", " null ", "E1 "), "E1"), ((None, ""), None), ((), None)],
)
def test_a_bill_that_is_none_stands_for_nothing(otherwise: tuple[str | int | None, ...], found: str | None) -> None:
    assert bill_id([("BillId", "-1")], *otherwise) == found
    assert bill_id([("billid", " 12 ")], *otherwise) == "12"
