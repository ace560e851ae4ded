"""The mapping language, one feature at a time: what a small mapping makes of a small event.

The compiled code and the interpreter both do every case and have to agree (`tests.small_mappings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from processor.mapping.problems import Problem
from processor.mapping.values import GONE, Day, EpochMs, Gone, IdentityMap, Noted, Rows, Unmappable
from processor.model import Skip
from tests.small_mappings import NOW, RECEIVED, Function, all_known, bound, outcome, own, problems, written

Json = dict[str, Any]
TIME = 1_782_000_000_123
TOO_LONG = 2**53


# ---- functions that these mappings call -----------------------------------------------------------------------------


def echo(text: str | None) -> str | None:
    """The text as it is."""
    return text


def doubted(text: str | None) -> str | Noted[str] | None:
    """A text with a remark, or one that is not trusted: `no` for two reasons, `-` for none."""
    refused = {"no": Noted[str](None, ("doubt", "second thoughts")), "-": Noted[str](None, ())}
    return refused.get(text or "", Noted(text, ("odd",)) if text == "odd" else text)


def unless_over(text: str | None) -> str | Gone | None:
    """The text, unless it says that it is over."""
    return GONE if text == "over" else text


def shown(*values: object) -> str:
    """All that is given, as Python shows it."""
    return " ".join(map(repr, values))


def rows_shown(rows: Rows) -> str:
    """Rows as Python shows them."""
    return repr([tuple(row) for row in rows])


def doubled(number: float | None) -> float | None:
    """Twice a number."""
    return None if number is None else 2 * number


def counted(text: str | None) -> int:
    """The length of a text."""
    return len(text or "")


def split(text: str | None) -> list[str] | None:
    """The words of a text."""
    return None if text is None else text.split(",")


def spelled(text: str | None) -> dict[str, str] | None:
    """Letters by their place."""
    return None if text is None else {str(number): letter for number, letter in enumerate(text)}


def moment(whole: int | None) -> EpochMs | None:
    """A time as it is."""
    return None if whole is None else EpochMs(whole)


def day(text: str | None) -> Day | None:
    """A day as it is."""
    return None if text is None else Day(text)


def is_red(text: str | None) -> bool:
    """Whether it is red."""
    return text == "RED"


def is_any_red(rows: Rows) -> bool:
    """Whether one of these is red."""
    return any(row[0] == "RED" for row in rows)


def who(text: str | None) -> IdentityMap | Gone | Noted[IdentityMap] | None:
    """Identities of all sorts."""
    known: dict[str, IdentityMap | Gone | Noted[IdentityMap]] = {
        "one": {"A": [{"id": "1", "primary": True}], "B": [{"id": "2"}]},
        "two": {"A": [{"id": "1", "primary": True}, {"id": "2", "primary": True}]},
        "parted": {"A": [{"id": "1", "primary": True}], "B": [{"id": "2", "primary": True}]},
        "none": {"A": [{"id": "1"}]},
        "not quite": {"A": [{"id": "1", "primary": False}]},
        "nameless": {"A": [{"primary": True}]},
        "blank": {"A": [{"id": " ", "primary": True}]},
        "empty": {"A": []},
        "over": GONE,
        "odd": Noted({"A": [{"id": "1", "primary": True}]}, ("odd",)),
    }
    return known.get(text or "")


FUNCTIONS: tuple[Function, ...] = (
    *(echo, doubted, unless_over, shown, rows_shown, doubled, counted, split, spelled, moment, day, is_red),
    *(is_any_red, who),
)


def made(fields: str, record: Mapping[str, object], to: str = "events", more: str = "") -> tuple[object, list[str]]:
    """What comes of a single output, and the notes."""
    return outcome(fields, record, *FUNCTIONS, to=to, more=more)


def entity(fields: str, record: Mapping[str, object], to: str = "events", more: str = "") -> object:
    """What comes of a single output without notes."""
    result, notes = made(fields, record, to, more)
    assert notes == []
    return result


# ---- from: which type becomes which ---------------------------------------------------------------------------------

BECOMES: list[tuple[str, str, object, object]] = [
    # text
    ("text", "text", " x ", "x"),
    ("text", "text as lower", " Straße ", "straße"),
    ("text", "text as upper", "abc", "ABC"),
    ("text", "text as string", "abc", "abc"),
    ("text", "text", "Null", "Null"),
    ("text", "text as lower", "UNDEFINED", "undefined"),
    ("text", "whole as string", -7, "-7"),
    ("text", "flag as string", True, "true"),
    ("text", "flag as string", False, "false"),
    ("short", "text", "ab", "ab"),
    ("short", "text", "abcd", "abcd"),
    ("code", "text", "ABC", "ABC"),
    ("code", "text as upper", "abc", "ABC"),
    ("kind", "text", "BLUE", "BLUE"),
    ("kind", "text as upper", "red", "RED"),
    ("email", "text", "june@example.com", "june@example.com"),
    # number
    ("number", "number", -1.5, -1.5),
    ("number", "number as absolute", -1.5, 1.5),
    ("number", "whole", 3, 3),
    ("number", "whole as absolute", -3, 3),
    ("number", "whole", TOO_LONG - 1, TOO_LONG - 1),
    ("number", "whole", 1 - TOO_LONG, 1 - TOO_LONG),
    ("number", "amount", Decimal("12.34"), 12.34),
    ("number", "amount as absolute", Decimal("-12.34"), 12.34),
    ("number", "text as number", " 1.50 ", 1.5),
    ("share", "number", 0.0, 0.0),
    ("share", "number", 1.0, 1.0),
    ("share", "number as absolute", -1.0, 1.0),
    # whole number
    ("whole", "whole", -3, -3),
    ("whole", "whole as absolute", -3, 3),
    ("byte", "whole", 0, 0),
    ("byte", "whole", 255, 255),
    ("byte", "whole as absolute", -255, 255),
    ("whole", "number as integer", 3.0, 3),
    ("whole", "number as rounded", 2.5, 3),
    ("whole", "number as rounded", -2.5, -3),
    ("whole", "text as integer", " 7.0 ", 7),
    # boolean
    ("flag", "flag", False, False),
    ("flag", "text as boolean", "TRUE", True),
    ("flag", "text as boolean", " false ", False),
    # time and day
    ("time", "whole", TIME, "2026-06-21T00:00:00.123Z"),
    ("time", "whole", TIME // 1000, "2026-06-21T00:00:00.000Z"),
    ("time", "text", " 2026-06-21T02:00:00+02:00 ", "2026-06-21T00:00:00.000Z"),
    ("time", "text", "2026-06-21", "2026-06-21T00:00:00.000Z"),
    ("day", "whole", TIME, "2026-06-21"),
    ("day", "text", " 2026-06-21 ", "2026-06-21"),
    # one value where a list is wanted
    ("texts", "text", " x ", ["x"]),
    ("texts", "whole as string", 7, ["7"]),
    ("numbers", "text as number", "7", [7.0]),
    # lists and maps
    ("texts", "texts", ["a", None, " b "], ["a", "b"]),
    ("texts", "names as upper", ["a"], ["A"]),
    ("few", "names", ["a", "b"], ["a", "b"]),
    ("numbers", "numbers", [1.5, -2.0], [1.5, -2.0]),
    ("numbers", "numbers as absolute", [1.5, -2.0], [1.5, 2.0]),
    ("labels", "labels", {" a ": " x ", "b": None, " ": "y", "": "z"}, {"a": "x"}),
    ("labels", "labels as upper", {"a": "x"}, {"a": "X"}),
    ("labels", "counts as string", {"a": 7}, {"a": "7"}),
    ("amounts", "counts", {"a": 7}, {"a": 7}),
    ("amounts", "counts as absolute", {"a": -7}, {"a": 7}),
]


def read(source: str) -> str:
    """`path as coercion`, as a table of TOML has it."""
    path, _, coercion = source.partition(" as ")
    return f'from = "{path}"' + (f', as = "{coercion}"' if coercion else "")


@pytest.mark.parametrize(("target", "source", "value", "expected"), BECOMES)
def test_a_value_becomes_what_its_target_is(target: str, source: str, value: object, expected: object) -> None:
    record = {source.partition(" ")[0]: value}
    assert entity(f'"{target}" = {{ {read(source)} }}', record) == {target: expected}
    assert entity(f'"{target}" = {{ {read(source)}, required = true }}', record) == {target: expected}
    assert entity(f'"{target}" = {{ {read(source)} }}', record, to="profile") == {target: expected}
    assert entity(f'"{target}" = {{ {read(source)}, absent = "clear" }}', record, to="profile") == {target: expected}


DROPPED: list[tuple[str, str, object, str]] = [
    ("text", "text", "null", "placeholder"),
    ("text", "text as upper", "undefined", "placeholder"),
    ("short", "text", "a", "length"),
    ("short", "text", "abcde", "length"),
    ("short", "whole as string", 7, "length"),
    ("code", "text", "abc", "pattern"),
    ("code", "flag as string", True, "pattern"),
    ("kind", "text", "red", "enum"),
    ("email", "text", "june", "email"),
    ("number", "number", float("nan"), "not finite"),
    ("number", "number", float("inf"), "not finite"),
    ("number", "amount", Decimal("Infinity"), "not finite"),
    ("number", "whole", TOO_LONG, "range"),
    ("number", "whole", -TOO_LONG, "range"),
    ("number", "text as number", "1,5", "number"),
    ("number", "text as number", "null", "placeholder"),
    ("share", "number", -0.1, "range"),
    ("share", "number", 1.1, "range"),
    ("share", "text as number", "1.1", "range"),
    ("whole", "whole", 2**31, "range"),
    ("byte", "whole", -1, "range"),
    ("byte", "whole", 256, "range"),
    ("byte", "whole as absolute", -256, "range"),
    ("whole", "number as integer", 2.5, "fraction"),
    ("whole", "number as integer", float("inf"), "not finite"),
    ("whole", "number as rounded", float("nan"), "not finite"),
    ("byte", "number as rounded", 255.5, "range"),
    ("whole", "text as integer", "7.5", "number"),
    ("byte", "text as integer", "256", "range"),
    ("flag", "text as boolean", "yes", "boolean"),
    ("time", "whole", -1, "time"),
    ("time", "text", "2026-06-21T02:00:00", "time"),
    ("day", "whole", -1, "time"),
    ("day", "text", "2026-02-30", "date"),
    ("texts", "text", "null", "placeholder"),
    ("few", "names", ["a", "b", "c"], "too long"),
]


@pytest.mark.parametrize(("target", "source", "value", "reason"), DROPPED)
def test_a_value_that_its_target_cannot_hold_is_left_out_and_counted(
    target: str, source: str, value: object, reason: str
) -> None:
    """Where it is required the message goes with it; a Profile message never goes out without."""
    record = {source.partition(" ")[0]: value}
    assert made(f'"{target}" = {{ {read(source)} }}', record) == ({}, [f"{target}:{reason}"])
    required = f'"{target}" = {{ {read(source)}, required = true }}'
    assert made(required, record) == (f"dead letter: {target}: {reason}", [])
    for absent in ("", ', absent = "clear"'):
        withheld = made(f'"{target}" = {{ {read(source)}{absent} }}', record, to="profile")
        assert withheld == (f"withheld: {target}", [f"{target}:{reason}"])


NOTHING: list[tuple[str, str, object, str]] = [
    ("text", "text", None, "absent"),
    ("text", "text", " ", "blank"),
    ("number", "text as number", " ", "blank"),
    ("time", "text", "", "blank"),
    ("texts", "text", " ", "blank"),
    ("texts", "texts", [], "empty"),
    ("texts", "texts", [None, " "], "empty"),
    ("labels", "labels", {}, "empty"),
    ("labels", "labels", {"a": None, " ": "x"}, "empty"),
]


@pytest.mark.parametrize(("target", "source", "value", "why"), NOTHING)
def test_what_says_nothing_is_left_out_and_not_counted(target: str, source: str, value: object, why: str) -> None:
    record = {source.partition(" ")[0]: value}
    assert entity(f'"{target}" = {{ {read(source)} }}', record) == {}
    required = f'"{target}" = {{ {read(source)}, required = true }}'
    assert entity(required, record) == f"dead letter: {target}: {why}"
    expected = f"withheld: {target}"
    if (target, value) == ("texts", [None, " "]):  # a blank among values withholds the list it is in
        assert entity(f'"{target}" = {{ {read(source)} }}', record, to="profile") == expected
        return
    assert entity(f'"{target}" = {{ {read(source)} }}', record, to="profile") == expected


def test_a_value_inside_a_list_or_map_is_left_out_of_an_event_and_withholds_profile() -> None:
    lists = '"numbers" = { from = "names", as = "number" }\n"amounts" = { from = "counts" }'
    record = {"names": ["1", "x", " ", "null", "2"], "counts": {"a": 1, "b": -1, "c": 2}}
    notes = ["numbers:number", "numbers:placeholder", "amounts:range"]
    assert made(lists, record) == ({"numbers": [1.0, 2.0], "amounts": {"a": 1, "c": 2}}, notes)
    numbers, amounts = lists.split("\n")
    assert made(numbers, record, to="profile") == ("withheld: numbers", ["numbers:number"])
    assert made(amounts, record, to="profile") == ("withheld: amounts", ["amounts:range"])
    assert made(numbers, {"names": ["1", " "]}, to="profile") == ("withheld: numbers", [])


def test_required_asks_for_a_list_or_map_and_not_for_all_that_is_in_it() -> None:
    record = {"names": ["1", "x"], "counts": {"a": 1, "b": -1}}
    fields = '"numbers" = { from = "names", as = "number", required = true }\n'
    fields += '"amounts" = { from = "counts", required = true }'
    notes = ["numbers:number", "amounts:range"]
    assert made(fields, record) == ({"numbers": [1.0], "amounts": {"a": 1}}, notes)
    assert entity(fields, record | {"names": []}) == "dead letter: numbers: empty"
    assert made(fields, {"names": ["x"], "counts": {}}) == ("dead letter: numbers: empty", [])


# ---- from: where it is read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"text": "a", "other": "b", "third": "c"}, {"text": "a"}),
        ({"text": None, "other": "b", "third": "c"}, {"text": "b"}),
        ({"text": " ", "other": "b", "third": "c"}, {"text": "b"}),
        ({"text": "", "other": None, "third": "c"}, {"text": "c"}),
        ({"text": None, "other": "\t", "third": "c"}, {"text": "c"}),
        ({"text": " ", "other": None, "third": None}, {}),
        ({}, {}),
    ],
)
def test_of_several_texts_the_first_that_is_not_blank_is_taken(record: Json, expected: Json) -> None:
    assert entity('"text" = { from = ["text", "other", "third"] }', record) == expected


def test_a_placeholder_is_present_and_hides_what_comes_after() -> None:
    assert made('"text" = { from = ["text", "other"] }', {"text": "null", "other": "b"}) == ({}, ["text:placeholder"])


@pytest.mark.parametrize(
    ("fields", "record", "expected"),
    [
        ('"texts" = { from = ["names", "inner.deep.names"] }', {"names": ["a"]}, {"texts": ["a"]}),
        ('"texts" = { from = ["names", "inner.deep.names"] }', {"names": []}, {}),
        (
            '"texts" = { from = ["names", "inner.deep.names"] }',
            {"names": [], "inner": {"deep": {"names": ["b"]}}},
            {"texts": ["b"]},
        ),
        (
            '"labels" = { from = ["labels", "marks"] }',
            {"labels": {"a": "b"}, "marks": {"c": "d"}},
            {"labels": {"a": "b"}},
        ),
        ('"labels" = { from = ["labels", "marks"] }', {"labels": {}, "marks": {"c": "d"}}, {"labels": {"c": "d"}}),
        ('"labels" = { from = ["labels", "marks"] }', {"labels": {}}, {}),
        ('"whole" = { from = ["whole", "@now"] }', {"whole": 0}, {"whole": 0}),
        ('"time" = { from = ["whole", "@now"] }', {}, {"time": "2026-09-21T14:13:20.000Z"}),
        ('"time" = { from = ["whole", "@received"] }', {}, {"time": "2026-09-21T14:13:19.000Z"}),
        ('"flag" = { from = "flag" }', {"flag": False}, {"flag": False}),
        ('"text" = { from = "@output" }', {}, {"text": "events"}),
        ('"text" = { from = "inner.deep.text" }', {"inner": {"deep": {"text": "x"}}}, {"text": "x"}),
        ('"text" = { from = "inner.deep.text" }', {"inner": {"deep": None}}, {}),
        ('"text" = { from = "inner.deep.text" }', {"inner": None}, {}),
    ],
)
def test_where_a_value_is_read(fields: str, record: Json, expected: Json) -> None:
    assert entity(fields, record) == expected


def test_a_blank_among_several_paths_is_no_absence_that_clears_anything() -> None:
    fields = '"text" = { from = ["text", "other"], absent = "clear" }'
    assert entity(fields, {"text": "", "other": None}, to="profile") == "withheld: text"
    assert entity(fields, {"text": None, "other": ""}, to="profile") == "withheld: text"
    assert entity(fields, {}, to="profile") == {}


# ---- const and lookup -----------------------------------------------------------------------------------------------


def test_a_constant_is_there_whatever_the_event_says() -> None:
    fields = '"text" = { const = "x" }\n"number" = { const = 1.5 }\n"few" = { const = ["a", "b"] }\n'
    fields += '"free.text" = { const = "y" }\n"flag" = { const = false }'
    expected = {"text": "x", "number": 1.5, "few": ["a", "b"], "free": {"text": "y"}, "flag": False}
    assert entity(fields, {}) == expected
    assert entity(fields, {}, to="profile") == expected


KINDS = """
[lookup.kinds]
"Rot" = "RED"
" blau " = "BLUE"
7 = "RED"
"true" = "BLUE"
"""


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("text", "rot", "RED"),
        ("text", " BLAU ", "BLUE"),
        ("whole", 7, "RED"),
        ("flag", True, "BLUE"),
        ("text", "7", "RED"),
    ],
)
def test_a_lookup_says_what_a_value_stands_for(path: str, value: object, expected: str) -> None:
    fields = f'"kind" = {{ lookup = "kinds", from = "{path}" }}'
    assert entity(fields, {path: value}, more=KINDS) == {"kind": expected}
    assert entity(fields, {path: value}, more=KINDS, to="profile") == {"kind": expected}


@pytest.mark.parametrize(("path", "value"), [("text", "green"), ("whole", -7), ("flag", False), ("text", "null")])
def test_what_a_lookup_does_not_know_is_counted_unless_it_knows_all_else(path: str, value: object) -> None:
    fields = f'"kind" = {{ lookup = "kinds", from = "{path}" }}'
    assert made(fields, {path: value}, more=KINDS) == ({}, ["kind:lookup"])
    required = f'"kind" = {{ lookup = "kinds", from = "{path}", required = true }}'
    assert made(required, {path: value}, more=KINDS) == ("dead letter: kind: lookup", [])
    assert made(fields, {path: value}, more=KINDS, to="profile") == ("withheld: kind", ["kind:lookup"])
    assert entity(fields, {path: value}, more=KINDS + '"*" = "BLUE"\n') == {"kind": "BLUE"}


def test_a_lookup_of_nothing_is_nothing_even_where_it_knows_all_else() -> None:
    fields = '"kind" = { lookup = "kinds", from = ["text", "other"] }'
    everything = KINDS + '"*" = "BLUE"\n'
    assert entity(fields, {}, more=everything) == {}
    assert entity(fields, {"text": " "}, more=everything) == {}
    assert entity(fields, {"text": " ", "other": "rot"}, more=everything) == {"kind": "RED"}
    required = fields.replace(" }", ", required = true }")
    assert entity(required, {}, more=everything) == "dead letter: kind: absent"
    assert entity(required, {"text": " "}, more=everything) == "dead letter: kind: blank"
    whole = '"kind" = { lookup = "kinds", from = "whole", required = true }'
    assert entity(whole, {}, more=everything) == "dead letter: kind: absent"
    clear = fields.replace(" }", ', absent = "clear" }')
    assert entity(clear, {}, more=everything, to="profile") == {}
    assert entity(clear, {"text": " "}, more=everything, to="profile") == "withheld: kind"


def test_tables_that_python_takes_for_equal_stay_apart() -> None:
    """1 == True == 1.0 in Python, and not in XDM."""
    tables = "[lookup.flags]\ny = true\n[lookup.counts]\ny = 1\n[lookup.names]\ny = '1'\n"
    fields = '"whole" = { lookup = "counts", from = "text" }\n"flag" = { lookup = "flags", from = "text" }\n'
    fields += '"text" = { lookup = "names", from = "text" }\n"other" = { lookup = "names", from = "text" }'
    result = entity(fields, {"text": "Y"}, more=tables)
    assert isinstance(result, dict)
    assert [(name, type(value)) for name, value in result.items()] == [
        ("whole", int),
        ("flag", bool),
        ("text", str),
        ("other", str),
    ]


# ---- call -----------------------------------------------------------------------------------------------------------

CALLED: list[tuple[str, str, Json, object]] = [
    ("text", 'call = "echo", with = ["text"]', {"text": " x "}, "x"),
    ("short", 'call = "echo", with = ["inner.text"]', {"inner": {"text": "abc"}}, "abc"),
    ("number", 'call = "doubled", with = ["number"]', {"number": 1.5}, 3.0),
    ("whole", 'call = "counted", with = ["text"]', {}, 0),
    ("texts", 'call = "split", with = ["text"]', {"text": "a, ,b"}, ["a", "b"]),
    ("labels", 'call = "spelled", with = ["text"]', {"text": "ab"}, {"0": "a", "1": "b"}),
    ("time", 'call = "moment", with = ["whole"]', {"whole": TIME}, "2026-06-21T00:00:00.123Z"),
    ("day", 'call = "moment", with = ["whole"]', {"whole": TIME}, "2026-06-21"),
    ("day", 'call = "day", with = ["text"]', {"text": "2026-06-21"}, "2026-06-21"),
    ("time", 'call = "day", with = ["text"]', {"text": "2026-06-21"}, "2026-06-21T00:00:00.000Z"),
    ("flag", 'call = "is_red", with = ["text"]', {"text": "RED"}, True),
    ("flag", 'call = "is_red", with = ["text"]', {}, False),
    ("texts", 'call = "echo", with = ["text"]', {"text": "x"}, ["x"]),
    (
        "text",
        'call = "shown", with = ["@now", "@received", "@output", "@item"]',
        {},
        f"{NOW} {RECEIVED} 'events' None",
    ),
    ("text", 'call = "shown", with = [{ const = "a" }, { const = 1.5 }, { const = true }]', {}, "'a' 1.5 True"),
    ("text", 'call = "shown", with = ["names", "labels"]', {"names": ["a"], "labels": {"b": "c"}}, "['a'] {'b': 'c'}"),
    ("text", 'call = "shown", with = ["names", "flag"]', {"flag": False}, "None False"),
    (
        "text",
        'call = "rows_shown", with = ["items[text,inner.text]"]',
        {"items": [{"text": "a", "inner": {"text": "b"}}, {"text": "c"}]},
        "[('a', 'b'), ('c', None)]",
    ),
    ("text", 'call = "rows_shown", with = ["items[whole]"]', {"items": []}, "[]"),
    ("text", 'call = "rows_shown", with = ["items[whole]"]', {}, "[]"),
]


@pytest.mark.parametrize(("target", "verb", "record", "expected"), CALLED)
def test_what_a_function_is_given_and_gives(target: str, verb: str, record: Json, expected: object) -> None:
    assert entity(f'"{target}" = {{ {verb} }}', record) == {target: expected}


def test_what_a_function_gives_has_to_fit_like_everything() -> None:
    assert made('"short" = { call = "echo", with = ["text"] }', {"text": "a"}) == ({}, ["short:length"])
    assert made('"texts" = { call = "split", with = ["text"] }', {"text": "a,null"}) == (
        {"texts": ["a"]},
        ["texts:placeholder"],
    )
    assert made('"byte" = { call = "counted", with = ["text"] }', {"text": "x" * 256}) == ({}, ["byte:range"])


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("x", {"text": "x"}, []),
        ("odd", {"text": "odd"}, ["text:odd"]),
        ("no", {}, ["text:doubt", "text:second thoughts"]),
        ("-", {}, []),
        (None, {}, []),
    ],
)
def test_what_a_function_remarks_is_noted(text: str | None, expected: Json, notes: list[str]) -> None:
    assert made('"text" = { call = "doubted", with = ["text"] }', {"text": text}) == (expected, notes)


@pytest.mark.parametrize(("text", "why"), [("no", "not trusted"), ("-", "not trusted"), (None, "absent")])
def test_a_required_value_that_a_function_does_not_trust_is_missing(text: str | None, why: str) -> None:
    call = 'call = "doubted", with = ["text"]'
    assert made(f'"text" = {{ {call}, required = true }}', {"text": text}) == (f"dead letter: text: {why}", [])
    notes = ["text:doubt", "text:second thoughts"] if text == "no" else []
    assert made(f'"text" = {{ {call} }}', {"text": text}, to="profile") == ("withheld: text", notes)


def test_what_a_function_does_not_trust_clears_nothing() -> None:
    clear = '"text" = { call = "doubted", with = ["text"], absent = "clear" }'
    assert made(clear, {"text": "-"}, to="profile") == ("withheld: text", [])
    assert made(clear, {"text": "odd"}, to="profile") == ({"text": "odd"}, ["text:odd"])
    assert made(clear, {}, to="profile") == ({}, [])


def test_what_is_over_leaves_profile_and_is_just_absent_from_an_event() -> None:
    call = 'call = "unless_over", with = ["text"]'
    assert entity(f'"text" = {{ {call} }}', {"text": "x"}) == {"text": "x"}
    assert entity(f'"text" = {{ {call} }}', {"text": "over"}) == {}
    assert entity(f'"text" = {{ {call}, required = true }}', {"text": "over"}) == "dead letter: text: absent"
    assert entity(f'"text" = {{ {call} }}', {"text": "x"}, to="profile") == {"text": "x"}
    assert entity(f'"text" = {{ {call} }}', {"text": "over"}, to="profile") == {}
    assert entity(f'"text" = {{ {call} }}', {"text": None}, to="profile") == "withheld: text"
    assert entity(f'"text" = {{ {call}, absent = "clear" }}', {"text": "over"}, to="profile") == {}


def test_a_function_that_gives_nothing_of_something_clears_nothing() -> None:
    clear = '"number" = { call = "doubled", with = ["number"], absent = "clear" }'
    assert entity(clear, {"number": 2.0}, to="profile") == {"number": 4.0}
    assert entity(clear, {}, to="profile") == {}
    listed = '"texts" = { call = "nothing_of", with = ["items[text]", "text"], absent = "clear" }'

    def nothing_of(rows: Rows, text: str | None) -> list[str] | None:
        return None

    def result(record: Json) -> object:
        return outcome(listed, record, nothing_of, to="profile")[0]

    assert result({}) == {}
    assert result({"text": "x"}) == "withheld: texts"
    assert result({"items": []}) == "withheld: texts"


# ---- absent = "clear" -----------------------------------------------------------------------------------------------


def cleared(record: Json, fields: str, *unknown: str) -> object:
    """What Profile gets where the writer's schema lacks some paths."""
    mapping = bound(f'[[output]]\nto = "profile"\n[output.fields]\n{fields}', *FUNCTIONS)
    known = all_known(mapping) - set(unknown)
    [result], _ = written(mapping, record, known=known)
    return result.rule if isinstance(result, Skip) else own(result)


