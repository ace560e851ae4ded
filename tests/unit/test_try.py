"""`try`: what it prints for events in any envelope, and what it says about those that cannot be delivered."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from processor.capillary import load_contracts
from processor.cli import cli
from processor.commands import ExitCode
from processor.settings import schemas_dir

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/*/input.json"))
DOCUMENTED = GOLDEN / "pointsIssued" / "documented" / "input.json"
ENVELOPES = ("A", "B", "B-prefixed", "C", "D")
HOSTILE = {
    "nothing": b"",
    "blanks": b" \n\n ",
    "a truncated object": b'{"eventName": "pointsIssued", "orgId": 1, ',
    "a number": b"1",
    "null": b"null",
    "an empty object": b"{}",
    "an unknown event": b'{"eventName": "pointsIssue", "orgId": 1, "data": {}}',
    "no org": b'{"eventName": "pointsIssued", "data": {}}',
    "no customer": b'{"eventName": "pointsIssued", "orgId": 1, "createdAt": 1750000000000, "data": {}}',
    "not UTF-8": b'{"eventName": "\xff"}',
    "deep": b"[" * 100_000,
}


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither file nor environment of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CAPILLARY_AEP_"):
            monkeypatch.delenv(name)


def try_(text: bytes | Path, *options: str, env: dict[str, str] | None = None) -> Result:
    text = text.read_bytes() if isinstance(text, Path) else text
    return CliRunner().invoke(cli, ["try", *options, "-"], input=text, env=env)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_every_envelope_gives_the_same(case: Path) -> None:
    result = try_(json.dumps([json.loads((case / f"{name}.json").read_bytes()) for name in ENVELOPES]).encode())
    assert result.exit_code == ExitCode.DONE, result.stderr
    messages = json.loads(result.stdout)
    first = messages[: len(messages) // len(ENVELOPES)]
    assert {message["to"] for message in first} >= {"events"}
    assert messages == first * len(ENVELOPES)


def test_every_known_event_has_a_case_here() -> None:
    assert {case.parent.name for case in CASES} == set(load_contracts(schemas_dir() / "capillary"))


def test_one_object_an_array_and_lines_are_read() -> None:
    event = json.loads(DOCUMENTED.read_bytes())
    one = json.loads(try_(DOCUMENTED).stdout)
    line = json.dumps(event).encode()
    for text in (json.dumps([event, event]).encode(), line + b"\n\n" + line, b"\xef\xbb\xbf" + line + b"\r\n" + line):
        assert json.loads(try_(text).stdout) == one + one


def test_the_tenant_is_the_settings_or_a_placeholder() -> None:
    without = try_(DOCUMENTED)
    assert "AEP__TENANT is not set" in without.stderr
    assert "_tenant" in json.loads(without.stdout)[0]["xdmEntity"]
    given = try_(DOCUMENTED, env={"CAPILLARY_AEP_AEP__TENANT": "_acme"})
    assert "AEP__TENANT" not in given.stderr
    assert "_acme" in json.loads(given.stdout)[0]["xdmEntity"]


def test_bad_settings_are_named() -> None:
    tenant = try_(DOCUMENTED, env={"CAPILLARY_AEP_AEP__TENANT": "a b"})
    assert (tenant.exit_code, tenant.stdout) == (ExitCode.WRONG, "")
    assert "AEP__TENANT" in tenant.stderr
    orgs = try_(DOCUMENTED, env={"CAPILLARY_AEP_KAFKA__ORG_IDS": "x"})
    assert orgs.exit_code == ExitCode.WRONG
    assert "KAFKA__ORG_IDS" in orgs.stderr


def test_what_is_configured_about_messages_counts() -> None:
    env = {"CAPILLARY_AEP_IDENTITY__CUSTOMER": "CRMID", "CAPILLARY_AEP_PROFILE__LOYALTY_FIELDS": "2025"}
    found = {message["to"]: message["xdmEntity"] for message in json.loads(try_(DOCUMENTED, env=env).stdout)}
    assert found["profile-balance"]["identityMap"].keys() == {"CRMID"}
    assert found["profile-lifetime"]["_tenant"]["capillary"]["loyalty"] == {"lifetimePoints": 2261.5}
    wrong = try_(DOCUMENTED, env={"CAPILLARY_AEP_IDENTITY__PRIMARY": "card"})
    assert wrong.exit_code == ExitCode.WRONG
    assert "[identity]: primary is card, which is off" in wrong.stderr


def test_an_org_that_may_not_pass_is_a_problem() -> None:
    result = try_(DOCUMENTED, env={"CAPILLARY_AEP_KAFKA__ORG_IDS": "1,2"})
    assert result.exit_code == ExitCode.WRONG
    assert "a dead letter (stray_org)" in result.stderr
    assert json.loads(result.stdout) == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_event_is_a_problem_with_a_remedy(text: bytes) -> None:
    result = try_(text)
    assert result.exit_code == ExitCode.WRONG, result.output
    assert isinstance(result.exception, SystemExit)
    assert json.loads(result.stdout) == []
    assert len(result.stderr.splitlines()) >= 2  # the placeholder, and what is wrong


@pytest.mark.parametrize("text", [b"", b" \n", b"\xef\xbb\xbf"])
def test_a_blank_text_has_no_event(text: bytes) -> None:
    assert try_(text).stderr.splitlines()[1:] == ["there is no event in here"]


def test_one_bad_line_is_named_and_the_others_are_translated() -> None:
    line = json.dumps(json.loads(DOCUMENTED.read_bytes())).encode()
    result = try_(line + b"\n{broken\n" + line)
    assert result.exit_code == ExitCode.WRONG
    assert "line 2: not JSON" in result.stderr
    assert "broken" not in result.stderr
    assert len(json.loads(result.stdout)) == 2 * len(json.loads(try_(line).stdout))


def test_what_is_withheld_or_dropped_is_said() -> None:
    event = json.loads(DOCUMENTED.read_bytes())
    event["data"]["programCurrentPoints"] = None
    event["data"]["notOfTheContract"] = 1
    result = try_(json.dumps(event).encode())
    assert result.exit_code == ExitCode.DONE
    assert "withheld from profile-balance:" in result.stderr
    assert "notOfTheContract: not in the contract, left out" in result.stderr


def test_json_is_one_object_on_the_last_line() -> None:
    line = json.dumps(json.loads(DOCUMENTED.read_bytes())).encode()
    result = try_(line + b"\n1", "--json")
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["messages"] == json.loads(try_(line).stdout)
    assert [problem.partition(":")[0] for problem in found["problems"]] == ["line 2"]
    assert found["remarks"] == []


def test_the_generated_code_is_shown() -> None:
    result = try_(DOCUMENTED, "--show-code", "--json")
    *code, last = result.stdout.splitlines()
    assert json.loads(last)["messages"]
    compile("\n".join(code), "code", "exec")
    assert "eventType" in result.stdout
