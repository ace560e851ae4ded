"""The lines of keys and tables in TOML and JSON text, which tomllib and json do not tell."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.mapping.json_locator import locate_json
from processor.mapping.locator import KeyPath, locate

KEYS: dict[str, dict[KeyPath, int]] = {
    "": {},
    "a = 1": {("a",): 1},
    "a = 1\nb = 2\n": {("a",): 1, ("b",): 2},
    "\n  a=1": {("a",): 2},
    '"a.b" = 1': {("a.b",): 1},
    "'a.b' = 1": {("a.b",): 1},
    "a-1_B = 1": {("a-1_B",): 1},
    "a.b = 1": {("a",): 1, ("a", "b"): 1},
    "a . \"b.c\" . 'd' = 1": {("a",): 1, ("a", "b.c"): 1, ("a", "b.c", "d"): 1},
    "a.b = 1\na.c = 2": {("a",): 1, ("a", "b"): 1, ("a", "c"): 2},
    '"" = 1': {("",): 1},
    '"a\\"b" = 1\nc = 2': {('a\\"b',): 1, ("c",): 2},  # an escape stays as it is written
    '"=" = 1\n"[" = 2\n"#" = 3': {("=",): 1, ("[",): 2, ("#",): 3},
}


@pytest.mark.parametrize(("text", "lines"), KEYS.items())
def test_a_key_stands_where_it_is_first_named(text: str, lines: dict[KeyPath, int]) -> None:
    tomllib.loads(text)
    assert locate(text) == lines


TABLES: dict[str, dict[KeyPath, int]] = {
    "[a]\nb = 1": {("a",): 1, ("a", "b"): 2},
    "  [ a . 'b.c' ]  # why\nd = 1": {("a",): 1, ("a", "b.c"): 1, ("a", "b.c", "d"): 2},
    "[a]\n[b]\nc = 1": {("a",): 1, ("b",): 2, ("b", "c"): 3},
    "[a.b]\n[a]": {("a",): 1, ("a", "b"): 1},
    "[[a]]\nb = 1\n[[a]]\nb = 2": {("a",): 1, ("a", 0): 1, ("a", 0, "b"): 2, ("a", 1): 3, ("a", 1, "b"): 4},
    "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]": {
        ("a",): 1,
        ("a", 0): 1,
        ("a", 0, "b"): 2,
        ("a", 0, "b", "c"): 3,
        ("a", 1): 4,
        ("a", 1, "b"): 5,
    },
    "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]\nc = 1": {
        ("a",): 1,
        ("a", 0): 1,
        ("a", 0, "b"): 2,
        ("a", 0, "b", 0): 2,
        ("a", 0, "b", 1): 3,
        ("a", 1): 4,
        ("a", 1, "b"): 5,
        ("a", 1, "b", 0): 5,
        ("a", 1, "b", 0, "c"): 6,
    },
    "[[ a.b ]]": {("a",): 1, ("a", "b"): 1, ("a", "b", 0): 1},
}


@pytest.mark.parametrize(("text", "lines"), TABLES.items())
def test_keys_stand_in_the_table_above_them(text: str, lines: dict[KeyPath, int]) -> None:
    tomllib.loads(text)
    assert locate(text) == lines


VALUES = {
    "a list over several lines": "[\n  { b = 1 }, # c = 1\n  { b = 2 },\n]",
    "lists in lists": "[\n[1],\n[\n2]\n]",
    "a list with brackets in texts": "[\n']]', \"[[\",\n'}{'\n]",
    "a table in one line": "{ b = 1, c = [{ d = 2 }] }",
    "a text with an equal sign, brackets and a hash": '"b = [{ # "',
    "a text with an escaped quotation mark": '"\\" [ \\\\"',
    "a literal text with a backslash at its end": "'[\\'",
    "a text over several lines": '"""\nb = 1\n[c]\n"quoted" [\n"""',
    "a text over several lines with an escaped quotation mark": '"""\n\\"""\n[c]\n"""',
    "a text over several lines that ends with a quotation mark": '"""\n[b]""""',
    "a text over several lines that ends with two": '"""\n[b]"""""',
    "a literal text over several lines": "'''\nb = 1\n\\\n[c]'''",
    "a literal text that ends with a quotation mark": "'''\n[b]''''",
    "an empty text over several lines": '""""""',
    "a comment behind": "1 # [ { \" ' b = 1",
    "a comment with a quotation mark and a line more": "1 # don't\n# don't = [",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_a_value_holds_is_neither_key_nor_table(value: str) -> None:
    text = f'[t]\na = {value}\nz = "x"\n[u]\n'
    tomllib.loads(text)
    end = text.index("\nz") + 1
    lines = text[:end].count("\n")
    assert locate(text) == {("t",): 1, ("t", "a"): 2, ("t", "z"): lines + 1, ("u",): lines + 2}


COMMENTS = ["", " # [x] = 1", " # don't", ' # """', "\n# [[x]]\n", "\n\n"]


@given(st.lists(st.lists(st.tuples(st.sampled_from(list(VALUES.values())), st.sampled_from(COMMENTS)), max_size=4)))
def test_a_line_is_found_whatever_stands_above_it(tables: list[list[tuple[str, str]]]) -> None:
    text = ""
    lines: dict[KeyPath, int] = {}
    for number, values in enumerate(tables):
        lines[(f"t{number}",)] = text.count("\n") + 1
        text += f"[t{number}]\n"
        for position, (value, comment) in enumerate(values):
            lines[f"t{number}", f"k{position}"] = text.count("\n") + 1
            text += f"k{position} = {value}{comment}\n"
    tomllib.loads(text)
    assert locate(text) == lines


def test_lines_that_end_as_on_windows() -> None:
    assert locate('[a]\r\nb = "x"\r\n\r\nc = 1\r\n') == {("a",): 1, ("a", "b"): 2, ("a", "c"): 4}


@given(st.text(alphabet="ab.=[]{}#\"'\\\n ,1", max_size=60))
def test_any_text_has_lines(text: str) -> None:
    """Also one that is no TOML: a brand's file may be half written."""
    assert all(1 <= line <= text.count("\n") + 1 for line in locate(text).values())


# ---- JSON ------------------------------------------------------------------------------------------------------------

JSON: dict[str, dict[KeyPath, int]] = {
    "1": {},
    "[]": {},
    '"a"': {},
    '{"a": 1}': {("a",): 1},
    '\n{\n"a" \n : 1\n,"b":2}': {("a",): 3, ("b",): 5},
    '{"a": {\n"b": {},\n"c": 1},\n"d": 1}': {("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("d",): 4},
    '[1, [{}, {"a":\n[{\n"b": 1}]}],\n{"c": 1}]': {(1, 1, "a"): 1, (1, 1, "a", 0, "b"): 3, (2, "c"): 4},
    '{"a": [],\n"b": [{}, []],\n"c": 1}': {("a",): 1, ("b",): 2, ("c",): 3},
    '{"a": "b",\n"c": ["d", "e", {"f": 1}]}': {("a",): 1, ("c",): 2, ("c", 2, "f"): 2},
    '{"a\\"b\\\\": 1,\n"\\u00e9": 2, "": 3}': {('a"b\\',): 1, ("é",): 2, ("",): 2},
    '{"a": "{[\\"",\n"b": "x\\\\", "}],:": 1}': {("a",): 1, ("b",): 2, ("}],:",): 2},
    '{"a": {"b": 1},\n"a": 2}': {("a",): 2, ("a", "b"): 1},
    '{\r\n"a": 1,\r\n"b": 2}': {("a",): 2, ("b",): 3},
}


@pytest.mark.parametrize(("text", "lines"), JSON.items())
def test_a_key_of_json_stands_where_it_is_named(text: str, lines: dict[KeyPath, int]) -> None:
    json.loads(text)
    assert locate_json(text) == lines


VALUES_OF_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(['"', "\\", "{", "[:,"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(VALUES_OF_JSON, st.lists(st.sampled_from(["", " ", "\n", "\t\r\n"]), min_size=1, max_size=7), st.booleans())
def test_a_key_of_json_is_found_however_the_text_is_laid_out(value: object, blanks: list[str], plain: bool) -> None:  # noqa: FBT001
    """`blanks` stand between all tokens, in turn."""
    lines: dict[KeyPath, int] = {}
    text = ""
    for number, (token, place) in enumerate(laid_out(value, ())):
        text += blanks[number % len(blanks)]
        if place is not None:
            lines[place] = text.count("\n") + 1
        text += json.dumps(token, ensure_ascii=plain) if place is not None else token
    assert json.loads(text) == value
    assert locate_json(text) == lines


def laid_out(value: object, place: KeyPath) -> Iterator[tuple[str, KeyPath | None]]:
    """The tokens of a value; keys as they are, with their place."""
    if isinstance(value, dict):
        for comma, (key, inner) in zip(["{", *[","] * len(value)], value.items(), strict=False):
            yield from [(comma, None), (key, (*place, key)), (":", None)]
            yield from laid_out(inner, (*place, key))
        yield "{}" if not value else "}", None
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield "," if number else "[", None
            yield from laid_out(inner, (*place, number))
        yield "[]" if not value else "]", None
    else:
        yield json.dumps(value), None
