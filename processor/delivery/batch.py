"""Messages on their way: one by one (Item), and those that travel together (Batch)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from processor.model import Message
from processor.partitions.lanes import Lane, Work

WRAPPER = len(b'{"messages":[]}')


class Item:
    """One message of one record until it has its outcome.

    `hidden` are older Profile writes that this one stands for: they are superseded when it is accepted, and go out
    themselves when it is dead-lettered.
    """

    __slots__ = ("first_refused", "hidden", "message", "not_before", "open", "refusals", "successes", "tries", "work")

    def __init__(self, work: Work, message: Message) -> None:
        self.work = work
        self.message = message
        self.hidden: list[Item] = []
        self.open = True
        self.tries = 0  # refused for now, for whatever reason
        self.not_before = 0.0
        self.refusals = 0  # 5xx that can only have been meant for this message
        self.first_refused = 0.0
        self.successes = 0  # how many messages AEP had accepted at that first refusal

    def __repr__(self) -> str:
        return f"Item({self.work.record.offset} -> {self.message.to.name}, open={self.open}, tries={self.tries})"

    @property
    def size(self) -> int:
        """Bytes in a request, with its comma."""
        return self.message.size + 1

    @property
    def live(self) -> bool:
        """Whether anybody still waits for its outcome."""
        return self.open and not self.work.lane.partition.closed


class Batch:
    """Messages that travel in one request and stay together until each has been answered for.

    `after` are messages that must have their outcome first, because they share a lane with this batch.
    """

    __slots__ = ("after", "attempts", "failures", "items", "not_before", "probe", "successes", "unattributable")

    def __init__(self, items: list[Item], after: Iterable[Item] = (), *, probe: bool = False) -> None:
        self.items = items
        self.after = [item for item in after if item.live]
        self.probe = probe
        self.not_before = 0.0
        self.attempts = 0  # without a verdict; for the backoff
        self.failures = 0  # 5xx and timeouts; for the split
        self.successes = 0  # how many messages AEP had accepted at the first of those
        self.unattributable = 0

    def __repr__(self) -> str:
        return f"Batch({len(self.items)} messages, attempts={self.attempts}, failures={self.failures})"

    @property
    def size(self) -> int:
        """Bytes of the request's body."""
        return WRAPPER + sum([item.size for item in self.items]) - 1

    def drop_dead(self) -> None:
        """Drops the messages for whose outcome nobody waits any more: their partition has left."""
        self.items = [item for item in self.items if item.live]
        self.after = [item for item in self.after if item.live]

    @property
    def blocked(self) -> bool:
        """Whether an earlier message of one of its lanes has no outcome yet."""
        return any(item.live for item in self.after)

    def due(self, now: float) -> bool:
        """Whether it may be sent now."""
        return self.not_before <= now and not self.blocked

    def halves(self) -> tuple[Batch, Batch]:
        """Splits it in two, between lanes where possible. Halves of one lane keep its order: the second waits."""
        lanes: dict[Lane, list[Item]] = {}
        for item in self.items:
            lanes.setdefault(item.work.lane, []).append(item)
        if len(lanes) == 1:
            middle = len(self.items) // 2
            first, second = self.items[:middle], self.items[middle:]
            return self._part(first, self.after), self._part(second, (*self.after, *first))
        chosen: set[Lane] = set()
        count = 0
        for lane, items in lanes.items():
            if chosen and (len(chosen) == len(lanes) - 1 or count + len(items) > len(self.items) / 2):
                break
            chosen.add(lane)
            count += len(items)
        first = [item for item in self.items if item.work.lane in chosen]
        second = [item for item in self.items if item.work.lane not in chosen]
        return self._part(first, self.after), self._part(second, self.after)

    def set_apart(self, item: Item) -> Batch:
        """Takes one message out into a batch of its own; what follows it in its lane waits for it."""
        self.items.remove(item)
        alone = self._part([item], self.after)
        alone.probe = True
        if any(other.work.lane is item.work.lane for other in self.items):
            self.after.append(item)
        return alone

    def _part(self, items: list[Item], after: Iterable[Item]) -> Batch:
        part = Batch(items, after)
        part.failures, part.successes = self.failures, self.successes
        return part


def in_order(items: Sequence[Item], max_size: int, max_messages: int) -> list[Batch]:
    """Cuts messages into batches that fit, each waiting for the one before: for a record larger than one request."""
    batches: list[Batch] = []
    chunk: list[Item] = []
    size = WRAPPER - 1  # the last message has no comma
    for item in items:
        if chunk and (size + item.size > max_size or len(chunk) == max_messages):
            batches.append(Batch(chunk, batches[-1].items if batches else ()))
            chunk, size = [], WRAPPER - 1
        chunk.append(item)
        size += item.size
    batches.append(Batch(chunk, batches[-1].items if batches else ()))
    return batches
