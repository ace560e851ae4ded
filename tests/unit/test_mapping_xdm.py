"""XDM schemas as trees: what is understood, what is refused and in which words, and what a brand lays over ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processor.mapping.problems import MappingProblems
from processor.mapping.xdm import (
    Array,
    Boolean,
    Date,
    DateTime,
    Integer,
    Map,
    Number,
    Object,
    SchemaError,
    Text,
    find,
    laid_over,
    load_schemas,
    read_schema,
    tenant_name,
    with_tenant,
)

Json = dict[str, Any]
PROFILE_CLASS = "https://ns.adobe.com/xdm/context/profile"
EVENT_CLASS = "https://ns.adobe.com/xdm/context/experienceevent"
LONGEST = 9_007_199_254_740_991  # what a double counts to without gaps
IDENTITIES: Json = {"type": "object", "additionalProperties": {"type": "string"}}
NAMED = {"identityMap": Map(Text())}
REQUIRED = frozenset({"identityMap"})


def closed(properties: Json, **more: Any) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def profile(properties: Json | None = None, **more: Any) -> Json:
    return closed({"identityMap": IDENTITIES, **(properties or {})}, **{"meta:class": PROFILE_CLASS, **more})


def event(**more: Any) -> Json:
    text = {"type": "string"}
    properties = {"_id": text, "timestamp": text | {"format": "date-time"}, "identityMap": IDENTITIES}
    return closed(properties, **{"meta:class": EVENT_CLASS, "required": ["timestamp", "_id"], **more})


def node(schema: object) -> object:
    """What is read of a property of a schema."""
    return read_schema("x", profile({"a": schema})).root.properties["a"]


def refusal(document: Json) -> str:
    with pytest.raises(SchemaError) as caught:
        read_schema("x", document)
    return str(caught.value)


@pytest.mark.parametrize(
    ("schema", "read"),
    [
        ({"type": "string"}, Text(None, (), 1, None, None)),
        ({"type": "string", "minLength": 0}, Text(shortest=1)),
        ({"type": "string", "minLength": 3, "maxLength": 5}, Text(shortest=3, longest=5)),
        ({"type": "string", "pattern": "^a+$"}, Text(pattern="^a+$")),
        ({"type": "string", "enum": ["b", "a"]}, Text(enum=("b", "a"))),
        ({"type": "string", "format": "email"}, Text(format="email")),
        ({"type": "string", "format": "uri"}, Text(format="uri")),
        ({"type": "string", "format": "uri-reference"}, Text(format="uri-reference")),
        ({"type": "string", "format": "date-time"}, DateTime()),
        ({"type": "string", "format": "date"}, Date()),
        ({"type": "number"}, Number(None, None)),
        ({"type": "number", "minimum": 0, "maximum": 1.5}, Number(0, 1.5)),
        ({"type": "integer"}, Integer(-(2**31), 2**31 - 1)),
        ({"type": "integer", "minimum": 0, "maximum": 7}, Integer(0, 7)),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**63}, Integer(-LONGEST, LONGEST)),
        ({"type": "boolean"}, Boolean()),
        ({"type": "array", "items": {"type": "boolean"}}, Array(Boolean(), None)),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 9}, Array(Boolean(), 9)),
        ({"type": "object", "additionalProperties": {"type": "number"}}, Map(Number())),
        (closed({}), Object({}, frozenset())),
        (closed({"b": {"type": "boolean"}}, required=["b"]), Object({"b": Boolean()}, frozenset({"b"}))),
        ({"type": "boolean", "title": "t", "description": "d", "default": True, "examples": []}, Boolean()),
        ({"type": "boolean", "$schema": "s", "$id": "i", "meta:xdmType": "boolean", "x-note": 1}, Boolean()),
    ],
    ids=str,
)
def test_what_is_understood(schema: Json, read: object) -> None:
    assert node(schema) == read


TYPES = "; known: array, boolean, integer, number, object, string"
FORMATS = "; known: date, date-time, email, uri, uri-reference"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "a: is no JSON object"),
        ({}, f"a: type None is none that can be guaranteed{TYPES}"),
        ({"type": "null"}, f"a: type 'null' is none that can be guaranteed{TYPES}"),
        ({"type": "strng"}, "a: type 'strng' is none that can be guaranteed; the nearest is \"string\""),
        ({"type": ["string"]}, "a: type ['string'] is none that can be guaranteed; the nearest is \"string\""),
        ({"type": "string", "minimum": 1, "const": "x"}, "a: minimum, const cannot be guaranteed"),
        ({"type": "number", "multipleOf": 2}, "a: multipleOf cannot be guaranteed"),
        (
            {"type": "string", "patern": "a", "maxlength": 1, "const": "a"},
            'a: patern, maxlength, const cannot be guaranteed; the nearest is "pattern"; the nearest is "maxLength"',
        ),
        ({"type": "object", "patternProperties": {}}, "a: patternProperties cannot be guaranteed"),
        ({"type": "string", "Type": "string"}, 'a: Type cannot be guaranteed; the nearest is "type"'),
        (
            {"type": "string", "format": "datetime"},
            "a: format 'datetime' cannot be guaranteed; the nearest is \"date-time\"",
        ),
        ({"type": "string", "format": 1}, f"a: format 1 cannot be guaranteed{FORMATS}"),
        ({"type": "string", "pattern": "("}, "a: pattern '(' is none that Python understands"),
        ({"type": "string", "pattern": "(?u)a"}, "a: pattern '(?u)a' is none that Python understands"),
        ({"type": "string", "pattern": 1}, "a: pattern 1 is none that Python understands"),
        ({"type": "string", "enum": "ab"}, "a: enum is a list of texts"),
        ({"type": "string", "enum": ["a", 1]}, "a: enum is a list of texts"),
        ({"type": "string", "enum": ["a", ""]}, "a: enum is a list of texts"),
        ({"type": "string", "minLength": "1"}, "a: minLength is a whole number"),
        ({"type": "string", "maxLength": True}, "a: maxLength is a whole number"),
        ({"type": "string", "maxLength": 1.5}, "a: maxLength is a whole number"),
        ({"type": "number", "minimum": "1"}, "a: minimum and maximum are numbers, and finite"),
        ({"type": "number", "maximum": True}, "a: minimum and maximum are numbers, and finite"),
        ({"type": "integer", "minimum": 0.5}, "a: minimum is a whole number"),
        ({"type": "integer", "maximum": "1"}, "a: maximum is a whole number"),
        ({"type": "array"}, "a[]: is no JSON object"),
        ({"type": "array", "items": {"type": "x"}}, f"a[]: type 'x' is none that can be guaranteed{TYPES}"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, "a: minItems above 1 cannot be guaranteed"),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": "1"}, "a: maxItems is a whole number"),
        (
            {"type": "object", "additionalProperties": {"type": "x"}},
            f"a{{}}: type 'x' is none that can be guaranteed{TYPES}",
        ),
        ({"type": "object"}, "a: an object has properties and additionalProperties false, or is a map"),
        (
            closed({}) | {"additionalProperties": 0},
            "a: an object has properties and additionalProperties false, or is a map",
        ),
        (closed({}) | {"properties": []}, "a: an object has properties and additionalProperties false, or is a map"),
        (IDENTITIES | {"required": []}, "a: an object has properties and additionalProperties false, or is a map"),
        (IDENTITIES | {"properties": {}}, "a: an object has properties and additionalProperties false, or is a map"),
        (closed({}, required="b"), "a: required is a list of properties"),
        (closed({}, required=["b"]), "a: required names a property that is not there: b"),
        (
            closed({"shoe": {"type": "number"}, "hat": {"type": "number"}}, required=["hat", "sho", "x"]),
            'a: required names a property that is not there: sho; the nearest is "shoe"',
        ),
        (closed({}, required=[["b"]]), "a: required names a property that is not there: ['b']"),
        (
            closed({"items": closed({"properties": closed({"type": {"type": "array", "items": {"type": "x"}}})})}),
            f"a.items.properties.type[]: type 'x' is none that can be guaranteed{TYPES}",
        ),
        (closed({"b": {"type": "x"}}), f"a.b: type 'x' is none that can be guaranteed{TYPES}"),
    ],
    ids=str,
)
def test_what_cannot_be_guaranteed_is_refused(schema: object, said: str) -> None:
    assert refusal(profile({"a": schema})) == said


def test_a_schema_is_one_of_profile_or_of_events() -> None:
    for document, is_profile in ((profile(), True), (event(), False)):
        schema = read_schema("mine", document)
        assert (schema.name, schema.profile, schema.document) == ("mine", is_profile, document)
    assert read_schema("x", profile()).root == Object(NAMED, REQUIRED)


def test_the_root_has_words_about_itself_and_need_not_say_that_it_is_an_object() -> None:
    words = {"$schema": "s", "$id": "i", "title": "t", "description": "d", "meta:x": 1, "x-y": 1, "examples": []}
    document = profile() | words
    assert read_schema("x", document).root == Object(NAMED, REQUIRED)
    del document["type"]
    assert read_schema("x", document).root == Object(NAMED, REQUIRED)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (profile(**{"meta:class": "x"}), f'"meta:class" is neither {PROFILE_CLASS} nor {EVENT_CLASS}'),
        (
            {"additionalProperties": {"type": "string"}, "meta:class": PROFILE_CLASS},
            "the root is no object with properties",
        ),
        (
            {"meta:class": PROFILE_CLASS},
            "the root: an object has properties and additionalProperties false, or is a map",
        ),
        (closed({}, **{"meta:class": PROFILE_CLASS}), "the root has no identityMap"),
        (closed({}, **{"meta:class": EVENT_CLASS}), "the root has no _id, identityMap, timestamp"),
        (profile(required=["b"]), "the root: required names a property that is not there: b; known: identityMap"),
        (profile(proprties={}), 'the root: proprties cannot be guaranteed; the nearest is "properties"'),
        (profile(type="objct"), "the root: type 'objct' is not \"object\""),
        (profile(type=None), 'the root: type None is not "object"'),
        (event(required=["_id"]), "an event requires _id and timestamp"),
        (event(required=["timestamp"]), "an event requires _id and timestamp"),
    ],
    ids=str,
)
def test_a_schema_of_neither_kind_is_refused(document: Json, said: str) -> None:
    assert refusal(document) == said


def test_a_profile_requires_identity_map_whether_its_schema_says_so_or_not() -> None:
    assert read_schema("x", profile()).root.required == {"identityMap"}
    named = profile({"a": {"type": "boolean"}}, required=["a"])
    assert read_schema("x", named).root.required == {"a", "identityMap"}
    assert read_schema("x", event()).root.required == {"_id", "timestamp"}


def test_a_target_is_found_through_objects_only() -> None:
    inner = {
        "b": closed({"c": {"type": "boolean"}}),
        "list": {"type": "array", "items": closed({"c": {"type": "boolean"}})},
    }
    schema = read_schema("x", profile({"a": closed(inner)}))
    assert schema.find("a.b.c") == Boolean()
    assert schema.find("a.b") == Object({"c": Boolean()})
    assert [schema.find(target) for target in ("a.b.x", "x.b", "a.list.c", "a.b.c.d", "identityMap.x", "")] == [
        None
    ] * 6
    assert find(Boolean(), "a") is None
    assert schema.targets() == ("identityMap", "a.b.c", "a.list")


@pytest.mark.parametrize(
    ("tenant", "name"), [("acme", "_acme"), ("_acme", "_acme"), ("__Acme7", "_Acme7"), ("a", "_a")]
)
def test_the_namespace_of_a_tenant(tenant: str, name: str) -> None:
    assert tenant_name(tenant) == name


@pytest.mark.parametrize("tenant", ["", "_", "7acme", "ac me", "ac_me", "acme.", "äcme", "acme\n"])
def test_what_is_no_namespace_of_a_tenant(tenant: str) -> None:
    with pytest.raises(SchemaError) as caught:
        tenant_name(tenant)
    assert str(caught.value) == f"{tenant!r} is no tenant's namespace: letters and digits are what Adobe gives"


def test_the_tenant_takes_its_place_and_nothing_else_changes() -> None:
    document = profile({"_tenant": closed({"_tenant": {"type": "boolean"}}), "z": {"type": "boolean"}})
    named = with_tenant(document, "acme")
    assert list(named["properties"]) == ["identityMap", "_acme", "z"]  # type: ignore[call-overload]
    assert named == profile({"_acme": closed({"_tenant": {"type": "boolean"}}), "z": {"type": "boolean"}})
    for without in (profile(), {"properties": ["_tenant"]}, {}):
        assert with_tenant(without, "a b") is without


def test_what_a_brand_lays_over_ours() -> None:
    ours = {"a": {"b": 1, "c": [1, 2]}, "d": [1], "e": {"f": 1}, "g": 1}
    brands = {"a": {"b": 2, "c": [2, 3], "n": 0}, "d": {"x": 1}, "e": [1], "g": {"h": 1}, "i": [1]}
    assert laid_over(ours, brands) == {
        "a": {"b": 2, "c": [1, 2, 3], "n": 0},
        "d": {"x": 1},
        "e": [1],
        "g": {"h": 1},
        "i": [1],
    }
    assert ours == {"a": {"b": 1, "c": [1, 2]}, "d": [1], "e": {"f": 1}, "g": 1}


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    (tmp_path / "xdm").mkdir()
    return tmp_path / "xdm"


def put(directory: Path, name: str, document: object) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(json.dumps(document), encoding="utf-8")


def test_every_file_is_a_destination(ours: Path) -> None:
    put(ours, "profile-a.json", profile({"_tenant": closed({})}))
    put(ours, "events.json", event())
    (ours / "README.md").write_text("no schema")
    schemas = load_schemas(ours, "_acme")
    assert {name: (schema.name, schema.profile) for name, schema in schemas.items()} == {
        "events": ("events", False),
        "profile-a": ("profile-a", True),
    }
    assert schemas["profile-a"].find("_acme") == Object({})


def test_a_brand_adds_to_files_of_ours_and_has_its_own(ours: Path, tmp_path: Path) -> None:
    put(ours, "profile-a.json", profile())
    put(ours, "profile-b.json", profile())
    put(tmp_path / "brand", "profile-a.json", {"properties": {"_tenant": closed({"shoe": {"type": "number"}})}})
    put(tmp_path / "brand", "profile-c.json", profile())
    schemas = load_schemas(ours, "acme", brand=tmp_path / "brand")
    assert sorted(schemas) == ["profile-a", "profile-b", "profile-c"]
    assert schemas["profile-a"].find("_acme.shoe") == Number()
    assert schemas["profile-a"].find("identityMap") == Map(Text())
    assert schemas["profile-b"].find("_acme") is None


def test_a_schema_is_adapted_before_it_has_the_tenants_name(ours: Path) -> None:
    put(ours, "a.json", profile({"_tenant": closed({}), "old": {"type": "boolean"}}))

    def adapt(document: Any) -> Any:
        assert "_tenant" in document["properties"]
        return document | {"properties": {name: it for name, it in document["properties"].items() if name != "old"}}

    assert load_schemas(ours, "acme", adapt)["a"].root == Object({**NAMED, "_acme": Object({})}, REQUIRED)


def test_all_files_that_are_of_no_use_are_named(ours: Path, tmp_path: Path) -> None:
    put(ours, "good.json", profile())
    put(ours, "list.json", [])
    (ours / "broken.json").write_text("{\n}}")
    put(tmp_path / "brand", "good.json", {"meta:class": "x"})
    put(tmp_path / "brand", "list.json", {})
    (tmp_path / "brand/broken.json").write_bytes(b'"\xff"')
    assert said(ours, tmp_path / "brand") == [
        "broken.json: schema: 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte",
        f'good.json:1: schema: "meta:class" is neither {PROFILE_CLASS} nor {EVENT_CLASS}',
        "xdm/broken.json:2: schema: Extra data: line 2 column 2 (char 3)",
        "xdm/list.json:1: schema: is no JSON object",
    ]
    with pytest.raises(MappingProblems, match="'a b' is no tenant's namespace"):
        load_schemas(tmp_path / "brand", "a b", lambda _: {"properties": {"_tenant": {}}})


def said(ours: Path, brand: Path, tenant: str = "acme") -> list[str]:
    """What is wrong with a brand's schemas, or with ours."""
    with pytest.raises(MappingProblems) as caught:
        load_schemas(ours, tenant, brand=brand)
    return [str(problem).removeprefix(f"{brand}/") for problem in caught.value.problems]


