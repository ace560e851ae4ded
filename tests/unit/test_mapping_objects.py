"""Objects and lists of objects: what XDM requires of them, what an item gives, which of them are left out.

The compiled code and the interpreter both do every case and have to agree (`tests.small_mappings`).
"""

from __future__ import annotations

from typing import Any

from processor.mapping.problems import Problem
from tests.small_mappings import (
    entity,
    made,
    problems,
    shown,
)

Json = dict[str, Any]


# ---- objects --------------------------------------------------------------------------------------------------------

PLACE = '"place.city" = { from = "text" }\n"place.code" = { from = "other" }\n"place.deep.text" = { from = "third" }'


def test_an_object_is_there_where_something_of_it_is() -> None:
    assert entity('"free.text" = { from = "text" }\n"free.other" = { from = "other" }', {}) == {}
    fields = '"free.text" = { from = "text" }\n"free.more.text" = { from = "other" }'
    assert entity(fields, {"text": "x"}) == {"free": {"text": "x"}}
    assert entity(fields, {"other": "y"}) == {"free": {"more": {"text": "y"}}}


def test_an_object_that_lacks_what_xdm_requires_of_it_is_left_out_and_counted() -> None:
    assert entity(PLACE, {"text": "a", "other": "b"}) == {"place": {"city": "a", "code": "b"}}
    assert entity(PLACE, {"other": "b", "third": "c"}) == {"place": {"code": "b", "deep": {"text": "c"}}}
    assert made(PLACE, {"text": "a"}) == ({}, ["place:incomplete"])
    assert made(PLACE, {"third": "c"}) == ({}, ["place:incomplete"])
    assert entity(PLACE, {}) == {}


def test_an_object_may_lack_several_names_that_xdm_requires_of_it() -> None:
    pair = '"pair.one" = { from = "text" }\n"pair.two" = { from = "other" }\n"pair.three" = { from = "third" }'
    assert entity(pair, {"text": "a", "other": "b"}) == {"pair": {"one": "a", "two": "b"}}
    for record in ({"text": "a"}, {"other": "b"}, {"third": "c"}, {"other": "b", "third": "c"}):
        assert made(pair, record) == ({}, ["pair:incomplete"])
    assert entity(pair, {}) == {}


def test_an_incomplete_object_leaves_those_around_and_beside_it() -> None:
    fields = '"outer.place.city" = { from = "text" }\n"outer.place.code" = { from = "other" }\n'
    fields += '"outer.free.place.city" = { from = "third" }\n"outer.free.place.code" = { from = "inner.text" }\n'
    fields += '"text" = { from = "text" }'
    place = {"city": "c", "code": "d"}
    record = {"text": "a", "third": "c", "inner": {"text": "d"}}
    expected = {"text": "a", "outer": {"free": {"place": place}}}
    assert made(fields, record) == (expected, ["outer.place:incomplete"])
    notes = ["outer.place:incomplete", "outer.free.place:incomplete"]
    assert made(fields, {"text": "a", "third": "c"}) == ({"text": "a"}, notes)


def test_an_object_whose_required_field_is_certain_is_never_incomplete() -> None:
    constant = PLACE.replace('{ from = "other" }', '{ const = "b" }')
    assert entity(constant, {}) == {"place": {"code": "b"}}
    required = PLACE.replace('{ from = "other" }', '{ from = "other", required = true }')
    assert entity(required, {"other": "b"}) == {"place": {"code": "b"}}
    assert entity(required, {"text": "a"}) == "dead letter: place.code: absent"


def test_profile_is_withheld_where_an_object_is_incomplete() -> None:
    clear = '"place.city" = { const = "a" }\n"place.code" = { from = "other", absent = "clear" }'
    assert entity(clear, {"other": "b"}, to="profile") == {"place": {"city": "a", "code": "b"}}
    assert entity(clear, {}, to="profile") == "withheld: place"
    over = '"place.city" = { const = "a" }\n"place.code" = { call = "unless_over", with = ["text"] }'
    assert entity(over, {"text": "x"}, to="profile") == {"place": {"city": "a", "code": "x"}}
    assert entity(over, {"text": "over"}, to="profile") == "withheld: place"
    empty = '"place.code" = { from = "other", absent = "clear" }'
    assert entity(empty, {}, to="profile") == {}


