"""The generated code of every event is the committed one: a diff shows what a change does to it."""

from __future__ import annotations

import ast
from pathlib import Path

from processor.translator import load_mappings
from tools.golden_code import FILE, TENANT, code, main

ROOT = Path(__file__).parents[2]
MAPPINGS = load_mappings(ROOT / "schemas", None, TENANT)


def test_the_committed_code_is_the_generated_one() -> None:
    committed = {
        file.parent.name: file.read_text(encoding="utf-8") for file in (ROOT / "tests/golden").glob(f"*/{FILE}")
    }
    generated = code(MAPPINGS)
    assert committed.keys() == generated.keys(), "make golden"
    for event, text in generated.items():
        assert committed[event] == text, f"{event}: make golden"


def test_it_is_python_and_the_same_again() -> None:
    again = load_mappings(ROOT / "schemas", None, TENANT)
    for event, text in code(MAPPINGS).items():
        ast.parse(text)
        assert code(again)[event] == text


def test_code_of_events_that_are_gone_goes(tmp_path: Path) -> None:
    (tmp_path / "oldEvent").mkdir()
    (tmp_path / "oldEvent" / FILE).write_text("old = 1\n")
    assert main(tmp_path) == 0
    assert not (tmp_path / "oldEvent" / FILE).exists()
    assert {file.parent.name for file in tmp_path.glob(f"*/{FILE}")} == set(MAPPINGS.events)