def fault(tmp_path: Path, text: str, ours: Json | None = None, name: str = "good.json", tenant: str = "acme") -> str:
    """What is said of one file of a brand's, which is laid over `good.json` or has a name of its own."""
    put(tmp_path / "xdm", "good.json", OURS if ours is None else ours)
    put(tmp_path / "brand", name, {})
    (tmp_path / "brand" / name).write_text(text, encoding="utf-8")
    (found,) = said(tmp_path / "xdm", tmp_path / "brand", tenant)
    return found


OURS = profile(
    {
        "a": {"type": "string"},
        "n": closed({"b": {"type": "string", "enum": ["x"]}}),
        "_tenant": closed({"own": {"type": "string"}}),
        "_own": closed({}),
    }
)
WORDS = [
    ("string", '"format": "x"', f"format 'x' cannot be guaranteed{FORMATS}"),
    ("string", '"pattern": "("', "pattern '(' is none that Python understands"),
    ("string", '"enum": 1', "enum is a list of texts"),
    ("string", '"minLength": "1"', "minLength is a whole number"),
    ("string", '"maxLength": "1"', "maxLength is a whole number"),
    ("string", '"patern": "a", \n"const": 1', 'patern, const cannot be guaranteed; the nearest is "pattern"'),
    ("number", '"minimum": "1"', "minimum and maximum are numbers, and finite"),
    ("number", '"maximum": "1"', "minimum and maximum are numbers, and finite"),
    ("integer", '"minimum": 0.5', "minimum is a whole number"),
    ("integer", '"maximum": 0.5', "maximum is a whole number"),
    ("array", '"minItems": 2', "minItems above 1 cannot be guaranteed"),
    ("array", '"items": {"type": "boolean"},"maxItems": "1"', "maxItems is a whole number"),
    (
        "object",
        '"additionalProperties": true',
        "an object has properties and additionalProperties false, or is a map",
    ),
    (
        "object",
        '"properties": 1, "additionalProperties": false',
        "an object has properties and additionalProperties false, or is a map",
    ),
    (
        "object",
        '"required": 1, "properties": {}, "additionalProperties": false',
        "required is a list of properties",
    ),
    (
        "object",
        '"required": ["x"], "properties": {}, "additionalProperties": false',
        "required names a property that is not there: x",
    ),
]


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999"])
@pytest.mark.parametrize("keyword", ["minimum", "maximum"])
def test_a_limit_is_finite(tmp_path: Path, keyword: str, number: str) -> None:
    text = f'{{"properties": {{\n"c": {{"type": "number", "{keyword}": {number}}}}}}}'
    assert fault(tmp_path, text) == "good.json:2: schema: c: minimum and maximum are numbers, and finite"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a":' * 100_000, ": schema: objects or lists hold each other too deep"),
        (
            '{"properties": {"c": ' + '{"type": "array", "items": ' * 900 + "1" + "}" * 902,
            ": schema: objects or lists hold each",
        ),
        ('{"a": ' + "1" * 5_000 + "}", ": schema: Exceeds the limit (4300 digits)"),
        (
            '{"properties": {"c": {"type": "string", "pattern": "a{99999999999}"}}}',
            ":1: schema: c: pattern 'a{99999999999}' is none",
        ),
        (
            json.dumps({"properties": {"c": {"type": "string", "pattern": "(" * 2_000 + ")" * 2_000}}}),
            ":1: schema: c: pattern '((((",
        ),
    ],
    ids=["deep", "deep schema", "a long number", "a pattern that counts", "a deep pattern"],
)
def test_what_is_too_much_is_a_problem_like_any_other(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, text).startswith(f"good.json{said}")