CLEAR = '"text" = { from = ["inner.text", "inner.deep.text"], absent = "clear" }'


def test_what_the_event_could_have_said_and_did_not_leaves_profile() -> None:
    assert cleared({}, CLEAR) == {}
    assert cleared({"inner": {"text": "x"}}, CLEAR) == {"text": "x"}


@pytest.mark.parametrize("unknown", ["inner.text", "inner.deep.text"])
def test_what_the_writer_did_not_know_clears_nothing(unknown: str) -> None:
    assert cleared({}, CLEAR, unknown) == "withheld: text"
    assert cleared({"inner": {"text": "x"}}, CLEAR, unknown) == {"text": "x"}


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (["inner.text"], "withheld: text"),
        (["inner"], "withheld: text"),
        (["other", "inner.deep.text.x"], "withheld: text"),
        (["inner.texts", "other"], {}),
        ([], {}),
        (None, {}),
    ],
)
def test_what_was_lost_on_the_way_clears_nothing(lost: object, expected: object) -> None:
    assert cleared({"dropped": lost}, CLEAR) == expected


def test_an_event_that_does_not_say_what_was_lost_clears_what_is_absent() -> None:
    mapping = bound(f'[[output]]\nto = "profile"\n[output.fields]\n{CLEAR}', dropped=False)
    assert written(mapping, {}).outputs == ({"identityMap": {"CapillaryId": [{"id": "7:1", "primary": True}]}},)


