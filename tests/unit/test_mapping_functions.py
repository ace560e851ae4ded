"""The functions that `call` may name, one by one: what they give of what may come."""

from __future__ import annotations

import inspect
import json
from hashlib import sha256
from typing import Any

import pytest

from processor.mapping import functions as f
from processor.mapping.nobody import all_comparable
from processor.mapping.options import Namespaces, Options
from processor.mapping.values import GONE, Day, EpochMs, Noted

NOW = 1_760_000_000_000
HOUR = 3_600_000
YEAR_2000 = 946_684_800_000
PLAIN = Options()
Json = dict[str, Any]
NOTHING = ("", "-", "0", " null ", "N/A")
"""What people and tills write where there is no value."""


def none(*reasons: str) -> Noted[Any]:
    """No value, and why; without a reason left out on purpose."""
    return Noted(None, reasons)


# ---- _id ------------------------------------------------------------------------------------------------------------


def digest(*content: object) -> str:
    """The recipe in the form that is frozen with the first release: 32 hex digits of SHA-256 of a JSON list."""
    return sha256(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()[:32]


def test_the_id_of_an_event_with_an_event_id() -> None:
    expected = digest(7, "pointsIssued", "events", None, "e-1")
    for given in ("e-1", " e-1\n"):
        for rest in ((NOW, NOW), (None, 1, "other", 2)):
            created, received, *natural = rest
            assert f.event_id(7, "pointsIssued", given, "events", None, created, received, *natural) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("item", "written"), [(None, None), (5, "5"), ("5", "5"), ("a", "a")])
def test_the_item_is_in_the_id(item: str | int | None, written: str | None) -> None:
    assert f.event_id(7, "CouponIssue", "e", "events", item, None, NOW) == digest(
        7, "CouponIssue", "events", written, "e"
    )


@pytest.mark.parametrize(
    ("given", "noted"),
    [(None, False), (" ", False), ("null", True), ("000", True), *((given, bool(given)) for given in NOTHING)],
)
def test_the_id_of_an_event_without_an_event_id(given: str | None, noted: bool) -> None:  # noqa: FBT001
    natural = ("r", None, 1.5, ["b", "a"], [("x", None), ("a", 1)], {"z": None, "y": 1, "b": 2})
    expected = digest(
        7, "n", "events", None, "", NOW - 1, "r", None, 1.5, ["a", "b"], [["a", 1], ["x", None]], {"b": 2, "y": 1}
    )
    found = f.event_id(7, "n", given, "events", None, NOW - 1, NOW, *natural)  # type: ignore[arg-type]
    assert found == (Noted(expected, ("eventId placeholder",)) if noted else expected)


def test_the_order_of_rows_means_nothing_in_an_id() -> None:
    def found(*natural: object) -> object:
        return f.event_id(7, "n", None, "events", None, NOW, NOW, *natural)  # type: ignore[arg-type]

    assert found([("a", {"x": 1}), ("b", {"x": 2})]) == found([("b", {"x": 2}), ("a", {"x": 1})])
    assert found([("a", [2, 1]), ("a", None)]) == found([("a", None), ("a", [1, 2])])
    assert found([("a", [2, 1])]) == digest(7, "n", "events", None, "", NOW, [["a", [1, 2]]])
    assert found([("a", "b")]) != found([("b", "a")])


@pytest.mark.parametrize(
    "nothing",
    ["", " ", "null", " NULL", [], ["", None], {}, {"a": " "}, [(None, "")], [("null", [])], [("", {"a": None})]],
)
def test_what_says_nothing_is_not_in_the_id(nothing: object) -> None:
    def found(*natural: object) -> object:
        return f.event_id(7, "n", None, "events", None, NOW, NOW, *natural)  # type: ignore[arg-type]

    assert found("r", nothing, 5) == found("r", None, 5)
    assert found("r", ["a", nothing]) == found("r", ["a"])
    assert found([("a", nothing), ("b", 0)]) == found([("a", None), ("b", 0)])
    assert found({"a": nothing, "b": "c"}) == found({"b": "c"})
    assert found(0, 0.0) != found(None, None)


def test_blanks_around_a_text_are_not_in_the_id() -> None:
    natural = ("r", ["a"], [("x", "y")], {"z": "v"})
    blanks = (" r\t", ["a "], [(" x", "y\n")], {"z": " v"})
    one, other = (f.event_id(7, "n", None, "events", None, NOW, NOW, *each) for each in (natural, blanks))  # type: ignore[arg-type]
    assert one == other


