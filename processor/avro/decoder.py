"""Writes the Python function that reads what is wanted of a record and steps over the rest.

One flat function per writer's schema, reader's schema and list of wants. It is stricter than fastavro: a count never
exceeds the bytes left, an index never the branches, and the last byte must be reached. What nobody wants is checked
only as far as that takes: texts are not decoded, numbers not judged.

Values are those of fastavro with the logical types of Avro left out, but for decimal (`decimal.Decimal`): a timestamp
is an int, a uuid a str. float and double are float, bytes and fixed bytes, an enum its symbol, a map a dict, a whole
record a dict of the reader's fields.

Nothing from a schema reaches the code but names that admission has checked, and the `repr` of values.
"""

from __future__ import annotations

import decimal
import hashlib
import linecache
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from processor.avro import reading
from processor.avro.admission import Admitted
from processor.avro.reading import DecodeError
from processor.avro.resolution import IncompatibleSchema, has, resolve
from processor.avro.wanted import Each, Want, gather
from processor.avro.writing import write_function

__all__ = ["DecodeError", "Decoder", "Each", "IncompatibleSchema", "Want", "build_decoder"]

Read = Callable[[bytes, int], tuple[object, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """A function for the data of one writer's schema.

    `read(buffer, start)` gives one value per want, in their order; it raises DecodeError and nothing else. A want is
    None where the field or a record above it is null, or the writer does not have it and the reader's default is null.
    `known` holds the wants that the writer's schema itself has, those of an Each as "path" and "path[].item".
    `source` is the code, which tracebacks show under `filename`.
    """

    read: Read
    known: frozenset[str]
    source: str = field(repr=False)
    filename: str


def build_decoder(writer: Admitted, reader: Admitted, wants: Sequence[Want]) -> Decoder:
    """Writes and compiles the decoder.

    Raises:
        IncompatibleSchema: a wanted path that the reader's schema does not have, or one that cannot be had from this
            writer; see `resolution.resolve`.
    """
    for path in _needed(wants):
        if not has(reader.type, reader.type, path):
            raise IncompatibleSchema(path, f"{reader.name} has no such path")
    wanted, results = gather(wants)
    plan = resolve(writer.type, reader.type, wanted)
    function = write_function(plan, wanted, results, f"{writer.name} {writer.fingerprint.hex()}")
    digest = hashlib.sha256(function.code.encode()).hexdigest()[:12]
    filename = f"<avro decoder {writer.name} {digest}>"
    read = _compile(function.code, filename, {**_NAMES, **function.constants, "PLACES": function.places})
    known = frozenset(path for path in _paths(wants) if has(writer.type, reader.type, path))
    return Decoder(read, known, function.code, filename)


_NAMES: dict[str, object] = {
    "Bad": reading.Bad,
    "Decimal": decimal.Decimal,
    "HALF": reading.HALF,
    "StructError": struct.error,
    "ZIGZAG": reading.ZIGZAG,
    "block_at": reading.block_at,
    "count_at": reading.count_at,
    "decimal_of": reading.decimal_of,
    "double_at": reading.double_at,
    "failed": reading.failed,
    "float_at": reading.float_at,
    "inf": math.inf,
    "int_at": reading.int_at,
    "long_at": reading.long_at,
    "nan": math.nan,
}


def _compile(code: str, filename: str, names: dict[str, object]) -> Read:
    names["FILENAME"] = filename
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    exec(compile(code, filename, "exec"), names)  # noqa: S102 - our own code: only checked names and reprs are in it
    return cast("Read", names["read"])


def _paths(wants: Sequence[Want]) -> Iterator[str]:
    for want in wants:
        if isinstance(want, str):
            yield want
        else:
            yield want.path
            yield from (f"{want.path}[].{item}" for item in want.items)


def _needed(wants: Sequence[Want]) -> Iterator[str]:
    """Paths that must be in the reader's schema; that of an Each as an array."""
    yield from _paths(wants)
    yield from (f"{want.path}[]" for want in wants if isinstance(want, Each))
