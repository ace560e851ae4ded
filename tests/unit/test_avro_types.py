"""What a type knows of itself: the fewest bytes of a value, how many fields it means, how deep it goes."""

from __future__ import annotations

import pytest

from processor.avro import admit
from processor.avro.types import Possible, Primitive, nullable
from tests.avro_schemas import a, array, enum, fixed, mapping, record

PAIR = record(a("x", "int"), a("y", "double"), name="Pair")
MEASURES: list[tuple[object, int, int, int]] = [
    ("null", 0, 0, 0),
    ("double", 8, 0, 0),
    ({"type": "double", "logicalType": "odd"}, 8, 0, 0),
    (enum("A", "B"), 1, 0, 0),
    (fixed(7), 7, 0, 0),
    (fixed(0), 0, 0, 0),
    (array("double"), 1, 0, 1),
    (mapping("double"), 1, 0, 1),
    (mapping(array("int")), 1, 0, 2),
    (array(mapping("int")), 1, 0, 2),
    (PAIR, 9, 2, 1),
    (record(name="Empty"), 0, 0, 1),
    (array(PAIR), 1, 2, 2),
    (mapping(PAIR), 1, 2, 2),
    (record(a("p", PAIR), a("q", "Pair"), a("r", "string"), name="Pairs"), 19, 7, 2),
    (record(a("p", array(PAIR)), a("q", array(array("int"))), name="Pairs"), 2, 4, 3),
    (["null"], 1, 0, 0),
    (["null", "double"], 1, 0, 0),
    (["double", "float"], 5, 0, 0),
    (["null", PAIR], 1, 2, 1),
    (["null", PAIR, "string"], 1, 3, 1),
    (["null", "int", "string", "double"], 1, 2, 0),
    ([PAIR, array(PAIR["name"]), mapping("int")], 2, 5, 2),
]


@pytest.mark.parametrize(("kind", "least", "breadth", "depth"), MEASURES, ids=str)
def test_measures(kind: object, least: int, breadth: int, depth: int) -> None:
    (field,) = admit(record(a("x", kind))).type.fields
    assert (field.type.least, field.type.breadth, field.type.depth) == (least, breadth, depth)


@pytest.mark.parametrize(
    ("kind", "least"),
    [("null", 0), ("boolean", 1), ("int", 1), ("long", 1), ("float", 4), ("double", 8), ("bytes", 1), ("string", 1)],
)
def test_the_fewest_bytes_of_a_primitive(kind: str, least: int) -> None:
    assert Primitive(kind).least == least


@pytest.mark.parametrize(
    ("kind", "name"),
    [(array("int"), "array"), (mapping("int"), "map"), (["int"], "union"), (enum("A"), "enum"), (fixed(1), "fixed")],
    ids=str,
)
def test_a_kind_is_called_as_avro_calls_it(kind: object, name: str) -> None:
    admitted = admit(record(a("x", kind)))
    assert (admitted.type.kind, admitted.type.fields[0].type.kind) == ("record", name)


def test_null_is_taken_out_of_a_union() -> None:
    kinds = ["null", "int", ["null", "int"], ["int", "null", "string"], ["int", "string"], ["null"]]
    admitted = admit(record(*(a(f"x{index}", kind) for index, kind in enumerate(kinds))))
    found = [nullable(field.type) for field in admitted.type.fields]
    assert [(nulls, [branch.kind for branch in branches]) for nulls, branches in found] == [
        (True, []),
        (False, ["int"]),
        (True, ["int"]),
        (True, ["int", "string"]),
        (False, ["int", "string"]),
        (True, []),
    ]


def test_what_is_no_union_is_its_own_branch() -> None:
    kind = Primitive("int")
    assert nullable(kind) == Possible(nullable=False, branches=(kind,))
