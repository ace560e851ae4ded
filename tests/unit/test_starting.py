"""Where partitions start, as the loop finds out: Kafka is slow, silent, or knows less than it is asked."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from processor.model import TopicPartition
from processor.partitions.start import StartPolicy
from processor.starts import ASK_TIMEOUT, GaveUpError
from tests.world import TOPIC, World

PARTITIONS = [TopicPartition(TOPIC, number) for number in range(4)]


def test_however_many_partitions_start_at_a_time_kafka_is_asked_once() -> None:
    """A broker that is silent costs the timeout of one question, whatever number of partitions comes."""
    many = [TopicPartition(TOPIC, number) for number in range(12)]
    world = World(1, partitions=len(many))
    worker = world.workers[0]
    worker.pipeline._start = StartPolicy(1_700_000_000_000, {TOPIC: len(many)})
    began = world.now

    def silent(asked: Iterable[TopicPartition], _timestamp_ms: int, timeout: float) -> dict[TopicPartition, int | str]:
        world.advance(timeout)
        return dict.fromkeys(asked, "no answer in time")

    worker.source.offsets_for_time = silent  # type: ignore[method-assign]
    with pytest.raises(GaveUpError):
        worker.pipeline.assigned(many)
    assert world.now - began <= world.limits.drain + ASK_TIMEOUT + 1
    assert not worker.pipeline.partitions


def test_a_time_at_which_a_partition_is_empty_is_its_end() -> None:
    world = World(1, partitions=4)
    worker = world.workers[0]
    worker.pipeline._start = StartPolicy(1_700_000_000_000, {TOPIC: 4})
    world.log.next[PARTITIONS[1]] = 7  # all of it was deleted
    world.log.low[PARTITIONS[1]] = 7
    worker.source.offsets_for_time = lambda asked, *_: dict.fromkeys(asked, -1)  # type: ignore[method-assign]
    worker.pipeline.assigned(PARTITIONS)
    assert [worker.source.positions[partition] for partition in PARTITIONS] == [0, 7, 0, 0]
    assert worker.source.stored[PARTITIONS[1]][0] == 7


def test_the_turn_runs_on_while_kafka_is_asked_where_to_start_and_nobody_polls() -> None:
    world = World(1, partitions=4)
    worker = world.workers[0]
    world.owner = dict.fromkeys(PARTITIONS, worker)
    worker.pipeline.assigned(PARTITIONS[:1])
    world.produce(40, keys=4, kinds=("event",))
    worker.pipeline.turn()
    answers = iter(["silence", "silence", "silence"])
    ask = worker.source.ask

    def slow(asked: Iterable[TopicPartition], timeout: float) -> object:
        if (answer := next(answers, None)) is None:
            return ask(asked, timeout)
        world.advance(timeout)
        return dict.fromkeys(asked, answer)

    worker.source.ask = slow  # type: ignore[method-assign]
    worker.pipeline.assigned(PARTITIONS[1:])
    assert world.aep.arrivals
    assert worker.source.stored[PARTITIONS[0]][0] > 0
    assert set(worker.pipeline.partitions) == set(PARTITIONS)


def test_kafka_that_does_not_say_where_to_start_is_never_answered_by_the_configured_start() -> None:
    world = World(1, partitions=4)
    worker = world.workers[0]
    ask = worker.source.ask
    worker.source.ask = lambda asked, timeout: {  # type: ignore[method-assign]
        **ask(asked, timeout),
        PARTITIONS[2]: "COORDINATOR_LOAD_IN_PROGRESS",
    }
    with pytest.raises(GaveUpError, match=f"{TOPIC}:2"):
        worker.pipeline.assigned(PARTITIONS)
    assert not worker.source.positions
    assert not worker.source.stored
