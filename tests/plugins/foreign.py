"""Records as clients of other languages may write them and Python's refuses to: straight through librdkafka."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import ClassVar

import confluent_kafka

_TOPIC, _VALUE, _KEY, _HEADER = 1, 4, 5, 9  # `rd_kafka_vtype_t`
_TEXT_SIZE = 512


class _Argument(ctypes.Structure):
    """`rd_kafka_vu_t`: a kind, and 64 bytes of which up to three words count."""

    _fields_: ClassVar = [
        ("kind", ctypes.c_int),
        ("first", ctypes.c_char_p),
        ("second", ctypes.c_void_p),
        ("third", ctypes.c_ssize_t),
        ("rest", ctypes.c_char * 40),
    ]


def produce_with_header(
    servers: str, topic: str, name: bytes, *, key: bytes | None = None, value: bytes = b"value"
) -> None:
    """Writes one record whose only header has this name, which need not be text; returns when it is there."""
    library = ctypes.CDLL(str(next(Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*"))))
    library.rd_kafka_conf_new.restype = library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_produceva.restype = ctypes.c_void_p
    text = ctypes.create_string_buffer(_TEXT_SIZE)
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(conf, b"bootstrap.servers", servers.encode(), text, ctypes.c_size_t(_TEXT_SIZE))
    producer = ctypes.c_void_p(library.rd_kafka_new(0, conf, text, ctypes.c_size_t(_TEXT_SIZE)))
    arguments = [
        _Argument(_TOPIC, topic.encode()),
        _Argument(_VALUE, value, len(value)),
        _Argument(_HEADER, name, ctypes.cast(ctypes.c_char_p(b"1"), ctypes.c_void_p), 1),
    ]
    if key is not None:
        arguments.append(_Argument(_KEY, key, len(key)))
    count = len(arguments)
    assert library.rd_kafka_produceva(producer, (_Argument * count)(*arguments), ctypes.c_size_t(count)) is None
    assert library.rd_kafka_flush(producer, 5_000) == 0
    library.rd_kafka_destroy(producer)
