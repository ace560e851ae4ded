"""Partitions that come, go, come back and stop, as the loop lives through it: what the design says, by name."""

from __future__ import annotations

from processor import events
from processor.model import CommitResult, HaltKind, PartitionFault, Record, TokenStatus, TopicPartition
from processor.pipeline import Limits
from tests.world import TOPIC, Rates, Worker, World

FIRST, SECOND = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)


def begun(*, partitions: int = 1, latency: float = 2.0, limits: Limits | None = None) -> tuple[World, Worker]:
    """A world in which requests are on the wire and records wait."""
    world = World(3, Rates(latency=latency, late_rebalance=1.0), partitions=partitions, limits=limits)
    world.produce(150, kinds=("event",))
    world.run(4)
    return world, world.workers[0]


def turn_for(world: World, worker: Worker, seconds: float) -> None:
    """Turns, with nothing else happening."""
    until = world.now + seconds
    while world.now < until:
        worker.pipeline.turn()


def stores_of(worker: Worker) -> list[tuple[TopicPartition, int]]:
    """What the loop gives the client to commit from here on."""
    stored: list[tuple[TopicPartition, int]] = []
    store = worker.source.store

    def noted(partition: TopicPartition, offset: int, metadata: str) -> bool:
        stored.append((partition, offset))
        return store(partition, offset, metadata)

    worker.source.store = noted  # type: ignore[method-assign]
    return stored


def test_records_that_a_poll_still_holds_of_a_partition_revoked_in_it_are_ignored() -> None:
    world, worker = begun()
    world.produce(50, kinds=("event",))  # the client has these in its hands when the revoke comes
    worker.source.orders.append(("revoke", FIRST))
    position = worker.source.positions[FIRST]
    polled = worker.source.poll(500, 0.1)
    worker.pipeline._take(polled)
    turn_for(world, worker, 5.0)
    late = {(FIRST, item.offset) for item in polled if isinstance(item, Record) and item.offset >= position}
    assert len(late) > 10
    assert FIRST not in worker.pipeline.partitions
    assert not late & worker.sent
    world.finish()
    world.audit()
    assert all(len(times) == 1 for times in world.aep.accepted.values())


def test_of_a_lost_partition_nothing_is_stored_and_its_late_answers_move_nothing() -> None:
    world, worker = begun()
    assert worker.senders.in_flight
    world._evictions.add((worker.name, FIRST))
    worker.source._drop(FIRST)
    stored = stores_of(worker)
    worker.pipeline.lost([FIRST])
    turn_for(world, worker, 10.0)
    assert not worker.senders.in_flight
    assert world.aep.arrivals, "what was on the wire arrived"
    assert stored == []
    released = [event for event in worker.observed if isinstance(event, events.Released)]
    assert [(event.lost, event.settled) for event in released] == [(True, False)]


def test_a_commit_that_is_acknowledged_late_says_nothing_about_a_later_epoch() -> None:
    world, worker = begun()
    world.run(200)
    committed = world.log.committed[FIRST][0]
    worker.pipeline.revoked([FIRST])
    worker.source._commit(FIRST)
    worker.source._drop(FIRST)
    world.owner[FIRST] = worker
    worker.pipeline.assigned([FIRST])
    world.produce(10, kinds=("event",))
    while not worker.pipeline.partitions[FIRST].offsets.window:
        worker.pipeline.turn()
    window = worker.pipeline.partitions[FIRST].offsets.window
    worker.pipeline._hear(CommitResult(FIRST, committed))
    assert worker.pipeline.partitions[FIRST].offsets.window == window


def test_a_refused_commit_keeps_the_partition_and_its_window() -> None:
    world = World(3, Rates(latency=0.05, commit_refused=1.0), partitions=1)
    world.produce(150, kinds=("event",))
    world.run(200)
    worker = world.workers[0]
    partition = worker.pipeline.partitions[FIRST]
    assert partition.offsets.open == 0
    assert partition.offsets.window == 150
    assert world.log.committed.get(FIRST, (0, ""))[0] == 0
    world.finish()
    assert worker.pipeline.partitions[FIRST] is partition


