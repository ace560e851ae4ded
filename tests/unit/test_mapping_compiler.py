"""What the compiler writes: the code of small mappings to the letter, which calls it shares, what a fault shows.

What the code does is in `test_mapping_fields.py`, `_objects` and `_outputs`, where the interpreter does the same.
"""

from __future__ import annotations

import ast
import linecache
import re
import traceback
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from random import Random

import pytest

from processor.mapping.compiler import compile_mapping, primary_identity, rows_of
from processor.mapping.fitting import Spare
from processor.mapping.functions import customer_identity
from processor.mapping.values import Gone, IdentityMap, Rows, Unmappable
from tests.avro_values import thrown
from tests.sizes import examples
from tests.small_mappings import FUNCTIONS, NOW, RECEIVED, Function, avro, bound, doubted, is_red, values_of, written


def until(text: str | None) -> str | Gone | None:
    """A text that may be over."""
    return text


def who(text: str | None) -> IdentityMap | None:
    """Whom a text names."""
    return {"A": [{"id": text, "primary": True}]}


def key(item: str | None, output: str) -> str:
    """What tells messages apart."""
    return f"{output} {item}"


def code(text: str, *functions: Function) -> str:
    """The code of a mapping."""
    source = compile_mapping(bound(text, *(functions or (is_red, doubted, until, who, key)))).source
    ast.parse(source)
    return source


# ---- to the letter --------------------------------------------------------------------------------------------------

EVENT = """
[lookup.kinds]
"a" = "RED"
"*" = "BLUE"
[[output]]
to = "events"
[[output.when]]
call = "is_red"
with = ["text"]
otherwise = "not red"
[[output.when]]
call = "is_red"
with = ["other"]
[output.fields]
"text" = { from = ["text", "other"], as = "upper", required = true }
"code" = { from = "text" }
"kind" = { lookup = "kinds", from = "text" }
"share" = { from = "number" }
"few" = { from = "texts", required = true }
"labels" = { from = ["labels", "marks"] }
"place.city" = { const = "x" }
"place.code" = { from = "third" }
"place.deep.text" = { call = "doubted", with = ["text"] }
"pair.one" = { from = "whole", as = "string", required = true }
"pair.two" = { const = "y" }
"free.text" = { const = "z" }
"free.more.text" = { from = "third" }
[[output.fields."loose"]]
each = "items"
fields."name" = { from = "text", required = true }
fields."tags" = { from = "tags" }
[[output.fields."loose"]]
fields."number" = { from = ["number", "number"] }
fields."free.text" = { from = "text" }
[output.fields."items"]
each = "names"
fields."name" = { from = "@value", required = true }
"""