def test_lists_are_cleared_too_where_they_are_absent_and_not_where_they_are_empty() -> None:
    listed = '"texts" = { from = "names", absent = "clear" }'
    assert cleared({}, listed) == {}
    assert cleared({"names": []}, listed) == "withheld: texts"
    mapped = '"labels" = { from = "labels", absent = "clear" }'
    assert cleared({}, mapped) == {}
    assert cleared({"labels": {}}, mapped) == "withheld: labels"
    objects = '"loose" = { each = "items", absent = "clear", fields."name" = { from = "text" } }'
    assert cleared({}, objects) == {}
    assert cleared({"items": []}, objects) == "withheld: loose"
    assert cleared({"items": [{"text": "x"}]}, objects) == {"loose": [{"name": "x"}]}
    assert cleared({"items": [{"text": "x"}] * 4}, objects) == "withheld: loose"
    assert cleared({}, objects, "items") == "withheld: loose"
    assert cleared({"dropped": ["items[].text"]}, objects) == "withheld: loose"


def test_a_field_of_an_element_is_cleared_by_its_path_in_the_event() -> None:
    fields = '"loose" = { each = "items", fields."name" = { from = "text", absent = "clear" }, '
    fields += 'fields."number" = { from = "number" } }'
    record: Json = {"items": [{"text": None, "number": 1.0}]}
    assert cleared(record, fields) == {"loose": [{"number": 1.0}]}
    assert cleared(record, fields, "items[].text") == "withheld: loose[].name"
    assert cleared(record | {"dropped": ["items[].text"]}, fields) == "withheld: loose[].name"
    assert cleared(record | {"dropped": ["text"]}, fields) == {"loose": [{"number": 1.0}]}
    called = fields.replace('from = "text"', 'call = "doubted", with = ["text"]')
    assert cleared(record, called) == {"loose": [{"number": 1.0}]}
    assert cleared({"items": [{"text": "-", "number": 1.0}]}, called) == "withheld: loose[].name"
    nothing = fields.replace('from = "text"', 'call = "split", with = ["text"]').replace('"name"', '"tags"')
    assert cleared(record, nothing) == {"loose": [{"number": 1.0}]}


