"""Which of the writer's types goes with which of the reader's, what defaults stand for, and what is refused where."""

from __future__ import annotations

from decimal import Decimal

import pytest

from processor.avro import DecodeError, Each, IncompatibleSchema, Want, admit, build_decoder
from processor.avro.resolution import default_value, derived, has, resolve
from processor.avro.types import Type
from processor.avro.wanted import gather
from tests.avro_schemas import Json, a, array, decimal, enum, fixed, mapping, record


def read(writer: Json, payload: bytes, *wants: Want, reader: Json) -> tuple[object, ...]:
    return build_decoder(admit(writer), admit(reader), wants).read(payload, 0)


def read_as(written: object, ours: object, payload: bytes) -> object:
    """A field that the writer has as `written` and we as `ours`."""
    (value,) = read(record(a("x", written)), payload, "x", reader=record(a("x", ours)))
    return value


def refusal(writer: Json, reader: Json, *wants: Want) -> tuple[str, str]:
    """Place and detail of why no decoder can be built."""
    with pytest.raises(IncompatibleSchema) as caught:
        build_decoder(admit(writer), admit(reader), wants)
    assert str(caught.value) == f"{caught.value.place or 'the record'}: {caught.value.detail}"
    return caught.value.place, caught.value.detail


def type_of(kind: object) -> Type:
    return admit(record(a("x", kind))).type.fields[0].type


# ---- pairs of types -------------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[object, bytes]] = {
    "null": ("null", b""),
    "boolean": ("boolean", b"\x01"),
    "int": ("int", b"\x02"),
    "long": ("long", b"\x02"),
    "float": ("float", b"\0\0\x80\x3f"),
    "double": ("double", b"\0\0\0\0\0\0\xf0\x3f"),
    "bytes": ("bytes", b"\x02a"),
    "string": ("string", b"\x02a"),
    "array": (array("int"), b"\0"),
    "map": (mapping("int"), b"\0"),
    "record S": (record(name="S"), b""),
    "record T": (record(name="T"), b""),
    "enum E": (enum("A"), b"\0"),
    "enum G": (enum("A", name="G"), b"\0"),
    "fixed F": (fixed(1), b"a"),
    "fixed H": (fixed(1, name="H"), b"a"),
    "decimal bytes": (decimal(2), b"\x02\x07"),
    "decimal fixed D": (fixed(1, name="D", logicalType="decimal", precision=2), b"\x07"),
}
VALUES: dict[tuple[str, str], object] = {
    ("null", "null"): None,
    ("boolean", "boolean"): True,
    ("int", "int"): 1,
    ("int", "long"): 1,
    ("int", "float"): 1.0,
    ("int", "double"): 1.0,
    ("long", "long"): 1,
    ("long", "float"): 1.0,
    ("long", "double"): 1.0,
    ("float", "float"): 1.0,
    ("float", "double"): 1.0,
    ("double", "double"): 1.0,
    ("bytes", "bytes"): b"a",
    ("bytes", "string"): "a",
    ("string", "string"): "a",
    ("string", "bytes"): b"a",
    ("array", "array"): [],
    ("map", "map"): {},
    ("record S", "record S"): {},
    ("record T", "record T"): {},
    ("enum E", "enum E"): "A",
    ("enum G", "enum G"): "A",
    ("fixed F", "fixed F"): b"a",
    ("fixed H", "fixed H"): b"a",
    ("decimal bytes", "decimal bytes"): Decimal(7),
    ("decimal bytes", "bytes"): b"\x07",
    ("decimal bytes", "string"): "\x07",
    ("decimal fixed D", "decimal fixed D"): Decimal(7),
}


