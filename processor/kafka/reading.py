"""Looks at a topic from outside of any group: what it holds, and how far a group has committed. Not the worker's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from processor.kafka.config import NoAnswerError, consumer_properties, describe
from processor.kafka.config import Property as ClientProperty
from processor.kafka.source import record_of
from processor.model import Record

_BATCH = 500
_WAIT = 0.1  # seconds of one poll


def read_topic(
    bootstrap_servers: str,
    topic: str,
    *,
    client: Mapping[str, ClientProperty] | None = None,
    timeout: float = 10.0,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Record]:
    """Every record that the topic held when this began, partition by partition as they come.

    Nothing is committed and no group is joined. `timeout` is in seconds, for each question and each pause.

    Raises:
        NoAnswerError: the topic or its records are not to be had in time.
    """
    properties = consumer_properties(bootstrap_servers, f"reader-{uuid.uuid4().hex}", client=client)
    consumer = Consumer({**properties, "enable.auto.commit": False})
    try:
        yield from _read(consumer, _ends(consumer, topic, timeout), timeout, clock)
    except KafkaException as error:
        raise NoAnswerError(describe(error.args[0])) from error
    finally:
        consumer.close()


def committed_offsets(
    bootstrap_servers: str,
    group_id: str,
    topic: str,
    *,
    client: Mapping[str, ClientProperty] | None = None,
    timeout: float = 10.0,
) -> dict[int, int]:
    """The offset that a group has committed, by partition; those without one are left out. Joins nothing.

    Raises:
        NoAnswerError: no answer within `timeout` seconds.
    """
    consumer = Consumer(consumer_properties(bootstrap_servers, group_id, client=client))
    try:
        partitions = consumer.list_topics(topic, timeout=timeout).topics[topic].partitions
        found = consumer.committed([ClientPartition(topic, number) for number in partitions], timeout=timeout)
    except KafkaException as error:
        raise NoAnswerError(describe(error.args[0])) from error
    finally:
        consumer.close()
    return {each.partition: each.offset for each in found if each.offset >= 0}


def _ends(consumer: Consumer, topic: str, timeout: float) -> dict[tuple[str, int], int]:
    """The end of each partition that holds anything."""
    ends = {}
    for partition in consumer.list_topics(topic, timeout=timeout).topics[topic].partitions:
        low, high = consumer.get_watermark_offsets(ClientPartition(topic, partition), timeout=timeout)
        if high > low:
            ends[topic, partition] = high
    return ends


def _read(
    consumer: Consumer, ends: dict[tuple[str, int], int], timeout: float, clock: Callable[[], float]
) -> Iterator[Record]:
    consumer.assign([ClientPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
    deadline = clock() + timeout
    while ends:
        for message in consumer.consume(_BATCH, _WAIT):
            if (error := message.error()) is not None:
                raise NoAnswerError(describe(error))
            yield record_of(message)
            deadline = clock() + timeout
        for topic, partition in list(ends):
            position = consumer.position([ClientPartition(topic, partition)])[0].offset
            if position >= ends[topic, partition]:  # by position, because control records are not delivered
                del ends[topic, partition]
        if clock() > deadline:
            raise NoAnswerError("a record that the log should hold did not come in time")
