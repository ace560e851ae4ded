"""Fields of Profile that may go: `GONE`, and `absent = "clear"` inside lists. Compiled code and interpreter agree.

Told by events of ours: the end of a tier (tierUpgraded) and the coupons of a customer (CouponIssue).
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path

import fastavro
import orjson
import pytest

from processor.avro import admit
from processor.capillary import encode, load_contracts, read_event
from processor.mapping.functions import end_date
from processor.mapping.interpreter import Event, interpret
from processor.mapping.values import GONE, Day, Gone, Noted
from processor.model import Skip
from processor.translator import load_mappings

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, "acme")
NOW = 1_790_000_000_000

Json = dict[str, object]


def golden(event: str) -> Json:
    document: Json = json.loads((ROOT / "tests/golden" / event / "documented" / "A.json").read_bytes())
    return document


def written(document: Json, to: str, writer: Json | None = None) -> object:
    """`loyalty` of what a destination gets of an event, or the rule by which it is withheld.

    `writer` is the Avro schema that the record is written with, ours unless another one is given.
    """
    event = read_event(document, CONTRACTS)
    compiled, bound = MAPPINGS.compiled[event.event], MAPPINGS.bound[event.event]
    admitted = MAPPINGS.readers[event.event] if writer is None else admit(json.dumps(writer))
    decoder = MAPPINGS.decoder(compiled, admitted)
    if writer is None:
        values = decoder.read(encode(event, CONTRACTS), 0)
    else:
        values = decoder.read(_encoded(event.record, writer), 0)
    (output,) = [output for output in compiled.outputs if output.to == to]
    result = output.write(values, compiled.share(values, NOW, NOW), NOW, NOW, decoder.known, [])
    plainly, _ = interpret(bound, Event(event.record, frozenset(decoder.known), NOW, NOW))
    (slow,) = [one for one in plainly if one.output.to == to]
    if isinstance(result, Skip):
        assert slow.skip == result
        return result.rule
    assert isinstance(result, tuple)
    entity = orjson.loads(result[0])
    assert slow.entities == (entity,)
    return entity.get("loyalty")


def _encoded(record: Json, writer: Json) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(copy.deepcopy(writer)), record)
    return buffer.getvalue()


# ---- GONE -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "loyalty"),
    [
        ("2026-04-25", {"tierExpiryDate": "2026-04-25T00:00:00.000Z"}),
        ("2121-04-27", None),
        (None, "withheld: loyalty.tierExpiryDate"),
        ("", "withheld: loyalty.tierExpiryDate"),
        ("2024-02-30", "withheld: loyalty.tierExpiryDate"),
    ],
)
def test_a_value_that_is_gone_leaves_profile(date: object, loyalty: object) -> None:
    document = golden("tierUpgraded")
    document["data"]["tierExpiryDate"] = date  # type: ignore[index]
    assert written(document, "profile-tier-expiry") == loyalty


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2099-12-31", Day("2099-12-31")),
        ("2100-01-01", GONE),
        (" 2121-04-27 ", GONE),
        ("", None),
        (None, None),
        ("null", None),
        ("tierExpiryDate", Noted(None, ("date",))),
    ],
)
def test_the_end_of_a_tier(text: str | None, end: Day | Gone | Noted[Day] | None) -> None:
    assert end_date(text) == end


# ---- absent = "clear" inside lists ----------------------------------------------------------------------------------

FIRST = {"id": "VQ3U9146", "name": "June voucher", "series": "516557", "state": "issued", "discountValue": 10.0}
DATES = {"startDate": "2025-06-18T05:28:55.000Z", "endDate": "2025-06-29T18:29:59.000Z"}


def coupon(change: Callable[[Json, Json], object]) -> object:
    """What Profile gets of one coupon; `change` takes the coupon and its series."""
    document = golden("CouponIssue")
    data = document["data"]
    assert isinstance(data, dict)
    del data["coupons"][1]
    change(data["coupons"][0], data["series_info"])
    return written(document, "profile-coupon")


def test_what_a_coupon_does_not_have_is_left_out() -> None:
    assert coupon(lambda one, _: None) == {"rewards": {"coupons": [FIRST | DATES]}}
    assert coupon(lambda one, _: one.pop("valid_till")) == {
        "rewards": {"coupons": [FIRST | {"startDate": DATES["startDate"]}]}
    }
    assert coupon(lambda _, series: series.pop("description")) == {
        "rewards": {"coupons": [{name: value for name, value in (FIRST | DATES).items() if name != "name"}]}
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda one, _: one.update(valid_till="soon"), "endDate"),
        (lambda _, series: series.update(discount_value="ten"), "discountValue"),
        (lambda one, _: one.update(code=None), "id"),
    ],
)
def test_a_value_that_was_lost_on_the_way_withholds_the_list(
    change: Callable[[Json, Json], object], field: str
) -> None:
    assert coupon(change) == f"withheld: loyalty.rewards.coupons[].{field}"


def test_a_field_that_the_writer_did_not_know_withholds_the_list() -> None:
    older = copy.deepcopy(CONTRACTS["CouponIssue"].schema)
    _drop(older, "valid_till", within="Coupon")
    document = golden("CouponIssue")
    for one in document["data"]["coupons"]:  # type: ignore[index]
        del one["valid_till"]
    assert written(document, "profile-coupon", older) == "withheld: loyalty.rewards.coupons[].endDate"


def _drop(schema: object, name: str, within: str) -> None:
    if isinstance(schema, dict):
        if schema.get("name") == within and isinstance(schema.get("fields"), list):
            schema["fields"] = [field for field in schema["fields"] if field["name"] != name]
        for value in schema.values():
            _drop(value, name, within)
    elif isinstance(schema, list):
        for item in schema:
            _drop(item, name, within)
