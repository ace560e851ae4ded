"""The stand-in judges messages as AEP's inlet does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.settings import schemas_dir
from processor.simulator.account import Account, Dataset, load_datasets
from processor.simulator.faults import Twist
from processor.simulator.inlet import Inlet, Shape, Verdict
from processor.simulator.violations import emptiness

ACCOUNT = Account()
DATASETS = load_datasets(schemas_dir() / "xdm", ACCOUNT)
EVENTS = next(dataset for dataset in DATASETS.values() if dataset.name == "events")
ENTITY: dict[str, Any] = {
    "_id": "0a1b",
    "timestamp": "2025-07-14T12:00:00.000Z",
    "eventType": "loyalty.pointsIssued",
    "identityMap": {"CapillaryId": [{"id": "c1", "primary": True}]},
}


def message(dataset: Dataset = EVENTS, entity: object = ENTITY) -> dict[str, Any]:
    """A message as the worker sends it."""
    schema = {"id": dataset.schema_id, "contentType": "application/vnd.adobe.xed-full+json;version=1"}
    header = {"schemaRef": schema, "imsOrgId": ACCOUNT.org_id, "datasetId": dataset.dataset_id}
    envelope = {
        "header": header | {"source": {"name": "capillary"}},
        "body": {"xdmMeta": {"schemaRef": schema}, "xdmEntity": entity},
    }
    copied: dict[str, Any] = orjson.loads(orjson.dumps(envelope))  # no part is shared with another
    return copied


@pytest.fixture
def inlet() -> Inlet:
    return Inlet(ACCOUNT, DATASETS)


def test_a_good_message_is_accepted(inlet: Inlet) -> None:
    verdict = inlet.judge(message())
    assert (verdict.status, verdict.dataset, verdict.entity) == (0, EVENTS, ENTITY)


def test_what_the_server_fills_in_may_be_left_out(inlet: Inlet) -> None:
    """Adobe's newer pages send neither organisation nor source."""
    bare = message()
    del bare["header"]["imsOrgId"], bare["header"]["source"]
    assert inlet.judge(bare).status == 0


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *above, last = path
        for name in above:
            document = document[name]
        del document[last]

    return change


def _set(value: object, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *above, last = path
        for name in above:
            document = document[name]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_drop("header"), "The 'header' field is mandatory"),
        (_drop("body"), "The 'body' field is mandatory"),
        (_set([], "header"), "The 'header' field is mandatory"),
        (_drop("header", "schemaRef"), "unknown xdm format"),
        (_drop("header", "schemaRef", "contentType"), "unknown xdm format"),
        (_set("0@AdobeOrg", "header", "imsOrgId"), "absent or wrong ims org"),
        (_set(None, "header", "imsOrgId"), "absent or wrong ims org"),
        (_drop("header", "datasetId"), "datasetId"),
        (_set("5f0000000000000000000000", "header", "datasetId"), "datasetId"),
        (_set({}, "header", "source"), "missing Source Name"),
        (_set("https://ns.adobe.com/x/schemas/y", "header", "schemaRef", "id"), "schema of the dataset"),
        (_drop("body", "xdmMeta"), "schema in the body"),
        (_set("x", "body", "xdmMeta", "schemaRef", "contentType"), "schema in the body"),
        (_drop("body", "xdmEntity"), "missing xdmEntity"),
        (_set("text", "body", "xdmEntity"), "missing xdmEntity"),
    ],
)
def test_each_field_of_the_envelope_is_checked(
    inlet: Inlet, change: Callable[[dict[str, Any]], None], text: str
) -> None:
    bad = message()
    change(bad)
    verdict = inlet.judge(bad)
    assert verdict.status == 400
    assert text in verdict.message


@pytest.mark.parametrize("other", [None, 1, "text", [], [message()]])
def test_what_is_no_object_is_refused(inlet: Inlet, other: object) -> None:
    assert inlet.judge(other).status == 400


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"_id": None}, "#/_id: expected type: String, found: null"),
        ({"_id": 5}, "#/_id: expected type: String, found: Integer"),
        ({"_id": 5_000_000_000}, "#/_id: expected type: String, found: Long"),
        ({"_id": "2025-07-14T12:00:00Z|T1"}, "is not a valid uri-reference"),
        ({"timestamp": "2025-07-14 12:00"}, "is not a valid date-time. Expected [yyyy-MM-dd'T'HH:mm:ssZ"),
        ({"extra": 1}, "#: extraneous key [extra] is not permitted"),
        ({"eventType": ""}, "#/eventType"),
        ({"identityMap": {}}, "#/identityMap: null or empty value"),
        ({"productListItems": {}}, "expected type: JSONArray, found: JSONObject"),
        ({"productListItems": [{"quantity": 1}]}, "#/productListItems/0: required key [SKU] not found"),
        ({"commerce": {"order": {"currencyCode": "rupiah"}}}, "string [rupiah] does not match pattern"),
        ({"commerce": {"order": {"priceTotal": "12.5"}}}, "expected type: Number, found: String"),
    ],
)
def test_an_entity_must_be_valid_xdm(inlet: Inlet, changes: dict[str, object], text: str) -> None:
    """In the words that Adobe's answers show, with the place."""
    verdict = inlet.judge(message(entity=ENTITY | changes))
    assert verdict.status == 400
    assert text in verdict.message


