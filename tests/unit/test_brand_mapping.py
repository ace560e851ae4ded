"""A brand's own mapping: the example of docs/brand-mapping.md, run as the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from processor.capillary import load_contracts
from processor.cli import cli
from processor.commands import ExitCode
from processor.commands.try_ import try_documents
from processor.mapping.brand import brand_functions
from processor.mapping.options import Options
from processor.mapping.problems import MappingProblems
from processor.mapping.values import FunctionFault
from processor.mapping.xdm import Text, laid_over, load_schemas
from processor.model import Destination
from processor.translator import Mappings, load_mappings

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
PAGE = (ROOT / "docs/brand-mapping.md").read_text(encoding="utf-8")
ACME = ROOT / "docs/examples/acme"
EVENT = ACME / "customerAdded.json"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the page says the commands are called, without the settings of whoever runs the tests."""
    monkeypatch.chdir(ROOT)
    for name in os.environ:
        if name.startswith("CAPILLARY_AEP_"):
            monkeypatch.delenv(name)


def environment() -> dict[str, str]:
    """What the page exports."""
    (line,) = re.findall(r"^\$ export (.*)$", PAGE, re.MULTILINE)
    return dict(pair.split("=") for pair in line.split())


@cache
def acme() -> Mappings:
    return load_mappings(SCHEMAS, ACME, "acmeinc")


@cache
def ours() -> Mappings:
    return load_mappings(SCHEMAS, None, "acmeinc")


def entities(mappings: Mappings, text: bytes = EVENT.read_bytes()) -> dict[str, Any]:
    """What goes out, by destination."""
    where = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    translator = mappings.translator(where, lambda: 1_790_000_000_000)
    findings = try_documents(text, load_contracts(SCHEMAS / "capillary", ACME), translator)
    assert findings.problems == []
    return {str(message["to"]): message["xdmEntity"] for message in findings.messages}


def test_the_page_shows_what_comes_out() -> None:
    console = PAGE.partition("```console")[2].partition("```")[0]
    *_, command, shown = re.split(r"^\$ capillary-aep (.*)$", console, flags=re.MULTILINE)
    result = CliRunner().invoke(cli, command.split(), env=environment())
    assert result.exit_code == ExitCode.DONE, result.output
    assert shown.strip("\n") in result.stdout