@pytest.mark.parametrize(("kind", "word", "message"), WORDS)
def test_what_is_wrong_has_the_line_of_its_word(tmp_path: Path, kind: str, word: str, message: str) -> None:
    text = f'{{"properties": {{\n"c": {{"type": "{kind}",\n\n{word}}}}}}}'
    assert fault(tmp_path, text) == f"good.json:4: schema: c: {message}"


IS_AN_OBJECT = "an object has properties and additionalProperties false, or is a map"
PLACES = {
    "a type": (
        '{"properties":\n{"c": {\n"type": "strng"}}}',
        "3: schema: c: type 'strng' is none that can be guaranteed; the nearest is \"string\"",
    ),
    "no type": (
        '{"properties":\n{"c":\n{"title": "x"}}}',
        f"2: schema: c: type None is none that can be guaranteed{TYPES}",
    ),
    "no object": ('{"properties": {\n"c": 1}}', "2: schema: c: is no JSON object"),
    "an item": (
        '{"properties": {"c": {"type": "array",\n"items": {\n"type": "x"}}}}',
        f"3: schema: c[]: type 'x' is none that can be guaranteed{TYPES}",
    ),
    "no item": ('{"properties":\n{"c": {\n"type": "array"}}}', "2: schema: c[]: is no JSON object"),
    "a value of a map": (
        '{"properties": {"c": {"type": "object",\n"additionalProperties": {\n"type": "x"}}}}',
        f"3: schema: c{{}}: type 'x' is none that can be guaranteed{TYPES}",
    ),
    "an open object": (
        '{"properties": {\n"c": {"type": "object",\n"properties": {}}}}',
        f"2: schema: c: {IS_AN_OBJECT}",
    ),
    "a word of the root": (
        '{\n\n"proprties": {}}',
        '3: schema: the root: proprties cannot be guaranteed; the nearest is "properties"',
    ),
    "no properties": ('{\n"properties": []}', f"2: schema: the root: {IS_AN_OBJECT}"),
    "a class": ('{\n"meta:class": 1}', f'2: schema: "meta:class" is neither {PROFILE_CLASS} nor {EVENT_CLASS}'),
    "a root that is a text": (
        '{\n"type": "string"}',
        "2: schema: the root: type 'string' is not \"object\"",
    ),
    "a word in a node of ours": (
        '{"properties": {"a": {\n"patern": "x"}}}',
        '2: schema: a: patern cannot be guaranteed; the nearest is "pattern"',
    ),
    "a type that does not go with what is ours": (
        '{"properties": {"n": {"properties": {\n"b": {\n"type": "number"}}}}}',
        "2: schema: n.b: enum cannot be guaranteed",
    ),
    "the tenant's own": (
        '{"properties": {"_tenant": {"properties": {"own": {\n"type": "x"}}}}}',
        f"2: schema: _acme.own: type 'x' is none that can be guaranteed{TYPES}",
    ),
}


