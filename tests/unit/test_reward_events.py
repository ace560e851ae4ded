"""What becomes of the golden events about tiers, promotions, rewards, coupons, badges and targets."""

from __future__ import annotations

import json
from pathlib import Path

import orjson

from processor.capillary import CanonicalEvent, load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.model import Destination, Record, Translated
from processor.translator import Translator, load_mappings

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


def test_a_coupon_of_nobody_makes_a_dead_letter_of_its_event() -> None:
    source = document("CouponIssue")
    del source["data"]["coupons"][1]["customerIdentifiers"]  # type: ignore[index]
    event = read(source)
    assert event.key == b"150698:516557"
    result = translator().translate(Record("t", 0, 0, NOW, event.key, ENCODER(event)))
    assert isinstance(result, Translated)
    assert result.messages == ()
    assert result.refusal is not None
    assert "identityMap" in result.refusal.detail
