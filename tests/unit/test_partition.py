from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processor.model import Record, Skip, TopicPartition, Translated
from processor.partitions.lanes import Lanes
from processor.partitions.partition import Partition
from tests.desk import Desk, event

KEYS = st.sampled_from([b"a", b"b", b"c"])


def partition(start: int = 0) -> Partition:
    return Partition(TopicPartition("t", 0), epoch=1, start=start, lanes=4, queue=Lanes())


def record(offset: int, size: int = 10) -> Record:
    return Record("t", 0, offset, 0, b"k", b"." * size)


# ---- "the frontier: what lies below it must settle, or a clean leave repeats it" ------------------------------------


@given(keys=st.lists(KEYS, min_size=1, max_size=20), drawn=st.integers(0, 20), data=st.data())
def test_a_leave_drops_what_lies_above_the_frontier_and_is_done_when_the_rest_is_settled(
    keys: list[bytes], drawn: int, data: st.DataObject
) -> None:
    desk = Desk(lanes=4)
    works = [desk.put(key, event(f"{number}")) for number, key in enumerate(keys)]
    (owner,) = desk.partitions
    left = drawn

    def fits(_: object) -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    desk.lanes.draw(fits, 4)
    taken = [work for work in works if work.record.offset not in {w.record.offset for w in _waiting(owner)}]
    frontier = max((work.record.offset for work in taken), default=-1)
    assert owner.frontier == frontier
    owner.leave(10.0)
    assert not owner.receives
    assert all(work.record.offset < frontier for work in _waiting(owner)), "those up to it are still sent"
    must = [work for work in works if work.record.offset <= frontier]
    assert len(_waiting(owner)) + len(taken) == len(must)
    for work in data.draw(st.permutations(taken)):
        assert not owner.drained
        owner.settle(work)
    while waiting := _waiting(owner):
        assert not owner.drained
        desk.lanes.draw(lambda _: True, 4)
        for work in waiting:
            owner.settle(work)
    assert owner.drained
    assert owner.offsets.committable == frontier + 1
    assert owner.held == 0


def _waiting(owner: Partition) -> list:  # type: ignore[type-arg]
    return [work for lane in owner._lanes for work in lane.waiting]


def test_an_earlier_deadline_is_not_put_off_by_a_later_one() -> None:
    owner = partition()
    owner.leave(10.0)
    owner.leave(20.0)
    assert owner.deadline == 10.0


def test_a_closed_epoch_is_moved_by_nothing() -> None:
    desk = Desk()
    work = desk.put(b"k", event("e"))
    desk.send()
    (owner,) = desk.partitions
    owner.close()
    owner.settle(work)
    owner.close()
    assert (owner.offsets.open, owner.offsets.committable, desk.lanes.count) == (1, 0, 0)
    assert not owner.drained, "whoever gets it next repeats the record"


def test_a_record_with_nothing_to_send_is_settled_at_once() -> None:
    owner = partition()
    owner.receive(record(0))
    assert owner.accept(record(0), Translated("e", skips=(Skip("tombstone"),)), 1, 0.0) is None
    assert (owner.offsets.committable, owner.held) == (1, 0)


# ---- "NeedsSchema: this record and all behind it wait" --------------------------------------------------------------


@given(sizes=st.lists(st.integers(0, 100), min_size=1, max_size=10))
def test_records_behind_one_that_waits_for_its_schema_come_back_in_log_order_and_cost_what_they_hold(
    sizes: list[int],
) -> None:
    owner = partition()
    records = [record(offset, size) for offset, size in enumerate(sizes)]
    owner.wait_for_schema(records[0], 7)
    for one in records[1:]:
        owner.hold_back(one)
    assert owner.held >= sum(one.size for one in records)
    assert "schema" in owner.intake_reasons(window=10**6, share=10**9, others=())
    assert [owner.next_untranslated() for _ in sizes] == records
    assert owner.held == 0
    assert owner.intake_reasons(window=10**6, share=10**9, others=()) == ()


# ---- "resumed when no reason stands, window and bytes at half" ------------------------------------------------------


@given(window=st.integers(2, 30), steps=st.lists(st.booleans(), max_size=80))
def test_a_full_window_pauses_and_a_half_empty_one_resumes(window: int, steps: list[bool]) -> None:
    owner, received, committed, paused = partition(), 0, 0, False
    for receives in steps:
        if receives and not paused:
            owner.receive(record(received))
            received += 1
        elif committed < received:
            owner.offsets.settle(committed)
            committed += 1
            owner.offsets.stored(owner.offsets.committable)
            owner.offsets.committed(committed)
        paused = received - committed >= window or (paused and received - committed > window // 2)
        owner.reasons = owner.intake_reasons(window=window, share=10**9, others=())
        assert owner.reasons == (("window",) if paused else ())


def test_every_reason_is_named_beside_those_of_the_loop() -> None:
    owner = partition()
    owner.held = 100
    owner.stopped = True
    owner.leave(1.0)
    assert owner.intake_reasons(window=1, share=100, others=("halt",)) == ("memory", "gap", "leaving", "halt")