CODE_OF_EVENT = """\
# thing: the code that its mapping means; written by the compiler
#   v[0] orgId
#   v[1] eventName
#   v[2] dropped
#   v[3] text
#   v[4] other
#   v[5] number
#   v[6] texts
#   v[7] labels
#   v[8] marks
#   v[9] third
#   v[10] whole
#   v[11] items[text,tags]
#   v[12] names


def shared(v, now, received):
    return (
    )


def output_0(v, s, now, received, known, notes):
    # mappings/thing.toml:6  events -> events
    # mappings/thing.toml:8  [[output.when]]
    if v[2] and (lost := unreadable(('text',), v[2])):
        return Skip(undecided(lost), 'events')
    if not f_is_red(v[3]):
        return Skip('not red', 'events')
    # mappings/thing.toml:8  [[output.when]]
    if v[2] and (lost := unreadable(('other',), v[2])):
        raise Unmappable('when', undecided(lost))
    if not f_is_red(v[4]):
        return None
    o = {}
    # mappings/_common.toml:3  "_id" = { const = "1" }
    o['_id'] = '1'
    # mappings/_common.toml:4  "timestamp" = { const = "2026-09-21T14:13:20.000Z" }
    o['timestamp'] = '2026-09-21T14:13:20.000Z'
    # mappings/thing.toml:16  "text" = { from = ["text", "other"], as = "upper", required = true }
    x = v[3]
    if not (x and not x.isspace()):
        y = v[4]
        x = x if y is None else y
    if x is None:
        raise Unmappable('text', 'absent')
    x = x.strip()
    if not x:
        raise Unmappable('text', 'blank')
    elif x in PLACEHOLDERS:
        notes.append('text:placeholder')
        raise Unmappable('text', 'placeholder')
    else:
        x = x.upper()
        o['text'] = x
    # mappings/thing.toml:17  "code" = { from = "text" }
    x = v[3]
    if x is not None:
        x = x.strip()
        if not x:
            pass
        elif x in PLACEHOLDERS:
            notes.append('code:placeholder')
        elif k_0(x) is None:
            notes.append('code:pattern')
        else:
            o['code'] = x
    # mappings/thing.toml:18  "kind" = { lookup = "kinds", from = "text" }
    x = v[3]
    if x is not None:
        x = x.strip().casefold()
        if not x:
            pass
        else:
            x = k_1.get(x, 'BLUE')
            if x is None:
                notes.append('kind:lookup')
            else:
                o['kind'] = x
    # mappings/thing.toml:19  "share" = { from = "number" }
    x = v[5]
    if x is not None:
        if not isfinite(x):
            notes.append('share:not finite')
        elif x < 0:
            notes.append('share:range')
        elif x > 1:
            notes.append('share:range')
        else:
            o['share'] = x
    # mappings/thing.toml:20  "few" = { from = "texts", required = true }
    x = v[6]
    if x is None:
        raise Unmappable('few', 'absent')
    l1 = []
    for x in x:
        if x is None:
            continue
        x = x.strip()
        if not x:
            pass
        elif x in PLACEHOLDERS:
            notes.append('few:placeholder')
        else:
            l1.append(x)
    if len(l1) > 2:
        notes.append('few:too long')
        raise Unmappable('few', 'too long')
    if l1:
        o['few'] = l1
    else:
        raise Unmappable('few', 'empty')
    # mappings/thing.toml:21  "labels" = { from = ["labels", "marks"] }
    x = v[7]
    if not x:
        y = v[8]
        x = x if y is None else y
    if x is not None:
        m2 = {}
        for name, x in x.items():
            name = name.strip()
            if name and x is not None:
                x = x.strip()
                if not x:
                    pass
                elif x in PLACEHOLDERS:
                    notes.append('labels:placeholder')
                else:
                    m2[name] = x
        if m2:
            o['labels'] = m2
    o3 = {}
    # mappings/thing.toml:22  "place.city" = { const = "x" }
    o3['city'] = 'x'
    # mappings/thing.toml:23  "place.code" = { from = "third" }
    x = v[9]
    if x is not None:
        x = x.strip()
        if not x:
            pass
        elif x in PLACEHOLDERS:
            notes.append('place.code:placeholder')
        else:
            o3['code'] = x
    o4 = {}
    # mappings/thing.toml:24  "place.deep.text" = { call = "doubted", with = ["text"] }
    x = f_doubted(v[3])
    if x.__class__ is Noted:
        for reason in x.reasons:
            notes.append('place.deep.text:' + reason)
        x = x.value
    if x is not None:
        x = x.strip()
        if not x:
            pass
        elif x in PLACEHOLDERS:
            notes.append('place.deep.text:placeholder')
        else:
            o4['text'] = x
    if o4:
        o3['deep'] = o4
    if o3 and ('code' not in o3):
        notes.append('place:incomplete')
        o3 = {}
    if o3:
        o['place'] = o3
    o5 = {}
    # mappings/thing.toml:25  "pair.one" = { from = "whole", as = "string", required = true }
    x = v[10]
    if x is None:
        raise Unmappable('pair.one', 'absent')
    x = str(x)
    o5['one'] = x
    # mappings/thing.toml:26  "pair.two" = { const = "y" }
    o5['two'] = 'y'
    o['pair'] = o5
    o6 = {}
    # mappings/thing.toml:27  "free.text" = { const = "z" }
    o6['text'] = 'z'
    o7 = {}
    # mappings/thing.toml:28  "free.more.text" = { from = "third" }
    x = v[9]
    if x is not None:
        x = x.strip()
        if not x:
            pass
        elif x in PLACEHOLDERS:
            notes.append('free.more.text:placeholder')
        else:
            o7['text'] = x
    if o7:
        o6['more'] = o7
    o['free'] = o6
    l8 = []
    # mappings/thing.toml:29  [[output.fields."loose"]]
    for item9 in v[11] or ():
        o10 = {}
        # mappings/thing.toml:31  fields."name" = { from = "text", required = true }
        x = item9[0]
        if x is None:
            notes.append('loose[].name:absent')
            continue
        x = x.strip()
        if not x:
            notes.append('loose[].name:blank')
            continue
        elif x in PLACEHOLDERS:
            notes.append('loose[].name:placeholder')
            continue
        else:
            o10['name'] = x
        # mappings/thing.toml:32  fields."tags" = { from = "tags" }
        x = item9[1]
        if x is not None:
            l11 = []
            for x in x:
                x = x.strip()
                if not x:
                    pass
                elif x in PLACEHOLDERS:
                    notes.append('loose[].tags:placeholder')
                else:
                    l11.append(x)
            if len(l11) > 2:
                notes.append('loose[].tags:too long')
                l11 = []
            if l11:
                o10['tags'] = l11
        l8.append(o10)
    # mappings/thing.toml:33  [[output.fields."loose"]]
    for _once12 in ONCE:
        o13 = {}
        # mappings/thing.toml:34  fields."number" = { from = ["number", "number"] }
        x = v[5]
        if x is None:
            x = v[5]
        if x is not None:
            if not isfinite(x):
                notes.append('loose[].number:not finite')
            else:
                o13['number'] = x
        o14 = {}
        # mappings/thing.toml:35  fields."free.text" = { from = "text" }
        x = v[3]
        if x is not None:
            x = x.strip()
            if not x:
                pass
            elif x in PLACEHOLDERS:
                notes.append('loose[].free.text:placeholder')
            else:
                o14['text'] = x
        if o14:
            o13['free'] = o14
        if o13:
            l8.append(o13)
    if len(l8) > 3:
        notes.append('loose:too long')
        l8 = []
    if l8:
        o['loose'] = l8
    l15 = []
    # mappings/thing.toml:36  [output.fields."items"]
    for item16 in v[12] or ():
        o17 = {}
        # mappings/thing.toml:38  fields."name" = { from = "@value", required = true }
        x = item16
        if x is None:
            notes.append('items[].name:absent')
            continue
        x = x.strip()
        if not x:
            notes.append('items[].name:blank')
            continue
        elif x in PLACEHOLDERS:
            notes.append('items[].name:placeholder')
            continue
        else:
            o17['name'] = x
        l15.append(o17)
    if l15:
        o['items'] = l15
    return fit(o, k_2, notes)
"""


