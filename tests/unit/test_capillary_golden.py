"""The golden events: every envelope gives the record that is committed beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processor.capillary import CanonicalEvent, load_contracts, read_event

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
CASES = sorted(folder.parent for folder in (ROOT / "tests" / "golden").glob("*/*/input.json"))
ENVELOPES = {"A": "A", "B": "B", "B-prefixed": "B", "C": "C", "D": "D"}
PROVENANCE = {"envelopeVersion", "eventType", "timeStamp", "consumerGroupId", "actionType"}


def read(case: Path, name: str) -> CanonicalEvent:
    return read_event(json.loads((case / f"{name}.json").read_bytes()), CONTRACTS)


def plain(event: CanonicalEvent) -> dict[str, object]:
    """As `record.json` holds it."""
    return {"key": (event.key or b"").decode(), "notes": list(event.notes), "record": event.record}


def without_provenance(event: CanonicalEvent) -> dict[str, object]:
    return {name: value for name, value in event.record.items() if name not in PROVENANCE}


def test_every_contract_has_its_golden_cases() -> None:
    for event in CONTRACTS:
        assert {case.name for case in CASES if case.parent.name == event} >= {"documented", "sparse", "hostile"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_the_record_is_the_committed_one(case: Path) -> None:
    event = read(case, "A")
    assert event.event == case.parent.name
    assert plain(event) == json.loads((case / "record.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_all_envelopes_give_one_record(case: Path) -> None:
    expected = without_provenance(read(case, "A"))
    for name, version in ENVELOPES.items():
        event = read(case, name)
        assert without_provenance(event) == expected, name
        assert event.record["envelopeVersion"] == version
    assert without_provenance(read(case, "input")) == expected