# ---- lists of objects -----------------------------------------------------------------------------------------------

ELEMENTS = """
[output.fields."items"]
each = "items"
fields."name" = { from = "text", required = true }
fields."number" = { from = "number" }
fields."place.code" = { from = "other" }
fields."place.deep.text" = { from = "inner.text" }
"""


def test_a_list_has_one_element_per_item() -> None:
    items = [
        {"text": "a", "number": 1.0},
        {"text": "b", "other": "x", "inner": {"text": "y"}},
    ]
    assert entity(ELEMENTS, {"items": items}) == {
        "items": [{"name": "a", "number": 1.0}, {"name": "b", "place": {"code": "x", "deep": {"text": "y"}}}]
    }
    assert entity(ELEMENTS, {"items": []}) == {}
    assert entity(ELEMENTS, {}) == {}


def test_an_element_that_lacks_what_is_required_is_left_out_and_counted_once() -> None:
    items: list[Json] = [{"number": 1.0}, {"text": "null"}, {"text": " "}, {"text": "b"}]
    notes = ["items[].name:absent", "items[].name:placeholder", "items[].name:blank"]
    assert made(ELEMENTS, {"items": items}) == ({"items": [{"name": "b"}]}, notes)
    assert made(ELEMENTS, {"items": items[:1]}) == ({}, notes[:1])


def test_what_an_element_can_do_without_is_left_out_of_it_and_counted() -> None:
    items = [{"text": "a", "number": float("nan"), "inner": {"text": "y"}}]
    notes = ["items[].number:not finite", "items[].place:incomplete"]
    assert made(ELEMENTS, {"items": items}) == ({"items": [{"name": "a"}]}, notes)


def test_an_element_that_a_function_refuses_is_counted_by_its_reasons_only() -> None:
    fields = '"items" = { each = "items", fields."name" = { call = "doubted", with = ["text"], required = true } }'
    items = [{"text": "no"}, {"text": "-"}, {"text": "odd"}, {"text": None}]
    notes = ["items[].name:doubt", "items[].name:second thoughts", "items[].name:odd", "items[].name:absent"]
    assert made(fields, {"items": items}) == ({"items": [{"name": "odd"}]}, notes)


def test_an_element_without_what_xdm_requires_of_it_is_left_out() -> None:
    fields = '"items" = { each = "items", fields."name" = { from = "text" }, fields."number" = { from = "number" } }'
    assert entity(fields, {"items": [{"number": 1.0}, {"text": "a"}]}) == {"items": [{"name": "a"}]}


def test_an_element_may_lack_several_names_that_xdm_requires_of_it() -> None:
    fields = '"pairs" = { each = "items", fields."one" = { from = "text" }, fields."two" = { from = "other" }, '
    fields += 'fields."number" = { from = "number" } }'
    items: list[Json] = [{"text": "a"}, {"other": "b"}, {"number": 1.0}, {"text": "a", "other": "b"}]
    assert entity(fields, {"items": items}) == {"pairs": [{"one": "a", "two": "b"}]}


def test_an_empty_element_is_none() -> None:
    fields = '"loose" = { each = "items", fields."number" = { from = "number" } }'
    assert entity(fields, {"items": [{}, {"number": 1.0}, {}]}) == {"loose": [{"number": 1.0}]}


def test_an_element_is_empty_where_the_object_in_it_is_incomplete() -> None:
    """However certain the rest of that object is."""
    fields = '"loose" = { each = "items", fields."place.city" = { from = "text", required = true }, '
    fields += 'fields."place.code" = { from = "other" } }'
    items = [{"text": "a"}, {"text": "b", "other": "c"}]
    notes = ["loose[].place:incomplete"]
    assert made(fields, {"items": items}) == ({"loose": [{"place": {"city": "b", "code": "c"}}]}, notes)


def test_a_list_that_is_too_long_is_left_out_as_a_whole() -> None:
    fields = '"loose" = { each = "items", fields."number" = { from = "number" } }'
    items = [{"number": float(number)} for number in range(4)]
    assert entity(fields, {"items": items[:3]}) == {"loose": items[:3]}
    assert made(fields, {"items": items}) == ({}, ["loose:too long"])
    required = fields.replace('each = "items"', 'each = "items", required = true')
    assert made(required, {"items": items}) == ("dead letter: loose: too long", [])
    assert entity(required, {}) == "dead letter: loose: empty"


