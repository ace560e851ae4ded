"""Older and newer writers: today's contracts read all that was released, and what a careful neighbour makes of them.

Our own resolution of a writer's schema against ours and fastavro's must give the same values.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pytest

from processor.avro import DecodeError, admit, build_decoder
from processor.capillary import load_contracts
from tests.avro_values import thrown
from tests.sizes import examples
from tools.release import problems, release, unreadable

DIRECTORY = Path(__file__).parents[2] / "schemas" / "capillary"
CONTRACTS = load_contracts(DIRECTORY)
WRITERS = sorted([*(DIRECTORY / "released").glob("*.avsc"), *DIRECTORY.glob("*.avsc")])

Json = dict[str, Any]
Change = Callable[[Json], object]


def plain(schema: Any) -> Any:
    """Without logical types: what lies beneath is compared, also a time in the year 300,000."""
    if isinstance(schema, list):
        return [plain(part) for part in schema]
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return schema


class Readers:
    """Our decoder and fastavro for one writer's schema and one reader's."""

    def __init__(self, writer: Json, reader: Json) -> None:
        self._writer, self._reader = fastavro.parse_schema(plain(writer)), fastavro.parse_schema(plain(reader))
        self._names = [field["name"] for field in reader["fields"]]
        self._decoder = build_decoder(admit(writer), admit(reader), self._names)

    def __call__(self, record: object) -> tuple[Json, Json]:
        """What both of them read, ours first."""
        payload = io.BytesIO()
        fastavro.schemaless_writer(payload, self._writer, record)  # type: ignore[arg-type]
        payload.seek(0)
        theirs = fastavro.schemaless_reader(payload, self._writer, self._reader)
        assert isinstance(theirs, dict)
        return dict(zip(self._names, self._decoder.read(payload.getvalue(), 0), strict=True)), theirs


def both(writer: Json, reader: Json, record: object) -> tuple[Json, Json]:
    return Readers(writer, reader)(record)


def alike(ours: Json, theirs: Json) -> bool:
    """Whether the values are the same, and of the same types; NaN is NaN, and -0.0 is not 0.0."""
    first, second = (json.dumps(record, sort_keys=True) for record in (ours, theirs))
    return first == second


# ---- what was released -----------------------------------------------------------------------------------------------


def test_nothing_released_was_changed_and_all_of_it_can_be_read() -> None:
    assert problems(DIRECTORY) == []


@pytest.mark.parametrize("file", WRITERS, ids=lambda file: file.stem)
def test_all_that_was_released_and_is_about_to_be_is_read(file: Path) -> None:
    writer = json.loads(file.read_bytes())
    reader = next(contract.schema for contract in CONTRACTS.values() if contract.name == admit(writer).name)
    read = Readers(writer, reader)
    for seed in range(examples(30)):
        assert alike(*read(thrown(writer, Random(seed)))), seed


EVENT: Json = {
    "type": "record",
    "name": "CardUpdated",
    "namespace": "capillary.events",
    "event": "cardUpdated",
    "fields": [
        {"name": "eventName", "type": "string"},
        {"name": "orgId", "type": "long"},
        {"name": "points", "type": ["null", "int"], "default": None},
        {"name": "holder", "type": ["null", "string"], "default": None},
    ],
}


def field(name: str, kind: object, **more: object) -> Json:
    return {"name": name, "type": kind, **more}


def released(directory: Path) -> Path:
    """A directory of contracts with one release of one event."""
    (directory / "released").mkdir()
    (directory / "cardUpdated.avsc").write_text(json.dumps(EVENT), encoding="utf-8")
    assert len(release(directory)) == 1
    assert problems(directory) == []
    return directory


def test_a_release_adds_what_is_new_and_nothing_twice(tmp_path: Path) -> None:
    contracts = released(tmp_path)
    assert release(contracts) == []
    schema = {**EVENT, "fields": [*EVENT["fields"], field("note", ["null", "string"], default=None)]}
    (contracts / "cardUpdated.avsc").write_text(json.dumps(schema), encoding="utf-8")
    assert [name.split(".")[0] for name in release(contracts)] == ["cardUpdated"]
    assert len(list((contracts / "released").glob("*.avsc"))) == 2
    assert problems(contracts) == []


def test_a_released_file_is_never_edited(tmp_path: Path) -> None:
    [file] = (released(tmp_path) / "released").glob("*.avsc")
    file.write_text(json.dumps({**EVENT, "doc": "Better words."}), encoding="utf-8")
    message = "was released and has changed: restore it, change ../cardUpdated.avsc instead"
    assert problems(tmp_path) == [f"{file.name}: {message}"]


def test_a_released_file_never_goes_and_none_is_slipped_in(tmp_path: Path) -> None:
    [file] = (released(tmp_path) / "released").glob("*.avsc")
    other = file.rename(file.with_name("cardUpdated.0011223344556677.avsc"))
    found = "\n".join(problems(tmp_path))
    assert f"{file.name}: was released and is gone" in found
    assert f"{other.name}: is not in SHA256SUMS" in found
    assert f"{other.name}: its fingerprint is {file.name.split('.')[1]}" in found


BREAKS: dict[str, Change] = {
    "a required field more": lambda fields: fields.append(field("kind", "string")),
    "an optional field without its default": lambda fields: fields.append(field("kind", ["null", "string"])),
    "another type": lambda fields: fields[3].update(type=["null", "long"]),
    "a narrower type": lambda fields: fields[1].update(type="int"),
    "no null any more": lambda fields: fields[3].update(type="string", default=""),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_what_older_records_cannot_survive(tmp_path: Path, change: Change) -> None:
    released(tmp_path)
    schema = copy.deepcopy(EVENT)
    change(schema["fields"])
    (tmp_path / "cardUpdated.avsc").write_text(json.dumps(schema), encoding="utf-8")
    [found] = problems(tmp_path)
    assert "cardUpdated.avsc cannot read it: " in found
    assert unreadable(admit(EVENT), schema) is not None


def test_a_record_of_another_name(tmp_path: Path) -> None:
    released(tmp_path)
    (tmp_path / "cardUpdated.avsc").write_text(json.dumps({**EVENT, "name": "CardChanged"}), encoding="utf-8")
    [found] = problems(tmp_path)
    assert "no contract has a record called capillary.events.CardUpdated any more" in found


# ---- one change at a time, with the values spelled out ---------------------------------------------------------------

RECORD = {"eventName": "cardUpdated", "orgId": 7, "points": 3, "holder": "Kim"}
CHANGES: dict[str, tuple[Change, Json]] = {
    "a field more, not in old records": (
        lambda fields: fields.append(field("note", ["null", "string"], default=None)),
        {"note": None},
    ),
    "a default other than null": (
        lambda fields: fields.append(field("kind", "string", default="card")),
        {"kind": "card"},
    ),
    "a field less": (lambda fields: fields.pop(2), {"points": ...}),
    "int to long": (lambda fields: fields[2].update(type=["null", "long"]), {"points": 3}),
    "int to double": (lambda fields: fields[2].update(type=["null", "double"]), {"points": 3.0}),
    "long to double": (lambda fields: fields[1].update(type="double"), {"orgId": 7.0}),
    "a new name with an alias": (
        lambda fields: fields[3].update(name="owner", aliases=["holder"]),
        {"owner": "Kim", "holder": ...},
    ),
    "null allowed now": (lambda fields: fields[1].update(type=["null", "long"]), {"orgId": 7}),
    "another order": (lambda fields: fields.reverse(), {}),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_an_older_writer(change: Change, expected: Json) -> None:
    reader = copy.deepcopy(EVENT)
    change(reader["fields"])
    ours, theirs = both(EVENT, reader, RECORD)
    wanted = {name: value for name, value in {**RECORD, **expected}.items() if value is not ...}
    assert ours == theirs == wanted
    assert {name: type(value) for name, value in wanted.items()} == {
        name: type(value)
        for name, value in dict(ours).items()  # type: ignore[call-overload]
    }


NEWER: dict[str, tuple[Change, Json]] = {
    "a field that we do not know": (lambda fields: fields.append(field("note", "string", default="")), {}),
    "a record that we do not know": (
        lambda fields: fields.insert(2, field("more", {"type": "record", "name": "M", "fields": [field("a", "int")]})),
        {},
    ),
    "one of our fields is gone": (lambda fields: fields.pop(2), {"points": None}),
    "always there now": (lambda fields: fields[3].update(type="string", default=""), {}),
    "in another order": (lambda fields: fields.reverse(), {}),
}


@pytest.mark.parametrize(("change", "expected"), NEWER.values(), ids=NEWER)
def test_a_newer_writer(change: Change, expected: Json) -> None:
    writer = copy.deepcopy(EVENT)
    change(writer["fields"])
    ours, theirs = both(writer, EVENT, {**RECORD, "note": "new", "more": {"a": 1}})
    assert ours == theirs == {**RECORD, **expected}


def test_a_writer_that_gave_a_field_another_type_is_read_while_the_field_is_null() -> None:
    writer = copy.deepcopy(EVENT)
    writer["fields"][2]["type"] = ["null", "string"]
    assert both(writer, EVENT, {**RECORD, "points": None})[0] == {**RECORD, "points": None}
    with pytest.raises(DecodeError, match="points"):
        ours_alone(writer, EVENT, {**RECORD, "points": "three"})


def ours_alone(writer: Json, reader: Json, record: object) -> tuple[object, ...]:
    payload = io.BytesIO()
    fastavro.schemaless_writer(payload, fastavro.parse_schema(writer), record)  # type: ignore[arg-type]
    return build_decoder(admit(writer), admit(reader), ["points"]).read(payload.getvalue(), 0)


# ---- our own contracts, changed everywhere ---------------------------------------------------------------------------


def neighbour(schema: Json, *changes: Callable[[Json, tuple[str | int, ...]], bool]) -> tuple[Json, int]:
    """A writer's schema: a contract with changes made wherever they can be, and how often they were."""
    writer, count = copy.deepcopy(schema), 0
    for change in changes:
        for path in reversed(list(places(writer))):  # from the end, so that what is taken out moves nothing to come
            count += change(writer, path)
    return writer, count


