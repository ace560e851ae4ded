"""What becomes of the golden events about tiers, promotions, rewards, coupons, badges and targets."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.capillary import CanonicalEvent, load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.mapping.interpreter import Event, interpret
from processor.mapping.values import Unmappable
from processor.model import Destination, Reason, Record, Refusal, Skip, Stage, Translated
from processor.translator import REMEDY, Translator, load_mappings
from tests.sizes import examples

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, "acme")
ENCODER = Encoder(CONTRACTS, single_object)
NOW = 1_790_000_000_000

Json = dict[str, object]
OURS: bytes = b"the key that the event itself gives"


def translator() -> Translator:
    where = {name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names}
    return MAPPINGS.translator(where, lambda: NOW)


def document(event: str, case: str = "documented") -> Json:
    found: Json = json.loads((ROOT / "tests/golden" / event / case / "A.json").read_bytes())
    return found


def read(source: Json) -> CanonicalEvent:
    return read_event(source, CONTRACTS)


def translated(source: Json, key: bytes | None = OURS) -> Translated:
    event = read(source)
    record = Record("t", 0, 0, NOW, event.key if key is OURS else key, ENCODER(event))
    result = translator().translate(record)
    assert isinstance(result, Translated)
    assert result.refusal is None
    return result


def entities(source: Json, to: str = "events", key: bytes | None = OURS) -> list[Json]:
    return [orjson.loads(message.entity) for message in translated(source, key).messages if message.to.name == to]


def tenant(entity: Json) -> Json:
    found = entity["_acme"]
    assert isinstance(found, dict)
    capillary: Json = found["capillary"]
    return capillary


def profile(source: Json) -> dict[str, object]:
    """What Profile gets under `loyalty`, by destination; of what is withheld the rule."""
    result = translated(source)
    entities = {m.to.name: orjson.loads(m.entity).get("loyalty") for m in result.messages if m.to.profile}
    return entities | {skip.to: skip.rule for skip in result.skips}


def changed(event: str, case: str = "documented", **data: object) -> Json:
    source = document(event, case)
    source["data"].update(data)  # type: ignore[attr-defined]
    return source


def without(source: Json, *names: str) -> Json:
    for name in names:
        source.pop(name, None)
        source["data"].pop(name, None)  # type: ignore[attr-defined]
    return source


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("tierUpgraded", "loyalty.tierUpgraded"),
        ("tierDowngraded", "loyalty.tierDowngraded"),
        ("tierRenewed", "loyalty.tierRenewed"),
        ("tierDowngradeReminder", "loyalty.tierDowngradeReminder"),
        ("promotionEarned", "loyalty.promotionEarned"),
        ("rewardIssued", "loyalty.rewardIssued"),
        ("CouponIssue", "loyalty.couponIssued"),
        ("CouponRedeem", "loyalty.couponRedeemed"),
        ("badgeEarned", "loyalty.badgeEarned"),
        ("targetValueAchieved", "loyalty.targetAchieved"),
    ],
)
def test_every_event_in_every_shape_becomes_an_event(event: str, kind: str) -> None:
    for case in ("documented", "sparse", "hostile"):
        found = entities(document(event, case))
        assert {entity["eventType"] for entity in found} == {kind}
        assert {tenant(entity)["eventName"] for entity in found} == {event}


# ---- tiers ----------------------------------------------------------------------------------------------------------


def tiers(source: Json) -> dict[str, object]:
    (entity,) = entities(source)
    return {name: value for name, value in tenant(entity).items() if "ier" in name and "Activity" not in name}


def test_an_event_tells_both_tiers_by_number_and_name() -> None:
    found = tiers(document("tierDowngraded"))
    assert found | {"tierExpiryDate": None} == {
        "previousTierNumber": 3,
        "previousTierName": "Platinum",
        "tierNumber": 1,
        "tierName": "Silver",
        "tierExpiryDate": None,
    }


@pytest.mark.parametrize(
    ("listed", "number", "name"),
    [
        ([{"tierNumber": 3, "tierName": " Gold "}], 3, "Gold"),
        ([{"tierNumber": 3.0, "tierName": "Copper*"}], "3.0", "Copper*"),
        ([{"tierNumber": 1, "tierName": "Silver"}], 3, "tier-3"),
        ([{"tierNumber": 3, "tierName": " "}], 3, "tier-3"),
        ([{"tierNumber": 3, "tierName": "null"}], 3, "tier-3"),
        ([], 3, "tier-3"),
        (None, 3, "tier-3"),
    ],
)
def test_the_name_of_a_tier(listed: object, number: object, name: str) -> None:
    source = changed("tierRenewed", currentTierNumber=number)
    source["data"]["loyaltyProgramDetails"]["tiers"] = listed  # type: ignore[index]
    assert tiers(source)["tierName"] == name
    assert profile(source)["profile-tier"] == {"tier": name}


@pytest.mark.parametrize("number", [None, "", 0, -1, 1.5, "third"])
def test_a_tier_that_is_none_leaves_profile_alone(number: object) -> None:
    found = profile(changed("tierRenewed", currentTierNumber=number))
    assert found["profile-tier"] == "withheld: loyalty.tier"


@pytest.mark.parametrize("event", ["tierUpgraded", "tierDowngraded", "tierRenewed"])
@pytest.mark.parametrize("kind", ["USERGROUP2", "GROUP", "user group"])
def test_the_tier_of_a_group_is_not_the_customers(event: str, kind: str) -> None:
    source = changed(event, entityInformation={"entityType": kind, "entityId": 5501})
    assert set(profile(source).values()) == {"tier of a group"}
    [told] = entities(source)
    assert tenant(told)["entityType"] == kind.lower()


@pytest.mark.parametrize("entity", [None, {}, {"entityType": "user"}, {"entityType": " "}])
def test_the_tier_of_a_customer_is_theirs(entity: object) -> None:
    assert profile(changed("tierUpgraded", entityInformation=entity))["profile-tier"] == {"tier": "Gold"}


def test_only_an_upgrade_says_when_it_was() -> None:
    upgraded = profile(document("tierUpgraded"))
    assert upgraded["profile-tier-upgrade"] == {"tierUpgradeDate": "2025-06-18T05:28:55.600Z"}
    for event in ("tierDowngraded", "tierRenewed"):
        assert set(profile(document(event))) == {"profile-tier", "profile-tier-expiry"}
    assert profile(document("tierDowngradeReminder")) == {}


@pytest.mark.parametrize("event", ["tierUpgraded", "tierDowngraded", "tierRenewed"])
@pytest.mark.parametrize("default", [False, None])
def test_another_program_or_an_unknown_one_is_not_for_profile(event: str, default: object) -> None:
    source = document(event)
    source["data"]["loyaltyProgramDetails"]["isDefault"] = default  # type: ignore[index]
    assert set(profile(source).values()) == {"not the default program"}
    assert set(profile(without(source, "loyaltyProgramDetails")).values()) == {"not the default program"}


# ---- without an eventId ---------------------------------------------------------------------------------------------


def ids(event: str, *changes: Json) -> list[object]:
    return [entities(changed(event, **change))[0]["_id"] for change in changes]


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("promotionEarned", [{}, {"earnedId": 2523}, {"issualId": 2902}]),
        (
            "rewardIssued",
            [
                {},
                {"rewardId": 2},
                {"transactionId": "2"},
                {"vendorRewardDetails": {"vendorVoucher": "6a690ff9-0bcf-4b95-9fd4-000000000002"}},
                {"intouchRewardDetails": {"intouchCouponCode": "0TM4WNMA"}},
            ],
        ),
    ],
)
def test_what_one_call_gave_several_times_keeps_apart(event: str, changes: list[Json]) -> None:
    assert "eventId" not in document(event)
    first, again = ids(event, *changes), ids(event, *changes)
    assert first == again
    assert len(set(first)) == len(changes)


def test_an_event_id_decides_where_there_is_one() -> None:
    one, other = (changed("promotionEarned", earnedId=number) | {"eventId": "06750c10"} for number in (1, 2))
    assert entities(one)[0]["_id"] == entities(other)[0]["_id"]


# ---- coupons --------------------------------------------------------------------------------------------------------


def owners(source: Json) -> list[object]:
    return [entity["identityMap"]["CapillaryId"][0]["id"] for entity in entities(source)]  # type: ignore[index]


def test_every_coupon_goes_to_its_own_customer_once() -> None:
    found = entities(document("CouponIssue", "hostile"))
    assert len(found) == len({entity["_id"] for entity in found}) == 9
    coupons = [tenant(entity)["coupon"]["id"] for entity in found]  # type: ignore[index]
    assert coupons == [str(number) for number in range(1241056564, 1241056574) if number != 1241056572]
    assert set(owners(document("CouponIssue", "hostile"))) == {
        "150698:164875001",
        "150698:164875002",
        "150698:164875003",
        "150698:84793759919",
    }


def test_a_repeated_coupon_event_repeats_its_ids() -> None:
    first, again = (entities(document("CouponIssue", "hostile")) for _ in range(2))
    assert [one["_id"] for one in first] == [one["_id"] for one in again]


def test_profile_has_coupons_only_where_all_are_of_the_customer_that_the_key_names() -> None:
    one, many = document("CouponIssue"), document("CouponIssue", "hostile")
    assert read(one).key == b"150698:164875001"
    assert read(many).key == b"150698:516557"
    assert len(entities(one, "profile-coupon")) == 1
    assert entities(one, "profile-coupon", b"150698:164875002") == []
    assert entities(one, "profile-coupon", None) == []
    for key in (b"150698:516557", b"150698:164875001", None):
        result = translated(many, key)
        assert {message.to.name for message in result.messages} == {"events"}
        assert [skip.to for skip in result.skips] == ["profile-coupon"]


def test_a_series_with_the_number_of_a_customer_is_nobody() -> None:
    source = document("CouponIssue", "hostile")
    source["data"]["series_info"]["id"] = 164875001  # type: ignore[index]
    assert read(source).key == b"150698:164875001"
    assert entities(source, "profile-coupon") == []


FIRST = {"id": 1, "code": "A", "customerIdentifiers": {"customerId": 11}}
SECOND = {"id": 2, "code": "B", "customerIdentifiers": {"customerId": 12}}
OF_NOBODY = {"id": 3, "code": "C"}
OF_ZERO = {"id": 4, "code": "D", "customerIdentifiers": {"customerId": 0}}
WITHOUT_ID = {"code": "E", "customerIdentifiers": {"customerId": 13}}


def issued(coupons: object) -> Translated:
    """What becomes of an event with these coupons, by the code; the interpreter says the same."""
    event = read(changed("CouponIssue", coupons=coupons))
    result = translator().translate(Record("t", 0, 0, NOW, event.key, ENCODER(event)))
    assert isinstance(result, Translated)
    known = MAPPINGS.decoder(MAPPINGS.compiled["CouponIssue"], MAPPINGS.readers["CouponIssue"]).known
    if result.refusal is not None:
        with pytest.raises(Unmappable) as caught:
            interpret(MAPPINGS.bound["CouponIssue"], Event(event.record, known, NOW, NOW))
        assert result.refusal.detail.startswith(f'"{caught.value.target}" of output events: {caught.value.reason}; ')
        return result
    plainly, notes = interpret(MAPPINGS.bound["CouponIssue"], Event(event.record, known, NOW, NOW))
    lost = tuple(f"{place}:unreadable" for place in event.record["dropped"] or ())  # the translator counts these
    assert (*lost, *notes) == result.notes
    (events,) = [one for one in plainly if one.output.to == "events"]
    sent = [orjson.loads(message.entity) for message in result.messages if message.to.name == "events"]
    assert list(events.entities) == sent
    skipped = (*events.left_out, *([] if events.skip is None else [events.skip]))
    assert skipped == tuple(skip for skip in result.skips if skip.to == "events")
    return result


@pytest.mark.parametrize("lost", [OF_NOBODY, OF_ZERO])
def test_a_coupon_of_nobody_is_left_out_and_counted_and_the_others_go_out(lost: Json) -> None:
    result = issued([FIRST, lost, SECOND])
    assert result.refusal is None
    sent = [tenant(orjson.loads(message.entity)) for message in result.messages]
    assert [entity["customerId"] for entity in sent] == ["11", "12"]
    assert [skip for skip in result.skips if skip.to == "events"] == [Skip("item without identityMap", "events")]


def test_every_coupon_that_is_left_out_counts() -> None:
    rules = [skip.rule for skip in issued([OF_NOBODY, FIRST, WITHOUT_ID, OF_ZERO]).skips if skip.to == "events"]
    assert rules == ["item without identityMap", "item without id", "item without identityMap"]


def test_a_coupon_that_is_left_out_is_no_twin_of_the_next() -> None:
    result = issued([WITHOUT_ID, WITHOUT_ID | {"code": "F"}, FIRST])
    assert [skip.rule for skip in result.skips if skip.to == "events"] == ["item without id"] * 2
    assert "events:given twice" not in result.notes


def test_coupons_of_nobody_alone_are_a_dead_letter() -> None:
    result = issued([OF_NOBODY, WITHOUT_ID])
    assert result.messages == result.skips == ()
    assert result.refusal == Refusal(
        Reason.UNMAPPABLE,
        Stage.TRANSLATE,
        f'"data.coupons" of output events: no item can be sent; item without identityMap; {REMEDY}',
    )


@pytest.mark.parametrize(
    ("coupons", "lost"),
    [
        *(("abc", "data.coupons"), (7, "data.coupons"), ({"id": 1}, "data.coupons")),
        *((["abc"], "data.coupons[]"), (["abc", 7, None], "data.coupons[]")),
    ],
)
def test_coupons_that_cannot_be_read_are_a_dead_letter(coupons: object, lost: str) -> None:
    refusal = issued(coupons).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.detail) == (
        Reason.UNMAPPABLE,
        f'"data.coupons" of output events: could not be read; noted: {lost}:unreadable; {REMEDY}',
    )


def test_junk_beside_a_coupon_costs_nothing_but_itself() -> None:
    assert [message.to.name for message in issued(["abc", FIRST]).messages if not message.to.profile] == ["events"]


@pytest.mark.parametrize("coupons", [None, [], [None], " "])
def test_an_event_without_coupons_is_skipped(coupons: object) -> None:
    result = issued(coupons)
    assert result.refusal is None
    assert result.messages == ()
    assert Skip("nothing to send", "events") in result.skips


def test_one_coupon_of_two_customers_is_two() -> None:
    result = issued([FIRST, FIRST | {"customerIdentifiers": {"customerId": 12}}, FIRST])
    sent = [orjson.loads(message.entity) for message in result.messages]
    assert [tenant(entity)["customerId"] for entity in sent] == ["11", "12"]
    assert len({entity["_id"] for entity in sent}) == 2
    assert result.notes == ("events:given twice",)


def test_a_coupon_keeps_its_id_whatever_is_issued_beside_it() -> None:
    alone, among = issued([SECOND]), issued([OF_NOBODY, FIRST, SECOND])
    last = [orjson.loads([m for m in one.messages if not m.to.profile][-1].entity)["_id"] for one in (alone, among)]
    assert last[0] == last[1]


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, 0, 11, 12])), max_size=6))
def test_every_coupon_goes_out_once_or_is_counted(coupons: list[tuple[int | None, int | None]]) -> None:
    given_out = [{"id": number, "customerIdentifiers": {"customerId": who}} for number, who in coupons]
    result = issued(given_out)
    found = [tenant(orjson.loads(message.entity)) for message in result.messages if not message.to.profile]
    sent = [(int(one["coupon"]["id"]), int(str(one["customerId"]))) for one in found]  # type: ignore[index]
    assert sent == list(dict.fromkeys((number, who) for number, who in coupons if number and who))
    assert (result.refusal is not None) is (bool(coupons) and not sent)
    if result.refusal is None:
        left_out = [skip for skip in result.skips if skip.rule.startswith("item without ")]
        assert len(sent) + len(left_out) + result.notes.count("events:given twice") == len(coupons)


def test_a_time_that_cannot_be_trusted_takes_every_coupon() -> None:
    event = read(changed("CouponIssue", coupons=[FIRST, SECOND]) | {"createdAt": NOW + 10**10})
    result = translator().translate(Record("t", 0, 0, NOW, event.key, ENCODER(event)))
    assert isinstance(result, Translated)
    assert result.refusal is not None
    assert result.refusal.detail.endswith(
        f"no item can be sent; item without timestamp; noted: timestamp:createdAt in the future; {REMEDY}"
    )


@pytest.mark.parametrize(("bill", "number"), [(0, ""), (-1, "null"), ("0", None), (None, " ")])
def test_a_coupon_that_was_redeemed_on_no_bill(bill: object, number: object) -> None:
    (entity,) = entities(changed("CouponRedeem", transaction={"bill_id": bill, "number": number}))
    assert not tenant(entity).keys() & {"transactionId", "billNumber"}


def test_profile_shows_what_became_of_a_coupon() -> None:
    redeemed = profile(document("CouponRedeem"))["profile-coupon"]
    assert redeemed == {
        "rewards": {
            "coupons": [
                {
                    "id": "VQ3U9146",
                    "name": "June voucher",
                    "series": "516557",
                    "state": "redeemed",
                    "discountValue": 10.0,
                }
            ]
        }
    }
