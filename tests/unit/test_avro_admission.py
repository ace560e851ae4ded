from __future__ import annotations

import json
from pathlib import Path

import fastavro
import pytest

from processor.avro import RefusedSchema, admit, fingerprint, reader_paths
from processor.avro.admission import MAX_DEPTH, MAX_FIELDS, MAX_PRECISION

CONTRACTS = sorted((Path(__file__).parent.parent.parent / "schemas" / "capillary").glob("*.avsc"))
Json = dict[str, object]


def record(*fields: Json, name: str = "R", **more: object) -> Json:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def a(name: str, kind: object, **more: object) -> Json:
    return {"name": name, "type": kind, **more}


def nested(depth: int) -> object:
    kind: object = "int"
    for _ in range(depth):
        kind = {"type": "array", "items": kind}
    return kind


def doubling(levels: int) -> Json:
    """A few lines that mean 2^levels fields."""
    kind: object = record(a("x", "int"), name="L0")
    for level in range(1, levels):
        kind = record(a("left", kind), a("right", f"L{level - 1}"), name=f"L{level}")
    return record(a("top", kind))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_our_contracts_are_admitted(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    admitted = admit(schema)
    assert admitted.name == f"{schema['namespace']}.{schema['name']}"
    assert admitted.fingerprint == fingerprint(schema)
    assert admit(path.read_text()).fingerprint == admitted.fingerprint


def test_what_fastavro_has_parsed_is_admitted_too() -> None:
    schema = record(a("x", record(a("y", "int"), name="S")), a("z", "S"))
    assert admit(fastavro.parse_schema(schema)).fingerprint == admit(schema).fingerprint


def test_fastavro_can_use_the_parsed_schema() -> None:
    admitted = admit(record(a("x", record(a("y", "int"), name="S")), a("z", "S")))
    assert fastavro.validate({"x": {"y": 1}, "z": {"y": 2}}, admitted.parsed)


REFUSED = {
    "no JSON": ("{", "the schema is not JSON: JSONDecodeError"),
    "deep JSON": ("[" * 100_000, "the schema is not JSON: RecursionError"),
    "a primitive": ('"int"', "the top level of the schema must be a record"),
    "a union": ([record(a("x", "int"))], "the top level of the schema must be a record"),
    "nothing": (None, "the top level of the schema must be a record"),
    "recursive": (
        record(
            a(
                "data",
                record(a("tiers", {"type": "array", "items": record(a("next", ["null", "T"]), name="T")}), name="D"),
            )
        ),
        "data.tiers[].next: recursive, T holds itself",
    ),
    "recursive over two": (
        record(a("x", record(a("y", record(a("z", {"type": "map", "values": "A"}), name="B")), name="A"))),
        "x.y.z{}: recursive, A holds itself",
    ),
    "deep": (record(a("x", nested(MAX_DEPTH))), f"deeper than {MAX_DEPTH} levels"),
    "deep by names": (
        record(
            a("x", record(a("x", nested(MAX_DEPTH - 3)), name="A")),
            a("y", {"type": "array", "items": {"type": "array", "items": "A"}}),
        ),
        f"R: {MAX_DEPTH + 1} levels deep, at most {MAX_DEPTH} are admitted",
    ),
    "very deep": (record(a("x", nested(900))), f"deeper than {MAX_DEPTH} levels"),
    "many fields": (record(*(a(f"x{i}", "int") for i in range(MAX_FIELDS + 1))), f"R: more than {MAX_FIELDS} fields"),
    "many fields by names": (doubling(30), f"R: more than {MAX_FIELDS} fields"),
    "many branches": (
        record(a("x", [{"type": "fixed", "name": f"F{i}", "size": 1} for i in range(MAX_FIELDS + 3)])),
        f"R: more than {MAX_FIELDS} fields",
    ),
    "array of null": (record(a("x", {"type": "array", "items": "null"})), "x[]: an array of zero-width items"),
    "array of empty records": (
        record(a("x", {"type": "array", "items": record(a("y", "null"), name="E")})),
        "x[]: an array of zero-width items",
    ),
    "array of empty fixed": (
        record(a("x", {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}})),
        "x[]: an array of zero-width items",
    ),
    "map of arrays of null": (
        record(a("x", {"type": "map", "values": {"type": "array", "items": "null"}})),
        "x{}[]: an array of zero-width items",
    ),
    "unknown name": (record(a("x", "Unknown")), "x: unknown type 'Unknown'"),
    "unknown type": (record(a("x", {"type": "object"})), "x: unknown type 'object'"),
    "type in type": (record(a("x", {"type": {"type": "int"}})), "x: unknown type"),
    "type missing": (record({"name": "x"}), "x: a type is a name, an object or a list"),
    "number as type": (record(a("x", 5)), "x: a type is a name, an object or a list"),
    "name with a line": (record(a("x\nimport os", "int")), "is no name of a field"),
    "name of a type": (record(name="R-1"), "is no name of a type"),
    "no name": ({"type": "record", "fields": []}, "is no name of a type"),
    "namespace with a line": (record(namespace="a\nb"), "is no name of a type"),
    "field is no object": ({"type": "record", "name": "R", "fields": ["x"]}, "a field is an object"),
    "fields are no list": ({"type": "record", "name": "R", "fields": {}}, "the fields of a record are a list"),
    "two of a name": (record(a("x", "int"), a("x", "int")), "R: two fields of one name"),
    "defined twice": (record(a("x", record(name="S")), a("y", record(name="S"))), "y: S is defined twice"),
    "empty union": (record(a("x", [])), "x: an empty union"),
    "union in union": (record(a("x", ["null", ["int"]])), "x: a union directly in a union"),
    "symbols": (record(a("x", {"type": "enum", "name": "E", "symbols": []})), "x: the symbols of an enum"),
    "bad symbol": (record(a("x", {"type": "enum", "name": "E", "symbols": ["a b"]})), "not an Avro schema"),
    "size": (record(a("x", {"type": "fixed", "name": "F", "size": -1})), "x: the size of a fixed"),
    "aliases": (record(a("x", "int", aliases="y")), "x: aliases are a list of names"),
    "default": (record(a("x", "int", default="y")), "not an Avro schema: SchemaParseException"),
    "precision": (
        record(a("x", {"type": "bytes", "logicalType": "decimal", "precision": MAX_PRECISION + 1})),
        f"x: a decimal of more than {MAX_PRECISION} digits",
    ),
    "marked as parsed": (
        {**record(a("x", {"type": "enum", "name": "E", "symbols": ["a b"]})), "__fastavro_parsed": True},
        "not an Avro schema",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    schema, text = REFUSED[case]
    with pytest.raises(RefusedSchema) as caught:
        admit(schema)
    assert text in caught.value.detail
    assert len(caught.value.detail) <= 300


def test_just_within_bounds() -> None:
    admit(record(a("x", nested(MAX_DEPTH - 1))))
    admit(record(*(a(f"x{i}", ["null", "int"]) for i in range(MAX_FIELDS))))
    admit(record(a("x", {"type": "array", "items": ["null"]}), a("y", {"type": "map", "values": "null"})))


def test_names_follow_their_namespace() -> None:
    inner = record(a("w", {"type": "fixed", "name": "F", "size": 2}), a("again", "a.F"), name="a.S")
    admitted = admit(record(a("x", inner), a("y", "a.S"), a("z", "a.F"), namespace="b"))
    assert admitted.name == "b.R"


def test_reader_paths() -> None:
    item = record(a("key", "string"), a("at", {"type": "long", "logicalType": "timestamp-millis"}), name="I")
    schema = record(
        a("x", ["null", record(a("y", "int"), name="S")]),
        a("items", ["null", {"type": "array", "items": item}]),
        a("map", {"type": "map", "values": ["null", "string"]}),
        a("enum", {"type": "enum", "name": "E", "symbols": ["A", "B"]}),
        a("any", ["null", "int", "string"]),
        a("none", "null"),
    )
    paths = reader_paths(admit(schema))
    assert list(paths) == ["x", "x.y", "items", "items[].key", "items[].at", "map", "enum", "any", "none"]
    assert paths["x"].kind == "record"
    assert paths["x"].nullable
    assert not paths["x.y"].nullable
    assert paths["items[].at"].logical == "timestamp-millis"
    assert paths["items"].items is not None
    assert paths["items"].items.kind == "record"
    assert paths["map"].items is not None
    assert paths["map"].items.nullable
    assert paths["enum"].symbols == ("A", "B")
    assert paths["any"].kind == "union"
    assert paths["none"].kind == "null"
