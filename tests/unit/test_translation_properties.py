"""Whatever a record of a contract holds: it is translated without a fault, and what goes out Adobe can take.

The schemas in `schemas/xdm/` are checked here with `jsonschema`, which shares no code with what makes the messages nor
with the stand-in for Adobe.
"""

from __future__ import annotations

import copy
import io
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import cycle, islice, product
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker

from processor.capillary import load_contracts
from processor.commands._encoding import single_object
from processor.mapping.functions import event_id
from processor.mapping.options import Namespaces
from processor.mapping.values import Noted
from processor.model import Destination, Record, Translated
from processor.translator import MAX_EVENT, MAX_PROFILE, load_mappings
from tests.avro_values import NOW, thrown, values
from tests.sizes import examples

SCHEMAS = Path(__file__).parents[2] / "schemas"
TENANT = "acme"
CONTRACTS = load_contracts(SCHEMAS / "capillary")
MAPPINGS = load_mappings(SCHEMAS, None, TENANT)
TRANSLATOR = MAPPINGS.translator(
    {name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names},
    lambda: NOW,
)
FORMATS = FormatChecker(["date-time", "date", "email", "uri", "uri-reference"])
IDS = int(os.environ.get("IDS", "20000"))

Json = dict[str, Any]
EACH_EVENT = pytest.mark.parametrize("event", sorted(CONTRACTS))


@cache
def validator(destination: str) -> Draft7Validator:
    """The whole XDM schema of a destination, in the tenant's namespace."""
    text = (SCHEMAS / "xdm" / f"{destination}.json").read_text(encoding="utf-8").replace('"_tenant"', f'"_{TENANT}"')
    schema = json.loads(text)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema, format_checker=FORMATS)


def test_the_formats_are_really_checked() -> None:
    bad = {"date-time": "2025-13-01T00:00:00Z", "email": "x", "uri-reference": "a b", "date": "2024-02-30", "uri": "x"}
    for name, text in bad.items():
        assert list(Draft7Validator({"format": name}, format_checker=FORMATS).iter_errors(text)), name


@cache
def records(event: str) -> st.SearchStrategy[Json]:
    """Records of an event; time, org and customer are mostly such that Adobe gets it."""
    return st.builds(
        completed,
        values(CONTRACTS[event].schema),
        event=st.just(event),
        created=st.sampled_from([NOW - 5_000, NOW, NOW - 10**10, NOW - 10**9, None]),
        org=st.sampled_from([150698, 7, 1, 0, -1]),
        customer=st.sampled_from([84793759919, 1, 2**53, 2**63 - 1, 0, None]),
    )


def completed(record: Json, event: str, created: int | None, org: int, customer: int | None) -> Json:
    """With a path to the customer where there is one, and with a time unless None asks for any."""
    record |= {"eventName": event, "orgId": org}
    record["createdAt"] = record["createdAt"] if created is None else created
    contract = CONTRACTS[event]
    if contract.customer:
        put_customer(record, contract.schema, contract.customer, customer)
    return record


def put_customer(record: Json, schema: Json, path: tuple[str, ...], customer: int | None) -> None:
    """The customer at the end of a path; through a list it is that of every item, of which there is at least one."""
    part, *rest = path
    if not rest:
        record[part] = customer
        return
    inner = record_of(schema, part)
    item = inner["items"] if inner["type"] == "array" else inner
    empty = {field["name"]: None for field in item["fields"]}
    record[part] = record[part] or ([empty] if item is not inner else empty)
    for place in record[part] if item is not inner else [record[part]]:
        put_customer(place, item, tuple(rest), customer)


def record_of(schema: Json, name: str) -> Json:
    """The record, or the list of records, that a field of a record holds."""
    kind = next(field["type"] for field in schema["fields"] if field["name"] == name)
    found = kind[1] if isinstance(kind, list) else kind
    assert isinstance(found, dict)
    return found


