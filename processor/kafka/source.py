"""The consumer. It decides nothing: records, results and errors come out as values, the listener says where to read.

One thread makes all calls: librdkafka's consumer may never return from a call that a second thread makes while the
first one polls. What is said here of brokers was seen on Apache Kafka 4.3 with confluent-kafka 2.16, both protocols.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import methodcaller
from typing import Protocol

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from processor.kafka.admin import Admin, AdminError, topic_ids
from processor.kafka.config import NoAnswerError, describe
from processor.model import ClientFault, CommitResult, Facts, Headers, PartitionFault, Record, TopicPartition

Polled = Record | CommitResult | PartitionFault | ClientFault

UNREADABLE_HEADERS = "capillary-aep.unreadable-headers"
"""Stands for all headers of a record of which one has a name that is not UTF-8: confluent-kafka then reads none."""

_LATER = (
    KafkaError.ILLEGAL_GENERATION,  # a rebalance is under way; the partitions are still ours
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.STALE_MEMBER_EPOCH,  # the same under the consumer protocol
)
_KINDS = {
    KafkaError._AUTO_OFFSET_RESET: "reset",  # noqa: SLF001 - librdkafka's local codes all begin so
    KafkaError._LOG_TRUNCATION: "reset",  # noqa: SLF001
    KafkaError.OFFSET_OUT_OF_RANGE: "reset",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "unknown topic",
    KafkaError.UNKNOWN_TOPIC_ID: "unknown topic",
    KafkaError._UNKNOWN_TOPIC: "unknown topic",  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION: "unknown topic",  # noqa: SLF001
}
_NO_TIMEOUT_LEFT = 0.001  # seconds; zero would mean "do not wait" to some calls and "for ever" to none


class Listener(Protocol):
    """What a rebalance asks of the loop. All three are called inside `Source.poll`, with changes only."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Partitions come: `Source.assign` must be called with their starts before this returns."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Partitions leave; what is stored when this returns is committed before the next owner begins."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Partitions are gone, and may have had another owner for a while: nothing more can be stored."""


