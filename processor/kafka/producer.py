"""Producing events: keyed, idempotent, acknowledged by all in-sync replicas, with back-pressure. Not the worker's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaError, Message
from confluent_kafka import Producer as Client

from processor.kafka.config import describe
from processor.model import Headers

_FULL_WAIT = 0.1  # seconds to let the queue drain before the next try


class Undelivered(NamedTuple):
    """A record that Kafka refused, or did not acknowledge in time: then it may be in the log all the same."""

    topic: str
    key: bytes | None
    error: str


class UndeliveredError(Exception):
    """Not everything was acknowledged. `failures` came back with an error, `open_records` did not come back at all."""

    def __init__(self, failures: list[Undelivered], open_records: int) -> None:
        first = f", first {failures[0].topic}: {failures[0].error}" if failures else ""
        super().__init__(f"{len(failures)} records failed, {open_records} are without an answer{first}")
        self.failures, self.open_records = failures, open_records


class Producer:
    """Sends with `config.producer_properties`, from one thread. `acknowledged`: how much all in-sync replicas have."""

    def __init__(self, properties: Mapping[str, object], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = Client(dict(properties))
        self._clock = clock
        self._failures: list[Undelivered] = []
        self.acknowledged = 0

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        *,
        partition: int = -1,
        timestamp_ms: int = 0,
    ) -> None:
        """Queues a record, waiting while the queue is full. Partition -1 is the key's, timestamp 0 is the present.

        Raises UndeliveredError, from `flush` on at the latest, and KafkaException for what no broker would take.
        """
        while True:
            try:
                self._client.produce(
                    topic,
                    value,
                    key,
                    partition,
                    on_delivery=self._delivered,
                    timestamp=timestamp_ms,
                    headers=list(headers),
                )
            except BufferError:
                self._client.poll(_FULL_WAIT)
            else:
                self._client.poll(0)
                return

    def flush(self, timeout: float) -> None:
        """Waits until all is acknowledged. Raises UndeliveredError when that fails or takes over `timeout` seconds."""
        deadline = self._clock() + timeout
        still_open = len(self._client)
        while still_open and self._clock() < deadline:
            still_open = self._client.flush(max(0.0, deadline - self._clock()))
        if self._failures or still_open:
            failures, self._failures = self._failures, []
            raise UndeliveredError(failures, still_open)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self._failures.append(Undelivered(message.topic() or "", message.key(), describe(error)))
