"""What the reader makes of single documents: envelopes, names, orgs, keys."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import cache
from pathlib import Path

import fastavro
import pytest

from processor.capillary import (
    NO_VALUE,
    CanonicalEvent,
    CapillaryError,
    Contracts,
    IgnoredEventError,
    encode,
    load_contracts,
    names,
    read_event,
    says_nothing,
)
from processor.capillary.names import pick
from processor.capillary.nothing import is_vain

NOTHING = [
    "",
    " ",
    "-",
    "-1",
    "0",
    "000",
    "0-0",
    "NA",
    " N/A ",
    "nil",
    "None",
    "null",
    "undefined",
    "Unknown",
    "(null)",
]
SOMETHING = ["1", "-2", "no", "null and void", False, True, 1, -2, 0.5, [None], {"a": None}]

Json = dict[str, object]


@cache
def contracts() -> Contracts:
    return load_contracts(Path(__file__).parents[2] / "schemas" / "capillary")


def flat(**changes: object) -> Json:
    """A small customerAdded in envelope A; a change to ... takes the field out."""
    body: Json = {"loyaltyType": "loyalty", "customerIdentifiers": {"customerId": 7}}
    document: Json = {"eventName": "customerAdded", "eventId": "e1", "orgId": 150698, "createdAt": 5, "data": body}
    return {name: value for name, value in (document | changes).items() if value is not ...}


def stream(event_type: str, **changes: object) -> Json:
    """The same in envelope B."""
    inside = flat(**changes)
    return {"eventId": inside.pop("eventId"), "eventType": event_type, "timeStamp": 9, "attributes": inside}


def read(document: object) -> CanonicalEvent:
    return read_event(document, contracts())


@pytest.mark.parametrize(
    ("document", "version"),
    [
        (flat(), "A"),
        (stream("customerAdded"), "B"),
        (stream("150698_customerAdded"), "B"),
        (stream("150698_customerAdded", eventName=...), "B"),
        (stream(" customerAdded ", eventName="  "), "B"),
        ({"body": flat()}, "C"),
        ({"body": stream("customerAdded")}, "C"),
        ({"data": flat(), "errors": None, "warnings": None}, "D"),
        ({"data": stream("customerAdded")}, "D"),
        ({"event": {"body": flat(), "headers": {}, "method": "POST"}}, "E"),
        ({"eventType": "150698_customerAdded", **flat(eventName=...)}, "A"),
        ({" Body": flat()}, "C"),
        ({"data": {"data": flat()}}, "D"),
    ],
)
def test_every_envelope_gives_the_same_body(document: Json, version: str) -> None:
    event = read(document)
    assert (event.event, event.key, event.notes) == ("customerAdded", b"150698:7", ())
    assert event.record["envelopeVersion"] == version
    assert event.record["eventId"] == "e1"
    assert event.record["data"] == read(flat()).record["data"]


def test_the_record_has_every_field_of_the_contract() -> None:
    fields = contracts()["customerAdded"].schema["fields"]
    assert isinstance(fields, list)
    assert read(flat()).record.keys() == {field["name"] for field in fields}


def test_an_event_may_have_an_event_name_inside_its_body() -> None:
    body = {"eventName": "TransactionAdd", "eventId": 15, "customerIdentifiers": {"customerId": 7}}
    event = read(flat(data=body))
    assert event.record["envelopeVersion"] == "A"
    assert event.record["eventName"] == "customerAdded"


@pytest.mark.parametrize("beside", ["attributes", "body", "event"])
@pytest.mark.parametrize("named", [{}, {"eventName": ..., "eventType": "customerAdded"}])
def test_a_named_event_with_a_body_is_no_wrapper(beside: str, named: Json) -> None:
    event = read(flat(**{beside: {"body": flat()}}, **named))
    assert event.record["envelopeVersion"] == "A"
    assert event.notes == (f"{beside}: not in the contract, left out",)


@pytest.mark.parametrize("name", ["CustomerAdded", " CUSTOMERADDED", "customer Added"])
def test_names_match_in_any_spelling_and_the_received_one_is_kept(name: str) -> None:
    record = read(flat(eventName=name)).record
    assert record["eventName"] == "customerAdded"
    assert record["eventType"] == name.strip()


def test_a_trailing_blank_is_no_other_spelling() -> None:
    assert read(flat(eventName="customerAdded ")).record["eventType"] is None


@pytest.mark.parametrize("org", [150698, 150698.0, "150698", " 150698 "])
def test_the_org_may_come_as_any_kind_of_number(org: object) -> None:
    assert read(flat(orgId=org)).record["orgId"] == 150698


def test_the_org_may_come_in_the_event_type_alone() -> None:
    assert read(stream("42_customerAdded", orgId=...)).key == b"42:7"


def test_event_id_may_be_missing_or_anything() -> None:
    assert read(flat(eventId=...)).record["eventId"] is None
    assert read(flat(eventId="ABC-87484sdas&$")).record["eventId"] == "ABC-87484sdas&$"


def test_created_at_may_be_missing_in_seconds_or_a_double() -> None:
    assert read(flat(createdAt=...)).record["createdAt"] is None
    assert read(flat(createdAt=1693334444)).record["createdAt"] == 1693334444
    assert read(flat(createdAt=1720440349027.0)).record["createdAt"] == 1720440349027


def test_without_a_customer_there_is_no_key() -> None:
    assert read(flat(data={})).key is None
    assert read(flat(data={"customerIdentifiers": {"instore": {}}})).key is None


def test_an_empty_body_is_a_body() -> None:
    data = read(flat(data={})).record["data"]
    assert isinstance(data, dict)
    assert set(data.values()) == {None}


def points(**changes: object) -> Json:
    return flat(eventName="pointsIssued") | changes


def test_a_loyalty_event_id_inside_the_body_moves_to_the_envelope() -> None:
    event = read(points(data={"loyaltyEventId": "Qs5"}))
    assert event.record["loyaltyEventId"] == "Qs5"
    assert event.notes == ()


@pytest.mark.parametrize("nothing", ["", " ", "null", "-1", None])
@pytest.mark.parametrize(
    ("outer", "inner"), [("loyaltyEventId", "loyaltyEventId"), ("LoyaltyEventId", "loyalty EventId")]
)
def test_what_says_nothing_hides_no_loyalty_event_id_inside_the_body(nothing: object, outer: str, inner: str) -> None:
    event = read(points(data={inner: "Qs5"}, **{outer: nothing}))
    assert event.record["loyaltyEventId"] == "Qs5"
    assert event.notes == ()


def test_a_loyalty_event_id_moves_out_of_a_body_in_any_spelling() -> None:
    event = read(flat(eventName="pointsIssued", data=..., Data={"loyaltyEventId": "Qs5"}))
    assert event.record["loyaltyEventId"] == "Qs5"
    assert event.notes == ()


def test_a_placeholder_for_a_loyalty_event_id_stays_where_there_is_no_other() -> None:
    assert read(points(loyaltyEventId="null")).record["loyaltyEventId"] == "null"


def test_a_blank_loyalty_event_id_inside_the_body_takes_no_place() -> None:
    assert read(points(data={"loyaltyEventId": ""}, loyaltyEventId="Qs5")).record["loyaltyEventId"] == "Qs5"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"A": "x", "a": "y"}, "y"),
        ({"A": "x", "a": ""}, "x"),
        ({"A": "", " a": "x"}, "x"),
        ({"A": " ", "a": ""}, ""),
        ({"A": " "}, " "),
        ({"a": None}, None),
        ({"b": "x"}, None),
    ],
)
def test_of_several_spellings_the_exact_one_is_picked_unless_another_says_more(content: Json, found: object) -> None:
    assert pick(content, "a") == found


@pytest.mark.parametrize("value", [*NOTHING, "TEST", None, 0, -1, 0.0, -1.0, {}, []])
def test_what_is_typed_in_for_nothing(value: object) -> None:
    assert says_nothing(value)


@pytest.mark.parametrize("value", SOMETHING)
def test_what_says_something(value: object) -> None:
    assert not says_nothing(value)


BESIDE = {
    "eventId": "e7",
    "eventLogId": 39125117,
    "refId": "150698_7",
    "apiRequestId": "r7",
    "loyaltyEventId": "Qs5",
    "createdAt": 1750224535595,
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("nothing", ["", "  ", "null", " N/A ", "undefined", "-", "0", None])
def test_what_says_nothing_outside_hides_nothing_inside(name: str, nothing: object) -> None:
    inside = flat(eventId=...) | {name: BESIDE[name]}
    for outer, inner in ((name, name), (name.upper(), name), (name, f" {name}")):
        attributes = {**{key: value for key, value in inside.items() if key != name}, inner: BESIDE[name]}
        event = read({outer: nothing, "eventType": "customerAdded", "attributes": attributes})
        assert event.record[name] == BESIDE[name]
        assert event.notes == ()


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_outside_wins_over_what_stands_inside(name: str) -> None:
    other = 1 if isinstance(BESIDE[name], int) else "other"
    for outer, inner in ((name, name), (name.upper(), name), (name, f" {name}")):
        attributes = flat(eventId=..., createdAt=...) | {inner: other}
        event = read({outer: BESIDE[name], "eventType": "customerAdded", "attributes": attributes})
        assert event.record[name] == BESIDE[name]
        assert event.notes == (f"{name}: the wrapper has another value, which is taken",)
        assert event.record["dropped"] == [name]


@pytest.mark.parametrize(
    ("outside", "inside"),
    [("r", "r"), (7, "7"), (" 7 ", 7.0), ("r", "null"), ("r", None), ("r", "-"), ([1], [1]), (" R", "r ")],
)
def test_what_says_the_same_outside_and_inside_is_not_told(outside: object, inside: object) -> None:
    event = read(stream("customerAdded", refId=inside) | {"refId": outside})
    assert not any("wrapper" in note for note in event.notes)


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_values_outside_one_that_differs_from_the_inside_is_told(turn: int) -> None:
    outside: Json = dict([("refId", "a"), ("ref_id", "b")][::turn])
    told = "refId: the wrapper has another value, which is taken"
    assert told in read(stream("customerAdded", refId="a") | outside).notes
    assert told in read(stream("customerAdded", refId="c") | outside).notes
    assert told not in read(stream("customerAdded", refId="a") | outside | {"ref_id": " A"}).notes


@pytest.mark.parametrize("depth", [10, 1_000, 100_000])
def test_how_deep_two_values_are_does_not_matter(depth: int) -> None:
    deep: list[Json] = [{}, {}]
    for _ in range(depth):
        deep = [{"x": one} for one in deep]
    event = read(stream("customerAdded", traceAttributes=deep[0]) | {"traceAttributes": deep[1]})
    assert event.event == "customerAdded"
    with suppress(CapillaryError):  # too deep to see that both are the same
        read({"body": flat(x=deep[0]), "BODY": flat(x=deep[1])})


@pytest.mark.parametrize(
    "document",
    [
        stream("customerAdded") | {"data": {"firstName": "Sari"}, "eventType": None},
        flat() | {"Data": {"firstName": "Sari"}},
        flat(data={"customerIdentifiers": {"customerId": 7}, "loyaltyEventId": "Qs5"})
        | {"DATA": {"firstName": "Sari"}},
        flat(eventName="pointsIssued", data={"customerIdentifiers": {"customerId": 7}})
        | {"DATA": {"customerIdentifiers": {"customerId": 8}}, "availablePointsBalance": 5},
        flat(eventName="customerUpdated", data={"firstName": "Sari"}) | {"Data": {"customerStatus": "Deleted"}},
        flat() | {"event": {"body": flat(data={"customerIdentifiers": {"customerId": 8}})}},
        flat() | {"event": {"attributes": flat(data={"customerIdentifiers": {"customerId": 8}})}},
        flat() | {"attributes": {"Data": {"loyaltyType": "x"}, "data": flat()["data"]}},
        flat() | {"attributes": flat(), "Attributes": flat(data={"loyalty_type": "x"})},
        flat() | {"body": flat(data={"loyaltyType": "x"})},
    ],
    ids=str,
)
def test_of_two_bodies_nobody_can_tell_which_it_is(document: Json) -> None:
    with pytest.raises(CapillaryError) as caught:
        read(document)
    assert (caught.value.where, caught.value.what) == ("data", "two bodies in one event")


@pytest.mark.parametrize("name", ["attributes", "body", "event"])
def test_what_is_called_data_beside_the_body_need_not_be_another(name: str) -> None:
    wrapped = ({"data": {}}, {"data": "x"}, {"data": 7}, {"data": {"k": "v"}}, {"body": 7}, {"body": {"k": "v"}})
    for other in (flat(), {}, "x", 7, *wrapped):
        assert read(flat() | {name: other}).key == b"150698:7"


def test_what_is_told_of_two_values_is_no_name_that_nobody_knows() -> None:
    event = read(stream("customerAdded", sari=1) | {"sari": 2})
    assert event.notes == ("sari: not in the contract, left out",)


def test_an_empty_body_beside_the_attributes_is_no_event() -> None:
    for nothing in ({}, None, ""):
        event = read(stream("customerAdded") | {"data": nothing})
        assert (event.record["envelopeVersion"], event.notes, event.key) == ("B", (), b"150698:7")
    assert read(flat(data={})).record["envelopeVersion"] == "A"


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_values_that_are_moved_one_is_lost(turn: int) -> None:
    two = dict([("loyaltyEventId", "A1"), ("loyalty_event_id", "B2")][::turn])
    event = read(points(data=two))
    assert (event.record["loyaltyEventId"], event.record["dropped"]) == ("A1", ["loyaltyEventId"])
    two = dict([("availablePointsBalance", 5), ("available_points_balance", 6)][::turn])
    event = read(points() | two)
    body = event.record["data"]
    assert isinstance(body, dict)
    assert body["availablePointsBalance"] == 5.0
    assert event.record["dropped"] == ["data.availablePointsBalance"]


@pytest.mark.parametrize("inside", [None, "", "null", [], ...])
def test_a_balance_beside_the_body_is_not_hidden_by_nothing_in_it(inside: object) -> None:
    data = {} if inside is ... else {"availablePointsBalance": inside}
    event = read(points(data=data) | {"availablePointsBalance": 0})
    assert isinstance(event.record["data"], dict)
    assert event.record["data"]["availablePointsBalance"] == 0.0
    assert event.notes == ()


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(
    "pairs",
    [
        [("OrgId", 999), ("org_id", 150698), ("eventType", "customerAdded"), ("attributes", flat())],
        [*flat().items(), ("org_id", 999)],
        [*flat(eventType="150698_customerAdded").items(), ("EVENTTYPE", "999_customerAdded")],
        [("eventType", "7_customerAdded"), ("attributes", flat(orgId=..., eventType="150698_customerAdded"))],
        [("eventType", "customerAdded"), ("attributes", flat(eventType="7_customerAdded"))],
        [("orgId", 7), ("body", flat())],
        [("eventType", "7_customerAdded"), ("body", flat())],
        [("orgId", 7), ("data", flat())],
        [("orgId", 7), ("event", {"body": flat()})],
    ],
    ids=str,
)
def test_two_orgs_are_refused_wherever_they_are_and_however_they_are_spelled(
    pairs: list[tuple[str, object]], turn: int
) -> None:
    with pytest.raises(CapillaryError) as caught:
        read(dict(pairs[::turn]))
    assert (caught.value.where, caught.value.what) == ("orgId, eventType", "two orgs in one event")


@pytest.mark.parametrize("nothing", ["N/A", 0, None, "", "null", "-"])
def test_what_says_nothing_is_no_other_org(nothing: object) -> None:
    assert read(flat() | {"org_id": nothing}).key == b"150698:7"
    assert read({"orgId": nothing, "body": flat()}).key == b"150698:7"
    assert read(stream("150698_customerAdded", orgId=nothing)).key == b"150698:7"
    with pytest.raises(CapillaryError, match="no usable org"):
        read(stream("0_customerAdded", orgId=nothing))


def test_names_are_remembered_up_to_a_length() -> None:
    def asked() -> int:
        hits, misses, *_ = names._remembered.cache_info()
        return hits + misses

    before = asked()
    assert names.fold("Key_" * 16) == "key" * 16
    assert asked() == before + 1
    assert names.fold("Key_" * 16 + "x") == "key" * 16 + "x"
    assert asked() == before + 1


def test_one_org_may_be_said_twice() -> None:
    same = {"org_id": "150698", "ORGID": None, "event_type": "150698_customerAdded", "EVENTTYPE": "customerAdded"}
    assert read(flat() | same).key == b"150698:7"


def test_the_order_of_keys_decides_between_no_two_names() -> None:
    two = [("EventName", "customerAdded"), ("EVENTNAME", "customerUpdated")]
    found = {read(flat(eventName=...) | dict(two[::turn])).event for turn in (1, -1)}
    assert found == {"customerUpdated"}


def test_an_empty_object_wraps_nothing() -> None:
    for name in ("attributes", "body", "event"):
        assert read(flat(data={}) | {name: {}}).record["envelopeVersion"] == "A"


@pytest.mark.parametrize("name", ["attributes", "body", "data", "event"])
def test_of_two_wrapped_events_nobody_can_tell_which_it_is(name: str) -> None:
    inside: Json = {"attributes": flat(), "body": flat(), "data": {"data": flat()}, "event": {"body": flat()}}[name]  # type: ignore[assignment]
    other: Json = inside | {"more": 1}
    kind = {"eventType": "customerAdded"} if name == "attributes" else {}
    for twin in (name.upper(), f" {name}"):
        with pytest.raises(CapillaryError) as caught:
            read({name: inside, twin: other, **kind})
        assert (caught.value.where, caught.value.what) == (name, f"{name} is there twice")
        for same in (inside, {}, None, "x"):
            assert read({name: inside, twin: same, **kind}).key == b"150698:7"


@pytest.mark.parametrize(
    ("kind", "noted"),
    [
        *(("150698_pointsIssued", True), ("PointsIssued", True)),
        *(("customer_added", False), ("150698_CustomerAdded", False), ("somethingNew", False), (None, False)),
    ],
)
def test_an_event_type_that_names_another_event_is_told(kind: str | None, *, noted: bool) -> None:
    event = read(flat(eventType=kind))
    assert event.event == "customerAdded"
    assert event.notes == (("eventType: names another event than eventName, which is taken",) if noted else ())


def test_what_says_nothing_outside_gives_way_to_no_null_inside() -> None:
    assert read(stream("customerAdded", refId=None) | {"refId": "0"}).record["refId"] == "0"


@pytest.mark.parametrize("org", ["", " ", "null", 0, None, "150698", 150698.0, " 150698 "])
def test_an_org_outside_that_says_nothing_or_the_same_is_no_second_org(org: object) -> None:
    assert read(stream("customerAdded") | {"orgId": org}).key == b"150698:7"


@pytest.mark.parametrize("nothing", ["null", "N/A", "", None])
def test_a_name_that_says_nothing_hides_no_event_type(nothing: object) -> None:
    assert read(stream("150698_customerAdded", eventName=nothing)).event == "customerAdded"
    assert read({"eventName": nothing, "data": flat()}).event == "customerAdded"
    assert read(flat(eventName="customerAdded") | {"eventType": nothing}).event == "customerAdded"
    assert read({"EventName": "customerAdded", **flat(eventName=nothing)}).event == "customerAdded"


def test_a_loyalty_event_id_in_both_places_is_named() -> None:
    event = read(points(data={"loyaltyEventId": "Qs5"}, loyaltyEventId="other"))
    assert event.record["loyaltyEventId"] == "other"
    assert event.notes == ("data.loyaltyEventId: not in the contract, left out",)


def test_nobody_can_say_what_the_reader_says_itself() -> None:
    event = read(flat(envelopeVersion="Z", dropped=["x"]))
    assert (event.record["envelopeVersion"], event.record["dropped"]) == ("A", None)
    assert len(event.notes) == 2


@pytest.mark.parametrize(
    ("document", "where", "what"),
    [
        ([], "the document", "not a JSON object"),
        ("customerAdded", "the document", "not a JSON object"),
        (None, "the document", "not a JSON object"),
        ({}, "eventName", "no event name"),
        (flat(eventName=...), "eventName", "no event name"),
        (flat(eventName=7), "eventName", "no event name"),
        (flat(eventName=" ", eventType=""), "eventName", "no event name"),
        (flat(eventName=..., eventType="null"), "eventName", "no event name"),
        (flat(eventName=..., eventType=7), "eventName", "no event name"),
        (flat(eventName="customerDanced"), "eventName", "unknown event customerDanced"),
        (flat(eventName="sari@example.com"), "eventName", "unknown event (a name of 16 characters)"),
        (flat(orgId=...), "orgId", "no usable org"),
        (flat(orgId=None), "orgId", "no usable org"),
        (flat(orgId="brand"), "orgId", "no usable org"),
        (flat(orgId=0), "orgId", "no usable org"),
        (flat(orgId=-1), "orgId", "no usable org"),
        (flat(orgId=True), "orgId", "no usable org"),
        (stream("1_customerAdded"), "orgId, eventType", "two orgs in one event"),
        (stream("customerAdded") | {"orgId": 1}, "orgId, eventType", "two orgs in one event"),
        (stream("customerAdded", orgId="x") | {"orgId": "y"}, "orgId, eventType", "two orgs in one event"),
        (stream("customerAdded", orgId="x") | {"orgId": "x"}, "orgId", "no usable org"),
        (flat(data=...), "data", "no body"),
        (flat(data="x"), "data", "no body"),
        (flat(data=None), "data", "no body"),
        (
            {"body": {"body": {"body": {"body": flat()}}}},
            "the document",
            "more wrappers than any envelope has",
        ),
    ],
)
def test_what_is_no_event_is_refused_with_place_and_remedy(document: object, where: str, what: str) -> None:
    with pytest.raises(CapillaryError) as caught:
        read(document)
    assert (caught.value.where, caught.value.what) == (where, what)
    assert str(caught.value) == f"{where}: {what}; {caught.value.remedy}"
    assert caught.value.remedy


def test_an_unknown_event_is_told_the_nearest_known_one() -> None:
    with pytest.raises(CapillaryError) as caught:
        read(flat(eventName="customerAded"))
    assert caught.value.remedy == "the nearest that is known is customerAdded"


def test_an_unknown_event_that_is_like_none_is_told_all() -> None:
    with pytest.raises(CapillaryError) as caught:
        read(flat(eventName="?"))
    assert caught.value.remedy == f"known are {', '.join(sorted(contracts()))}"


@pytest.mark.parametrize("name", ["cardUpdated", "CARDUPDATED", "card Updated"])
def test_an_event_that_goes_nowhere_on_purpose_says_why(name: str) -> None:
    with pytest.raises(IgnoredEventError) as caught:
        read(flat(eventName=name))
    assert (caught.value.where, caught.value.what, caught.value.remedy) == (
        "eventName",
        f"ignored event {name}",
        contracts().ignored["cardUpdated"],
    )


def test_an_event_comes_back_from_avro() -> None:
    event = read(flat(createdAt=...))  # fastavro makes a datetime of it
    raw = io.BytesIO(encode(event, contracts()))
    assert fastavro.schemaless_reader(raw, contracts()["customerAdded"].schema, None) == event.record
    assert raw.read() == b""


def test_an_org_may_be_the_first() -> None:
    assert read(flat(orgId=1)).key == b"1:7"


# ---- what stands beside the body ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "outside", "balance"),
    [
        ({}, {"availablePointsBalance": 4711.5}, 4711.5),
        ({}, {"AvailablePoints Balance": 4711.5}, 4711.5),
        ({"availablePointsBalance": " "}, {"availablePointsBalance": 4711.5}, 4711.5),
        ({"AvailablePointsBalance": None}, {"availablePointsBalance": 4711.5}, 4711.5),
        ({"availablePointsBalance": 1}, {"availablePointsBalance": 4711.5}, 1.0),
        ({"availablePointsBalance": 0}, {"availablePointsBalance": 4711.5}, 0.0),
        ({"availablePointsBalance": 1}, {}, 1.0),
        ({"availablePointsBalance": 1}, {"availablePointsBalance": None}, 1.0),
        ({}, {}, None),
    ],
)
def test_a_balance_beside_the_body_belongs_into_it(inside: Json, outside: Json, balance: float | None) -> None:
    document = flat(eventName="pointsIssued", data={"customerIdentifiers": {"customerId": 7}, **inside}, **outside)
    event = read(document)
    body = event.record["data"]
    assert isinstance(body, dict)
    assert body["availablePointsBalance"] == balance
    assert event.key == b"150698:7"


def test_a_balance_that_is_taken_from_beside_the_body_is_not_noted() -> None:
    assert read(flat(eventName="pointsIssued", data={}, availablePointsBalance=5)).notes == ()
    assert read({**flat(eventName="pointsIssued", data=..., availablePointsBalance=5), "Data": {}}).notes == ()
    assert read(flat(eventName="pointsIssued", data={"availablePointsBalance": 1}, availablePointsBalance=5)).notes == (
        "availablePointsBalance: not in the contract, left out",
    )


def test_a_balance_beside_a_body_that_has_none_is_left_out() -> None:
    event = read(flat(availablePointsBalance=5))
    assert event.notes == ("availablePointsBalance: not in the contract, left out",)


# ---- nothing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [text.strip().casefold() for text in NOTHING if text not in ("000", "0-0")])
def test_a_text_that_says_nothing_is_in_the_list(text: str) -> None:
    assert says_nothing(text)
    assert text in NO_VALUE


@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "null", " NULL ", "undefined", "-", "N/A", "0", [], {}])
def test_vain(value: object) -> None:
    assert is_vain(value) is True


@pytest.mark.parametrize("value", ["a", " a ", "10", 0, -1, False, [None], {"a": None}])
def test_not_vain(value: object) -> None:
    assert is_vain(value) is False


def test_what_we_alone_write_is_not_taken_from_an_event() -> None:
    event = read_event(flat(dropped=["data.loyaltyType"], envelopeVersion="Q"), contracts())
    assert (event.record["dropped"], event.record["envelopeVersion"]) == (None, "A")
    assert event.notes == (
        "dropped: not in the contract, left out",
        "envelopeVersion: not in the contract, left out",
    )