def key_of(record: Json, event: str) -> bytes | None:
    customer: Any = record
    for part in CONTRACTS[event].customer:
        customer = customer[0] if isinstance(customer, list) else customer
        customer = customer[part] if customer else None
    return None if customer is None or not CONTRACTS[event].customer else f"{record['orgId']}:{customer}".encode()


def translated(record: Json, event: str, *, received: int = NOW - 1) -> Translated:
    payload = io.BytesIO()
    fastavro.schemaless_writer(payload, CONTRACTS[event].parsed, record)  # type: ignore[arg-type]
    value = single_object(CONTRACTS[event]) + payload.getvalue()
    result = TRANSLATOR.translate(Record("t", 0, 0, received, key_of(record, event), value))
    assert isinstance(result, Translated)
    return result


def empties(value: object, path: str = "") -> Iterator[str]:
    """Paths of all that is null or empty."""
    if value is None or value in ("", [], {}):
        yield path
    for name, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from empties(item, f"{path}/{name}")


def times(value: object) -> Iterator[str]:
    """Every time that says when it happened or was written."""
    assert isinstance(value, dict)
    yield from (value[name] for name in ("timestamp",) if name in value)
    yield from value.get("extSourceSystemAudit", {}).values()


@EACH_EVENT
@settings(max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_message_is_one_that_adobe_takes(event: str, data: st.DataObject) -> None:
    result = translated(data.draw(records(event)), event)
    assert result.refusal is None or "fault of this program" not in result.refusal.detail, result.refusal
    assert result.messages or result.refusal or result.skips, "nothing came out, and nothing was said"
    for message in result.messages:
        entity = json.loads(message.entity)
        assert [error.message for error in validator(message.to.name).iter_errors(entity)] == []
        assert list(empties(entity)) == []
        primaries = [one["id"] for many in entity["identityMap"].values() for one in many if one.get("primary") is True]
        assert primaries == [one["id"] for one in entity["identityMap"][Namespaces().customer]]
        assert len(primaries) == 1
        assert all(datetime.fromisoformat(time) <= datetime.fromtimestamp(NOW / 1000, UTC) for time in times(entity))
        assert ("_id" in entity) is not message.to.profile
        assert len(message.entity) <= (MAX_PROFILE if message.to.profile else MAX_EVENT)


# ---- one event, one `_id` --------------------------------------------------------------------------------------------


def ids(result: Translated) -> list[str]:
    return [json.loads(message.entity)["_id"] for message in result.messages if not message.to.profile]


def ids_of_bills(result: Translated, event: str) -> set[str]:
    """Ids that are not of the event but of its bill: that of the refund in an update, which is counted once a bill."""
    entities = [json.loads(message.entity) for message in result.messages if event == "transactionUpdated"]
    return {entity["_id"] for entity in entities if "refunds" in entity.get("commerce", {}).get("order", {})}


@EACH_EVENT
@settings(max_examples=examples(10, 0.1), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), own=st.sampled_from(["06750c10-dcf1-45de-a0eb-d9c64372feed", "12345XYZE", 'A"|,[]']))
def test_the_same_event_keeps_its_ids(event: str, data: st.DataObject, own: str) -> None:
    record = data.draw(records(event)) | {"eventId": own}
    result = translated(record, event)
    first = ids(result)
    assert len(set(first)) == len(first)
    assert ids(translated(record, event, received=NOW - 3_600_000)) == first
    noise = {name: data.draw(values(["null", "string"])) for name in ("refId", "apiRequestId", "loyaltyEventId")}
    assert ids(translated(copy.deepcopy(record) | noise | {"eventLogId": 1}, event)) == first
    other = ids(translated(record | {"eventId": f"{own}'"}, event))
    assert set(first) & set(other) == ids_of_bills(result, event)
    assert len(other) == len(first)


