"""What a mapping can read of an Avro schema: paths, their types, and the places whose values can be lost."""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping.sources import Columns, Reader, Source, read_reader

Json = dict[str, Any]


def record(name: str, **fields: object) -> Json:
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in fields.items()]}


def optional(schema: object) -> list[object]:
    return ["null", schema]


def array(items: object) -> Json:
    return {"type": "array", "items": items}


def source(kind: object) -> Source:
    """What a mapping can read of a field of a type."""
    return read_reader(record("R", a=kind)).root.fields["a"]


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("boolean", Source("boolean")),
        ("int", Source("integer")),
        ("long", Source("integer")),
        ("float", Source("number")),
        ("double", Source("number")),
        ("string", Source("string")),
        ("bytes", Source("bytes")),
        ("null", Source("null")),
        (["null", "string"], Source("string", nullable=True)),
        (["string", "null"], Source("string", nullable=True)),
        (["string"], Source("string")),
        (["null"], Source("null", nullable=True)),
        (["string", "long"], Source("mixed")),
        (["null", "string", "long"], Source("mixed", nullable=True)),
        ({"type": "string"}, Source("string")),
        ({"type": {"type": "string"}}, Source("string")),
        ({"type": "long", "logicalType": "timestamp-millis"}, Source("integer")),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9}, Source("decimal")),
        ({"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 9}, Source("decimal")),
        ({"type": "fixed", "name": "F", "size": 8}, Source("bytes")),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, Source("string")),
        (array("string"), Source("array", item=Source("string"))),
        (optional(array(optional("long"))), Source("array", nullable=True, item=Source("integer", nullable=True))),
        ({"type": "map", "values": "double"}, Source("map", item=Source("number"))),
        (record("In", b="int"), Source("record", fields={"b": Source("integer")})),
        (optional(record("In", b="int")), Source("record", nullable=True, fields={"b": Source("integer")})),
    ],
    ids=str,
)
def test_the_type_of_a_path(kind: object, read: Source) -> None:
    assert source(kind) == read


@pytest.mark.parametrize("name", ["In", "x.In"])
@pytest.mark.parametrize(
    ("namespace", "again"),
    [({}, "In"), ({"namespace": "x"}, "In"), ({"namespace": "x"}, "x.In"), ({"namespace": ""}, "In")],
)
def test_a_type_is_known_by_its_name_from_then_on(name: str, namespace: Json, again: str) -> None:
    if "." in name:
        again = "x.In"
    root = read_reader(record("R", a=record(name, b="int") | namespace, c=optional(again)) | namespace).root
    assert root.fields["c"] == Source("record", nullable=True, fields={"b": Source("integer")})


def test_a_name_is_that_of_its_own_namespace_before_any_other() -> None:
    bare = record("E", b="int") | {"namespace": ""}
    inner = record("x.In", one=record("E", s="string"), two="E")
    assert read_reader(record("R", bare=bare, a=inner, c="E")).root.find("a.two.s") == Source("string")
    assert read_reader(record("R", bare=bare, a=inner, c="E")).root.find("c.b") == Source("integer")


def test_what_is_inside_of_a_named_type_has_its_namespace() -> None:
    inner = record("In", one={"type": "enum", "name": "E", "symbols": ["A"]}, two="E", three="y.E")
    assert read_reader(record("R", a=inner | {"namespace": "y"})).root.find("a.three") == Source("string")
    far = record("R", a=record("y.In", one={"type": "enum", "name": "E", "symbols": ["A"]}), b="y.E")
    assert read_reader(far).root.find("b") == Source("string")


def test_a_full_name_is_known_from_everywhere() -> None:
    enum = {"type": "enum", "name": "E", "symbols": ["A"]}
    root = record("n.R", a=record("x.y.In", one=enum), b=record("z.Other", again="x.y.In", two="x.y.E"))
    assert read_reader(root).root.find("b.again.one") == Source("string")
    assert read_reader(root).root.find("b.two") == Source("string")


ROOT = Source(
    "record",
    fields={
        "id": Source("integer"),
        "store": Source(
            "record", nullable=True, fields={"code": Source("string"), "till": Source("string", nullable=True)}
        ),
        "rows": Source("array", item=Source("record", fields={"a": Source("string"), "in": Source("record")})),
        "more": Source("map", item=Source("array", item=Source("string"))),
    },
)


def test_a_path_is_found_through_records_and_nullable_where_one_of_them_is() -> None:
    assert ROOT.find("id") == Source("integer")
    assert ROOT.find("store.code") == Source("string", nullable=True)
    assert ROOT.find("rows") == ROOT.fields["rows"]
    assert [ROOT.find(path) for path in ("x", "store.x", "rows.a", "id.x", "")] == [None] * 5
    strict = Source("record", fields={"in": Source("record", fields={"a": Source("string")})})
    assert strict.find("in.a") == Source("string", nullable=False)


def test_the_paths_through_records() -> None:
    assert [*ROOT.paths()] == ["id", "store", "store.code", "store.till", "rows", "more"]


def test_the_places_whose_value_can_be_lost() -> None:
    assert [*ROOT.places()] == [
        *("id", "store", "store.code", "store.till", "rows", "rows[]", "rows[].a", "rows[].in"),
        *("more", "more{}", "more{}[]"),
    ]


def with_customer(path: object, root: Json | None = None) -> Reader:
    coupons = array(record("Coupon", who=optional(record("Who", id="long"))))
    return read_reader(
        (root or record("R", id="long", data=record("Data", id="long", coupons=coupons))) | {"customer": path}
    )


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("id", "id"),
        ("data.id", "data.id"),
        ("data.coupons.who.id", Columns("data.coupons", ("who.id",))),
        ("data.coupons", "data.coupons"),
        ("data.coupons.x", None),
        ("data.x", None),
        ("x.id", None),
        (None, None),
        ("", None),
    ],
)
def test_what_gives_the_customer(path: str | None, want: object) -> None:
    assert with_customer(path).customer_want == want
    assert with_customer(path).customer == (path or None)


def test_a_list_at_the_root_may_have_the_customers() -> None:
    root = record("R", rows=array(record("Row", id="long")))
    assert with_customer("rows.id", root).customer_want == Columns("rows", ("id",))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "R"),
        ({"namespace": "capillary.events"}, "capillary.events.R"),
        ({"namespace": ""}, "R"),
        ({"namespace": "n", "name": "other.R"}, "other.R"),
    ],
)
def test_a_reader_is_named_as_avro_names_its_record(said: Json, name: str) -> None:
    assert read_reader(record("R") | said) == Reader("", name, Source("record"), None, ())


def test_a_reader_says_its_event_and_other_names() -> None:
    said = {"event": "badgeEarned", "eventAliases": ["badge", "BADGES"], "customer": "id"}
    assert read_reader(record("R", id="long") | said) == Reader(
        "badgeEarned", "R", Source("record", fields={"id": Source("integer")}), "id", ("badge", "BADGES")
    )
    assert read_reader(record("R") | {"eventAliases": "badge"}).aliases == ()
