"""Writes `tests/golden/<event>/<case>/expected.json`: what AEP gets of each golden event. `make golden`.

The first envelope of a case goes the whole way: JSON, canonical record, Avro, translation. A test compares, so a diff
shows what a change to a mapping does to real messages; that all envelopes give one record is another test's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from processor.capillary import load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.model import Destination, Record, Translated
from processor.settings import schemas_dir
from processor.translator import Mappings, load_mappings
from tools.golden_code import TENANT

FILE, INPUT = "expected.json", "A.json"
NOW_MS = 1_800_000_000_000  # 2027-01-15: after every golden event
RECEIVED_MS = NOW_MS - 1_000


def expected(golden: Path, mappings: Mappings) -> Iterator[tuple[Path, str]]:
    """Each file with its text, of all cases of all events."""
    contracts = load_contracts(schemas_dir() / "capillary")
    encoder = Encoder(contracts, single_object)
    destinations = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.schemas}
    translator = mappings.translator(destinations, lambda: NOW_MS)
    for case in sorted(golden.glob(f"*/*/{INPUT}")):
        event = read_event(json.loads(case.read_bytes()), contracts)
        translated = translator.translate(Record("t", 0, 0, RECEIVED_MS, event.key, encoder(event)))
        assert isinstance(translated, Translated), "our own schemas need no registry"
        yield case.with_name(FILE), json.dumps(_document(translated), indent=2, ensure_ascii=False) + "\n"


def _document(translated: Translated) -> dict[str, object]:
    """What became of a record, without what is empty."""
    document = {
        "messages": [{"to": each.to.name, "xdmEntity": json.loads(each.entity)} for each in translated.messages],
        "refusal": translated.refusal
        and {"reason": translated.refusal.reason.value, "detail": translated.refusal.detail},
        "skips": [f"{skip.to}: {skip.rule}" if skip.to else skip.rule for skip in translated.skips],
        "notes": list(translated.notes),
    }
    return {name: value for name, value in document.items() if value}


def main(golden: Path = Path("tests/golden")) -> int:
    """Writes what is sent today."""
    for file, text in expected(golden, load_mappings(schemas_dir(), None, TENANT)):
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