def different_events() -> Iterator[tuple[Any, ...]]:
    """Arguments of `event_id`, no two of the same event, output and item; those that nearly agree come first."""
    outputs = [("events", None), ("events-return", None), ("events", 1), ("events", 11), ("events", "a")]
    names = ["pointsIssued", "pointsExpired", "CouponIssue"]
    own = [f"{n:x}" for n in range(40)]
    for org, name, (output, item), mine in product((1, 11, 150698), names, outputs, own):
        yield org, name, mine, output, item, NOW, NOW
    keys = (None, 0.5, "a", "0", [("a", None)], [(None, "a")], [("a", "b")], [("a",), ("b",)], [(["a", "b"],)])
    for none, (one, other) in zip(cycle(NO_IDS), product(keys, keys), strict=False):
        yield 1, "pointsIssued", none, "events", None, NOW, NOW, one, other
    without = product((1, 11), names, outputs, range(50), ("1_2", "1", "-", None), (None, "r"), (1, 12))
    for (org, name, (output, item), ms, ref, request, customer), none in zip(without, cycle(NO_IDS), strict=False):
        yield org, name, none, output, item, NOW + ms, NOW, ref, request, customer
    for n in range(10**9):
        yield n % 7, "transactionAdded", f"{n:032x}", "events", None, NOW, NOW


def test_different_events_never_share_an_id() -> None:
    """20,000 of them here, 1,000,000 by `make fuzz`."""
    found = {told(event_id(*arguments)) for arguments in islice(different_events(), IDS)}
    assert len(found) == IDS
    assert len({len(one) for one in found}) == 1


def told(given: str | Noted[str]) -> str:
    value = given.value if isinstance(given, Noted) else given
    assert value is not None
    return value


def test_the_order_of_a_list_and_what_its_items_lack_mean_nothing() -> None:
    def id_of(*natural: Any) -> str:
        return told(event_id(1, "pointsIssued", None, "events", None, NOW, NOW, *natural))

    assert id_of([("a", 1), ("b", 2)]) == id_of([("b", 2), ("a", 1)])
    assert id_of([("a", [{"x": 1}, {"x": 2}])]) == id_of([("a", [{"x": 2, "y": None}, {"y": None, "x": 1}])])
    assert id_of(()) == id_of([])
    assert (
        len({id_of([("a", "b")]), id_of([("b", "a")]), id_of([("a",), ("b",)]), id_of("a", "b"), id_of("b", "a")}) == 5
    )


# ---- without an eventId: whatever tells two events apart is in the `_id` ---------------------------------------------

NO_KEYS = {
    r"[cC]ustomerIdentifiers\.(?!customerId$)": "says again who it is",
    r"\b(enteredBy|addedBy)\.": "who typed it in, and where",
    r"\b(lineItems|paymentModes)\.": "parts of a bill, which has an id",
    r"\btriggeringActivity\.(name|entityInformation|additionalAttributes)\b": "describes what other fields name",
    r"\bpointsConvertedBreakup\.\w+PointsBreakup\.": "its sum is there",
    r"\bloyaltyProgramDetails\.(?!id$)": "settings of the program",
    r"\btargetDetails\.(?!\w*[iI]d$)": "settings of the target",
    r"\bseries_info\.(?!id$)|\.issualType$": "settings of the coupons",
    r"^rewardIssued\.data\.(type|redemptionType|priority|tier|group|label)$": "settings of the reward",
    r"(Restrictions|Constraints)\.|\.promotion(Name|Description|EarnSource)$": "settings of the promotion or badge",
    r"\.(pointsOfferType|earnCriteria|linkedTargetGroupVsTargetRuleIdMap)$": "settings of the promotion",
    r"[nN]otes$": "free text",
    r"\.(firstName|lastName|previousValue|currentValue|identifier_value)$": "personal data: a hash can be guessed",
}
"""Fields of a body that are no natural keys, and why. What is not here must be in the `_id`."""
ITEM_KEYS = {("data", "coupons", "id"), ("data", "coupons", "customerIdentifiers", "customerId")}
"""What tells the items of one event apart, whether or not it has an eventId."""
NATURAL = ("refId", "apiRequestId", "createdAt", "eventLogId", "loyaltyEventId")
NO_IDS = (None, "", "null", " NULL ", "undefined", "N/A", "-", "0", "none", "00000000-0000-0000-0000-000000000000")
MARKS: Json = {"string": ("one", "other"), "long": (NOW - 7_000, NOW - 6_000), "int": (3, 4), "double": (0.25, 0.5)}