def test_the_code_of_an_event() -> None:
    """Each field under its line; nothing is tested that is certain; what XDM requires is there or is looked for."""
    assert code(EVENT) == CODE_OF_EVENT


PROFILE = """
[[output]]
to = "profile"
when = { call = "is_red", with = ["text"] }
[output.fields]
"identityMap" = { call = "who", with = ["text"] }
"text" = { call = "doubted", with = ["text"], absent = "clear" }
"other" = { call = "until", with = ["other"] }
"place.code" = { from = "inner.text", absent = "clear" }
"place.city" = { from = "third" }
"free.text" = { from = "third" }
"labels" = { from = "labels", absent = "clear" }
[output.fields."items"]
each = "items"
absent = "clear"
fields."name" = { from = "text" }
fields."number" = { from = "number", absent = "clear" }
"""

CODE_OF_PROFILE = """\
# thing: the code that its mapping means; written by the compiler
#   v[0] orgId
#   v[1] eventName
#   v[2] dropped
#   v[3] text
#   v[4] other
#   v[5] inner.text
#   v[6] third
#   v[7] labels
#   v[8] items[text,number]


def shared(v, now, received):
    return (
    )


def output_0(v, s, now, received, known, notes):
    # mappings/thing.toml:3  profile -> profile
    # mappings/thing.toml:5  when = { call = "is_red", with = ["text"] }
    if v[2] and (lost := unreadable(('text',), v[2])):
        return Skip(undecided(lost), 'profile')
    if not f_is_red(v[3]):
        return None
    o = {}
    # mappings/thing.toml:7  "identityMap" = { call = "who", with = ["text"] }
    x = f_who(v[3])
    if x is None:
        return Skip('withheld: identityMap', 'profile')
    if not conforms(k_0, x):
        notes.append('identityMap:identities')
        return Skip('withheld: identityMap', 'profile')
    else:
        o['identityMap'] = x
    # mappings/thing.toml:8  "text" = { call = "doubted", with = ["text"], absent = "clear" }
    x = f_doubted(v[3])
    if x.__class__ is Noted:
        for reason in x.reasons:
            notes.append('text:' + reason)
        x = x.value
        if x is None:
            return Skip('withheld: text', 'profile')
    if x is None:
        if 'text' not in known or v[3] is not None or was_dropped(('text',), v[2]):
            return Skip('withheld: text', 'profile')
    else:
        x = x.strip()
        if not x:
            return Skip('withheld: text', 'profile')
        elif x in PLACEHOLDERS:
            notes.append('text:placeholder')
            return Skip('withheld: text', 'profile')
        else:
            o['text'] = x
    # mappings/thing.toml:9  "other" = { call = "until", with = ["other"] }
    x = f_until(v[4])
    if x is not GONE:
        if x is None:
            return Skip('withheld: other', 'profile')
        x = x.strip()
        if not x:
            return Skip('withheld: other', 'profile')
        elif x in PLACEHOLDERS:
            notes.append('other:placeholder')
            return Skip('withheld: other', 'profile')
        else:
            o['other'] = x
    o1 = {}
    # mappings/thing.toml:10  "place.code" = { from = "inner.text", absent = "clear" }
    x = v[5]
    if x is None:
        if 'inner.text' not in known or was_dropped(('inner.text',), v[2]):
            return Skip('withheld: place.code', 'profile')
    else:
        x = x.strip()
        if not x:
            return Skip('withheld: place.code', 'profile')
        elif x in PLACEHOLDERS:
            notes.append('place.code:placeholder')
            return Skip('withheld: place.code', 'profile')
        else:
            o1['code'] = x
    # mappings/thing.toml:11  "place.city" = { from = "third" }
    x = v[6]
    if x is None:
        return Skip('withheld: place.city', 'profile')
    x = x.strip()
    if not x:
        return Skip('withheld: place.city', 'profile')
    elif x in PLACEHOLDERS:
        notes.append('place.city:placeholder')
        return Skip('withheld: place.city', 'profile')
    else:
        o1['city'] = x
    if o1 and ('code' not in o1):
        return Skip('withheld: place', 'profile')
    if o1:
        o['place'] = o1
    o2 = {}
    # mappings/thing.toml:12  "free.text" = { from = "third" }
    x = v[6]
    if x is None:
        return Skip('withheld: free.text', 'profile')
    x = x.strip()
    if not x:
        return Skip('withheld: free.text', 'profile')
    elif x in PLACEHOLDERS:
        notes.append('free.text:placeholder')
        return Skip('withheld: free.text', 'profile')
    else:
        o2['text'] = x
    o['free'] = o2
    # mappings/thing.toml:13  "labels" = { from = "labels", absent = "clear" }
    x = v[7]
    if x is None:
        if 'labels' not in known or was_dropped(('labels',), v[2]):
            return Skip('withheld: labels', 'profile')
    else:
        m3 = {}
        for name, x in x.items():
            name = name.strip()
            if name and x is not None:
                x = x.strip()
                if not x:
                    return Skip('withheld: labels', 'profile')
                elif x in PLACEHOLDERS:
                    notes.append('labels:placeholder')
                    return Skip('withheld: labels', 'profile')
                else:
                    m3[name] = x
        if m3:
            o['labels'] = m3
        else:
            return Skip('withheld: labels', 'profile')
    x = v[8]
    if x is None:
        if 'items' not in known or was_dropped(('items',), v[2]):
            return Skip('withheld: items', 'profile')
    else:
        l4 = []
        # mappings/thing.toml:14  [output.fields."items"]
        for item5 in v[8] or ():
            o6 = {}
            # mappings/thing.toml:17  fields."name" = { from = "text" }
            x = item5[0]
            if x is None:
                return Skip('withheld: items[].name', 'profile')
            x = x.strip()
            if not x:
                return Skip('withheld: items[].name', 'profile')
            elif x in PLACEHOLDERS:
                notes.append('items[].name:placeholder')
                return Skip('withheld: items[].name', 'profile')
            else:
                o6['name'] = x
            # mappings/thing.toml:18  fields."number" = { from = "number", absent = "clear" }
            x = item5[1]
            if x is None:
                if 'items[].number' not in known or was_dropped(('items[].number',), v[2]):
                    return Skip('withheld: items[].number', 'profile')
            else:
                if not isfinite(x):
                    notes.append('items[].number:not finite')
                    return Skip('withheld: items[].number', 'profile')
                else:
                    o6['number'] = x
            l4.append(o6)
        if l4:
            o['items'] = l4
        else:
            return Skip('withheld: items', 'profile')
    identity = primary_identity(o["identityMap"])
    if identity is None:
        return Skip('withheld: no one primary identity', 'profile')
    return dumps(o), identity
"""