def test_a_function_that_gives_nothing_of_an_item_clears_nothing_of_its_element() -> None:
    fields = '"loose" = { each = "items", fields."name" = { const = "x" }, '
    fields += 'fields."number" = { call = "none_of", with = ["number"], absent = "clear" } }'

    def none_of(number: float | None) -> float | None:
        return None

    assert outcome(fields, {"items": [{}]}, none_of, to="profile")[0] == {"loose": [{"name": "x"}]}
    assert outcome(fields, {"items": [{"number": 1.0}]}, none_of, to="profile")[0] == "withheld: loose[].number"


def test_a_list_in_an_element_is_cleared_by_its_path_in_the_event() -> None:
    fields = '"loose" = { each = "items", fields."name" = { const = "x" }, fields."parts" = '
    fields += '{ each = "parts", absent = "clear", fields."number" = { from = "number" } } }'
    without, within = {"items": [{}]}, {"items": [{"parts": [{"number": 1.0}]}]}
    assert cleared(without, fields) == {"loose": [{"name": "x"}]}
    assert cleared(without, fields, "items[].parts") == "withheld: loose[].parts"
    assert cleared(within, fields) == {"loose": [{"name": "x", "parts": [{"number": 1.0}]}]}
    assert cleared({"items": [{"parts": []}]}, fields) == "withheld: loose[].parts"


