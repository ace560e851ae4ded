"""XDM schemas as trees: what is understood, what is refused and in which words, and what a brand lays over ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processor.mapping.problems import MappingProblems, Problem
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


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "a: is no JSON object"),
        ({}, "a: type None is none that can be guaranteed"),
        ({"type": "null"}, "a: type 'null' is none that can be guaranteed"),
        ({"type": ["string"]}, "a: type ['string'] is none that can be guaranteed"),
        ({"type": "string", "minimum": 1, "const": "x"}, "a: minimum, const cannot be guaranteed"),
        ({"type": "number", "multipleOf": 2}, "a: multipleOf cannot be guaranteed"),
        ({"type": "string", "format": "ipv4"}, "a: format 'ipv4' cannot be guaranteed"),
        ({"type": "string", "format": 1}, "a: format 1 cannot be guaranteed"),
        ({"type": "string", "pattern": "("}, "a: pattern '(' is none that Python understands"),
        ({"type": "string", "pattern": "(?u)a"}, "a: pattern '(?u)a' is none that Python understands"),
        ({"type": "string", "pattern": 1}, "a: pattern 1 is none that Python understands"),
        ({"type": "string", "enum": "ab"}, "a: enum is a list of texts"),
        ({"type": "string", "enum": ["a", 1]}, "a: enum is a list of texts"),
        ({"type": "string", "enum": ["a", ""]}, "a: enum is a list of texts"),
        ({"type": "string", "minLength": "1"}, "a: minLength is a whole number"),
        ({"type": "string", "maxLength": True}, "a: maxLength is a whole number"),
        ({"type": "string", "maxLength": 1.5}, "a: maxLength is a whole number"),
        ({"type": "number", "minimum": "1"}, "a: minimum and maximum are numbers"),
        ({"type": "number", "maximum": True}, "a: minimum and maximum are numbers"),
        ({"type": "integer", "minimum": 0.5}, "a: minimum is a whole number"),
        ({"type": "integer", "maximum": "1"}, "a: maximum is a whole number"),
        ({"type": "array"}, "a[]: is no JSON object"),
        ({"type": "array", "items": {"type": "x"}}, "a[]: type 'x' is none that can be guaranteed"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, "a: minItems above 1 cannot be guaranteed"),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": "1"}, "a: maxItems is a whole number"),
        ({"type": "object", "additionalProperties": {"type": "x"}}, "a{}: type 'x' is none that can be guaranteed"),
        ({"type": "object"}, "a: an object has properties and additionalProperties false, or is a map"),
        (
            closed({}) | {"additionalProperties": 0},
            "a: an object has properties and additionalProperties false, or is a map",
        ),
        (closed({}) | {"properties": []}, "a: an object has properties and additionalProperties false, or is a map"),
        (IDENTITIES | {"required": []}, "a: an object has properties and additionalProperties false, or is a map"),
        (IDENTITIES | {"properties": {}}, "a: an object has properties and additionalProperties false, or is a map"),
        (closed({}, required="b"), "a: required names a property that is not there"),
        (closed({}, required=["b"]), "a: required names a property that is not there"),
        (closed({"b": {"type": "x"}}), "a.b: type 'x' is none that can be guaranteed"),
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
        (profile(required=["b"]), "the root: required names a property that is not there"),
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
    (ours / "broken.json").write_text("{")
    put(tmp_path / "brand", "good.json", {"meta:class": "x"})
    with pytest.raises(MappingProblems) as caught:
        load_schemas(ours, "acme", brand=tmp_path / "brand")
    broken, listed, brands = sorted(caught.value.problems, key=lambda problem: problem.file.startswith("/"))
    assert broken[:3] == ("xdm/broken.json", 0, "schema")
    assert listed == Problem("xdm/list.json", 0, "schema", "is no JSON object")
    assert brands[:3] == (f"{tmp_path}/brand/good.json", 0, "schema")
    with pytest.raises(MappingProblems, match="'a b' is no tenant's namespace"):
        load_schemas(tmp_path / "brand", "a b", lambda _: {"properties": {"_tenant": {}}})
