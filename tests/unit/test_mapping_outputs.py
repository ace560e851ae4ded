"""Whole outputs: who they are about, when they apply, one message per item, what is too large.

The compiled code and the interpreter both do every case and have to agree (`tests.small_mappings`).
"""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping.values import Unmappable
from processor.model import Skip
from tests.small_mappings import (
    FUNCTIONS,
    bound,
    entity,
    made,
    own,
    written,
)

Json = dict[str, Any]


# ---- identities -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("one", {"A": [{"id": "1", "primary": True}], "B": [{"id": "2"}]}, []),
        ("two", "withheld: no one primary identity", []),
        ("parted", "withheld: no one primary identity", []),
        ("none", "withheld: no one primary identity", []),
        ("not quite", "withheld: no one primary identity", []),
        ("nameless", "withheld: no one primary identity", []),
        ("blank", "withheld: identityMap", ["identityMap:identities"]),
        ("empty", "withheld: identityMap", ["identityMap:identities"]),
        ("over", "withheld: identityMap", []),
        (None, "withheld: identityMap", []),
        ("odd", {"A": [{"id": "1", "primary": True}]}, ["identityMap:odd"]),
    ],
)
def test_profile_is_written_for_one_primary_identity(text: str | None, expected: object, notes: list[str]) -> None:
    text_of = '[[output]]\nto = "profile"\n[output.fields]\n"identityMap" = { call = "who", with = ["text"] }'
    [result], found = written(bound(text_of, *FUNCTIONS), {"text": text})
    assert (result.rule if isinstance(result, Skip) else result["identityMap"]) == expected  # type: ignore[index]
    assert found == tuple(notes)


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        ("two", {"identityMap": {"A": [{"id": "1", "primary": True}, {"id": "2", "primary": True}]}}, []),
        ("blank", {}, ["identityMap:identities"]),
        ("over", {}, []),
    ],
)
def test_an_event_names_any_identities(text: str, expected: object, notes: list[str]) -> None:
    fields = '"identityMap" = { call = "who", with = ["text"], required = true }'
    result, found = made(fields, {"text": text})
    if expected:
        assert (result, found) == (expected, notes)
    else:
        why = notes[0].partition(":")[2] if notes else "absent"
        assert (result, found) == (f"dead letter: identityMap: {why}", [])


# ---- when -----------------------------------------------------------------------------------------------------------


def output(*lines: str, to: str = "events", fields: str = '"text" = { from = "text" }') -> str:
    """One output of a mapping."""
    return "\n".join(["[[output]]", f'to = "{to}"', *lines, "[output.fields]", fields, ""])


RED = 'call = "is_red", with = ["text"]'
NAMED = f'when = {{ {RED}, otherwise = "not red" }}'
UNNAMED = f"when = {{ {RED} }}"


def results(text: str, record: Json) -> list[object]:
    """What each output comes to, without notes."""
    found = written(bound(text, *FUNCTIONS), record)
    assert found.notes == ()
    return [own(one) for one in found.outputs]


def test_an_output_is_written_when_its_condition_holds() -> None:
    assert results(output(NAMED), {"text": "RED"}) == [{"text": "RED"}]
    assert results(output(NAMED), {"text": "BLUE"}) == [Skip("not red", "events")]
    assert results(output(UNNAMED), {"text": "RED"}) == [{"text": "RED"}]
    assert results(output(UNNAMED), {"text": "BLUE"}) == [None]


def test_of_several_conditions_the_first_that_does_not_hold_is_named() -> None:
    also = 'call = "is_any_red", with = ["items[text]"]'
    text = output(f'when = [{{ {RED}, otherwise = "not red" }}, {{ {also}, otherwise = "no red item" }}]')
    items = [{"text": "BLUE"}, {"text": "RED"}]
    assert results(text, {"text": "RED", "items": items}) == [{"text": "RED"}]
    assert results(text, {"text": "RED", "items": items[:1]}) == [Skip("no red item", "events")]
    assert results(text, {"text": "BLUE", "items": items}) == [Skip("not red", "events")]


def test_outputs_are_written_one_after_the_other() -> None:
    text = output(to="profile") + output(NAMED, to="profile-two") + output()
    assert results(text, {"text": "BLUE"}) == [{"text": "BLUE"}, Skip("not red", "profile-two"), {"text": "BLUE"}]


LOST = ["number", "text", "other"]


def test_a_condition_with_a_name_that_cannot_be_told_costs_its_output() -> None:
    skip = Skip("cannot tell: text is unreadable", "events")
    assert results(output(NAMED), {"dropped": LOST}) == [skip]
    assert results(output(NAMED), {"dropped": ["texts"]}) == [Skip("not red", "events")]