def test_kafkas_time_stands_in_for_a_missing_created_at() -> None:
    assert f.event_id(7, "n", None, "events", None, None, NOW) == digest(7, "n", "events", None, "", NOW)
    assert f.event_id(7, "n", None, "events", None, 0, NOW) == digest(7, "n", "events", None, "", 0)


# ---- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "created", "sooner", "found"),
    [
        (NOW, NOW - 5, (), EpochMs(NOW - 5)),
        (NOW, NOW, (), EpochMs(NOW)),
        (NOW, (NOW - 5000) // 1000, (), EpochMs(NOW - 5000)),
        (NOW, NOW - 5, (NOW - 9,), EpochMs(NOW - 9)),
        (NOW, NOW - 5, (NOW - 5,), EpochMs(NOW - 5)),
        (NOW, NOW - 5, (None, NOW - 9, NOW - 10), EpochMs(NOW - 9)),
        (NOW, NOW - 5, (YEAR_2000,), EpochMs(YEAR_2000)),
        (NOW, NOW - 5, (NOW - 4,), Noted(EpochMs(NOW - 5), ("not plausible",))),
        (NOW, NOW - 5, (NOW + HOUR, YEAR_2000 - 1), Noted(EpochMs(NOW - 5), ("not plausible", "not plausible"))),
        (NOW, NOW - 5, (NOW + HOUR, NOW - 9), Noted(EpochMs(NOW - 9), ("not plausible",))),
        (NOW - 7, None, (), Noted(EpochMs(NOW - 7), ("createdAt missing",))),
        (NOW + 7, None, (NOW - 9,), Noted(EpochMs(NOW - 9), ("createdAt missing",))),
        (NOW + 7, None, (), Noted(EpochMs(NOW), ("createdAt missing",))),
        (NOW - 7, NOW + 1, (), Noted(EpochMs(NOW - 7), ("createdAt ahead",))),
        (NOW + 7, NOW + 300_000, (), Noted(EpochMs(NOW), ("createdAt ahead",))),
        (NOW, NOW + 300_001, (NOW - 9,), none("createdAt in the future")),
        (NOW, YEAR_2000, (), EpochMs(YEAR_2000)),
        (NOW, YEAR_2000 - 1, (), none("createdAt absurd")),
        (NOW, 0, (NOW - 9,), none("createdAt absurd")),
        (5, None, (), none("createdAt missing", "createdAt absurd")),
    ],
)
def test_when_it_happened(received: int, created: int | None, sooner: tuple[int | None, ...], found: object) -> None:
    assert f.event_time(NOW, received, created, *sooner) == found