def test_a_field_of_a_list_inside_a_list_clears_nothing() -> None:
    """No decoder tells whether the writer knew it. What the event itself says may be absent there too."""
    fields = '"loose" = { each = "items", fields."name" = { const = "x" }, fields."parts" = '
    fields += '{ each = "parts", fields."number" = { from = "number" }, '
    fields += 'fields."name" = { from = "text", absent = "clear" } } }'
    message = 'absent = "clear" is not for a list inside a list: it would withhold the output every time'
    found = problems(f'[[output]]\nto = "profile"\n[output.fields]\n{fields}')
    assert found == (Problem("mappings/thing.toml", 5, "name", message),)
    assert problems(f'[[output]]\nto = "profile"\n[output.fields]\n{fields.replace("text", "third")}') == ()


def test_what_the_event_does_not_say_can_not_be_cleared() -> None:
    """`@received` is always there, whatever the event holds."""
    fields = '"time" = { from = "@received", absent = "clear" }'
    message = 'absent = "clear" needs a value of the event, and nothing is read'
    found = problems(f'[[output]]\nto = "profile"\n[output.fields]\n{fields}')
    assert found == (Problem("mappings/thing.toml", 5, "time", message),)


# ---- objects --------------------------------------------------------------------------------------------------------

PLACE = '"place.city" = { from = "text" }\n"place.code" = { from = "other" }\n"place.deep.text" = { from = "third" }'


def test_an_object_is_there_where_something_of_it_is() -> None:
    assert entity('"free.text" = { from = "text" }\n"free.other" = { from = "other" }', {}) == {}
    fields = '"free.text" = { from = "text" }\n"free.more.text" = { from = "other" }'
    assert entity(fields, {"text": "x"}) == {"free": {"text": "x"}}
    assert entity(fields, {"other": "y"}) == {"free": {"more": {"text": "y"}}}


def test_an_object_that_lacks_what_xdm_requires_of_it_is_left_out_and_counted() -> None:
    assert entity(PLACE, {"text": "a", "other": "b"}) == {"place": {"city": "a", "code": "b"}}
    assert entity(PLACE, {"other": "b", "third": "c"}) == {"place": {"code": "b", "deep": {"text": "c"}}}
    assert made(PLACE, {"text": "a"}) == ({}, ["place:incomplete"])
    assert made(PLACE, {"third": "c"}) == ({}, ["place:incomplete"])
    assert entity(PLACE, {}) == {}


def test_an_object_may_lack_several_names_that_xdm_requires_of_it() -> None:
    pair = '"pair.one" = { from = "text" }\n"pair.two" = { from = "other" }\n"pair.three" = { from = "third" }'
    assert entity(pair, {"text": "a", "other": "b"}) == {"pair": {"one": "a", "two": "b"}}
    for record in ({"text": "a"}, {"other": "b"}, {"third": "c"}, {"other": "b", "third": "c"}):
        assert made(pair, record) == ({}, ["pair:incomplete"])
    assert entity(pair, {}) == {}


def test_an_incomplete_object_leaves_those_around_and_beside_it() -> None:
    fields = '"outer.place.city" = { from = "text" }\n"outer.place.code" = { from = "other" }\n'
    fields += '"outer.free.place.city" = { from = "third" }\n"outer.free.place.code" = { from = "inner.text" }\n'
    fields += '"text" = { from = "text" }'
    place = {"city": "c", "code": "d"}
    record = {"text": "a", "third": "c", "inner": {"text": "d"}}
    expected = {"text": "a", "outer": {"free": {"place": place}}}
    assert made(fields, record) == (expected, ["outer.place:incomplete"])
    notes = ["outer.place:incomplete", "outer.free.place:incomplete"]
    assert made(fields, {"text": "a", "third": "c"}) == ({"text": "a"}, notes)


def test_an_object_whose_required_field_is_certain_is_never_incomplete() -> None:
    constant = PLACE.replace('{ from = "other" }', '{ const = "b" }')
    assert entity(constant, {}) == {"place": {"code": "b"}}
    required = PLACE.replace('{ from = "other" }', '{ from = "other", required = true }')
    assert entity(required, {"other": "b"}) == {"place": {"code": "b"}}
    assert entity(required, {"text": "a"}) == "dead letter: place.code: absent"


def test_profile_is_withheld_where_an_object_is_incomplete() -> None:
    clear = '"place.city" = { const = "a" }\n"place.code" = { from = "other", absent = "clear" }'
    assert entity(clear, {"other": "b"}, to="profile") == {"place": {"city": "a", "code": "b"}}
    assert entity(clear, {}, to="profile") == "withheld: place"
    over = '"place.city" = { const = "a" }\n"place.code" = { call = "unless_over", with = ["text"] }'
    assert entity(over, {"text": "x"}, to="profile") == {"place": {"city": "a", "code": "x"}}
    assert entity(over, {"text": "over"}, to="profile") == "withheld: place"
    empty = '"place.code" = { from = "other", absent = "clear" }'
    assert entity(empty, {}, to="profile") == {}


STRICT = '"text" = { from = "text" }\n"place.code" = { from = "other" }'


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"text": "a", "other": "b"}, {"text": "a", "place": {"code": "b"}}),
        ({"text": "a"}, "dead letter: place: absent"),
        ({"other": "b"}, "dead letter: text: absent"),
        ({}, "dead letter: place: absent"),
    ],
)
def test_a_message_without_what_xdm_requires_of_the_root_is_none(record: Json, expected: object) -> None:
    assert entity(STRICT, record, to="strict") == expected


def test_an_item_without_what_xdm_requires_of_the_root_is_left_out() -> None:
    text = f'[[output]]\nto = "strict"\neach = "items"\nkey = "text"\n[output.fields]\n{STRICT}\n{ID}'
    record = {"items": [{"text": "a", "other": "b"}, {"text": "c"}]}
    [result], notes = written(bound(text, *FUNCTIONS), record)
    assert isinstance(result, list)
    assert [own(one) for one in result] == [
        {"text": "a", "place": {"code": "b"}},
        Skip("item without place", "strict"),
    ]
    assert notes == ()


# ---- lists of objects -----------------------------------------------------------------------------------------------

ELEMENTS = """
[output.fields."items"]
each = "items"
fields."name" = { from = "text", required = true }
fields."number" = { from = "number" }
fields."place.code" = { from = "other" }
fields."place.deep.text" = { from = "inner.text" }
"""


def test_a_list_has_one_element_per_item() -> None:
    items = [
        {"text": "a", "number": 1.0},
        {"text": "b", "other": "x", "inner": {"text": "y"}},
    ]
    assert entity(ELEMENTS, {"items": items}) == {
        "items": [{"name": "a", "number": 1.0}, {"name": "b", "place": {"code": "x", "deep": {"text": "y"}}}]
    }
    assert entity(ELEMENTS, {"items": []}) == {}
    assert entity(ELEMENTS, {}) == {}


def test_an_element_that_lacks_what_is_required_is_left_out_and_counted_once() -> None:
    items: list[Json] = [{"number": 1.0}, {"text": "null"}, {"text": " "}, {"text": "b"}]
    notes = ["items[].name:absent", "items[].name:placeholder", "items[].name:blank"]
    assert made(ELEMENTS, {"items": items}) == ({"items": [{"name": "b"}]}, notes)
    assert made(ELEMENTS, {"items": items[:1]}) == ({}, notes[:1])