def test_a_condition_of_profile_that_cannot_be_told_costs_its_output() -> None:
    skip = Skip("cannot tell: text is unreadable", "profile")
    assert results(output(UNNAMED, to="profile"), {"text": "RED", "dropped": LOST}) == [skip]


def test_a_condition_of_events_without_a_name_that_cannot_be_told_makes_a_dead_letter() -> None:
    with pytest.raises(Unmappable, match=r"^when: cannot tell: text is unreadable$"):
        results(output(UNNAMED), {"text": "RED", "dropped": LOST})


def test_a_condition_of_an_event_that_does_not_say_what_was_lost_is_told_by_what_is_there() -> None:
    mapping = bound(output(NAMED), *FUNCTIONS, dropped=False)
    assert written(mapping, {"text": "BLUE"}).outputs == (Skip("not red", "events"),)
    assert own(written(mapping, {"text": "RED"}).outputs[0]) == {"text": "RED"}


def test_a_condition_that_reads_rows_cannot_be_told_where_their_columns_were_lost() -> None:
    text = output('when = { call = "is_any_red", with = ["items[text]"], otherwise = "no red item" }')
    record: Json = {"items": [{"text": "RED"}], "text": "x"}
    lost = {"dropped": ["items[].text"]}
    assert results(text, record | lost) == [Skip("cannot tell: items[].text is unreadable", "events")]
    assert results(text, record | {"dropped": ["items[].other"]}) == [{"text": "x"}]


# ---- one message per item -------------------------------------------------------------------------------------------

ID = '"_id" = { call = "shown", with = ["@item", "@output"], required = true }'
FAN_OUT = output(
    'each = "items"',
    'key = "whole"',
    fields=f'{ID}\n"text" = {{ from = "text", required = true }}\n"other" = {{ from = "third" }}',
)


def fan_out(text: str, record: Json) -> tuple[object, tuple[str, ...]]:
    """The messages and the items that are left out, and the notes."""
    [result], notes = written(bound(text, *FUNCTIONS), record)
    if not isinstance(result, list):
        return result, notes
    return [one if isinstance(one, Skip) else {**_own(one), "_id": one["_id"]} for one in result], notes


def _own(message: Json) -> Json:
    found = own(message)
    assert isinstance(found, dict)
    return found


def test_every_item_is_a_message_of_its_own() -> None:
    record = {"items": [{"whole": 1, "text": "a"}, {"whole": 2, "text": "b"}], "third": "c"}
    expected = [{"_id": f"'{number}' 'events'", "text": text, "other": "c"} for number, text in ((1, "a"), (2, "b"))]
    assert fan_out(FAN_OUT, record) == (expected, ())


def test_an_item_that_is_given_twice_is_sent_once() -> None:
    record = {"items": [{"whole": 1, "text": "a"}, {"whole": 1, "text": "b"}, {"whole": 2, "text": "c"}]}
    messages = [{"_id": "'1' 'events'", "text": "a"}, {"_id": "'2' 'events'", "text": "c"}]
    assert fan_out(FAN_OUT, record) == (messages, ("events:given twice",))


def test_an_item_without_its_key_or_what_is_required_is_left_out() -> None:
    items: list[Json] = [
        {"text": "a"},
        {"whole": 1},
        {"whole": 2, "text": "null"},
        {"whole": 2, "text": "b"},
    ]
    left_out = [Skip(f"item without {name}", "events") for name in ("whole", "text", "text")]
    expected = [{"_id": "'2' 'events'", "text": "b"}, *left_out]
    assert fan_out(FAN_OUT, {"items": items}) == (expected, ("text:placeholder",))


def test_a_key_of_several_paths_needs_the_first() -> None:
    text = FAN_OUT.replace('key = "whole"', 'key = ["whole", "inner.text"]')
    items: list[Json] = [
        {"whole": 1, "text": "a"},
        {"whole": 1, "text": "b", "inner": {"text": "x"}},
        {"whole": 1, "text": "c", "inner": {"text": "x"}},
        {"text": "d", "inner": {"text": "x"}},
    ]
    expected = [
        {"_id": "'[1,null]' 'events'", "text": "a"},
        {"_id": "'[1,\"x\"]' 'events'", "text": "b"},
        Skip("item without whole", "events"),
    ]
    assert fan_out(text, {"items": items}) == (expected, ("events:given twice",))


def test_an_event_of_whose_items_none_can_be_sent_is_a_dead_letter() -> None:
    with pytest.raises(Unmappable, match=r"^items: no item can be sent; item without whole$"):
        fan_out(FAN_OUT, {"items": [{"text": "a"}, {"whole": 1}]})


