from __future__ import annotations

import json
from pathlib import Path

import fastavro
import pytest

from processor.avro import RefusedSchema, admit, fingerprint, reader_paths
from processor.avro.admission import MAX_DEPTH, MAX_FIELDS, MAX_PRECISION
from processor.avro.types import NO_DEFAULT, Array, Decimal, Enum, Fixed, Map, Named, Primitive, Union
from tests.avro_schemas import Json, a, array, decimal, enum, fixed, mapping, record

CONTRACTS = sorted((Path(__file__).parent.parent.parent / "schemas" / "capillary").glob("*.avsc"))


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


TOP = "the top level of the schema must be a record"
DEEP = f"x{'[]' * (MAX_DEPTH - 1)}: deeper than {MAX_DEPTH} levels"
MANY = f"R: more than {MAX_FIELDS} fields, each use of a named type counted with all its fields"
NO_WIDTH = "an array of zero-width items: a few bytes would fill all memory"
SYMBOL = (
    "not an Avro schema: SchemaParseException Every symbol must match the regular expression [A-Za-z_][A-Za-z0-9_]*"
)

REFUSED: dict[str, tuple[object, str]] = {
    "no JSON": ("{", "the schema is not JSON: JSONDecodeError"),
    "deep JSON": ("[" * 100_000, "the schema is not JSON: RecursionError"),
    "a primitive": ('"int"', TOP),
    "a union": ([record(a("x", "int"))], TOP),
    "an enum": (enum("A"), TOP),
    "nothing": (None, TOP),
    "recursive": (
        record(a("data", record(a("tiers", array(record(a("next", ["null", "T"]), name="T"))), name="D"))),
        "data.tiers[].next: recursive, T holds itself",
    ),
    "recursive over two": (
        record(a("x", record(a("y", record(a("z", mapping("A")), name="B")), name="A"))),
        "x.y.z{}: recursive, A holds itself",
    ),
    "deep": (record(a("x", nested(MAX_DEPTH))), DEEP),
    "deep by names": (
        record(
            a("x", record(a("x", nested(MAX_DEPTH - 3)), name="A")),
            a("y", array(array("A"))),
        ),
        f"R: {MAX_DEPTH + 1} levels deep, at most {MAX_DEPTH} are admitted",
    ),
    "very deep": (record(a("x", nested(900))), DEEP),
    "many fields": (record(*(a(f"x{i}", "int") for i in range(MAX_FIELDS + 1))), MANY),
    "many fields by names": (doubling(30), MANY),
    "many branches": (record(a("x", [fixed(1, f"F{i}") for i in range(MAX_FIELDS + 3)])), MANY),
    "array of null": (record(a("x", array("null"))), f"x[]: {NO_WIDTH}"),
    "array of empty records": (record(a("x", array(record(a("y", "null"), name="E")))), f"x[]: {NO_WIDTH}"),
    "array of empty fixed": (record(a("x", array(fixed(0)))), f"x[]: {NO_WIDTH}"),
    "map of arrays of null": (record(a("x", mapping(array("null")))), f"x{{}}[]: {NO_WIDTH}"),
    "unknown name": (record(a("x", "Unknown")), "x: unknown type 'Unknown'"),
    "unknown name in an array": (record(a("x", array("Unknown"))), "x[]: unknown type 'Unknown'"),
    "unknown type": (record(a("x", {"type": "object"})), "x: unknown type 'object'"),
    "long name of a type": (record(a("x", "U" * 100)), f"x: unknown type '{'U' * 59}"),
    "type in type": (record(a("x", {"type": {"type": "int"}})), "x: unknown type {'type': 'int'}"),
    "type missing": (record({"name": "x"}), "x: a type is a name, an object or a list"),
    "number as type": (record(a("x", 5)), "x: a type is a name, an object or a list"),
    "name with a line": (
        record(a("x\nimport os", "int")),
        "the top level: 'x\\nimport os' is no name of a field",
    ),
    "name of a field below": (record(a("x", record(a("1", "int"), name="S"))), "x: '1' is no name of a field"),
    "name of a type": (record(name="R-1"), "the top level: 'R-1' is no name of a type"),
    "no name": ({"type": "record", "fields": []}, "the top level: 'None' is no name of a type"),
    "namespace with a line": (record(namespace="a\nb"), "the top level: 'a\\nb.R' is no name of a type"),
    "field is no object": ({"type": "record", "name": "R", "fields": ["x"]}, "the top level: a field is an object"),
    "field below is no object": (
        record(a("x", {"type": "record", "name": "S", "fields": ["x"]})),
        "x: a field is an object",
    ),
    "fields are no list": ({"type": "record", "name": "R", "fields": {}}, "R: the fields of a record are a list"),
    "fields below are no list": (
        record(a("x", {"type": "record", "name": "S", "fields": {}})),
        "x: the fields of a record are a list",
    ),
    "two of a name": (record(a("x", "int"), a("x", "int")), "R: two fields of one name"),
    "two of a name below": (
        record(a("x", record(a("y", "int"), a("y", "int"), name="S"))),
        "x: two fields of one name",
    ),
    "defined twice": (record(a("x", record(name="S")), a("y", record(name="S"))), "y: S is defined twice"),
    "defined within itself": (record(a("x", record(name="R"))), "x: R is defined twice"),
    "two enums": (record(a("x", enum("A")), a("y", enum("A"))), "y: E is defined twice"),
    "two fixed": (record(a("x", fixed(1)), a("y", fixed(1))), "y: F is defined twice"),
    "empty union": (record(a("x", [])), "x: an empty union"),
    "union in union": (record(a("x", ["null", ["int"]])), "x: a union directly in a union"),
    "no symbols": (record(a("x", enum())), "x: the symbols of an enum are a list of names"),
    "a symbol that is none": (record(a("x", enum("A", 1))), "x: the symbols of an enum are a list of names"),
    "a text of symbols": (
        record(a("x", {"type": "enum", "name": "E", "symbols": "A"})),
        "x: the symbols of an enum are a list of names",
    ),
    "bad symbol": (record(a("x", enum("a b"))), SYMBOL),
    "negative size": (record(a("x", fixed(-1))), "x: the size of a fixed is a number of bytes"),
    "size that is none": (record(a("x", fixed(1.0))), "x: the size of a fixed is a number of bytes"),
    "aliases of a field": (record(a("x", "int", aliases="y")), "x: aliases are a list of names"),
    "aliases of the record": (record(aliases=[1]), "R: aliases are a list of names"),
    "default": (
        record(a("x", "int", default="y")),
        "not an Avro schema: SchemaParseException Default value <y> must match schema type: int",
    ),
    "precision": (record(a("x", decimal(MAX_PRECISION + 1))), f"x: a decimal of more than {MAX_PRECISION} digits"),
    "marked as parsed": ({**record(a("x", enum("a b"))), "__fastavro_parsed": True}, SYMBOL),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    schema, detail = REFUSED[case]
    with pytest.raises(RefusedSchema) as caught:
        admit(schema)
    assert caught.value.detail == str(caught.value) == detail


def test_what_fastavro_says_is_cut_short() -> None:
    with pytest.raises(RefusedSchema) as caught:
        admit(record(a("x", "int", default="y" * 1000)))
    assert len(caught.value.detail) == 200


def test_just_within_bounds() -> None:
    admit(record(a("x", nested(MAX_DEPTH - 1))))
    admit(record(*(a(f"x{i}", ["null", "int"]) for i in range(MAX_FIELDS))))
    admit(record(a("x", [fixed(1, f"F{i}") for i in range(MAX_FIELDS + 1)])))
    admit(record(a("x", array(["null"])), a("y", mapping("null"))))
    admit(record(a("x", decimal(MAX_PRECISION))))


def test_a_schema_is_shown_by_its_name_and_fingerprint() -> None:
    admitted = admit(record(a("x", "int")))
    assert repr(admitted) == f"Admitted(name='R', fingerprint={admitted.fingerprint!r})"


def test_an_error_is_a_record_too() -> None:
    admitted = admit({**record(a("x", {**record(a("y", "int"), name="S"), "type": "error"})), "type": "error"})
    assert [field.type.kind for field in admitted.type.fields] == ["record"]


def test_what_claims_to_be_parsed_is_parsed_all_the_same() -> None:
    claims = {**record(a("x", fixed(1)), a("y", "F")), "__fastavro_parsed": True, "__named_schemas": {}}
    assert fastavro.validate({"x": b"a", "y": b"b"}, admit(claims).parsed)


def test_names_follow_their_namespace() -> None:
    inner = record(a("w", fixed(2)), a("again", "a.F"), a("near", "F"), name="a.S")
    admitted = admit(record(a("x", inner), a("y", "a.S"), a("z", "a.F"), a("e", enum("A")), a("f", "E"), namespace="b"))
    assert admitted.name == "b.R"
    kinds = [field.type for field in admitted.type.fields]
    assert [kind.name for kind in kinds if not isinstance(kind, Primitive | Array | Map | Union)] == [
        *("a.S", "a.S", "a.F", "b.E", "b.E"),
    ]
    assert kinds[0] is kinds[1]
    assert kinds[3] is kinds[4]


@pytest.mark.parametrize(
    ("space", "aliases", "known"),
    [
        ("", ["B"], {"B"}),
        ("a.b", ["B"], {"B", "a.b.B"}),
        ("a.b", ["c.B"], {"c.B"}),
        ("", ["c.B"], {"c.B"}),
        ("a.b", [], set()),
    ],
)
def test_aliases_of_a_type_are_in_its_namespace(space: str, aliases: list[str], known: set[str]) -> None:
    more = {"namespace": space, "aliases": aliases}
    admitted = admit(record(a("e", enum("A", **more)), a("f", fixed(1, **more)), **more))
    assert admitted.type.aliases == known
    for field in admitted.type.fields:
        assert isinstance(field.type, Named)
        assert field.type.aliases == known


def test_aliases_of_a_field_have_no_namespace() -> None:
    admitted = admit(record(a("x", "int", aliases=["y"]), a("z", "int"), namespace="a"))
    assert [field.aliases for field in admitted.type.fields] == [{"y"}, set()]


@pytest.mark.parametrize(
    ("kind", "logical", "expected"),
    [
        ("bytes", None, None),
        (decimal(4, 2), "decimal", Decimal(4, 2)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, "decimal", Decimal(4, 0)),
        (decimal(1), "decimal", Decimal(1, 0)),
        (decimal(2, 2), "decimal", Decimal(2, 2)),
        (fixed(3, logicalType="decimal", precision=4, scale=1), "decimal", Decimal(4, 1)),
        (fixed(16, logicalType="uuid"), "uuid", None),
        ({"type": "bytes", "precision": 4}, None, None),
        ({"type": "bytes", "logicalType": "text", "precision": 4}, "text", None),
        ({"type": "bytes", "logicalType": ["decimal"], "precision": 4}, None, None),
        ({"type": "long", "logicalType": "decimal", "precision": 4}, "decimal", None),
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp-millis", None),
    ],
    ids=str,
)
def test_logical_types(kind: object, logical: str | None, expected: Decimal | None) -> None:
    (field,) = admit(record(a("x", kind))).type.fields
    assert isinstance(field.type, Primitive | Fixed)
    assert (field.type.logical, field.type.decimal) == (logical, expected)


@pytest.mark.parametrize(("precision", "scale"), [(0, 0), (0, 1), (None, 0), (True, 0), (4, None)])
def test_a_decimal_of_no_digits_is_plain_bytes(precision: object, scale: object) -> None:
    (field,) = admit(record(a("x", decimal(precision, scale)))).type.fields
    assert isinstance(field.type, Primitive)
    assert field.type.decimal is None


@pytest.mark.parametrize(("precision", "scale"), [(-1, 0), (4, 5), (4, -1), ("4", 0), (4, "0"), (4.0, 0)])
def test_a_decimal_that_breaks_the_rules_is_refused(precision: object, scale: object) -> None:
    with pytest.raises(RefusedSchema, match="not an Avro schema: SchemaParseException decimal "):
        admit(record(a("x", decimal(precision, scale))))


def test_the_default_of_an_enum() -> None:
    kinds = [
        field.type for field in admit(record(a("x", enum("A", default="A")), a("y", enum("A", name="G")))).type.fields
    ]
    assert [kind.default for kind in kinds if isinstance(kind, Enum)] == ["A", None]


def test_a_field_without_a_default_has_none_but_null_is_one() -> None:
    admitted = admit(record(a("x", "int"), a("y", ["null", "int"], default=None), a("z", "int", default=5)))
    assert [field.default for field in admitted.type.fields] == [NO_DEFAULT, None, 5]


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