@pytest.mark.parametrize("written", KINDS)
def test_which_type_may_be_read_as_which(written: str) -> None:
    kind, payload = KINDS[written]
    for ours, (expected, _) in KINDS.items():
        if (written, ours) in VALUES:
            value = read_as(kind, expected, payload)
            assert (value, type(value)) == (VALUES[written, ours], type(VALUES[written, ours])), ours
        else:
            detail = f"the writer has {written} where we read {ours}"
            assert refusal(record(a("x", kind)), record(a("x", expected)), "x") == ("x", detail)


@pytest.mark.parametrize(
    ("written", "ours", "payload", "value"),
    [
        (decimal(4, 2), decimal(9, 5), b"\x04\x00\x7b", Decimal("1.23")),
        (
            fixed(2, logicalType="decimal", precision=4, scale=2),
            fixed(2, logicalType="decimal", precision=4),
            b"\x00\x7b",
            Decimal("1.23"),
        ),
        (fixed(2, logicalType="decimal", precision=4, scale=2), fixed(2), b"\x00\x7b", b"\x00\x7b"),
    ],
)
def test_a_decimal_has_the_scale_of_the_writer_where_we_want_one(
    written: object, ours: object, payload: bytes, value: object
) -> None:
    assert read_as(written, ours, payload) == value


@pytest.mark.parametrize(
    ("written", "ours", "payload", "value"),
    [
        ("int", ["null", "string", "long"], b"\x02", 1),
        ("int", ["double", "long", "int"], b"\x02", 1),
        ("int", ["double", "long"], b"\x02", 1.0),
        ("bytes", ["string", "bytes"], b"\x02\xff", b"\xff"),
        (array("int"), ["null", array("double")], b"\x02\x02\0", [1.0]),
        ([array("int"), "null"], ["null", array("long")], b"\0\x02\x02\0", [1]),
    ],
)
def test_of_a_union_the_same_type_counts_then_the_first_that_fits(
    written: object, ours: object, payload: bytes, value: object
) -> None:
    got = read_as(written, ours, payload)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize("written", ["a.S", "b.S", "c.S"])
def test_of_a_union_the_record_of_the_full_name_counts(written: str) -> None:
    ours = [record(a("first", "int", default=1), name="a.S"), record(a("second", "int", default=2), name="b.S")]
    expected = {"second": 2} if written == "b.S" else {"first": 1}
    assert read_as(record(name=written), ours, b"") == expected


def test_an_alias_of_a_record_is_a_full_name_or_a_short_one() -> None:
    for alias in ("a.Old", "Old"):
        ours = record(a("y", "int"), name="b.S", aliases=[alias])
        assert read_as(record(a("y", "int"), name="a.Old"), ours, b"\x02") == {"y": 1}
    ours = record(name="b.S", aliases=["c.Old"])
    assert refusal(record(a("x", record(name="a.Old"))), record(a("x", ours)), "x") == (
        "x",
        "the writer has record a.Old where we read record b.S",
    )


def test_another_record_at_the_top() -> None:
    detail = "the writer's record is a.Other, ours is a.R"
    assert refusal(record(name="a.Other"), record(name="a.R")) == ("", detail)


# ---- what lies deeper -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ours", "payload", "value"),
    [
        (array("int"), array(["null", "double"]), b"\x02\x02\0", [1.0]),
        (mapping("int"), mapping(["null", "double"]), b"\x02\x02k\x02\0", {"k": 1.0}),
        (array(["null", "int"]), array(["string", "null", "long"]), b"\x04\0\x02\x02\0", [None, 1]),
        (mapping(["null", "int"]), mapping("long"), b"\x02\x02k\x02\x02\0", {"k": 1}),
        (
            record(a("y", "int"), a("gone", "string"), name="S"),
            record(a("new", "string", default="d"), a("y", ["null", "double"]), name="S"),
            b"\x02\x02a",
            {"new": "d", "y": 1.0},
        ),
        (
            record(a("old", "int"), name="S"),
            record(a("y", "int", aliases=["old"]), name="S"),
            b"\x02",
            {"y": 1},
        ),
    ],
)
def test_parts_of_a_whole_value_are_resolved_too(written: object, ours: object, payload: bytes, value: object) -> None:
    assert read_as(written, ours, payload) == value


