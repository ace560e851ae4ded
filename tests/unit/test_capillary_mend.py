"""Values and shapes: what becomes what, and what is dropped with which words."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from processor.capillary import CanonicalEvent, encode, load_contracts, read_event
from processor.capillary.mend import Findings, Items, Member, Named, Scalar, Structure
from processor.capillary.scalars import Unfit, boolean, double, int32, long, text

CONTRACTS = load_contracts(Path(__file__).parents[2] / "schemas" / "capillary")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        (" ", " "),
        ("null", "null"),
        ("石川 👩‍👩‍👧 \u202eא", "石川 👩‍👩‍👧 \u202eא"),
        (6591234567, "6591234567"),
        (226682001.0, "226682001"),
        (-1, "-1"),
        (1 - 10**40, "-" + 40 * "9"),
        (0.269, "0.269"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_text(value: object, expected: str) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("\ud800", "text that is not valid Unicode"),
        ([], "an array where text is expected"),
        ({}, "an object where text is expected"),
        (math.nan, "not a finite number"),
        (1e300, "a double beyond 2**53, which may have lost digits"),
        (float(2**53 + 2), "a double beyond 2**53, which may have lost digits"),
        (10**40, "a number where text is expected"),
        pytest.param(10**5000, "a number where text is expected", id="huge"),
    ],
)
def test_what_is_no_text(value: object, reason: str) -> None:
    with pytest.raises(Unfit) as caught:
        text(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (84793759919, 84793759919),
        (379499720.0, 379499720),
        (float(2**53), 2**53),
        ("100", 100),
        (" 600.000 ", 600),
        ("1.7e12", 1_700_000_000_000),
        ("9223372036854775807", 2**63 - 1),
        ("9007199254740993", 9007199254740993),
        ("", None),
        ("  ", None),
    ],
)
def test_long(value: object, expected: int | None) -> None:
    result = long(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "a whole number out of range"),
        (-(2**63) - 1, "a whole number out of range"),
        ("9223372036854775808", "a whole number out of range"),
        ("1e999", "a whole number out of range"),
        (float(2**53 + 2), "a double beyond 2**53, which may have lost digits"),
        (0.5, "a fraction where a whole number is expected"),
        ("0.5", "a fraction where a whole number is expected"),
        ("1e-9", "a fraction where a whole number is expected"),
        (math.inf, "not a finite number"),
        (True, "true or false where a whole number is expected"),
        ("null", "text that is no number"),
        ("1_000", "text that is no number"),
        ("٣", "text that is no number"),
        ("0x10", "text that is no number"),
        ("NaN", "text that is no number"),
        ("9" * 5000, "text that is no number"),
        ({}, "an object where a whole number is expected"),
    ],
)
def test_what_is_no_long(value: object, reason: str) -> None:
    with pytest.raises(Unfit) as caught:
        long(value)
    assert caught.value.reason == reason


def test_int_is_smaller_than_long() -> None:
    assert int32(2**31 - 1) == 2**31 - 1
    assert int32(-(2**31)) == -(2**31)
    for value in (2**31, -(2**31) - 1):
        with pytest.raises(Unfit, match="out of range"):
            int32(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(50000, 50000.0), ("600.000", 600.0), (".5", 0.5), ("-1e2", -100.0), (0.1, 0.1), (" ", None)],
)
def test_double(value: object, expected: float | None) -> None:
    result = double(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("value", [math.nan, -math.inf, 10**400, "1e400", "1e999", "inf", "1,5", True, [], {}])
def test_what_is_no_double(value: object) -> None:
    with pytest.raises(Unfit):
        double(value)


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("TRUE", True), (" false ", False), ("", None)])
def test_boolean(value: object, expected: object) -> None:
    assert boolean(value) is expected


@pytest.mark.parametrize("value", [0, 1, 1.0, "yes", [], {}])
def test_what_is_no_boolean(value: object) -> None:
    with pytest.raises(Unfit):
        boolean(value)


PAIR = Structure("m[].", (Member("key", "m[].key", Scalar(text)), Member("value", "m[].value", Scalar(text))))
PAIRS = Items("m[]", PAIR, pairs=True)
MAP = Named("m", Scalar(text))
NO_PAIR = "m: no key/value pair where one is expected"


def test_pairs_from_a_map_are_in_the_order_of_their_names_and_keep_nulls_and_spelling() -> None:
    given = {"b.1": None, "a 2": 36, "🎁": "x"}
    expected = [{"key": "a 2", "value": "36"}, {"key": "b.1", "value": None}, {"key": "🎁", "value": "x"}]
    assert PAIRS.mend(given, Findings()) == expected


def test_pairs_keep_what_repeats_and_what_differs_in_casing() -> None:
    given = [{"key": "Gender", "value": "a"}, {"key": "gender", "value": "b"}, {"key": "gender", "value": "b"}]
    assert PAIRS.mend(given, Findings()) == given


def test_many_and_huge_pairs_pass() -> None:
    given = {f"field{number}": "石" * 100_000 if number == 3 else "x" for number in range(600)}
    mended = PAIRS.mend(given, Findings())
    assert mended is not None
    assert len(mended) == 600


def test_a_map_from_pairs() -> None:
    findings = Findings()
    given = [{"key": "a", "value": 1}, {"Name": "b", "value": "2"}, {"key": "a", "value": 3}, {"key": "c"}, None]
    assert MAP.mend([*given, {"key": 5, "value": 5}], findings) == {"a": "3", "b": "2"}
    assert findings.dropped == {"m"}
    assert findings.notes == ["m: a key is given twice, the last one wins", *3 * [NO_PAIR]]


def test_a_map_loses_nulls_silently_and_what_does_not_fit_loudly() -> None:
    findings = Findings()
    assert MAP.mend({"a": None, "b": [], "\ud800": "x", "c": ""}, findings) == {"c": ""}
    assert findings.notes == ["m: an array where text is expected", "m: text that is not valid Unicode"]


@pytest.mark.parametrize("node", [PAIR, PAIRS, MAP])
def test_a_blank_stands_for_nothing_and_a_word_for_no_object(node: Structure | Items | Named) -> None:
    assert node.mend(" ", Findings()) is None
    with pytest.raises(Unfit):
        node.mend("INSTORE", Findings())


def test_an_empty_object_is_no_record_and_an_empty_array_an_array() -> None:
    assert PAIR.mend({}, Findings()) is None
    assert PAIRS.mend([], Findings()) == []
    findings = Findings()
    assert PAIRS.mend([None, {}], findings) == []
    assert findings.dropped == set()


@pytest.mark.parametrize("given", [{"x": {}}, {"x": []}, {"x": "null", "y": None}, {"x": " "}])
def test_an_object_of_unknown_names_that_say_nothing_is_not_lost(given: dict[str, object]) -> None:
    findings = Findings()
    PAIR.mend(given, findings)
    assert findings.dropped == set()


@pytest.mark.parametrize(
    "given",
    [
        {"id": 1},
        {"id": None, "of": "x"},
        {"kéy": [0]},
        {"": 0},
        {"keys": "x", "value ue": "y"},
        {"id": 1, "key": None},
        {"id": 1, " KEY": None},
        {"id": 1, "key": " ", "value": "null"},
        {"id": 1, "key": "N/A", "value": "-"},
    ],
)
def test_an_object_that_says_something_under_no_known_name_is_lost(given: dict[str, object]) -> None:
    findings = Findings()
    with pytest.raises(Unfit, match=r"^an object without a name of the contract$"):
        PAIR.mend(given, findings)
    assert len(findings.notes) == sum(name.strip() not in {"key", "KEY", "value"} for name in given)
    assert all(note.endswith(": not in the contract, left out") for note in findings.notes)
    assert PAIRS.mend([given, {"key": "a"}], findings) == [{"key": "a", "value": None}]
    assert findings.dropped == {"m[]"}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"id": None}, None),
        ({"id": " ", "of": ""}, None),
        ({"key": None, "VALUE": " "}, None),
        ({"id": "none", "of": "N/A"}, None),
        ({"id": 1, "key": "a"}, "a"),
        ({"id": 1, " KEY": "a"}, "a"),
        ({"id": 1, "k_e-y": "a"}, "a"),
    ],
)
def test_an_object_that_says_nothing_or_something_under_a_known_name_is_a_record(
    given: dict[str, object], key: str | None
) -> None:
    findings = Findings()
    made = PAIR.mend(given, findings)
    assert made is not None
    assert made["key"] == key
    assert findings.dropped == set()


def test_a_body_of_unknown_names_is_a_body_all_the_same() -> None:
    """Something newer may have put all that it says beside what we know."""
    event = read_event({"eventName": "customerAdded", "orgId": 1, "data": {"odd": 1}}, CONTRACTS)
    assert isinstance(event.record["data"], dict)
    assert event.record["dropped"] is None


def customer(**identifiers: object) -> CanonicalEvent:
    document = {"eventName": "customerAdded", "orgId": 1, "data": {"customerIdentifiers": identifiers}}
    return read_event(document, CONTRACTS)


def instore(event: CanonicalEvent) -> dict[str, object] | None:
    data = event.record["data"]
    assert isinstance(data, dict)
    block = data["customerIdentifiers"]["instore"]
    assert block is None or isinstance(block, dict)
    return block


@pytest.mark.parametrize("name", ["instore", "Instore", "INSTORE", " in store"])
def test_a_block_is_found_under_any_spelling(name: str) -> None:
    event = customer(**{name: {"card_number": 12345}})
    block = instore(event)
    assert block is not None
    assert block["cardnumber"] == "12345"
    assert event.notes == ()


def test_an_exact_name_wins_over_another_spelling_unless_it_has_nothing() -> None:
    both = customer(Instore={"mobile": "1"}, instore={"mobile": "2"})
    assert (instore(both) or {})["mobile"] == "2"
    assert both.notes == ("data.customerIdentifiers.instore: given twice, Instore left out",)
    assert (instore(customer(Instore={"mobile": "1"}, instore=None)) or {})["mobile"] == "1"
    assert (instore(customer(Instore=None, instore={"mobile": "2"})) or {})["mobile"] == "2"


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_text_does_not_hide_another_spelling(blank: str) -> None:
    event = customer(instore={"mobile": blank, "Mobile": "2"})
    assert (instore(event) or {})["mobile"] == "2"
    assert event.notes == ()


def test_what_is_lost_under_another_spelling_is_named_as_the_contract_does() -> None:
    event = customer(CustomerID="nobody")
    assert event.notes == ("data.customerIdentifiers.customerId: text that is no number",)
    assert event.record["dropped"] == ["data.customerIdentifiers.customerId"]


ID = "data.customerIdentifiers.customerId"


@pytest.mark.parametrize("name", ["customerId", "CUSTOMERID"])
def test_a_value_of_no_use_is_lost_whatever_another_spelling_has(name: str) -> None:
    event = customer(**{name: "nobody", "CustomerID": 7})
    assert event.key == b"1:7"
    assert event.notes == (f"{ID}: text that is no number",)
    assert event.record["dropped"] == [ID]


@pytest.mark.parametrize("others", [{}, {"CustomerID": ""}, {"CustomerID": None}, {"CustomerID": "nobody"}])
def test_a_value_of_no_use_is_lost_once(others: dict[str, object]) -> None:
    event = customer(customerId="nobody", **others)
    assert {*event.notes} == {f"{ID}: text that is no number"}
    assert event.record["dropped"] == [ID]


MOBILE = "data.customerIdentifiers.instore.mobile"


@pytest.mark.parametrize("nothing", ["", " ", "null", " NULL ", "(null)", "undefined", None])
def test_what_says_nothing_hides_no_other_spelling_and_is_none(nothing: object) -> None:
    for spelled in ({"mobile": nothing, "Mobile": "2"}, {"mobile": "2", "Mobile": nothing}):
        event = customer(instore=spelled)
        assert (instore(event) or {})["mobile"] == "2"
        assert event.record["dropped"] is None
    hidden = customer(instore={"mobile": nothing, "cardNumbers": []}, Instore={"mobile": "2"})
    assert (instore(hidden) or {})["mobile"] == "2"
    assert hidden.record["dropped"] is None


def test_a_list_of_nothing_hides_no_other_spelling() -> None:
    pair = {"key": "a", "value": "1"}
    for spelled in (
        {"customFields": [{"key": " ", "value": None}], "CustomFields": [pair]},
        {"customFields": [pair], "CustomFields": [{"key": " "}]},
    ):
        event = read_event({"eventName": "customerAdded", "orgId": 1, "data": spelled}, CONTRACTS)
        assert event.record["data"]["customFields"] == [pair]  # type: ignore[index]
        assert event.record["dropped"] is None


def test_of_two_spellings_that_differ_one_is_lost() -> None:
    same, other = customer(instore={"mobile": "1", "Mobile": 1}), customer(instore={"mobile": "1", "Mobile": "2"})
    assert (instore(same) or {})["mobile"] == (instore(other) or {})["mobile"] == "1"
    assert same.notes == other.notes == (f"{MOBILE}: given twice, Mobile left out",)
    assert same.record["dropped"] is None
    assert other.record["dropped"] == [MOBILE]


@pytest.mark.parametrize(
    "other",
    [
        {"mobile": ["2"], "x": 1},
        {"mobile": "1", "email": ["x"]},
        {"mobile": "2"},
        {"mobile": {"n": "1"}},
        {"y": 1},
        "x",
    ],
)
def test_of_two_spellings_of_an_object_one_is_lost_also_where_it_cannot_be_read(other: object) -> None:
    event = customer(instore={"mobile": "1"}, Instore=other)
    assert event.record["dropped"] == ["data.customerIdentifiers.instore"]
    assert len(event.notes) == 1
    found = instore(event)
    assert found is not None
    assert found["mobile"] == "1"


@pytest.mark.parametrize("other", [{"mobile": "1"}, {"mobile": " "}, {"mobile": 1}, {}, None, "", {"mobile": "N/A"}])
def test_of_two_spellings_of_an_object_that_say_the_same_none_is_lost(other: object) -> None:
    assert customer(instore={"mobile": "1"}, Instore=other).record["dropped"] is None


def test_a_placeholder_gives_way_to_a_value_in_another_spelling() -> None:
    event = customer(instore={"mobile": "N/A", "Mobile": "1", "email": "a@b.example.com", "e_mail": "-"})
    found = instore(event)
    assert found is not None
    assert (found["mobile"], found["email"]) == ("1", "a@b.example.com")
    assert event.notes == ("data.customerIdentifiers.instore.email: given twice, e_mail left out",)
    assert event.record["dropped"] is None


@pytest.mark.parametrize("other", ["N/A", "null", " ", "-", {}, []])
def test_of_two_placeholders_the_exact_one_stays_and_nothing_is_told(other: object) -> None:
    event = customer(instore={"mobile": "-", "Mobile": other, "email": "x"})
    found = instore(event)
    assert found is not None
    assert (found["mobile"], event.notes) == ("-", ())


def test_the_order_of_keys_in_a_document_decides_nothing() -> None:
    blocks = {"Instore": {"mobile": "1", "x": 1}, "INSTORE": {"mobile": "2"}, "customerId": "x", "line": "x"}
    forth, back = customer(**blocks), customer(**dict(reversed(blocks.items())))
    assert forth == back
    assert len(forth.notes) == 3


@pytest.mark.parametrize("block", [{}, None, "", " "])
def test_a_customer_may_have_no_identifiers_in_a_store(block: object) -> None:
    event = customer(customerId=7, instore=block)
    assert instore(event) is None
    assert (event.key, event.notes) == (b"1:7", ())


def test_notes_name_places_and_reasons_and_never_values() -> None:
    event = customer(customerId="secret-value", instore={"secret@key": 1, "email": ["secret-value"]})
    assert event.notes == (
        "data.customerIdentifiers.customerId: text that is no number",
        "data.customerIdentifiers.instore.(a name of 10 characters): not in the contract, left out",
        "data.customerIdentifiers.instore.email: an array where text is expected",
        "data.customerIdentifiers.instore: an object without a name of the contract",
    )
    assert event.record["dropped"] == [
        "data.customerIdentifiers.customerId",
        "data.customerIdentifiers.instore",
        "data.customerIdentifiers.instore.email",
    ]


def test_a_hostile_document_has_a_bounded_number_of_notes() -> None:
    event = customer(**{f"x{number}": [] for number in range(5000)})
    assert len(event.notes) == 100


def test_a_very_deep_document_is_read_without_recursion_into_what_nobody_knows() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    event = customer(customerId=7, unknown=deep, instore={"mobile": deep})
    assert len(event.notes) == 2
    assert encode(event, CONTRACTS)
