"""Where every path of an event goes: what outputs read, what is listed as unsent, and what nobody thought of."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

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
    Part,
    Parts,
    Pick,
    Ref,
    RowsRef,
    Unread,
)
from processor.mapping.coverage import (
    Use,
    every_field,
    has,
    leaves,
    listed_wrongly,
    paths,
    unaccounted,
    unsent_in,
    uses,
)
from processor.mapping.language import Place, UnsentSpec
from processor.mapping.problems import Problem
from processor.mapping.registry import Function
from processor.mapping.sources import Reader, Source
from processor.mapping.xdm import Object, Schema, Text

STRING, NUMBER = Source("string"), Source("number")
ROW = Source("record", fields={"id": STRING, "qty": NUMBER, "tags": Source("array", item=STRING)})
ROOT = Source(
    "record",
    fields={
        "name": STRING,
        "store": Source("record", nullable=True, fields={"code": STRING, "till": STRING}),
        "rows": Source("array", item=ROW),
        "grid": Source("array", item=Source("array", item=Source("record", fields={"x": NUMBER}))),
        "codes": Source("array", item=STRING),
        "more": Source("map", item=Source("record", fields={"y": STRING})),
        "empty": Source("record"),
    },
)
READER = Reader("e", "n.E", ROOT, None)
SCHEMA = Schema("events", False, Object({}), {})  # noqa: FBT003
PLACE = Place("mappings/e.toml", 3, "[[output]]")
JOIN = Function("join", str, (), None, "string", noted=False, gone=False, ours=True)


def at(line: int) -> Place:
    return Place("mappings/e.toml", line, "")


def ref(path: str, *, item: bool = False) -> Ref:
    return Ref(path, STRING, item)


def field(target: str, verb: Pick | Constant | Lookup | Invoke | Parts, line: int = 5) -> Field:
    return Field(target, Text(), verb, required=False, clear=False, place=at(line))


def pick(target: str, *refs: Ref | Context, line: int = 5) -> Field:
    return field(target, Pick(refs, None), line)


def part(each: Ref | None, *fields: Field) -> Part:
    return Part(each, fields, Object({}), PLACE)


def output(
    *fields: Field,
    each: Ref | None = None,
    key: tuple[Ref, ...] = (),
    conditions: tuple[Condition, ...] = (),
) -> Output:
    return Output("events", "events", SCHEMA, each, key, conditions, fields, PLACE)


def mapping(*outputs: Output, unsent: Iterable[UnsentSpec] = ()) -> BoundMapping:
    return BoundMapping("e", READER, outputs, (), tuple(unsent), at(1))


def unsent(path: str, line: int = 9) -> UnsentSpec:
    return UnsentSpec(path, "why", at(line))


# ---- paths -----------------------------------------------------------------------------------------------------------


def test_every_path_goes_on_inside_arrays_and_stops_at_maps() -> None:
    assert [*paths(ROOT)] == [
        *("name", "store", "store.code", "store.till"),
        *("rows", "rows.id", "rows.qty", "rows.tags", "grid", "grid.x", "codes", "more", "empty"),
    ]
    assert [*paths(ROW, "a.")] == ["a.id", "a.qty", "a.tags"]


def test_leaves_have_nothing_below_them() -> None:
    assert [*leaves(ROOT)] == [
        *("name", "store.code", "store.till", "rows.id", "rows.qty", "rows.tags", "grid.x", "codes", "more", "empty"),
    ]
    assert [*leaves(ROW, "a.")] == ["a.id", "a.qty", "a.tags"]


@pytest.mark.parametrize("path", ["name", "store", "store.code", "rows", "rows.id", "rows.tags", "grid.x", "more"])
def test_an_event_has_all_its_paths(path: str) -> None:
    assert has(ROOT, path)


@pytest.mark.parametrize("path", ["", "x", "name.x", "rows.x", "rows.id.x", "store.", "more.y", "codes.x", "x.name"])
def test_an_event_has_no_other_paths(path: str) -> None:
    assert not has(ROOT, path)


# ---- what an output reads --------------------------------------------------------------------------------------------


def test_what_fields_read_of_the_event() -> None:
    first = pick("a.b", ref("name"), Context("@now", Source("integer")), ref("store.code"))
    second = field("c", Lookup({}, None, (ref("store.till"),)))
    arguments = (ref("name"), Literal(1), RowsRef("rows", ("id", "qty")), Unread(ref("codes")))
    third = field("d", Invoke(JOIN, arguments))
    fourth = field("e", Constant(1))
    one = output(first, second, third, fourth)
    assert [*every_field(one)] == [
        ("a.b", first, ("name", "store.code")),
        ("c", second, ("store.till",)),
        ("d", third, ("name", "rows.id", "rows.qty", "codes")),
        ("e", fourth, ()),
    ]
    assert [*uses(one)] == [
        Use("name", "a.b", one, first),
        Use("store.code", "a.b", one, first),
        Use("store.till", "c", one, second),
        Use("name", "d", one, third),
        Use("rows.id", "d", one, third),
        Use("rows.qty", "d", one, third),
        Use("codes", "d", one, third),
    ]


def test_what_conditions_and_keys_read() -> None:
    condition = Condition(Invoke(JOIN, (ref("name"), RowsRef("rows", ("qty",)))), "", at(4))
    first = pick("a", ref("qty", item=True), ref("name"), Context("@item", STRING))
    one = output(first, each=ref("rows"), key=(ref("id", item=True), ref("qty", item=True)), conditions=(condition,))
    assert [*uses(one)] == [
        Use("name", "when", one, condition),
        Use("rows.qty", "when", one, condition),
        Use("rows.id", "key", one, None),
        Use("rows.qty", "key", one, None),
        Use("rows.qty", "a", one, first),
        Use("name", "a", one, first),
    ]


def test_a_list_is_read_by_its_fields() -> None:
    id_, name, tag = pick("id", ref("id", item=True)), pick("name", ref("name")), pick("tag", Context("@value", STRING))
    plain, till = pick("plain", Context("@value", STRING)), pick("till", ref("store.till"))
    inner = field("tags", Parts((part(ref("tags", item=True), tag),)))
    rows, codes, alone = part(ref("rows"), id_, name, inner), part(ref("codes"), plain), part(None, till)
    listed = field("list", Parts((rows, codes, alone)))
    assert [*every_field(output(listed))] == [
        ("list", listed, ()),
        ("list[].id", id_, ("rows.id",)),
        ("list[].name", name, ("name",)),
        ("list[].tags", inner, ()),
        ("list[].tags[].tag", tag, ("rows.tags",)),
        ("list[].plain", plain, ("codes",)),
        ("list[].till", till, ("store.till",)),
    ]


def test_a_list_in_a_fan_out_may_stay_in_its_item() -> None:
    first, again, other = (pick("a", ref("id", item=True)) for _ in range(3))
    rows = RowsRef("tags", ("x",), item=True)
    third = field("b", Invoke(JOIN, (rows, Unread(ref("qty", item=True)))))
    element, events = field("l", Parts((part(None, again, third),))), field("m", Parts((part(ref("grid"), other),)))
    fan = output(first, element, events, each=ref("rows"))
    assert [(target, read) for target, _, read in every_field(fan)] == [
        ("a", ("rows.id",)),
        ("l", ()),
        ("l[].a", ("rows.id",)),
        ("l[].b", ("rows.tags.x", "rows.qty")),
        ("m", ()),
        ("m[].a", ("grid.id",)),
    ]


def test_a_value_outside_of_any_item_is_no_path() -> None:
    assert [*uses(output(pick("a", Context("@value", STRING))))] == []
    condition = Condition(Invoke(JOIN, (Context("@value", STRING),)), "", at(4))
    assert [*uses(output(each=ref("codes"), conditions=(condition,)))] == []
    by_value = output(pick("a", Context("@value", STRING), Context("@now", NUMBER)), each=ref("codes"))
    assert [use.path for use in uses(by_value)] == ["codes"]


# ---- what is unsent --------------------------------------------------------------------------------------------------


def test_shared_lines_are_those_that_the_event_has() -> None:
    name, code = unsent("name"), unsent("rows.id")
    assert unsent_in(READER, iter([name, unsent("nobody"), code, unsent("rows.x")])) == (name, code)


def test_lines_that_name_nothing_or_what_another_line_has_named() -> None:
    own = [unsent("store", 4), unsent("store.cod", 5), unsent("store.code", 6), unsent("rows.id", 7), unsent("zz", 8)]
    assert [*listed_wrongly(READER, own)] == [
        Problem("mappings/e.toml", 5, "store.cod", 'the event has no "store.cod"; the nearest is "store.code"'),
        Problem("mappings/e.toml", 6, "store.code", 'is listed with "store" already'),
        Problem("mappings/e.toml", 8, "zz", 'the event has no "zz"'),
    ]
    deep = Reader("e", "n.E", Source("record", fields={"a": Source("record", fields={"b": ROOT})}), None)
    both = [unsent("a", 1), unsent("a.b", 2), unsent("a.b.store.code", 3)]
    assert [problem.message for problem in listed_wrongly(deep, both)] == ['is listed with "a" already'] * 2
    (found,) = listed_wrongly(deep, both[1:])
    assert found.message == 'is listed with "a.b" already'
    assert [*listed_wrongly(READER, [unsent("store.code"), unsent("store.till"), unsent("name")])] == []


ALL = ["store", "rows", "grid", "codes", "more", "empty"]


def problems(*fields: Field, own: Iterable[UnsentSpec] = (), also: Iterable[str] = ALL) -> list[tuple[int, str, str]]:
    """Lines, paths and messages about an output with these fields; `also` is unsent by others."""
    own = [*own]
    whole = mapping(output(*fields), unsent=[*own, *map(unsent, also)])
    found = [*unaccounted(whole, own)]
    assert {problem.file for problem in found} <= {"mappings/e.toml"}
    return [(problem.line, problem.where, problem.message) for problem in found]


NOBODYS = "is read by no output and not listed in [unsent]"


def test_every_path_is_read_or_listed() -> None:
    assert problems(pick("a", ref("name"))) == []
    assert problems(own=[unsent("name")]) == []
    assert problems() == [(1, "name", NOBODYS)]


def test_what_nobody_thought_of_is_named_by_its_root() -> None:
    name, store = pick("a", ref("name")), pick("b", ref("store.code"))
    some = [path for path in ALL if path not in ("store", "rows")]
    assert problems(name, also=some) == [(1, "store", NOBODYS), (1, "rows", NOBODYS)]
    assert problems(name, store, also=[*some, "rows.id"]) == [
        (1, "store.till", NOBODYS),
        (1, "rows.qty", NOBODYS),
        (1, "rows.tags", NOBODYS),
    ]
    like = Source("record", fields={"store": ROOT.fields["store"], "storeys": STRING})
    reader = Reader("e", "n.E", like, None)
    read = BoundMapping("e", reader, (output(pick("a", ref("storeys"))),), (), (), at(1))
    assert [problem.where for problem in unaccounted(read, [])] == ["store"]


def test_what_is_read_is_not_unsent() -> None:
    reads = pick("a", ref("store.code"), line=7)
    for path, also in (("store", ()), ("store.code", ("store.till",))):
        (found,) = problems(reads, pick("b", ref("name")), own=[unsent(path)], also=[*also, *ALL[1:]])
        assert found == (9, path, 'is listed as unsent, and mappings/e.toml:7 reads "store.code"')
    rows = field("a", Invoke(JOIN, (RowsRef("rows", ("id",)),)), 7)
    assert problems(rows, own=[unsent("name"), unsent("rows.id", 8)]) == [
        (8, "rows.id", 'is listed as unsent, and mappings/e.toml:7 reads "rows.id"')
    ]
    assert problems(pick("a", ref("store"), line=7), own=[unsent("name"), unsent("store.till")]) == [
        (9, "store.till", 'is listed as unsent, and mappings/e.toml:7 reads "store"')
    ]


def test_what_the_common_file_lists_may_be_read() -> None:
    assert problems(pick("a", ref("name"), ref("store.code"))) == []


def test_what_begins_alike_is_another_path() -> None:
    root = Source("record", fields={"code": STRING, "codes": STRING})
    read = BoundMapping(
        "e",
        Reader("e", "n.E", root, None),
        (output(pick("a", ref("codes"))),),
        (),
        (unsent("code"),),
        at(1),
    )
    assert [*unaccounted(read, [unsent("code")])] == []


def test_the_id_of_an_event_sends_nothing() -> None:
    """What goes into a hash alone is unsent, and has to be listed as such."""
    id_ = field("_id", Invoke(JOIN, (ref("name"),)))
    assert problems(id_) == [(1, "name", NOBODYS)]
    assert problems(id_, own=[unsent("name")]) == []


def test_the_first_that_reads_what_is_unsent_is_named() -> None:
    first, second = pick("a", ref("name"), line=7), pick("b", ref("name"), line=8)
    condition = Condition(Invoke(JOIN, (ref("name"),)), "", at(4))
    own, rest = [unsent("name")], [unsent(path) for path in ALL]
    said = 'is listed as unsent, and mappings/e.toml:{} reads "name"'
    for outputs, line in (
        ((output(first, second),), 7),
        ((output(second), output(first)), 8),
        ((output(first, conditions=(condition,)),), 4),
    ):
        assert [*unaccounted(mapping(*outputs, unsent=[*own, *rest]), own)] == [
            Problem("mappings/e.toml", 9, "name", said.format(line))
        ]


def test_the_key_of_a_fan_out_is_read_where_the_output_stands() -> None:
    own = [unsent("name"), unsent("rows.id", 8)]
    fan = output(each=ref("rows"), key=(ref("id", item=True),))
    assert [*unaccounted(mapping(fan, unsent=[*own, *map(unsent, ALL)]), own)] == [
        Problem("mappings/e.toml", 8, "rows.id", 'is listed as unsent, and mappings/e.toml:3 reads "rows.id"')
    ]