def test_the_code_of_a_profile_output() -> None:
    """It goes out with all of its fields, but for what the event clears."""
    assert code(PROFILE) == CODE_OF_PROFILE


FAN_OUT = """
[[output]]
to = "strict"
each = "items"
key = ["whole", "text"]
[output.fields]
"_id" = { call = "key", with = ["@item", "@output"], required = true }
"text" = { from = "text", required = true }
"place.code" = { from = "other" }
"free.more.text" = { const = "x" }
[output.fields."loose"]
each = "parts"
fields."free.text" = { const = "y" }
fields."name" = { from = "inner.text" }
"""

CODE_OF_FAN_OUT = """\
# thing: the code that its mapping means; written by the compiler
#   v[0] orgId
#   v[1] eventName
#   v[2] dropped
#   v[3] items[whole,text,other,parts]


def shared(v, now, received):
    return (
    )


def output_0(v, s, now, received, known, notes):
    # mappings/thing.toml:3  strict -> strict
    found = []
    left_out = []
    seen = set()
    for item in v[3] or ():
        key = item_key(item[0], item[1])
        if key in seen:
            notes.append('strict:given twice')
            continue
        if item[0] is None:
            left_out.append(Skip('item without whole', 'strict'))
            continue
        o = {}
        # mappings/thing.toml:8  "_id" = { call = "key", with = ["@item", "@output"], required = true }
        x = f_key(key, 'strict')
        if x is None:
            left_out.append(Skip('item without _id', 'strict'))
            continue
        x = x.strip()
        if not x:
            left_out.append(Skip('item without _id', 'strict'))
            continue
        elif x in PLACEHOLDERS:
            notes.append('_id:placeholder')
            left_out.append(Skip('item without _id', 'strict'))
            continue
        else:
            o['_id'] = x
        # mappings/_common.toml:4  "timestamp" = { const = "2026-09-21T14:13:20.000Z" }
        o['timestamp'] = '2026-09-21T14:13:20.000Z'
        # mappings/thing.toml:9  "text" = { from = "text", required = true }
        x = item[1]
        if x is None:
            left_out.append(Skip('item without text', 'strict'))
            continue
        x = x.strip()
        if not x:
            left_out.append(Skip('item without text', 'strict'))
            continue
        elif x in PLACEHOLDERS:
            notes.append('text:placeholder')
            left_out.append(Skip('item without text', 'strict'))
            continue
        else:
            o['text'] = x
        o1 = {}
        # mappings/thing.toml:10  "place.code" = { from = "other" }
        x = item[2]
        if x is not None:
            x = x.strip()
            if not x:
                pass
            elif x in PLACEHOLDERS:
                notes.append('place.code:placeholder')
            else:
                o1['code'] = x
        if o1 and ('code' not in o1):
            notes.append('place:incomplete')
            o1 = {}
        if o1:
            o['place'] = o1
        o2 = {}
        o3 = {}
        # mappings/thing.toml:11  "free.more.text" = { const = "x" }
        o3['text'] = 'x'
        o2['more'] = o3
        o['free'] = o2
        l4 = []
        # mappings/thing.toml:12  [output.fields."loose"]
        for item5 in rows_of(item[3], (('inner', 'text'),)) or ():
            o6 = {}
            o7 = {}
            # mappings/thing.toml:14  fields."free.text" = { const = "y" }
            o7['text'] = 'y'
            o6['free'] = o7
            # mappings/thing.toml:15  fields."name" = { from = "inner.text" }
            x = item5[0]
            if x is not None:
                x = x.strip()
                if not x:
                    pass
                elif x in PLACEHOLDERS:
                    notes.append('loose[].name:placeholder')
                else:
                    o6['name'] = x
            l4.append(o6)
        if len(l4) > 3:
            notes.append('loose:too long')
            l4 = []
        if l4:
            o['loose'] = l4
        if 'place' not in o:
            left_out.append(Skip('item without place', 'strict'))
            continue
        found.append(fit(o, k_0, notes))
        seen.add(key)
    if not found:
        if left_out:
            raise Unmappable('items', 'no item can be sent; ' + left_out[0].rule)
        if was_dropped(('items',), v[2]):
            raise Unmappable('items', 'could not be read')
        return Skip('nothing to send', 'strict')
    return found + left_out
"""


