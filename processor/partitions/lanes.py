"""Lanes: order per key, full requests, and many requests in flight, all from one partition.

A partition's records are dealt to lanes by the hash of their key. A lane is in at most one request at a time and a
request may hold many lanes, so the records of one key never overtake each other, and a slow key holds up its own lane.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol
from zlib import crc32

from processor.model import Record, TopicPartition, Translated

OVERHEAD = 1024
"""Bytes of memory that a held record costs beyond its own (objects, heap and deque entries), rounded up."""


class Owner(Protocol):
    """The assigned partition that a lane belongs to, as far as lanes and delivery see it: one epoch."""

    id: TopicPartition
    closed: bool
    deadline: float | None

    def sent(self, offset: int) -> None:
        """A record left its lane: it is part of what a clean leave must settle."""

    def settle(self, work: Work) -> None:
        """None of the record's messages is open any more."""


class Work:
    """A record that was received, with the duty to answer for it: it is settled when none of its messages is open."""

    __slots__ = ("arrived", "dead", "held", "lane", "open", "record", "sequence", "size", "translated")

    def __init__(self, record: Record, translated: Translated, lane: Lane, sequence: int, arrived: float) -> None:
        entities = envelopes = 0  # bytes
        for message in translated.messages:
            entities += len(message.entity)
            envelopes += message.to.envelope
        self.record = record
        self.translated = translated
        self.lane = lane
        self.sequence = sequence
        self.arrived = arrived
        self.open = len(translated.messages) or 1  # a refused record is one dead letter
        self.size = entities + envelopes  # bytes in requests, without commas
        self.held = record.size + entities + OVERHEAD  # bytes of memory
        self.dead = translated.refusal is not None

    def __repr__(self) -> str:
        return f"Work({self.record.topic}:{self.record.partition}@{self.record.offset}, open={self.open})"


class Lane:
    """The records of a share of one partition's keys, in log order."""

    __slots__ = ("messages", "partition", "size", "taken", "waiting")

    def __init__(self, partition: Owner) -> None:
        self.partition = partition
        self.waiting: deque[Work] = deque()
        self.size = 0  # bytes of the waiting messages
        self.messages = 0  # how many messages wait
        self.taken = 0  # records that were taken and are not settled; while there is one, nobody else may take

    def __repr__(self) -> str:
        return f"Lane({self.partition.id}, waiting={len(self.waiting)}, taken={self.taken})"


def lane_number(record: Record, lanes: int) -> int:
    """The lane of a record: by its key; records without a key are dealt round, as they have no order to keep."""
    return (record.offset if record.key is None else crc32(record.key)) % lanes


class Lanes:
    """All lanes of all assigned partitions, as one queue of the idle ones, the oldest record first."""

    def __init__(self) -> None:
        self.count = 0  # lanes of all assigned partitions
        self.size = 0  # bytes waiting in idle lanes
        self.messages = 0  # messages waiting in idle lanes
        self._heads: list[tuple[int, Lane]] = []  # (sequence of the first record, idle lane); outdated ones are passed

    def put(self, work: Work) -> None:
        """Appends a record to its lane."""
        lane, messages = work.lane, work.open
        lane.waiting.append(work)
        lane.size += work.size
        lane.messages += messages
        if not lane.taken:
            self.size += work.size
            self.messages += messages
            if len(lane.waiting) == 1:
                heapq.heappush(self._heads, (work.sequence, lane))

    def oldest(self) -> Work | None:
        """The oldest record that waits in an idle lane."""
        heads = self._heads
        while heads and not _is_head(*heads[0]):
            heapq.heappop(heads)
        return heads[0][1].waiting[0] if heads else None

    def draw(self, fits: Callable[[Work], bool], share: int) -> None:
        """Takes records of idle lanes in the order they came, until `fits` says no to one, or none is left.

        Only the `share` oldest lanes are drawn from at first, and another one when they are empty and `fits` still
        wants more: a deep backlog of one partition then feeds many requests at a time, a shallow one still fills the
        one it makes. `fits` keeps what it says yes to.
        """
        drawn = self._oldest_lanes(share)
        while drawn:
            lane = drawn[0][1]
            work = lane.waiting[0]
            if not fits(work):
                break
            if not lane.taken:  # what still waits in it waits in a busy lane from here on
                self.size -= lane.size
                self.messages -= lane.messages
            lane.waiting.popleft()
            lane.size -= work.size
            lane.messages -= work.open
            lane.taken += 1
            lane.partition.sent(work.record.offset)
            if lane.waiting:
                heapq.heapreplace(drawn, (lane.waiting[0].sequence, lane))
            else:
                heapq.heappop(drawn)
                drawn = drawn or self._oldest_lanes(1)
        for head in drawn:
            if not head[1].taken:
                heapq.heappush(self._heads, head)

    def give_back(self, lane: Lane) -> None:
        """Makes a lane idle whose taken records are all settled."""
        self.size += lane.size
        self.messages += lane.messages
        if lane.waiting:
            heapq.heappush(self._heads, (lane.waiting[0].sequence, lane))

    def forget(self, lane: Lane, keep: Callable[[Work], bool]) -> Iterator[Work]:
        """Drops the waiting records of a lane that `keep` does not want; yields them."""
        kept: deque[Work] = deque()
        for work in lane.waiting:
            if keep(work):
                kept.append(work)
                continue
            lane.size -= work.size
            lane.messages -= work.open
            if not lane.taken:
                self.size -= work.size
                self.messages -= work.open
            yield work
        changed_head = bool(kept) and kept[0] is not lane.waiting[0]
        lane.waiting = kept
        if changed_head and not lane.taken:
            heapq.heappush(self._heads, (kept[0].sequence, lane))

    def _oldest_lanes(self, count: int) -> list[tuple[int, Lane]]:
        chosen: list[tuple[int, Lane]] = []
        while self._heads and len(chosen) < count:
            head = heapq.heappop(self._heads)
            if _is_head(*head):
                chosen.append(head)
        return chosen


def _is_head(sequence: int, lane: Lane) -> bool:
    return not lane.taken and bool(lane.waiting) and lane.waiting[0].sequence == sequence