def test_what_an_element_can_do_without_is_left_out_of_it_and_counted() -> None:
    items = [{"text": "a", "number": float("nan"), "inner": {"text": "y"}}]
    notes = ["items[].number:not finite", "items[].place:incomplete"]
    assert made(ELEMENTS, {"items": items}) == ({"items": [{"name": "a"}]}, notes)


def test_an_element_that_a_function_refuses_is_counted_by_its_reasons_only() -> None:
    fields = '"items" = { each = "items", fields."name" = { call = "doubted", with = ["text"], required = true } }'
    items = [{"text": "no"}, {"text": "-"}, {"text": "odd"}, {"text": None}]
    notes = ["items[].name:doubt", "items[].name:second thoughts", "items[].name:odd", "items[].name:absent"]
    assert made(fields, {"items": items}) == ({"items": [{"name": "odd"}]}, notes)


def test_an_element_without_what_xdm_requires_of_it_is_left_out() -> None:
    fields = '"items" = { each = "items", fields."name" = { from = "text" }, fields."number" = { from = "number" } }'
    assert entity(fields, {"items": [{"number": 1.0}, {"text": "a"}]}) == {"items": [{"name": "a"}]}


def test_an_element_may_lack_several_names_that_xdm_requires_of_it() -> None:
    fields = '"pairs" = { each = "items", fields."one" = { from = "text" }, fields."two" = { from = "other" }, '
    fields += 'fields."number" = { from = "number" } }'
    items: list[Json] = [{"text": "a"}, {"other": "b"}, {"number": 1.0}, {"text": "a", "other": "b"}]
    assert entity(fields, {"items": items}) == {"pairs": [{"one": "a", "two": "b"}]}


def test_an_empty_element_is_none() -> None:
    fields = '"loose" = { each = "items", fields."number" = { from = "number" } }'
    assert entity(fields, {"items": [{}, {"number": 1.0}, {}]}) == {"loose": [{"number": 1.0}]}


def test_an_element_is_empty_where_the_object_in_it_is_incomplete() -> None:
    """However certain the rest of that object is."""
    fields = '"loose" = { each = "items", fields."place.city" = { from = "text", required = true }, '
    fields += 'fields."place.code" = { from = "other" } }'
    items = [{"text": "a"}, {"text": "b", "other": "c"}]
    notes = ["loose[].place:incomplete"]
    assert made(fields, {"items": items}) == ({"loose": [{"place": {"city": "b", "code": "c"}}]}, notes)


def test_a_list_that_is_too_long_is_left_out_as_a_whole() -> None:
    fields = '"loose" = { each = "items", fields."number" = { from = "number" } }'
    items = [{"number": float(number)} for number in range(4)]
    assert entity(fields, {"items": items[:3]}) == {"loose": items[:3]}
    assert made(fields, {"items": items}) == ({}, ["loose:too long"])
    required = fields.replace('each = "items"', 'each = "items", required = true')
    assert made(required, {"items": items}) == ("dead letter: loose: too long", [])
    assert entity(required, {}) == "dead letter: loose: empty"


def test_profile_is_withheld_where_a_list_or_an_element_lacks_something() -> None:
    fields = '"items" = { each = "items", fields."name" = { from = "text" }, '
    fields += 'fields."number" = { from = "number", absent = "clear" } }'
    assert entity(fields, {"items": [{"text": "a"}]}, to="profile") == {"items": [{"name": "a"}]}
    assert entity(fields, {"items": [{"text": "a"}, {}]}, to="profile") == "withheld: items[].name"
    bad = {"items": [{"text": "a", "number": float("nan")}]}
    assert made(fields, bad, to="profile") == ("withheld: items[].number", ["items[].number:not finite"])
    assert entity(fields, {"items": []}, to="profile") == "withheld: items"
    assert entity(fields, {}, to="profile") == "withheld: items"


def test_an_incomplete_object_in_an_element_withholds_profile() -> None:
    fields = '"loose" = { each = "items", fields."place.city" = { from = "text" }, '
    fields += 'fields."place.code" = { from = "other", absent = "clear" } }'
    assert entity(fields, {"items": [{"text": "a"}]}, to="profile") == "withheld: loose[].place"


def test_lists_of_plain_values_have_their_item_as_value() -> None:
    fields = '"loose" = { each = "numbers", fields."number" = { from = "@value" }, '
    fields += 'fields."name" = { call = "shown", with = ["@value", "@item", "text"] } }'
    assert entity(fields, {"numbers": [1.5, 2.0], "text": "x"}) == {
        "loose": [{"number": 1.5, "name": "1.5 None 'x'"}, {"number": 2.0, "name": "2.0 None 'x'"}]
    }


def test_a_record_is_no_plain_value() -> None:
    fields = '"loose" = { each = "items", fields."name" = { call = "shown", with = ["@value"] } }'
    message = '"@value" is the item of a list of plain values; fields of a record are read by their names'
    found = problems(f'[[output]]\nto = "events"\n[output.fields]\n{fields}', shown)
    assert found == (Problem("mappings/thing.toml", 5, "name", message),)


def test_a_path_that_an_item_does_not_have_is_one_of_the_event() -> None:
    fields = '"loose" = { each = "items", fields."name" = { from = "text" }, fields."place.code" = { from = "third" } }'
    record = {"items": [{"text": "a"}, {"text": "b"}], "text": "not this", "third": "c"}
    expected = [{"name": "a", "place": {"code": "c"}}, {"name": "b", "place": {"code": "c"}}]
    assert entity(fields, record) == {"loose": expected}


PARTS = """
[[output.fields."loose"]]
each = "items"
fields."name" = { from = "text" }
[[output.fields."loose"]]
fields."name" = { from = "text", required = true }
fields."number" = { from = "number" }
[[output.fields."loose"]]
each = "more"
fields."name" = { call = "rows_shown", with = ["parts[text,number]"] }
"""


def test_the_parts_of_a_list_follow_each_other() -> None:
    record = {
        "text": "b",
        "number": 1.0,
        "items": [{"text": "a"}],
        "more": [{"parts": [{"text": "c", "number": 2.0}]}],
    }
    assert entity(PARTS, record) == {
        "loose": [{"name": "a"}, {"name": "b", "number": 1.0}, {"name": "[('c', 2.0)]"}],
    }


def test_an_element_of_the_event_itself_may_be_missing_without_a_word() -> None:
    assert entity(PARTS, {"items": [{"text": "a"}], "number": 1.0}) == {"loose": [{"name": "a"}]}
    assert made(PARTS, {"text": "null", "more": [{}]}) == ({"loose": [{"name": "[]"}]}, ["loose[].name:placeholder"])


def test_parts_of_a_list_in_profile_are_all_required() -> None:
    parts = '[[output.fields."loose"]]\nfields."name" = { from = "text" }\n'
    parts += '[[output.fields."loose"]]\nfields."name" = { from = "other" }'
    assert entity(parts, {"text": "a", "other": "b"}, to="profile") == {"loose": [{"name": "a"}, {"name": "b"}]}
    assert entity(parts, {"text": "a"}, to="profile") == "withheld: loose[].name"


NESTED = """
[output.fields."loose"]
each = "items"
fields."name" = { from = "text" }
fields."tags" = { from = "tags" }
[output.fields."loose".fields."parts"]
each = "parts"
fields."name" = { from = "text", required = true }
fields."number" = { from = "number" }
fields."tags" = { from = "tags" }
"""


def test_elements_read_inside_the_records_of_their_items() -> None:
    fields = """
[output.fields."loose"]
each = "items"
fields."name" = { call = "rows_shown", with = ["parts[inner.text,text]"] }
[output.fields."loose".fields."parts"]
each = "parts"
fields."name" = { from = "inner.text" }
"""
    record = {"items": [{"parts": [{"text": "a", "inner": {"text": "b"}}, {"text": "c"}]}]}
    expected = [{"name": "[('b', 'a'), (None, 'c')]", "parts": [{"name": "b"}]}]
    assert entity(fields, record) == {"loose": expected}