def test_the_code_of_a_fan_out() -> None:
    """An item that lacks something is left out, and the next one has its turn."""
    assert code(FAN_OUT) == CODE_OF_FAN_OUT


def test_a_condition_that_reads_nothing_of_the_event_can_always_be_told() -> None:
    text = '[[output]]\nto = "events"\nwhen = { call = "is_red", with = [{ const = "RED" }] }\n[output.fields]\n'
    assert "unreadable" not in code(text + '"text" = { from = "text" }')


def test_a_text_that_a_function_of_ours_has_judged_is_not_judged_again() -> None:
    fields = '[[output]]\nto = "events"\n[output.fields]\n"code" = { call = "doubted", with = ["text"] }\n'
    fields += '"identityMap" = { call = "who", with = ["text"], required = true }'
    ours = compile_mapping(bound(fields, ours=(doubted, who))).source
    theirs = compile_mapping(bound(fields, doubted, who)).source
    judged = ("x.strip()", "PLACEHOLDERS", "conforms")
    assert [word for word in judged if word in ours] == []
    assert [word for word in judged if word in theirs] == list(judged)
    assert "if k_0(x) is None:" in ours


# ---- whatever the event holds ---------------------------------------------------------------------------------------

ALL = """
[lookup.kinds]
"true" = "RED"
7 = "BLUE"
[[output]]
to = "events"
[output.fields]
"text" = { from = ["text", "other", "third"] }
"short" = { from = "whole", as = "string" }
"code" = { from = "flag", as = "string" }
"kind" = { lookup = "kinds", from = "flag" }
"email" = { from = "text" }
"number" = { from = "amount", as = "absolute" }
"share" = { from = "text", as = "number" }
"whole" = { from = "number", as = "rounded" }
"byte" = { from = "number", as = "integer" }
"flag" = { from = "third", as = "boolean" }
"time" = { from = "whole" }
"day" = { from = "text" }
"texts" = { from = ["names", "inner.deep.names"], as = "lower" }
"few" = { call = "split", with = ["text"] }
"numbers" = { from = "numbers", as = "absolute" }
"amounts" = { from = "counts" }
"outer.place.city" = { from = "text" }
"outer.place.code" = { from = "other" }
"outer.free.place.city" = { call = "unless_over", with = ["third"] }
"outer.free.place.code" = { from = "inner.text", as = "upper" }
[[output.fields."loose"]]
each = "items"
fields."name" = { from = "text", required = true }
fields."place.code" = { from = "inner.text" }
fields."place.city" = { from = "third" }
[[output.fields."loose"]]
each = "more"
fields."number" = { from = "number" }
fields."free.text" = { call = "rows_shown", with = ["parts[inner.text]"] }
fields."parts" = [{ each = "parts", fields."tags" = { from = "tags" }, fields."name" = { from = "text" } }]
"""


