"""Avro: frames, schemas that may be used, and generated decoders. Knows nothing of XDM.

`read_frame` tells which schema wrote a Kafka value, `admit` says whether that schema may be used, `build_decoder`
writes the function that reads what is wanted of its data.
"""

from __future__ import annotations

from processor.avro.admission import Admitted, RefusedSchema, admit
from processor.avro.decoder import DecodeError, Decoder, Each, IncompatibleSchema, Want, build_decoder
from processor.avro.paths import PathType, reader_paths
from processor.avro.wire import Frame, WireError, confluent_frame, fingerprint, read_frame, single_object_frame

__all__ = [
    "Admitted",
    "DecodeError",
    "Decoder",
    "Each",
    "Frame",
    "IncompatibleSchema",
    "PathType",
    "RefusedSchema",
    "Want",
    "WireError",
    "admit",
    "build_decoder",
    "confluent_frame",
    "fingerprint",
    "read_frame",
    "reader_paths",
    "single_object_frame",
]
