from __future__ import annotations

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from processor.delivery.responses import ACCEPTED, Kind, Reading, Verdict, read
from processor.model import Answer, Failure

SHAPES = ("status", "statusCode", "xactionId and status")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
elements = st.fixed_dictionaries(
    {},
    optional={
        "xactionId": st.sampled_from(["", "b", "b:0", "b-1", "b:7", "0"]) | json_values,
        "status": st.sampled_from([0, 100, 200, 207, 302, 400, 429, 503, "200", "400", -200]) | json_values,
        "statusCode": st.sampled_from([0, 100, 200, 207, 302, 400, 429, 503, "200", "400", -200]) | json_values,
        "message": json_values,
    },
)


def reply(responses: object, status: int = 207) -> Answer:
    return Answer(1, status, orjson.dumps({"batchId": "b", "responses": responses}))


def failing(shape: str, status: int, position: int) -> dict[str, object]:
    if shape == "statusCode":
        return {"statusCode": status, "message": "no"}
    return {"status": status, "message": "no"} | ({"xactionId": f"b:{position}"} if shape not in SHAPES[:2] else {})


def total(reading: Reading, sent: int) -> None:
    """One verdict per message sent, or none at all and a kind that says so."""
    assert len(reading.verdicts) == (sent if reading.kind is Kind.VERDICTS else 0)


# ---- "unknown is never success" -------------------------------------------------------------------------------------


@given(
    body=st.binary(max_size=200) | json_values.map(orjson.dumps), status=st.integers(100, 999), sent=st.integers(1, 5)
)
def test_any_body_with_any_status_gives_one_verdict_per_message_or_a_named_kind(
    body: bytes, status: int, sent: int
) -> None:
    reading = read(Answer(1, status, body), sent)
    total(reading, sent)
    assert ACCEPTED not in reading.verdicts


@given(responses=st.lists(elements, min_size=1, max_size=4))
def test_a_success_is_an_id_without_a_status_or_a_status_of_2xx_and_nothing_else(
    responses: list[dict[str, object]],
) -> None:
    reading = read(reply(responses), len(responses))
    total(reading, len(responses))
    for element, verdict in zip(responses, reading.verdicts, strict=False):
        codes = [element[name] for name in ("status", "statusCode") if name in element]
        if verdict.status is None and codes:
            assert all(200 <= int(str(code)) < 300 for code in codes)
        elif verdict.status is None:
            assert isinstance(element["xactionId"], str)
            assert element["xactionId"]
        else:
            assert verdict.status == 0 or verdict.status >= 400, "neither an error nor unknown"


@given(data=st.data(), sent=st.integers(1, 5))
def test_a_reply_that_was_cut_off_is_unknown(data: st.DataObject, sent: int) -> None:
    body = reply([{"xactionId": f"b:{position}"} for position in range(sent)]).body
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    assert read(Answer(1, 207, cut), sent).kind is Kind.UNKNOWN


@given(document=json_values, sent=st.integers(1, 5))
def test_json_that_is_not_the_shape_is_unknown(document: object, sent: int) -> None:
    assume(not (isinstance(document, dict) and "responses" in document))
    assert read(Answer(1, 200, orjson.dumps(document)), sent).kind is Kind.UNKNOWN


@given(responses=json_values, sent=st.integers(1, 5))
def test_responses_that_are_no_list_of_objects_are_unknown(responses: object, sent: int) -> None:
    assume(not (isinstance(responses, list) and all(isinstance(element, dict) for element in responses)))
    assert read(reply(responses), sent).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.NOT_SENT, Kind.NOT_SENT),
        (Failure.NO_CONNECTION, Kind.UNAVAILABLE),
        (Failure.TIMEOUT, Kind.UNKNOWN),
        (Failure.BROKEN, Kind.UNKNOWN),
    ],
)
def test_an_attempt_without_an_answer(failure: Failure, kind: Kind) -> None:
    assert read(Answer(1, failure=failure), 3).kind is kind