def test_profile_is_withheld_where_a_list_or_an_element_lacks_something() -> None:
    fields = '"items" = { each = "items", fields."name" = { from = "text" }, '
    fields += 'fields."number" = { from = "number", absent = "clear" } }'
    assert entity(fields, {"items": [{"text": "a"}]}, to="profile") == {"items": [{"name": "a"}]}
    assert entity(fields, {"items": [{"text": "a"}, {}]}, to="profile") == "withheld: items[].name"
    bad = {"items": [{"text": "a", "number": float("nan")}]}
    assert made(fields, bad, to="profile") == ("withheld: items[].number", ["items[].number:not finite"])
    assert entity(fields, {"items": []}, to="profile") == "withheld: items"
    assert entity(fields, {}, to="profile") == "withheld: items"


def test_an_incomplete_object_in_an_element_withholds_profile() -> None:
    fields = '"loose" = { each = "items", fields."place.city" = { from = "text" }, '
    fields += 'fields."place.code" = { from = "other", absent = "clear" } }'
    assert entity(fields, {"items": [{"text": "a"}]}, to="profile") == "withheld: loose[].place"


def test_lists_of_plain_values_have_their_item_as_value() -> None:
    fields = '"loose" = { each = "numbers", fields."number" = { from = "@value" }, '
    fields += 'fields."name" = { call = "shown", with = ["@value", "@item", "text"] } }'
    assert entity(fields, {"numbers": [1.5, 2.0], "text": "x"}) == {
        "loose": [{"number": 1.5, "name": "1.5 None 'x'"}, {"number": 2.0, "name": "2.0 None 'x'"}]
    }


def test_a_record_is_no_plain_value() -> None:
    fields = '"loose" = { each = "items", fields."name" = { call = "shown", with = ["@value"] } }'
    message = '"@value" is the item of a list of plain values; fields of a record are read by their names'
    found = problems(f'[[output]]\nto = "events"\n[output.fields]\n{fields}', shown)
    assert found == (Problem("mappings/thing.toml", 5, "name", message),)


def test_a_path_that_an_item_does_not_have_is_one_of_the_event() -> None:
    fields = '"loose" = { each = "items", fields."name" = { from = "text" }, fields."place.code" = { from = "third" } }'
    record = {"items": [{"text": "a"}, {"text": "b"}], "text": "not this", "third": "c"}
    expected = [{"name": "a", "place": {"code": "c"}}, {"name": "b", "place": {"code": "c"}}]
    assert entity(fields, record) == {"loose": expected}


PARTS = """
[[output.fields."loose"]]
each = "items"
fields."name" = { from = "text" }
[[output.fields."loose"]]
fields."name" = { from = "text", required = true }
fields."number" = { from = "number" }
[[output.fields."loose"]]
each = "more"
fields."name" = { call = "rows_shown", with = ["parts[text,number]"] }
"""


def test_the_parts_of_a_list_follow_each_other() -> None:
    record = {
        "text": "b",
        "number": 1.0,
        "items": [{"text": "a"}],
        "more": [{"parts": [{"text": "c", "number": 2.0}]}],
    }
    assert entity(PARTS, record) == {
        "loose": [{"name": "a"}, {"name": "b", "number": 1.0}, {"name": "[('c', 2.0)]"}],
    }


def test_an_element_of_the_event_itself_may_be_missing_without_a_word() -> None:
    assert entity(PARTS, {"items": [{"text": "a"}], "number": 1.0}) == {"loose": [{"name": "a"}]}
    assert made(PARTS, {"text": "null", "more": [{}]}) == ({"loose": [{"name": "[]"}]}, ["loose[].name:placeholder"])


def test_parts_of_a_list_in_profile_are_all_required() -> None:
    parts = '[[output.fields."loose"]]\nfields."name" = { from = "text" }\n'
    parts += '[[output.fields."loose"]]\nfields."name" = { from = "other" }'
    assert entity(parts, {"text": "a", "other": "b"}, to="profile") == {"loose": [{"name": "a"}, {"name": "b"}]}
    assert entity(parts, {"text": "a"}, to="profile") == "withheld: loose[].name"


