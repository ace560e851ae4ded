"""`docs/events/` says what the mappings do, today."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.mapping.coverage import leaves
from processor.translator import load_mappings
from tools.event_tables import TENANT, main, pages

ROOT = Path(__file__).parents[2]
MAPPINGS = load_mappings(ROOT / "schemas", None, TENANT)


def test_the_committed_pages_are_current() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / "docs" / "events").glob("*.md")}
    assert committed == pages(MAPPINGS), "make docs"


@pytest.mark.parametrize("event", MAPPINGS.events)
def test_every_field_is_there_or_in_what_is_left_out_as_a_whole(event: str) -> None:
    rows = [line.split("`")[1] for line in pages(MAPPINGS)[f"{event}.md"].splitlines() if line.startswith("| `")]
    for leaf in leaves(MAPPINGS.bound[event].reader.root):
        assert any(f"{leaf}.".startswith(f"{row}.") for row in rows), leaf
    assert len(set(rows)) == len(rows)


def test_a_row_says_output_target_function_and_reason() -> None:
    page = pages(MAPPINGS)["pointsIssued.md"].splitlines()
    rows = {line.split("`")[1]: line.split(" | ")[-1].removesuffix(" |") for line in page if line.startswith("| `")}
    assert rows["data.programCurrentPoints"] == (
        "events: `_id` by `event_id`, `_tenant.capillary.currentPoints`; profile-balance: `loyalty.points`"
    )
    assert rows["data.promotionalPointsIssued.promotionPoints"] == (
        "events: `_id` by `event_id`, `_tenant.capillary.promotionalPoints[].points`, `loyalty.pointsGained[].value`"
    )
    assert rows["eventLogId"] == "events: `_id` by `event_id`, `_tenant.capillary.eventLogId` as string"
    assert rows["orgId"].endswith("`identityMap` by `customer_identity`")
    assert "every profile: decides whether by `is_default_program`" in rows["data.loyaltyProgramDetails.isDefault"]
    assert rows["actionType"] == "nowhere: says how the event came"


def test_pages_of_events_that_are_gone_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "oldEvent.md").write_text("old")
    monkeypatch.setattr("sys.argv", ["event_tables", "--to", str(tmp_path)])
    assert main() == 0
    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.glob("*")} == pages(MAPPINGS)
