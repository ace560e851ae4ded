"""What AEP gets of every golden event is what was committed: a diff shows what a change does to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.translator import load_mappings
from tools.golden_code import TENANT
from tools.golden_messages import FILE, expected

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
CASES = dict(expected(GOLDEN, load_mappings(ROOT / "schemas", None, TENANT)))


def test_every_case_says_what_becomes_of_it_and_none_is_left_over() -> None:
    assert set(GOLDEN.glob(f"*/*/{FILE}")) == set(CASES), "make golden"


@pytest.mark.parametrize("file", CASES, ids=lambda file: f"{file.parent.parent.name}-{file.parent.name}")
def test_what_is_sent_is_what_was_committed(file: Path) -> None:
    assert CASES[file] == file.read_text(encoding="utf-8"), "make golden"