@pytest.mark.parametrize("text", [EVENT, PROFILE, FAN_OUT, ALL], ids=["event", "profile", "fan-out", "all"])
def test_code_and_interpreter_agree_on_whatever_the_event_holds(text: str) -> None:
    mapping = bound(text, *FUNCTIONS, until, key, who)
    dice = Random(text)
    item = {"whole": 1, "text": "a", "other": "b", "number": 1.0}
    sound = {"text": "RED", "other": "RED", "third": "x", "number": 0.5, "whole": 7, "items": [item]}
    sound |= {"texts": ["a"], "labels": {"a": "b"}, "inner": {"text": "c"}}
    messages = 0
    for _ in range(examples(150)):
        record = thrown(avro(), dice)
        record["amount"] = dice.choice([None, Decimal("-1.50"), Decimal("NaN")])
        record["dropped"] = dice.choice([None, [], ["inner"], ["items"], ["items[].text", "other"]])
        record |= {name: value for name, value in sound.items() if dice.random() < 0.6}
        with suppress(Unmappable):  # both say so
            [result], _notes = written(mapping, record)
            messages += isinstance(result, dict | list)
    assert messages > 0


# ---- names and comments ---------------------------------------------------------------------------------------------


def test_nothing_in_a_file_can_end_the_comment_it_stands_in() -> None:
    name = r'"a\nraise SystemExit\u2028raise SystemExit"'
    text = f'[[output]]\nto = "events"\nname = {name}\n[output.fields]\n"text" = {{ const = "b\u2028c" }}'
    mapping = bound(text)
    assert "  # mappings/thing.toml:2  a raise SystemExit raise SystemExit -> events\n" in code(text)
    assert '  # mappings/thing.toml:6  "text" = { const = "b c" }\n' in code(text)
    entity = {"_id": "1", "timestamp": "2026-09-21T14:13:20.000Z", "text": "b\u2028c"}
    assert written(mapping, {}).outputs == (entity,)