def test_an_event_without_items_has_nothing_to_send() -> None:
    nothing = Skip("nothing to send", "events")
    assert fan_out(FAN_OUT, {"items": []}) == (nothing, ())
    assert fan_out(FAN_OUT, {}) == (nothing, ())
    assert fan_out(FAN_OUT, {"dropped": ["text"]}) == (nothing, ())
    without = written(bound(FAN_OUT, *FUNCTIONS, dropped=False), {})
    assert without.outputs == (nothing,)


@pytest.mark.parametrize("lost", ["items", "items[].whole"])
def test_an_event_whose_items_were_lost_is_a_dead_letter(lost: str) -> None:
    with pytest.raises(Unmappable, match=r"^items: could not be read$"):
        fan_out(FAN_OUT, {"dropped": [lost]})


def test_an_item_has_lists_of_its_own() -> None:
    fields = """
"texts" = { from = "tags" }
"text" = { call = "rows_shown", with = ["parts[text]"] }
[output.fields."loose"]
each = "parts"
fields."name" = { from = "text", required = true }
fields."tags" = { from = "tags" }
"""
    text = output('each = "items"', 'key = "whole"', fields=ID + fields)
    parts = [{"text": "a", "tags": ["u"]}, {"tags": ["v"]}]
    record = {"items": [{"whole": 1, "tags": ["t"], "parts": parts}]}
    expected = {
        "_id": "'1' 'events'",
        "texts": ["t"],
        "text": "[('a',), (None,)]",
        "loose": [{"name": "a", "tags": ["u"]}],
    }
    assert fan_out(text, record) == ([expected], ("loose[].name:absent",))


def test_a_list_that_an_item_requires_takes_the_item_with_it() -> None:
    fields = '\n"texts" = { from = "tags", required = true }\n"few" = { from = "tags" }'
    text = output('each = "items"', 'key = "whole"', fields=ID + fields)
    record = {"items": [{"whole": 1, "tags": []}, {"whole": 2, "tags": ["a", "b", "c"]}]}
    expected = [{"_id": "'2' 'events'", "texts": ["a", "b", "c"]}, Skip("item without texts", "events")]
    assert fan_out(text, record) == (expected, ("few:too long",))


def test_plain_values_are_no_items_that_can_be_told_apart_but_may_be_read() -> None:
    fields = f'{ID}\n"text" = {{ from = "@output" }}'
    text = output('name = "each"', 'each = "items"', 'key = "whole"', fields=fields)
    assert fan_out(text, {"items": [{"whole": 1}]}) == ([{"_id": "'1' 'each'", "text": "each"}], ())


# ---- what XDM requires of a message ----------------------------------------------------------------------------------

STRICT = '"text" = { from = "text" }\n"place.code" = { from = "other" }'


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"text": "a", "other": "b"}, {"text": "a", "place": {"code": "b"}}),
        ({"text": "a"}, "dead letter: place: absent"),
        ({"other": "b"}, "dead letter: text: absent"),
        ({}, "dead letter: place: absent"),
    ],
)
def test_a_message_without_what_xdm_requires_of_the_root_is_none(record: Json, expected: object) -> None:
    assert entity(STRICT, record, to="strict") == expected


def test_an_item_without_what_xdm_requires_of_the_root_is_left_out() -> None:
    text = f'[[output]]\nto = "strict"\neach = "items"\nkey = "text"\n[output.fields]\n{STRICT}\n{ID}'
    record = {"items": [{"text": "a", "other": "b"}, {"text": "c"}]}
    [result], notes = written(bound(text, *FUNCTIONS), record)
    assert isinstance(result, list)
    assert [own(one) for one in result] == [
        {"text": "a", "place": {"code": "b"}},
        Skip("item without place", "strict"),
    ]
    assert notes == ()


# ---- what is too large ----------------------------------------------------------------------------------------------


def test_an_event_that_is_too_large_loses_what_it_can_do_without() -> None:
    fields = '"text" = { from = "text" }\n"_tenant.text" = { from = "other" }\n"texts" = { from = "names" }\n'
    record = {"text": "x" * 6_000, "other": "y" * 6_000, "names": ["z" * 3_000]}
    result = {"text": "x" * 6_000, "texts": ["z" * 3_000]}
    assert made(fields, record) == (result, ["_acme.text:event too large"])
    clear = fields.replace(" }", ', absent = "clear" }')
    assert entity(clear, record, to="profile") == result | {"_acme": {"text": "y" * 6_000}}
    items = [{"whole": 1, "text": "x" * 6_000, "other": "y" * 6_000}]
    own_field = '"_tenant.text" = { from = "other" }'
    each = output('each = "items"', 'key = "whole"', fields=f'{ID}\n"text" = {{ from = "text" }}\n{own_field}')
    message = {"_id": "'1' 'events'", "text": "x" * 6_000}
    assert fan_out(each, {"items": items}) == ([message], ("_acme.text:event too large",))
