"""librdkafka's mock cluster: a broker inside this process that any number of ordinary clients can talk to.

It keeps at most 5 MiB or 100,000 batches per partition and silently drops the oldest, keeps no index of times, and its
interface is marked experimental. It serves `demo` and tests of errors that a real broker does not make on demand.
Functions and error codes: `rdkafka_mock.h` of librdkafka 2.16.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import confluent_kafka

_PRODUCER = 0  # rd_kafka_type_t
_ERROR_TEXT = 512  # bytes


class MockCluster:
    """A running mock cluster; use as a context manager, or call `close`. Raises OSError where there is no library."""

    def __init__(self, brokers: int = 1) -> None:
        self._library = _library()
        self._handle = self._client()
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, brokers)
        if not self._cluster:
            raise OSError("librdkafka made no mock cluster")
        bootstraps: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        self.bootstrap_servers = bootstraps.decode()
        # Nobody waits for other members here; the default holds the first join up for 3 s.
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

        # Without a controller an admin client waits for one until its timeout.
        self._check(self._library.rd_kafka_mock_set_controller_id(self._cluster, 1))

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """A topic with one replica. Raises OSError when it exists."""
        self._check(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1))

    def push_request_errors(self, api_key: int, errors: Sequence[int]) -> None:
        """The next requests of this kind (Kafka's api key: 8 is OffsetCommit) are answered with these error codes."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api_key, len(errors), codes)

    def broker_down(self, broker: int = 1) -> None:
        """Closes all connections of a broker and takes no new ones."""
        self._check(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def broker_up(self, broker: int = 1) -> None:
        """Takes connections again."""
        self._check(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def close(self) -> None:
        """Ends it. What it held is gone."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._handle)
            self._cluster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _client(self) -> int:
        """A mock cluster lives in a client, which has nothing else to do."""
        text = ctypes.create_string_buffer(_ERROR_TEXT)
        conf = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", text, len(text))  # a broker taken down is no news
        handle: int | None = self._library.rd_kafka_new(_PRODUCER, conf, text, len(text))
        if not handle:
            raise OSError(f"librdkafka made no client: {text.value.decode()}")
        return handle

    def _check(self, code: int) -> None:
        if code:
            name: bytes = self._library.rd_kafka_err2str(code)
            raise OSError(f"mock cluster: {name.decode()}")


def _library() -> ctypes.CDLL:
    """The library that confluent_kafka itself uses: bundled in the wheel, else the system's."""
    package = Path(confluent_kafka.__file__).parent
    bundled = [*package.parent.glob("confluent_kafka.libs/librdkafka*.so*"), *package.glob(".dylibs/librdkafka*.dylib")]
    name = str(bundled[0]) if bundled else ctypes.util.find_library("rdkafka")
    if name is None:
        raise OSError("librdkafka is neither in the wheel of confluent_kafka nor installed")
    library = ctypes.CDLL(name)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[type | None, list[type]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_set_controller_id": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_push_request_errors_array": (
            None,
            [pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)],
        ),
        "rd_kafka_mock_broker_set_down": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (number, [pointer, ctypes.c_int32]),
    }
    for function, (result, arguments) in signatures.items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library