CONSTANTS = """
[lookup.one]
a = "RED"
[lookup.two]
"A" = "RED"
[lookup.three]
a = "BLUE"
[[output]]
to = "events"
[output.fields]
"kind" = { lookup = "one", from = "text" }
"text" = { lookup = "two", from = "text" }
"other" = { lookup = "three", from = "text" }
"code" = { from = "text" }
"items" = [{ each = "names", fields."name" = { from = "@value", required = true } }]
"""


def test_equal_constants_have_one_name() -> None:
    compiled = compile_mapping(bound(CONSTANTS))
    assert re.findall(r"k_\d", compiled.source) == ["k_0", "k_0", "k_1", "k_2", "k_3"]
    names = compiled.outputs[0].write.__globals__
    assert (names["k_0"], names["k_1"]) == ({"a": "RED"}, {"a": "BLUE"})
    assert names["k_3"] == Spare((), (("items",),))


def test_what_a_function_does_not_look_at_is_not_read() -> None:
    """Without a namespace for cards nobody asks which cards a customer has."""
    given = '"orgId", "whole", "text", "other", "third", "names", "inner.text"'
    fields = f'"identityMap" = {{ call = "customer_identity", with = [{given}] }}'
    mapping = bound(f'[[output]]\nto = "profile"\n[output.fields]\n{fields}', ours=(customer_identity,))
    assert "f_customer_identity(v[0], v[3], None, None, None, None, None)" in compile_mapping(mapping).source
    [entity], notes = written(mapping, {"whole": 5, "text": "june@example.com"})
    assert entity == {"identityMap": {"CapillaryId": [{"id": "7:5", "primary": True}]}}
    assert notes == ()


# ---- calls that are shared ------------------------------------------------------------------------------------------


def counting(calls: Counter[str]) -> tuple[Function, ...]:
    """Functions that count how often they are called."""

    def told(*values: object) -> str:
        calls["told"] += 1
        return repr(values)

    def holds(*values: object) -> bool:
        calls["holds"] += 1
        return values != ("b",)

    def listed(rows: Rows) -> str:
        calls["listed"] += 1
        return str(len(rows))

    return told, holds, listed


TWICE = """
[[output]]
to = "profile"
[output.fields]
"text" = {{ {call} }}
[[output]]
to = "profile-two"
[output.fields]
"text" = {{ {call} }}
"""


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        ('call = "told", with = ["text", "number"]', 1),
        ('call = "told", with = ["@now", "@received"]', 1),
        ('call = "told", with = [{ const = 1 }]', 1),
        ('call = "told", with = []', 1),
        ('call = "listed", with = ["items[text]"]', 1),
        ('call = "told", with = ["text", "@output"]', 2),
        ('call = "told", with = ["@output", "@now"]', 2),
        ('call = "told", with = ["@item"]', 2),
    ],
)
def test_what_outputs_call_with_the_same_values_is_called_once(call: str, calls: int) -> None:
    counted: Counter[str] = Counter()
    written_twice = written(bound(TWICE.format(call=call), *counting(counted)), {"text": "a"})
    assert len(written_twice.outputs) == 2
    assert counted.total() == calls + 2  # the interpreter calls for every output


def test_conditions_and_fields_of_lists_share_their_calls_too() -> None:
    text = """
[[output]]
to = "profile"
when = { call = "holds", with = ["text"] }
[output.fields]
"flag" = { call = "holds", with = ["text"] }
[output.fields."loose"]
each = "items"
fields."name" = { call = "told", with = ["third"] }
fields."place.code" = { call = "told", with = ["text"] }
fields."place.city" = { call = "told", with = ["text"] }
fields."free.text" = { call = "told", with = ["third"] }
"""
    counted: Counter[str] = Counter()
    mapping = bound(text, *counting(counted))
    source = compile_mapping(mapping).source
    shared = "def shared(v, now, received):\n    return (\n        f_holds(v[3]),\n        f_told(v[5]),\n    )\n"
    assert shared in source
    assert re.findall(r"\bs\[\d\]", source) == ["s[0]", "s[0]", "s[1]", "s[1]"]
    assert source.count("f_told(item2[0])") == 2
    written(mapping, {"third": "a", "items": [{"text": "b"}, {"text": "c"}]})
    by_interpreter = Counter(holds=2, told=8)
    assert counted - by_interpreter == Counter(holds=1, told=5)