def test_the_page_shows_what_stands_in_the_files() -> None:
    code = "\n".join(re.findall(r"```(?:toml|python)\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    files = "\n".join(file.read_text(encoding="utf-8") for file in ACME.iterdir() if file.is_file())
    assert len(code) > 3
    assert [line for line in code if line and line not in files.splitlines()] == []


def test_the_mapping_is_ours_with_the_lines_more_that_the_page_shows() -> None:
    """A copy that stays behind would lose what we have learnt since: hashes in names, times that cannot be."""
    ours_alone, theirs = (
        (folder / "customerAdded.toml").read_text(encoding="utf-8").splitlines()
        for folder in (SCHEMAS / "mappings", ACME)
    )
    more: list[str] = []
    for change, low, high, start, end in SequenceMatcher(None, ours_alone, theirs, autojunk=False).get_opcodes():
        assert change in {"equal", "insert"}, ours_alone[low:high]
        more += theirs[start:end] if change == "insert" else []
    (shown,) = re.findall(r"is ours with these lines more.*?```toml\n(.*?)```", PAGE, re.DOTALL)
    assert [line for line in more if not line.startswith("#")] == shown.splitlines()


def test_a_hash_is_no_name_for_it_either() -> None:
    event = json.loads(EVENT.read_bytes())
    event["data"] |= {"firstName": "d9ace8e907c1f1f8d9ace8e907c1f1f8", "lastName": "Dewi"}
    found = entities(acme(), json.dumps(event).encode())
    assert "profile-first-name" not in found
    assert found["profile-last-name"]["person"] == {"name": {"lastName": "Dewi"}}


def test_fields_of_its_own_go_out_under_their_names_and_all_else_stays() -> None:
    found = entities(acme())
    assert found["events"]["_acmeinc"].pop("acme") == {"channel": "shop", "favouriteStore": "JKT01", "shoeSize": 42.5}
    assert found.pop("profile-shoe-size")["_acmeinc"] == {"acme": {"shoeSize": 42.5}}
    assert found == entities(ours())


@pytest.mark.parametrize(
    ("size", "sent"), [("42.5", 42.5), (" 36 ", 36.0), ("420", None), ("large", None), (None, None)]
)
def test_what_its_function_does_not_trust_is_not_sent(size: str | None, sent: float | None) -> None:
    event = json.loads(EVENT.read_bytes())
    event["data"]["customFields"] = [{"key": "SHOE_SIZE", "value": size}]
    found = entities(acme(), json.dumps(event).encode())
    assert found["events"]["_acmeinc"]["acme"].get("shoeSize") == sent
    assert ("profile-shoe-size" in found) is (sent is not None)


@pytest.mark.parametrize(("source", "channel"), [("INSTORE", "shop"), (" Mobile_App", "online"), ("Fax", "other")])
def test_its_lookup_table(source: str, channel: str) -> None:
    event = json.loads(EVENT.read_bytes())
    event["data"]["source"] = source
    assert entities(acme(), json.dumps(event).encode())["events"]["_acmeinc"]["acme"]["channel"] == channel


def test_messages_fit_the_schemas_with_its_additions() -> None:
    base = json.loads((SCHEMAS / "xdm/events.json").read_bytes())
    schema = laid_over(base, json.loads((ACME / "xdm/events.json").read_bytes()))
    text = json.dumps(schema).replace('"_tenant"', '"_acmeinc"')
    assert list(Draft7Validator(json.loads(text)).iter_errors(entities(acme())["events"])) == []
    assert base == json.loads((SCHEMAS / "xdm/events.json").read_bytes())


def test_the_addition_to_a_schema_that_the_page_shows_is_one(tmp_path: Path) -> None:
    [shown] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "events.json").write_text(shown, encoding="utf-8")
    added = load_schemas(SCHEMAS / "xdm", "acmeinc", brand=tmp_path)["events"]
    assert added.find("_acmeinc.acme.channel") == Text()
    assert added.find("_acmeinc.capillary") == acme().schemas["events"].find("_acmeinc.capillary")


def test_an_event_that_it_does_not_want() -> None:
    mappings = acme()
    assert "tierDowngradeReminder" not in mappings.events
    assert "tierDowngradeReminder" in mappings.ignored
    assert load_contracts(SCHEMAS / "capillary", ACME).ignored["tierdowngradereminder"].startswith("our own journey")


def test_its_destinations_are_wanted_in_the_settings() -> None:
    mappings = acme()
    assert "profile-shoe-size" in mappings.destination_names
    where = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    del where["profile-shoe-size"]
    with pytest.raises(MappingProblems, match="profile-shoe-size: no such destination in the settings"):
        mappings.translator(where, lambda: 0)


def test_common_lines_replace_ours_by_target_table_entry_and_path(tmp_path: Path) -> None:
    (tmp_path / "_common.toml").write_text(
        '[events.fields]\n"producedBy" = { const = "self" }\n'
        '[lookup.tiers]\n"1:1" = "Gold"\n'
        '[unsent]\n"actionType" = "not ours"\n',
        encoding="utf-8",
    )
    mapping = load_mappings(SCHEMAS, tmp_path, "acmeinc").bound["pointsIssued"]
    (events,) = [output for output in mapping.outputs if output.to == "events"]
    ours_alone = ours().bound["pointsIssued"]
    (before,) = [output for output in ours_alone.outputs if output.to == "events"]
    assert [field.target for field in events.fields] == [field.target for field in before.fields]
    assert {field.place.file for field in events.fields if field.target == "producedBy"} == {f"{tmp_path}/_common.toml"}
    reasons = {spec.path: spec.reason for spec in mapping.unsent}
    assert reasons["actionType"] == "not ours"
    assert reasons["timeStamp"] == {spec.path: spec.reason for spec in ours_alone.unsent}["timeStamp"]


def test_additions_to_a_schema_merge_and_leave_ours_alone() -> None:
    before = {"a": {"b": 1, "enum": ["x"]}, "title": "old"}
    added = laid_over(before, {"a": {"c": 2, "enum": ["x", "y"]}, "title": "new"})
    assert added == {"a": {"b": 1, "enum": ["x", "y"], "c": 2}, "title": "new"}
    assert before == {"a": {"b": 1, "enum": ["x"]}, "title": "old"}


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"properties": {"eventType": {"type": "object", "patternProperties": {}}}}']
)
def test_an_addition_that_is_none_is_named_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "xdm").mkdir()
    (tmp_path / "xdm/events.json").write_text(text)
    with pytest.raises(MappingProblems) as caught:
        load_mappings(SCHEMAS, tmp_path, "acme")
    assert str(caught.value.problems[0]).startswith(f"{tmp_path}/xdm/events.json:1: schema: ")


