"""The consumer on Apache Kafka itself, under both protocols of consumer groups."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Consumer
from confluent_kafka import Producer as ClientProducer
from confluent_kafka import TopicPartition as ClientPartition

from processor.kafka.admin import Admin
from processor.kafka.config import producer_properties
from processor.kafka.producer import Producer
from processor.model import Facts, TopicPartition
from tests.plugins.brokers import Broker, KafkaNode
from tests.plugins.members import METADATA, Member, poll_for, poll_until

pytestmark = pytest.mark.real_kafka

Join = Callable[..., Member]
NewTopic = Callable[..., str]
Fill = Callable[..., None]
Committed = Callable[[TopicPartition], tuple[int, str | None]]


@pytest.fixture
def committed(kafka: Broker, group: str) -> Iterator[Committed]:
    """What the coordinator holds for a partition, asked by somebody who is no member."""
    asker = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": group})

    def ask(partition: TopicPartition) -> tuple[int, str | None]:
        answer = asker.committed([ClientPartition(*partition)], 10.0)[0]
        return answer.offset, answer.metadata

    yield ask
    asker.close()


def test_facts_of_a_new_group(join: Join, new_topic: NewTopic, fill: Fill, kafka_admin: Admin, protocol: str) -> None:
    """Nothing is committed, which is not the same as no answer; bounds and topic id are the log's."""
    topic = new_topic(2)
    fill(topic, {0: 7})
    kafka_admin.delete_records({TopicPartition(topic, 0): 3})
    member = join([topic], protocol)
    poll_until(lambda: len(member.owned) == 2 and len(member.records) == 4, member)
    topic_id = kafka_admin.topic_ids([topic])[topic]
    assert topic_id
    assert member.found == {
        TopicPartition(topic, 0): Facts(None, "", 3, 7, topic_id),
        TopicPartition(topic, 1): Facts(None, "", 0, 0, topic_id),
    }
    assert [record.offset for record in member.records] == [3, 4, 5, 6]


def test_what_cannot_be_answered_is_a_text(join: Join, new_topic: NewTopic) -> None:
    """A topic that does not exist has no facts, and does not spoil those of others."""
    topic = new_topic()
    member = join([topic])
    poll_until(lambda: member.owned, member)
    here, nowhere, beyond = TopicPartition(topic, 0), TopicPartition("no-such-topic", 0), TopicPartition(topic, 9)
    answers = member.source.ask([here, nowhere, beyond], 5.0)
    assert isinstance(answers[here], Facts)
    assert "UNKNOWN_TOPIC_OR_PART" in str(answers[nowhere])
    assert "_UNKNOWN_PARTITION" in str(answers[beyond])


def test_offsets_for_a_time(join: Join, new_topic: NewTopic, kafka: Broker) -> None:
    """Exact inside the log; after its last record and for an empty partition it is -1, the end."""
    topic = new_topic(2)
    producer = Producer(producer_properties(kafka.bootstrap_servers))
    for number in range(5):
        producer.send(topic, None, b"x", partition=0, timestamp_ms=1_700_000_000_000 + number * 1_000)
    producer.flush(10.0)
    member = join([topic])
    full, empty, nowhere = TopicPartition(topic, 0), TopicPartition(topic, 1), TopicPartition("no-such-topic", 0)
    ask = member.source.offsets_for_time
    assert ask([full, empty], 1_700_000_002_500, 5.0) == {full: 3, empty: -1}
    assert ask([full], 1_600_000_000_000, 5.0) == {full: 0}
    assert ask([full], 1_700_000_009_000, 5.0) == {full: -1}
    answers = ask([full, nowhere], 1_700_000_000_000, 5.0)
    assert answers[full] == 0
    assert "UNKNOWN_TOPIC_OR_PART" in str(answers[nowhere])