def test_every_failure_is_named_above() -> None:
    assert {read(Answer(1, failure=failure), 1).kind for failure in Failure} == {
        Kind.NOT_SENT,
        Kind.UNAVAILABLE,
        Kind.UNKNOWN,
    }


@given(status=st.integers(100, 999))
def test_the_status_of_a_request_that_brings_no_verdicts(status: int) -> None:
    assume(status not in (200, 207))
    expected = {
        400: Kind.BAD_REQUEST,
        401: Kind.UNAUTHORIZED,
        403: Kind.UNAUTHORIZED,
        404: Kind.NO_INLET,
        413: Kind.TOO_LARGE,
        422: Kind.BAD_REQUEST,
        429: Kind.UNAVAILABLE,
    }.get(status, Kind.UNAVAILABLE if status >= 500 else Kind.UNKNOWN)
    assert read(Answer(1, status), 2).kind is expected


# ---- "failing elements come in three shapes" ------------------------------------------------------------------------


@given(statuses=st.lists(st.sampled_from([None, 400, 413, 422, 429, 500, 503]), min_size=1, max_size=6), data=st.data())
def test_verdicts_go_by_position_in_whatever_shapes_the_failing_ones_come(
    statuses: list[int | None], data: st.DataObject
) -> None:
    responses = [
        {"xactionId": f"b:{position}"}
        if status is None
        else failing(data.draw(st.sampled_from(SHAPES)), status, position)
        for position, status in enumerate(statuses)
    ]
    reading = read(reply(responses), len(statuses))
    expected = tuple(ACCEPTED if status is None else Verdict(status, "no") for status in statuses)
    assert (reading.kind, reading.verdicts, reading.batch_id) == (Kind.VERDICTS, expected, "b")


@pytest.mark.parametrize(
    ("element", "verdict"),
    [
        ({"xactionId": "b:0", "status": 200}, ACCEPTED),
        ({"status": 0, "statusCode": 200}, 0),
        ({"status": 302}, 0),
        ({"statusCode": -200}, 0),
        ({"status": True}, 0),
        ({"status": 200, "statusCode": 503}, 503),
        ({"status": "400"}, 400),
        ({"xactionId": ""}, 0),
        ({}, 0),
    ],
)
def test_an_element_that_contradicts_itself_or_says_nothing_is_unknown_and_neither_success_nor_refused_for_good(
    element: dict[str, object], verdict: Verdict | int
) -> None:
    (found,) = read(reply([element]), 1).verdicts
    assert verdict in (found, found.status)


# ---- "the reply is unattributable" ----------------------------------------------------------------------------------


@given(ids=st.lists(st.integers(0, 5), min_size=2, max_size=6), separator=st.sampled_from([":", "-"]))
def test_indices_below_the_count_that_are_not_in_order_are_unattributable(ids: list[int], separator: str) -> None:
    assume(all(index < len(ids) for index in ids))
    reading = read(reply([{"xactionId": f"170:ab{separator}{index}"} for index in ids]), len(ids))
    in_order = ids == list(range(len(ids)))
    assert reading.kind is (Kind.VERDICTS if in_order else Kind.UNATTRIBUTABLE)


@given(sent=st.integers(1, 6), came=st.integers(0, 8))
def test_another_count_than_was_sent_is_unattributable(sent: int, came: int) -> None:
    assume(sent != came)
    assert read(reply([{"xactionId": f"b:{index}"} for index in range(came)]), sent).kind is Kind.UNATTRIBUTABLE


@given(order=st.permutations(range(4)), data=st.data())
def test_where_any_id_has_no_index_below_the_count_nothing_is_concluded_from_the_others(
    order: list[int], data: st.DataObject
) -> None:
    responses: list[dict[str, object]] = [{"xactionId": f"b:{index}"} for index in order]
    at = data.draw(st.integers(0, 3))
    responses[at] = data.draw(
        st.sampled_from([{"xactionId": "b:4"}, {"xactionId": "b"}, {"xactionId": "3"}, {"status": 400}])
    )
    reading = read(reply(responses), 4)
    assert reading.kind is Kind.VERDICTS
    assert sum(verdict.status is None for verdict in reading.verdicts) >= 3
