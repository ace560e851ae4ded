"""The mapping language by itself: what TOML comes to, and what is said to TOML that is no mapping, with its line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from processor.mapping.language import (
    CallSpec,
    CommonSpec,
    ConditionSpec,
    ConstSpec,
    FieldSpec,
    FromSpec,
    Language,
    LookupSpec,
    MappingSpec,
    OutputSpec,
    PartSpec,
    PartsSpec,
    Place,
    UnsentSpec,
    Verb,
    load_language,
    read_common,
    read_mapping,
)
from processor.mapping.problems import Problem

FILE = "mappings/e.toml"
HEAD = 'event = "e"\n'
OUTPUT = f'{HEAD}[[output]]\nto = "events"\n'
FIELDS = f"{OUTPUT}[output.fields]\n"


def place(text: str, line: str, file: str = FILE) -> Place:
    """Where a line that is there once stands."""
    (number,) = [number for number, other in enumerate(text.split("\n"), 1) if other.strip() == line]
    return Place(file, number, line)


def mapping(text: str) -> MappingSpec:
    """A mapping that nothing is wrong with."""
    spec, problems = read_mapping(FILE, text)
    assert problems == ()
    assert spec is not None
    return spec


def output(lines: str) -> OutputSpec:
    """The output with these lines more."""
    (spec,) = mapping(OUTPUT + lines).outputs
    return spec


def fields(lines: str) -> tuple[FieldSpec, ...]:
    """The fields of an output."""
    (spec,) = mapping(FIELDS + lines).outputs
    return spec.fields


def verb(text: str) -> Verb:
    (field,) = fields(f'"a" = {text}')
    return field.verb


def said(text: str) -> list[str]:
    """What is wrong with a mapping, in the order of the lines: line, place and message."""
    _, problems = read_mapping(FILE, text)
    return [str(problem).removeprefix(f"{FILE}:") for problem in sorted(problems)]


def said_of_output(lines: str) -> list[str]:
    """The same of an output with these lines more, which begin in line 4."""
    return said(OUTPUT + lines)


def said_of_fields(lines: str) -> list[str]:
    """The same of fields, which begin in line 5."""
    return said(FIELDS + lines)


# ---- a whole file ----------------------------------------------------------------------------------------------------

WHOLE = """
event = "e"

[unsent]
"data.name" = " personal data "
id = "said by another"

[lookup.Kinds]
" GIFT " = "gift"
7 = true
"*" = 0.5

[[output]]
to = "events"
name = "gifts"
each = "data.rows"
key = ["id", "at"]
when = { call = "is_gift", with = ["data.kind"], otherwise = "no gift" }
[output.fields]
"_id" = { from = "eventId", required = true }

