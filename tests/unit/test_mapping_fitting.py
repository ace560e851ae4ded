"""What an event can do without, and in which order that goes until it is small enough for Profile."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.mapping.bound import Constant, Field, Output
from processor.mapping.fitting import Json, Spare, Target, fit, spare
from processor.mapping.language import Place
from processor.mapping.xdm import Array, Map, Node, Object, Schema, Text, find

LIMIT = 10_000
"""Bytes; Profile drops an event above 10 kB, which may be 1,000 bytes each."""

PLACE = Place("events.toml", 7, "")

# ---- what can go -----------------------------------------------------------------------------------------------------

ROOT = Object(
    {
        "_id": Text(),
        "_top": Array(Text()),
        "eventType": Text(),
        "productListItems": Array(Object({"SKU": Text()})),
        "segments": Array(Text()),
        "commerce": Object(
            {"order": Object({"payments": Array(Text()), "taxes": Array(Text())}, frozenset({"payments"}))}
        ),
        "_acme": Object(
            {
                "capillary": Object(
                    {"storeName": Text(), "lineItems": Array(Text()), "fields": Map(Text()), "orgId": Text()},
                    frozenset({"orgId"}),
                ),
                "note": Text(),
                "brand": Text(),
            },
            frozenset({"brand"}),
        ),
    },
    frozenset({"_id", "segments"}),
)


def can_go(*targets: str, required: bool = False) -> Spare:
    """What an output with these fields can do without."""
    fields = tuple(Field(target, node(target), Constant("x"), required, clear=False, place=PLACE) for target in targets)
    schema = Schema("events", profile=False, root=ROOT, document={})
    return spare(Output("events", "", schema, None, (), (), fields, PLACE))


def node(target: str) -> Node:
    found = find(ROOT, target)
    assert found is not None
    return found


def test_the_tenants_own_fields_can_go() -> None:
    own = ("_acme.note", "_acme.capillary.storeName", "_acme.capillary.lineItems", "_acme.capillary.fields")
    assert can_go(*own) == Spare(tuple(tuple(target.split(".")) for target in own), ())


def test_of_the_others_lists_can_go() -> None:
    expected = (("productListItems",), ("commerce", "order", "taxes"), ("_top",))
    assert can_go("eventType", "productListItems", "commerce.order.taxes", "_top") == Spare((), expected)


@pytest.mark.parametrize("target", ["_acme.capillary.storeName", "productListItems", "commerce.order.taxes"])
def test_what_the_mapping_requires_cannot(target: str) -> None:
    assert can_go(target) != Spare((), ())
    assert can_go(target, required=True) == Spare((), ())


@pytest.mark.parametrize(
    "target", ["_id", "segments", "commerce.order.payments", "_acme.brand", "_acme.capillary.orgId"]
)
def test_what_xdm_requires_cannot(target: str) -> None:
    assert can_go(target) == Spare((), ())


def test_one_that_cannot_go_keeps_none_that_can() -> None:
    assert can_go("_id", "_acme.capillary.orgId", "_acme.capillary.storeName", "segments", "productListItems") == Spare(
        (("_acme", "capillary", "storeName"),), (("productListItems",),)
    )


# ---- what goes -------------------------------------------------------------------------------------------------------

A, B, C, LIST, OTHER = ("_acme", "a"), ("_acme", "b"), ("_acme", "c"), ("list",), ("commerce", "other")
SPARE = Spare((A, B, C), (LIST, OTHER))


def fitted(entity: Json, can_go: Spare = SPARE) -> tuple[Json, list[str]]:
    """What is left of an entity, and the notes."""
    notes: list[str] = []
    encoded = fit(entity, can_go, notes)
    assert encoded == orjson.dumps(entity)
    return entity, notes


def padded(entity: Json, over: int) -> Json:
    """An entity that is longer than the limit by so many bytes, for what it cannot do without."""
    entity["_id"] = ""
    entity["_id"] = "x" * (LIMIT + over - len(orjson.dumps(entity)))
    assert len(orjson.dumps(entity)) == LIMIT + over
    return entity


@pytest.mark.parametrize(("over", "notes"), [(-1, []), (0, []), (1, ["_acme.a:event too large"])])
def test_an_event_of_the_limit_stays_whole(over: int, notes: list[str]) -> None:
    assert fitted(padded({"_acme": {"a": "own"}}, over))[1] == notes


def test_the_largest_own_field_goes_first_and_no_more_than_needed() -> None:
    left, notes = fitted(
        {"_id": "1", "_acme": {"a": "a" * 3000, "b": "b" * 4500, "c": "c" * 4000}, "list": ["x" * 900]}
    )
    assert left == {"_id": "1", "_acme": {"a": "a" * 3000, "c": "c" * 4000}, "list": ["x" * 900]}
    assert notes == ["_acme.b:event too large"]


def test_then_the_next() -> None:
    left, notes = fitted({"_id": "1", "_acme": {"a": "a" * 6000, "b": "b" * 7000, "c": "c" * 6500}})
    assert left == {"_id": "1", "_acme": {"a": "a" * 6000}}
    assert notes == ["_acme.b:event too large", "_acme.c:event too large"]


def test_of_two_of_one_size_the_first_in_the_mapping_goes() -> None:
    assert fitted({"_acme": {"b": "x" * 6000, "a": "x" * 6000}})[1] == ["_acme.a:event too large"]


def test_the_size_is_that_of_the_bytes_with_the_name() -> None:
    assert fitted({"_acme": {"a": "x" * 5000, "b": "é" * 2600}})[1] == ["_acme.b:event too large"]
    long = ("_acme", "n" * 200)
    entity: Json = {"_acme": {"a": "x" * 5000, "n" * 200: "x" * 4900}}
    assert fitted(entity, Spare((A, long), ()))[1] == [f"_acme.{'n' * 200}:event too large"]


def test_where_all_own_fields_are_too_little_a_list_goes_and_they_stay() -> None:
    left, notes = fitted({"_id": "1", "_acme": {"a": "own"}, "list": ["x" * 20_000], "commerce": {"other": ["y"]}})
    assert left == {"_id": "1", "_acme": {"a": "own"}, "commerce": {"other": ["y"]}}
    assert notes == ["list:event too large"]


def test_the_largest_list_goes_first() -> None:
    left, notes = fitted({"_id": "1", "list": ["x" * 6000], "commerce": {"other": ["x" * 6001]}})
    assert left == {"_id": "1", "list": ["x" * 6000]}
    assert notes == ["commerce.other:event too large"]


@pytest.mark.parametrize(("over", "gone"), [(17, ["_acme.a", "_acme.b"]), (18, ["list"])])
def test_own_fields_are_enough_if_they_have_as_many_bytes_as_are_too_many(over: int, gone: list[str]) -> None:
    entity: Json = {"_acme": {"a": "xxx", "b": "", "stays": 1}, "list": ["x" * 100]}
    assert len(b'"a":"xxx",' + b'"b":"",') == 17
    left, notes = fitted(padded(entity, over))
    assert notes == [f"{target}:event too large" for target in gone]
    assert len(orjson.dumps(left)) <= LIMIT


def test_after_a_list_own_fields_may_be_enough() -> None:
    left, notes = fitted({"_id": "1", "_acme": {"a": "x" * 9000, "b": "own"}, "list": ["x" * 19_000], "n": "y" * 2000})
    assert left == {"_id": "1", "_acme": {"b": "own"}, "n": "y" * 2000}
    assert notes == ["list:event too large", "_acme.a:event too large"]


def test_objects_that_become_empty_go_too_and_no_others() -> None:
    target = ("_acme", "c", "only")
    entity: Json = {"_id": "1", "_acme": {"c": {"only": "x" * LIMIT}}, "commerce": {"order": {"list": []}}}
    left, notes = fitted(entity, Spare((target,), ()))
    assert left == {"_id": "1", "commerce": {"order": {"list": []}}}
    assert notes == ["_acme.c.only:event too large"]
    entity = {"_acme": {"c": {"only": "x" * LIMIT}, "other": 1}}
    assert fitted(entity, Spare((target,), ()))[0] == {"_acme": {"other": 1}}


@pytest.mark.parametrize(
    "entity",
    [
        {"_id": "x" * 20_000},
        {"_id": "x" * 20_000, "_acme": {"a": "own"}},
        {"_id": "x" * 20_000, "_acme": {}, "commerce": "no object"},
        {"_id": "x" * 20_000, "_acme": {"a": None}, "list": None},
    ],
)
def test_what_cannot_be_made_to_fit_stays_as_it_is(entity: Json) -> None:
    before = orjson.dumps(entity)
    assert fitted(entity) == (orjson.loads(before), [])


def test_lists_go_even_where_they_are_not_enough() -> None:
    left, notes = fitted({"_id": "x" * 20_000, "list": ["x"], "commerce": {"other": ["yy"]}})
    assert left == {"_id": "x" * 20_000}
    assert notes == ["commerce.other:event too large", "list:event too large"]


@given(st.dictionaries(st.sampled_from([A, B, C, LIST, OTHER]), st.integers(0, 12_000)), st.integers(0, 9_000))
def test_the_rest_fits_and_each_loss_is_noted(sizes: dict[Target, int], rest: int) -> None:
    entity: Json = {"_id": "1", "rest": "r" * rest}
    for target, size in sizes.items():
        place = entity if len(target) == 1 else entity.setdefault(target[0], {})
        assert isinstance(place, dict)
        place[target[-1]] = "x" * size
    was_small = len(orjson.dumps(entity)) <= LIMIT
    left, notes = fitted(entity)
    assert len(orjson.dumps(left)) <= LIMIT
    assert was_small is (notes == [])
    gone = {tuple(note.removesuffix(":event too large").split(".")) for note in notes}
    assert gone == {target for target in sizes if find_in(left, target) is None}
    assert len(gone) == len(notes)


def find_in(entity: object, target: Target) -> object:
    for name in target:
        entity = entity.get(name) if isinstance(entity, dict) else None
    return entity