def test_the_timer_commits_what_is_stored_with_its_metadata(
    join: Join, new_topic: NewTopic, fill: Fill, committed: Committed, protocol: str
) -> None:
    """The start too; results come out of `poll`, and an offset that is taken back is not committed."""
    topic = new_topic(2)
    fill(topic, {0: 5, 1: 5})
    member = join([topic], protocol)
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    poll_until(lambda: len(member.records) == 10 and len(member.commits) == 2, member)
    assert member.source.store(first, 4, "four")
    assert member.source.store(second, 5, "five")
    member.source.unstore(second)
    poll_until(lambda: any(done.partition == first and done.offset == 4 for done in member.commits), member)
    assert all(done.error is None for done in member.commits)
    assert committed(first) == (4, "four")
    assert committed(second) == (0, METADATA)
    member.close()
    assert committed(second) == (0, METADATA)


def test_a_revoke_commits_what_its_callback_stored_before_the_next_owner_starts(
    join: Join, new_topic: NewTopic, fill: Fill, protocol: str
) -> None:
    """The partition that moves is read on exactly where its old owner says; the one that stays is not touched."""
    topic = new_topic(2)
    fill(topic, {0: 20, 1: 20})
    old = join([topic], protocol)
    poll_until(lambda: len(old.records) == 40, old)

    def settle(partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            old.source.store(partition, 13, "settled in the callback")

    old.on_revoked = settle
    new = join([topic], protocol)
    poll_until(lambda: len(old.owned) == len(new.owned) == 1 and len(new.records) == 7, old, new)
    (moved,) = new.owned
    facts = new.found[moved]
    assert isinstance(facts, Facts)
    assert (facts.committed, facts.metadata) == (13, "settled in the callback")
    assert [record.offset for record in new.records] == list(range(13, 20))
    assert [call for call in old.calls if call[0] == "revoked"] == [("revoked", [moved])]
    assert not old.source.store(moved, 14, "not ours any more")


def test_close_commits_what_is_stored(
    join: Join, new_topic: NewTopic, fill: Fill, committed: Committed, protocol: str
) -> None:
    """At once, without waiting for the timer, and without a word to the listener, who has nothing left to settle."""
    topic = new_topic()
    fill(topic, {0: 9})
    partition = TopicPartition(topic, 0)
    member = join([topic], protocol)
    poll_until(lambda: len(member.records) == 9, member)
    assert member.source.store(partition, 9, "last words")
    member.close()
    assert member.calls[-1] == ("assigned", [partition])
    assert committed(partition) == (9, "last words")


def test_close_in_the_middle_of_a_join_asks_nothing(join: Join, new_topic: NewTopic, protocol: str) -> None:
    """An assignment that comes while the client closes cannot be resolved any more, and need not be."""
    topic = new_topic()
    member = join([topic], protocol)
    began = time.monotonic()
    member.source.poll(1, 0)
    member.close()
    assert time.monotonic() - began < 4.0
    assert member.calls == []


def test_a_pause_outlives_a_rebalance(join: Join, new_topic: NewTopic, fill: Fill, protocol: str) -> None:
    """A kept partition stays paused, and so does one that leaves and comes back; `resume` continues exactly."""
    topic = new_topic(2)
    partitions = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    member = join([topic], protocol)
    poll_until(lambda: len(member.owned) == 2, member)
    member.source.pause(partitions)
    fill(topic, {0: 3, 1: 3})
    guest = join([topic], protocol)
    poll_until(lambda: len(member.owned) == 1 and len(guest.owned) == 1, member, guest)
    guest.source.pause(guest.owned)
    guest.close()
    poll_until(lambda: len(member.owned) == 2, member)
    received_by_guest = len(guest.records)
    poll_for(1.0, member)
    assert member.records == []
    member.source.resume(partitions)
    poll_until(lambda: len(member.records) >= 6 - received_by_guest, member)


def test_position_passes_what_nobody_delivers(join: Join, new_topic: NewTopic, kafka: Broker, protocol: str) -> None:
    """Control records and aborted ones take offsets; `position` goes past them, so a settled log has no lag."""
    topic = new_topic()
    partition = TopicPartition(topic, 0)
    member = join([topic], protocol)
    poll_until(lambda: member.owned, member)
    assert member.source.position(partition) is None
    producer = ClientProducer(
        {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": f"test-{uuid.uuid4().hex}"}
    )
    producer.init_transactions(10)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        for _ in range(3):
            producer.produce(topic, b"x")
        producer.flush(10)  # an abort would drop what is still here
        end(10)
    poll_until(lambda: member.source.position(partition) == 8, member)
    assert [record.offset for record in member.records] == [0, 1, 2]


def test_deleted_records_are_a_fault_and_not_a_jump(
    join: Join, new_topic: NewTopic, fill: Fill, kafka_admin: Admin, protocol: str
) -> None:
    """The partition then delivers nothing; the others go on."""
    topic = new_topic(2)
    fill(topic, {0: 10, 1: 10})
    trimmed = TopicPartition(topic, 0)
    kafka_admin.delete_records({trimmed: 6})
    member = join([topic], protocol)
    member.starts[trimmed] = 2
    poll_until(lambda: member.faults and len(member.records) == 10, member)
    assert [(fault.partition, fault.kind) for fault in member.faults] == [(trimmed, "reset")]
    assert {record.partition for record in member.records} == {1}


def test_a_topic_that_was_made_again_has_another_id(
    join: Join, new_topic: NewTopic, fill: Fill, kafka_admin: Admin, protocol: str
) -> None:
    """Its name, and even its offsets, may look the same."""
    topic = new_topic()
    fill(topic, {0: 5})
    partition = TopicPartition(topic, 0)
    before = kafka_admin.topic_ids([topic])[topic]
    member = join([topic], protocol)
    poll_until(lambda: len(member.records) == 5, member)
    assert member.source.store(partition, 5, METADATA)
    member.close()
    kafka_admin.delete_topic(topic)
    poll_until(lambda: topic not in kafka_admin.partition_counts())
    kafka_admin.create_topic(topic, 1)
    fill(topic, {0: 8})
    again = join([topic], protocol)
    poll_until(lambda: again.owned, again)
    facts = again.found[partition]
    assert isinstance(facts, Facts)
    assert facts.topic_id not in (None, before)


def test_a_deleted_topic_is_lost(join: Join, new_topic: NewTopic, kafka_admin: Admin, protocol: str) -> None:
    """Or revoked, under the consumer protocol; in any case nothing can be stored afterwards."""
    topic, other = new_topic(), new_topic()
    member = join([topic, other], protocol, client={"topic.metadata.refresh.interval.ms": 500})
    poll_until(lambda: len(member.owned) == 2, member)
    kafka_admin.delete_topic(topic)
    partition = TopicPartition(topic, 0)
    poll_until(lambda: partition not in member.owned, member)
    assert not member.source.store(partition, 1, METADATA)
    assert member.source.store(TopicPartition(other, 0), 0, METADATA)


def test_records_come_as_they_are(join: Join, new_topic: NewTopic, kafka: Broker) -> None:
    """Tombstones, missing keys, empty values, headers of one name and without a value, times."""
    topic = new_topic()
    producer = Producer(producer_properties(kafka.bootstrap_servers))
    headers = (("h", None), ("h", b"2"), ("h", b""), ("a", b"\xff\x00"))
    producer.send(topic, b"k", None, headers, timestamp_ms=1_700_000_000_123)
    producer.send(topic, None, b"")
    producer.flush(10.0)
    member = join([topic])
    poll_until(lambda: len(member.records) == 2, member)
    tombstone, empty = member.records
    assert (tombstone.key, tombstone.value, tombstone.headers) == (b"k", None, headers)
    assert (tombstone.topic, tombstone.partition, tombstone.offset) == (topic, 0, 0)
    assert tombstone.timestamp_ms == 1_700_000_000_123
    assert (empty.key, empty.value, empty.headers) == (None, b"", ())


def test_added_partitions_are_assigned_and_read_from_their_beginning(
    join: Join, new_topic: NewTopic, fill: Fill, kafka_admin: Admin, protocol: str
) -> None:
    """The count at the start tells which those are; the callback names them alone."""
    topic = new_topic(1)
    member = join([topic], protocol, client={"topic.metadata.refresh.interval.ms": 500})
    assert member.source.partition_counts(5.0)[topic] == 1
    poll_until(lambda: member.owned, member)
    kafka_admin.add_partitions(topic, 3)
    poll_until(lambda: kafka_admin.partition_counts()[topic] == 3)
    fill(topic, {1: 4, 2: 4})
    poll_until(lambda: len(member.records) == 8, member)
    later = [partition for call, partitions in member.calls[1:] if call == "assigned" for partition in partitions]
    assert sorted(later) == [TopicPartition(topic, 1), TopicPartition(topic, 2)]


def test_topics_by_pattern(join: Join, new_topic: NewTopic, fill: Fill, protocol: str) -> None:
    """One that begins with ^ is a pattern, which has to fit the whole name under the consumer protocol."""
    topics = [new_topic(), new_topic()]
    for topic in topics:
        fill(topic, {0: 2})
    member = join([f"^({'|'.join(topics)})$"], protocol)
    poll_until(lambda: len(member.records) == 4, member)
    assert {record.topic for record in member.records} == set(topics)


def test_a_topic_that_does_not_exist_is_a_fault(join: Join) -> None:
    """It is named, and nobody creates it."""
    member = join(["no-such-topic"])
    poll_until(lambda: member.faults, member)
    assert {(fault.partition.topic, fault.kind) for fault in member.faults} == {("no-such-topic", "unknown topic")}


def test_what_the_listener_raises_comes_out_of_poll(join: Join, new_topic: NewTopic, fill: Fill, protocol: str) -> None:
    """And the client does not start the partitions by itself."""
    topic = new_topic()
    fill(topic, {0: 5})
    member = join([topic], protocol)
    member.refuse = RuntimeError("no answer from Kafka")
    with pytest.raises(RuntimeError, match="no answer from Kafka"):
        poll_until(lambda: False, member)
    poll_for(0.5, member)
    assert member.records == []


def test_a_fenced_member_is_told_so(join: Join, new_topic: NewTopic) -> None:
    """Two processes with one static id (classic): the older one is finished, and only a fatal fault says so."""
    topic = new_topic()
    first = join([topic], client={"group.instance.id": "one"})
    poll_until(lambda: first.owned, first)
    second = join([topic], client={"group.instance.id": "one"})
    poll_until(lambda: any(fault.fatal for fault in first.client_faults), first, second)
    assert second.client_faults == []


def test_a_frozen_broker_costs_the_timeout_and_no_more(
    own_node: Callable[..., KafkaNode], join: Join, fill: Fill, protocol: str
) -> None:
    """Each question comes back with a text; after the thaw it has its answer."""
    node = own_node()
    admin = Admin({"bootstrap.servers": node.bootstrap_servers})
    admin.create_topic("events", 1)
    fill("events", {0: 5}, node.bootstrap_servers)
    member = join(["events"], protocol, bootstrap_servers=node.bootstrap_servers, session_timeout_ms=30_000)
    poll_until(lambda: len(member.records) == 5, member)
    partition = TopicPartition("events", 0)
    node.freeze()
    began = time.monotonic()
    assert isinstance(member.source.ask([partition], 1.0)[partition], str)
    assert isinstance(member.source.offsets_for_time([partition], 0, 1.0)[partition], str)
    assert time.monotonic() - began < 3.5
    node.thaw()
    answer: list[Facts | str] = []

    def answered() -> bool:
        answer[:] = [member.source.ask([partition], 5.0)[partition]]
        return isinstance(answer[0], Facts)

    poll_until(answered, member)
    member.close()