class Source:
    """A member of the consumer group.

    `properties` are `config.consumer_properties`, `admin` asks for topic ids, `clock` is monotonic, in seconds.
    """

    def __init__(
        self, properties: Mapping[str, object], admin: Admin, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._admin, self._clock = admin, clock
        self._topics: list[str] = []
        self._listener: Listener | None = None
        self._news: list[CommitResult | ClientFault] = []  # from callbacks, until the poll that they ran in returns
        self._raised: BaseException | None = None  # out of a callback
        self._closing = False
        self._consumer = Consumer({**properties, "on_commit": self._committed, "error_cb": self._failed})

    def subscribe(self, topics: Sequence[str], listener: Listener) -> None:
        """Joins the group for these topics; one that begins with `^` is a pattern. The rest happens in polls."""
        self._topics, self._listener = list(topics), listener
        self._consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    # ---- polling -----------------------------------------------------------------------------------------------------

    def poll(self, limit: int, timeout: float) -> list[Polled]:
        """Up to `limit` records, and whatever else happened; waits `timeout` seconds unless `limit` come earlier.

        Rebalances happen in here. Raises what the listener raised; the records of that poll are then dropped, which
        loses nothing, because nobody stored their offsets.
        """
        try:
            messages = self._consumer.consume(limit, timeout)
        except KafkaException as error:
            messages = []
            self._failed(error.args[0])
        self._raise_from_callback()
        polled: list[Polled] = [_polled(message) for message in messages]
        polled.extend(self._news)
        self._news.clear()
        return polled

    def close(self) -> None:
        """Commits what is stored, leaves the group, ends the client.

        Store before: where a rebalance is pending the client lets go of everything before it tells the listener, and
        what the listener stores then is refused.

        It has no timeout: with a dead broker it takes the session timeout, with a frozen one until that thaws. The
        caller needs a hard way out of its own. The listener hears nothing of it: there is nothing left to settle, and
        a client that closes answers no questions about what a rebalance still brings.
        """
        self._closing = True
        self._consumer.close()

    def _raise_from_callback(self) -> None:
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised

    # ---- what the loop asks ------------------------------------------------------------------------------------------

    def ask(self, partitions: Iterable[TopicPartition], timeout: float) -> dict[TopicPartition, Facts | str]:
        """Where the group is and what the log holds, for each partition; a text where there was no answer in time.

        Four batched questions share `timeout` seconds. `high` is the last stable offset, up to which we can read. May
        be asked inside `assigned`.
        """
        asked = list(partitions)
        deadline = self._clock() + timeout
        ids = self._admin.ask_topic_ids({partition.topic for partition in asked}, timeout)
        try:
            committed = self._consumer.committed(_to_client(asked), self._left(deadline))
            low = self._log_offsets(asked, OFFSET_BEGINNING, self._left(deadline))
            high = self._log_offsets(asked, OFFSET_END, self._left(deadline))
            known = topic_ids(ids, self._left(deadline))
        except KafkaException as error:
            return dict.fromkeys(asked, describe(error.args[0]))
        except NoAnswerError as error:
            return dict.fromkeys(asked, str(error))
        positions = {_partition(answer): answer for answer in committed}
        return {
            partition: _facts(positions[partition], low[partition], high[partition], known[partition.topic])
            for partition in asked
        }

    def offsets_for_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int, timeout: float
    ) -> dict[TopicPartition, int | str]:
        """The first offset at or after a wall-clock time, -1 where that is the end; a text where there is no answer.

        The times are those of the records, which a producer may have set as it liked.
        """
        asked = list(partitions)
        try:
            return self._log_offsets(asked, timestamp_ms, timeout)
        except KafkaException as error:
            return dict.fromkeys(asked, describe(error.args[0]))

    def partition_counts(self, timeout: float) -> dict[str, int]:
        """How many partitions each topic has, of the whole cluster, so that patterns need no second reading.

        Raises NoAnswerError.
        """
        return self._admin.partition_counts(timeout=timeout)

    def position(self, partition: TopicPartition) -> int | None:
        """The next offset that would be delivered, past control records too; None before the first delivery."""
        try:
            offset = self._consumer.position(_to_client([partition]))[0].offset
        except KafkaException:
            return None
        return offset if offset >= 0 else None

    # ---- what the loop orders ----------------------------------------------------------------------------------------

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Takes partitions up, each at its offset; under both protocols an assignment is an addition."""
        self._consumer.incremental_assign(
            [ClientPartition(topic, number, offset) for (topic, number), offset in starts.items()]
        )

    def store(self, partition: TopicPartition, offset: int, metadata: str) -> bool:
        """Gives an offset to be committed by the timer, a revoke or `close`; False when the partition is not ours.

        The timer skips an offset that did not move, whatever its metadata; a revoke and `close` commit the last stored
        one, even if it is lower. `metadata` has at most 4,095 characters.
        """
        try:
            self._consumer.store_offsets(offsets=[ClientPartition(*partition, offset, metadata=metadata)])
        except KafkaException as error:
            if error.args[0].code() in (KafkaError._STATE, KafkaError._UNKNOWN_PARTITION):  # noqa: SLF001
                return False
            raise
        return True

    def unstore(self, partition: TopicPartition) -> None:
        """Takes back what was stored and is not committed yet."""
        self.store(partition, OFFSET_INVALID, "")

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Stops fetching. The client remembers it, even if the partition is revoked and comes back."""
        self._consumer.pause(_to_client(partitions))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetches again, from the first record that was not delivered."""
        self._consumer.resume(_to_client(partitions))

    # ---- rebalances: callbacks of the client, inside `consume` and `close` -------------------------------------------

    def _on_assign(self, _consumer: Consumer, partitions: list[ClientPartition]) -> None:
        coming = [_partition(partition) for partition in partitions]
        if not self._tell(lambda listener: listener.assigned(coming)):
            self._consumer.incremental_assign([])  # without any call the client would start them by itself

    def _on_revoke(self, _consumer: Consumer, partitions: list[ClientPartition]) -> None:
        leaving = [_partition(partition) for partition in partitions]
        self._tell(lambda listener: listener.revoked(leaving))
        self._consumer.incremental_unassign(_to_client(leaving))

    def _on_lost(self, _consumer: Consumer, partitions: list[ClientPartition]) -> None:
        gone = [_partition(partition) for partition in partitions]
        self._tell(lambda listener: listener.lost(gone))
        self._consumer.incremental_unassign(_to_client(gone))

    def _tell(self, call: Callable[[Listener], None]) -> bool:
        """Keeps what the listener raises for the end of the poll: what C makes of an exception is nobody's contract.

        Returns whether the listener was told, and has done what it should.
        """
        if self._closing:
            return False
        assert self._listener is not None
        try:
            call(self._listener)
        except BaseException as error:  # noqa: BLE001 - raised again by the poll
            self._raised = self._raised or error
            return False
        return True

    def _committed(self, error: KafkaError | None, partitions: list[ClientPartition]) -> None:
        for partition in partitions:
            wrong = partition.error or error
            if partition.offset < 0:  # nothing was stored for it
                continue
            later = wrong is not None and wrong.code() in _LATER
            text = describe(wrong) if wrong is not None else None
            self._news.append(CommitResult(_partition(partition), partition.offset, text, later))

    def _failed(self, error: KafkaError) -> None:
        self._news.append(ClientFault(describe(error), _is_fatal(error)))

    # ---- helpers -----------------------------------------------------------------------------------------------------

    def _log_offsets(
        self, asked: list[TopicPartition], time_or_end: int, timeout: float
    ) -> dict[TopicPartition, int | str]:
        """ListOffsets, one request per leader. Its protocol reads -2 and -1 in place of a time as begin and end."""
        answers = self._consumer.offsets_for_times(_to_client(asked, time_or_end), timeout)
        # Where there is an error the offset is still what was asked, so the error comes first.
        return {
            _partition(answer): describe(answer.error) if answer.error is not None else answer.offset
            for answer in answers
        }

    def _left(self, deadline: float) -> float:
        return max(_NO_TIMEOUT_LEFT, deadline - self._clock())


def _facts(
    committed: ClientPartition, low: int | str, high: int | str, topic_id: str | AdminError | None
) -> Facts | str:
    if committed.error is not None:
        return describe(committed.error)
    for answer in (low, high, topic_id):
        if isinstance(answer, AdminError):
            return str(answer)
    if isinstance(low, str):
        return low
    if isinstance(high, str):
        return high
    return Facts(
        committed=committed.offset if committed.offset >= 0 else None,
        metadata=committed.metadata or "",
        low=low,
        high=high,
        topic_id=None if isinstance(topic_id, AdminError) else topic_id,
    )


def _polled(message: Message) -> Record | PartitionFault | ClientFault:
    error = message.error()
    if error is None:
        return record_of(message)
    topic, number = message.topic(), message.partition()
    if topic is None or _is_fatal(error):
        return ClientFault(describe(error), _is_fatal(error))
    kind = _KINDS.get(error.code(), "other")
    return PartitionFault(TopicPartition(topic, -1 if number is None else number), kind, describe(error))


def record_of(message: Message) -> Record:
    """A message without error as a record of ours, whatever its headers are."""
    topic, number, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert number is not None
    assert offset is not None
    return Record(topic, number, offset, message.timestamp()[1], message.key(), message.value(), _headers(message))


# The client can return and leave an error set. A plain call may pass it on, to come up anywhere; this one checks.
_read_headers: Callable[[Message], list[tuple[str, bytes | None]] | None] = methodcaller("headers")


def _headers(message: Message) -> Headers:
    """The headers, or ours alone where the client cannot read a name: that must not stop the partition for ever."""
    try:
        headers = _read_headers(message)
        return tuple(headers) if headers else ()
    except (SystemError, UnicodeDecodeError):
        return ((UNREADABLE_HEADERS, b"a header's name is not UTF-8; the record in its topic has them all"),)


def _is_fatal(error: KafkaError) -> bool:
    """`fatal()` alone does not tell: it is False on the message that announces a fatal error."""
    return error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001


def _partition(partition: ClientPartition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)


def _to_client(partitions: Iterable[TopicPartition], offset: int = OFFSET_INVALID) -> list[ClientPartition]:
    return [ClientPartition(topic, number, offset) for topic, number in partitions]