def test_a_required_field(inlet: Inlet) -> None:
    entity = {name: value for name, value in ENTITY.items() if name != "timestamp"}
    assert "#: required key [timestamp] not found" in inlet.judge(message(entity=entity)).message


def test_five_violations_are_told_and_no_more(inlet: Inlet) -> None:
    text = inlet.judge(message(entity=ENTITY | {f"extra{number}": 1 for number in range(9)})).message
    assert text.count("extraneous key") == 5


def test_without_validation_every_entity_passes() -> None:
    assert Inlet(ACCOUNT, DATASETS, validate=False).judge(message(entity={"anything": None})).status == 0


def test_every_schema_compiles_with_the_tenant_in_it() -> None:
    """And no dataset has another's ids."""
    datasets = load_datasets(schemas_dir() / "xdm", Account(tenant="acme"))
    assert len(datasets) == len(list((schemas_dir() / "xdm").glob("*.json")))
    assert len({dataset.schema_id for dataset in datasets.values()}) == len(datasets)
    assert {dataset.name for dataset in datasets.values() if not dataset.profile} == {"events"}
    events = next(dataset for dataset in datasets.values() if dataset.name == "events")
    assert not events.validator.is_valid(ENTITY | {"_tenant": {}})
    assert events.validator.is_valid(ENTITY | {"_acme": {}})


json_values = st.recursive(
    st.integers() | st.text(min_size=1) | st.booleans(),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(), inner, min_size=1, max_size=3),
)


@given(json_values)
def test_a_value_without_emptiness_is_not_called_empty(value: object) -> None:
    assert emptiness(value) is None


@given(st.lists(json_values, max_size=3), st.sampled_from([None, "", [], {}]))
def test_emptiness_is_found_wherever_it_is(before: list[object], empty: object) -> None:
    assert emptiness({"a": [*before, {"b": empty}]}) == (
        f"The message cannot be validated: [#/a/{len(before)}/b: null or empty value]"
    )


def test_words_that_look_like_emptiness_are_no_emptiness(inlet: Inlet) -> None:
    """The quick look at the letters only decides whether to look closely."""
    assert inlet.judge(message(entity=ENTITY | {"eventType": 'null "" [] {}'})).status == 0


# ---- answers ---------------------------------------------------------------------------------------------------------

GOOD, BAD = Verdict(EVENTS, ENTITY), Verdict(status=400, message="no")


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        (Shape.STATUS_CODE, {"statusCode", "message"}),
        (Shape.STATUS, {"status", "message"}),
        (Shape.XACTION_ID, {"xactionId", "status", "message"}),
    ],
)
def test_a_batch_is_answered_207_in_order(shape: Shape, names: set[str]) -> None:
    """Also where everything failed; ids end in the position."""
    reply = Inlet(ACCOUNT, DATASETS, shape=shape).batch_reply([GOOD, BAD, GOOD])
    document = orjson.loads(reply.body)
    first, second, third = document["responses"]
    assert reply.status == 207
    assert document["inletId"] == ACCOUNT.inlet_id
    assert first == {"xactionId": f"{document['batchId']}:0"}
    assert third == {"xactionId": f"{document['batchId']}:2"}
    assert second.keys() == names


def test_twisted_answers(inlet: Inlet) -> None:
    """What is in another order says so in every element, or a client would believe its positions."""

    def responses(twist: Twist, verdicts: list[Verdict]) -> list[dict[str, str]]:
        responses: list[dict[str, str]] = orjson.loads(inlet.batch_reply(verdicts, twist).body)["responses"]
        return responses

    assert len(responses(Twist.SHORT, [GOOD, BAD, GOOD])) == 2
    assert len(responses(Twist.LONG, [GOOD, BAD, GOOD])) == 4
    permuted = responses(Twist.PERMUTED, [GOOD, BAD, GOOD])
    assert [each["xactionId"][-2:] for each in permuted] == [":1", ":2", ":0"]
    assert responses(Twist.PERMUTED, [GOOD]) == []


def test_a_single_message_has_an_answer_of_its_own(inlet: Inlet) -> None:
    assert orjson.loads(inlet.single_reply(GOOD).body)["syncValidation"] == {"skipped": True}
    refused = inlet.single_reply(BAD)
    assert refused.status == 400
    assert orjson.loads(refused.body)["title"] == "Invalid XDM Message Format"
