"""Capillary JSON through the whole translation, as `produce` and the worker do it, for tests of what mappings mean."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from processor.capillary import CanonicalEvent, load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.model import Destination, Record, Translated
from processor.translator import load_mappings

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
ENVELOPES = ("A", "B", "B-prefixed", "C", "D")
CONTRACTS = load_contracts(ROOT / "schemas" / "capillary")
MAPPINGS = load_mappings(ROOT / "schemas", None, "acme")
NOW = 1_760_000_000_000

_ENCODER = Encoder(CONTRACTS, single_object)
_TRANSLATOR = MAPPINGS.translator(
    {name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names},
    lambda: NOW,
)


def golden(event: str, case: str = "documented", envelope: str = "A") -> dict[str, Any]:
    """A golden event, to be changed at will."""
    document: dict[str, Any] = json.loads((GOLDEN / event / case / f"{envelope}.json").read_bytes())
    return document


def changed(document: Mapping[str, Any], **data: object) -> dict[str, Any]:
    """A flat event with other values in its body; an ellipsis takes a field out."""
    body = {**document["data"], **data}
    kept = {name: value for name, value in body.items() if value is not ...}
    return {**copy.deepcopy(dict(document)), "data": kept}


def translate(document: object, *, received: int = NOW) -> Translated:
    """What the worker makes of a document at `NOW`; every schema is our own, so none is asked for."""
    return translate_event(read_event(document, CONTRACTS), received=received)


def translate_event(event: CanonicalEvent, *, received: int = NOW) -> Translated:
    """The same from the canonical event on, which a foreign writer may have made otherwise than we do."""
    record = Record("t", 0, 0, received, event.key, _ENCODER(event))
    translated = _TRANSLATOR.translate(record)
    assert isinstance(translated, Translated)
    return translated


def entities(translated: Translated, to: str = "events") -> list[dict[str, Any]]:
    """The entities for a destination."""
    assert translated.refusal is None, translated.refusal
    return [json.loads(message.entity) for message in translated.messages if message.to.name == to]


def entity(document: object, to: str = "events") -> dict[str, Any]:
    """The one entity for a destination."""
    [found] = entities(translate(document), to)
    return found
