"""What a bound mapping says of itself: what decides a field, what an item is read for, what a function returns."""

from __future__ import annotations

import pytest

from processor.mapping.bound import (
    Argument,
    Condition,
    Constant,
    Context,
    Field,
    Invoke,
    Literal,
    Lookup,
    Output,
    Part,
    Parts,
    Pick,
    Ref,
    RowsRef,
    Unread,
    item_columns,
    item_want,
    returned,
    whole_path,
)
from processor.mapping.language import Place
from processor.mapping.registry import Function
from processor.mapping.sources import Columns, Source
from processor.mapping.xdm import Array, Object, Schema, Text

PLACE = Place("mappings/thing.toml", 1, "")
TEXT = Source("string", nullable=True)
ITEM = Source("record", fields={"id": Source("integer"), "text": TEXT})
ITEMS = Source("array", nullable=True, item=ITEM)

Verb = Pick | Constant | Lookup | Invoke | Parts


def ref(path: str, *, item: bool = False) -> Ref:
    """A path of texts."""
    return Ref(path, TEXT, item)


def array(path: str, *, item: bool = False) -> Ref:
    """A path of an array of records."""
    return Ref(path, ITEMS, item)


def function(result: str = "string", *, ours: bool = False, gone: bool = False) -> Function:
    """A function that nobody calls."""
    return Function("f", print, (), None, result, noted=False, gone=gone, ours=ours)


def field(verb: Verb, *, required: bool = False, clear: bool = False) -> Field:
    """A field of the target `text`."""
    return Field("text", Text(), verb, required, clear, PLACE)


def call(*arguments: Argument, gone: bool = False) -> Invoke:
    """A call with these arguments."""
    return Invoke(function(gone=gone), arguments)


def pick(*paths: str, item: bool = False) -> Pick:
    """The first text of some paths."""
    return Pick(tuple(ref(path, item=item) for path in paths), None)


def part(each: Ref | None, *verbs: Verb, clear: bool = False) -> Part:
    """Elements with a field for each verb."""
    return Part(each, tuple(field(verb, clear=clear) for verb in verbs), Object({}), PLACE)


def output(*, profile: bool) -> Output:
    """An output without fields."""
    root = Object({"text": Text(), "identityMap": Array(Text())}, frozenset({"text"}))
    return Output("to", "name", Schema("to", profile, root, {}), None, (), (), (), PLACE)


# ---- fields ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "required", "sure"),
    [
        (pick("a"), True, True),
        (pick("a"), False, False),
        (call(), True, True),
        (call(), False, False),
        (call(gone=True), True, False),
        (call(gone=True), False, False),
        (Parts((part(array("a")),)), True, True),
    ],
)
def test_a_required_field_is_sure_unless_it_may_be_gone(verb: Verb, *, required: bool, sure: bool) -> None:
    assert field(verb, required=required).sure is sure


@pytest.mark.parametrize(
    ("verb", "decides"),
    [
        (Constant("x"), ()),
        (pick("a", "b.c"), (ref("a"), ref("b.c"))),
        (Pick((ref("a"), Context("@now", TEXT)), None), (ref("a"),)),
        (Lookup({}, None, (ref("a"), ref("b"))), (ref("a"), ref("b"))),
        (
            call(ref("a"), RowsRef("b", ("c",)), Context("@now", TEXT), Literal(1), Unread(ref("d"))),
            (ref("a"), RowsRef("b", ("c",))),
        ),
        (Parts((part(array("a"), pick("text", item=True)), part(None, pick("b")))), (array("a"),)),
    ],
)
def test_what_is_read_of_the_event_decides_whether_there_is_a_value(verb: Verb, decides: tuple[Argument, ...]) -> None:
    assert field(verb).decides() == decides


def test_a_field_clears_itself_or_in_what_it_lists() -> None:
    assert not field(pick("a")).clears()
    assert field(pick("a"), clear=True).clears()
    assert field(Parts((part(array("a"), pick("b")),)), clear=True).clears()
    assert not field(Parts((part(array("a"), pick("b")),))).clears()
    two = Parts((part(array("a"), pick("b")), part(array("a"), pick("b"), clear=True)))
    assert field(two).clears()
    assert field(Parts((part(None, Constant(1), two),))).clears()


# ---- outputs and conditions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("otherwise", "profile", "withholds"), [("", False, False), ("rule", False, True), ("", True, True)]
)
def test_a_condition_that_cannot_be_told_costs_profile_or_what_it_names(
    otherwise: str, *, profile: bool, withholds: bool
) -> None:
    assert output(profile=profile).withholds(Condition(call(), otherwise, PLACE)) is withholds


def test_a_condition_reads_places_as_the_event_names_what_was_lost() -> None:
    arguments = (ref("a.b"), RowsRef("c.d", ("e", "f.g")), Context("@now", TEXT), Literal("x"), Unread(ref("h")))
    assert Condition(call(*arguments), "", PLACE).reads == ("a.b", "c.d[].e", "c.d[].f.g")


# ---- items ----------------------------------------------------------------------------------------------------------


def test_a_path_in_an_item_goes_on_from_where_the_item_is() -> None:
    assert whole_path(ref("a.b", item=True), "data.items[].") == "data.items[].a.b"
    assert whole_path(RowsRef("a", ("b",), item=True), "data.items[].") == "data.items[].a"
    assert whole_path(ref("a.b"), "data.items[].") == "a.b"


def test_an_item_is_read_for_its_key_and_its_fields_once_each() -> None:
    fields = (
        field(pick("b", "a", item=True)),
        field(pick("of.the.event")),
        field(Constant(1)),
        field(Lookup({}, None, (ref("c", item=True), Context("@now", TEXT)))),
        field(call(ref("a", item=True), RowsRef("d", ("x", "y"), item=True), RowsRef("e", ("x",)), Literal(1))),
        field(call(Unread(ref("f", item=True)))),
    )
    assert item_columns(fields) == ("b", "a", "c", "d")
    assert item_columns(fields, (ref("key", item=True), ref("a", item=True))) == ("key", "a", "b", "c", "d")
    assert item_columns(()) == ()


def test_an_item_is_read_for_lists_in_its_elements() -> None:
    """An array in it as a whole; what a part without `each` reads is the item's own."""
    parts = Parts(
        (
            part(array("parts", item=True), pick("inside", item=True)),
            part(None, pick("a", item=True), pick("b")),
            part(array("of.the.event"), pick("c", item=True)),
        )
    )
    assert item_columns((field(parts),)) == ("parts", "a")


def test_records_are_wanted_as_rows_and_plain_values_as_they_are() -> None:
    assert item_want(array("data.items"), ("text", "id")) == Columns("data.items", ("text", "id"))
    names = Ref("data.names", Source("array", item=TEXT), item=False)
    assert item_want(names, ("text",)) == "data.names"


def test_records_of_which_nothing_is_read_are_counted_by_their_first_field() -> None:
    assert item_want(array("data.items"), ()) == Columns("data.items", ("id",))


# ---- functions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "ours", "source"),
    [
        ("string", True, Source("clean", nullable=True)),
        ("string", False, Source("string", nullable=True)),
        ("integer", True, Source("integer", nullable=True)),
        ("identities", False, Source("identities", nullable=True)),
        ("strings", True, Source("array", nullable=True, item=Source("string"))),
        ("texts", False, Source("map", nullable=True, item=Source("string"))),
    ],
)
def test_what_a_function_returns_is_a_source_like_any_other(result: str, source: Source, *, ours: bool) -> None:
    assert returned(function(result, ours=ours)) == source