[[output]]
to = "profile"
"""


def test_a_whole_file() -> None:
    when = 'when = { call = "is_gift", with = ["data.kind"], otherwise = "no gift" }'
    one = '"_id" = { from = "eventId", required = true }'
    gifts = OutputSpec(
        to="events",
        name="gifts",
        each="data.rows",
        key=("id", "at"),
        conditions=(ConditionSpec(CallSpec("is_gift", ("data.kind",)), "no gift", place(WHOLE, when)),),
        fields=(FieldSpec("_id", FromSpec(("eventId",), None), required=True, clear=False, place=place(WHOLE, one)),),
        place=Place(FILE, 13, "[[output]]"),
    )
    profile = OutputSpec("profile", "profile", None, (), (), (), Place(FILE, 22, "[[output]]"))
    name, other = '"data.name" = " personal data "', 'id = "said by another"'
    assert mapping(WHOLE) == MappingSpec(
        event="e",
        outputs=(gifts, profile),
        tables={"Kinds": {"gift": "gift", "7": True, "*": 0.5}},
        unsent=(
            UnsentSpec("data.name", "personal data", place(WHOLE, name)),
            UnsentSpec("id", "said by another", place(WHOLE, other)),
        ),
        place=Place(FILE, 2, 'event = "e"'),
        brand=False,
        entries={
            ("Kinds", "gift"): place(WHOLE, '" GIFT " = "gift"'),
            ("Kinds", "7"): place(WHOLE, "7 = true"),
            ("Kinds", "*"): place(WHOLE, '"*" = 0.5'),
        },
    )


FILES = {
    "no TOML": (f"{HEAD}=", ["2: TOML: Invalid statement (at line 2, column 1)"]),
    "no end": (f"{HEAD}a = [", [" TOML: Invalid value (at end of document)"]),
    "lists without end": ("a = " + "[" * 5_000, [" TOML: tables or lists hold each other too deep"]),
    "nothing": ("", ["1: event: is missing", "1: output: there is no [[output]]: nothing would be sent"]),
    "no event": ('[[output]]\nto = "events"', ["1: event: is missing"]),
    "an event that is no text": (OUTPUT.replace('"e"', "1"), ["1: event: is a text"]),
    "an event without a name": (OUTPUT.replace('"e"', '""'), ["1: event: is a text"]),
    "another event": (
        "\n" + OUTPUT.replace('"e"', '"E"'),
        ['2: event: "E" does not agree with the name of the file'],
    ),
    "no output": (HEAD, ["1: output: there is no [[output]]: nothing would be sent"]),
    "an empty list of outputs": (f"{HEAD}output = []", ["2: output: is a list of tables: [[...]]"]),
    "one output in single brackets": (
        f'{HEAD}[output]\nto = "events"',
        ["2: output: is a list of tables: [[...]]"],
    ),
    "outputs that are no tables": (
        f"{HEAD}output = [{{ to = 'events' }}, 1]",
        ["2: output: is a list of tables: [[...]]"],
    ),
    "a word that is misspelt": (
        f'{HEAD}unsend = 1\n[[output]]\nto = "events"',
        ['2: unsend: unknown key "unsend"; the nearest is "unsent"'],
    ),
    "a word of nobody": (
        f'{HEAD}[[output]]\nto = "events"\n[x]\ny = 1',
        ['4: x: unknown key "x"; known: event, lookup, output, unsent'],
    ),
}


@pytest.mark.parametrize(("text", "problems"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_mapping(text: str, problems: list[str]) -> None:
    assert said(text) == problems


def test_what_has_no_event_is_no_mapping() -> None:
    assert read_mapping(FILE, "=") == (None, (Problem(FILE, 1, "TOML", "Invalid statement (at line 1, column 1)"),))
    assert read_mapping(FILE, '[[output]]\nto = "events"')[0] is None


# ---- outputs ---------------------------------------------------------------------------------------------------------


def test_an_output_is_called_like_its_destination_unless_it_says_otherwise() -> None:
    assert (output("").to, output("").name) == ("events", "events")
    assert output('name = "second"').name == "second"


@pytest.mark.parametrize(("key", "read"), [('"id"', ("id",)), ('["id", "store.code"]', ("id", "store.code"))])
def test_a_fan_out_names_its_list_and_what_tells_the_items_apart(key: str, read: tuple[str, ...]) -> None:
    spec = output(f'each = "data.rows"\nkey = {key}')
    assert (spec.each, spec.key) == ("data.rows", read)


def test_conditions_are_one_or_several_and_need_no_rule() -> None:
    one = 'when = { call = "f", with = [] }'
    assert output(one).conditions == (ConditionSpec(CallSpec("f", ()), "", Place(FILE, 4, one)),)
    first, second = output(
        'when = [\n{ call = "f", with = ["a"] },\n{ call = "g", with = ["@now", { const = 1 }], otherwise = "r" },\n]'
    ).conditions
    where = Place(FILE, 4, "when = [")
    assert first == ConditionSpec(CallSpec("f", ("a",)), "", where)
    assert second == ConditionSpec(CallSpec("g", ("@now", ConstSpec(1))), "r", where)


TOGETHER = "each: `each` on an output and `key`, the path that tells its items apart, go together"
IS_A_CALL = '4: when: is { call = "function", with = [...] }'
OUTPUTS = {
    "a name that is no text": ("name = 1", ["4: name: is a text"]),
    "no name": ('name = ""', ["4: name: is a text"]),
    "a list without a key": ('each = "rows"', [f"2: {TOGETHER}"]),
    "a key without a list": ('key = "id"', [f"2: {TOGETHER}"]),
    "a list that is no path": ('each = "a b"\nkey = "id"', ["4: each: 'a b' is no path of names joined by dots"]),
    "a key that is no path": ('each = "rows"\nkey = 1', ["5: key: 1 is no path of names joined by dots"]),
    "keys of which one is none": (
        'each = "rows"\nkey = ["id", 1]',
        ["5: key: 1 is no path of names joined by dots"],
    ),
    "no keys": ('each = "rows"\nkey = []', ["5: key: a path is missing: one, or a list of them"]),
    "a word that is misspelt": (
        'wen = { call = "f", with = [] }',
        ['4: wen: unknown key "wen"; the nearest is "when"'],
    ),
    "`each` that is misspelt": ('ech = "rows"\nkey = "id"', ['4: ech: unknown key "ech"; the nearest is "each"']),
    "a condition that is a text": ('when = "f"', [IS_A_CALL]),
    "conditions of which one is a text": ('when = [{ call = "f", with = [] }, "f"]', [IS_A_CALL]),
    "a condition without `with`": (
        'when = { call = "f" }',
        ["4: when: call names a function and with lists all that it reads"],
    ),
    "a word of a condition that is misspelt": (
        'when = { call = "f", wiht = ["a"] }',
        ['4: wiht: unknown key "wiht"; the nearest is "with"'],
    ),
    "a rule that is no text": (
        'when = { call = "f", with = [], otherwise = true }',
        ["4: otherwise: names a rule, in words"],
    ),
    "an argument of a condition that is no path": (
        'when = { call = "f", with = ["a b"] }',
        ["4: when: 'a b' is no path of names joined by dots"],
    ),
    "no table of fields": ("fields = 1", ['4: fields: is a table: "target" = { from = "path" }']),
}


@pytest.mark.parametrize(("lines", "problems"), OUTPUTS.values(), ids=OUTPUTS)
def test_an_output_that_cannot_be_read(lines: str, problems: list[str]) -> None:
    assert said_of_output(lines) == problems


@pytest.mark.parametrize("lines", ["name = 1", 'ech = "rows"\nkey = "id"'])
def test_what_a_faulty_output_would_write_cannot_be_told(lines: str) -> None:
    spec, _ = read_mapping(FILE, OUTPUT + lines)
    assert spec is not None
    assert spec.outputs == ()


NOTHING = {
    "no list of outputs": "output = 1",
    "no table of unsent paths": 'unsent = "all"',
    "no table of tables": 'lookup = "all"',
    "no table of fields": "output = [{ to = 'events', fields = 1 }]",
    "no target": "output = [{ to = 'events', fields.'a b' = { const = 1 } }]",
}


@pytest.mark.parametrize("lines", NOTHING.values(), ids=NOTHING)
def test_of_what_cannot_be_read_nothing_is(lines: str) -> None:
    spec, problems = read_mapping(FILE, HEAD + lines)
    assert problems != ()
    assert spec is not None
    outputs = tuple(replace(one, place=spec.place) for one in spec.outputs)
    empty = OutputSpec("events", "events", None, (), (), (), spec.place)
    assert replace(spec, outputs=outputs) == MappingSpec("e", (empty,) * len(outputs), {}, (), spec.place)


NO_CONDITIONS = [
    '"f"',
    '{ call = "f" }',
    "{ call = 1, with = [] }",
    '{ call = "f", wiht = [] }',
    '{ call = "f", with = [1, "a"] }',
    '{ call = "f", with = [], otherwise = 1 }',
]


@pytest.mark.parametrize("when", NO_CONDITIONS)
def test_an_output_stays_without_a_condition_that_cannot_be_read(when: str) -> None:
    spec, _ = read_mapping(FILE, f"{OUTPUT}when = {when}")
    assert spec is not None
    assert [one.conditions for one in spec.outputs] == [()]


def test_an_output_without_a_destination() -> None:
    assert said(f"{HEAD}[[output]]\nname = 'x'\n[[output]]\nto = 1") == ["2: to: is missing", "5: to: is a text"]


# ---- fields ----------------------------------------------------------------------------------------------------------

VERBS: dict[str, Verb] = {
    '{ from = "x" }': FromSpec(("x",), None),
    '{ from = ["x", "y.z"], as = "rounded" }': FromSpec(("x", "y.z"), "rounded"),
    '{ from = "@now" }': FromSpec(("@now",), None),
    "{ const = 1 }": ConstSpec(1),
    '{ const = "" }': ConstSpec(""),
    "{ const = false }": ConstSpec(value=False),
    '{ const = ["a"] }': ConstSpec(["a"]),
    "{ const = { a = 1 } }": ConstSpec({"a": 1}),
    '{ lookup = "tiers", from = "x" }': LookupSpec("tiers", ("x",)),
    '{ lookup = "tiers", from = ["x", "y"] }': LookupSpec("tiers", ("x", "y")),
    '{ call = "f", with = [] }': CallSpec("f", ()),
    '{ call = "f", with = ["x.y", "@item", "rows.in[a,b.c]"] }': CallSpec("f", ("x.y", "@item", "rows.in[a,b.c]")),
    '{ call = "f", with = [{ const = "t" }, { const = 1 }, { const = 1.5 }, { const = true }] }': CallSpec(
        "f", (ConstSpec("t"), ConstSpec(1), ConstSpec(1.5), ConstSpec(value=True))
    ),
}


@pytest.mark.parametrize(("text", "read"), VERBS.items())
def test_a_field_says_where_it_comes_from(text: str, read: Verb) -> None:
    assert verb(text) == read


@pytest.mark.parametrize(
    ("more", "required", "clear"),
    [
        ("", False, False),
        (", required = true", True, False),
        (", required = false", False, False),
        (', absent = "clear"', False, True),
        (', required = false, absent = "clear"', False, True),
    ],
)
def test_a_field_says_whether_a_message_can_do_without_it(more: str, required: bool, clear: bool) -> None:  # noqa: FBT001
    line = f'"a" = {{ from = "x"{more} }}'
    assert fields(line) == (
        FieldSpec("a", FromSpec(("x",), None), required=required, clear=clear, place=Place(FILE, 5, line)),
    )


@pytest.mark.parametrize(
    "lines",
    [
        '"a.b.c" = { from = "x" }\n"a.b.d" = { from = "y" }',
        'a.b.c = { from = "x" }\na.b.d = { from = "y" }',
        'a."b.c" = { from = "x" }\na.b.d = { from = "y" }',
        '[output.fields.a.b]\nc = { from = "x" }\nd = { from = "y" }',
        '[output.fields."a.b"]\nc.from = "x"\nd.from = "y"',
    ],
)
def test_a_target_is_the_same_however_toml_splits_it(lines: str) -> None:
    read = fields(lines)
    assert [(field.target, field.verb) for field in read] == [
        ("a.b.c", FromSpec(("x",), None)),
        ("a.b.d", FromSpec(("y",), None)),
    ]
    last = [*enumerate(lines.split("\n"), 5)][-2:]
    assert [field.place for field in read] == [Place(FILE, number, line) for number, line in last]


@pytest.mark.parametrize("target", ["a", "_id", "a1", "a.b", "identityMap", "a-b.c_d", "_tenant.x"])
def test_what_can_be_a_target(target: str) -> None:
    (field,) = fields(f'"{target}" = {{ const = 1 }}')
    assert field.target == target


@pytest.mark.parametrize("target", ["", "1a", "-a", "a.", ".a", "a..b", "a b", "a.1", "é", "a[b]", "@now"])
def test_what_is_no_target(target: str) -> None:
    assert said_of_fields(f'"{target}" = {{ const = 1 }}') == [f"5: {target}: is no path of names joined by dots"]


PATHS = ["a", "_a", "a1.b_2", "@now", "rows[a]", "a.rows[a,b.c,_1]", "@x.y"]
NO_PATHS = [
    "",
    "1a",
    "a.",
    ".a",
    "a..b",
    "a b",
    "a-b",
    "é",
    "@",
    "@1",
    "a@b",
    "rows[]",
    "rows[a",
    "rows[a b]",
    "r[a].b",
]


@pytest.mark.parametrize("path", PATHS)
def test_what_can_be_a_path(path: str) -> None:
    assert verb(f'{{ from = "{path}" }}') == FromSpec((path,), None)


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path(path: str) -> None:
    assert said_of_fields(f'"a" = {{ from = "{path}" }}') == [f"5: a: '{path}' is no path of names joined by dots"]


KNOWN = "; known: call, const, each, fields, from, lookup"
EXACTLY = "5: a: needs exactly one of from, const, lookup, call, each; has "
FAULTS = {
    "a text": ('"x"', ['5: a: is a table: { from = "path" }, { const = ... }, { call = ..., with = [...] }']),
    "a list of texts": ('["x"]', ["5: a: is a list of tables: [[...]]"]),
    "an empty list": ("[]", ["5: a: is a list of tables: [[...]]"]),
    "no verb": ("{ required = true }", [f"{EXACTLY}none"]),
    "an empty table": ("{}", [f"{EXACTLY}none"]),
    "a verb that is misspelt": ('{ form = "x", required = true }', [f'{EXACTLY}none; the nearest is "from"']),
    "two words of nobody": (
        '{ form = "x", zz = "x" }',
        [f'{EXACTLY}none; the nearest is "from"{KNOWN}'],
    ),
    "a target that goes on beside a plain value": (
        "{ b = { const = 1 }, zz = 1 }",
        [f"{EXACTLY}none{KNOWN}{KNOWN}"],
    ),
    "no verb and words of nobody": (
        '{ zz = "x" }',
        [f"{EXACTLY}none{KNOWN}"],
    ),
    "two verbs": ('{ from = "x", const = 1 }', [f"{EXACTLY}const and from"]),
    "a call and a list": ('{ call = "f", with = [], each = "x" }', [f"{EXACTLY}call and each"]),
    "a lookup in no path and a constant": (
        '{ lookup = "t", const = 1, from = "x" }',
        [f"{EXACTLY}lookup and const and from"],
    ),
    "`with` of a path": ('{ from = "x", with = [] }', ['5: a: unknown key "with"; known: absent, as, from, required']),
    "`as` of a constant": ('{ const = 1, as = "x" }', ['5: a: unknown key "as"; the nearest is "absent"']),
    "`as` of a lookup": (
        '{ lookup = "t", from = "x", as = "y" }',
        ['5: a: unknown key "as"; the nearest is "absent"'],
    ),
    "`as` of a call": (
        '{ call = "f", with = [], as = "y" }',
        ['5: a: unknown key "as"; the nearest is "absent"'],
    ),
    "`requird`": ("{ const = 1, requird = true }", ['5: a: unknown key "requird"; the nearest is "required"']),
    "required by a text": ('{ const = 1, required = "yes" }', ["5: a: required is true or false"]),
    "required by a number": ("{ const = 1, required = 1 }", ["5: a: required is true or false"]),
    "absent by another word": ('{ const = 1, absent = "keep" }', ['5: a: absent can only be "clear"']),
    "absent by no word": ("{ const = 1, absent = false }", ['5: a: absent can only be "clear"']),
    "required and may be absent": (
        '{ const = 1, required = true, absent = "clear" }',
        ['5: a: is required or says absent = "clear", not both'],
    ),
    "no path": ("{ from = [] }", ["5: a: a path is missing: one, or a list of them"]),
    "a path that is a number": ("{ from = 1 }", ["5: a: 1 is no path of names joined by dots"]),
    "paths of which two are none": (
        '{ from = ["x", 1, "y.", "z"] }',
        ["5: a: 'y.' is no path of names joined by dots", "5: a: 1 is no path of names joined by dots"],
    ),
    "a coercion that is no text": ('{ from = "x", as = 1 }', ["5: a: as names a coercion"]),
    "a table that is no text": ('{ lookup = 1, from = "x" }', ["5: a: lookup names a table"]),
    "a lookup without a path": ('{ lookup = "t" }', ["5: a: None is no path of names joined by dots"]),
    "a call without `with`": (
        '{ call = "f" }',
        ["5: a: call names a function and with lists all that it reads"],
    ),
    "a call with one path": (
        '{ call = "f", with = "x" }',
        ["5: a: call names a function and with lists all that it reads"],
    ),
    "a call of no text": (
        '{ call = 1, with = ["x"] }',
        ["5: a: call names a function and with lists all that it reads"],
    ),
    "an argument that is a number": ('{ call = "f", with = [1] }', ["5: a: 1 is no path of names joined by dots"]),
    "an argument of another word": (
        '{ call = "f", with = [{ cnst = 1 }] }',
        ['5: a: unknown key "cnst"; the nearest is "const"'],
    ),
    "an argument of a word more": (
        '{ call = "f", with = [{ const = 1, zz = 1 }] }',
        ['5: a: unknown key "zz"; known: const'],
    ),
    "an argument that is a list": (
        '{ call = "f", with = [{ const = [] }] }',
        ["5: a: a constant among the arguments is a text, a finite number or a boolean"],
    ),
    **{
        f"an argument that is {number}": (
            f'{{ call = "f", with = [{{ const = {number} }}] }}',
            ["5: a: a constant among the arguments is a text, a finite number or a boolean"],
        )
        for number in ("inf", "-inf", "nan", "1e999")
    },
    "an argument that is empty": (
        '{ call = "f", with = [{}] }',
        ["5: a: a constant among the arguments is a text, a finite number or a boolean"],
    ),
    "a list of no path": (
        "{ each = 1, fields.b = { const = 1 } }",
        ["5: a: 1 is no path of names joined by dots"],
    ),
    "a list without fields": ('{ each = "rows" }', ["5: a: an element needs fields"]),
    "elements without fields": ("{ fields = {} }", ["5: a: an element needs fields"]),
    "fields that are no table": (
        "{ fields = 1 }",
        ["5: a: an element needs fields", '5: fields: is a table: "target" = { from = "path" }'],
    ),
    "`each` that is misspelt": (
        '{ ech = "rows", fields.b = { const = 1 } }',
        ['5: a: unknown key "ech"; the nearest is "each"'],
    ),
}


@pytest.mark.parametrize(("text", "problems"), FAULTS.values(), ids=FAULTS)
def test_a_field_that_cannot_be_read(text: str, problems: list[str]) -> None:
    assert said_of_fields(f'"a" = {text}') == problems


LEFT_OUT = [
    '"x"',
    '["x"]',
    "[]",
    "{}",
    '{ const = 1, as = "x" }',
    "{ from = [] }",
    '{ from = ["x", 1] }',
    "{ from = 'x', as = 1 }",
]


@pytest.mark.parametrize(
    "text",
    [*LEFT_OUT, "{ lookup = 1, from = 'x' }", "{ lookup = 't' }", "{ call = 'f' }", "{ call = 'f', with = ['x', 1] }"],
)
def test_others_are_read_where_one_field_cannot_be(text: str) -> None:
    spec, problems = read_mapping(FILE, f'{FIELDS}"a" = {text}\n"b" = {{ const = 1 }}')
    assert spec is not None
    assert [field.target for field in spec.outputs[0].fields] == ["b"]
    assert len(problems) == 1


# ---- lists of objects ------------------------------------------------------------------------------------------------


def test_a_list_has_an_element_of_each_item() -> None:
    line = '"a" = { each = "data.rows", required = true, fields."b.c" = { from = "x" }, fields.d = { const = 1 } }'
    (field,) = fields(line)
    where = Place(FILE, 5, line)
    inside = (
        FieldSpec("b.c", FromSpec(("x",), None), required=False, clear=False, place=where),
        FieldSpec("d", ConstSpec(1), required=False, clear=False, place=where),
    )
    assert field == FieldSpec(
        "a", PartsSpec((PartSpec("data.rows", inside, where),)), required=True, clear=False, place=where
    )


def test_a_list_without_each_has_one_element() -> None:
    (field,) = fields('[output.fields."a.b"]\nabsent = "clear"\nfields.c = { from = "x" }')
    c = FieldSpec(
        "c",
        FromSpec(("x",), None),
        required=False,
        clear=False,
        place=Place(FILE, 7, 'fields.c = { from = "x" }'),
    )
    where = Place(FILE, 5, '[output.fields."a.b"]')
    assert field == FieldSpec("a.b", PartsSpec((PartSpec(None, (c,), where),)), required=False, clear=True, place=where)


def test_a_list_may_have_several_parts() -> None:
    header = '[[output.fields."a"]]'
    (field,) = fields(f'{header}\nfields.b = {{ const = 1 }}\n{header}\neach = "rows"\nfields.b = {{ from = "x" }}')
    assert isinstance(field.verb, PartsSpec)
    assert [(part.each, len(part.fields), part.place) for part in field.verb.parts] == [
        (None, 1, Place(FILE, 5, header)),
        ("rows", 1, Place(FILE, 7, header)),
    ]
    assert [part.fields[0].place.line for part in field.verb.parts] == [6, 9]
    assert field == FieldSpec("a", field.verb, required=False, clear=False, place=Place(FILE, 5, header))


@pytest.mark.parametrize("flag", ["required = true", 'absent = "clear"'])
def test_a_part_of_several_is_not_required_by_itself(flag: str) -> None:
    """Nor may it be absent by itself: such a word would be read by nobody."""
    word = flag.partition(" ")[0]
    assert said_of_fields(f"[[output.fields.a]]\nfields.b = {{ const = 1 }}\n{flag}") == [
        f'7: a: unknown key "{word}"; known: each, fields'
    ]


def test_a_list_of_which_one_part_cannot_be_read_is_left_out() -> None:
    text = f'{FIELDS}[[output.fields.a]]\nfields.b = {{ const = 1 }}\n[[output.fields.a]]\nech = "rows"'
    spec, problems = read_mapping(FILE, text)
    assert problems == (Problem(FILE, 8, "a", 'unknown key "ech"; the nearest is "each"'),)
    assert spec is not None
    assert spec.outputs[0].fields == ()


def test_lists_in_lists() -> None:
    (field,) = fields(
        '[output.fields.a]\neach = "rows"\n[output.fields.a.fields.b]\neach = "more"\nfields.c = { from = "@value" }'
    )
    assert isinstance(field.verb, PartsSpec)
    (inner,) = field.verb.parts[0].fields
    assert isinstance(inner.verb, PartsSpec)
    assert (inner.target, inner.verb.parts[0].each) == ("b", "more")
    assert inner.place == Place(FILE, 7, "[output.fields.a.fields.b]")
    assert inner.verb.parts[0].fields[0].verb == FromSpec(("@value",), None)


def test_a_fault_inside_of_a_list_has_its_own_line_and_name() -> None:
    assert said_of_fields('[output.fields.a]\neach = "rows"\nfields."b" = { from = 1 }\nfields.c = { from = "x" }') == [
        "7: b: 1 is no path of names joined by dots"
    ]


# ---- tables and unsent paths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["[1]", "{ b = 1 }", "2026-01-01"])
def test_a_lookup_table_has_plain_values_only(value: str) -> None:
    text = f"{OUTPUT}[lookup.bad]\na = 1\nb = {value}\n[lookup.good]\na = 1"
    spec, problems = read_mapping(FILE, text)
    assert problems == (Problem(FILE, 4, "bad", "a lookup table has plain values only"),)
    assert spec is not None
    assert spec.tables == {"good": {"a": 1}}


def test_a_lookup_table_is_a_table() -> None:
    assert said(f'{HEAD}lookup.a = "b"\n[[output]]\nto = "events"') == ["2: a: a lookup table has plain values only"]


TWICE = "is given twice, also in line {}; casing and blanks around it do not count"


def test_an_entry_is_given_once() -> None:
    text = f'{OUTPUT}[lookup.a]\ninstore = 1\n"x" = 1\nINSTORE = 2\n" Instore" = 3\n[lookup.b]\ninstore = 1'
    spec, problems = read_mapping(FILE, text)
    assert problems == (
        Problem(FILE, 7, "INSTORE", TWICE.format(5)),
        Problem(FILE, 8, " Instore", TWICE.format(7)),
    )
    assert spec is not None
    assert spec.tables == {"a": {"instore": 3, "x": 1}, "b": {"instore": 1}}
    assert read_common("c", '[lookup.a]\n"ß" = 1\nSS = 2')[1] == (Problem("c", 3, "SS", TWICE.format(2)),)


def test_entries_of_a_brand_may_be_those_of_ours(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", _common_toml="[lookup.tiers]\nGOLD = 1\nsilver = 1")
    brand = write(tmp_path / "brand", _common_toml="\n[lookup.tiers]\ngold = 2")
    language = load_language(ours, brand)
    assert (language.problems, language.common.tables) == ((), {"tiers": {"gold": 2, "silver": 1}})
    assert language.common.entries == {
        ("tiers", "gold"): Place(f"{brand}/_common.toml", 3, "gold = 2"),
        ("tiers", "silver"): Place("ours/_common.toml", 3, "silver = 1"),
    }


def test_lookup_tables_have_names() -> None:
    assert said(f'{HEAD}lookup = "b"\n[[output]]\nto = "events"') == ["2: lookup: is a table of tables: [lookup.NAME]"]


REASON = 'needs a reason, in words; paths stand in quotation marks: "path" = "reason"'
UNSENT = {
    "no table": ('unsent = "all"', ['2: unsent: is a table: "path" = "reason"']),
    "no reason": ('[unsent]\n"a" = ""', [f"3: a: {REASON}"]),
    "a blank reason": ('[unsent]\n"a" = " "', [f"3: a: {REASON}"]),
    "a reason that is no text": ('[unsent]\n"a" = 1', [f"3: a: {REASON}"]),
    "a path without quotation marks": ('[unsent]\na.b = "why"', [f"3: a: {REASON}"]),
    "no path": ('[unsent]\n"a b" = "why"', ["3: a b: is no path of names joined by dots"]),
    "a context": ('[unsent]\n"@now" = "why"', ["3: @now: is no path of names joined by dots"]),
    "one of two": ('[unsent]\n"a.b" = "why"\n"c" = ""', [f"4: c: {REASON}"]),
}


@pytest.mark.parametrize(("lines", "problems"), UNSENT.values(), ids=UNSENT)
def test_unsent_paths_that_cannot_be_read(lines: str, problems: list[str]) -> None:
    assert said(f'{HEAD}{lines}\n[[output]]\nto = "events"') == problems


def test_unsent_paths_are_read_beside_one_that_cannot_be() -> None:
    spec, _ = read_mapping(FILE, f'{OUTPUT}[unsent]\na = "why"\n"b " = "why"\nc = "so"')
    assert spec is not None
    assert spec.unsent == (
        UnsentSpec("a", "why", Place(FILE, 5, 'a = "why"')),
        UnsentSpec("c", "so", Place(FILE, 7, 'c = "so"')),
    )


# ---- _common.toml ----------------------------------------------------------------------------------------------------

COMMON = """
[events.fields]
"_id" = { from = "eventId" }
[profile.fields]
identityMap = { const = 1 }
[lookup.tiers]
Gold = "gold"
[unsent]
"orgId" = "why"
"""


def test_what_outputs_of_a_kind_share() -> None:
    file = "mappings/_common.toml"
    one, two = '"_id" = { from = "eventId" }', "identityMap = { const = 1 }"
    first = FieldSpec("_id", FromSpec(("eventId",), None), required=False, clear=False, place=place(COMMON, one, file))
    second = FieldSpec("identityMap", ConstSpec(1), required=False, clear=False, place=place(COMMON, two, file))
    spec = CommonSpec(
        {"events": (first,), "profile": (second,)},
        {"tiers": {"gold": "gold"}},
        (UnsentSpec("orgId", "why", place(COMMON, '"orgId" = "why"', file)),),
        {("tiers", "gold"): place(COMMON, 'Gold = "gold"', file)},
    )
    assert read_common(file, COMMON) == (spec, ())


def test_nothing_need_be_shared() -> None:
    assert read_common("c", "") == (CommonSpec({"events": (), "profile": ()}, {}, ()), ())


COMMON_FAULTS = {
    "no TOML": ("=", ["c:1: TOML: Invalid statement (at line 1, column 1)"]),
    "a kind that there is not": ("[event.fields]", ['c:1: event: unknown key "event"; the nearest is "events"']),
    "a kind that is no table": ("events = 1\nprofile = []", ["c:1: events: is a table", "c:2: profile: is a table"]),
    "a word of a kind": ("[events]\nfield = 1", ['c:2: field: unknown key "field"; the nearest is "fields"']),
    "fields that are no table": (
        "[profile]\nfields = 1",
        ['c:2: fields: is a table: "target" = { from = "path" }'],
    ),
    "a field": (
        "[profile.fields]\na = 1",
        ['c:2: a: is a table: { from = "path" }, { const = ... }, { call = ..., with = [...] }'],
    ),
}


@pytest.mark.parametrize(("text", "problems"), COMMON_FAULTS.values(), ids=COMMON_FAULTS)
def test_a_common_file_that_cannot_be_read(text: str, problems: list[str]) -> None:
    assert [*map(str, read_common("c", text)[1])] == problems


def test_what_is_wrong_with_one_kind_leaves_the_other() -> None:
    spec, _ = read_common("c", "events = 1\n[profile.fields]\na = { const = 1 }")
    assert [*spec.fields] == ["profile"]
    assert len(spec.fields["profile"]) == 1
    assert read_common("c", "=")[0] == CommonSpec()


def shared(target: str, value: int) -> FieldSpec:
    return FieldSpec(target, ConstSpec(value), required=False, clear=False, place=Place("c", 1, ""))


def test_a_brand_lays_fields_entries_and_paths_over_ours() -> None:
    where = Place("c", 1, "")
    ours = CommonSpec(
        {"events": (shared("a", 1), shared("b", 1)), "profile": (shared("p", 1),)},
        {"tiers": {"gold": 1, "silver": 1}, "ours": {"x": 1}},
        (UnsentSpec("u", "ours", where), UnsentSpec("v", "ours", where)),
        {("tiers", "gold"): where, ("tiers", "silver"): where, ("ours", "x"): where},
    )
    other = Place("brand", 2, "")
    brands = CommonSpec(
        {"events": (shared("c", 2), shared("a", 2))},
        {"tiers": {"silver": 2, "bronze": 2}, "theirs": {"x": 2}},
        (UnsentSpec("v", "theirs", where), UnsentSpec("w", "theirs", where)),
        {("tiers", "silver"): other, ("theirs", "x"): other},
    )
    assert ours.under(brands) == CommonSpec(
        {"events": (shared("a", 2), shared("b", 1), shared("c", 2)), "profile": (shared("p", 1),)},
        {"tiers": {"gold": 1, "silver": 2, "bronze": 2}, "ours": {"x": 1}, "theirs": {"x": 2}},
        (UnsentSpec("u", "ours", where), UnsentSpec("v", "theirs", where), UnsentSpec("w", "theirs", where)),
        {
            ("tiers", "gold"): where,
            ("tiers", "silver"): other,
            ("ours", "x"): where,
            ("theirs", "x"): other,
        },
    )
    assert CommonSpec().under(brands) == brands
    assert ours.under(CommonSpec()) == ours


# ---- directories -----------------------------------------------------------------------------------------------------


def write(directory: Path, **files: str) -> Path:
    """A directory with some files; `_` before the last part of a name stands for the dot."""
    directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (directory / re.sub(r"_(?=[a-z]+$)", ".", name)).write_text(text, encoding="utf-8")
    return directory


def event(name: str, to: str = "events") -> str:
    return f'event = "{name}"\n[[output]]\nto = "{to}"'


def test_a_directory_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", b_toml=event("b"), a_toml=event("a"), c_txt="=")
    language = load_language(ours)
    assert [(spec.event, spec.place.file, spec.brand) for spec in language.mappings] == [
        ("a", "ours/a.toml", False),
        ("b", "ours/b.toml", False),
    ]
    assert (language.common, language.problems, language.functions) == (CommonSpec(), (), None)


def test_a_common_file_is_no_mapping(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", _common_toml="[events.fields]\na = { const = 1 }")
    language = load_language(ours)
    assert language.mappings == ()
    assert [field.place for field in language.common.fields["events"]] == [
        Place("ours/_common.toml", 2, "a = { const = 1 }")
    ]


def test_a_brands_file_replaces_ours_of_the_same_name(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", a_toml=event("a"), c_toml=event("c"), functions_py="FUNCTIONS = ()")
    brand = write(tmp_path / "brand", a_toml=event("a", "profile"), b_toml=event("b"), ignored_toml="=")
    language = load_language(ours, brand)
    assert [(spec.event, spec.outputs[0].to, spec.place.file, spec.brand) for spec in language.mappings] == [
        ("a", "profile", f"{brand}/a.toml", True),
        ("b", "events", f"{brand}/b.toml", True),
        ("c", "events", "ours/c.toml", False),
    ]
    assert (language.problems, language.functions) == ((), None)


def test_a_brands_common_file_is_laid_over_ours(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", _common_toml="[lookup.tiers]\na = 1\nb = 1")
    brand = write(tmp_path / "brand", _common_toml="[lookup.tiers]\nb = 2\n[x]")
    language = load_language(ours, brand)
    assert language.common.tables == {"tiers": {"a": 1, "b": 2}}
    assert [*map(str, language.problems)] == [
        f'{brand}/_common.toml:3: x: unknown key "x"; known: events, lookup, profile, unsent'
    ]


def test_a_brand_may_have_functions(tmp_path: Path) -> None:
    ours, brand = write(tmp_path / "ours"), write(tmp_path / "brand", functions_py="", test_functions_py="")
    assert load_language(ours, brand) == Language((), CommonSpec(), (), brand / "functions.py")
    (brand / "functions.py").unlink()
    assert load_language(ours, brand).functions is None


def test_a_brand_without_a_directory(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match=r"/none is no directory$"):
        load_language(write(tmp_path / "ours"), tmp_path / "none")


def test_every_file_is_read_whatever_is_wrong_with_another(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", b_toml="=", c_toml=event("c"), _common_toml="=")
    (ours / "a.toml").write_bytes(b"a = '\xff'")
    (ours / "d.toml").symlink_to("nowhere")
    language = load_language(ours)
    assert [spec.event for spec in language.mappings] == ["c"]
    assert language.common == CommonSpec()
    assert language.problems == (
        Problem("ours/_common.toml", 1, "TOML", "Invalid statement (at line 1, column 1)"),
        Problem("ours/a.toml", 0, "file", "is not UTF-8 text"),
        Problem("ours/b.toml", 1, "TOML", "Invalid statement (at line 1, column 1)"),
        Problem("ours/d.toml", 0, "file", "cannot be read: No such file or directory"),
    )


def test_a_number_of_too_many_digits_is_no_toml(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours")
    (ours / "a.toml").write_text("a = " + "1" * 5_000, encoding="utf-8")
    [problem] = load_language(ours).problems
    assert problem[:3] == ("ours/a.toml", 0, "TOML")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours")
    (ours / "a.toml").write_text("\ufeff" + event("a"), encoding="utf-8")
    language = load_language(ours)
    assert ([spec.event for spec in language.mappings], language.problems) == (["a"], ())


def test_a_common_file_that_is_no_text(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours")
    (ours / "_common.toml").write_bytes(b"\xff")
    assert load_language(ours).problems == (Problem("ours/_common.toml", 0, "file", "is not UTF-8 text"),)


KNOWN_NAMES = "; known: _common.toml, functions.py, ignored.toml, xdm/"
FUNCTIONS_PY = '; the nearest is "functions.py"'
BELONGS_INTO_XDM = "; schemas belong into xdm/, events to try beside the mapping of their name"
NAMES = {
    "functions.py": None,
    "_common.toml": None,
    "ignored.toml": None,
    "anything.toml": None,
    ".anything.toml": None,
    ".functions.py": None,
    "notes.md": None,
    "_notes.md": None,
    "LICENSE": None,
    "function.py": FUNCTIONS_PY,
    "FUNCTIONS.py": FUNCTIONS_PY,
    "functions": FUNCTIONS_PY,
    "functions.txt": FUNCTIONS_PY,
    "helpers.py": KNOWN_NAMES,
    "_zzzzzzzz.toml": KNOWN_NAMES,
    "commons.toml": '; the nearest is "_common.toml"',
    "Ignored.toml": '; the nearest is "ignored.toml"',
    "ignored": '; the nearest is "ignored.toml"',
    "xdm": '; the nearest is "xdm/"',
    "pointsIssued.tml": '; the nearest is "pointsIssued.toml"',
    "POINTSISSUED.TOML": '; the nearest is "pointsIssued.toml"',
    "pointsIssued": '; the nearest is "pointsIssued.toml"',
    "pointsIssued.avsc": '; the nearest is "pointsIssued.toml"',
    "_pointsIssued.toml": '; the nearest is "pointsIssued.toml"',
    "notes.txt": KNOWN_NAMES,
    "events.json": BELONGS_INTO_XDM,
    "ignored.json": BELONGS_INTO_XDM,
}


def many(tmp_path: Path) -> Path:
    """A directory of nine mappings: names that one line cannot hold."""
    names = ["pointsIssued", *(f"event{letter}" for letter in "ABCDEFGH")]
    return write(tmp_path / "ours", **{f"{name}_toml": event(name) for name in names})


@pytest.mark.parametrize(("name", "nearest"), NAMES.items())
def test_a_brands_file_that_nobody_would_read_is_named(tmp_path: Path, name: str, nearest: str | None) -> None:
    brand = write(tmp_path / "brand")
    (brand / name).write_text(event("anything") if name == "anything.toml" else "", encoding="utf-8")
    expected = () if nearest is None else (Problem(f"{brand}/{name}", 0, "file", f"is read by nobody{nearest}"),)
    assert load_language(many(tmp_path), brand).problems == expected


DIRECTORIES = {
    "xdm": None,
    ".git": None,
    "__pycache__": None,
    "lost+found": None,
    "xmd": '; the nearest is "xdm/"',
    "XDM": '; the nearest is "xdm/"',
    "functions": FUNCTIONS_PY,
    "functions.py": FUNCTIONS_PY,
    "mappings": KNOWN_NAMES,
    "LICENSES": KNOWN_NAMES,
    "notes.md": KNOWN_NAMES,
}


@pytest.mark.parametrize(("name", "nearest"), DIRECTORIES.items())
def test_a_brands_directory_that_nobody_would_read_is_named(tmp_path: Path, name: str, nearest: str | None) -> None:
    brand = write(tmp_path / "brand")
    write(brand / name)
    expected = () if nearest is None else (Problem(f"{brand}/{name}", 0, "directory", f"is read by nobody{nearest}"),)
    language = load_language(many(tmp_path), brand)
    assert (language.problems, language.functions) == (expected, None)
    assert len(language.mappings) == 9


@pytest.mark.parametrize("name", ["_common.toml", "event.toml"])
def test_a_directory_with_the_name_of_a_mapping_is_one_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    brand = write(tmp_path / "brand")
    (brand / name).mkdir()
    expected = Problem(f"{brand}/{name}", 0, "file", "cannot be read: Is a directory")
    assert load_language(many(tmp_path), brand).problems == (expected,)


@pytest.mark.parametrize(
    ("name", "named"),
    [("test_functions.py", False), ("helpers.py", False), ("_helpers.py", False), ("function.py", True)],
)
def test_beside_functions_only_what_is_nearly_called_so_is_named(tmp_path: Path, name: str, named: bool) -> None:  # noqa: FBT001
    brand = write(tmp_path / "brand", functions_py="")
    (brand / name).write_text("", encoding="utf-8")
    assert bool(load_language(write(tmp_path / "ours"), brand).problems) == named


def test_an_event_to_try_may_lie_beside_its_mapping(tmp_path: Path) -> None:
    brand = write(tmp_path / "brand", a_toml=event("a"), a_json="{}", b_json="{}")
    assert load_language(write(tmp_path / "ours"), brand).problems == (
        Problem(f"{brand}/b.json", 0, "file", f"is read by nobody{BELONGS_INTO_XDM}"),
    )


def test_all_that_nobody_reads_is_named_in_the_order_of_names(tmp_path: Path) -> None:
    brand = write(tmp_path / "brand", c_txt="", a_txt="", b_txt="")
    names = [Path(problem.file).name for problem in load_language(write(tmp_path / "ours"), brand).problems]
    assert names == ["a.txt", "b.txt", "c.txt"]


def test_a_problem_is_one_of_its_place() -> None:
    where = Place("mappings/a.toml", 7, "a = 1")
    assert where.problem("a", "is set twice") == Problem("mappings/a.toml", 7, "a", "is set twice")
    assert replace(where, line=8).problem("a", "x").line == 8
