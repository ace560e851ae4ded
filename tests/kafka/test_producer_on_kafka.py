"""Producing on Apache Kafka itself: everything acknowledged, or a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from processor.kafka.admin import Admin, AdminError
from processor.kafka.config import admin_properties, producer_properties
from processor.kafka.producer import Producer, UndeliveredError
from processor.model import TopicPartition
from tests.plugins.brokers import Broker
from tests.plugins.members import Member, poll_until

pytestmark = pytest.mark.real_kafka


def test_a_full_queue_holds_the_caller_up(
    kafka: Broker, new_topic: Callable[..., str], join: Callable[..., Member]
) -> None:
    """Nothing is dropped, and the records of one key keep their order and their partition."""
    topic = new_topic(3)
    producer = Producer({**producer_properties(kafka.bootstrap_servers), "queue.buffering.max.messages": 100})
    for number in range(2_000):
        producer.send(topic, b"%d" % (number % 7), b"%d" % number)
    producer.flush(20.0)
    assert producer.acknowledged == 2_000
    member = join([topic])
    poll_until(lambda: len(member.records) == 2_000, member)
    for key in {record.key for record in member.records}:
        of_key = [record for record in member.records if record.key == key]
        values = [int(record.value or b"") for record in of_key]
        assert values == sorted(values)
        assert len({record.partition for record in of_key}) == 1


def test_what_is_refused_is_named(kafka: Broker, new_topic: Callable[..., str]) -> None:
    """A record over the topic's limit is refused by the broker; the others arrive."""
    topic = new_topic(config={"max.message.bytes": "2000"})
    producer = Producer(producer_properties(kafka.bootstrap_servers))
    producer.send(topic, b"small", b"x")
    producer.flush(10.0)
    producer.send(topic, b"large", b"x" * 4_000)
    with pytest.raises(UndeliveredError, match="MSG_SIZE_TOO_LARGE") as raised:
        producer.flush(10.0)
    assert [failure.key for failure in raised.value.failures] == [b"large"]
    assert raised.value.open_records == 0
    producer.flush(0.0)
    assert producer.acknowledged == 1


def test_what_has_no_answer_in_time_is_counted() -> None:
    """It may arrive or not: nobody knows."""
    producer = Producer({**producer_properties("127.0.0.1:1"), "log_level": 0})
    producer.send("events", b"k", b"v")
    with pytest.raises(UndeliveredError, match="1 are without an answer") as raised:
        producer.flush(0.2)
    assert raised.value.open_records == 1


def test_topics_are_administered(kafka: Broker, kafka_admin: Admin, new_topic: Callable[..., str]) -> None:
    """Refusals carry the broker's text."""
    topic = new_topic(2)
    with pytest.raises(AdminError, match="TOPIC_ALREADY_EXISTS"):
        kafka_admin.create_topic(topic)
    with pytest.raises(AdminError, match="UNKNOWN_TOPIC_OR_PART"):
        kafka_admin.delete_topic("no-such-topic")
    kafka_admin.delete_topic("no-such-topic", missing_ok=True)
    with pytest.raises(AdminError, match="INVALID_PARTITIONS"):
        kafka_admin.add_partitions(topic, 1)
    with pytest.raises(AdminError, match="OFFSET_OUT_OF_RANGE"):
        kafka_admin.delete_records({TopicPartition(topic, 0): 5})
    with pytest.raises(AdminError, match="UNKNOWN_TOPIC_OR_PART"):
        kafka_admin.topic_ids([topic, "no-such-topic"])
    assert kafka_admin.partition_counts()[topic] == 2
    assert Admin(admin_properties(kafka.bootstrap_servers)).topic_ids([topic])[topic]