def places(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the fields of a schema stand."""
    if isinstance(schema, dict):
        for number in range(len(schema.get("fields", []))):
            yield (*path, "fields", number)
        for key in ("type", "items", "values", "fields"):
            yield from places(schema.get(key), (*path, key))
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from places(part, (*path, number))


def at(schema: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        schema = schema[step]
    return schema


def _defines_a_name(kind: object) -> bool:
    return '"name"' in json.dumps(kind)


def _without(schema: Json, path: tuple[str | int, ...]) -> bool:
    gone = at(schema, path)
    if path[-1] == 0 or "default" not in gone or _defines_a_name(gone["type"]):  # no record is left without a field
        return False
    at(schema, path[:-1]).remove(gone)
    return True


def _narrower(schema: Json, path: tuple[str | int, ...]) -> bool:
    changed = at(schema, path)
    narrower = {'["null", "long"]': "int", '["null", "double"]': "long"}.get(json.dumps(changed["type"]))
    if narrower is not None:
        changed["type"] = ["null", narrower]
    return narrower is not None


def _aliased(schema: Json, path: tuple[str | int, ...]) -> bool:
    changed = at(schema, path)
    if aliases := changed.pop("aliases", None):
        changed["name"] = aliases[0]
    return bool(aliases)


def _more(schema: Json, path: tuple[str | int, ...]) -> bool:
    if path[-1] == 0:
        at(schema, path[:-1]).insert(0, field("quiteNew", ["null", "string"], default=None))
    return path[-1] == 0


OLDER = (_without,)
OTHER = (_narrower, _aliased, _more)


@pytest.mark.parametrize("changes", [OLDER, OTHER], ids=["fields less", "narrower, other names, fields more"])
@pytest.mark.parametrize("event", sorted(CONTRACTS))
def test_a_contract_changed_everywhere_is_read_as_fastavro_reads_it(event: str, changes: tuple[Any, ...]) -> None:
    reader = CONTRACTS[event].schema
    writer, count = neighbour(reader, *changes)
    assert count > 5
    assert unreadable(admit(writer), reader) is None
    read = Readers(writer, reader)
    for seed in range(examples(10)):
        assert alike(*read(thrown(writer, Random(seed)))), seed