def test_elements_have_lists_of_elements() -> None:
    parts = [{"text": "b", "number": 1.0, "tags": ["x"]}, {"number": 2.0}]
    record = {"items": [{"text": "a", "tags": ["t", "u"], "parts": parts}, {"parts": []}, {"parts": None}]}
    expected = {
        "loose": [{"name": "a", "tags": ["t", "u"], "parts": [{"name": "b", "number": 1.0, "tags": ["x"]}]}],
    }
    assert made(NESTED, record) == (expected, ["loose[].parts[].name:absent"])


def test_a_list_in_an_element_may_be_too_long() -> None:
    record = {"items": [{"text": "a", "tags": ["t", "u", "v"]}, {"text": "b", "tags": [" ", "null", "w"]}]}
    notes = ["loose[].tags:too long", "loose[].tags:placeholder"]
    assert made(NESTED, record) == ({"loose": [{"name": "a"}, {"name": "b", "tags": ["w"]}]}, notes)


def test_a_list_that_an_element_requires_takes_the_element_with_it() -> None:
    fields = '"loose" = { each = "items", fields."name" = { from = "text" }, fields."tags" = { from = "tags", required '
    fields += "= true } }"
    items: list[Json] = [{"tags": ["a"]}, {"tags": []}, {"tags": ["a", "b", "c"]}, {}]
    notes = ["loose[].tags:empty", "loose[].tags:too long", "loose[].tags:absent"]
    assert made(fields, {"items": items}) == ({"loose": [{"tags": ["a"]}]}, notes)


def test_parts_in_an_element_may_be_made_of_its_own_fields() -> None:
    fields = """
[output.fields."loose"]
each = "items"
[[output.fields."loose".fields."parts"]]
fields."name" = { from = "text" }
[[output.fields."loose".fields."parts"]]
fields."name" = { from = "other", required = true }
fields."number" = { from = "number" }
[[output.fields."loose".fields."parts"]]
each = "names"
fields."name" = { from = "@value" }
"""
    record = {"items": [{"text": "a"}, {"other": "b", "number": 1.0}], "names": ["c"]}
    assert entity(fields, record) == {
        "loose": [
            {"parts": [{"name": "a"}, {"name": "c"}]},
            {"parts": [{"name": "b", "number": 1.0}, {"name": "c"}]},
        ]
    }


def test_a_list_of_plain_values_in_an_item_makes_elements() -> None:
    fields = """
[output.fields."loose"]
each = "items"
fields."name" = { from = "text" }
[output.fields."loose".fields."parts"]
each = "tags"
fields."name" = { from = "@value", as = "upper" }
"""
    record = {"items": [{"text": "a", "tags": ["x", " ", "y"]}, {"text": "b"}]}
    assert entity(fields, record) == {
        "loose": [{"name": "a", "parts": [{"name": "X"}, {"name": "Y"}]}, {"name": "b"}],
    }


def test_an_element_of_constants_is_there_for_every_item() -> None:
    fields = '"loose" = { each = "items", fields."name" = { const = "x" } }'
    assert entity(fields, {"items": [{}, {"text": "a"}]}) == {"loose": [{"name": "x"}, {"name": "x"}]}
    nested = '"loose" = { each = "items", fields."free.text" = { const = "x" } }'
    assert entity(nested, {"items": [{}]}) == {"loose": [{"free": {"text": "x"}}]}


# ---- identities -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("one", {"A": [{"id": "1", "primary": True}], "B": [{"id": "2"}]}, []),
        ("two", "withheld: no one primary identity", []),
        ("parted", "withheld: no one primary identity", []),
        ("none", "withheld: no one primary identity", []),
        ("not quite", "withheld: no one primary identity", []),
        ("nameless", "withheld: no one primary identity", []),
        ("blank", "withheld: identityMap", ["identityMap:identities"]),
        ("empty", "withheld: identityMap", ["identityMap:identities"]),
        ("over", "withheld: identityMap", []),
        (None, "withheld: identityMap", []),
        ("odd", {"A": [{"id": "1", "primary": True}]}, ["identityMap:odd"]),
    ],
)
def test_profile_is_written_for_one_primary_identity(text: str | None, expected: object, notes: list[str]) -> None:
    text_of = '[[output]]\nto = "profile"\n[output.fields]\n"identityMap" = { call = "who", with = ["text"] }'
    [result], found = written(bound(text_of, *FUNCTIONS), {"text": text})
    assert (result.rule if isinstance(result, Skip) else result["identityMap"]) == expected  # type: ignore[index]
    assert found == tuple(notes)


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("two", {"identityMap": {"A": [{"id": "1", "primary": True}, {"id": "2", "primary": True}]}}, []),
        ("blank", {}, ["identityMap:identities"]),
        ("over", {}, []),
    ],
)
def test_an_event_names_any_identities(text: str, expected: object, notes: list[str]) -> None:
    fields = '"identityMap" = { call = "who", with = ["text"], required = true }'
    result, found = made(fields, {"text": text})
    if expected:
        assert (result, found) == (expected, notes)
    else:
        why = notes[0].partition(":")[2] if notes else "absent"
        assert (result, found) == (f"dead letter: identityMap: {why}", [])


# ---- when -----------------------------------------------------------------------------------------------------------


def output(*lines: str, to: str = "events", fields: str = '"text" = { from = "text" }') -> str:
    """One output of a mapping."""
    return "\n".join(["[[output]]", f'to = "{to}"', *lines, "[output.fields]", fields, ""])


RED = 'call = "is_red", with = ["text"]'
NAMED = f'when = {{ {RED}, otherwise = "not red" }}'
UNNAMED = f"when = {{ {RED} }}"


def results(text: str, record: Json) -> list[object]:
    """What each output comes to, without notes."""
    found = written(bound(text, *FUNCTIONS), record)
    assert found.notes == ()
    return [own(one) for one in found.outputs]


def test_an_output_is_written_when_its_condition_holds() -> None:
    assert results(output(NAMED), {"text": "RED"}) == [{"text": "RED"}]
    assert results(output(NAMED), {"text": "BLUE"}) == [Skip("not red", "events")]
    assert results(output(UNNAMED), {"text": "RED"}) == [{"text": "RED"}]
    assert results(output(UNNAMED), {"text": "BLUE"}) == [None]


def test_of_several_conditions_the_first_that_does_not_hold_is_named() -> None:
    also = 'call = "is_any_red", with = ["items[text]"]'
    text = output(f'when = [{{ {RED}, otherwise = "not red" }}, {{ {also}, otherwise = "no red item" }}]')
    items = [{"text": "BLUE"}, {"text": "RED"}]
    assert results(text, {"text": "RED", "items": items}) == [{"text": "RED"}]
    assert results(text, {"text": "RED", "items": items[:1]}) == [Skip("no red item", "events")]
    assert results(text, {"text": "BLUE", "items": items}) == [Skip("not red", "events")]


def test_outputs_are_written_one_after_the_other() -> None:
    text = output(to="profile") + output(NAMED, to="profile-two") + output()
    assert results(text, {"text": "BLUE"}) == [{"text": "BLUE"}, Skip("not red", "profile-two"), {"text": "BLUE"}]


LOST = ["number", "text", "other"]


def test_a_condition_with_a_name_that_cannot_be_told_costs_its_output() -> None:
    skip = Skip("cannot tell: text is unreadable", "events")
    assert results(output(NAMED), {"dropped": LOST}) == [skip]
    assert results(output(NAMED), {"dropped": ["texts"]}) == [Skip("not red", "events")]


def test_a_condition_of_profile_that_cannot_be_told_costs_its_output() -> None:
    skip = Skip("cannot tell: text is unreadable", "profile")
    assert results(output(UNNAMED, to="profile"), {"text": "RED", "dropped": LOST}) == [skip]


