"""The decoder on our own contracts and events, against fastavro."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.avro import DecodeError, Decoder, Each, admit, build_decoder, reader_paths
from processor.capillary import Contracts, encode, load_contracts, read_event
from tests.sizes import examples

ROOT = Path(__file__).parent.parent.parent
INPUTS = sorted((ROOT / "tests" / "golden").glob("*/*/input.json"))


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(ROOT / "schemas" / "capillary")


def named(path: Path) -> str:
    return f"{path.parent.parent.name}-{path.parent.name}"


@pytest.fixture(params=INPUTS, ids=named)
def event(request: pytest.FixtureRequest, contracts: Contracts) -> tuple[dict[str, Any], bytes]:
    """A contract's schema and the Avro data of one golden event."""
    canonical = read_event(json.loads(request.param.read_bytes()), contracts)
    return contracts[canonical.event].schema, encode(canonical, contracts)


def without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [without_logical_types(part) for part in schema]
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return schema


def by_fastavro(schema: Any, payload: bytes) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(payload), without_logical_types(schema), None)


def pick(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def test_every_path_of_an_event(event: tuple[dict[str, Any], bytes]) -> None:
    schema, payload = event
    admitted = admit(schema)
    paths = [path for path in reader_paths(admitted) if "[]" not in path]
    tables = {}
    for path in reader_paths(admitted):
        array, _, item = path.partition("[].")
        if item and "[]" not in item:
            tables.setdefault(array, []).append(item)
    eaches = [Each(array, tuple(items)) for array, items in tables.items()]
    decoder = build_decoder(admitted, admitted, [*paths, *eaches])
    whole = by_fastavro(schema, payload)
    rows = [
        None if (items := pick(whole, each.path)) is None else [tuple(pick(i, p) for p in each.items) for i in items]
        for each in eaches
    ]
    assert decoder.read(payload, 0) == (*(pick(whole, path) for path in paths), *rows)
    assert decoder.known >= set(paths)


def test_changed_bytes_of_an_event(event: tuple[dict[str, Any], bytes]) -> None:
    schema, payload = event
    admitted = admit(schema)
    whole = build_decoder(admitted, admitted, [field["name"] for field in schema["fields"]])
    nothing = build_decoder(admitted, admitted, [])
    chance = random.Random(7)
    for _ in range(examples(200)):
        changed = bytearray(payload)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 2, 4, 127, 128, 255, chance.randrange(256)))
        got = outcome(whole, bytes(changed))
        skipped = outcome(nothing, bytes(changed))
        if got is not None:
            assert skipped == ()
            assert repr(got) == repr(tuple(by_fastavro(schema, bytes(changed)).values()))  # repr: NaN is NaN


def outcome(decoder: Decoder, payload: bytes) -> tuple[object, ...] | None:
    try:
        return decoder.read(payload, 0)
    except DecodeError:
        return None
