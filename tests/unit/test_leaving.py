"""Leaving a partition, or all of them: how long it takes, what it says of itself, and what it must not do."""

from __future__ import annotations

from processor import events
from processor.model import TopicPartition
from tests.world import TOPIC, Rates, Worker, World

FIRST = TopicPartition(TOPIC, 0)


def in_an_outage(partitions: int = 2) -> World:
    """AEP is out, and something of every partition was sent."""
    world = World(5, Rates(latency=0.1), partitions=partitions)
    world.produce(300, kinds=("event",))
    world.aep.down = True
    world.run(30)
    return world


def hoping(worker: Worker) -> None:
    """Makes it wait until the deadline whatever AEP says."""
    worker.pipeline._delivery.hopeless = lambda _now, _deadline: False  # type: ignore[method-assign]


def test_a_rebalance_late_in_a_stop_does_not_lengthen_it() -> None:
    world = in_an_outage()
    worker, began = world.workers[0], world.now
    hoping(worker)
    late = began + world.limits.drain - 6
    world.at(late, lambda: worker.source.orders.append(("revoke", FIRST)))
    assert not worker.pipeline.leave(world.now)
    assert FIRST not in worker.pipeline.partitions
    assert world.now - began <= world.limits.drain + 1


def test_a_stop_that_was_asked_for_in_a_long_rebalance_has_what_that_left_of_its_time() -> None:
    """The hard way out counts from the signal too; a drain from the end of the rebalance could outlast it."""
    world = in_an_outage()
    began, waited = world.now, 14.0
    hoping(world.workers[0])
    assert not world.workers[0].pipeline.leave(began - waited)
    assert world.now - began <= world.limits.drain - waited + 1


def test_a_partition_that_comes_in_a_stop_is_taken_up_unasked_and_nothing_of_it_is_touched() -> None:
    """Asking could last as long as another drain, and no answer would end a clean stop with the wrong exit code."""
    world = in_an_outage(partitions=1)
    worker, began = world.workers[0], world.now
    hoping(worker)
    late = TopicPartition(TOPIC, 1)
    worker.source.ask = lambda partitions, _timeout: dict.fromkeys(partitions, "no answer")  # type: ignore[method-assign]
    world.at(began + world.limits.drain - 6, lambda: worker.source.orders.append(("assign", late)))
    worker.pipeline.leave(world.now)
    assert world.now - began <= world.limits.drain + 1
    assert late not in worker.pipeline.partitions
    assert late not in world.log.committed


def test_a_stop_during_which_a_partition_with_open_records_is_lost_was_not_clean() -> None:
    world = in_an_outage(partitions=1)
    worker = world.workers[0]
    worker.source.orders.append(("lost", FIRST))
    assert not worker.pipeline.leave(world.now)
    stopped = worker.observed[-1]
    assert isinstance(stopped, events.Stopped)
    assert not stopped.clean
    assert stopped.open_records > 0


def test_records_that_still_come_while_a_worker_drains_are_not_begun() -> None:
    """The first poll of a drain comes before the pause; what it brings is for the next owner."""
    world = World(5, Rates(latency=2.0), partitions=1)
    world.produce(100, kinds=("event",))
    world.run(5)
    worker = world.workers[0]
    assert worker.senders.in_flight
    position = worker.source.positions[FIRST]
    world.produce(100, kinds=("event",))
    assert worker.pipeline.leave(world.now)
    assert [offset for _, offset in worker.sent if offset >= position] == []


def test_a_partition_stopped_at_a_gap_takes_nothing_although_its_client_still_delivers() -> None:
    world = World(6, Rates(), partitions=1)
    world.log.committed[FIRST] = (3, "")
    world.log.low[FIRST] = 40
    world.produce(100, kinds=("event",))
    worker = world.workers[0]
    world.give(FIRST, worker)
    end = world.log.next[FIRST]
    world.rates = Rates(late_rebalance=0.0)
    worker.pipeline._take(worker.source.poll(500, 0.0))  # the assignment; nothing is paused before the turn ends
    world.produce(20, kinds=("event",))
    worker.pipeline._take(worker.source.poll(500, 0.0))
    assert worker.source.positions[FIRST] > end, "they came"
    for _ in range(50):
        worker.pipeline.turn()
    assert worker.sent == set()
    assert worker.pipeline.partitions[FIRST].offsets.window == 0
    assert world.log.committed[FIRST] == (3, "")