# ---- a function of the brand's that does not keep to what it says ---------------------------------------------------

HEADER = "from processor.mapping.values import *\n\n"
FAULTS = {
    "raises": (
        "-> float:\n    raise ValueError('42,5 of Sari')",
        "shoe_size raised ValueError in line 4 of the brand's {}",
    ),
    "raises further down": (
        "-> float:\n    return int('42,5')",
        "shoe_size raised ValueError in line 4 of the brand's {}",
    ),
    "another type": (
        "-> float:\n    return '42,5'",
        "shoe_size of the brand's {} returned str, not number as it says",
    ),
    "a truth for a number": (
        "-> float:\n    return True",
        "shoe_size of the brand's {} returned bool, not number as it says",
    ),
    "a number that JSON has not": (
        "-> float:\n    return 10 ** 400",
        "shoe_size of the brand's {} returned int, not number as it says",
    ),
    "another type with a note": (
        "-> float | Noted[float]:\n    return Noted('x', ())",
        "shoe_size of the brand's {} returned str, not number as it says",
    ),
    "a note that it does not speak of": (
        "-> float:\n    return Noted(1.0, ())",
        "shoe_size of the brand's {} returned Noted, not number as it says",
    ),
}


def with_function(directory: Path, text: str) -> Mappings:
    """Acme's mappings with another `shoe_size`."""
    shutil.copytree(ACME, directory, dirs_exist_ok=True)
    (directory / "functions.py").write_text(f"{HEADER}def shoe_size(fields: Rows) {text}\nFUNCTIONS = (shoe_size,)\n")
    return load_mappings(SCHEMAS, directory, "acmeinc")


@pytest.mark.parametrize(("text", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_its_function_names_function_and_file(tmp_path: Path, text: str, said: str) -> None:
    mappings = with_function(tmp_path, text)
    where = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    translator = mappings.translator(where, lambda: 1_790_000_000_000)
    findings = try_documents(EVENT.read_bytes(), load_contracts(SCHEMAS / "capillary", ACME), translator)
    assert findings.problems == [f"a dead letter (invalid): {said.format(tmp_path / 'functions.py')}"]
    assert findings.messages == []


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("-> float:\n    return 42", 42),
        ("-> float:\n    return None", None),
        ("-> float | Gone:\n    return GONE", None),
        ("-> float | Noted[float]:\n    return Noted(None, ('no number',))", None),
    ],
)
def test_what_its_function_may_give(tmp_path: Path, text: str, size: float | None) -> None:
    assert entities(with_function(tmp_path, text))["events"]["_acmeinc"]["acme"].get("shoeSize") == size


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("str", "'a'", "1"),
        ("str", "'\\u00e9'", "'\\ud800'"),
        ("float | Noted[float]", "Noted(1.0, ('r',))", "Noted(1.0, 'r')"),
        ("float | Noted[float]", "Noted(None, ())", "Noted(None, (5,))"),
        ("Day", "'2020-01-01'", "20200101"),
        ("int", "1", "1.0"),
        ("EpochMs", "1", "'1'"),
        ("bool", "False", "0"),
        ("list[str]", "['a']", "['a', 1]"),
        ("dict[str, str]", "{'a': 'b'}", "{'a': 1}"),
        ("IdentityMap", "{}", "[]"),
    ],
)
def test_a_function_is_held_to_its_annotation(tmp_path: Path, annotation: str, good: str, bad: str) -> None:
    for name, given in (("good", good), ("bad", bad)):
        (tmp_path / f"{name}.py").write_text(f"{HEADER}def f() -> {annotation}:\n    return {given}\nFUNCTIONS = (f,)")
    kept, broken = (brand_functions(tmp_path / f"{name}.py", Options()).functions["f"] for name in ("good", "bad"))
    kept.call()
    with pytest.raises(FunctionFault, match=r"f of the brand's .*bad\.py (returned|gave) "):
        broken.call()


def test_a_function_cannot_end_the_worker(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text(f"{HEADER}def f() -> str:\n    raise SystemExit\nFUNCTIONS = (f,)")
    leaves = brand_functions(tmp_path / "leaves.py", Options()).functions["f"]
    with pytest.raises(FunctionFault, match="f raised SystemExit in line"):
        leaves.call()
