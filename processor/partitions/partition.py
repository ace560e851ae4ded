"""One assigned partition, from its assignment to its revocation: this object is the epoch.

Records, lanes and answers point to it. When it is closed, whatever still comes for it finds it closed and is ignored,
so late news can move nothing, whoever owns the partition by then.
"""

from __future__ import annotations

from collections import deque

from processor.model import Record, TopicPartition, Translated
from processor.partitions.lanes import OVERHEAD, Lane, Lanes, Work, lane_number
from processor.partitions.offsets import Offsets


class Partition:
    """The state of one assigned partition.

    `metadata` travels with every stored offset. `reasons` says why no records may be fetched for it.
    """

    def __init__(
        self, partition: TopicPartition, *, epoch: int, start: int, lanes: int, queue: Lanes, metadata: str = ""
    ) -> None:
        self.id = partition
        self.epoch = epoch
        self.metadata = metadata
        self.offsets = Offsets(start)
        self.held = 0  # bytes of memory that its open records cost
        self.frontier = start - 1  # the highest offset of which anything was sent or dead-lettered
        self.deadline: float | None = None  # set while it is being left: nothing may outlast this
        self.closed = False
        self.stopped = False  # at a gap: nothing more is received, and nothing is stored
        self.reasons: tuple[str, ...] = ()
        self.untranslated: deque[Record] = deque()  # the first one waits for a schema, the rest for the first
        self.waits_for_schema: int | None = None
        self.stored = start  # what the client was last given to commit
        self._queue = queue
        self._lanes = [Lane(self) for _ in range(lanes)]
        queue.count += lanes

    def __repr__(self) -> str:
        return f"Partition({self.id}, epoch={self.epoch}, {self.offsets!r}, frontier={self.frontier})"

    def receive(self, record: Record) -> None:
        """Opens the record's offset. From here on the partition answers for it."""
        self.offsets.track(record.offset)

    def accept(self, record: Record, translated: Translated, sequence: int, now: float) -> Work | None:
        """Puts a translated record into its lane; one with nothing to send is settled at once (None)."""
        if not translated.messages and translated.refusal is None:
            self.offsets.settle(record.offset)
            return None
        work = Work(record, translated, self._lanes[lane_number(record, len(self._lanes))], sequence, now)
        self.held += work.held
        self._queue.put(work)
        return work

    def wait_for_schema(self, record: Record, schema_id: int) -> None:
        """Keeps the record that cannot be translated yet, as the first of those that wait."""
        self.waits_for_schema = schema_id
        self.untranslated.appendleft(record)
        self.held += record.size + OVERHEAD

    def hold_back(self, record: Record) -> None:
        """Keeps a record behind the one that waits for a schema."""
        self.untranslated.append(record)
        self.held += record.size + OVERHEAD

    def next_untranslated(self) -> Record:
        """Takes the first record that was held back."""
        record = self.untranslated.popleft()
        self.held -= record.size + OVERHEAD
        return record

    def sent(self, offset: int) -> None:
        """Moves the frontier: what lies below it must settle, or a clean leave repeats it."""
        if offset > self.frontier:  # noqa: PLR1730 - max() costs three times as much, once for each record
            self.frontier = offset

    def settle(self, work: Work) -> None:
        """Closes a record of which no message is open, and gives its lane back when it was the last one taken."""
        if self.closed:
            return
        self.offsets.settle(work.record.offset)
        self.held -= work.held
        lane = work.lane
        lane.taken -= 1
        if not lane.taken:
            self._queue.give_back(lane)

    def leave(self, deadline: float) -> None:
        """Begins to leave: drops what lies above the frontier; the rest may still settle until `deadline`."""
        self.deadline = deadline if self.deadline is None else min(deadline, self.deadline)
        while self.untranslated:
            self.next_untranslated()
        self.waits_for_schema = None
        for lane in self._lanes:
            for work in self._queue.forget(lane, lambda work: work.record.offset <= self.frontier):
                self.held -= work.held

    def close(self) -> None:
        """Ends the epoch."""
        if self.closed:
            return
        self.closed = True
        for lane in self._lanes:
            for _ in self._queue.forget(lane, lambda _: False):
                pass
        self._queue.count -= len(self._lanes)
        self.untranslated.clear()

    @property
    def receives(self) -> bool:
        """Whether records that arrive for it are taken; those that come late, after a revoke or a gap, are not."""
        return not self.stopped and self.deadline is None

    @property
    def drained(self) -> bool:
        """Whether nothing up to the frontier is open: leaving now repeats nothing."""
        lowest = self.offsets.lowest_open
        return lowest is None or lowest > self.frontier

    def intake_reasons(self, *, window: int, share: int, others: tuple[str, ...]) -> tuple[str, ...]:
        """Why it must not receive more: full ones end at half, because each pause fetches the client's queue again."""
        paused = self.reasons
        reasons = [
            reason
            for reason, value, limit in (("window", self.offsets.window, window), ("memory", self.held, share))
            if (value > limit // 2 if reason in paused else value >= limit)
        ]
        if self.untranslated:
            reasons.append("schema")
        if self.stopped:
            reasons.append("gap")
        if self.deadline is not None:
            reasons.append("leaving")
        return (*reasons, *others)
