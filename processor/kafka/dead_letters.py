"""Dead letters: what can never be delivered goes to a topic of its own, and counts when all in-sync replicas have it.

A thread owns the producer. The loop hands letters over and picks acknowledged tickets up; neither ever waits. An error
never means "not in the log" (a timed-out letter often is), so a letter is produced again until it is acknowledged.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from queue import Empty, SimpleQueue

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from processor.kafka.backoff import pause
from processor.kafka.config import describe
from processor.model import DeadLetter, Headers

log = logging.getLogger(__name__)

PREFIX = "capillary-aep."
REASON = PREFIX + "reason"
DETAIL = PREFIX + "detail"
STAGE = PREFIX + "stage"
OUTPUTS = PREFIX + "outputs"  # comma separated; absent when the letter stands for the whole record
TOPIC = PREFIX + "topic"
PARTITION = PREFIX + "partition"
OFFSET = PREFIX + "offset"
TIMESTAMP = PREFIX + "timestamp"  # of the record, milliseconds since 1970
EVENT = PREFIX + "event"
SCHEMA_ID = PREFIX + "schema-id"
STATUS = PREFIX + "status"  # AEP's
ATTEMPTS = PREFIX + "attempts"
VERSION = PREFIX + "version"  # of this program
TRUNCATED = PREFIX + "truncated"  # only where value, key or headers had to be left out

MAX_DETAIL = 2_000  # characters
_MAX_TRUNCATED_KEY = 1_000  # bytes
_POLL = 0.05  # seconds: how late a new letter may be noticed


def headers_of(letter: DeadLetter, version: str) -> Headers:
    """Our headers, in the order of the constants above. Where a letter dies twice, the last of a name is the latest."""
    record, refusal = letter.record, letter.refusal
    fields: dict[str, object] = {
        REASON: refusal.reason.value,
        DETAIL: (f"{refusal.detail}: {refusal.said}" if refusal.said else refusal.detail)[:MAX_DETAIL],
        STAGE: refusal.stage.value,
        OUTPUTS: ",".join(letter.outputs) or None,
        TOPIC: record.topic,
        PARTITION: record.partition,
        OFFSET: record.offset,
        TIMESTAMP: record.timestamp_ms,
        EVENT: letter.event or None,
        SCHEMA_ID: letter.schema_id,
        STATUS: refusal.status,
        ATTEMPTS: refusal.attempts,
        VERSION: version,
    }
    return tuple((name, str(value).encode()) for name, value in fields.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is produced for a letter."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def whole(letter: DeadLetter, version: str) -> Envelope:
    """The record as it was, its own headers first, duplicates and order included, and ours behind them."""
    record = letter.record
    return Envelope(record.key, record.value, (*record.headers, *headers_of(letter, version)))


def truncated(letter: DeadLetter, version: str) -> Envelope:
    """Where the topic takes no letter of that size: what the record was, how to recognise it, where it still lies.

    The value is JSON: `topic`, `partition`, `offset`, and `bytes` and `sha256` of key and value. A short key is kept,
    so that the letter goes to the same partition as others of its customer.
    """
    record = letter.record
    described = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": _fingerprint(record.key),
        "value": _fingerprint(record.value),
        "headers": len(record.headers),
    }
    key = record.key if len(record.key or b"") <= _MAX_TRUNCATED_KEY else None
    headers = (*headers_of(letter, version), (TRUNCATED, b"key, value or headers were too large for this topic"))
    return Envelope(key, json.dumps(described).encode(), headers)


def _fingerprint(data: bytes | None) -> dict[str, object] | None:
    return None if data is None else {"bytes": len(data), "sha256": sha256(data).hexdigest()}


@dataclass(slots=True)
class _Open:
    """A letter that is not acknowledged, and how it fared so far."""

    letter: DeadLetter
    due: float
    tries: int = 0
    too_large: bool = False
    sent: bool = False  # the producer has it


class DeadLetters:
    """The dead-letter topic. All methods return at once but `close`; any thread may call them.

    `properties` are `config.dead_letter_properties`; `version` is this program's, for the header. `clock` is monotonic,
    in seconds; `jitter` gives numbers in [0, 1).
    """

    def __init__(
        self,
        properties: Mapping[str, object],
        topic: str,
        version: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._properties, self._topic, self._version = dict(properties), topic, version
        self._clock, self._jitter = clock, jitter
        self._orders: SimpleQueue[DeadLetter | int] = SimpleQueue()  # a letter to send, or a ticket to forget
        self._acknowledged: deque[int] = deque()
        self._failing: str | None = None
        self._stop = threading.Event()
        # From here on the thread's alone.
        self._open: dict[int, _Open] = {}
        self._reports: deque[tuple[int, KafkaError | None]] = deque()
        self._producer = self._new_producer()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)
        self._thread.start()

    def send(self, letter: DeadLetter) -> None:
        """Hands a letter to the thread; its ticket comes out of `acknowledged` once, however long that takes."""
        self._orders.put(letter)

    def acknowledged(self) -> list[int]:
        """The tickets that all in-sync replicas have, since the last call."""
        tickets = []
        while self._acknowledged:
            tickets.append(self._acknowledged.popleft())
        return tickets

    def failing(self) -> str | None:
        """Why letters do not arrive at present; None when they do, or there are none."""
        return self._failing

    def forget(self, tickets: Iterable[int]) -> None:
        """Letters that the partitions' next owner answers for: not produced, if the producer does not have them yet."""
        for ticket in tickets:
            self._orders.put(ticket)

    def close(self, timeout: float) -> None:
        """Gives what is open `timeout` seconds to be acknowledged, then ends the thread; the rest stays unsettled."""
        deadline = self._clock() + timeout
        while (self._open or not self._orders.empty()) and self._thread.is_alive() and self._clock() < deadline:
            time.sleep(0.01)
        self._stop.set()
        self._thread.join(max(1.0, deadline - self._clock()))

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn()
            except Exception as error:  # a letter must not stay unsettled for a mistake in another one
                log.exception("dead letters: a turn failed")
                self._failing = f"{type(error).__name__}: {error}"
                self._stop.wait(1.0)
        self._producer.purge()
        self._producer.flush(0)

    def _turn(self) -> None:
        self._take_orders()
        now = self._clock()
        for waiting in [waiting for waiting in self._open.values() if not waiting.sent and waiting.due <= now]:
            self._produce(waiting)
        self._producer.poll(0 if not self._orders.empty() else _POLL)
        self._read_reports()
        if not self._open:
            self._failing = None

    def _take_orders(self) -> None:
        """Waits for an order only when there is nothing else to do."""
        block = not self._open
        try:
            while True:
                order = self._orders.get(block, _POLL) if block else self._orders.get_nowait()
                block = False
                if isinstance(order, DeadLetter):
                    self._open[order.ticket] = _Open(order, due=self._clock())
                elif order in self._open:
                    del self._open[order]
        except Empty:
            return

    def _produce(self, waiting: _Open) -> None:
        ticket = waiting.letter.ticket

        def delivered(error: KafkaError | None, _message: Message) -> None:
            self._reports.append((ticket, error))  # no call into the client from here: it may be in the middle of one

        waiting.sent = True
        try:
            envelope = (truncated if waiting.too_large else whole)(waiting.letter, self._version)
            self._producer.produce(
                self._topic, envelope.value, envelope.key, on_delivery=delivered, headers=list(envelope.headers)
            )
        except BufferError:
            waiting.sent = False  # the next turn, when the queue has moved
        except KafkaException as error:
            self._reports.append((ticket, error.args[0]))
        except Exception as error:  # a mistake in this letter: it stays unsettled, the others go on
            log.exception("dead letters: one cannot be produced")
            self._put_off(waiting, f"a letter of {waiting.letter.record.topic}: {type(error).__name__}")

    def _read_reports(self) -> None:
        dead = False
        while self._reports:
            ticket, error = self._reports.popleft()
            waiting = self._open.get(ticket)
            if error is None:
                self._failing = None
                if waiting is not None:
                    del self._open[ticket]
                    self._acknowledged.append(ticket)
            else:
                dead = dead or error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001 - a local code
                if waiting is not None:
                    self._again(waiting, error)
        if dead:
            self._replace_producer()

    def _again(self, waiting: _Open, error: KafkaError) -> None:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE and not waiting.too_large:
            waiting.too_large, waiting.sent = True, False
            return
        self._put_off(waiting, f"topic {self._topic}: {describe(error)}")

    def _put_off(self, waiting: _Open, why: str) -> None:
        waiting.tries += 1
        waiting.due, waiting.sent = self._clock() + pause(waiting.tries, self._jitter), False
        self._failing = why

    def _new_producer(self) -> Producer:
        return Producer({**self._properties, "error_cb": self._client_failed})

    def _client_failed(self, error: KafkaError) -> None:
        """Brokers that are away are said at once, not only when the first letter has waited its time out."""
        if self._open:
            self._failing = f"topic {self._topic}: {describe(error)}"

    def _replace_producer(self) -> None:
        """After a fatal error this producer accepts nothing more. What it held is unknown, so it is produced again."""
        log.warning("dead letters: the producer failed for good (%s); a new one takes over", self._failing)
        self._producer.purge()
        self._producer.flush(1.0)
        self._reports.clear()
        for waiting in self._open.values():
            waiting.sent = False
        self._producer = self._new_producer()