@pytest.mark.parametrize(
    ("written", "ours", "place", "detail"),
    [
        (array("int"), array(["null", "string"]), "x[]", "the writer has int where we read union"),
        (mapping("int"), mapping(["null", "string"]), "x{}", "the writer has int where we read union"),
        (array(["null", "int"]), array("string"), "x[]", "nothing of the writer's union can be read as string"),
        (mapping(["null", "int"]), mapping("string"), "x{}", "nothing of the writer's union can be read as string"),
        (["null", "int"], "string", "x", "nothing of the writer's union can be read as string"),
        (["null", enum("A")], enum("A", name="G"), "x", "nothing of the writer's union can be read as enum G"),
        (array("int"), array("string"), "x", "the writer has array where we read array"),
        (fixed(1), fixed(2), "x", "the writer has fixed F where we read fixed F"),
        (
            record(a("y", "int"), name="S"),
            record(a("y", "string"), name="S"),
            "x.y",
            "the writer has int where we read string",
        ),
        (
            array(record(a("z", "int"), name="S")),
            array(record(a("y", "int"), name="S")),
            "x[].y",
            "the writer has no such field, and ours has no default",
        ),
        (
            record(a("old", "int"), name="S"),
            record(a("y", "int", aliases=["old"]), a("z", "int", aliases=["old"]), name="S"),
            "x.z",
            "the writer's field old is the alias of two fields of ours",
        ),
    ],
    ids=str,
)
def test_the_place_of_what_does_not_fit(written: object, ours: object, place: str, detail: str) -> None:
    assert refusal(record(a("x", written)), record(a("x", ours)), "x") == (place, detail)


@pytest.mark.parametrize(
    ("want", "place", "detail"),
    [
        ("x.y", "x.y", "the writer has no such field, and ours has no default"),
        (Each("many", ("y",)), "many[].y", "the writer has no such field, and ours has no default"),
        ("p", "p", "the writer has int where we read string"),
        ("no", "no", "R has no such path"),
        ("x.no", "x.no", "R has no such path"),
        ("many.y", "many.y", "R has no such path"),
        (Each("x", ("y",)), "x[].y", "R has no such path"),
        (Each("x", ()), "x[]", "R has no such path"),
    ],
    ids=str,
)
def test_the_place_of_what_cannot_be_had(want: Want, place: str, detail: str) -> None:
    writer = record(a("x", record(a("z", "int"), name="S")), a("many", array("S")), a("p", "int"))
    reader = record(a("x", record(a("y", "int"), name="S")), a("many", array("S")), a("p", "string"))
    assert refusal(writer, reader, want) == (place, detail)


def test_two_wanted_fields_of_one_alias() -> None:
    reader = record(a("x", "int", aliases=["z"]), a("y", "int", aliases=["z"]))
    detail = "the writer's field z is the alias of two fields of ours"
    assert refusal(record(a("z", "int")), reader, "x", "y") == ("y", detail)


@pytest.mark.parametrize(
    ("written", "payload", "value"),
    [
        (["int", "string"], b"\0\x02", 1),
        (["int", "string"], b"\x02\x02a", "x: a branch that our schema does not have: string"),
        (["int", record(name="a.S")], b"\x02", "x: a branch that our schema does not have: record a.S"),
        (["int", decimal(2)], b"\x02\x02a", "x: a branch that our schema does not have: decimal bytes"),
    ],
)
def test_a_branch_that_we_have_no_place_for_is_refused_when_it_comes(
    written: object, payload: bytes, value: object
) -> None:
    try:
        got = read_as(written, "int", payload)
    except DecodeError as error:
        got = str(error)
    assert got == value