NESTED = """
[output.fields."loose"]
each = "items"
fields."name" = { from = "text" }
fields."tags" = { from = "tags" }
[output.fields."loose".fields."parts"]
each = "parts"
fields."name" = { from = "text", required = true }
fields."number" = { from = "number" }
fields."tags" = { from = "tags" }
"""


def test_elements_read_inside_the_records_of_their_items() -> None:
    fields = """
[output.fields."loose"]
each = "items"
fields."name" = { call = "rows_shown", with = ["parts[inner.text,text]"] }
[output.fields."loose".fields."parts"]
each = "parts"
fields."name" = { from = "inner.text" }
"""
    record = {"items": [{"parts": [{"text": "a", "inner": {"text": "b"}}, {"text": "c"}]}]}
    expected = [{"name": "[('b', 'a'), (None, 'c')]", "parts": [{"name": "b"}]}]
    assert entity(fields, record) == {"loose": expected}


def test_elements_have_lists_of_elements() -> None:
    parts = [{"text": "b", "number": 1.0, "tags": ["x"]}, {"number": 2.0}]
    record = {"items": [{"text": "a", "tags": ["t", "u"], "parts": parts}, {"parts": []}, {"parts": None}]}
    expected = {
        "loose": [{"name": "a", "tags": ["t", "u"], "parts": [{"name": "b", "number": 1.0, "tags": ["x"]}]}],
    }
    assert made(NESTED, record) == (expected, ["loose[].parts[].name:absent"])


def test_a_list_in_an_element_may_be_too_long() -> None:
    record = {"items": [{"text": "a", "tags": ["t", "u", "v"]}, {"text": "b", "tags": [" ", "null", "w"]}]}
    notes = ["loose[].tags:too long", "loose[].tags:placeholder"]
    assert made(NESTED, record) == ({"loose": [{"name": "a"}, {"name": "b", "tags": ["w"]}]}, notes)


def test_a_list_that_an_element_requires_takes_the_element_with_it() -> None:
    fields = '"loose" = { each = "items", fields."name" = { from = "text" }, fields."tags" = { from = "tags", required '
    fields += "= true } }"
    items: list[Json] = [{"tags": ["a"]}, {"tags": []}, {"tags": ["a", "b", "c"]}, {}]
    notes = ["loose[].tags:empty", "loose[].tags:too long", "loose[].tags:absent"]
    assert made(fields, {"items": items}) == ({"loose": [{"tags": ["a"]}]}, notes)


def test_parts_in_an_element_may_be_made_of_its_own_fields() -> None:
    fields = """
[output.fields."loose"]
each = "items"
[[output.fields."loose".fields."parts"]]
fields."name" = { from = "text" }
[[output.fields."loose".fields."parts"]]
fields."name" = { from = "other", required = true }
fields."number" = { from = "number" }
[[output.fields."loose".fields."parts"]]
each = "names"
fields."name" = { from = "@value" }
"""
    record = {"items": [{"text": "a"}, {"other": "b", "number": 1.0}], "names": ["c"]}
    assert entity(fields, record) == {
        "loose": [
            {"parts": [{"name": "a"}, {"name": "c"}]},
            {"parts": [{"name": "b", "number": 1.0}, {"name": "c"}]},
        ]
    }


def test_a_list_of_plain_values_in_an_item_makes_elements() -> None:
    fields = """
[output.fields."loose"]
each = "items"
fields."name" = { from = "text" }
[output.fields."loose".fields."parts"]
each = "tags"
fields."name" = { from = "@value", as = "upper" }
"""
    record = {"items": [{"text": "a", "tags": ["x", " ", "y"]}, {"text": "b"}]}
    assert entity(fields, record) == {
        "loose": [{"name": "a", "parts": [{"name": "X"}, {"name": "Y"}]}, {"name": "b"}],
    }


def test_an_element_of_constants_is_there_for_every_item() -> None:
    fields = '"loose" = { each = "items", fields."name" = { const = "x" } }'
    assert entity(fields, {"items": [{}, {"text": "a"}]}) == {"loose": [{"name": "x"}, {"name": "x"}]}
    nested = '"loose" = { each = "items", fields."free.text" = { const = "x" } }'
    assert entity(nested, {"items": [{}]}) == {"loose": [{"free": {"text": "x"}}]}
