"""Topics: creating, deleting, describing. For `demo`, tests and commands; the worker itself creates nothing.

Never `list_consumer_group_offsets`: in librdkafka 2.16 it crashes the process when a coordinator stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar, cast

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._topic import TopicDescription
from confluent_kafka.cimpl import NewPartitions, NewTopic

from processor.kafka.config import NoAnswerError, describe
from processor.model import TopicPartition

T = TypeVar("T")

NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA"  # sixteen zero bytes: a broker that knows no topic ids
UNSUPPORTED = (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION)  # noqa: SLF001 - librdkafka's local codes


class AdminError(Exception):
    """Kafka refused; the text is the broker's."""


class Admin:
    """One admin client. Its methods wait for the answer; timeouts are in seconds."""

    def __init__(self, properties: Mapping[str, object]) -> None:
        self._client = AdminClient(
            cast("dict[str, str | int | float]", dict(properties))
        )  # the stub leaves out `logger`

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        *,
        replication: int = -1,
        config: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> None:
        """Creates a topic; `replication` -1 is the broker's default. Raises AdminError, NoAnswerError."""
        topic = NewTopic(name, num_partitions=partitions, replication_factor=replication, config=dict(config or {}))
        _wait(self._client.create_topics([topic], request_timeout=timeout, operation_timeout=timeout)[name], timeout)

    def delete_topic(self, name: str, *, missing_ok: bool = False, timeout: float = 10.0) -> None:
        """Deletes a topic and all that it holds. Raises AdminError, NoAnswerError."""
        try:
            _wait(self._client.delete_topics([name], request_timeout=timeout, operation_timeout=timeout)[name], timeout)
        except AdminError:
            if not missing_ok or name in self.partition_counts(timeout=timeout):
                raise

    def add_partitions(self, name: str, total: int, *, timeout: float = 10.0) -> None:
        """Grows a topic to `total` partitions; keys move then. Raises AdminError, NoAnswerError."""
        growth = NewPartitions(name, total)
        _wait(self._client.create_partitions([growth], request_timeout=timeout)[name], timeout)

    def delete_records(self, before: Mapping[TopicPartition, int], *, timeout: float = 10.0) -> None:
        """Deletes all records below the given offsets. Raises AdminError, NoAnswerError."""
        asked = [ClientPartition(topic, number, offset) for (topic, number), offset in before.items()]
        for done in self._client.delete_records(asked, request_timeout=timeout, operation_timeout=timeout).values():
            _wait(done, timeout)

    def partition_counts(self, *, timeout: float = 10.0) -> dict[str, int]:
        """How many partitions each topic of the cluster has. Raises NoAnswerError."""
        try:
            topics = self._client.list_topics(timeout=timeout).topics
        except KafkaException as error:
            raise NoAnswerError(describe(error.args[0])) from error
        return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}

    def topic_ids(self, names: Iterable[str], *, timeout: float = 10.0) -> dict[str, str | None]:
        """The id of each topic, None where the broker has no ids. Raises AdminError, NoAnswerError."""
        ids = topic_ids(self.ask_topic_ids(names, timeout), timeout)
        for answer in ids.values():
            if isinstance(answer, AdminError):
                raise answer
        return {name: answer for name, answer in ids.items() if not isinstance(answer, AdminError)}

    def ask_topic_ids(self, names: Iterable[str], timeout: float) -> dict[str, Future[TopicDescription]]:
        """Asks without waiting; `topic_ids` reads the answers."""
        return self._client.describe_topics(TopicCollection(list(names)), request_timeout=timeout)


def topic_ids(asked: Mapping[str, Future[TopicDescription]], timeout: float) -> dict[str, str | AdminError | None]:
    """The answers to `Admin.ask_topic_ids`: an id, None where the broker has none, or the error of that topic.

    Raises NoAnswerError.
    """
    ids: dict[str, str | AdminError | None] = {}
    for name, future in asked.items():
        try:
            found = str(_wait(future, timeout).topic_id)
            ids[name] = None if found == NO_TOPIC_ID else found
        except UnsupportedError:
            ids[name] = None
        except AdminError as error:
            ids[name] = error
    return ids


class UnsupportedError(AdminError):
    """The broker is too old for the question, or only a mock."""


def _wait(future: Future[T], timeout: float) -> T:
    try:
        return future.result(timeout + 1.0)  # the client's own timeout comes first and has the better text
    except FutureTimeout as error:
        raise NoAnswerError("no answer in time") from error
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() in UNSUPPORTED:
            raise UnsupportedError(describe(cause)) from error
        if cause.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):  # noqa: SLF001 - librdkafka's local codes
            raise NoAnswerError(describe(cause)) from error
        raise AdminError(describe(cause)) from error
