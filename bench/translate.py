"""CPU of translating, by part, on the four events: `python -m bench.translate [EVENTS]`.

The records are synthetic traffic, so that identities repeat as customers do. For each event: what decoding costs, what
each output costs (map and dumps, with decoding excluded), and the whole of `Translator.translate`. The best of several
turns counts, in CPU seconds per million events, which is the same as microseconds per event.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from processor.avro import Decoder, single_object_frame
from processor.capillary import CanonicalEvent, encode, load_contracts
from processor.mapping.compiler import CompiledMapping, Values
from processor.model import Destination, Record
from processor.simulator.capillary import Generator
from processor.translator import Mappings, load_mappings

ROOT = Path(__file__).parent.parent
TURNS = 7
NOW_MS = 1_795_000_000_000
START = 10  # bytes of a single-object frame


def main(events: int = 20_000) -> None:
    """Prints CPU seconds per million events."""
    mappings = load_mappings(ROOT / "schemas", None, "acme")
    for event, records in sorted(_records(mappings, events).items()):
        _report(mappings, event, records)


def _report(mappings: Mappings, event: str, records: list[Record]) -> None:
    mapping, count = mappings.compiled[event], len(records)
    decoder = mappings.decoder(mapping, mappings.readers[event])
    size = sum(len(record.value or b"") for record in records) // count
    decode = _cost(lambda: _decode(decoder, records), count)
    values = [decoder.read(record.value or b"", START) for record in records]
    shared = _cost(lambda: _share(mapping, values), count)
    outputs = [_cost(_output(mapping, number, decoder, values), count) for number in range(len(mapping.outputs))]
    whole = _cost(lambda: _translate(mappings, records), count)
    mapped = shared + sum(outputs)
    print(f"{event}: {count} records of {size} bytes")
    print(f"  decode {decode:6.1f}   map and dumps {mapped:6.1f}   translate as a whole {whole:6.1f}")
    for name, cost in zip(["(shared)", *(output.name for output in mapping.outputs)], [shared, *outputs], strict=True):
        print(f"    {name:20} {cost:6.1f}")


def _records(mappings: Mappings, events: int) -> dict[str, list[Record]]:
    contracts = load_contracts(ROOT / "schemas" / "capillary")
    records: dict[str, list[Record]] = defaultdict(list)
    for number, sent in enumerate(Generator(1, 2_000).records(events)):
        payload = encode(CanonicalEvent(sent.event, sent.record, sent.key), contracts)
        value = single_object_frame(mappings.readers[sent.event].fingerprint, payload)
        records[sent.event].append(Record("bench", 0, number, NOW_MS, sent.key, value))
    return records


def _decode(decoder: Decoder, records: list[Record]) -> None:
    read = decoder.read
    for record in records:
        read(record.value or b"", START)


def _share(mapping: CompiledMapping, values: list[Values]) -> None:
    share = mapping.share
    for value in values:
        share(value, NOW_MS, NOW_MS)


def _output(mapping: CompiledMapping, number: int, decoder: Decoder, values: list[Values]) -> Callable[[], None]:
    write, known = mapping.outputs[number].write, decoder.known
    given = [(value, mapping.share(value, NOW_MS, NOW_MS)) for value in values]

    def turn() -> None:
        for value, shared in given:
            write(value, shared, NOW_MS, NOW_MS, known, [])

    return turn


def _translate(mappings: Mappings, records: list[Record]) -> None:
    destinations = {
        name: Destination(name, mappings.schemas[name].profile, b"{}", b"{}") for name in mappings.destination_names
    }
    translate = mappings.translator(destinations, lambda: NOW_MS).translate
    for record in records:
        translate(record)


def _cost(turn: Callable[[], None], events: int) -> float:
    costs: list[float] = []
    for _ in range(TURNS):
        started = time.process_time()
        turn()
        costs.append(time.process_time() - started)
    return min(costs) / events * 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
