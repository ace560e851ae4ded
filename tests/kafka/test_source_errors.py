"""Errors of the coordinator that no real broker makes on demand: librdkafka's mock cluster does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError

from processor.kafka.mock_cluster import MockCluster
from processor.kafka.source import UNREADABLE_HEADERS
from processor.model import Facts, TopicPartition
from tests.plugins.foreign import produce_with_header
from tests.plugins.members import Member, poll_until

OFFSET_COMMIT = 8  # Kafka's number of this request


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    """A mock cluster with one topic."""
    with MockCluster() as cluster:
        cluster.create_topic("events", 2)
        yield cluster


@pytest.fixture
def member(cluster: MockCluster, join: Callable[..., Member]) -> Iterator[Member]:
    """A member that owns both partitions, whose starts are committed."""
    member = join(["events"], bootstrap_servers=cluster.bootstrap_servers)
    poll_until(lambda: len(member.commits) == 2, member)
    yield member
    member.close()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (KafkaError.REBALANCE_IN_PROGRESS, "later"),
        (KafkaError.OFFSET_METADATA_TOO_LARGE, "refused"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "refused"),
    ],
)
def test_a_refused_commit_comes_out_of_poll_and_is_tried_again(
    cluster: MockCluster, member: Member, code: int, expected: str
) -> None:
    """The refusal names partition and offset; the next one is the same offset, accepted."""
    partition = TopicPartition("events", 0)
    cluster.push_request_errors(OFFSET_COMMIT, [code])
    assert member.source.store(partition, 1, "")
    poll_until(lambda: any(done.error is None and done.offset == 1 for done in member.commits), member)
    refused = [done for done in member.commits if done.error is not None and done.partition == partition]
    assert [(done.offset, done.later) for done in refused] == [(1, expected == "later")]


def test_a_commit_of_an_old_generation_is_for_later(cluster: MockCluster, member: Member) -> None:
    """With the mock the client lets go of its partitions; with Apache Kafka they stay and the next commit passes."""
    cluster.push_request_errors(OFFSET_COMMIT, [KafkaError.ILLEGAL_GENERATION])
    assert member.source.store(TopicPartition("events", 0), 1, "")
    poll_until(lambda: any(done.error is not None for done in member.commits), member)
    assert [(done.offset, done.later) for done in member.commits if done.error is not None] == [(1, True)]


def test_a_stale_epoch_is_refreshed_by_the_client(cluster: MockCluster, join: Callable[..., Member]) -> None:
    """Under the consumer protocol; nobody hears of it, the offset arrives."""
    member = join(["events"], "consumer", bootstrap_servers=cluster.bootstrap_servers)
    poll_until(lambda: len(member.commits) == 2, member)
    cluster.push_request_errors(OFFSET_COMMIT, [KafkaError.STALE_MEMBER_EPOCH])
    assert member.source.store(TopicPartition("events", 0), 1, "")
    poll_until(lambda: any(done.offset == 1 for done in member.commits), member)
    assert all(done.error is None for done in member.commits)
    member.close()


def test_facts_of_the_mock(member: Member) -> None:
    """It has what a start needs, topic ids included."""
    facts = member.found[TopicPartition("events", 0)]
    assert isinstance(facts, Facts)
    assert facts._replace(topic_id=None) == Facts(None, "", 0, 0, None)
    assert facts.topic_id is not None


def test_brokers_that_are_away_are_a_fault_of_the_client(cluster: MockCluster, member: Member) -> None:
    """Not a fatal one: they come back, and so do we."""
    cluster.broker_down()
    poll_until(lambda: member.client_faults, member)
    assert not any(fault.fatal for fault in member.client_faults)
    assert isinstance(member.source.ask([TopicPartition("events", 0)], 0.5)[TopicPartition("events", 0)], str)
    cluster.broker_up()
    assert member.source.store(TopicPartition("events", 1), 1, "")
    poll_until(lambda: member.commits[-1].offset == 1 and member.commits[-1].error is None, member)


def test_a_header_name_that_is_not_utf_8_stops_nobody(cluster: MockCluster, member: Member) -> None:
    """The client reads no header of such a record, with a SystemError; the record itself is well."""
    produce_with_header(cluster.bootstrap_servers, "events", b"bad\xff")
    produce_with_header(cluster.bootstrap_servers, "events", b"good")
    poll_until(lambda: len(member.records) == 2, member)
    names = {name for record in member.records for name, _ in record.headers}
    assert names == {UNREADABLE_HEADERS, "good"}


def test_a_topic_twice_is_an_error(cluster: MockCluster) -> None:
    """What the mock refuses is an exception with its text."""
    with pytest.raises(OSError, match="already exists"):
        cluster.create_topic("events")