@pytest.mark.parametrize(
    ("created", "times", "found"),
    [
        (NOW - 5, (), None),
        (NOW - 5, (None,), None),
        (NOW - 5, (None, NOW - 6, NOW - 7), EpochMs(NOW - 6)),
        (NOW - 5, (NOW - 5,), EpochMs(NOW - 5)),
        (NOW - 5, (NOW - 4, NOW - 9), EpochMs(NOW - 9)),
        (NOW - 5, (NOW - 4,), none("not plausible")),
        (NOW - 5, (YEAR_2000,), EpochMs(YEAR_2000)),
        (NOW - 5, (YEAR_2000 - 1,), none("not plausible")),
        (NOW + HOUR, (NOW + 1,), none("not plausible")),
        (NOW + HOUR, (NOW,), EpochMs(NOW)),
        (None, (NOW,), EpochMs(NOW)),
        (None, (NOW + 1, NOW // 1000 - 1), EpochMs(NOW - 1000)),
        ((NOW - 5000) // 1000, (NOW - 4000,), none("not plausible")),
    ],
)
def test_the_first_time_that_can_be(created: int | None, times: tuple[int | None, ...], found: object) -> None:
    assert f.plausible_time(NOW, created, *times) == found


# ---- who it is ------------------------------------------------------------------------------------------------------

EMAIL, PHONE, CARD = "Sari.Dewi@Example.com", "6281200000001", "CARD_1"
ALL = Namespaces(customer="C", email="E", phone="P", external_id="X", card="K")
WHO = (164875001, EMAIL, PHONE, "000226682001", [CARD, "CARD_2", CARD], None)


def alone(code: str, value: str) -> Json:
    return {code: [{"id": value, "primary": True}]}


def options(primary: Any = "customer", never: tuple[str, ...] = ()) -> Options:
    namespaces = Namespaces(customer="C", email="E", phone="P", external_id="X", card="K", primary=primary)
    return Options(namespaces, never=all_comparable(never))


def test_the_customer_of_an_org() -> None:
    assert f.customer_alone(options("email"), 7, 5) == alone("C", "7:5")
    assert f.customer_alone(options(), 7, None) is None
    for number in (0, -1):
        assert f.customer_alone(options(), 7, number) == none("customerId not positive")
    assert f.customer_alone(options(), 7, 1) == alone("C", "7:1")


@pytest.mark.parametrize(
    ("primary", "who", "found"),
    [
        ("customer", WHO, alone("C", "7:164875001")),
        ("customer", (None, *WHO[1:]), None),
        ("customer", (0, *WHO[1:]), none("customerId not positive")),
        ("email", WHO, alone("E", EMAIL.lower())),
        ("email", (1, None, PHONE, "x1", [CARD], None), None),
        ("email", (1, "no", PHONE, "x1", [CARD], None), none("E no address")),
        ("phone", WHO, alone("P", "+6281200000001")),
        ("phone", (1, EMAIL, None, "x1", [CARD], None), None),
        ("external_id", WHO, alone("X", "000226682001")),
        ("external_id", (1, EMAIL, PHONE, None, [CARD], None), None),
        ("card", WHO, none("K several")),
        ("card", (1, EMAIL, PHONE, "x1", [CARD, CARD], None), alone("K", CARD)),
        ("card", (1, EMAIL, PHONE, "x1", [CARD, " "], "CARD_9"), alone("K", CARD)),
        ("card", (1, EMAIL, PHONE, "x1", ["-", ""], "CARD_9"), alone("K", "CARD_9")),
        ("card", (1, EMAIL, PHONE, "x1", None, "CARD_9"), alone("K", "CARD_9")),
        ("card", (1, EMAIL, PHONE, "x1", None, None), None),
        ("card", (1, EMAIL, PHONE, "x1", [" "], " "), None),
    ],
)
def test_profile_is_written_under_the_primary_identity_alone(primary: str, who: Any, found: object) -> None:
    assert f.customer_identity(options(primary), 7, *who) == found


@pytest.mark.parametrize(
    ("primary", "never"), [("email", EMAIL.lower()), ("external_id", "x1"), ("card", CARD.lower())]
)
def test_what_the_brand_lists_is_no_primary_identity(primary: str, never: str) -> None:
    found = f.customer_identity(options(primary, (never,)), 7, 1, EMAIL, PHONE, "x1", [CARD], None)
    assert isinstance(found, Noted)
    assert found.value is None
    assert len(found.reasons) == 1


def test_of_several_rows_the_customer_that_all_name() -> None:
    row = (5, EMAIL, PHONE, "x1", [CARD], None)
    assert f.only_customer_identity(options(), 7, [row, (5, None, None, None, None, None)]) == alone("C", "7:5")
    assert f.only_customer_identity(options("email"), 7, [row]) == alone("E", EMAIL.lower())
    assert f.only_customer_identity(options("card"), 7, [(5, *[None] * 3, None, "CARD_9")]) == alone("K", "CARD_9")
    assert f.only_customer_identity(options("phone"), 7, [row]) == alone("P", "+6281200000001")
    assert f.only_customer_identity(options("external_id"), 7, [row]) == alone("X", "x1")
    assert f.only_customer_identity(options(), 7, [row, (6, *row[1:])]) is None
    assert f.only_customer_identity(options(), 7, []) is None


def test_an_event_has_all_identities_and_one_of_them_is_primary() -> None:
    def expected(primary: str) -> Json:
        found: Json = {
            "C": [{"id": "7:164875001"}],
            "E": [{"id": EMAIL.lower()}],
            "P": [{"id": "+6281200000001"}],
            "X": [{"id": "000226682001"}],
            "K": [{"id": CARD}, {"id": "CARD_2"}],
        }
        found[primary][0]["primary"] = True
        return found

    for primary, code in (("customer", "C"), ("email", "E"), ("phone", "P"), ("external_id", "X"), ("card", "C")):
        assert f.customer_identities(options(primary), 7, *WHO) == expected(code)


@pytest.mark.parametrize(
    ("primary", "who", "found"),
    [
        ("email", (1, None, None, None, None, None), alone("C", "7:1")),
        ("email", (None, EMAIL, None, None, None, None), alone("E", EMAIL.lower())),
        ("customer", (None, EMAIL, None, None, None, None), None),
        ("customer", (0, EMAIL, None, None, None, None), none("customerId not positive")),
        ("customer", (None, "no", None, None, None, None), none("E no address")),
        ("card", (None, None, None, None, [CARD], None), alone("K", CARD)),
        ("card", (None, None, None, None, None, "CARD_9"), alone("K", "CARD_9")),
        ("card", (None, None, None, None, [CARD, "CARD_2"], None), None),
        ("email", (1, "no", None, None, None, None), Noted(alone("C", "7:1"), ("E no address",))),
        ("email", (0, EMAIL, None, None, None, None), Noted(alone("E", EMAIL.lower()), ("customerId not positive",))),
    ],
)
def test_the_customer_stands_in_for_the_primary_identity(primary: str, who: Any, found: object) -> None:
    assert f.customer_identities(options(primary), 7, *who) == found


def test_what_cannot_be_trusted_is_no_identity_and_counted_by_namespace() -> None:
    found = f.customer_identities(options(), 7, 1, "no", "1", "x1", ["0000", CARD, "11111111"], None)
    assert isinstance(found, Noted)
    assert found.value == {"C": [{"id": "7:1", "primary": True}], "X": [{"id": "x1"}], "K": [{"id": CARD}]}
    assert [reason.partition(" ")[0] for reason in found.reasons] == ["E", "P", "K", "K"]
    never = f.customer_identities(options(never=(EMAIL.lower(),)), 7, 1, EMAIL, None, None, None, None)
    assert isinstance(never, Noted)
    assert never.value == alone("C", "7:1")


def test_without_a_namespace_nothing_is_sent_or_counted() -> None:
    few = Options(Namespaces(customer="C", email="", phone="", external_id="", card=""))
    assert f.customer_identities(few, 7, 1, "no", "no", "-", ["0000"], "-") == alone("C", "7:1")


def test_what_the_functions_of_identity_do_not_look_at() -> None:
    texts = {"email", "phone", "external_id", "card", "only_card"}
    alone, whole = f.UNREAD["customer_identity"], f.UNREAD["customer_identities"]
    assert alone(options()) == texts
    assert alone(options("email")) == texts - {"email"}
    assert alone(options("card")) == texts - {"card", "only_card"}
    assert whole(options()) == frozenset()
    assert whole(PLAIN) == {"external_id", "card", "only_card"}
    for name in f.UNREAD:
        assert texts <= inspect.signature(getattr(f, name)).parameters.keys()


def test_a_contact_is_written_as_it_is_compared() -> None:
    assert f.email_address(PLAIN, f" {EMAIL} ") == EMAIL.lower()
    assert f.phone_number(PLAIN, PHONE) == "+6281200000001"
    assert f.external_id(PLAIN, " 00x1 ") == "00x1"
    for function in (f.email_address, f.phone_number, f.external_id):
        assert function(PLAIN, None) is None
        assert function(PLAIN, "") is None
        assert function(PLAIN, " ") is None
    assert f.email_address(PLAIN, "no") == none("no address")
    assert f.email_address(options(never=(EMAIL,)), EMAIL) == none("denied")


def test_a_name_is_what_is_no_hash() -> None:
    assert f.personal_name(" Sari ") == "Sari"
    assert f.personal_name("Null") == "Null"
    assert f.personal_name("null") == none("placeholder")
    assert f.personal_name("d41d8cd98f00b204e9800998ecf8427e") == none("hash")
    assert f.personal_name(None) is None
    assert f.personal_name(" ") is None


# ---- conditions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "flag", "programs", "found"),
    [
        (PLAIN, True, (), True),
        (PLAIN, False, (5,), False),
        (PLAIN, None, (5,), False),
        (PLAIN, True, (None, 5), True),
        (Options(default_program=5), None, (5,), True),
        (Options(default_program=5), True, (6, 5), False),
        (Options(default_program=5), True, (None, 5), True),
        (Options(default_program=5), True, (), False),
        (Options(default_program=5, default_programs={7: 6}), True, (6,), True),
        (Options(default_program=5, default_programs={7: 6}), True, (5,), False),
        (Options(default_program=5, default_programs={8: 6}), True, (5,), True),
    ],
)
def test_the_default_program(
    options: Options,
    flag: bool | None,  # noqa: FBT001
    programs: tuple[int | None, ...],
    found: object,
) -> None:
    assert f.is_default_program(options, flag, 7, *programs) is found


def test_who_was_deleted_is_named_by_the_customer_id_only() -> None:
    for statuses in (
        (" DELETED ",),
        (None, "deleted"),
        ("Active", "Deleted"),
        ("Deleted\0",),
        ("\u00a0De\u200bleted",),
        ("\uff24eleted", None),
        ("Deleted" + "\0" * 57,),
        ("Deleted" + "\0" * 1_000,),
    ):
        assert f.may_name_customer(options("customer"), *statuses)
        assert not f.may_name_customer(options("email"), *statuses)
        assert f.is_deleted(*statuses)
        assert not f.is_not_deleted(*statuses)
    assert f.may_name_customer(options("email"), None, "Active", "")
    assert f.may_name_customer(options("email"))
    for statuses in ((), (None, "", "Active"), ("Undeleted", "Pending Deletion")):
        assert f.is_not_deleted(*statuses)
        assert not f.is_deleted(*statuses)


@pytest.mark.parametrize(
    ("value", "options", "found"),
    [
        ("REGULAR", ("Regular",), True),
        (" regular\t", ("x", "REGULAR"), True),
        ("x", ("REGULAR",), False),
        (7, (7,), True),
        (7, ("7",), True),
        (None, ("",), True),
        (" ", ("",), True),
        ("null", ("",), True),
        ("NULL", ("",), True),
        ("null", ("null",), False),
        ("x", ("",), False),
        ("x", (), False),
    ],
)
def test_a_value_is_one_of_some(value: str | int | None, options: tuple[str | int, ...], found: bool) -> None:  # noqa: FBT001
    assert f.is_any(value, *options) is found
    assert f.is_none_of(value, *options) is (not found)
    if not isinstance(value, int):
        texts = tuple(map(str, options))
        for pair in ((value, "y"), ("y", value)):
            assert f.either_is(*pair, *texts) is found
            assert f.neither_is(*pair, *texts) is (not found)


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_list_of_placeholders_hides_no_single_card(nothing: str) -> None:
    for cards in ([nothing], [nothing, nothing], [nothing, *NOTHING]):
        assert f.lists_no_card(cards)
        assert not f.lists_a_card(cards)
        who = (1, None, None, None, cards, "CARD_9")
        assert f.customer_identity(options("card"), 7, *who) == alone("K", "CARD_9")
        found = f.customer_identities(options("card"), 7, *who)
        assert found == {"C": [{"id": "7:1"}], **alone("K", "CARD_9")}


@pytest.mark.parametrize("nothing", NOTHING)
def test_beside_a_card_a_placeholder_brings_no_single_card_back(nothing: str) -> None:
    cards = [nothing, CARD]
    assert f.lists_a_card(cards)
    assert not f.lists_no_card(cards)
    assert f.customer_identity(options("card"), 7, 1, None, None, None, cards, "CARD_9") == alone("K", CARD)


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_placeholder_beside_a_list_of_them_is_no_card(nothing: str) -> None:
    found = f.customer_identity(options("card"), 7, 1, None, None, None, [nothing], nothing)
    assert (found.value if isinstance(found, Noted) else found) is None


@pytest.mark.parametrize("cards", [None, [], ["", "\t"], ["-", "0"], ["C"], [" ", "C"], ["null", "C"]])
def test_cards_are_listed_or_are_not(cards: list[str] | None) -> None:
    assert f.lists_a_card(cards) is (cards is not None and "C" in cards)
    assert f.lists_no_card(cards) is (not f.lists_a_card(cards))


def test_flags_and_numbers() -> None:
    assert [f.is_not_set(flag) for flag in (True, False, None)] == [False, True, True]
    finite = [f.is_number(number) for number in (0.0, -1.5, None, float("nan"), float("inf"))]
    assert finite == [True, True, False, False, False]


def test_what_changed() -> None:
    changes = [("Gender", "x"), (" dob ", None)]
    assert f.is_changed(changes, "gender")
    assert f.is_changed(changes, "x", "DOB")
    assert not f.is_changed(changes, "x")
    assert not f.is_changed([], "gender")


# ---- values out of lists --------------------------------------------------------------------------------------------


def test_an_identifier_is_that_of_the_first_key_that_says_something() -> None:
    pairs = [("BillId", "-1"), ("billid ", " 5 "), ("BillId", 6), ("TransactionId", 7), ("billNumber", "B-1")]
    assert f.identifier(pairs, "BillId") == "5"
    assert f.identifier(pairs, "x", "TransactionId", "BillId") == "7"
    assert f.identifier(pairs, "x") is None
    assert f.identifier([], "BillId") is None
    assert f.bill_id(pairs, "9") == "5"
    assert f.bill_id([("TransactionId", 7), ("BillId", "null")], "9") == "7"
    assert f.bill_number(pairs, "9") == "B-1"
    assert f.bill_number(pairs[:3], None, "-", " 9 ") == "9"
    assert f.bill_id([], None, 4) == "4"


@pytest.mark.parametrize("nothing", [*NOTHING, " ", "-1", " NULL", "undefined", "0000", "--", "0-0", None])
def test_a_placeholder_is_no_identifier(nothing: str | None) -> None:
    assert f.identifier([("BillId", nothing)], "BillId") is None
    assert f.bill_id([("BillId", nothing)], nothing, "9") == "9"
    assert f.bill_id([("BillId", nothing)], nothing) is None
    assert f.bill_number([("billNumber", nothing)], nothing) is None


def test_fields_as_a_map() -> None:
    assert f.field_map(
        [(" a ", " 1 "), ("b", 2), ("c", ""), ("d", None), ("", " "), (None, "null"), ("e", "null")]
    ) == {
        "a": "1",
        "b": "2",
    }
    for nameless in (None, "", " "):
        assert f.field_map([(nameless, "x"), ("a", "1"), (nameless, 2)]) == Noted({"a": "1"}, ("without a name",))
    assert f.field_map([]) is None
    assert f.field_map([("a", "")]) is None
    assert f.field_map([("a", "1"), ("B", "2"), ("A", "3")]) == Noted({"A": "3", "B": "2"}, ("given twice",))


def test_fields_have_room_for_so_much() -> None:
    """A field's bytes of JSON are those of `"name":"value",`."""
    longest = "v" * (1024 - len('"a":"",'))
    assert f.field_map([("a", longest)]) == {"a": longest}
    assert f.field_map([("a", longest + "v")]) == none("too long")
    assert f.field_map([("a", longest + "v"), ("b", "1")]) == Noted({"b": "1"}, ("too long",))
    assert f.field_map([("x", ""), ("a", longest + "v"), ("b", "1"), ("c", "2")]) == Noted(
        {"b": "1", "c": "2"}, ("too long",)
    )
    three = [(name, longest) for name in "abc"]
    assert f.field_map(three) == dict(three)
    assert f.field_map([*three, ("d", "1")]) == Noted(dict(three), ("too long",))
    nearly = [*three[:2], ("c", longest[8:])]
    assert f.field_map([*nearly, ("d", "1")]) == dict([*nearly, ("d", "1")])
    assert f.field_map([*nearly, ("d", "12")]) == Noted(dict(nearly), ("too long",))
    assert f.field_map([*three, ("A", "1"), ("d", "2")]) == Noted(
        {"b": longest, "c": longest, "A": "1", "d": "2"}, ("given twice",)
    )
    escaped = "\x01" * ((1024 - len('"a":"",')) // 6)
    assert f.field_map([("a", escaped)]) == {"a": escaped}
    assert f.field_map([("a", escaped + "\x01")]) == none("too long")


def test_identifiers_that_repeat_stand_there_once_each() -> None:
    assert f.identifier_map([("a", "1"), ("b", "2")]) == {"a": "1", "b": "2"}
    pairs = [("Line", "1"), ("b", "2"), ("line ", "3"), ("LINE", "1"), ("line", ""), ("line", None), ("line", "null")]
    assert f.identifier_map(pairs) == {"Line": "1,3", "b": "2"}
    assert f.identifier_map([("a", ""), ("a", "null")]) is None
    assert f.identifier_map([("", "1"), (None, "2"), ("a", "1"), ("a", "2")]) == Noted(
        {"a": "1,2"}, ("without a name",)
    )


def test_of_more_identifiers_than_a_field_may_hold_the_first_ones_count() -> None:
    value = "v" * 100
    found = f.identifier_map([("a", f"{number}{value}") for number in range(10, 30)])
    room = (1024 - len('"a":"",') + 1) // 103
    assert found == Noted({"a": ",".join(f"{number}{value}" for number in range(10, 10 + room))}, ("too long",))
    exactly = "w" * (1024 - len('"a":"",') - 2)
    assert f.identifier_map([("a", exactly), ("a", "1")]) == {"a": f"{exactly},1"}
    assert f.identifier_map([("a", exactly), ("a", "12")]) == Noted({"a": exactly}, ("too long",))
    assert f.identifier_map([("a", exactly + "www"), ("a", "12")]) == none("too long")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("M", "male"),
        (" Male ", "male"),
        ("f", "female"),
        ("FEMALE", "female"),
        ("Other", "non_specific"),
        ("others", "non_specific"),
        ("non_specific", "non_specific"),
        ("not_specified", "not_specified"),
        ("not specified", "not_specified"),
        ("x", none("unknown")),
        ("", None),
        (None, None),
    ],
)
def test_a_changed_gender(value: str | None, found: object) -> None:
    assert f.changed_gender([("other", "F"), ("Gender", value)], "gender") == found


def test_a_changed_date() -> None:
    assert f.changed_date([("dob", "1990-01-02")], "x", "DOB") == Day("1990-01-02")
    assert f.changed_date([("dob", "soon")], "dob") == none("date")
    assert f.changed_date([("dob", " ")], "dob") is None
    assert f.changed_date([("x", "1990-01-02")], "dob") is None
    assert f.changed_date([("dob", "1990-01-02"), ("dob", "1991-01-02")], "dob") == Day("1991-01-02")
    assert f.changed_date([("dob", "1990-01-02"), ("dob", "")], "dob") is None


TIERS = Options(tables={"tiers": {"5:1": "Blue", "6:1": "Red", "5:2": " null "}})


@pytest.mark.parametrize(
    ("number", "tiers", "programs", "found"),
    [
        (1, [(2, "Silver"), (1, " Gold ")], (5,), "Gold"),
        (1, [(1, "Null")], (5,), "Blue"),
        (1, [(2, "Silver")], (None, 6, 5), "Red"),
        (1, [], (), Noted("tier-1", ("not listed",))),
        (2, [], (5,), Noted("tier-2", ("not listed",))),
        (3, [(3, None)], (5,), Noted("tier-3", ("not listed",))),
        (None, [(1, "Gold")], (5,), None),
        (0, [(0, "Gold")], (5,), none("not positive")),
        (-1, [(-1, "Gold")], (5,), none("not positive")),
    ],
)
def test_the_name_of_a_tier(number: int | None, tiers: Any, programs: tuple[int | None, ...], found: object) -> None:
    assert f.tier_name(TIERS, tiers, number, *programs) == found


def test_without_a_table_of_tiers_their_numbers_stand_in() -> None:
    assert f.tier_name(PLAIN, [], 1, 5) == Noted("tier-1", ("not listed",))


def test_a_number_beside_a_key() -> None:
    rows = [(1, 10), (2, 20.5), (3, "30"), (2, 99)]
    assert f.number_of(rows, 2) == 20.5
    assert f.number_of(rows, None, 1) == 10.0
    assert isinstance(f.number_of(rows, 1), float)
    assert f.number_of(rows, 9, 1) is None
    assert f.number_of(rows, 3) is None
    assert f.number_of([(None, 10)], None) is None
    assert f.number_of(rows) is None


@pytest.mark.parametrize(
    ("options", "flag", "programs", "found"),
    [
        (PLAIN, True, (None, 2), 20.0),
        (PLAIN, False, (2,), None),
        (PLAIN, None, (2,), None),
        (PLAIN, True, (), None),
        (Options(default_program=1), None, (2,), 10.0),
        (Options(default_program=1, default_programs={7: 2}), None, (), 20.0),
        (Options(default_program=1, default_programs={8: 2}), None, (), 10.0),
    ],
)
def test_the_number_of_the_default_program(
    options: Options,
    flag: bool | None,  # noqa: FBT001
    programs: tuple[int | None, ...],
    found: object,
) -> None:
    assert f.default_number(options, [(1, 10), (2, 20)], flag, 7, *programs) == found


KIND, AMOUNT = "a[].kind", "a[].amount"


def test_a_sum_of_some_rows() -> None:
    rows = [("RETURN", -1.1), (" return ", 2.2), ("REGULAR", 50), (None, 7), ("x", None)]
    for dropped in (None, [], ["a[].kinds", "b", "a[].amounts.x"]):
        assert f.sum_of(rows, dropped, KIND, AMOUNT, "Return") == pytest.approx(3.3)
        assert f.sum_of(rows, dropped, KIND, AMOUNT, "y", "REGULAR") == 50.0
        assert f.sum_of(rows, dropped, KIND, AMOUNT, "y") is None
        assert f.sum_of([("a", 0)], dropped, KIND, AMOUNT, "a") == 0.0


def test_a_sum_with_one_unknown_is_unknown() -> None:
    for unknown in (None, "3"):
        for other in (("RETURN", 2.2), ("REGULAR", 5)):
            assert f.sum_of([("RETURN", unknown), other], None, KIND, AMOUNT, "RETURN") == none("one unknown")
    for lost in (KIND, AMOUNT, "a[]", "a"):
        assert f.sum_of([("RETURN", 1)], ["x", lost], KIND, AMOUNT, "RETURN") == none("one unreadable")


def test_a_sum_that_no_number_holds() -> None:
    assert f.sum_of([("a", 1.7e308), ("a", -1.7e308)], None, KIND, AMOUNT, "a") == none("too large")


def test_a_text_of_some_kinds() -> None:
    for dropped in (None, [], ["x", "a", "a[]", "a[].kinds"]):
        assert f.text_of_kind(" SKU ", "regular", dropped, "a[].kind", "REGULAR", "") == "SKU"
        assert f.text_of_kind("SKU", None, dropped, "a[].kind", "REGULAR", "") == "SKU"
        assert f.text_of_kind("SKU", "RETURN", dropped, "a[].kind", "REGULAR", "") == none()
        for text in (None, "", " ", "null"):
            assert f.text_of_kind(text, "REGULAR", dropped, "a[].kind", "REGULAR") is None
            assert f.text_of_kind(text, "RETURN", dropped, "a[].kind", "REGULAR") == none()


def test_where_a_kind_was_lost_a_text_without_one_is_left_out_and_counted() -> None:
    dropped = ["x", "a[].kind"]
    for kind in (None, "", " ", "null"):
        for kinds in (("REGULAR", ""), ("REGULAR",)):
            assert f.text_of_kind("SKU", kind, dropped, "a[].kind", *kinds) == none("kind unreadable")
    assert f.text_of_kind("SKU", "regular", dropped, "a[].kind", "REGULAR", "") == "SKU"
    assert f.text_of_kind("SKU", "RETURN", dropped, "a[].kind", "REGULAR", "") == none()


@pytest.mark.parametrize("dropped", [None, ["a[].kind"]])
@pytest.mark.parametrize("kind", [None, "", "null", "regular", "RETURN"])
@pytest.mark.parametrize("kinds", [("REGULAR",), ("REGULAR", ""), ("RETURN", "REGULAR")])
def test_what_is_not_of_some_kinds_is_of_another(
    dropped: list[str] | None, kind: str | None, kinds: tuple[str, ...]
) -> None:
    is_here = f.text_of_kind("x", kind, dropped, "a[].kind", *kinds) == "x"
    assert f.text_of_other_kind(" x ", kind, dropped, "a[].kind", *kinds) == (none() if is_here else "x")
    assert f.number_of_other_kind(1.5, kind, dropped, "a[].kind", *kinds) == (none() if is_here else 1.5)
    assert f.text_of_other_kind("null", kind, dropped, "a[].kind", *kinds) == (none() if is_here else None)
    assert f.number_of_other_kind(None, kind, dropped, "a[].kind", *kinds) == (none() if is_here else None)


# ---- single values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [(" idr ", "IDR"), ("IDR", "IDR"), (" ", None), (None, None), ("RP", none("pattern")), ("€", none("pattern"))],
)
def test_a_currency(text: str | None, found: object) -> None:
    assert f.currency(text) == found


