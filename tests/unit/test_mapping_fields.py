"""One field of a mapping: what of the event becomes what, and when it is left out, counted, required or cleared.

The compiled code and the interpreter both do every case and have to agree (`tests.small_mappings`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from processor.mapping.problems import Problem
from processor.mapping.values import Rows
from processor.model import Skip
from tests.small_mappings import (
    FUNCTIONS,
    NOW,
    RECEIVED,
    all_known,
    bound,
    entity,
    made,
    outcome,
    own,
    problems,
    written,
)

Json = dict[str, Any]
TIME = 1_782_000_000_123
TOO_LONG = 2**53


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
    assert entity(f'"{target}" = {{ {read(source)} }}', record, to="profile") == f"withheld: {target}"


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
    fields += '\n"place" = { const = { code = "z" } }'
    expected = {"text": "x", "number": 1.5, "few": ["a", "b"], "free": {"text": "y"}, "flag": False}
    expected |= {"place": {"code": "z"}}
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
