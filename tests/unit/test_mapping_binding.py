"""Binding by itself: what paths and targets of a mapping come to, and what `check` refuses, in which words and line.

A small event and two small destinations; nothing of ours is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

import pytest

from processor.mapping.binding import bind, wants_of
from processor.mapping.bound import (
    BoundMapping,
    Condition,
    Constant,
    Context,
    Field,
    Invoke,
    Literal,
    Lookup,
    Output,
    Parts,
    Pick,
    Ref,
    RowsRef,
    Unread,
)
from processor.mapping.language import CommonSpec, Language, Place, UnsentSpec, read_common, read_mapping
from processor.mapping.options import Options
from processor.mapping.problems import Problem
from processor.mapping.registry import Function, Parameter
from processor.mapping.sources import Columns, Reader, Source
from processor.mapping.xdm import Array, Boolean, Date, DateTime, Integer, Map, Node, Number, Object, Schema, Text

# ---- the event -------------------------------------------------------------------------------------------------------

STRING, INTEGER, NUMBER, BOOLEAN = Source("string"), Source("integer"), Source("number"), Source("boolean")


def maybe(source: Source) -> Source:
    return replace(source, nullable=True)


def array(item: Source) -> Source:
    return Source("array", item=item)


def record(**fields: Source) -> Source:
    return Source("record", fields=fields)


def ref(path: str, source: Source, *, item: bool = False) -> Ref:
    return Ref(path, source, item)


ROW = record(
    id=STRING,
    no=maybe(INTEGER),
    qty=NUMBER,
    odd=BOOLEAN,
    tags=array(STRING),
    parts=array(record(key=STRING, value=STRING)),
    deep=record(code=STRING),
)
ROOT = record(
    orgId=INTEGER,
    eventName=STRING,
    id=INTEGER,
    name=maybe(STRING),
    total=NUMBER,
    flag=BOOLEAN,
    price=Source("decimal"),
    raw=Source("bytes"),
    either=Source("mixed"),
    store=maybe(record(code=STRING, till=INTEGER)),
    rows=array(ROW),
    pairs=maybe(array(record(key=STRING, value=maybe(STRING), type=STRING))),
    spare=array(maybe(record(id=STRING))),
    codes=array(STRING),
    numbers=array(INTEGER),
    texts=Source("map", item=STRING),
    counts=Source("map", item=INTEGER),
    nothing=Source("null", nullable=True),
)
READER = Reader("e", "n.E", ROOT, "id")

# ---- the destinations ------------------------------------------------------------------------------------------------

IDENTITY = Object({"id": Text(), "primary": Boolean()})
IDENTITIES = Map(Array(IDENTITY))
ELEMENT = Object(
    {
        "id": Text(),
        "qty": Number(),
        "tags": Array(Text()),
        "at": DateTime(),
        "inner": Array(Object({"x": Text(), "more": Array(Object({"y": Text()}))})),
        "where": Object({"code": Text(), "till": Integer()}, frozenset({"code"})),
    }
)
PROPERTIES: dict[str, Node] = {
    "_id": Text(),
    "timestamp": DateTime(),
    "identityMap": IDENTITIES,
    "text": Text(),
    "kind": Text(enum=("one", "two")),
    "number": Number(),
    "whole": Integer(),
    "flag": Boolean(),
    "day": Date(),
    "list": Array(ELEMENT),
    "strict": Array(Object({"id": Text(), "qty": Number()}, frozenset({"id"}))),
    "texts": Array(Text()),
    "grid": Array(Array(Text())),
    "map": Map(Text()),
    "maps": Map(Object({"a": Text()})),
    "object": Object({"a": Text(), "b": Text(), "deep": Object({"c": Text(), "d": Text()}, frozenset({"d"}))}),
    "needy": Object({"a": Text(), "b": Text(), "deep": Object({"c": Text()})}, frozenset({"b", "deep"})),
    "extSourceSystemAudit": Object({"lastUpdatedDate": DateTime()}),
    "loyalty": Object({"points": Number(), "lifetimePoints": Number()}),
    "_acme": Object({"own": Text(), "capillary": Object({"loyalty": Object({"lifetimePoints": Number()})})}),
}


def schema(name: str, *required: str, profile: bool = False, **more: Node) -> Schema:
    return Schema(name, profile, Object({**PROPERTIES, **more}, frozenset(required)), {})


SCHEMAS = {
    "events": schema("events"),
    "strict": schema("strict", "_id", "timestamp"),
    "profile": schema("profile", profile=True),
    "other": schema("other", profile=True),
}

# ---- the functions ---------------------------------------------------------------------------------------------------


def function(
    name: str, *kinds: str, rest: str = "", result: str = "string", noted: bool = False, ours: bool = True, **more: str
) -> Function:
    """A function whose parameters `a`, `b`, ... take these kinds; blanks stand between several of one."""
    parameters = tuple(Parameter(letter, frozenset(kind.split())) for letter, kind in zip("abc", kinds, strict=False))
    last = Parameter("rest", frozenset(rest.split())) if rest else None
    unread = frozenset(more.get("unread", "").split())
    return Function(name, str, parameters, last, result, noted, False, ours, unread)  # noqa: FBT003


@cache
def functions() -> Mapping[str, Function]:
    listed = (
        function("join", rest="any none"),
        function("clean", "string none"),
        function("raw_text", "string none", ours=False),
        function("number_of", "number", result="number"),
        function("integer_of", "integer", "string none", result="integer"),
        function("boolean_of", "boolean", result="boolean"),
        function("is_any", "string none", result="boolean"),
        function("is_noted", "string none", result="boolean", noted=True),
        function("is_row", "rows", rest="string", result="boolean"),
        function("moment_of", "integer", result="moment"),
        function("day_of", "integer", result="day"),
        function("strings_of", "strings", result="strings"),
        function("texts_of", "texts", result="texts"),
        function("identities_of", "integer", result="identities"),
        function("rows_of", "rows"),
        function("rows_or_text", "rows string"),
        function("half_unread", "string none", "string none", unread="b"),
    )
    return {one.name: one for one in listed}


# ---- binding ---------------------------------------------------------------------------------------------------------

HEAD = 'event = "e"\n'
FILE = "mappings/e.toml"


def common(text: str = "", paths: Iterable[str] = tuple(ROOT.fields)) -> CommonSpec:
    """A common file that also lists these paths as unsent: all of them, so that none is forgotten."""
    spec, problems = read_common("mappings/_common.toml", text)
    assert problems == ()
    return replace(spec, unsent=(*spec.unsent, *(UnsentSpec(path, "why", Place("c", 1, "")) for path in paths)))


def bound(
    *texts: str,
    shared: str = "",
    options: Options = Options(),  # noqa: B008 - frozen
    readers: Mapping[str, Reader] | None = None,
    schemas: Mapping[str, Schema] = SCHEMAS,
    unusable: Iterable[str] = (),
    unlisted: Iterable[str] = (),
    shared_paths: Iterable[str] = tuple(ROOT.fields),
) -> tuple[tuple[BoundMapping, ...], list[str]]:
    """Mappings as they are bound, and what is wrong with them; each text begins with the event."""
    specs = []
    for text in texts:
        name = text.partition('"')[2].partition('"')[0]
        spec, problems = read_mapping(f"mappings/{name}.toml", text)
        assert problems == ()
        assert spec is not None
        specs.append(spec)
    mappings, found = bind(
        Language(tuple(specs), common(shared, shared_paths), (), None),
        {"e": READER} if readers is None else readers,
        schemas,
        functions(),
        tenant="_acme",
        options=options,
        unusable=frozenset(unusable),
        unlisted=frozenset(unlisted),
    )
    return mappings, [str(problem).removeprefix(f"{FILE}:") for problem in sorted(found)]


def output(lines: str, to: str = "events", options: Options = Options(), shared: str = "") -> Output:  # noqa: B008
    """The one output of a mapping that nothing is wrong with; its lines begin in line 4."""
    (mapping,), problems = bound(f'{HEAD}[[output]]\nto = "{to}"\n{lines}', options=options, shared=shared)
    assert problems == []
    (one,) = mapping.outputs
    return one


def fields(lines: str, to: str = "events", options: Options = Options()) -> tuple[Field, ...]:  # noqa: B008
    """The fields of the one output; their lines begin in line 5."""
    return output(f"[output.fields]\n{lines}", to, options).fields


def field(target: str, text: str, to: str = "events") -> Field:
    (one,) = fields(f'"{target}" = {text}', to)
    return one


def said_of(lines: str, to: str = "events") -> list[str]:
    """What is wrong with an output of these lines, which begin in line 4."""
    return bound(f'{HEAD}[[output]]\nto = "{to}"\n{lines}')[1]


def said(lines: str, to: str = "events") -> list[str]:
    """What is wrong with fields, which begin in line 5."""
    return said_of(f"[output.fields]\n{lines}", to)


# ---- from ------------------------------------------------------------------------------------------------------------

FITS = [
    ("text", "name", None, maybe(STRING)),
    ("text", "id", "string", INTEGER),
    ("text", "store.code", "upper", maybe(STRING)),
    ("kind", "name", "lower", maybe(STRING)),
    ("number", "total", None, NUMBER),
    ("number", "price", "absolute", Source("decimal")),
    ("whole", "total", "rounded", NUMBER),
    ("flag", "flag", None, BOOLEAN),
    ("timestamp", "id", None, INTEGER),
    ("day", "name", None, maybe(STRING)),
    ("texts", "codes", None, array(STRING)),
    ("texts", "name", None, maybe(STRING)),
    ("texts", "numbers", "string", array(INTEGER)),
    ("map", "texts", None, Source("map", item=STRING)),
    ("map", "counts", "string", Source("map", item=INTEGER)),
    ("object.deep.d", "name", None, maybe(STRING)),
]


@pytest.mark.parametrize(("target", "path", "coercion", "source"), FITS)
def test_a_path_becomes_what_its_target_is(target: str, path: str, coercion: str | None, source: Source) -> None:
    line = f'"{target}" = {{ from = "{path}"' + (f', as = "{coercion}" }}' if coercion else " }")
    required = ", required = true }" if target == "timestamp" else " }"
    line = line.removesuffix(" }") + required
    (one,) = fields(line)
    node = SCHEMAS["events"].find(target)
    assert node is not None
    assert one == Field(
        target,
        node,
        Pick((ref(path, source),), coercion),
        required=target == "timestamp",
        clear=False,
        place=Place(FILE, 5, line),
    )


MISFITS = [
    ("text", "id", None, 'a text cannot be made of an integer: a text is needed; as = "string" makes one of a whole'),
    ("kind", "flag", None, "a text out of one, two cannot be made of a boolean: a text is needed"),
    ("text", "raw", None, "a text cannot be made of a bytes: a text is needed"),
    ("text", "either", None, "a text cannot be made of a mixed: a text is needed"),
    ("text", "store", None, "a text cannot be made of a record: a text is needed"),
    ("number", "name", None, "a number cannot be made of a string: a number is needed"),
    ("whole", "total", None, "a whole number cannot be made of a number: a whole number is needed"),
    ("flag", "name", None, "a boolean cannot be made of a string: a boolean is needed"),
    ("texts", "numbers", None, "a text cannot be made of an integer: a text is needed"),
    ("texts", "rows", None, "a text cannot be made of a record: a text is needed"),
    ("map", "counts", None, "a text cannot be made of an integer: a text is needed"),
    ("map", "name", None, "needs a map, and string is none"),
    ("identityMap", "texts", None, "is a list or map of something that only each or a call can make"),
    ("identityMap", "name", None, "needs a map, and string is none"),
    ("list", "rows", None, "is a list or map of something that only each or a call can make"),
    ("grid", "codes", None, "is a list or map of something that only each or a call can make"),
    ("maps", "texts", None, "is a list or map of something that only each or a call can make"),
    ("object", "store", None, "is an object; its fields are set one by one"),
    (
        "text",
        "name",
        "x",
        'unknown coercion "x"; known: absolute, boolean, integer, lower, number, rounded, string, up',
    ),
    ("text", "name", "uper", 'unknown coercion "uper"; the nearest is "upper"'),
]


@pytest.mark.parametrize(("target", "path", "coercion", "message"), MISFITS)
def test_a_path_that_cannot_become_what_its_target_is(
    target: str, path: str, coercion: str | None, message: str
) -> None:
    more = f', as = "{coercion}"' if coercion else ""
    (found,) = said(f'"{target}" = {{ from = "{path}"{more}, required = true }}')
    assert found.startswith(f"5: {target}: {message}")


def test_of_several_paths_the_first_that_is_there_wins() -> None:
    one = field("text", '{ from = ["name", "store.code"] }')
    assert one.verb == Pick((ref("name", maybe(STRING)), ref("store.code", maybe(STRING))), None)


def test_several_paths_have_one_type() -> None:
    assert said('text = { from = ["name", "total", "id"] }') == [
        "5: text: the paths have several types: integer, number, string"
    ]


def test_lists_that_are_read_together_have_items_of_one_type() -> None:
    assert said('"texts" = { from = ["codes", "numbers"] }') == [
        "5: texts: the paths have several types: array of integer, array of string"
    ]


HINTED = [
    ('{ from = "nmae" }', 'the event has no "nmae"; the nearest is "name"'),
    ('{ from = "store.cod" }', 'the event has no "store.cod"; the nearest is "store.code"'),
    ('{ from = "zzz" }', 'the event has no "zzz"'),
    ('{ from = "pairs[key]" }', '"pairs[key]": columns are for arguments that take rows'),
    ('{ from = "@nov" }', '"@nov" cannot be read here; the nearest is "@now"'),
    ('{ from = "@zzzzzzz" }', '"@zzzzzzz" cannot be read here; known: @item, @now, @output, @received, @value'),
    (
        '{ from = "@value" }',
        '"@value" cannot be read here: it is the item of an `each`, and there is none around',
    ),
]


@pytest.mark.parametrize(("text", "message"), HINTED)
def test_a_path_that_the_event_has_not(text: str, message: str) -> None:
    assert said(f"text = {text}") == [f"5: text: {message}"]


CONTEXTS = [
    ("timestamp", "@now", INTEGER),
    ("timestamp", "@received", INTEGER),
    ("text", "@output", STRING),
]


@pytest.mark.parametrize(("target", "name", "source"), CONTEXTS)
def test_what_surrounds_an_event_is_read_like_a_path(target: str, name: str, source: Source) -> None:
    assert field(target, f'{{ from = "{name}", required = true }}').verb == Pick((Context(name, source),), None)


# ---- const and lookup ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "value"), [("text", "x"), ("kind", "two"), ("number", 1.5), ("texts", ["a"])])
def test_a_constant_is_never_missing(target: str, value: object) -> None:
    line = f'"{target}" = {{ const = {value!r}, required = true }}'
    (one,) = fields(line)
    assert (one.verb, one.required) == (Constant(value), False)


CONSTANTS = [
    ("text", "1", "1 is not valid here: a text"),
    ("text", '""', "'' is not valid here: a text"),
    ("kind", '"three"', "'three' is not valid here: a text out of one, two"),
    ("texts", "[]", "[] is not valid here: a list"),
    ("map", '"x"', "'x' is not valid here: a map"),
    ("object", '"x"', "'x' is not valid here: an object"),
    ("number", '"x"', "'x' is not valid here: a number"),
    ("whole", "1.5", "1.5 is not valid here: a whole number"),
    ("flag", "1", "1 is not valid here: a boolean"),
    ("timestamp", '"2026-01-01"', "'2026-01-01' is not valid here: a time"),
    ("day", '"1 May"', "'1 May' is not valid here: a date"),
]


@pytest.mark.parametrize(("target", "value", "message"), CONSTANTS)
def test_a_constant_that_its_target_cannot_hold(target: str, value: str, message: str) -> None:
    assert said(f'"{target}" = {{ const = {value} }}') == [f"5: {target}: the constant {message}"]


TABLE = '[lookup.tiers]\nGold = "one"\n"*" = "two"\n[lookup.numbers]\na = 1\n'


def test_a_lookup_is_a_table_and_what_all_else_becomes() -> None:
    text = (
        '{}[[output]]\nto = "events"\n[output.fields]\nkind = {{ lookup = "tiers", from = ["name", "store.code"] }}\n'
    )
    refs = (ref("name", maybe(STRING)), ref("store.code", maybe(STRING)))
    for own, shared in (
        (TABLE, ""),
        ("", TABLE),
        ('[lookup.tiers]\nGold = "one"\n"*" = "two"\n', '[lookup.tiers]\nx = "two"'),
    ):
        (mapping,), problems = bound(f"{HEAD}{own}{text.format('')}", shared=shared)
        assert problems == []
        assert mapping.outputs[0].fields[0].verb == Lookup({"gold": "one"}, "two", refs)
    options = Options(tables={"tiers": {"GOLD": "two"}})
    (mapping,), problems = bound(f"{HEAD}{TABLE}{text.format('')}", options=options)
    assert mapping.outputs[0].fields[0].verb == Lookup({"gold": "two"}, "two", refs)


def test_a_lookup_may_have_no_entry_for_all_else() -> None:
    for path, source in (("flag", BOOLEAN), ("id", INTEGER)):
        lines = f'number = {{ lookup = "numbers", from = "{path}" }}'
        (mapping,), problems = bound(f'{HEAD}{TABLE}[[output]]\nto = "events"\n[output.fields]\n{lines}')
        assert problems == []
        assert mapping.outputs[0].fields[0].verb == Lookup({"a": 1}, None, (ref(path, source),))


LOOKUPS = [
    ('{ lookup = "tier", from = "name" }', 'there is no lookup table "tier"; the nearest is "tiers"'),
    ('{ lookup = "zz", from = "name" }', 'there is no lookup table "zz"; known: numbers, tiers'),
    ('{ lookup = "tiers", from = "total" }', "a lookup reads a text, a whole number or a boolean"),
    ('{ lookup = "tiers", from = "codes" }', "a lookup reads a text, a whole number or a boolean"),
    ('{ lookup = "tiers", from = ["name", "id"] }', "the paths have several types: integer, string"),
]


@pytest.mark.parametrize(("text", "message"), LOOKUPS)
def test_a_lookup_that_cannot_be(text: str, message: str) -> None:
    _, problems = bound(f'{HEAD}{TABLE}[[output]]\nto = "events"\n[output.fields]\nkind = {text}')
    assert problems == [f"10: kind: {message}"]


USE = '[[output]]\nto = "events"\n[output.fields]\nkind = { lookup = "t", from = "name" }\n'
OF_TWO = "is not valid for kind in mappings/e.toml:5: a text out of one, two"


def test_every_entry_that_does_not_fit_has_its_own_line_and_says_where_it_is_used() -> None:
    """Also that of all else. The field is not missed then, nor what it would have read."""
    table = '[lookup.t]\n"a" = "one"\n" B" = 1\n"*" = "x"\n'
    (mapping,), problems = bound(f"{HEAD}{USE}{table}")
    assert problems == [f"8: b: 1 {OF_TWO}", f"9: *: 'x' {OF_TWO}"]
    assert mapping.outputs[0].fields == ()
    reader = READER._replace(root=record(name=STRING))
    assert len(bound(f"{HEAD}{USE}{table}", readers={"e": reader}, shared_paths=())[1]) == 2


def test_an_entry_is_named_at_every_use_that_it_does_not_fit() -> None:
    more = 'text = { lookup = "t", from = "name" }\nnumber = { lookup = "t", from = "name" }\n'
    assert bound(f'{HEAD}{USE}{more}[lookup.t]\na = "x"')[1] == [
        f"9: a: 'x' {OF_TWO}",
        "9: a: 'x' is not valid for number in mappings/e.toml:7: a number",
    ]


def test_an_entry_is_named_in_the_file_that_has_it() -> None:
    """A table of the mapping takes the place of one that all share; the settings are laid over either."""
    bad, good = '[lookup.t]\na = "x"\n', '[lookup.t]\na = "one"\n'
    shared = bound(f"{HEAD}{USE}", shared=bad)[1]
    assert shared == [f"mappings/_common.toml:2: a: 'x' {OF_TWO}"]
    assert bound(f"{HEAD}{USE}{bad}", shared=good)[1] == [f"7: a: 'x' {OF_TWO}"]
    assert bound(f"{HEAD}{USE}{good}", shared=bad)[1] == []
    for name, label in (("t", "[lookups.t]"), ("tiers", "[tiers]")):
        options = Options(tables={name: {" A ": "y"}})
        use = USE.replace('"t"', f'"{name}"')
        said = [f"{label}: a: 'y' {OF_TWO}"]
        assert bound(f"{HEAD}{use}{good.replace('.t]', f'.{name}]')}", options=options)[1] == said
        assert bound(f"{HEAD}{use}", shared=bad.replace(".t]", f".{name}]"), options=options)[1] == said


def test_entries_of_the_operator_for_a_table_that_there_is_not() -> None:
    tables = {"tierz": {"a": "b"}, "zz": {"a": "b"}, "numbers": {"b": 2}, "tiers": {"a": "one"}}
    text = f'{HEAD}[lookup.numbers]\na = 1\n[[output]]\nto = "events"'
    _, problems = bound(text, options=Options(tables=tables), shared='[lookup.tiers]\na = "one"')
    assert problems == [
        '[lookups.tierz]: tierz: no mapping has this table; the nearest is "tiers"',
        "[lookups.zz]: zz: no mapping has this table; known: numbers, tiers",
    ]
    assert bound(text, options=Options(tables={"tiers": {}}))[1] == [
        '[tiers]: tiers: no mapping has this table; the nearest is "numbers"'
    ]


# ---- call ------------------------------------------------------------------------------------------------------------

CALLS = [
    ("text", "join", "[]", ()),
    ("text", "clean", '["name"]', (ref("name", maybe(STRING)),)),
    ("text", "clean", '["@output"]', (Context("@output", STRING),)),
    ("text", "clean", '["nothing"]', (ref("nothing", Source("null", nullable=True)),)),
    ("text", "clean", '["@item"]', (Context("@item", Source("null", nullable=True)),)),
    ("text", "clean", '[{ const = "x" }]', (Literal("x"),)),
    ("number", "number_of", '["total"]', (ref("total", NUMBER),)),
    ("number", "number_of", '["id"]', (ref("id", INTEGER),)),
    ("number", "number_of", "[{ const = 1 }]", (Literal(1),)),
    ("number", "number_of", "[{ const = 1.5 }]", (Literal(1.5),)),
    ("whole", "integer_of", '["id", { const = "x" }]', (ref("id", INTEGER), Literal("x"))),
    ("flag", "boolean_of", "[{ const = true }]", (Literal(value=True),)),
    ("timestamp", "moment_of", '["id"]', (ref("id", INTEGER),)),
    ("day", "day_of", '["id"]', (ref("id", INTEGER),)),
    ("day", "clean", '["name"]', (ref("name", maybe(STRING)),)),
    ("texts", "strings_of", '["codes"]', (ref("codes", array(STRING)),)),
    ("map", "texts_of", '["texts"]', (ref("texts", Source("map", item=STRING)),)),
    ("identityMap", "identities_of", '["id"]', (ref("id", INTEGER),)),
    (
        "text",
        "join",
        '["total", "either", "codes", "@now"]',
        (
            *(ref("total", NUMBER), ref("either", Source("mixed")), ref("codes", array(STRING))),
            Context("@now", INTEGER),
        ),
    ),
    ("text", "rows_of", '["pairs"]', (RowsRef("pairs", ("key", "value")),)),
    ("text", "rows_of", '["rows[id,deep.code]"]', (RowsRef("rows", ("id", "deep.code")),)),
    ("flag", "is_row", '["rows[qty]", "store.code"]', None),
    ("text", "rows_or_text", '["rows[qty]"]', (RowsRef("rows", ("qty",)),)),
    ("text", "rows_or_text", '["eventName"]', (ref("eventName", STRING),)),
    (
        "text",
        "half_unread",
        '["name", "store.code"]',
        (ref("name", maybe(STRING)), Unread(ref("store.code", maybe(STRING)))),
    ),
    ("text", "half_unread", '[{ const = "x" }, "@output"]', (Literal("x"), Context("@output", STRING))),
]


@pytest.mark.parametrize(("target", "name", "given", "arguments"), [call for call in CALLS if call[3] is not None])
def test_a_call_is_given_what_its_function_takes(
    target: str, name: str, given: str, arguments: tuple[object, ...]
) -> None:
    required = "timestamp", "identityMap"
    more = ", required = true" if target in required else ""
    assert field(target, f'{{ call = "{name}", with = {given}{more} }}').verb == Invoke(functions()[name], arguments)  # type: ignore[arg-type]


REFUSED = [
    ("text", "jion", "[]", 'there is no function "jion"; the nearest is "join"'),
    ("text", "clean", "[]", "clean takes 1 arguments, with names 0"),
    ("text", "clean", '["name", "name"]', "clean takes 1 arguments, with names 2"),
    ("flag", "is_row", "[]", "is_row takes at least 1 arguments, with names 0"),
    ("whole", "integer_of", '["id"]', "integer_of takes 2 arguments, with names 1"),
    ("text", "clean", '["id"]', "parameter a takes none or string, and id is an integer"),
    ("text", "clean", "[{ const = 1 }]", "parameter a takes none or string, and 1 is an integer"),
    ("text", "clean", "[{ const = true }]", "parameter a takes none or string, and True is a boolean"),
    ("text", "clean", '["codes"]', "parameter a takes none or string, and codes is a strings"),
    ("text", "clean", '["numbers"]', "parameter a takes none or string, and numbers is an array"),
    ("text", "clean", '["texts"]', "parameter a takes none or string, and texts is a texts"),
    ("text", "clean", '["counts"]', "parameter a takes none or string, and counts is a map"),
    ("texts", "strings_of", '["numbers"]', "parameter a takes strings, and numbers is an array"),
    ("map", "texts_of", '["counts"]', "parameter a takes texts, and counts is a map"),
    ("number", "number_of", '["name"]', "parameter a takes integer or number, and name is a string"),
    ("number", "number_of", '["store.till"]', "parameter a takes no None, and store.till may be absent"),
    ("number", "number_of", '["nothing"]', "parameter a takes no None, and nothing may be absent"),
    ("number", "number_of", '["zzz"]', 'the event has no "zzz"'),
    ("whole", "integer_of", '["total", "name"]', "parameter a takes integer, and total is a number"),
    ("flag", "is_row", '["pairs", "id"]', "parameter rest takes string, and id is an integer"),
    ("text", "rows_of", '["nmae"]', 'the event has no "nmae"; the nearest is "name"'),
    ("text", "rows_of", '["name"]', 'parameter a takes an array of records, and "name" is none'),
    ("text", "rows_of", '["codes"]', 'parameter a takes an array of records, and "codes" is none'),
    ("text", "rows_of", '["texts[a]"]', 'parameter a takes an array of records, and "texts" is none'),
    ("text", "rows_of", '["pairs[key,valu]"]', 'an item of "pairs" has no "valu"; the nearest is "value"'),
    ("text", "rows_of", '["rows"]', 'an item of "rows" has no "key"; known: deep, deep.code, id, no, odd'),
    ("text", "rows_or_text", '["pairs"]', "parameter a takes rows or string, and pairs is an array"),
    ("number", "clean", '["name"]', "a number cannot be made of a clean: a number is needed"),
    ("flag", "number_of", '["total"]', "a boolean cannot be made of a number: a boolean is needed"),
    ("map", "strings_of", '["codes"]', "needs a map, and array is none"),
    ("texts", "texts_of", '["texts"]', "a text cannot be made of a map: a text is needed"),
    ("text", "strings_of", '["codes"]', "a text cannot be made of an array: a text is needed"),
    ("text", "identities_of", '["id"]', "a text cannot be made of an identities: a text is needed"),
    ("map", "identities_of", '["id"]', "needs a map, and identities is none"),
    ("object", "clean", '["name"]', "is an object; its fields are set one by one"),
]


@pytest.mark.parametrize(("target", "name", "given", "message"), REFUSED)
def test_a_call_that_cannot_be(target: str, name: str, given: str, message: str) -> None:
    (found,) = said(f'"{target}" = {{ call = "{name}", with = {given} }}')
    assert found.startswith(f"5: {target}: {message}")


def test_identities_are_for_an_identity_map_alone() -> None:
    """Objects with `id` and `primary`, in lists, by the code of their namespace."""
    nodes = {
        "identityMap": Map(Array(Object({"id": Text(), "primary": Boolean(), "authenticatedState": Text()}))),
        "other": Map(Array(Object({"id": Text()}))),
    }
    for target, problems in (("identityMap", []), ("other", ["5: other: is no identityMap"])):
        call = '{ call = "identities_of", with = ["id"], required = true }'
        text = f'{HEAD}[[output]]\nto = "events"\n[output.fields]\n{target} = {call}'
        assert bound(text, schemas={"events": schema("events", **nodes)})[1] == problems


def test_a_text_of_a_brands_function_is_not_judged_yet() -> None:
    """A clean text of ours becomes a day as well as a text does; only theirs may be made upper case by nobody."""
    assert field("text", '{ call = "raw_text", with = ["name"] }').verb == Invoke(
        functions()["raw_text"], (ref("name", maybe(STRING)),)
    )


@pytest.mark.parametrize("to", ["events", "profile"])
def test_who_calls_a_function_of_a_faulty_file_is_not_at_fault(to: str) -> None:
    lines = 'text = { call = "theirs", with = ["name"] }\nnumber = { from = "nmae" }'
    text = f'{HEAD}[[output]]\nto = "{to}"\nwhen = {{ call = "theirs", with = [] }}\n[output.fields]\n{lines}'
    (mapping,), problems = bound(text, unusable=["theirs"])
    assert problems == ['7: number: the event has no "nmae"; the nearest is "name"']
    assert (mapping.outputs[0].fields, mapping.outputs[0].conditions) == ((), ())


@pytest.mark.parametrize("lines", ["fields.text = {}", "when = {}"])
def test_what_a_faulty_file_leaves_open_is_not_missed(lines: str) -> None:
    """A path that only an unusable function reads is not called forgotten."""
    call = lines.format('{ call = "theirs", with = ["name"] }')
    text = f'{HEAD}[[output]]\nto = "events"\n{call}'
    reader = READER._replace(root=record(name=STRING))
    assert bound(text, readers={"e": reader, "f": READER}, shared_paths=(), unusable=["theirs"])[1] == []
    (found,) = bound(text, readers={"e": reader, "f": READER}, shared_paths=())[1]
    assert found.endswith(': there is no function "theirs"')


def test_a_function_that_the_brand_does_not_list() -> None:
    call = '{ call = "theirs", with = ["name"] }'
    text = f'{HEAD}[[output]]\nto = "events"\nwhen = {call}\n[output.fields]\ntext = {call}'
    said = 'functions.py defines "theirs", and FUNCTIONS in it does not list it'
    assert bound(text, unlisted=["theirs", "join"])[1] == [f"4: when: {said}", f"6: text: {said}"]
    join = '[[output]]\nto = "events"\nfields.text = { call = "join", with = [] }'
    assert bound(f"{HEAD}{join}", unlisted=["join"])[1] == []


# ---- lists of objects ------------------------------------------------------------------------------------------------


def test_fields_of_a_list_read_the_item_first_and_the_event_then() -> None:
    one = field("list", '{ each = "rows", fields.id = { from = "id" }, fields.where.code = { from = "store.code" } }')
    assert isinstance(one.verb, Parts)
    (part,) = one.verb.parts
    assert (part.each, part.node, part.place) == (ref("rows", array(ROW)), ELEMENT, one.place)
    assert [(inner.target, inner.verb) for inner in part.fields] == [
        ("id", Pick((ref("id", STRING, item=True),), None)),
        ("where.code", Pick((ref("store.code", maybe(STRING)),), None)),
    ]


def test_a_list_of_plain_values_is_read_as_their_value() -> None:
    one = field("list", '{ each = "codes", fields.id = { from = "@value" } }')
    assert isinstance(one.verb, Parts)
    assert one.verb.parts[0].fields[0].verb == Pick((Context("@value", STRING),), None)


def test_a_list_in_a_list_stays_in_its_item() -> None:
    one = field(
        "list",
        '{ each = "rows", fields.id = { from = "id" }, '
        'fields.inner = { each = "parts", fields.x = { from = "value" } } }',
    )
    assert isinstance(one.verb, Parts)
    inner = one.verb.parts[0].fields[1].verb
    assert isinstance(inner, Parts)
    assert inner.parts[0].each == ref("parts", ROW.fields["parts"], item=True)
    assert inner.parts[0].fields[0].verb == Pick((ref("value", STRING, item=True),), None)


def test_a_part_without_each_stays_where_it_is() -> None:
    one = field("list", '{ each = "codes", fields.inner = { fields.x = { from = "@value" } } }')
    assert isinstance(one.verb, Parts)
    inner = one.verb.parts[0].fields[0].verb
    assert isinstance(inner, Parts)
    assert (inner.parts[0].each, inner.parts[0].fields[0].verb) == (None, Pick((Context("@value", STRING),), None))
    alone = field("list", '{ fields.id = { from = "name" } }')
    assert isinstance(alone.verb, Parts)
    assert alone.verb.parts[0].fields[0].verb == Pick((ref("name", maybe(STRING)),), None)


def test_a_call_in_a_list_reads_rows_and_values_of_the_item() -> None:
    one = field(
        "list",
        '{ each = "rows", fields.id = { call = "rows_of", with = ["parts"] }, '
        'fields.qty = { call = "number_of", with = ["qty"] } }',
    )
    assert isinstance(one.verb, Parts)
    assert [inner.verb for inner in one.verb.parts[0].fields] == [
        Invoke(functions()["rows_of"], (RowsRef("parts", ("key", "value"), item=True),)),
        Invoke(functions()["number_of"], (ref("qty", NUMBER, item=True),)),
    ]


LISTS = [
    (
        "list",
        '{ each = "rows", fields.id = { from = "@value" } }',
        '5: id: "@value" is the item of a list of plain values; fields of a record are read by their names',
    ),
    (
        "list",
        '{ each = "rowz", fields.id = { from = "id" } }',
        '5: each: the event has no "rowz"; the nearest is "rows"',
    ),
    ("list", '{ each = "name", fields.id = { from = "id" } }', '5: each: "name" is no array'),
    ("list", '{ each = "texts", fields.id = { from = "id" } }', '5: each: "texts" is no array'),
    ("list", '{ each = "@now", fields.id = { from = "id" } }', '5: each: "@now" is no array'),
    (
        "list",
        '{ each = "spare", fields.id = { from = "id" } }',
        '5: each: "spare" may have null among its items',
    ),
    ("list", '{ each = "rows", fields.id = { from = "i" } }', '5: id: the event has no "i"; the nearest is "id"'),
    ("list", '{ each = "rows", fields.id = { from = "ta" } }', '5: id: the event has no "ta"; the nearest is "tags"'),
    (
        "list",
        '{ each = "rows", fields.idd = { from = "id" } }',
        '5: idd: the XDM schema has no such field; the nearest is "id"',
    ),
    (
        "list",
        '{ each = "rows", fields.id = { from = "id" }, fields.where.till = { from = "id", as = "integer" } }',
        '5: rows: XDM requires "where.code", and nothing sets it',
    ),
    ("strict", '{ each = "rows", fields.qty = { from = "qty" } }', '5: rows: XDM requires "id", and nothing sets it'),
    ("strict", '{ fields.qty = { from = "total" } }', '5: element: XDM requires "id", and nothing sets it'),
    (
        "texts",
        '{ each = "rows", fields.a = { from = "id" } }',
        "5: texts: each makes a list of objects, and this is none",
    ),
    ("object", '{ fields.a = { from = "name" } }', "5: object: each makes a list of objects, and this is none"),
    (
        "list",
        '{ each = "rows", fields.id = { from = "id", absent = "clear" } }',
        '5: id: absent = "clear" is for Profile outputs; an event just lacks the field',
    ),
]


@pytest.mark.parametrize(("target", "text", "problem"), LISTS)
def test_a_list_that_cannot_be(target: str, text: str, problem: str) -> None:
    assert said(f'"{target}" = {text}') == [problem]


# ---- targets ---------------------------------------------------------------------------------------------------------


def test_the_tenant_stands_where_its_name_is() -> None:
    one = field("_tenant.own", '{ from = "name" }')
    assert (one.target, one.node) == ("_acme.own", Text())


@pytest.mark.parametrize(
    ("target", "nearest"),
    [
        ("_tenant.owm", '; the nearest is "_tenant.own"'),
        ("objekt.a", '; the nearest is "object.a"'),
        ("object.deep", None),
        ("texts.a", '; the nearest is "texts"'),
        ("zzzzzzzzzzzz", ""),
    ],
)
def test_a_target_that_the_schema_has_not(target: str, nearest: str | None) -> None:
    refused = "is an object; its fields are set one by one"
    said_ = refused if nearest is None else f"the XDM schema has no such field{nearest}"
    assert said(f'"{target}" = {{ from = "name" }}') == [
        *([f"5: object.deep: {said_}"] if nearest is None else [f"5: {target}: {said_}"]),
    ]


def test_fields_of_one_object_stand_together() -> None:
    lines = "\n".join(
        f'"{target}" = {{ from = "name" }}'
        for target in ("object.deep.d", "text", "object.a", "_id", "object.deep.c", "object.b")
    ).replace('"_id" = { from = "name" }', '"_id" = { from = "name", required = true }')
    assert [one.target for one in fields(lines)] == [
        *("object.deep.d", "object.deep.c", "object.a", "object.b", "text", "_id"),
    ]


OVERLAPS = [
    (
        'text = { from = "name" }\n"_tenant".own = { from = "name" }\n"_tenant.own" = { from = "name" }',
        ["7: _acme.own: is set twice"],
    ),
    (
        '"_tenant.own" = { from = "name" }\n_acme.own = { from = "name" }\n"_acme".own = { from = "name" }'.replace(
            '\n"_acme".own = { from = "name" }', ""
        ),
        ["6: _acme.own: is set twice"],
    ),
    (
        '"object.a" = { from = "name" }\nobject = { const = { a = "x" } }',
        ["5: object.a: is also set as part of object"],
    ),
    (
        '"object.deep.d" = { from = "name" }\n"object.deep" = { const = { d = "x" } }',
        ["5: object.deep.d: is also set as part of object.deep"],
    ),
]


@pytest.mark.parametrize(("lines", "problems"), OVERLAPS)
def test_a_target_is_set_once(lines: str, problems: list[str]) -> None:
    assert said(lines) == problems


REQUIRED = [
    ('"needy.a" = { from = "name" }', ["b", "deep"]),
    ('"needy.a" = { from = "name" }\n"needy.b" = { from = "name" }', ["deep"]),
    ('"needy.a" = { from = "name" }\n"needy.b" = { from = "name" }\n"needy.deep.c" = { from = "name" }', []),
    ('"needy.b" = { from = "nmae" }\n"needy.deep.c" = { from = "name" }', None),
    ('"object.a" = { from = "name" }', []),
]


@pytest.mark.parametrize(("lines", "missing"), REQUIRED)
def test_what_xdm_requires_of_an_object_that_is_touched(lines: str, missing: list[str] | None) -> None:
    if missing is None:
        assert said(lines) == ['5: needy.b: the event has no "nmae"; the nearest is "name"']
    else:
        assert said(lines) == [f'2: events: XDM requires "needy.{name}", and nothing sets it' for name in missing]


def test_what_xdm_requires_below_and_at_the_root() -> None:
    assert said('"object.deep.c" = { from = "name" }', "strict") == [
        '2: strict: XDM requires "_id", and nothing sets it',
        '2: strict: XDM requires "object.deep.d", and nothing sets it',
        '2: strict: XDM requires "timestamp", and nothing sets it',
    ]


# ---- required and clear ----------------------------------------------------------------------------------------------

FLAGS = [
    ("events", "", False, False),
    ("events", ", required = true", True, False),
    ("profile", "", True, False),
    ("profile", ", required = true", True, False),
    ("profile", ', absent = "clear"', False, True),
]


@pytest.mark.parametrize(("to", "more", "required", "clear"), FLAGS)
def test_what_an_output_can_do_without(to: str, more: str, required: bool, clear: bool) -> None:  # noqa: FBT001
    one = field("text", f'{{ from = "name"{more} }}', to)
    assert (one.required, one.clear) == (required, clear)


def test_a_constant_of_profile_is_always_there() -> None:
    assert field("text", '{ const = "x" }', "profile").required is False


CLEARS = [
    ("text", '{ from = "name"'),
    ("text", '{ call = "join", with = ["@now", "name"]'),
    ("text", '{ call = "rows_of", with = ["pairs"]'),
    ("list", '{ each = "codes", fields.id = { from = "@value" }'),
]
CLEARS_NOT = [
    ("text", '{ const = "x"'),
    ("text", '{ call = "join", with = []'),
    ("text", '{ call = "join", with = ["@now", { const = 1 }]'),
    ("list", '{ fields.id = { from = "name" }'),
]


@pytest.mark.parametrize(("target", "text"), CLEARS)
def test_what_is_read_of_the_event_may_be_absent(target: str, text: str) -> None:
    assert field(target, f'{text}, absent = "clear" }}', "profile").clear


@pytest.mark.parametrize(("target", "text"), CLEARS_NOT)
def test_what_is_not_read_of_the_event_is_never_absent(target: str, text: str) -> None:
    assert said(f'{target} = {text}, absent = "clear" }}', "profile") == [
        f'5: {target}: absent = "clear" needs a value of the event, and nothing is read'
    ]


def test_an_event_just_lacks_a_field() -> None:
    assert said('text = { from = "name", absent = "clear" }') == [
        '5: text: absent = "clear" is for Profile outputs; an event just lacks the field'
    ]


def test_inside_of_lists_profile_requires_all_but_what_may_be_absent() -> None:
    lines = '{ each = "rows", fields.id = { from = "id" }, fields.qty = { from = "qty", absent = "clear" } }'
    for to, required in (("profile", [True, False]), ("events", [False])):
        one = field(
            "list",
            lines if to == "profile" else lines.replace(', fields.qty = { from = "qty", absent = "clear" }', ""),
            to,
        )
        assert isinstance(one.verb, Parts)
        assert [inner.required for inner in one.verb.parts[0].fields] == required


NESTED = '{ each = "rows", fields.id = { from = "id" }, fields.inner = { each = "parts", fields.x = {} } }'


def test_inside_of_a_list_in_a_list_nothing_of_the_item_may_be_absent() -> None:
    """Nobody knows whether the writer of a record had the fields of such items."""
    for path in ('"key"', '["name", "key"]'):
        lines = NESTED.replace("{} }", f'{{ from = {path}, absent = "clear" }} }}')
        assert said(f"list = {lines}", "profile") == [
            '5: x: absent = "clear" is not for a list inside a list: it would withhold the output every time'
        ]
    deepest = NESTED.replace("fields.x = {}", 'fields.more = { fields.y = { from = "key", absent = "clear" } }')
    assert said(f"list = {deepest}", "profile") == [
        '5: y: absent = "clear" is not for a list inside a list: it would withhold the output every time'
    ]
    of_the_event = NESTED.replace("{} }", '{ from = "name", absent = "clear" } }')
    assert said(f"list = {of_the_event}", "profile") == []
    deeper = NESTED.replace("fields.x = {}", 'fields.x = { from = "key" }')
    assert said(f"list = {deeper}", "profile") == []


@pytest.mark.parametrize(
    "inner",
    [
        '{ fields.x = { from = "id", absent = "clear" } }',
        '{ each = "pairs", fields.x = { from = "key", absent = "clear" } }',
    ],
)
def test_what_is_no_list_of_the_item_may_hold_what_may_be_absent(inner: str) -> None:
    line = f'list = {{ each = "rows", fields.id = {{ from = "id" }}, fields.inner = {inner} }}'
    assert said(line, "profile") == []


NEEDED = "needs required = true: AEP takes nothing without it"


@pytest.mark.parametrize("to", ["events", "profile"])
def test_what_aep_takes_nothing_without(to: str) -> None:
    lines = (
        '_id = { from = "name" }\ntimestamp = { from = "id" }\nidentityMap = { call = "identities_of", with = ["id"] }'
    )
    if to == "profile":
        lines = lines.replace(" }", ', absent = "clear" }')
    expected = {"events": [(5, "_id"), (6, "timestamp"), (7, "identityMap")], "profile": [(7, "identityMap")]}
    assert said(lines, to) == [f"{line}: {target}: {NEEDED}" for line, target in expected[to]]
    assert said(lines.replace(', absent = "clear"', "").replace(" }", ", required = true }"), to) == []


def test_a_constant_is_as_good_as_required() -> None:
    assert said('_id = { const = "x" }') == []


# ---- outputs ---------------------------------------------------------------------------------------------------------


def test_an_output_has_its_schema_and_place() -> None:
    one = output('name = "second"')
    assert one == Output("events", "second", SCHEMAS["events"], None, (), (), (), Place(FILE, 2, "[[output]]"))


def test_a_destination_that_there_is_not() -> None:
    assert said_of("", "evens") == ['2: to: there is no XDM schema of the destination "evens"; the nearest is "events"']


def test_an_event_that_there_is_not() -> None:
    text = 'event = "f"\n[[output]]\nto = "events"'
    mappings, problems = bound(text, f'{HEAD}[[output]]\nto = "events"', readers={"e": READER, "fff": READER})
    assert problems == ['mappings/f.toml:1: event: there is no Avro schema of the event "f"; the nearest is "fff"']
    assert [mapping.event for mapping in mappings] == ["e"]


def test_conditions_read_the_event() -> None:
    text = 'when = [{ call = "is_any", with = ["name"], otherwise = "nobody" }, { call = "is_row", with = ["pairs"] }]'
    where = Place(FILE, 4, text)
    assert output(text).conditions == (
        Condition(Invoke(functions()["is_any"], (ref("name", maybe(STRING)),)), "nobody", where),
        Condition(Invoke(functions()["is_row"], (RowsRef("pairs", ("key", "value")),)), "", where),
    )


CONDITIONS = [
    ('{ call = "is_any", with = ["nmae"] }', 'the event has no "nmae"; the nearest is "name"'),
    ('{ call = "clean", with = ["name"] }', "clean does not return a boolean"),
    ('{ call = "is_noted", with = ["name"] }', "is_noted does not return a boolean"),
    ('{ call = "is_ani", with = ["name"] }', 'there is no function "is_ani"; the nearest is "is_any"'),
    (
        '{ call = "is_any", with = ["@value"] }',
        '"@value" cannot be read here: it is the item of an `each`, and there is none around',
    ),
]


@pytest.mark.parametrize(("text", "message"), CONDITIONS)
def test_a_condition_that_cannot_be(text: str, message: str) -> None:
    fan = 'each = "codes"\nkey = "id"\n' if "@value" in text else ""
    found = said_of(f"{fan}when = {text}")
    assert f"{6 if fan else 4}: when: {message}" in found
    assert len(found) == 1 + bool(fan)


def test_an_output_stays_without_a_condition_that_is_none() -> None:
    (mapping,), _ = bound(f'{HEAD}[[output]]\nto = "events"\nwhen = {{ call = "clean", with = ["name"] }}')
    assert [one.conditions for one in mapping.outputs] == [()]


def test_a_fan_out_reads_its_items() -> None:
    one = output(
        'each = "rows"\nkey = ["id", "no", "deep.code"]\nfields.text = { from = "tags" }\n'.replace(
            'fields.text = { from = "tags" }\n', 'fields.texts = { from = "tags" }\n'
        )
    )
    assert one.each == ref("rows", array(ROW))
    assert one.key == (
        *(ref("id", STRING, item=True), ref("no", maybe(INTEGER), item=True), ref("deep.code", STRING, item=True)),
    )
    assert one.fields[0].verb == Pick((ref("tags", array(STRING), item=True),), None)


def test_the_key_of_a_fan_out_can_be_read_everywhere_in_it() -> None:
    """Inside of its lists too; outside of a fan-out it is nothing."""
    lines = 'text = { call = "clean", with = ["@item"] }\nlist = { each = "tags", fields.id = { from = "@item" } }'
    one = output(f'each = "rows"\nkey = "id"\n[output.fields]\n{lines}')
    item = Context("@item", maybe(STRING))
    assert one.fields[0].verb == Invoke(functions()["clean"], (item,))
    assert isinstance(one.fields[1].verb, Parts)
    assert one.fields[1].verb.parts[0].fields[0].verb == Pick((item,), None)
    (found,) = said('text = { from = "@item" }')
    assert found.startswith("5: text: a text cannot be made of a null")


FAN_OUTS = [
    ('each = "rowz"\nkey = "id"', ['2: each: the event has no "rowz"; the nearest is "rows"']),
    ('each = "name"\nkey = "id"\nfields.text = { from = "tags" }', ['2: each: "name" is no array']),
    ('each = "spare"\nkey = "id"', ['2: each: "spare" may have null among its items']),
    ('each = "rows"\nkey = "ids"', ['2: key: the event has no "ids"; the nearest is "id"']),
    (
        'each = "rows"\nkey = ["ids", "qty"]',
        [
            '2: key: "qty" is no text or whole number inside the item of `each`',
            '2: key: the event has no "ids"; the nearest is "id"',
        ],
    ),
    ('each = "rows"\nkey = "odd"', ['2: key: "odd" is no text or whole number inside the item of `each`']),
    ('each = "rows"\nkey = "name"', ['2: key: "name" is no text or whole number inside the item of `each`']),
    ('each = "rows"\nkey = "@now"', ['2: key: "@now" is no text or whole number inside the item of `each`']),
    ('each = "codes"\nkey = "@value"', ['2: key: "@value" is no text or whole number inside the item of `each`']),
]


@pytest.mark.parametrize(("lines", "problems"), FAN_OUTS)
def test_a_fan_out_that_cannot_be(lines: str, problems: list[str]) -> None:
    assert said_of(lines) == problems


def test_profile_has_one_customer() -> None:
    assert said_of('each = "rows"\nkey = "id"', "profile") == [
        "2: each: a fan-out writes events only, Profile has one customer"
    ]


TWO = '[[output]]\nto = "{}"\n{}\n[[output]]\nto = "{}"\n{}\n'


def test_outputs_have_names_of_their_own() -> None:
    assert bound(HEAD + TWO.format("events", "", "events", 'name = "second"'))[1] == []
    assert bound(
        HEAD + TWO.format("events", 'name = "a"', "strict", 'name = "a"\nwhen = { call = "is_any", with = ["name"] }')
    )[1] == [
        '5: name: 2 outputs are called "a" and would share an _id; give each a name of its own',
        '5: strict: XDM requires "_id", and nothing sets it',
        '5: strict: XDM requires "timestamp", and nothing sets it',
    ]
    last = '[[output]]\nto = "events"\nname = "c"'
    assert bound(HEAD + TWO.format("events", "", "events", "") + last)[1] == [
        '5: name: 2 outputs are called "events" and would share an _id; give each a name of its own'
    ]
    three = HEAD + TWO.format("events", "", "events", "") + '[[output]]\nto = "events"'
    assert bound(three)[1] == [
        '8: name: 3 outputs are called "events" and would share an _id; give each a name of its own'
    ]


WHEN = 'when = {{ call = "is_any", with = ["{}"] }}'


def test_of_several_writes_of_profile_conditions_choose_one() -> None:
    named = 'name = "second"\n'
    when, other = WHEN.format("name"), WHEN.format("store.code")
    assert bound(HEAD + TWO.format("profile", when, "profile", named + other))[1] == []
    assert bound(HEAD + TWO.format("profile", "", "other", ""))[1] == []
    for first, second in (("", ""), (when, ""), ("", other)):
        assert bound(HEAD + TWO.format("profile", first, "profile", named + second))[1] == [
            "5: to: 2 outputs write profile without `when`; AEP does not say which write would win"
        ]
    assert bound(HEAD + TWO.format("events", "", "events", named))[1] == []
    third = '[[output]]\nto = "profile"\nname = "third"\n'
    for more, line, count in ((third, 9, 3), ('[[output]]\nto = "other"\n', 5, 2)):
        assert bound(HEAD + TWO.format("profile", when, "profile", named) + more)[1] == [
            f"{line}: to: {count} outputs write profile without `when`; AEP does not say which write would win"
        ]
    unconditional = HEAD + TWO.format("profile", when, "profile", named + other) + '[[output]]\nto = "other"\n'
    assert bound(unconditional)[1] == []


ID = '[output.fields]\n_id = {{ call = "join", with = [{}], required = true }}'
MULTIPLE = "must read @output: the event has several outputs"
FANNED = "must read @item: the output gives several messages"
IDS = [
    (TWO.format("events", ID.format(""), "profile", ""), []),
    (TWO.format("events", ID.format('"@output"'), "strict", ""), []),
    (TWO.format("events", ID.format('"@now", "name"'), "events", 'name = "b"'), [f"5: _id: {MULTIPLE}"]),
    ('[[output]]\nto = "events"\neach = "rows"\nkey = "id"\n' + ID.format('"@output"'), [f"7: _id: {FANNED}"]),
    ('[[output]]\nto = "events"\neach = "rows"\nkey = "id"\n' + ID.format('"@item"'), []),
    (
        TWO.format("events", 'each = "rows"\nkey = "id"\n' + ID.format(""), "events", 'name = "b"'),
        [f"7: _id: {FANNED}", f"7: _id: {MULTIPLE}"],
    ),
    (TWO.format("events", ID.format(""), "nowhere", ""), None),
    (
        '[[output]]\nto = "events"\neach = "rows"\nkey = "id"\n[output.fields]\n_id = { from = "id", required = true }',
        [f"7: _id: {FANNED}"],
    ),
]


@pytest.mark.parametrize(("text", "problems"), IDS)
def test_no_two_messages_share_an_id(text: str, problems: list[str] | None) -> None:
    found = [problem for problem in bound(HEAD + text)[1] if "XDM requires" not in problem]
    if problems is None:
        assert found == ['6: to: there is no XDM schema of the destination "nowhere"; the nearest is "other"']
    else:
        assert found == problems


# ---- what outputs share ----------------------------------------------------------------------------------------------

SHARED = """
[events.fields]
_id = { call = "join", with = [], required = true }
text = { const = "shared" }
[profile.fields]
number = { from = "total" }
"""


def test_shared_fields_come_first_and_each_output_may_have_its_own() -> None:
    one = output('fields.flag = { from = "flag" }\nfields.text = { const = "own" }', shared=SHARED)
    assert [(field.target, field.place.file) for field in one.fields] == [
        ("_id", "mappings/_common.toml"),
        ("text", FILE),
        ("flag", FILE),
    ]
    assert one.fields[1].verb == Constant("own")


def test_each_kind_has_its_own_shared_fields() -> None:
    one = output('fields.flag = { from = "flag" }', "profile", shared=SHARED)
    assert [field.target for field in one.fields] == ["number", "flag"]
    assert [field.target for field in output("", shared=SHARED).fields] == ["_id", "text"]


def test_a_field_of_its_own_that_is_set_twice_is_named_once() -> None:
    lines = '"text" = { const = "a" }\n[output.fields."_tenant"]\nown = { const = "x" }\n'
    text = f'{HEAD}[[output]]\nto = "events"\n[output.fields]\n{lines}'
    assert bound(text, shared=SHARED)[1] == []
    twice = '[output.fields.object]\n"deep.d" = { const = "a" }\ndeep.d = { const = "b" }'
    (mapping,), problems = bound(
        f'{HEAD}[[output]]\nto = "events"\n{twice}', shared='[events.fields]\n"object.deep.d" = { const = "s" }'
    )
    assert problems == ["6: object.deep.d: is set twice"]
    assert [field.verb for field in mapping.outputs[0].fields] == [Constant("a"), Constant("b")]


AUDIT = '"extSourceSystemAudit.lastUpdatedDate" = { from = "id" }\n'


@pytest.mark.parametrize(
    ("last_updated", "to", "targets"),
    [
        (True, "profile", ["extSourceSystemAudit.lastUpdatedDate", "text"]),
        (False, "profile", ["text"]),
        (False, "events", ["extSourceSystemAudit.lastUpdatedDate", "text"]),
    ],
)
def test_profile_may_go_without_the_time_of_its_last_update(last_updated: bool, to: str, targets: list[str]) -> None:  # noqa: FBT001
    lines = f'{AUDIT}text = {{ from = "name" }}'
    assert [one.target for one in fields(lines, to, Options(last_updated=last_updated))] == targets


@pytest.mark.parametrize(
    ("generation", "to", "target"),
    [
        ("2026", "profile", "loyalty.lifetimePoints"),
        ("2025", "profile", "_acme.capillary.loyalty.lifetimePoints"),
        ("2025", "events", "loyalty.lifetimePoints"),
    ],
)
def test_younger_fields_of_profile_stand_where_the_sandbox_has_them(generation: str, to: str, target: str) -> None:
    lines = '"loyalty.points" = { from = "total" }\n"loyalty.lifetimePoints" = { from = "total" }'
    options = Options(loyalty_fields=generation)  # type: ignore[arg-type]
    assert [one.target for one in fields(lines, to, options)] == ["loyalty.points", target]


# ---- mappings together -----------------------------------------------------------------------------------------------


def both(first: str, second: str, to: str = "profile") -> list[str]:
    """What is wrong with the mappings of two events."""
    texts = (f'event = "{event}"\n[[output]]\nto = "{to}"\n{lines}' for event, lines in (("e", first), ("f", second)))
    return bound(*texts, readers={"e": READER, "f": READER._replace(event="f")})[1]


TEXT, NUMBERED = 'fields.text = { from = "name" }\n', 'fields.number = { from = "total" }\n'


def test_whoever_writes_a_fragment_of_profile_writes_the_same_fields() -> None:
    assert both(TEXT + NUMBERED, NUMBERED + TEXT) == []
    assert both(TEXT, NUMBERED, "events") == []
    assert both(TEXT, TEXT + NUMBERED + 'fields.flag = { from = "flag" }') == [
        f"mappings/f.toml:2: profile: does not write the same fields as {FILE}:2: flag, number"
    ]
    assert both(TEXT, NUMBERED) == [
        f"mappings/f.toml:2: profile: does not write the same fields as {FILE}:2: number, text"
    ]


def test_with_a_faulty_mapping_no_other_is_compared() -> None:
    assert both(TEXT, TEXT + 'fields.number = { from = "totl" }') == [
        'mappings/f.toml:5: number: the event has no "totl"; the nearest is "total"'
    ]


def test_nor_with_one_that_could_not_be_read_whole() -> None:
    """What a faulty file reads and writes cannot be told: its problem is one of the language."""
    specs = []
    for event, lines in (("e", TEXT), ("f", NUMBERED)):
        spec, _ = read_mapping(f"mappings/{event}.toml", f'event = "{event}"\n[[output]]\nto = "profile"\n{lines}')
        assert spec is not None
        specs.append(spec)
    readers = {"e": READER, "f": READER._replace(event="f")}
    for problems, count in (((), 1), ((Problem("mappings/f.toml", 4, "x", "is wrong"),), 0)):
        language = Language(tuple(specs), common(), problems, None)
        mappings, found = bind(language, readers, SCHEMAS, functions(), tenant="_acme", options=Options())
        assert (len(mappings), len(found)) == (2, count)


def test_outputs_of_one_event_write_the_same_too() -> None:
    text = HEAD + TWO.format(
        "profile", WHEN.format("name") + f"\n{TEXT}", "profile", f'name = "b"\n{WHEN.format("id")}\n'
    )
    assert bound(text.replace('["id"]', '["store.code"]'))[1] == [
        f"7: profile: does not write the same fields as {FILE}:2: text"
    ]


# ---- unsent ----------------------------------------------------------------------------------------------------------


def test_unsent_paths_are_those_of_the_file_and_the_shared_ones_of_the_event() -> None:
    reader = READER._replace(root=record(name=STRING, extra=STRING))
    text = f'{HEAD}[[output]]\nto = "events"\n[unsent]\nextra = "why"'
    (mapping,), problems = bound(text, readers={"e": reader, "f": READER})
    assert problems == []
    assert [spec.path for spec in mapping.unsent] == ["extra", "name"]


def test_a_path_that_is_neither_read_nor_listed() -> None:
    reader = READER._replace(root=record(name=STRING, extra=STRING, more=STRING))
    text = f'{HEAD}[[output]]\nto = "events"\nfields.text = {{ from = "more" }}'
    assert bound(text, readers={"e": reader, "f": READER})[1] == [
        "1: extra: is read by no output and not listed in [unsent]"
    ]


def test_a_line_of_unsent_that_the_event_has_not() -> None:
    text = f'{HEAD}[unsent]\nnmae = "why"\n[[output]]\nto = "events"'
    assert bound(text)[1] == ['3: nmae: the event has no "nmae"; the nearest is "name"']


def test_a_shared_line_that_no_event_has() -> None:
    _, problems = bound(f'{HEAD}[[output]]\nto = "events"', shared='[unsent]\n"rows.idd" = "why"\n"rows.id" = "why"')
    assert problems == ['mappings/_common.toml:2: rows.idd: no event has "rows.idd"; the nearest is "rows.id"']


# ---- wants -----------------------------------------------------------------------------------------------------------


def wants(lines: str, reader: Reader = READER) -> list[str | Columns]:
    (mapping,), problems = bound(f'{HEAD}[[output]]\nto = "events"\n{lines}', readers={"e": reader, "f": READER})
    assert problems == []
    assert mapping.wants == wants_of(reader, mapping.outputs)
    return [*mapping.wants]


def test_the_translator_needs_org_name_and_customer_first() -> None:
    assert wants("") == ["orgId", "eventName", "id"]
    assert wants("", READER._replace(customer=None)) == ["orgId", "eventName"]
    assert wants("", READER._replace(customer="rows.id")) == ["orgId", "eventName", Columns("rows", ("id",))]


def test_the_translator_needs_what_was_dropped() -> None:
    root = replace(ROOT, fields={**ROOT.fields, "dropped": array(STRING)})
    reader = READER._replace(root=root)
    text = f'{HEAD}[unsent]\ndropped = "why"\n[[output]]\nto = "events"'
    (mapping,), problems = bound(text, readers={"e": reader})
    assert problems == []
    assert mapping.wants == ("orgId", "eventName", "id", "dropped")


def test_all_that_an_output_reads_is_wanted_once() -> None:
    lines = """