class Shape:
    """A contract's schema by its paths, arrays gone through."""

    def __init__(self, event: str) -> None:
        self.root = CONTRACTS[event].schema
        self._named: dict[str, Json] = {}
        leaves = list(self._leaves(self.root, ()))
        self.keys = {path: kind for path, kind in leaves if is_natural_key(event, path)}

    def _leaves(self, schema: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        """Texts and numbers with their types."""
        schema = self._present(schema)
        if isinstance(schema, str):
            if schema in MARKS:
                yield path, schema
        elif schema["type"] == "record":
            self._named[schema["name"]] = schema
            for field in schema["fields"]:
                yield from self._leaves(field["type"], (*path, field["name"]))
        elif schema["type"] == "array":
            yield from self._leaves(schema["items"], path)

    def put(self, schema: Any, value: Any, path: tuple[str, ...], mark: object) -> Any:
        """A value of a schema with a mark at the end of a path, through a list in its first item."""
        schema = self._present(schema)
        if isinstance(schema, str):
            return mark
        if schema["type"] == "array":
            first, *others = value or [None]
            return [self.put(schema["items"], first, path, mark), *others]
        name, *rest = path
        kind = next(field["type"] for field in schema["fields"] if field["name"] == name)
        made = {field["name"]: None for field in schema["fields"]} | (value or {})
        return made | {name: self.put(kind, made[name], tuple(rest), mark)}

    def _present(self, schema: Any) -> Any:
        """Out of a union with null what is not, out of a name its record."""
        schema = schema[-1] if isinstance(schema, list) else schema
        return self._named.get(schema.rpartition(".")[2], schema) if isinstance(schema, str) else schema


def is_natural_key(event: str, path: tuple[str, ...]) -> bool:
    described = any(re.search(pattern, f"{event}.{'.'.join(path)}") for pattern in NO_KEYS)
    return path[0] in NATURAL or (path[0] == "data" and not described)


@EACH_EVENT
@pytest.mark.parametrize("seed", range(max(1, IDS // 20_000)))
def test_each_natural_key_tells_two_events_apart(event: str, seed: int) -> None:
    """One record of each event here, 50 by `make fuzz`; every key of it is changed by itself."""
    dice, shape = Random(f"{event} {seed}"), Shape(event)
    base = next(record for record in iter(lambda: sound(event, dice), None) if is_whole(translated(record, event)))
    for path, kind in shape.keys.items():
        one, other = (
            {**shape.put(shape.root, base, path, mark), "eventId": dice.choice(NO_IDS)} for mark in MARKS[kind]
        )
        found, others = ids_by_event(one, event), ids_by_event(other, event)
        assert found, path
        assert found != others, path
        assert not found & others or path[:2] == ("data", "coupons"), path  # each is a message of its own
        if path not in ITEM_KEYS:
            assert ids_by_event(one | {"eventId": "own"}, event) == ids_by_event(other | {"eventId": "own"}, event), (
                path
            )


def is_whole(result: Translated) -> bool:
    """Whether an event goes out with all its items, and as itself: a deletion has keys of its own."""
    kinds = {json.loads(message.entity)["eventType"] for message in result.messages if not message.to.profile}
    left_out = any(skip.rule.startswith("item without") for skip in result.skips)
    return bool(kinds) and "loyalty.customerDeleted" not in kinds and not left_out


def sound(event: str, dice: Random) -> Json:
    """A record with a time, an org and a customer, and anything else; it has no eventId."""
    record = completed(thrown(CONTRACTS[event].schema, dice), event, NOW - 5_000, 7, 1)
    return record | {"eventId": dice.choice(NO_IDS)}


def ids_by_event(record: Json, event: str) -> set[str]:
    result = translated(record, event)
    return set(ids(result)) - ids_of_bills(result, event)
