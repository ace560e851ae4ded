"""What generated decoders call: numbers of several bytes, blocks, decimals, and the place of a failure."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.avro import DecodeError
from processor.avro.reading import HALF, ZIGZAG, Bad, block_at, count_at, decimal_of, failed, int_at, long_at

LONGS = st.integers(-(2**63), 2**63 - 1)


def written(value: int) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, "long", value)  # type: ignore[arg-type]
    return buffer.getvalue()


def test_the_tables_know_all_numbers_of_one_byte() -> None:
    short = [long_at(bytes([byte]), 0)[0] for byte in range(128)]
    assert sorted(short) == [*range(-64, 64)]
    assert (*short, *[None] * 128) == ZIGZAG
    assert (*(value if value >= 0 else -1 for value in short), *[-1] * 128) == HALF


@given(LONGS, st.binary(max_size=3))
def test_a_long_is_read_up_to_its_end(value: int, before: bytes) -> None:
    raw = written(value)
    assert long_at(before + raw + b"\x05", len(before)) == (value, len(before) + len(raw))


@pytest.mark.parametrize("raw", [b"\xff" * 9 + b"\x02", b"\x80" * 9 + b"\x7f", b"\x80" * 10 + b"\x00"])
def test_a_long_has_64_bits_in_10_bytes(raw: bytes) -> None:
    with pytest.raises(Bad, match=r"^a number of more than 64 bits$"):
        long_at(raw, 0)


@pytest.mark.parametrize(
    ("read", "value", "detail"),
    [
        (int_at, 2**31 - 1, None),
        (int_at, -(2**31), None),
        (int_at, 2**31, "a number of more than 32 bits"),
        (int_at, -(2**31) - 1, "a number of more than 32 bits"),
        (count_at, 0, None),
        (count_at, 2**40, None),
        (count_at, -1, "a negative length or index"),
    ],
)
def test_the_range_of_a_number(read: Callable[[bytes, int], tuple[int, int]], value: int, detail: str | None) -> None:
    raw = b"\x00" + written(value)
    if detail is None:
        assert read(raw, 1) == (value, len(raw))
    else:
        with pytest.raises(Bad, match=f"^{detail}$"):
            read(raw, 1)


COUNT_0 = "a count of 0 in a long form"
SIZE = "a block whose size in bytes is not possible"
ITEMS = "a block of more items than there are bytes"
BLOCKS: list[tuple[bytes, int, int, int | str]] = [
    # count, perhaps with a size; bytes that follow; bytes that an item takes; the count or what is wrong
    (written(64), 64, 1, 64),
    (written(64), 128, 2, 64),
    (written(64), 127, 2, ITEMS),
    (written(100), 99, 1, ITEMS),
    (written(-1) + written(1), 1, 1, 1),
    (written(-1) + written(2), 2, 1, 1),
    (written(-3) + written(6), 9, 2, 3),
    (written(-3) + written(5), 9, 2, SIZE),
    (written(-3) + written(10), 9, 2, SIZE),
    (written(-1) + written(-1), 9, 1, SIZE),
    (b"\x80\x00", 9, 1, COUNT_0),
    (b"\x80\x00" + written(-1), 9, 1, COUNT_0),
]


@pytest.mark.parametrize(("head", "follow", "least", "expected"), BLOCKS)
def test_the_head_of_a_block(head: bytes, follow: int, least: int, expected: int | str) -> None:
    buffer = b"\xff\xff" + head + b"\x00" * follow
    if isinstance(expected, int):
        assert block_at(buffer, 2, len(buffer), least) == (expected, 2 + len(head))
    else:
        with pytest.raises(Bad, match=f"^{expected}$"):
            block_at(buffer, 2, len(buffer), least)


@pytest.mark.parametrize(
    ("raw", "precision", "scale", "expected"),
    [
        (b"\x00", 1, 0, "0"),
        (b"\x09", 1, 0, "9"),
        (b"\xf7", 1, 0, "-9"),
        (b"\xff\x85", 4, 2, "-1.23"),
        (b"\x0c", 4, 4, "0.0012"),
        (b"", 2, 1, "0.0"),
        ((10**40 - 1).to_bytes(17, "big"), 40, 1, "9" * 39 + ".9"),
    ],
)
def test_a_decimal_loses_no_digit(raw: bytes, precision: int, scale: int, expected: str) -> None:
    assert str(decimal_of(raw, precision, scale)) == str(Decimal(expected))


@pytest.mark.parametrize("raw", [b"\x64", b"\x9c", b"\x7f" * 100])
def test_a_decimal_of_too_many_digits(raw: bytes) -> None:
    with pytest.raises(Bad, match=r"^a decimal of more than 2 digits$"):
        decimal_of(raw, 2, 0)


# ---- failures -------------------------------------------------------------------------------------------------------


def failure(code: str, places: list[str]) -> DecodeError:
    """What becomes of the error of `go()`, the places being those of the lines of the code."""
    names: dict[str, Callable[[], object]] = {}
    exec(compile(code, "<code>", "exec"), {"Bad": Bad}, names)
    try:
        names["go"]()
    except Exception as error:  # noqa: BLE001 - like a decoder
        return failed(error, "<code>", places)
    raise AssertionError


@pytest.mark.parametrize(
    ("caller", "inside", "place"),
    [
        ("x", "y", "x.y"),
        ("x", "", "x"),
        ("", "y", "y"),
        ("", "", ""),
        ("x", "[].y", "x[].y"),
        ("x[]", "[].y", "x[][].y"),
        ("x", "{}", "x{}"),
        ("x{}", "{}[].y", "x{}{}[].y"),
    ],
)
def test_a_place_goes_on_from_that_of_the_caller(caller: str, inside: str, place: str) -> None:
    code = "def helper(): raise Bad('no')\ndef go(helper=helper):\n    helper()"
    error = failure(code, [inside, "elsewhere", caller])
    assert (error.place, error.detail) == (place, "no")


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("raise Bad('neither 0 nor 1')", "neither 0 nor 1"),
        ("b''[0]", "the data ends before this does"),
        (r"b'\xff'.decode()", "not UTF-8"),
    ],
)
def test_what_was_wrong(statement: str, detail: str) -> None:
    error = failure(f"def go():\n    {statement}", ["", "x"])
    assert (error.place, error.detail, str(error)) == ("x", detail, f"x: {detail}")
    assert error.__traceback__ is not None


def test_without_a_place_it_is_about_the_record() -> None:
    error = DecodeError("", "bytes are left over")
    assert (error.place, error.detail, str(error)) == ("", "bytes are left over", "the record: bytes are left over")
