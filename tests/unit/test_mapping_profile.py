"""What becomes of `GONE`, through the tier events: Profile loses the value, an event lacks it, nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from processor.capillary import encode, load_contracts, read_event
from processor.mapping.functions import end_date
from processor.mapping.interpreter import Event, interpret
from processor.mapping.values import GONE, Day, Gone, Noted
from processor.model import Skip
from processor.translator import load_mappings

ROOT = Path(__file__).parents[2]
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, "acme")
NOW = 1_790_000_000_000


def written(date: object) -> object:
    """What profile-tier-expiry gets of a tierUpgraded with this date: by the compiled code and by the interpreter."""
    document = json.loads((ROOT / "tests/golden/tierUpgraded/documented/A.json").read_bytes())
    document["data"]["tierExpiryDate"] = date
    event = read_event(document, CONTRACTS)
    compiled, bound = MAPPINGS.compiled["tierUpgraded"], MAPPINGS.bound["tierUpgraded"]
    decoder = MAPPINGS.decoder(compiled, MAPPINGS.readers["tierUpgraded"])
    values = decoder.read(encode(event, CONTRACTS), 0)
    (output,) = [output for output in compiled.outputs if output.to == "profile-tier-expiry"]
    result = output.write(values, compiled.share(values, NOW, NOW), NOW, NOW, decoder.known, [])
    known = frozenset(decoder.known)
    plainly, _ = interpret(bound, Event(event.record, known, NOW, NOW))
    (slow,) = [one for one in plainly if one.output.to == "profile-tier-expiry"]
    if isinstance(result, Skip):
        assert slow.skip == result
        return result.rule
    assert isinstance(result, tuple)
    entity = orjson.loads(result[0])
    assert slow.entities == (entity,)
    return entity.get("loyalty")


@pytest.mark.parametrize(
    ("date", "loyalty"),
    [
        ("2026-04-25", {"tierExpiryDate": "2026-04-25T00:00:00.000Z"}),
        ("2121-04-27", None),
        (None, "withheld: loyalty.tierExpiryDate"),
        ("", "withheld: loyalty.tierExpiryDate"),
        ("2024-02-30", "withheld: loyalty.tierExpiryDate"),
    ],
)
def test_a_value_that_is_gone_leaves_profile(date: object, loyalty: object) -> None:
    assert written(date) == loyalty


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2099-12-31", Day("2099-12-31")),
        ("2100-01-01", GONE),
        (" 2121-04-27 ", GONE),
        ("", None),
        (None, None),
        ("null", None),
        ("tierExpiryDate", Noted(None, ("date",))),
    ],
)
def test_the_end_of_a_tier(text: str | None, end: Day | Gone | Noted[Day] | None) -> None:
    assert end_date(text) == end
