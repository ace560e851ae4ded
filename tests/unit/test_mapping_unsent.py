"""`[unsent]`: every path of an event is read by an output or left out on purpose, and `check` says which are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processor.mapping.coverage import leaves, uses
from processor.mapping.problems import MappingProblems
from processor.mapping.sources import read_reader
from processor.translator import load_mappings

SCHEMAS = Path(__file__).parents[2] / "schemas"
POINTS = (SCHEMAS / "mappings" / "pointsIssued.toml").read_text(encoding="utf-8")
READS_NAME = '"_tenant.capillary.programName" = { from = "data.loyaltyProgramDetails.name" }'
LISTS = '"data.behavioralEventAttributes.identifier_value" = '


def problems(overlay: Path, mapping: str = POINTS, common: str = "") -> list[str]:
    """What is wrong where a brand lays these files over ours: line, place and message."""
    (overlay / "pointsIssued.toml").write_text(mapping, encoding="utf-8")
    (overlay / "_common.toml").write_text(common, encoding="utf-8")
    try:
        load_mappings(SCHEMAS, overlay, "acme")
    except MappingProblems as found:
        return [str(problem).removeprefix(f"{overlay}/") for problem in found.problems]
    return []


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_our_own_files_account_for_every_leaf(tmp_path: Path) -> None:
    assert problems(tmp_path) == []
    for event, mapping in load_mappings(SCHEMAS, None, "acme").bound.items():
        read = {use.path for output in mapping.outputs for use in uses(output)}
        listed = {spec.path for spec in mapping.unsent}
        for leaf in leaves(mapping.reader.root):
            above = {leaf[:end] for end in range(len(leaf) + 1) if leaf[end : end + 1] in {"", "."}}
            assert above & (read | listed), f"{event}: {leaf}"


def test_a_path_that_nobody_thought_of(tmp_path: Path) -> None:
    assert problems(tmp_path, POINTS.replace(READS_NAME, "")) == [
        "pointsIssued.toml:1: data.loyaltyProgramDetails.name: is read by no output and not listed in [unsent]"
    ]


def test_a_column_of_an_array(tmp_path: Path) -> None:
    found = problems(tmp_path, POINTS.replace('fields."promotionType" = { from = "promotionType" }', ""))
    path = "data.promotionalPointsIssued.promotionType"
    assert found == [f"pointsIssued.toml:1: {path}: is read by no output and not listed in [unsent]"]


def test_a_whole_record_is_named_once_by_its_root(tmp_path: Path) -> None:
    mapping = "\n".join(part for part in POINTS.split("\n") if "data.behavioralEventAttributes" not in part)
    assert problems(tmp_path, mapping) == [
        "pointsIssued.toml:1: data.behavioralEventAttributes: is read by no output and not listed in [unsent]"
    ]
    whole = mapping.replace("[unsent]", '[unsent]\n"data.behavioralEventAttributes" = "not wanted here"')
    assert problems(tmp_path, whole) == []


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    path = "data.loyaltyProgramID"
    mapping = POINTS.replace("[unsent]", f'[unsent]\n"{path}" = "repeats the id"')
    message = f'{path}: the event has no "{path}"; the nearest is "data.loyaltyProgramId"'
    assert problems(tmp_path, mapping) == [f"pointsIssued.toml:{line(mapping, path)}: {message}"]


@pytest.mark.parametrize("path", ["data.loyaltyProgramDetails.name", "data.loyaltyProgramDetails"])
def test_what_is_read_is_not_unsent(tmp_path: Path, path: str) -> None:
    mapping = POINTS.replace("[unsent]", f'[unsent]\n"{path}" = "not wanted"')
    assert len(found := problems(tmp_path, mapping)) == 1
    assert found[0].startswith(f"pointsIssued.toml:{line(mapping, path)}: {path}: is listed as unsent, and ")
    assert "reads " in found[0]


def test_a_line_that_another_line_covers(tmp_path: Path) -> None:
    above, path = "data.behavioralEventAttributes", "data.behavioralEventAttributes.identifier_value"
    mapping = POINTS.replace(LISTS, f'"{above}" = "all of it"\n{LISTS}')
    at = line(mapping, LISTS)
    assert f'pointsIssued.toml:{at}: {path}: is listed with "{above}" already' in problems(tmp_path, mapping)


@pytest.mark.parametrize("reason", ['""', '"  "', "1", "{ a = 1 }"])
def test_a_line_without_a_reason(tmp_path: Path, reason: str) -> None:
    mapping = POINTS.replace("[unsent]", f'[unsent]\n"data.x" = {reason}')
    at = line(mapping, '"data.x"')
    assert any(
        text.startswith(f"pointsIssued.toml:{at}: data.x: needs a reason") for text in problems(tmp_path, mapping)
    )


def test_no_table(tmp_path: Path) -> None:
    mapping = POINTS.replace("[unsent]", "[nothing]").replace("event =", 'unsent = "all"\nevent =', 1)
    assert 'pointsIssued.toml:1: unsent: is a table: "path" = "reason"' in problems(tmp_path, mapping)


def test_what_all_events_share_is_listed_once_and_may_still_be_read(tmp_path: Path) -> None:
    reads = '"_tenant.capillary.source" = { from = "consumerGroupId" }'
    assert problems(tmp_path, POINTS.replace(READS_NAME, f"{READS_NAME}\n{reads}")) == []


def test_a_shared_line_that_no_event_has(tmp_path: Path) -> None:
    found = problems(tmp_path, common='[unsent]\n"actionTypes" = "says how the event came"\n')
    assert found == ['_common.toml:2: actionTypes: no event has "actionTypes"; the nearest is "actionType"']


def test_another_mistake_is_named_first(tmp_path: Path) -> None:
    found = problems(tmp_path, POINTS.replace("loyaltyProgramDetails.name", "loyaltyProgramDetails.nam"))
    assert len(found) == 1
    assert 'the event has no "data.loyaltyProgramDetails.nam"' in found[0]


def test_leaves_go_through_arrays_and_stop_at_maps() -> None:
    schema = json.loads(
        """{"type": "record", "name": "E", "fields": [
            {"name": "a", "type": ["null", {"type": "array", "items": {"type": "record", "name": "I", "fields": [
                {"name": "x", "type": "int"}, {"name": "m", "type": {"type": "map", "values": "string"}}]}}]},
            {"name": "s", "type": {"type": "array", "items": "string"}},
            {"name": "u", "type": ["null", "int", "string"]}]}"""
    )
    assert list(leaves(read_reader(schema).root)) == ["a.x", "a.m", "s", "u"]
