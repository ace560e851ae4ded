"""What generated decoders call: the rare long forms of numbers, and how a failure gets its place.

Everything here reads from `b` at position `p` and returns the value and the position behind it. Nothing looks at the
end of the buffer where an index beyond it raises IndexError anyway; `failed` knows what that means.

Source of the encodings: Avro specification 1.12, "Binary Encoding".
"""

from __future__ import annotations

import decimal
import struct
from collections.abc import Sequence
from types import TracebackType

_CONTINUES = 0x80  # the bit that says: another byte follows
_SHIFTS = range(7, 70, 7)  # of the second to the tenth byte, which is the last of a 64-bit number
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1

HALF = tuple(byte >> 1 if byte < _CONTINUES and not byte & 1 else -1 for byte in range(256))
"""One-byte number that must not be negative (length, count, index), by its byte; -1 asks for the long form."""

ZIGZAG = tuple((byte >> 1) ^ -(byte & 1) if byte < _CONTINUES else None for byte in range(256))
"""One-byte number by its byte; None asks for the long form."""

float_at = struct.Struct("<f").unpack_from
double_at = struct.Struct("<d").unpack_from


class DecodeError(ValueError):
    """Bytes that are no value of the writer's schema.

    `place` is the path of the field that could not be read, `detail` what was wrong. Neither holds a value.
    """

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(f"{place or 'the record'}: {detail}")
        self.place = place
        self.detail = detail


class Bad(ValueError):  # noqa: N818 - short, because every generated line has it; never leaves a decoder
    """What is wrong with the bytes at hand. The decoder that raises it knows the place by the line."""


def long_at(b: bytes, p: int) -> tuple[int, int]:
    """A number of up to 64 bits: seven in each byte, the lowest first, the sign in the lowest bit of all."""
    n = b[p]
    p += 1
    if n >= _CONTINUES:
        n -= _CONTINUES
        for shift in _SHIFTS:
            c = b[p]
            p += 1
            if c < _CONTINUES:
                n |= c << shift
                break
            n |= (c - _CONTINUES) << shift
        else:
            raise Bad("a number of more than 64 bits")
        if n >> 64:
            raise Bad("a number of more than 64 bits")
    return (n >> 1) ^ -(n & 1), p


def int_at(b: bytes, p: int) -> tuple[int, int]:
    """A number of up to 32 bits."""
    n, p = long_at(b, p)
    if not _INT_MIN <= n <= _INT_MAX:
        raise Bad("a number of more than 32 bits")
    return n, p


def count_at(b: bytes, p: int) -> tuple[int, int]:
    """A length or an index."""
    n, p = long_at(b, p)
    if n < 0:
        raise Bad("a negative length or index")
    return n, p


def block_at(b: bytes, p: int, end: int, least: int) -> tuple[int, int]:
    """How many items the block has that begins here, never 0. An item takes at least `least` bytes, 1 or more.

    A negative count is followed by the block's size in bytes; that only has to be possible, as the items tell it.
    """
    n, p = long_at(b, p)
    if n < 0:
        n = -n
        size, p = long_at(b, p)
        if not n * least <= size <= end - p:
            raise Bad("a block whose size in bytes is not possible")
    if n == 0:
        raise Bad("a count of 0 in a long form")
    if n * least > end - p:
        raise Bad("a block of more items than there are bytes")
    return n, p


def decimal_of(raw: bytes, precision: int, scale: int) -> decimal.Decimal:
    """The decimal that two's complement bytes, big endian, stand for."""
    unscaled = int.from_bytes(raw, "big", signed=True)
    if abs(unscaled) >= 10**precision:
        raise Bad(f"a decimal of more than {precision} digits")
    return decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=precision))


def failed(error: Exception, filename: str, places: Sequence[str]) -> DecodeError:
    """The error to raise for one that came up in generated code: the place is told by the lines it went through.

    `places` has one entry per line of `filename`; those of a helper function go on where its caller's line ends. The
    traceback is kept, so that it shows the generated lines.
    """
    parts = [places[line - 1] for line in _lines(error.__traceback__, filename)]
    place = ".".join(part for part in parts if part).replace(".[", "[").replace(".{", "{")
    return DecodeError(place, _detail(error)).with_traceback(error.__traceback__)


def _lines(traceback: TracebackType | None, filename: str) -> list[int]:
    lines = []
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return lines


def _detail(error: Exception) -> str:
    match error:
        case Bad():
            return str(error)
        case UnicodeDecodeError():
            return "not UTF-8"  # the error itself holds the bytes
        case _:
            return "the data ends before this does"
