"""Partitions that are added, and logs that do not hold what the group has committed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from zlib import crc32

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as ClientPartition

from processor.kafka.admin import Admin
from processor.model import TopicPartition
from processor.simulator.capillary import Generator, Sent
from processor.simulator.faults import FaultPlan
from tests.plugins.audit import Replay, audit
from tests.plugins.scene import Scene
from tests.plugins.workers import IMPATIENT, WorkerProcess, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(180)]

QUICK_METADATA = {"KAFKA__CLIENT": '{"topic.metadata.refresh.interval.ms": 500}'}  # how soon added partitions are seen
GONE = "records are gone: partition stopped"

Start = Callable[..., WorkerProcess]


def spread(partitions: int, first: int = 0) -> Callable[[bytes], int]:
    """Deals keys to some of the partitions, and always so."""
    return lambda key: first + crc32(key) % partitions


def customers_of_another_org(count: int) -> Iterator[Sent]:
    """Events whose keys no generator of one org has."""
    traffic = Generator(2, 60, orgs=2)
    everything = (sent for sent in iter(lambda: next(traffic.records(1)), None) if sent is not None)
    return islice((sent for sent in everything if sent.record["orgId"] != 150_698), count)


# ---- more partitions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_added_partitions_are_read_from_their_beginning(
    scene: Callable[..., Scene], start_worker: Start, protocol: str, start: str
) -> None:
    stage = scene(partitions=2)
    worker = start_worker(stage.settings(KAFKA__START=start, KAFKA__GROUP_PROTOCOL=protocol, **QUICK_METADATA))
    worker.wait_for("partition assigned", count=2)

    old = Generator(1, 100).records(2_000)
    producing = threading.Event()

    def produce_slowly() -> None:
        for _ in range(10):
            stage.produce(islice(old, 200), partition=spread(2))
            producing.set()
            time.sleep(0.3)

    thread = threading.Thread(target=produce_slowly)
    thread.start()
    producing.wait()
    stage.admin.add_partitions(stage.topic, 5)
    stage.commits.watch(TopicPartition(stage.topic, number) for number in (2, 3, 4))
    thread.join()
    stage.produce(customers_of_another_org(300), partition=spread(3, first=2))  # perhaps before the worker sees them
    worker.wait_for("partition assigned", count=3, why="new partition")

    stage.read_back()
    assert len(stage.ends()) == 5
    stage.wait_until_drained()
    assert worker.stop() == 0
    assert all(line["start"] == 0 for line in worker.lines("partition assigned", why="new partition"))
    report = audit(stage.evidence())
    assert report.ok, str(report)
    assert report.figures["records"] == 2_300


# ---- gaps ------------------------------------------------------------------------------------------------------------


def delivered_once(stage: Scene, start_worker: Start) -> dict[TopicPartition, int]:
    """A worker delivers 600 events and leaves; returns what the group has committed then."""
    stage.produce(Generator(1, 50).records(600), partition=spread(3))
    stage.read_back()
    worker = start_worker(stage.settings())
    stage.wait_until_drained()
    assert worker.stop() == 0
    return stage.ends()


@contextmanager
def consumer_of(stage: Scene) -> Iterator[Consumer]:
    """A consumer that may speak for the group while nobody is in it."""
    consumer = Consumer({"bootstrap.servers": stage.servers, "group.id": stage.group})
    yield consumer
    consumer.close()


def commit(stage: Scene, *offsets: ClientPartition) -> None:
    """Commits in the name of the group, as a tool might."""
    with consumer_of(stage) as consumer:
        consumer.commit(offsets=list(offsets), asynchronous=False)


def assert_reported(worker: WorkerProcess, partition: TopicPartition, kind: str, begin: int, end: int | None) -> str:
    """The gap is in the log and on the health port, with the argument that accepts it; returns that."""
    line = worker.wait_for(GONE, partition=str(partition))
    remedy = f"--accept-gap {partition}@{end if kind == 'above high' else begin}"  # where the group stands
    assert (line["kind"], line["begin"], line["end"], line["remedy"]) == (kind, begin, end, remedy)
    status, body = worker.probe()
    assert status == 503
    assert remedy in body
    return remedy


def assert_others_finish(stage: Scene, stopped: TopicPartition, committed: int) -> None:
    """All partitions but one are delivered and committed; of that one nothing moves."""
    ends = {partition: end for partition, end in stage.ends().items() if partition != stopped}
    assert len(ends) == 2
    wait_until(lambda: all(stage.commits.last[partition] == end for partition, end in ends.items()), "others finish")
    time.sleep(1.5)  # two commits later
    assert stage.commits.last[stopped] == committed


def test_records_deleted_below_the_committed_offset(
    scene: Callable[..., Scene], start_worker: Start, kafka_admin: Admin
) -> None:
    stage = scene(partitions=3)
    committed = delivered_once(stage, start_worker)
    hurt = stage.partitions[0]
    stage.produce(Generator(3, 50, start_ms=1_751_000_000_000).records(600), partition=spread(3))
    stage.read_back()
    low = committed[hurt] + 50
    kafka_admin.delete_records({hurt: low})
    for offset in range(committed[hurt], low):  # whoever delivers one of these has made it up
        del stage.log[hurt, offset]

    worker = start_worker(stage.settings())
    remedy = assert_reported(worker, hurt, "below low", committed[hurt], low)
    assert_others_finish(stage, hurt, committed[hurt])
    assert worker.stop() == 0

    wrong = start_worker(stage.settings(), "--accept-gap", f"{hurt}@{committed[hurt] + 1}")
    assert_reported(wrong, hurt, "below low", committed[hurt], low)  # another gap than the accepted one
    assert wrong.stop() == 0

    accepting = start_worker(stage.settings(), *remedy.split())
    assert accepting.wait_for("partition assigned", partition=str(hurt))["start"] == low
    stage.wait_until_drained()
    assert accepting.probe()[0] == 200
    assert accepting.stop() == 0
    report = audit(stage.evidence())
    assert report.ok, str(report)


def test_committed_past_the_end(scene: Callable[..., Scene], start_worker: Start) -> None:
    stage = scene(partitions=3)
    committed = delivered_once(stage, start_worker)
    hurt = stage.partitions[1]
    commit(stage, ClientPartition(*hurt, committed[hurt] + 1_000))
    wait_until(lambda: stage.commits.last[hurt] == committed[hurt] + 1_000, "the false commit is seen")
    stage.produce(Generator(3, 50, start_ms=1_751_000_000_000).records(600), partition=spread(3))
    stage.read_back()
    end = stage.ends()[hurt]

    worker = start_worker(stage.settings())
    remedy = assert_reported(worker, hurt, "above high", end, committed[hurt] + 1_000)
    assert_others_finish(stage, hurt, committed[hurt] + 1_000)
    assert worker.stop() == 0

    accepted_at = time.time()
    stage.produce(Generator(4, 50, start_ms=1_752_000_000_000).records(60), partition=spread(3))
    stage.read_back()
    end = stage.ends()[hurt]  # the log grows on: that must not make it another gap
    accepting = start_worker(stage.settings(), *remedy.split())
    wait_until(lambda: stage.commits.last[hurt] == end, "delivered from the low end on")
    stage.wait_until_drained()
    assert accepting.stop() == 0
    evidence = stage.evidence(replays=[Replay(accepted_at, hurt)])
    false = [commit for commit in evidence.commits if commit.partition == hurt and commit.at < accepted_at]
    report = audit(replace(evidence, commits=[commit for commit in evidence.commits if commit not in false]))
    assert report.ok, str(report)
    assert report.figures["duplicates after a crash"], "what is below the end was read again"


def test_records_deleted_under_a_running_worker(
    scene: Callable[..., Scene], start_worker: Start, kafka_admin: Admin
) -> None:
    """It stops that partition at once; of the workers that accept the gap the one that owns it goes on at its end."""
    stage = scene(partitions=3)
    hurt = stage.partitions[2]
    stage.stand_in.faults.plan = FaultPlan(refused=1.0)  # so that it falls behind
    stage.produce(Generator(1, 50).records(2_400), partition=spread(3))
    stage.read_back()
    worker = start_worker(stage.settings(DELIVERY__WINDOW="100"), program=IMPATIENT)
    wait_until(lambda: worker.metric("paused_partitions", reason="window") == 3, "the window is full")
    low = stage.ends()[hurt] - 100
    kafka_admin.delete_records({hurt: low})
    stage.stand_in.faults.plan = FaultPlan()

    begin = int(str(worker.wait_for(GONE, partition=str(hurt))["begin"]))
    remedy = assert_reported(worker, hurt, "below low", begin, low)
    assert_others_finish(stage, hurt, stage.commits.last.get(hurt, begin))
    assert worker.stop() == 0
    arrived = {arrival.event_id for arrival in stage.stand_in.arrivals if arrival.accepted}
    for offset in range(low):
        if stage.event_id(hurt, offset) not in arrived:
            del stage.log[hurt, offset]
    assert 0 < sum(partition == hurt for partition, _ in stage.log) < stage.ends()[hurt]

    both = [start_worker(stage.settings(), *remedy.split()) for _ in range(2)]
    stage.wait_until_drained()
    accepted = [line for each in both for line in each.lines("partition assigned", why="gap accepted")]
    assert [(line["partition"], line["start"]) for line in accepted] == [(str(hurt), low)]
    assert [each.stop() for each in both] == [0, 0]
    report = audit(stage.evidence())
    assert report.ok, str(report)


def recreate(stage: Scene) -> float:
    """Deletes the topic and creates it again, with more records than the group has committed; returns when."""
    stage.admin.delete_topic(stage.topic)
    wait_until(lambda: stage.topic not in stage.admin.partition_counts(), "the topic is gone")
    stage.admin.create_topic(stage.topic, 3)
    recreated_at = time.time()
    committed = stage.ends()
    stage.log.clear()
    stage.produce(Generator(3, 50, start_ms=1_751_000_000_000).records(1_500), partition=spread(3))
    stage.read_back()
    assert all(end > committed[partition] for partition, end in stage.ends().items())  # only the topic's id can tell
    return recreated_at


def assert_delivered_since(stage: Scene, since: float) -> None:
    """Audits what happened after the topic was there again."""
    evidence = stage.evidence()
    later = replace(
        evidence,
        arrivals=[arrival for arrival in evidence.arrivals if arrival.at > since],
        commits=[commit for commit in evidence.commits if commit.at > since],
    )
    report = audit(later)
    assert report.ok, str(report)


def test_a_topic_that_was_deleted_and_created_again_when_its_offsets_survived(
    scene: Callable[..., Scene], start_worker: Start
) -> None:
    """Offsets outlive their topic where the coordinator was away, and where a tool had saved and restored them."""
    stage, other = scene(partitions=3), scene(partitions=1)
    committed = delivered_once(stage, start_worker)
    with consumer_of(stage) as consumer:
        saved = consumer.committed([ClientPartition(*partition) for partition in stage.partitions], 10.0)
    recreated_at = recreate(stage)
    commit(stage, *saved)
    other.put(None, b"not Avro")

    both = stage.settings(KAFKA__TOPICS=f"{stage.topic},{other.topic}")
    worker = start_worker(both)
    remedies = [
        assert_reported(worker, partition, "another topic", offset, None) for partition, offset in committed.items()
    ]
    wait_until(lambda: len(stage.letters()) == 1, "the partition of another topic goes on")
    time.sleep(1.5)  # two commits later
    assert stage.commits.last == committed
    assert all(arrival.at < recreated_at for arrival in stage.stand_in.arrivals)
    assert worker.stop() == 0

    accepting = start_worker(both, *" ".join(remedies).split())
    accepted_at = time.time()
    stage.wait_until_drained()
    assert accepting.stop() == 0
    assert {line["start"] for line in accepting.lines("partition assigned", why="gap accepted")} == {0}
    stage.admin.delete_topic(stage.dlq)  # its one letter is about the other topic
    stage.admin.create_topic(stage.dlq, 1)
    assert_delivered_since(stage, accepted_at)


def test_a_topic_that_was_deleted_and_created_again_when_the_broker_forgot_its_offsets(
    scene: Callable[..., Scene], start_worker: Start
) -> None:
    """Apache Kafka deletes a group's offsets with the topic; then the new log is read from its beginning."""
    stage = scene(partitions=3)
    delivered_once(stage, start_worker)
    recreated_at = recreate(stage)
    worker = start_worker(stage.settings())
    wait_until(lambda: all(stage.commits.last[partition] == end for partition, end in stage.ends().items()), "drained")
    assert worker.stop() == 0
    assert {line["start"] for line in worker.lines("partition assigned", why="earliest")} == {0}
    assert_delivered_since(stage, recreated_at)
