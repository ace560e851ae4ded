from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.avro import Frame, WireError, confluent_frame, fingerprint, read_frame, single_object_frame

RECORD = {"type": "record", "name": "a.R", "fields": [{"name": "x", "type": "long", "doc": "of no importance"}]}


@given(st.integers(1, 2**31 - 1), st.binary())
def test_confluent_frame_comes_back(schema_id: int, payload: bytes) -> None:
    value = confluent_frame(schema_id, payload)
    frame = read_frame(value)
    assert frame == Frame("confluent", schema_id, None, 5)
    assert value[frame.start :] == payload


@given(st.binary(min_size=8, max_size=8), st.binary())
def test_single_object_frame_comes_back(fingerprint_: bytes, payload: bytes) -> None:
    value = single_object_frame(fingerprint_, payload)
    frame = read_frame(value)
    assert frame == Frame("single-object", None, fingerprint_, 10)
    assert value[frame.start :] == payload


FORMATS = "expected 00 and a schema id (Confluent wire format) or C3 01 (Avro single object)"
JSON = "it looks like JSON, not Avro; produce with `capillary-aep produce` or another Avro serializer"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", f"empty: {FORMATS}"),
        (b"\x00", "cut off after 1 bytes: a 4-byte schema id follows 00"),
        (b"\x00\x00\x00\x01", "cut off after 4 bytes: a 4-byte schema id follows 00"),
        (b"\x00\x00\x00\x00\x00x", "schema id 0: a registry counts from 1; check the producer's serializer"),
        (b"\x00\xff\xff\xff\xff", "schema id -1: a registry counts from 1; check the producer's serializer"),
        (b"\xc3\x01abc", "cut off after 5 bytes: an 8-byte fingerprint follows C3 01"),
        (b"\xc3\x01abcdefg", "cut off after 9 bytes: an 8-byte fingerprint follows C3 01"),
        (b"\xc3\x02aaaaaaaaaa", f"starts with C3 02; {FORMATS}"),
        (b'{"eventName": 1}', f"starts with 7B 22; {FORMATS}: {JSON}"),
        (b"[1]", f"starts with 5B 31; {FORMATS}: {JSON}"),
        (
            b"Obj\x01aaaaaaaa",
            (
                f"starts with 4F 62; {FORMATS}: it looks like an Avro object container file, not a single record; "
                "produce one record per Kafka value"
            ),
        ),
        (b"\x05", f"starts with 05; {FORMATS}"),
    ],
)
def test_neither_format(value: bytes, text: str) -> None:
    with pytest.raises(WireError) as caught:
        read_frame(value)
    assert str(caught.value) == text


@given(st.binary())
def test_an_error_holds_nothing_of_the_value_but_two_bytes(tail: bytes) -> None:
    value = b"\x07\x08" + tail
    with pytest.raises(WireError) as caught:
        read_frame(value)
    with pytest.raises(WireError) as same:
        read_frame(b"\x07\x08")
    assert str(caught.value) == str(same.value)


def test_the_largest_id_of_a_registry() -> None:
    assert confluent_frame(2**31 - 1, b"x") == b"\x00\x7f\xff\xff\xffx"


def test_what_cannot_be_framed() -> None:
    for schema_id in (-1, 0, 2**31):
        with pytest.raises(ValueError, match=f"^schema id {schema_id} is not in 1 to 2147483647$"):
            confluent_frame(schema_id, b"")
    with pytest.raises(ValueError, match=r"^a CRC-64-AVRO fingerprint has 8 bytes, not 3$"):
        single_object_frame(b"abc", b"")


def test_fingerprints_of_the_specification() -> None:
    """Known values: the CRC-64-AVRO of "int" and of an empty record, as Apache Avro's test suite lists them."""
    assert int.from_bytes(fingerprint("int"), "little") == 0x7275D51A3F395C8F
    assert int.from_bytes(fingerprint("null"), "little") == 0x63DD24E7CC258F8A


def test_a_fingerprint_is_of_the_canonical_form() -> None:
    bare = {"type": "record", "name": "R", "namespace": "a", "fields": [{"name": "x", "type": {"type": "long"}}]}
    assert fingerprint(bare) == fingerprint(RECORD)
    other = json.loads(json.dumps(RECORD).replace("long", "int"))
    assert fingerprint(other) != fingerprint(RECORD)


def test_a_fingerprint_is_crc_64_avro() -> None:
    """Reckoned by the algorithm as the specification prints it, over the canonical form written by hand."""
    canonical = b'{"name":"a.R","type":"record","fields":[{"name":"x","type":"long"}]}'
    empty = 0xC15D213AA4D7A795
    crc = empty
    for byte in canonical:
        low = (crc ^ byte) & 0xFF
        for _ in range(8):
            low = (low >> 1) ^ (empty if low & 1 else 0)
        crc = (crc >> 8) ^ low
    assert fingerprint(RECORD) == crc.to_bytes(8, "little")