@pytest.mark.parametrize(("text", "message"), PLACES.values(), ids=PLACES)
def test_what_a_brand_says_wrongly_has_its_line_in_the_brands_file(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text) == f"good.json:{message}"


OWN = f'{{"meta:class": "{PROFILE_CLASS}", "additionalProperties": false,\n"properties": {{%s}}%s}}'
EVENTS = OWN.replace(PROFILE_CLASS, EVENT_CLASS)
PARTS = ", ".join(f'"{name}": {{"type": "string"}}' for name in ("_id", "timestamp", "identityMap"))
NAMED_PARTS = '"identityMap": {"type": "string"},'
DESTINATIONS = {
    "no identityMap": (OWN % ("", ""), "2: schema: the root has no identityMap"),
    "an event without an id": (
        EVENTS % (PARTS, ', "title": "x",\n"required": ["timestamp"]'),
        "3: schema: an event requires _id and timestamp",
    ),
    "an event that requires nothing": (EVENTS % (PARTS, ""), " schema: an event requires _id and timestamp"),
    "a map": (
        f'{{"meta:class": "{PROFILE_CLASS}",\n"additionalProperties": {{"type": "string"}}}}',
        "2: schema: the root is no object with properties",
    ),
    "the tenant by name": (
        OWN % (f'{NAMED_PARTS}\n"_acme": {{"type": "x"}}', ""),
        f"3: schema: _acme: type 'x' is none that can be guaranteed{TYPES}",
    ),
    "no class": (
        '{\n"properties": {}}',
        ' schema: there is no schema "own" to add to; known: good; one of its own needs "meta:class"',
    ),
}


