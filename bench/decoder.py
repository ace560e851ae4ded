"""CPU of the generated decoder against fastavro, on pointsIssued events: `python -m bench.decoder [EVENTS]`.

The event is the documented sample in the canonical Avro contract; wanted are about 60 % of the values that it carries,
as a mapping would. Both decoders take turns, so that a slow minute of the machine hits both; the best turn counts.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fastavro

from processor.avro.admission import Admitted, admit
from processor.avro.decoder import Decoder, Each, Want, build_decoder
from processor.capillary import encode, load_contracts, read_event

ROOT = Path(__file__).parent.parent
TURNS = 7
WANTS: tuple[Want, ...] = (
    "eventName",
    "eventId",
    "orgId",
    "createdAt",
    "eventLogId",
    "data.customerIdentifiers.customerId",
    "data.customerIdentifiers.instore.mobile",
    "data.customerIdentifiers.instore.email",
    "data.customerIdentifiers.instore.externalId",
    "data.loyaltyProgramDetails.isDefault",
    "data.loyaltyProgramDetails.name",
    "data.loyaltyProgramId",
    "data.triggeringActivity.name",
    Each("data.triggeringActivity.identifiers", ("key", "value")),
    "data.programCurrentPoints",
    "data.programLifetimePoints",
    "data.totalPointsIssued",
    "data.regularPointsIssued",
    Each("data.regularPointsBreakup", ("points", "expiryAt")),
    Each("data.promotionalPointsIssued", ("promotionName", "promotionIdentifier", "promotionPoints")),
    "data.availablePointsBalance",
)


def main(events: int = 20_000) -> None:
    """Prints CPU seconds per million events."""
    contracts = load_contracts(ROOT / "schemas" / "capillary")
    sample = json.loads((ROOT / "tests" / "golden" / "pointsIssued" / "documented" / "input.json").read_bytes())
    payload = encode(read_event(sample, contracts), contracts)
    admitted = admit(contracts["pointsIssued"].schema)
    decoder = build_decoder(admitted, admitted, WANTS)
    turns = {"generated decoder": _generated(decoder, payload), "fastavro, whole record": _fastavro(admitted, payload)}
    costs = [{name: _cost(turn, events) for name, turn in turns.items()} for _ in range(TURNS)]
    best = {name: min(cost[name] for cost in costs) for name in turns}
    present = sum(value is not None for value in decoder.read(payload, 0))
    print(f"{len(payload)} bytes, {len(WANTS)} wants, {present} of them present")
    for name, cost in best.items():
        print(f"{cost:6.1f} CPU s per million events  {name}")
    print(f"{best['generated decoder'] / best['fastavro, whole record']:6.2f} times fastavro")


def _generated(decoder: Decoder, payload: bytes) -> Callable[[], object]:
    read = decoder.read
    return lambda: read(payload, 0)


def _fastavro(admitted: Admitted, payload: bytes) -> Callable[[], object]:
    parsed, read = admitted.parsed, fastavro.schemaless_reader
    return lambda: read(io.BytesIO(payload), parsed, None)


def _cost(work: Callable[[], object], events: int) -> float:
    """CPU seconds per million calls."""
    started = time.process_time()
    for _ in range(events):
        work()
    return (time.process_time() - started) / events * 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