def test_such_a_branch_in_a_whole_array() -> None:
    assert read_as(array(["int", "string"]), array("int"), b"\x02\0\x02\0") == [1]
    with pytest.raises(DecodeError, match=r"^x\[\]: a branch that our schema does not have: string$"):
        read_as(array(["int", "string"]), array("int"), b"\x02\x02\x02a\0")


# ---- a path through a union -----------------------------------------------------------------------------------------

BOTH = record(
    a(
        "x",
        [
            "null",
            record(a("p", "int"), name="A"),
            array(record(a("p", "int"), name="I")),
            record(a("q", "int"), a("p", "string"), name="B"),
            "string",
        ],
    )
)
"""A field that may be records and an array of records."""


@pytest.mark.parametrize(
    ("payload", "values"),
    [
        (b"\x00", (None, None, None)),
        (b"\x02\x02", (None, 1, None)),
        (b"\x04\x04\x02\x04\x00", (None, None, [(1,), (2,)])),
        (b"\x06\x02\x02s", (1, "s", None)),
        (b"\x08\x02s", (None, None, None)),
    ],
)
def test_a_path_is_none_in_a_branch_that_does_not_have_it(payload: bytes, values: tuple[object, ...]) -> None:
    wants = ("x.q", "x.p", Each("x", ("p",)))
    assert read(BOTH, payload, *wants, reader=BOTH) == values
    for want, value in zip(wants, values, strict=True):
        assert read(BOTH, payload, want, reader=BOTH) == (value,)


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("x", True),
        ("x.p", True),
        ("x.q", True),
        ("x[]", True),
        ("x[].p", True),
        ("x[].q", False),
        ("x.no", False),
        ("x.p.q", False),
        ("y", False),
        ("y.p", False),
        ("x{}", False),
        ("n", True),
        ("n.p", False),
        ("n[]", False),
    ],
)
def test_what_a_schema_has(path: str, *, there: bool) -> None:
    fields = BOTH["fields"]
    assert isinstance(fields, list)
    schema = admit(record(*fields, a("n", "int"))).type
    assert has(schema, schema, path) is there


def test_a_writer_has_what_it_has_under_our_name() -> None:
    ours = admit(record(a("x", record(a("y", "int", aliases=["old"]), a("z", "int"), name="S")))).type
    writer = admit(record(a("x", ["null", record(a("old", "int"), a("more", "int"), name="a.S")]))).type
    assert has(writer, ours, "x.y") is True
    assert has(writer, ours, "x.z") is False
    assert has(writer, ours, "x.old") is False
    assert has(writer, ours, "x.more") is False


# ---- defaults -------------------------------------------------------------------------------------------------------

S = record(a("y", "int"), a("z", ["null", "string"], default=None), name="S")
DEFAULTS: list[tuple[object, object, object]] = [
    ("null", None, None),
    ("boolean", False, False),
    ("string", "d", "d"),
    ("int", 5, 5),
    ("long", 2**40, 2**40),
    ("float", 5, 5.0),
    ("float", 0.5, 0.5),
    ("double", 5, 5.0),
    ("bytes", "\u00ff\u0001", b"\xff\x01"),
    (decimal(4, 2), "\u0001", Decimal("0.01")),
    (fixed(2), "ab", b"ab"),
    (fixed(1, logicalType="decimal", precision=2, scale=1), "\u0007", Decimal("0.7")),
    (enum("A", "B"), "B", "B"),
    (array("double"), [1, 2.5], [1.0, 2.5]),
    (mapping("long"), {"k": 1}, {"k": 1}),
    (S, {"y": 1}, {"y": 1, "z": None}),
    (S, {"y": 1, "z": "s", "more": 1}, {"y": 1, "z": "s"}),
    (["null", "string"], "d", "d"),
    (["int", "double"], 1, 1),
    (["string", "double"], 1, 1.0),
    ([S, mapping("string")], {"k": "v"}, {"k": "v"}),
    ([enum("A"), "string"], "B", "B"),
    ([fixed(2), "bytes"], "a", b"a"),
]