def test_a_partition_whose_position_falls_out_of_the_log_delivers_what_it_has_and_stores_nothing_more() -> None:
    world, worker = begun()
    committed = world.log.committed.get(FIRST, (0, ""))[0]
    end = world.log.next[FIRST]
    held = set(worker.sent)
    world.log.low[FIRST] = world.log.next[FIRST] = end + 100
    stored = stores_of(worker)
    worker.pipeline._hear(PartitionFault(FIRST, "reset", "offset out of range"))
    turn_for(world, worker, 120.0)
    gap = next(event for event in worker.observed if isinstance(event, events.GapFound))
    assert (gap.kind, gap.begin, gap.end) == ("below low", committed, end + 100)
    assert worker.pipeline.partitions[FIRST].offsets.open == 0
    assert {(partition, offset) for partition, offset, _ in world.aep.accepted} >= held
    assert [offset for _, offset in stored if offset >= 0] == []
    assert FIRST in worker.source.paused
    assert world.log.committed.get(FIRST, (0, ""))[0] == committed


def test_what_was_stored_and_is_not_committed_is_taken_back_at_a_gap() -> None:
    """A revoke or `close` would commit it, to a log that may be another one by then."""
    world, worker = begun(latency=0.05)
    while FIRST not in worker.source.stored or worker.source.stored[FIRST][0] == 0:
        world.step()
    worker.pipeline._hear(PartitionFault(FIRST, "reset", "offset out of range"))
    assert FIRST not in worker.source.stored
    gap = worker.observed[-1]
    assert isinstance(gap, events.GapFound)
    assert gap.end is None, "Kafka says that the log holds our position; it is not believed"


def test_a_partition_that_comes_after_a_halt_is_paused_and_nothing_of_it_is_sent() -> None:
    world = World(3, Rates(latency=0.05), partitions=2)
    world.produce(60, kinds=("event",))
    worker = world.workers[0]
    worker.pipeline._delivery.token(TokenStatus(refused="check AEP__CLIENT_SECRET"))
    assert worker.pipeline.halt is not None
    assert worker.pipeline.halt.kind is HaltKind.CONFIGURATION
    for _ in range(50):
        world.assign_all()
        worker.pipeline.turn()
    assert set(worker.pipeline.partitions) == {FIRST, SECOND}
    assert worker.source.paused == {FIRST, SECOND}
    assert worker.sent == set()


def test_a_partition_that_was_paused_when_it_left_flows_when_it_comes_back() -> None:
    """The client remembers a pause beyond a revoke."""
    world, worker = begun(limits=Limits(lanes=4, window=20, poll=20))
    assert FIRST in worker.source.paused
    worker.source.orders.append(("revoke", FIRST))
    worker.pipeline.turn()
    assert FIRST in worker.source.paused
    world.finish()
    world.audit()


def test_a_stuck_key_fills_the_window_of_its_partition_and_the_others_go_on() -> None:
    limits = Limits(lanes=4, window=60, poll=20)
    world = World(3, Rates(latency=0.05), partitions=2, limits=limits)
    world.log.append(FIRST, b"stuck", b"schema 5")
    world.workers[0].pipeline._edges.schemas.wanted[5] = float("inf")  # type: ignore[attr-defined]
    world.produce(600, kinds=("event",))
    worker = world.workers[0]
    most = 0
    for _ in range(800):
        world.step()
        most = max(most, worker.pipeline.partitions[FIRST].offsets.window if worker.pipeline.partitions else 0)
    assert most <= limits.window + limits.poll
    assert world.log.committed.get(FIRST, (0, ""))[0] == 0
    assert world.log.committed[SECOND][0] > world.log.records[SECOND][-1].offset


def test_a_drain_repeats_nothing_although_other_partitions_keep_every_slot_busy() -> None:
    """What is left goes out between what stays, retries included."""
    for seed in range(8):
        world = World(seed, Rates(latency=0.5, item_for_now=0.3, late_rebalance=0.5), partitions=3)
        world.produce(600, kinds=("event",))
        world.run(15)
        worker = world.workers[0]
        worker.source.orders.append(("revoke", FIRST))
        worker.pipeline.turn()
        released = [event for event in worker.observed if isinstance(event, events.Released)]
        assert [event.settled for event in released] == [True]
        assert released[0].open_records > 0, "there was more than could be sent"
        world.finish()
        world.audit()
        assert all(len(times) == 1 for times in world.aep.accepted.values())