def test_numbers_that_mean_something() -> None:
    assert [f.positive_id(number) for number in (1, 0, -1, None)] == ["1", None, None, None]
    assert [f.known_amount(amount) for amount in (0.5, -1.0, 0.0, None)] == [0.5, -1.0, None, None]
    assert [f.whole_count(count) for count in (2.0, -2.0, 0.375, 0.0, None)] == [2, 2, None, 0, None]


@pytest.mark.parametrize(("amount", "negative"), [(-0.01, True), (0.0, False), (1.0, False), (None, False)])
def test_what_a_negative_amount_is_not(amount: float | None, negative: bool) -> None:  # noqa: FBT001
    assert f.not_negative(amount) == (none("negative") if negative else amount)
    assert f.unless_negative(amount, "a", "b") == (Noted("b", ("negative amount",)) if negative else "a")
    assert f.one_unless_negative(amount) == (None if negative else 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-01-31", Day("2026-01-31")),
        (" 2099-12-31 ", Day("2099-12-31")),
        ("2100-01-01", GONE),
        ("2125-05-05", GONE),
        ("soon", none("date")),
        ("null", None),
        (" ", None),
        (None, None),
    ],
)
def test_the_end_of_something(text: str | None, found: object) -> None:
    assert f.end_date(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" regular ", "REGULAR"),
        ("RETURN", "RETURN"),
        ("odd", Noted("ODD", ("unknown",))),
        ("null", none("placeholder")),
        ("Null", none("placeholder")),
        ("undefined", none("placeholder")),
        ("", None),
        (None, None),
    ],
)
def test_a_text_that_is_known(text: str | None, found: object) -> None:
    assert f.known_text(text, "REGULAR", "RETURN") == found


def test_what_mappings_may_call_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [function.__name__ for function in f.FUNCTIONS]
    assert len(set(names)) == len(names)
    assert all(function.__doc__ for function in f.FUNCTIONS)
    assert all(getattr(f, name) in f.FUNCTIONS for name in names)