@pytest.mark.parametrize(("kind", "default", "value"), DEFAULTS)
def test_what_a_default_stands_for(kind: object, default: object, value: object) -> None:
    got = default_value(type_of(kind), default, "x")
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "default", "place", "name"),
    [
        ("null", 0, "x", "null"),
        ("boolean", 1, "x", "boolean"),
        ("boolean", None, "x", "boolean"),
        ("int", True, "x", "int"),
        ("long", 1.0, "x", "long"),
        ("long", "1", "x", "long"),
        ("double", True, "x", "double"),
        ("double", "1", "x", "double"),
        ("string", None, "x", "string"),
        ("bytes", "\u20ac", "x", "bytes"),
        ("bytes", 1, "x", "bytes"),
        (fixed(2), "a", "x", "fixed F"),
        (decimal(2), "\u007f", "x", "decimal bytes"),
        (enum("A"), "B", "x", "enum E"),
        (enum("A"), None, "x", "enum E"),
        (array("int"), {}, "x", "array"),
        (array("int"), ["a"], "x[]", "int"),
        (mapping("int"), [], "x", "map"),
        (mapping("int"), {"k": "a"}, "x{}", "int"),
        (S, [], "x", "record S"),
        (S, {"y": "a"}, "x.y", "int"),
        (S, {"y": 1, "z": 1}, "x.z", "union"),
        (["null", "int"], "a", "x", "union"),
        (["null", S], {"y": "a"}, "x", "union"),
    ],
)
def test_a_default_that_does_not_fit(kind: object, default: object, place: str, name: str) -> None:
    with pytest.raises(IncompatibleSchema) as caught:
        default_value(type_of(kind), default, "x")
    assert (caught.value.place, caught.value.detail) == (place, f"the default does not fit {name}")


def test_a_default_of_a_record_that_lacks_a_field() -> None:
    with pytest.raises(IncompatibleSchema) as caught:
        default_value(type_of(S), {}, "x")
    assert (caught.value.place, caught.value.detail) == ("x.y", "the default of the record lacks this field")


def test_a_default_is_refused_only_where_it_is_needed() -> None:
    reader = record(a("x", S, default={}), a("y", "int"))
    assert read(record(a("y", "int")), b"\x02", "y", reader=reader) == (1,)
    assert refusal(record(a("y", "int")), reader, "x") == ("x.y", "the default of the record lacks this field")


def test_parts_of_a_default_that_is_null() -> None:
    reader = record(a("s", ["null", S], default=None), a("many", ["null", array("S")], default=None))
    assert read(record(), b"", "s.y", "s", Each("many", ("y",)), reader=reader) == (None, None, None)


def test_what_is_wanted_of_a_value_that_is_known() -> None:
    wanted, names = gather(
        ["s.y", "s", "s.t.u", Each("many", ("y", "z")), Each("many", ()), Each("none", ("y",)), "no"]
    )
    value = {"s": {"y": 1, "t": None}, "many": [{"y": 1, "z": 2}, {"y": 3, "z": None}], "none": None}
    found = dict(derived(value, wanted))
    assert [found.get(name) for name in names] == [
        1,
        {"y": 1, "t": None},
        None,
        [(1, 2), (3, None)],
        [(), ()],
        None,
        None,
    ]


def test_a_plan_has_a_step_for_every_field_of_the_writer() -> None:
    writer = record(a("p", "int"), a("old", "int"), a("q", "int"))
    reader = record(
        a("x", "int", aliases=["old"]), a("new", "string", default="d"), a("none", ["null", "int"], default=None)
    )
    wanted, _ = gather(["x", "new", "none"])
    plan = resolve(admit(writer).type, admit(reader).type, wanted)
    assert [step.name for step in plan.steps] == ["p", "x", "q"]
    assert plan.defaults == (("v1_new", "d"),)  # all variables are None to begin with