@pytest.mark.parametrize(("text", "message"), DESTINATIONS.values(), ids=DESTINATIONS)
def test_a_destination_of_a_brands_own_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text, name="own.json") == f"own.json:{message}"


def test_an_addition_to_no_schema_of_ours_is_named_with_the_nearest(tmp_path: Path) -> None:
    said = 'there is no schema "goods" to add to; the nearest is "good"; one of its own needs "meta:class"'
    assert fault(tmp_path, '{"properties": {}}', name="goods.json") == f"goods.json: schema: {said}"


def test_what_stands_in_no_file_of_a_brands_is_our_own_fault(tmp_path: Path) -> None:
    broken = {"properties": {"x": {"type": "y"}}}
    (tmp_path / "xdm").mkdir()
    for text in ('{"properties": {"a": {"title": "t"}}}', "{}"):
        found = fault(tmp_path, text, OURS | {"properties": OURS["properties"] | {"x": {"type": "y"}}})
        assert found == f"xdm/good.json:1: schema: x: type 'y' is none that can be guaranteed{TYPES}"
    assert (
        fault(tmp_path, "{}", OURS | broken | {"y": 1}) == "xdm/good.json:1: schema: the root: y cannot be guaranteed"
    )


STANDS_UNDER = 'the tenant\'s fields stand under "_tenant"'


