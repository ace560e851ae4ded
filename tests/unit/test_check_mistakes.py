"""What `check` says to every kind of mistake in a brand's mapping: file, line, what is wrong, the nearest name."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from processor.mapping.problems import MappingProblems
from processor.translator import load_mappings

SCHEMAS = Path(__file__).parents[2] / "schemas"
ACME = Path(__file__).parents[2] / "docs/examples/acme"
NAME = "pointsIssued.toml"


class Mistake(NamedTuple):
    """Replace `old` by `new` in our own mapping; `said` follows the file and the line of `at` (None: that of `new`)."""

    old: str
    new: str
    said: str
    at: str | None = None


@cache
def ours() -> str:
    return (SCHEMAS / "mappings" / NAME).read_text(encoding="utf-8")


PROGRAM = '"_tenant.capillary.programName" = { from = "data.loyaltyProgramDetails.name" }'
RATIO = '"_tenant.capillary.pointsToCurrencyRatio" = { from = "data.loyaltyProgramDetails.pointsToCurrencyRatio" }'
BALANCE = '"loyalty.points" = { from = "data.programCurrentPoints" }'
TOTAL = '"_tenant.capillary.totalPoints" = { from = "data.totalPointsIssued" }'
FLAG = '"_tenant.capillary.isDefaultProgram" = { from = "data.loyaltyProgramDetails.isDefault" }'
BILL = '"_tenant.capillary.billNumber" = { call = "bill_number", with = ["data.triggeringActivity.identifiers"] }'
ID = next(line for line in ours().splitlines() if line.startswith('"_id"'))
TYPE = '"eventType" = { const = "loyalty.pointsIssued" }'
HEAD = 'event = "pointsIssued"\n'
LOT = 'fields."expiresOn" = { from = "expiryAt" }'
WHEN = ours()[ours().index("when = [") :].partition("\n]\n")[0] + "\n]"
LIFETIME = '[[output]]\nto = "profile-lifetime"'
EACH = 'each = "data.regularPointsBreakup"'

MISTAKES = {
    # what every message stands on
    "one _id for all": Mistake(
        ID, '"_id" = { const = "x", required = true }', "reads nothing that tells two events apart", '"_id"'
    ),
    "an _id of what many events share": Mistake(
        ID,
        '"_id" = { call = "event_id", with = ["orgId", "eventName", { const = "" }, "@output", "@item", "createdAt", '
        '"@received"], required = true }',
        "reads nothing that tells two events apart, and Profile keeps one: see event_id",
    ),
    "a time that may lie ahead": Mistake(
        TYPE,
        TYPE + '\n"timestamp" = { from = "createdAt", required = true }',
        'needs call = "event_time"',
        '"timestamp"',
    ),
    # the form of the file
    "no TOML": Mistake(TYPE, '"eventType" = { const = }', "TOML: "),
    "another event than the file's name": Mistake(
        HEAD, 'event = "pointsissued"\n', 'event: "pointsissued" does not agree'
    ),
    "no event": Mistake(HEAD, "", "event: is missing", at=""),
    "an unknown table": Mistake(
        HEAD, HEAD + "[unsend]\na = 1\n", 'unsend: unknown key "unsend"; the nearest is "unsent"', "[unsend]"
    ),
    "an unknown key of an output": Mistake('to = "events"', 'to = "events"\nif = 1', 'if: unknown key "if"', "if = 1"),
    "an output without a destination": Mistake('to = "events"\n', "", "to: is missing", "[[output]]"),
    "an unknown key of a field": Mistake(
        TOTAL, TOTAL.replace(" }", ', az = "string" }'), 'unknown key "az"; the nearest is "as"'
    ),
    "no verb": Mistake(
        TOTAL, TOTAL.replace("from", "form"), "needs exactly one of from, const, lookup, call, each; has none"
    ),
    "two verbs": Mistake(
        TOTAL,
        TOTAL.replace(" }", ", const = 1 }"),
        "needs exactly one of from, const, lookup, call, each; has const and from",
    ),
    "a field that is no table": Mistake(TYPE, '"eventType" = "x"', "is a table: "),
    "a target that is no path": Mistake(
        TOTAL, TOTAL.replace(".totalPoints", ". total"), "is no path of names joined by dots"
    ),
    "a source that is no path": Mistake(
        TOTAL, TOTAL.replace("data.total", "data/total"), "is no path of names joined by dots"
    ),
    "absent other than clear": Mistake(
        BALANCE, BALANCE.replace(" }", ', absent = "clean" }'), 'absent can only be "clear"'
    ),
    "required and clear": Mistake(BALANCE, BALANCE.replace(" }", ', absent = "clear", required = true }'), "not both"),
    "call without with": Mistake(
        BILL, BILL.partition(", with")[0] + " }", "call names a function and with lists all that it reads"
    ),
    "an unknown key among the arguments": Mistake(
        BILL,
        BILL.replace('identifiers"]', 'identifiers", { cnst = 1 }]'),
        '_tenant.capillary.billNumber: unknown key "cnst"; the nearest is "const"',
    ),
    "a constant among the arguments that is a list": Mistake(
        BILL,
        BILL.replace('identifiers"]', 'identifiers", { const = [] }]'),
        "a constant among the arguments is a text, a finite number or a boolean",
    ),
    # names
    "an unknown destination": Mistake(
        'to = "profile-balance"',
        'to = "profile-balanse"',
        'there is no XDM schema of the destination "profile-balanse"; the nearest is "profile-balance"',
        '[[output]]\nto = "profile-balanse"',
    ),
    "an unknown target": Mistake(
        TOTAL,
        TOTAL.replace('totalPoints"', 'totalPoint"'),
        'the XDM schema has no such field; the nearest is "_tenant.capillary.totalPoints"',
    ),
    "an unknown path": Mistake(
        TOTAL,
        TOTAL.replace("totalPointsIssued", "totalPointIssued"),
        'the event has no "data.totalPointIssued"; the nearest is "data.totalPointsIssued"',
    ),
    "an unknown path in an item": Mistake(
        LOT, LOT.replace("expiryAt", "expireAt"), 'the event has no "expireAt"; the nearest is "expiryAt"'
    ),
    "an unknown list": Mistake(
        EACH,
        EACH.replace("Breakup", "Break"),
        'the event has no "data.regularPointsBreak"; the nearest is "data.regularPointsBreakup"',
        '[output.fields."_tenant.capillary.pointsLots"]',
    ),
    "an unknown function": Mistake(
        BILL,
        BILL.replace("bill_number", "bill_numbr"),
        'there is no function "bill_numbr"; the nearest is "bill_number"',
    ),
    "an unknown coercion": Mistake(
        TOTAL, TOTAL.replace(" }", ', as = "rounde" }'), 'unknown coercion "rounde"; the nearest is "rounded"'
    ),
    "an unknown lookup table": Mistake(
        PROGRAM, PROGRAM.replace("{ ", '{ lookup = "tier", '), 'there is no lookup table "tier"; the nearest is "tiers"'
    ),
    "an unknown column": Mistake(
        BILL,
        BILL.replace('identifiers"', 'identifiers[key,valu]"'),
        'an item of "data.triggeringActivity.identifiers" has no "valu"; the nearest is "value"',
    ),
    "an unknown context": Mistake(
        TOTAL, TOTAL.replace("data.totalPointsIssued", "@nov"), '"@nov" cannot be read here; the nearest is "@now"'
    ),
    "an item outside of a list": Mistake(
        TOTAL,
        TOTAL.replace("data.totalPointsIssued", "@value"),
        '"@value" cannot be read here: it is the item of an `each`, and there is none around',
    ),
    # types
    "a boolean for a number": Mistake(
        RATIO, RATIO.replace('pointsToCurrencyRatio" }', 'isDefault" }'), "cannot be made of a boolean"
    ),
    "an object as a target": Mistake(
        TOTAL,
        '"_tenant.capillary" = { from = "data.totalPointsIssued" }',
        "is an object; its fields are set one by one",
    ),
    "a list from one value": Mistake(
        EACH,
        'each = "data.loyaltyProgramId"',
        '"data.loyaltyProgramId" is no array',
        '[output.fields."_tenant.capillary.pointsLots"]',
    ),
    "each where no list is": Mistake(
        TYPE,
        '"eventType" = { each = "data.regularPointsBreakup", fields.a = { const = 1 } }',
        "each makes a list of objects, and this is none",
    ),
    "a constant of another type": Mistake(
        TYPE, '"eventType" = { const = 1 }', "the constant 1 is not valid here: a text"
    ),
    "paths of several types": Mistake(
        TOTAL,
        TOTAL.replace('"data.totalPointsIssued"', '["data.totalPointsIssued", "refId"]'),
        "the paths have several types: number, string",
    ),
    "too few arguments": Mistake(
        BILL,
        BILL.replace('["data.triggeringActivity.identifiers"]', "[]"),
        "bill_number takes at least 1 arguments, with names 0",
    ),
    "an argument of another type": Mistake(
        BILL,
        BILL.replace('["data.triggeringActivity.identifiers"]', '["refId"]'),
        'parameter pairs takes an array of records, and "refId" is none',
    ),
    "a condition that is none": Mistake(
        WHEN, 'when = { call = "currency", with = ["refId"] }', "currency does not return a boolean"
    ),
    # rules
    "an event that clears": Mistake(
        TOTAL, TOTAL.replace(" }", ', absent = "clear" }'), 'absent = "clear" is for Profile outputs'
    ),
    "a constant that clears": Mistake(
        BALANCE, '"loyalty.points" = { const = 1, absent = "clear" }', 'absent = "clear" needs a value of the event'
    ),
    "a target that is set twice": Mistake(
        TOTAL,
        TOTAL + "\n" + '"_tenant.capillary"."totalPoints" = { const = 1 }',
        "is set twice",
        '"_tenant.capillary".',
    ),
    "an output of the same name": Mistake(
        LIFETIME, LIFETIME + '\nname = "profile-balance"', '2 outputs are called "profile-balance"'
    ),
    "a fan-out without a key": Mistake(
        'to = "events"',
        'to = "events"\neach = "data.regularPointsBreakup"',
        "`each` on an output and `key`, the path that tells its items apart, go together",
        "[[output]]",
    ),
    "a key that no item has": Mistake(
        'to = "events"',
        'to = "events"\neach = "data.regularPointsBreakup"\nkey = ["expireAt", "points"]',
        'key: the event has no "expireAt"; the nearest is "expiryAt"',
        "[[output]]",
    ),
    "a key that is no text or whole number": Mistake(
        'to = "events"',
        'to = "events"\neach = "data.regularPointsBreakup"\nkey = ["expiryAt", "refId"]',
        'key: "refId" is no text or whole number inside the item of `each`',
        "[[output]]",
    ),
    "an _id that is not required": Mistake(
        ID,
        '"_id" = { from = "eventId" }',
        "needs required = true: AEP takes nothing without it",
    ),
}


def problems(directory: Path) -> list[str]:
    with pytest.raises(MappingProblems) as caught:
        load_mappings(SCHEMAS, directory, "acme")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    assert mistake.old in ours()
    text = ours().replace(mistake.old, mistake.new, 1)
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    line = text[: text.index(mistake.new if mistake.at is None else mistake.at)].count("\n") + 1
    found = problems(tmp_path)
    assert any(one.startswith(f"{tmp_path}/{NAME}:{line}: ") and mistake.said in one for one in found), "\n".join(found)


def test_several_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = ours().replace("totalPointsIssued", "totalPointIssued").replace("bill_number", "bill_numbr")
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    (tmp_path / "customerAdded.toml").write_text("event =\n", encoding="utf-8")
    (tmp_path / "functions.py").write_text("FUNCTIONS = 1", encoding="utf-8")
    found = "\n".join(problems(tmp_path))
    for said in ("totalPointIssued", "bill_numbr", "customerAdded.toml:1: TOML", "functions.py:1: FUNCTIONS: has no"):
        assert said in found


def test_writers_of_one_profile_destination_write_the_same(tmp_path: Path) -> None:
    text = (SCHEMAS / "mappings" / "customerAdded.toml").read_text(encoding="utf-8")
    text = text.replace('"person.name.firstName" = { call = "personal_name", with = ["data.firstName"] }', "")
    (tmp_path / "customerAdded.toml").write_text(
        text + '\n[unsent]\n"data.firstName" = "not wanted"\n', encoding="utf-8"
    )
    found = "\n".join(problems(tmp_path))
    assert "profile-first-name: does not write the same fields as " in found
    assert ": person.name.firstName" in found


def test_one_mistake_is_one_problem(tmp_path: Path) -> None:
    """A field that is refused is not missing as well, beside the others who write the same destination."""
    text = (SCHEMAS / "mappings" / "customerAdded.toml").read_text(encoding="utf-8")
    assert text.count('"data.firstName"') == 1
    (tmp_path / "customerAdded.toml").write_text(text.replace('"data.firstName"', '"data.fristName"'), encoding="utf-8")
    (found,) = problems(tmp_path)
    assert 'person.name.firstName: the event has no "data.fristName"' in found


def test_profile_of_a_customer_whom_the_key_does_not_name(tmp_path: Path) -> None:
    """Order is that of the key: a write of anybody else would come before and after others in any order."""
    text = (SCHEMAS / "mappings" / "loyaltyCustomerMerge.toml").read_text(encoding="utf-8")
    victim = "data.victimCustomerIdentifiers.customerId"
    more = f"""
