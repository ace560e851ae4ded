"""How a Kafka value says which schema wrote it: the Confluent wire format and Avro single-object encoding.

Confluent: a zero byte, the schema's id in the registry (4 bytes, big endian), the Avro binary data.
Single object (Avro specification, "Single-object encoding"): C3 01, the CRC-64-AVRO fingerprint of the schema's parsing
canonical form (8 bytes, little endian), the Avro binary data.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import fastavro

_CONFLUENT = b"\x00"
_SINGLE_OBJECT = b"\xc3\x01"
_CONFLUENT_SIZE = 5
_SINGLE_OBJECT_SIZE = 10
_FINGERPRINT_SIZE = 8
_MAX_SCHEMA_ID = 2**31 - 1
_HINTS = {
    b"{": "looks like JSON, not Avro; produce with `capillary-aep produce` or another Avro serializer",
    b"[": "looks like JSON, not Avro; produce with `capillary-aep produce` or another Avro serializer",
    b"O": "looks like an Avro object container file, not a single record; produce one record per Kafka value",
}


class WireError(ValueError):
    """A value in neither format. The text says what was expected and never holds more than two bytes of the value."""


class Frame(NamedTuple):
    """What stands in front of the data. One of `schema_id` and `fingerprint` is set; the data begins at `start`."""

    kind: Literal["confluent", "single-object"]
    schema_id: int | None
    fingerprint: bytes | None
    start: int


def read_frame(value: bytes) -> Frame:
    """Tells the format of a Kafka value.

    Raises:
        WireError: neither format, or cut off within the frame, or a schema id that no registry gives out.
    """
    if value[:1] == _CONFLUENT:
        return _read_confluent(value)
    if value[:2] == _SINGLE_OBJECT:
        if len(value) < _SINGLE_OBJECT_SIZE:
            raise WireError(f"cut off after {len(value)} bytes: an 8-byte fingerprint follows C3 01")
        return Frame("single-object", None, value[2:_SINGLE_OBJECT_SIZE], _SINGLE_OBJECT_SIZE)
    if not value:
        raise WireError("empty: expected 00 and a schema id (Confluent wire format) or C3 01 (Avro single object)")
    hint = _HINTS.get(value[:1])
    raise WireError(
        f"starts with {value[:2].hex(' ').upper()}; expected 00 and a schema id (Confluent wire format) "
        f"or C3 01 (Avro single object){': it ' + hint if hint else ''}"
    )


def _read_confluent(value: bytes) -> Frame:
    if len(value) < _CONFLUENT_SIZE:
        raise WireError(f"cut off after {len(value)} bytes: a 4-byte schema id follows 00")
    schema_id = int.from_bytes(value[1:_CONFLUENT_SIZE], "big", signed=True)
    if schema_id <= 0:
        raise WireError(f"schema id {schema_id}: a registry counts from 1; check the producer's serializer")
    return Frame("confluent", schema_id, None, _CONFLUENT_SIZE)


def confluent_frame(schema_id: int, payload: bytes) -> bytes:
    """Avro data in the Confluent wire format.

    Raises:
        ValueError: the id is not in 1 to 2^31 - 1.
    """
    if not 0 < schema_id <= _MAX_SCHEMA_ID:
        raise ValueError(f"schema id {schema_id} is not in 1 to {_MAX_SCHEMA_ID}")
    return _CONFLUENT + schema_id.to_bytes(4, "big") + payload


def single_object_frame(fingerprint: bytes, payload: bytes) -> bytes:
    """Avro data in single-object encoding; `fingerprint` as the function of that name gives it.

    Raises:
        ValueError: the fingerprint has not 8 bytes.
    """
    if len(fingerprint) != _FINGERPRINT_SIZE:
        raise ValueError(f"a CRC-64-AVRO fingerprint has 8 bytes, not {len(fingerprint)}")
    return _SINGLE_OBJECT + fingerprint + payload


def fingerprint(schema: object) -> bytes:
    """The CRC-64-AVRO fingerprint of a schema's parsing canonical form, 8 bytes, little endian as the frame has it.

    `schema` is parsed JSON. Two schemas that differ only in docs, defaults, aliases or logical types have the same.

    Raises:
        Exception: whatever fastavro raises for something that is no schema; see `admission.admit`.
    """
    canonical = fastavro.schema.to_parsing_canonical_form(schema)  # type: ignore[arg-type]
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))  # little endian already