@pytest.mark.parametrize("tenant", ["acme", "_acme"])
@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("_acme", {"properties": {"shoe": {"type": "number"}}}),
        ("_other", {"properties": {}}),
        ("_tenat", 1),
        ("_acme", closed({})),
    ],
)
def test_the_tenants_fields_stand_under_its_placeholder(tmp_path: Path, name: str, node: object, tenant: str) -> None:
    text = f'{{"properties": {{\n"a": {{"title": "t"}},\n"{name}": {json.dumps(node)}}}}}'
    assert fault(tmp_path, text, tenant=tenant) == f"good.json:3: schema: {name}: {STANDS_UNDER}"


def test_other_names_may_begin_with_an_underscore(ours: Path, tmp_path: Path) -> None:
    """Such as one of ours, and one of Adobe's that says what it is."""
    put(ours, "good.json", OURS)
    nodes = {"_own": {"title": "t"}, "_tenant": {"title": "t"}, "_experience": closed({}), "plain": {"type": "number"}}
    put(tmp_path / "brand", "good.json", {"properties": nodes})
    root = load_schemas(ours, "acme", brand=tmp_path / "brand")["good"].root
    assert [*root.properties] == ["identityMap", "a", "n", "_acme", "_own", "_experience", "plain"]


def test_the_tenants_placeholder_may_be_new_in_a_schema(ours: Path, tmp_path: Path) -> None:
    """Also where the settings name no tenant, and `check` takes "tenant" for one."""
    put(ours, "good.json", profile())
    for node, tenant in ((closed({}), "acme"), (closed({}), "tenant")):
        put(tmp_path / "brand", "good.json", {"properties": {"_tenant": node}})
        assert load_schemas(ours, tenant, brand=tmp_path / "brand")["good"].find(f"_{tenant}") == Object({})
    found = fault(tmp_path, '{"properties":\n{"_tenant": {"properties": {}}}}', ours=profile())
    assert found == f"good.json:2: schema: _acme: type None is none that can be guaranteed{TYPES}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_text_of_any_encoding_of_unicode(ours: Path, tmp_path: Path, encoding: str) -> None:
    put(ours, "good.json", profile())
    put(tmp_path / "brand", "good.json", {})
    (tmp_path / "brand/good.json").write_text('{"title": "é",\n"properties": {"c": 1}}', encoding=encoding)
    assert said(ours, tmp_path / "brand") == ["good.json:2: schema: c: is no JSON object"]


def test_what_lies_among_a_brands_schemas_and_is_none_is_named(ours: Path, tmp_path: Path) -> None:
    put(ours, "profile-a.json", profile())
    brand = tmp_path / "brand"
    for name in ("b.json", "profile-b.jsn", "foo.txt", "events", "b.JSON", "README.md", ".json", "._b.json"):
        put(brand, name, profile())
    (brand / "more").mkdir()
    (brand / "._b.json").write_bytes(b"\xff")
    nobody = "file: is read by nobody; schemas are called NAME.json"
    assert said(ours, brand) == [
        f"b.JSON: {nobody}; known: profile-a.json",
        f"events: {nobody}; known: profile-a.json",
        f"foo.txt: {nobody}; known: profile-a.json",
        f"more: {nobody}; known: profile-a.json",
        f'profile-b.jsn: {nobody}; the nearest is "profile-a.json"',
    ]
    with pytest.raises(MappingProblems):
        load_schemas(ours, "acme", brand=brand)


def test_a_brand_may_have_no_schemas(ours: Path, tmp_path: Path) -> None:
    put(ours, "profile-a.json", profile())
    assert [*load_schemas(ours, "acme", brand=tmp_path / "none")] == ["profile-a"]