[[output]]
to = "profile-status"
[output.fields]
"loyalty.status" = {{ const = "merged" }}
"identityMap" = {{ call = "customer_alone", with = ["orgId", "{victim}"], required = true }}
"""
    (tmp_path / "loyaltyCustomerMerge.toml").write_text(text + more, encoding="utf-8")
    line = (text + more).splitlines().index('"loyalty.status" = { const = "merged" }') + 2
    said = "must read data.survivorCustomerIdentifiers.customerId: Profile is of the customer whom the key names"
    assert f"{tmp_path}/loyaltyCustomerMerge.toml:{line}: identityMap: {said}" in problems(tmp_path)


def test_an_event_without_a_contract(tmp_path: Path) -> None:
    (tmp_path / "pointsIsued.toml").write_text(ours().replace("pointsIssued", "pointsIsued"), encoding="utf-8")
    [found] = problems(tmp_path)
    expected = 'there is no Avro schema of the event "pointsIsued"; the nearest is "pointsIssued"'
    assert found == f"{tmp_path}/pointsIsued.toml:1: event: {expected}"


ONE_PROBLEM = {
    "an `each` that is misspelt": (
        EACH,
        EACH.replace("each", "ech"),
        '_tenant.capillary.pointsLots: unknown key "ech"; the nearest is "each"',
    ),
    "an `each` around a plain value": (
        TOTAL,
        TOTAL + '\n"_tenant.capillary.billIds" = { ech = "data.x", fields.a = { from = "@value" } }',
        '_tenant.capillary.billIds: unknown key "ech"; the nearest is "each"',
    ),
    "an `each` of an output": (
        'to = "events"',
        'to = "events"\nech = "data.regularPointsBreakup"\nkey = "expiryAt"',
        'ech: unknown key "ech"; the nearest is "each"',
    ),
    "a `with` that is misspelt": (
        BILL,
        BILL.replace("with", "wiht"),
        '_tenant.capillary.billNumber: unknown key "wiht"; the nearest is "with"',
    ),
    "a constant that is misspelt": (
        BILL,
        BILL.replace('identifiers"]', 'identifiers", { cnst = 1 }]'),
        '_tenant.capillary.billNumber: unknown key "cnst"; the nearest is "const"',
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), ONE_PROBLEM.values(), ids=ONE_PROBLEM)
def test_one_misspelt_word_is_one_problem(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in ours()
    (tmp_path / NAME).write_text(ours().replace(old, new, 1), encoding="utf-8")
    (found,) = problems(tmp_path)
    assert found.endswith(f": {said}")


FUNCTIONS = {
    "does not run": ("\n1 / 0", 2, "does not run: ZeroDivisionError"),
    "is no Python": ("\n\ndef", 3, "does not run: SyntaxError"),
    "lacks a module": ("import no_such_module", 1, "does not run: ModuleNotFoundError"),
    "leaves": ("raise SystemExit(1)", 1, "does not run: SystemExit"),
    "lists nothing": ("", 0, "has no FUNCTIONS = (...)"),
    "lists no tuple": ("\nFUNCTIONS = 1", 2, "has no FUNCTIONS = (...)"),
    "a class": ("class A: ...\nFUNCTIONS = (A,)", 2, "'A': FUNCTIONS lists plain functions with lower-case names"),
    "no annotation": ("def f(a): ...\nFUNCTIONS = (f,)", 1, "f: parameter a has a type that no field has"),
    "a type that no field has": (
        "def f(a: bytes) -> str: ...\nFUNCTIONS = (f,)",
        1,
        "f: parameter a has a type that no field has",
    ),
    "a default": (
        "def f(a: str = '') -> str: ...\nFUNCTIONS = (f,)",
        1,
        "f: parameter a must be positional and without a default",
    ),
    "two results": ("def f(a: str) -> str | int: ...\nFUNCTIONS = (f,)", 1, "f: must say which one type it returns"),
    "an unknown annotation": (
        "\ndef f(a: 'Nope') -> str: ...\nFUNCTIONS = (f,)",
        2,
        "f: annotations that cannot be read",
    ),
}


@pytest.mark.parametrize(("text", "line", "said"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_file_of_functions_that_cannot_be_used(tmp_path: Path, text: str, line: int, said: str) -> None:
    (tmp_path / "functions.py").write_text(text, encoding="utf-8")
    place = f"{tmp_path}/functions.py:{line}" if line else f"{tmp_path}/functions.py"
    (found,) = problems(tmp_path)
    assert found.startswith(f"{place}: FUNCTIONS: {said}")


def test_every_function_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    text = "def f(a): ...\ndef g(a: str) -> str: ...\ndef h() -> bytes: ...\nFUNCTIONS = (f, g, h)"
    (tmp_path / "functions.py").write_text(text, encoding="utf-8")
    first, second = problems(tmp_path)
    assert first.startswith(f"{tmp_path}/functions.py:1: FUNCTIONS: f: parameter a")
    assert second.startswith(f"{tmp_path}/functions.py:3: FUNCTIONS: h: must say")


USERS = {
    "a field": (BILL, BILL.replace("bill_number", "shoe_size")),
    "a condition": (
        WHEN,
        WHEN.replace('call = "', 'call = "shoe_size", with = ["refId"] }, { call = "', 1),
    ),
    "what XDM requires": (ID, '"_id" = { call = "shoe_size", with = ["refId"], required = true }'),
}


@pytest.mark.parametrize(
    "text",
    [
        "def shoe_size(a)\n    ...",
        "import nothing.at.all as shoe_size",
        "def shoe_size(a): ...\nFUNCTIONS = (shoe_size,)",
    ],
)
@pytest.mark.parametrize(("old", "new"), USERS.values(), ids=USERS)
def test_a_fault_of_functions_is_one_problem_whoever_calls_them(tmp_path: Path, text: str, old: str, new: str) -> None:
    assert old in ours()
    (tmp_path / NAME).write_text(ours().replace(old, new, 1), encoding="utf-8")
    (tmp_path / "functions.py").write_text(text, encoding="utf-8")
    (found,) = problems(tmp_path)
    assert found.startswith(f"{tmp_path}/functions.py:1: FUNCTIONS: ")


@pytest.mark.parametrize(("old", "new"), list(USERS.values())[:2], ids=list(USERS)[:2])
def test_a_function_that_the_brand_defines_and_does_not_list(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / NAME).write_text(ours().replace(old, new, 1), encoding="utf-8")
    (tmp_path / "functions.py").write_text("def shoe_size(a: str) -> bool: ...\n\nFUNCTIONS = ()", encoding="utf-8")
    (found,) = problems(tmp_path)
    assert found.endswith(': functions.py defines "shoe_size", and FUNCTIONS in it does not list it')


FILES = {
    "function.py": '; the nearest is "functions.py"',
    "Functions.py": '; the nearest is "functions.py"',
    "mine.py": "; known: _common.toml, functions.py, ignored.toml, xdm/",
    "_comon.toml": '; the nearest is "_common.toml"',
    "_shared.toml": '; the nearest is "ignored.toml"',
    "common.toml": '; the nearest is "_common.toml"',
    "ignore.toml": '; the nearest is "ignored.toml"',
    "pointsIssued.tml": '; the nearest is "pointsIssued.toml"',
    "pointsIssued.TOML": '; the nearest is "pointsIssued.toml"',
    "customerAdded.avsc": '; the nearest is "customerAdded.toml"',
    "events.json": "; schemas belong into xdm/",
}


@pytest.mark.parametrize(("name", "nearest"), FILES.items(), ids=FILES)
def test_a_file_that_nobody_reads_is_named(tmp_path: Path, name: str, nearest: str) -> None:
    (tmp_path / name).write_text("", encoding="utf-8")
    (found,) = problems(tmp_path)
    assert found.startswith(f"{tmp_path}/{name}: file: is read by nobody{nearest}")


def test_a_misspelt_directory_of_schemas_is_named_beside_what_follows_of_it(tmp_path: Path) -> None:
    """The fields that it would have added are missed by every line that sets one."""
    shutil.copytree(ACME, tmp_path, dirs_exist_ok=True)
    (tmp_path / "xdm").rename(tmp_path / "xmd")
    found = problems(tmp_path)
    assert len(found) > 3
    assert f'{tmp_path}/xmd: directory: is read by nobody; the nearest is "xdm/"' in found


CHANNEL = "a text out of shop, online, other"
CHANNELS = {
    "a value that does not fit": (
        'website = "online"',
        'website = "onlin"',
        f"website: 'onlin' is not valid for _tenant.acme.channel in {{}}/customerAdded.toml:13: {CHANNEL}",
    ),
    "what all else becomes": (
        '"*" = "other"',
        '"*" = 1',
        f"*: 1 is not valid for _tenant.acme.channel in {{}}/customerAdded.toml:13: {CHANNEL}",
    ),
    "a key that is there in another casing": (
        'mobile_app = "online"',
        'INSTORE = "online"',
        "INSTORE: is given twice, also in line 5; casing and blanks around it do not count",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), CHANNELS.values(), ids=CHANNELS)
def test_a_mistake_in_a_lookup_table_is_one_problem_at_its_entry(tmp_path: Path, old: str, new: str, said: str) -> None:
    shutil.copytree(ACME, tmp_path, dirs_exist_ok=True)
    text = (ACME / "_common.toml").read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new)
    (tmp_path / "_common.toml").write_text(text, encoding="utf-8")
    line = text[: text.index(new)].count("\n") + 1
    assert problems(tmp_path) == [f"{tmp_path}/_common.toml:{line}: {said.format(tmp_path)}"]


SHOE = '{"properties": {"_tenant": {"properties": {\n"shoeSize": {"type": "number"}}}}}'
SCHEMA_FAULTS = {
    "a type that is misspelt": (
        "events.json",
        SHOE.replace("number", "nmber"),
        ":2: schema: _acme.shoeSize: type 'nmber' is none that can be guaranteed; the nearest is \"number\"",
    ),
    "properties that are misspelt": (
        "events.json",
        '{\n"proprties": {}}',
        ':2: schema: the root: proprties cannot be guaranteed; the nearest is "properties"',
    ),
    "a namespace in place of its placeholder": (
        "events.json",
        '{"properties":\n{"_acme": {"properties": {}}}}',
        ':2: schema: _acme: the tenant\'s fields stand under "_tenant"',
    ),
    "no JSON": (
        "profile-tier.json",
        '{"properties": {}\n"title": 1}',
        ":2: schema: Expecting ',' delimiter: line 2 column 1 (char 18)",
    ),
    "a name that is misspelt": (
        "event.json",
        SHOE,
        ': schema: there is no schema "event" to add to; the nearest is "events"; one of its own needs "meta:class"',
    ),
    "a suffix that is misspelt": (
        "profile-tier.jsn",
        SHOE,
        ': file: is read by nobody; schemas are called NAME.json; the nearest is "profile-tier.json"',
    ),
}


@pytest.mark.parametrize(("name", "text", "said"), SCHEMA_FAULTS.values(), ids=SCHEMA_FAULTS)
def test_a_mistake_in_a_schema_is_named_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / "xdm").mkdir()
    (tmp_path / "xdm" / name).write_text(text, encoding="utf-8")
    (tmp_path / NAME).write_text(ours().replace(HEAD, "evnt = 1", 1), encoding="utf-8")
    found = problems(tmp_path)
    assert f"{tmp_path}/xdm/{name}{said}" in found
    assert any('unknown key "evnt"' in one for one in found)  # what is wrong with mappings is named as well


def test_tests_and_notes_beside_a_mapping_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text("FUNCTIONS = ()", encoding="utf-8")
    (tmp_path / NAME).write_text(ours(), encoding="utf-8")
    for name in ("test_functions.py", "README.md", "LICENSE", "pointsIssued.json", "._pointsIssued.toml", ".git"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "__pycache__").mkdir()
    assert load_mappings(SCHEMAS, tmp_path, "acme").events


IGNORED = {
    "a name that is misspelt": (
        '\ntierDowngradeRemindr = "unwanted"\n',
        '2: tierDowngradeRemindr: is no event type that we know; the nearest is "tierDowngradeReminder"; a new one',
    ),
    "no reason": ('\n\ntierDowngradeReminder = ""', "3: ignored: tierDowngradeReminder: needs a reason, in words"),
    "no table": ("undocumented = 1", "1: ignored: undocumented: is a table of names and reasons"),
    "no TOML": ("\na =\n", "2: ignored: no TOML: "),
    "no text": ("a = '\udcff'", " ignored: no TOML: "),
}


@pytest.mark.parametrize(("text", "said"), IGNORED.values(), ids=IGNORED)
def test_an_event_to_ignore_that_there_is_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "ignored.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    (found,) = problems(tmp_path)
    assert found.startswith(f"{tmp_path}/ignored.toml:{said}")


def test_events_that_may_be_ignored(tmp_path: Path) -> None:
    """What we map, by any of its names; what we ignore too; what nobody knows yet, where it says so."""
    text = 'IssueBulkCoupon = "a"\n"points expired" = "b"\nstreakEnd = "c"\n[undocumented]\ntierFrozen = "d"\n'
    (tmp_path / "ignored.toml").write_text(text, encoding="utf-8")
    mappings = load_mappings(SCHEMAS, tmp_path, "acme")
    assert {"CouponIssue", "pointsExpired"}.isdisjoint(mappings.events)
    assert [mappings.ignored[name] for name in ("couponissue", "tierFrozen", "streakEnd")] == ["a", "d", "c"]
