"""The golden events through the compiled code and through the interpreter: the same messages, skips and remarks."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from processor.capillary import encode, load_contracts, read_event
from processor.mapping.interpreter import Event, interpret
from processor.model import Skip
from processor.translator import load_mappings

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, "acme")
CASES = sorted(file.parent for file in (ROOT / "tests" / "golden").glob("*/*/A.json"))
NOW = 1_790_000_000_000


@pytest.mark.parametrize("own", [{}, {"eventId": None}, {"eventId": " N/A"}], ids=["as it is", "no id", "placeholder"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_code_and_interpreter_agree(case: Path, own: dict[str, str | None]) -> None:
    event = read_event(json.loads((case / "A.json").read_bytes()) | own, CONTRACTS)
    compiled = MAPPINGS.compiled[event.event]
    decoder = MAPPINGS.decoder(compiled, MAPPINGS.readers[event.event])
    values = decoder.read(encode(event, CONTRACTS), 0)
    shared = compiled.share(values, NOW, NOW)
    remarks: list[str] = []
    written: list[list[object] | Skip | None] = []
    for output in compiled.outputs:
        result = output.write(values, shared, NOW, NOW, decoder.known, remarks)
        if isinstance(result, Skip | None):
            written.append(result)
        else:
            messages = result if isinstance(result, list) else [result if isinstance(result, bytes) else result[0]]
            written.append([m if isinstance(m, Skip) else orjson.loads(m) for m in messages])
    plainly, notes = interpret(MAPPINGS.bound[event.event], Event(event.record, frozenset(decoder.known), NOW, NOW))
    assert written == [[*one.entities, *one.left_out] if one.entities else one.skip for one in plainly]
    assert remarks == list(notes)
    assert any(isinstance(messages, list) for messages in written)