when = [{ call = "is_any", with = ["store.code"] }, { call = "is_row", with = ["pairs[type]", "eventName"] }]
[output.fields]
text = { from = ["name", "store.code"] }
flag = { call = "boolean_of", with = ["flag"] }
map = { from = "texts" }
"_tenant.own" = { call = "half_unread", with = ["name", "object"] }
"object.a" = { call = "rows_of", with = ["pairs"] }
"object.b" = { call = "join", with = ["@now", { const = 1 }, "total"] }
""".replace(', "object"]', ', "store.code"]')
    assert wants(lines)[3:] == [
        *("store.code", Columns("pairs", ("type",)), "name", "flag", "texts"),
        *(Columns("pairs", ("key", "value")), "total"),
    ]


def test_of_a_list_the_columns_that_its_fields_read_are_wanted() -> None:
    lines = """
[[output.fields.list]]
each = "rows"
fields.id = { from = ["id", "deep.code"] }
fields.qty = { from = "total" }
fields.inner = { each = "parts", fields.x = { from = "key" } }
[[output.fields.list]]
each = "codes"
fields.id = { from = "@value" }
[[output.fields.list]]
fields.id = { from = "name" }
"""
    assert wants(lines)[3:] == [
        *(Columns("rows", ("id", "deep.code", "parts")), "total", "codes", "name"),
    ]


def test_of_a_fan_out_the_key_and_the_columns_are_wanted() -> None:
    lines = """
each = "rows"
key = ["no", "id"]
[output.fields]
text = { from = "deep.code" }
number = { from = "total" }
list = { each = "tags", fields.id = { from = "@value" } }
"""
    assert wants(lines)[3:] == [Columns("rows", ("no", "id", "deep.code", "tags")), "total"]


def test_a_lookup_reads_its_paths() -> None:
    lines = '[output.fields]\nkind = { lookup = "t", from = ["name", "store.code"] }\n[lookup.t]\na = "one"'
    assert wants(lines)[3:] == ["name", "store.code"]
