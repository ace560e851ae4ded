from __future__ import annotations

from itertools import count
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from processor.delivery.batch import WRAPPER
from processor.delivery.delivery import Policy
from processor.model import Record, TopicPartition, Translated
from processor.partitions.lanes import Lane, Lanes, Work, lane_number
from processor.partitions.partition import Partition
from tests.desk import Desk, body, event

LANES = 3
KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e", None])
RECORDS = st.tuples(KEYS, st.lists(st.integers(1, 50), min_size=1, max_size=3))  # (key, bytes of each message)


class Entry(NamedTuple):
    """A record as somebody sees it who keeps all of them in one list."""

    work: Work
    lane: Lane
    size: int
    messages: int


class LanesMachine(RuleBasedStateMachine):
    """Against somebody who sorts everything, every time."""

    @initialize()
    def begin(self) -> None:
        self.lanes = Lanes()
        self.numbers, self.epochs, self.offsets = count(1), count(1), count(0)
        self.waiting: list[Entry] = []
        self.taken: list[Entry] = []
        self.partitions = [self.open(number) for number in range(2)]

    def open(self, number: int) -> Partition:
        return Partition(TopicPartition("t", number), epoch=next(self.epochs), start=0, lanes=LANES, queue=self.lanes)

    def idle(self) -> list[Entry]:
        """What waits in lanes of which nothing is taken, the oldest first."""
        busy = {entry.lane for entry in self.taken}
        waiting = [entry for entry in self.waiting if entry.lane not in busy]
        return sorted(waiting, key=lambda entry: entry.work.sequence)

    @rule(number=st.integers(0, 1), records=st.lists(RECORDS, min_size=1, max_size=6))
    def records_arrive(self, number: int, records: list[tuple[bytes | None, list[int]]]) -> None:
        for key, sizes in records:
            self.put(number, key, sizes)

    def put(self, number: int, key: bytes | None, sizes: list[int]) -> None:
        partition = self.partitions[number]
        if not partition.receives:
            return
        messages = tuple(event("e", size) for size in sizes)
        record = Record("t", number, next(self.offsets), 0, key, b"")
        partition.receive(record)
        work = partition.accept(record, Translated("e", messages), next(self.numbers), 0.0)
        assert work is not None
        assert work.lane is partition._lanes[lane_number(record, LANES)]
        self.waiting.append(Entry(work, work.lane, sum(message.size for message in messages), len(messages)))

    @rule(records=st.integers(0, 6), share=st.integers(1, 2 * LANES + 1))
    def draw(self, records: int, share: int) -> None:
        expected: list[Work] = []
        idle = self.idle()
        lanes = list(dict.fromkeys(entry.lane for entry in idle))  # by their oldest record
        chosen, rest = lanes[:share], lanes[share:]
        while idle and len(expected) < records:
            if not any(entry.lane in chosen for entry in idle):
                chosen.append(rest.pop(0))
            oldest = next(entry for entry in idle if entry.lane in chosen)
            idle.remove(oldest)
            expected.append(oldest.work)
        drawn: list[Work] = []

        def fits(work: Work) -> bool:
            if len(drawn) == records:
                return False
            drawn.append(work)
            return True

        self.lanes.draw(fits, share)
        assert drawn == expected
        self.taken += [entry for entry in self.waiting if entry.work in drawn]
        self.waiting = [entry for entry in self.waiting if entry.work not in drawn]
        for work in drawn:
            assert work.lane.partition.frontier >= work.record.offset

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Gives its lane back, when it was the last one taken of it."""
        entry = data.draw(st.sampled_from(self.taken))
        self.taken.remove(entry)
        entry.lane.partition.settle(entry.work)

    @rule(number=st.integers(0, 1))
    def leave(self, number: int) -> None:
        """Forgets what lies above the frontier."""
        partition = self.partitions[number]
        partition.leave(10.0)
        self.waiting = [
            entry
            for entry in self.waiting
            if entry.lane.partition is not partition or entry.work.record.offset <= partition.frontier
        ]

    @rule(number=st.integers(0, 1), lane=st.integers(0, LANES - 1), every=st.integers(1, 3))
    def forget(self, number: int, lane: int, every: int) -> None:
        """Forgets some of what waits, also the first of a lane."""
        chosen = self.partitions[number]._lanes[lane]
        gone = list(self.lanes.forget(chosen, lambda work: work.sequence % every == 1))
        expected = [entry for entry in self.waiting if entry.lane is chosen and entry.work.sequence % every != 1]
        assert gone == [entry.work for entry in expected]
        self.waiting = [entry for entry in self.waiting if entry not in expected]

    @precondition(lambda self: any(not partition.receives for partition in self.partitions))
    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        """Ends an epoch, and begins another one; what was taken in the old one still settles, and moves nothing."""
        number = data.draw(st.sampled_from([n for n in range(2) if not self.partitions[n].receives]))
        old = self.partitions[number]
        old.close()
        late = [entry for entry in self.taken if entry.lane.partition is old]
        self.waiting = [entry for entry in self.waiting if entry.lane.partition is not old]
        self.taken = [entry for entry in self.taken if entry not in late]
        self.partitions[number] = self.open(number)
        for entry in late:
            old.settle(entry.work)

    @invariant()
    def the_counters_are_exact(self) -> None:
        idle = self.idle()
        assert self.lanes.size == sum(entry.size for entry in idle)
        assert self.lanes.messages == sum(entry.messages for entry in idle)
        assert self.lanes.count == 2 * LANES
        assert self.lanes.oldest() is (idle[0].work if idle else None)
        for lane in [lane for partition in self.partitions for lane in partition._lanes]:
            waiting = [entry for entry in self.waiting if entry.lane is lane]
            assert [entry.work for entry in waiting] == list(lane.waiting), "in log order"
            assert lane.size == sum(entry.size for entry in waiting)
            assert lane.messages == sum(entry.messages for entry in waiting)
            assert lane.taken == sum(entry.lane is lane for entry in self.taken)


LanesMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestLanes = LanesMachine.TestCase


@given(st.binary(), st.integers(1, 100), st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_key_has_one_lane_wherever_its_records_lie(key: bytes, lanes: int, first: int, second: int) -> None:
    one, other = (lane_number(Record("t", 0, offset, 0, key, b""), lanes) for offset in (first, second))
    assert one == other
    assert 0 <= one < lanes


@given(st.integers(1, 100), st.integers(0, 2**40))
def test_keyless_records_are_dealt_by_offset(lanes: int, start: int) -> None:
    records = [Record("t", 0, offset, 0, None, b"") for offset in range(start, start + lanes)]
    assert sorted(lane_number(record, lanes) for record in records) == list(range(lanes))


# ---- "a lane is in at most one request at a time", "requests are full whenever there is a backlog" ------------------

backlogs = st.lists(st.tuples(st.integers(0, 11), st.integers(1, 200)), min_size=1, max_size=120)  # (key, bytes)


def filled(backlog: list[tuple[int, int]], policy: Policy, lanes: int = 8) -> Desk:
    desk = Desk(policy, lanes=lanes)
    for number, (key, size) in enumerate(backlog):
        desk.put(b"%d" % key, event(f"{number}", size))
    return desk


@given(backlog=backlogs, max_messages=st.integers(1, 10), max_in_flight=st.integers(1, 5))
def test_a_request_is_full_unless_no_record_waits_in_an_idle_lane(
    backlog: list[tuple[int, int]], max_messages: int, max_in_flight: int
) -> None:
    policy = Policy(max_bytes=600, max_messages=max_messages, max_in_flight=max_in_flight, linger=0.0)
    desk = filled(backlog, policy)
    largest = max(len(b'{"e":}') + size for _, size in backlog)
    while True:
        requests = desk.send()
        *full, last = requests or [None]
        for request in full if desk.lanes.messages == 0 else requests:
            size = len(body(request))
            assert len(request.messages) == max_messages or size + 1 + largest > policy.max_bytes
            assert size <= policy.max_bytes
        assert len(requests) <= max_in_flight
        assert len(requests) == max_in_flight or desk.lanes.messages == 0, "a slot is free and a lane is idle"
        if last is None:
            break
        desk.accept(*requests)
    assert desk.open_records == 0


@given(backlog=backlogs, data=st.data())
def test_a_lane_is_in_one_request_at_a_time_and_its_keys_go_in_log_order(
    backlog: list[tuple[int, int]], data: st.DataObject
) -> None:
    desk = filled(backlog, Policy(max_bytes=600, max_messages=5, max_in_flight=3, linger=0.0))
    numbers_of: dict[int, list[int]] = {}
    in_flight: list[tuple[object, list[int]]] = []
    while requests := [*desk.send(), *[request for request, _ in in_flight]]:
        known = {id(request) for request, _ in in_flight}
        for request in requests:
            if id(request) not in known:
                numbers = [int(message.entity.rstrip(b".")) for message in request.messages]
                in_flight.append((request, numbers))
                for number in numbers:
                    numbers_of.setdefault(backlog[number][0], []).append(number)
        lanes = [{lane_number(Record("t", 0, 0, 0, b"%d" % backlog[n][0], b""), 8) for n in ns} for _, ns in in_flight]
        assert sum(map(len, lanes)) == len(set().union(*lanes)), "a lane is in two requests"
        request, _ = in_flight.pop(data.draw(st.integers(0, len(in_flight) - 1)))
        desk.accept(request)  # type: ignore[arg-type]
    assert all(numbers == sorted(numbers) for numbers in numbers_of.values())
    assert sum(map(len, numbers_of.values())) == len(backlog)


@given(slow=st.integers(0, 11), count=st.integers(30, 60))
def test_one_slow_key_holds_up_its_lane_and_nothing_else(slow: int, count: int) -> None:
    desk = Desk(Policy(max_messages=4, max_in_flight=3, linger=0.0), lanes=8)
    works = [desk.put(b"%d" % (number % 12), event(f"{number}")) for number in range(count)]
    lane = next(work.lane for number, work in enumerate(works) if number % 12 == slow)
    held: list[object] = []
    while requests := desk.send():
        for request in requests:
            its = [works[int(message.entity)] for message in request.messages]
            (held.append(request) if any(work.lane is lane for work in its) else desk.accept(request))
    assert len(held) == 1
    waiting = [work for work in works if work.open]
    (stuck,) = held
    beside = {message.entity for message in stuck.messages}  # type: ignore[attr-defined]
    lanes = {work.lane for work in works if b"%d" % works.index(work) in beside}
    assert all(work.lane in lanes for work in waiting), "only lanes that are in its request wait"


def test_records_are_drawn_in_the_order_they_came_passing_over_busy_lanes() -> None:
    desk = Desk(Policy(max_messages=3, max_in_flight=1, linger=0.0), lanes=8)
    for number, key in enumerate([b"0", b"1", b"2", b"0", b"1", b"3", b"4"]):
        desk.put(key, event(f"{number}"))
    first = desk.one()
    desk.verdicts(first, 503, None)  # the lane of key 0 stays busy
    assert [message.entity for message in first.messages] == [b"0", b"1", b"2"]
    assert desk.sent() == [["4", "5", "6"]]


@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=20), over=st.integers(-3, 3))
def test_a_backlog_that_fills_a_request_does_not_linger(sizes: list[int], over: int) -> None:
    exact = WRAPPER - 1 + sum(len(b'{"e":}') + max(size, 2) + 1 for size in sizes)
    policy = Policy(max_bytes=exact + over, max_messages=1000, linger=5.0)
    desk = Desk(policy, lanes=16)
    for number, size in enumerate(sizes):
        desk.put(None, event(f"{number:02}", size))
    assert bool(desk.send()) is (over <= 0 and (len(sizes) > 1 or over <= 0))
    desk.later(5.0)
    if over > 0:
        assert len(desk.one().messages) == len(sizes)


@given(sizes=st.lists(st.integers(2, 300), min_size=2, max_size=20), short=st.integers(0, 2))
def test_a_request_is_filled_to_the_last_byte_and_not_beyond(sizes: list[int], short: int) -> None:
    whole = len(b'{"messages":[]}') - 1 + sum(len(b'{"e":}') + size + 1 for size in sizes)
    desk = Desk(Policy(max_bytes=whole - short, linger=0.0, max_in_flight=1))
    for number, size in enumerate(sizes):
        desk.put(None, event(f"{number:02}", size))
    request = desk.one()
    assert len(body(request)) <= whole - short
    assert len(request.messages) == len(sizes) - (short > 0)


def test_the_linger_counts_for_the_oldest_record_of_an_idle_lane() -> None:
    desk = Desk(Policy(linger=1.0, max_in_flight=4))
    desk.put(b"a", event("1"))
    desk.later(1.0)
    busy = desk.one()
    desk.put(b"a", event("2"))  # waits in a busy lane
    desk.later(5.0)
    assert desk.send() == []
    desk.put(b"b", event("3"))
    desk.later(0.9)
    assert desk.send() == []
    desk.later(0.1)
    assert desk.sent() == [["3"]]
    desk.accept(busy)
    assert desk.sent() == [["2"]], "it has waited long enough"
