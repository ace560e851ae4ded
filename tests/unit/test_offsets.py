from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from processor.partitions.offsets import Offsets


class OffsetsMachine(RuleBasedStateMachine):
    """Against somebody who keeps every offset for ever."""

    @initialize(start=st.integers(0, 5))
    def begin(self, start: int) -> None:
        self.offsets = Offsets(start)
        self.start = start
        self.received: list[int] = []
        self.settled: set[int] = set()
        self.passed = start  # by advance
        self.stored: list[tuple[int, set[int]]] = []
        self.committed: set[int] = set()
        self.before = start

    @rule(gap=st.integers(0, 3))
    def receive(self, gap: int) -> None:
        offset = max([self.start - 1, *self.received, self.passed - 1]) + 1 + gap
        self.offsets.track(offset)
        self.received.append(offset)

    @precondition(lambda self: len(self.settled) < len(self.received))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from([one for one in self.received if one not in self.settled]))
        self.offsets.settle(offset)
        self.settled.add(offset)

    @rule(beyond=st.integers(0, 5))
    def advance(self, beyond: int) -> None:
        """The client's position: it is past all that we received."""
        position = max([self.passed, *[one + 1 for one in self.received]]) + beyond
        self.offsets.advance(position)
        if len(self.settled) == len(self.received):
            self.passed = position

    @rule()
    def store(self) -> None:
        committable = self.offsets.committable
        self.offsets.stored(committable)
        self.stored.append((committable, {one for one in self.received if one < committable}))

    @precondition(lambda self: self.stored)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        offset, below = data.draw(st.sampled_from(self.stored))
        self.offsets.committed(offset)
        self.committed |= below

    def naive_committable(self) -> int:
        still_open = [one for one in self.received if one not in self.settled]
        if still_open:
            before = [one + 1 for one in self.received if one < still_open[0]]
            return max([self.start, *before, *([self.passed] if self.passed <= still_open[0] else [])])
        return max([self.start, self.passed, *[one + 1 for one in self.received]])

    @invariant()
    def it_agrees(self) -> None:
        still_open = [one for one in self.received if one not in self.settled]
        assert self.offsets.open == len(still_open)
        assert self.offsets.lowest_open == (still_open[0] if still_open else None)
        committable = self.offsets.committable
        assert committable == self.naive_committable()
        assert not still_open or committable <= still_open[0], "nothing open may be passed"
        assert committable >= self.before, "it never goes back"
        self.before = committable
        assert self.offsets.window == len(self.received) - len(self.committed)


OffsetsMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestOffsets = OffsetsMachine.TestCase


def test_an_offset_that_the_log_cannot_hold_is_refused() -> None:
    offsets = Offsets(5)
    offsets.track(7)
    for offset in (7, 6, 4):
        with pytest.raises(ValueError, match="came after 7"):
            offsets.track(offset)


def test_gaps_in_the_log_need_no_code() -> None:
    offsets = Offsets(0)
    for offset in (3, 10, 11):
        offsets.track(offset)
    offsets.settle(10)
    assert offsets.committable == 0
    offsets.settle(3)
    assert offsets.committable == 11
    offsets.settle(11)
    assert offsets.committable == 12


def test_control_records_are_passed_only_when_nothing_is_open() -> None:
    offsets = Offsets(0)
    offsets.track(0)
    offsets.advance(5)
    assert offsets.committable == 0
    offsets.settle(0)
    offsets.advance(5)
    assert offsets.committable == 5
    with pytest.raises(ValueError, match="came after"):
        offsets.track(4)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_position_behind_us_moves_nothing(start: int, position: int) -> None:
    offsets = Offsets(start)
    offsets.advance(position)
    assert offsets.committable == max(start, position)


def test_the_window_counts_until_the_commit_is_acknowledged_not_until_it_is_stored() -> None:
    offsets = Offsets(0)
    for offset in range(4):
        offsets.track(offset)
    offsets.settle(0)
    offsets.settle(1)
    offsets.stored(offsets.committable)
    assert offsets.window == 4
    offsets.committed(1)  # of an earlier time
    assert offsets.window == 4
    offsets.committed(2)
    assert offsets.window == 2