def test_a_condition_of_events_without_a_name_that_cannot_be_told_makes_a_dead_letter() -> None:
    with pytest.raises(Unmappable, match=r"^when: cannot tell: text is unreadable$"):
        results(output(UNNAMED), {"text": "RED", "dropped": LOST})


def test_a_condition_of_an_event_that_does_not_say_what_was_lost_is_told_by_what_is_there() -> None:
    mapping = bound(output(NAMED), *FUNCTIONS, dropped=False)
    assert written(mapping, {"text": "BLUE"}).outputs == (Skip("not red", "events"),)
    assert own(written(mapping, {"text": "RED"}).outputs[0]) == {"text": "RED"}


def test_a_condition_that_reads_rows_cannot_be_told_where_their_columns_were_lost() -> None:
    text = output('when = { call = "is_any_red", with = ["items[text]"], otherwise = "no red item" }')
    record: Json = {"items": [{"text": "RED"}], "text": "x"}
    lost = {"dropped": ["items[].text"]}
    assert results(text, record | lost) == [Skip("cannot tell: items[].text is unreadable", "events")]
    assert results(text, record | {"dropped": ["items[].other"]}) == [{"text": "x"}]


# ---- one message per item -------------------------------------------------------------------------------------------

ID = '"_id" = { call = "shown", with = ["@item", "@output"], required = true }'
FAN_OUT = output(
    'each = "items"',
    'key = "whole"',
    fields=f'{ID}\n"text" = {{ from = "text", required = true }}\n"other" = {{ from = "third" }}',
)


def fan_out(text: str, record: Json) -> tuple[object, tuple[str, ...]]:
    """The messages and the items that are left out, and the notes."""
    [result], notes = written(bound(text, *FUNCTIONS), record)
    if not isinstance(result, list):
        return result, notes
    return [one if isinstance(one, Skip) else {**_own(one), "_id": one["_id"]} for one in result], notes


def _own(message: Json) -> Json:
    found = own(message)
    assert isinstance(found, dict)
    return found


def test_every_item_is_a_message_of_its_own() -> None:
    record = {"items": [{"whole": 1, "text": "a"}, {"whole": 2, "text": "b"}], "third": "c"}
    expected = [{"_id": f"'{number}' 'events'", "text": text, "other": "c"} for number, text in ((1, "a"), (2, "b"))]
    assert fan_out(FAN_OUT, record) == (expected, ())


def test_an_item_that_is_given_twice_is_sent_once() -> None:
    record = {"items": [{"whole": 1, "text": "a"}, {"whole": 1, "text": "b"}, {"whole": 2, "text": "c"}]}
    messages = [{"_id": "'1' 'events'", "text": "a"}, {"_id": "'2' 'events'", "text": "c"}]
    assert fan_out(FAN_OUT, record) == (messages, ("events:given twice",))


def test_an_item_without_its_key_or_what_is_required_is_left_out() -> None:
    items: list[Json] = [
        {"text": "a"},
        {"whole": 1},
        {"whole": 2, "text": "null"},
        {"whole": 2, "text": "b"},
    ]
    left_out = [Skip(f"item without {name}", "events") for name in ("whole", "text", "text")]
    expected = [{"_id": "'2' 'events'", "text": "b"}, *left_out]
    assert fan_out(FAN_OUT, {"items": items}) == (expected, ("text:placeholder",))


def test_a_key_of_several_paths_needs_the_first() -> None:
    text = FAN_OUT.replace('key = "whole"', 'key = ["whole", "inner.text"]')
    items: list[Json] = [
        {"whole": 1, "text": "a"},
        {"whole": 1, "text": "b", "inner": {"text": "x"}},
        {"whole": 1, "text": "c", "inner": {"text": "x"}},
        {"text": "d", "inner": {"text": "x"}},
    ]
    expected = [
        {"_id": "'[1,null]' 'events'", "text": "a"},
        {"_id": "'[1,\"x\"]' 'events'", "text": "b"},
        Skip("item without whole", "events"),
    ]
    assert fan_out(text, {"items": items}) == (expected, ("events:given twice",))


def test_an_event_of_whose_items_none_can_be_sent_is_a_dead_letter() -> None:
    with pytest.raises(Unmappable, match=r"^items: no item can be sent; item without whole$"):
        fan_out(FAN_OUT, {"items": [{"text": "a"}, {"whole": 1}]})


def test_an_event_without_items_has_nothing_to_send() -> None:
    nothing = Skip("nothing to send", "events")
    assert fan_out(FAN_OUT, {"items": []}) == (nothing, ())
    assert fan_out(FAN_OUT, {}) == (nothing, ())
    assert fan_out(FAN_OUT, {"dropped": ["text"]}) == (nothing, ())
    without = written(bound(FAN_OUT, *FUNCTIONS, dropped=False), {})
    assert without.outputs == (nothing,)


@pytest.mark.parametrize("lost", ["items", "items[].whole"])
def test_an_event_whose_items_were_lost_is_a_dead_letter(lost: str) -> None:
    with pytest.raises(Unmappable, match=r"^items: could not be read$"):
        fan_out(FAN_OUT, {"dropped": [lost]})


def test_an_item_has_lists_of_its_own() -> None:
    fields = """
"texts" = { from = "tags" }
"text" = { call = "rows_shown", with = ["parts[text]"] }
[output.fields."loose"]
each = "parts"
fields."name" = { from = "text", required = true }
fields."tags" = { from = "tags" }
"""
    text = output('each = "items"', 'key = "whole"', fields=ID + fields)
    parts = [{"text": "a", "tags": ["u"]}, {"tags": ["v"]}]
    record = {"items": [{"whole": 1, "tags": ["t"], "parts": parts}]}
    expected = {
        "_id": "'1' 'events'",
        "texts": ["t"],
        "text": "[('a',), (None,)]",
        "loose": [{"name": "a", "tags": ["u"]}],
    }
    assert fan_out(text, record) == ([expected], ("loose[].name:absent",))


def test_a_list_that_an_item_requires_takes_the_item_with_it() -> None:
    fields = '\n"texts" = { from = "tags", required = true }\n"few" = { from = "tags" }'
    text = output('each = "items"', 'key = "whole"', fields=ID + fields)
    record = {"items": [{"whole": 1, "tags": []}, {"whole": 2, "tags": ["a", "b", "c"]}]}
    expected = [{"_id": "'2' 'events'", "texts": ["a", "b", "c"]}, Skip("item without texts", "events")]
    assert fan_out(text, record) == (expected, ("few:too long",))


def test_plain_values_are_no_items_that_can_be_told_apart_but_may_be_read() -> None:
    fields = f'{ID}\n"text" = {{ from = "@output" }}'
    text = output('name = "each"', 'each = "items"', 'key = "whole"', fields=fields)
    assert fan_out(text, {"items": [{"whole": 1}]}) == ([{"_id": "'1' 'each'", "text": "each"}], ())


# ---- what is too large ----------------------------------------------------------------------------------------------


def test_an_event_that_is_too_large_loses_what_it_can_do_without() -> None:
    fields = '"text" = { from = "text" }\n"_tenant.text" = { from = "other" }\n"texts" = { from = "names" }\n'
    record = {"text": "x" * 6_000, "other": "y" * 6_000, "names": ["z" * 3_000]}
    result = {"text": "x" * 6_000, "texts": ["z" * 3_000]}
    assert made(fields, record) == (result, ["_acme.text:event too large"])
    clear = fields.replace(" }", ', absent = "clear" }')
    assert entity(clear, record, to="profile") == result | {"_acme": {"text": "y" * 6_000}}
    items = [{"whole": 1, "text": "x" * 6_000, "other": "y" * 6_000}]
    own_field = '"_tenant.text" = { from = "other" }'
    each = output('each = "items"', 'key = "whole"', fields=f'{ID}\n"text" = {{ from = "text" }}\n{own_field}')
    message = {"_id": "'1' 'events'", "text": "x" * 6_000}
    assert fan_out(each, {"items": items}) == ([message], ("_acme.text:event too large",))