def test_what_is_called_once_stays_where_it_is() -> None:
    text = '[[output]]\nto = "events"\n[output.fields]\n"text" = { call = "told", with = ["text"] }'
    source = compile_mapping(bound(text, *counting(Counter()))).source
    assert "def shared(v, now, received):\n    return (\n    )\n" in source
    assert "    x = f_told(v[3])\n" in source


# ---- what it is compiled to -----------------------------------------------------------------------------------------


def test_a_compiled_mapping_says_what_it_reads_and_writes() -> None:
    text = EVENT.replace('to = "events"', 'to = "events"\nname = "first"') + PROFILE
    mapping = bound(text, is_red, doubted, until, who)
    compiled = compile_mapping(mapping)
    assert (compiled.event, compiled.record, compiled.customer) == ("thing", "example.Thing", None)
    assert compiled.wants == mapping.wants
    outputs = [(output.to, output.name, output.profile) for output in compiled.outputs]
    assert outputs == [("events", "first", False), ("profile", "profile", True)]
    assert [output.write.__name__ for output in compiled.outputs] == ["output_0", "output_1"]  # type: ignore[attr-defined]


def test_the_code_of_a_mapping_is_named_after_what_it_says() -> None:
    first, again, other = (compile_mapping(bound(text, *FAULTY)).filename for text in (BROKEN, BROKEN, BROKEN + "\n#"))
    assert re.fullmatch(r"<mapping thing [0-9a-f]{12}>", first)
    assert first == again == other
    assert compile_mapping(bound(BROKEN.replace("third", "other"), *FAULTY)).filename != first


def broken(text: str | None) -> str | None:
    """Raises."""
    raise ZeroDivisionError(text)


FAULTY = (broken,)
BROKEN = '[[output]]\nto = "events"\n[output.fields]\n"text" = { call = "broken", with = ["third"] }'


def test_a_fault_shows_the_line_of_the_code() -> None:
    compiled = compile_mapping(bound(BROKEN, *FAULTY))
    [output] = compiled.outputs
    with pytest.raises(ZeroDivisionError) as caught:
        output.write(values_of(compiled, {"third": "x"}), (), NOW, RECEIVED, frozenset(), [])
    frames = traceback.extract_tb(caught.value.__traceback__)
    [frame] = [frame for frame in frames if frame.filename == compiled.filename]
    assert (frame.name, frame.line) == ("output_0", "x = f_broken(v[3])")
    assert compiled.source.splitlines()[frame.lineno - 1] == "    x = f_broken(v[3])"  # type: ignore[operator]
    assert linecache.getline(compiled.filename, frame.lineno or 0) == "    x = f_broken(v[3])\n"
    assert "\n    x = f_broken(v[3])\n" in "".join(traceback.format_exception(caught.value))


# ---- what the code calls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        ({"A": [{"id": "1", "primary": True}]}, "1"),
        ({"A": [{"id": "1", "primary": False}]}, None),
        ({"A": [{"id": "1", "primary": 1}]}, None),
        ({"A": [{"id": 1, "primary": True}]}, None),
        ({"A": [{"primary": True}]}, None),
        ({"A": [{"id": "1"}]}, None),
        ({"A": [{"id": "1", "primary": True}, {"id": "2"}]}, "1"),
        ({"A": [{"id": "1"}, {"id": "2", "primary": True}]}, "2"),
        ({"A": [{"id": "1", "primary": True}, {"id": "2", "primary": True}]}, None),
        ({"A": [{"id": "1"}], "B": [{"id": "2", "primary": True}]}, "2"),
        ({"A": [{"id": "1", "primary": True}], "B": [{"id": "2", "primary": True}]}, None),
        ({"A": [{"id": "1"}], "B": [{"id": 2, "primary": True}]}, None),
        ({"A": [], "B": [{"id": "2", "primary": True}]}, "2"),
        ({}, None),
    ],
)
def test_the_primary_identity_is_the_one_text_that_is_marked(identities: IdentityMap, expected: str | None) -> None:
    assert primary_identity(identities) == expected


@pytest.mark.parametrize(
    ("items", "rows"),
    [
        ([{"a": 1, "b": {"c": 2}}, {"b": {}}, {"a": None, "b": None}, {}], [(1, 2), (None, None)] + [(None, None)] * 2),
        ([{"a": 1, "b": 2}], [(1, None)]),
        ([None], [(None, None)]),
        ([], []),
        (None, []),
        ({"a": 1}, []),
    ],
)
def test_records_inside_an_item_come_as_rows(items: object, rows: list[tuple[object, ...]]) -> None:
    assert rows_of(items, (("a",), ("b", "c"))) == rows
