"""`try --explain`: of every field where it came from, of every output that was not written why."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from processor.capillary import load_contracts
from processor.cli import cli
from processor.commands import ExitCode
from processor.commands.try_ import as_json_values, try_documents
from processor.model import Destination
from processor.settings import schemas_dir
from processor.translator import load_mappings

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "golden").glob("*/*/A.json"))


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither file nor environment of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CAPILLARY_AEP_"):
            monkeypatch.delenv(name)


MAPPINGS = load_mappings(schemas_dir(), None, "tenant")
CONTRACTS = load_contracts(schemas_dir() / "capillary")
TRANSLATOR = MAPPINGS.translator(
    {name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names},
    lambda: time.time_ns() // 1_000_000,
)


def explained(text: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The outputs of one event, and the messages."""
    findings = try_documents(text, CONTRACTS, TRANSLATOR, MAPPINGS)
    (one,) = json.loads(json.dumps(as_json_values(findings.explained)))
    return one["outputs"], findings.messages


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Every value of a message by its path, items of lists together, as targets are written."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, f"{path}[]")
    else:
        yield path


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_every_value_of_every_message_is_accounted_for(case: Path) -> None:
    outputs, messages = explained((case / "A.json").read_bytes())
    written = [output for output in outputs if not output["why"]]
    assert [output["to"] for output in written] == [message["to"] for message in messages]
    for output, message in zip(written, messages, strict=True):
        targets = {field["target"]: field for field in output["fields"]}
        for leaf in leaves(message["xdmEntity"]):
            above = [target for target in targets if f"{leaf}.".startswith((f"{target}.", f"{target}["))]
            assert above, leaf
        for field in output["fields"]:
            file, _, line = field["place"].rpartition(":")
            text = (schemas_dir() / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
            assert field["target"].rpartition(".")[2].removesuffix("[]") in text
            assert field["reads"] or field["verb"].startswith(("const", "each", "one element", "call"))


def test_what_a_person_reads() -> None:
    text = (Path(__file__).parents[1] / "golden/pointsIssued/documented/A.json").read_bytes()
    lines = CliRunner().invoke(cli, ["try", "--explain", "-"], input=text).stdout.splitlines()
    assert lines[0] == "pointsIssued"
    at = lines.index('    _tenant.capillary.programId = "2649"')
    assert lines[at + 1].startswith(
        "        from data.loyaltyProgramId, else data.loyaltyProgramDetails.id as string, mappings/pointsIssued.toml:"
    )
    assert any(line.startswith("    nothing for ") for line in lines)


def test_an_output_that_is_not_written_says_why() -> None:
    event = json.loads((Path(__file__).parents[1] / "golden/pointsIssued/documented/A.json").read_bytes())
    event["data"]["loyaltyProgramDetails"]["isDefault"] = False
    why = {output["output"]: output["why"] for output in explained(json.dumps(event).encode())[0]}
    assert why == {"events": "", **dict.fromkeys(("profile-balance", "profile-lifetime"), "not the default program")}
    event["data"]["loyaltyProgramDetails"]["isDefault"] = True
    event["data"]["programCurrentPoints"] = None
    why = {output["output"]: output["why"] for output in explained(json.dumps(event).encode())[0]}
    assert why["profile-balance"] == "withheld: loyalty.points"


def test_a_condition_that_does_not_hold_and_counts_nothing() -> None:
    text = (Path(__file__).parents[1] / "golden/transactionAdded/documented/A.json").read_bytes()
    why = {output["output"]: output["why"] for output in explained(text)[0]}
    assert why["events-return"] == "`when` does not hold"


def test_a_dead_letter_explains_all_outputs_by_its_reason() -> None:
    event = {"eventName": "pointsIssued", "orgId": 1, "createdAt": 1_750_000_000_000, "data": {}}
    result = CliRunner().invoke(cli, ["try", "--explain", "--json", "-"], input=json.dumps(event).encode())
    assert result.exit_code == ExitCode.WRONG
    (one,) = json.loads(result.stdout.splitlines()[-1])["explained"]
    for output in one["outputs"]:
        assert output["why"].startswith('the whole event is a dead letter: "identityMap" of output events')
        assert output["fields"] == []


def test_a_profile_output_that_the_kafka_key_keeps_back_says_so() -> None:
    document = json.loads((CASES[0].parents[1] / "CouponIssue" / "documented" / "A.json").read_bytes())
    document["data"]["coupons"][0]["customerIdentifiers"]["customerId"] += 1  # two customers: the key is the series'
    outputs, messages = explained(json.dumps(document).encode())
    (kept_back,) = [output for output in outputs if output["to"] == "profile-coupon"]
    assert kept_back["why"].startswith("key names another customer: ")
    assert {message["to"] for message in messages} == {"events"}


def test_an_item_that_is_left_out_is_explained() -> None:
    event = json.loads((CASES[0].parents[1] / "CouponIssue/documented/A.json").read_bytes())
    del event["data"]["coupons"][1]["customerIdentifiers"]
    outputs, messages = explained(json.dumps(event).encode())
    coupons = [output for output in outputs if output["to"] == "events"]
    assert [output["why"] for output in coupons] == [*["" for _ in messages], "item without identityMap"]
