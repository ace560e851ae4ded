"""Messages on their way: one by one (Item), and those that travel together (Batch)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from processor.model import Message
from processor.partitions.lanes import Lane, Work

WRAPPER = len(b'{"messages":[]}')


class Item:
    """One message of one record until it has its outcome.

    `index` is its place among the messages of its record, `size` its bytes in a request, with its comma. `hidden` are
    older Profile writes that this one stands for, the oldest first: they are superseded when it is accepted, and the
    newest of them goes out when it is dead-lettered.
    """

    __slots__ = ("__dict__", "hidden", "index", "message", "open", "size", "work")

    # What few messages come to have: one that was never refused has it from here.
    tries = 0  # refused for now, for whatever reason
    unattributable = 0  # answers to this message alone that may have meant another one
    refusals = 0  # 5xx that can only have been meant for this message
    status = 0  # of the last of those
    first_refused = 0.0
    successes = 0  # how many messages AEP had accepted at that first refusal

    def __init__(self, work: Work, message: Message, index: int = 0) -> None:
        self.work = work
        self.message = message
        self.index = index
        self.size = message.size + 1
        self.hidden: tuple[Item, ...] = ()
        self.open = True

    def __repr__(self) -> str:
        return f"Item({self.work.record.offset} -> {self.message.to.name}, open={self.open}, tries={self.tries})"

    @property
    def order(self) -> tuple[int, int]:
        """Sorts messages as they came; those of one lane so in the order of the log."""
        return self.work.sequence, self.index

    @property
    def live(self) -> bool:
        """Whether anybody still waits for its outcome."""
        return self.open and not self.work.lane.partition.closed


class Batch:
    """Messages that travel in one request and stay together until each has been answered for.

    `after` are messages that must have their outcome first, because they share a lane with this batch, and with them
    what they hide: it goes out in their place should they become dead letters.
    """

    __slots__ = ("after", "attempts", "failures", "items", "not_before", "probe", "successes")

    def __init__(self, items: list[Item], after: Iterable[Item] = ()) -> None:
        self.items = items
        self.after = [item for item in _with_hidden(after) if item.live]
        self.probe = False  # sent to find out whether an outage is over
        self.not_before = 0.0
        self.attempts = 0  # without a verdict; for the backoff
        self.failures = 0  # 5xx and no answer; for the split
        self.successes = 0  # how many messages AEP had accepted at the first of those

    def __repr__(self) -> str:
        return f"Batch({len(self.items)} messages, attempts={self.attempts}, failures={self.failures})"

    @property
    def size(self) -> int:
        """Bytes of the request's body."""
        return WRAPPER + sum([item.size for item in self.items]) - 1

    def drop_dead(self) -> None:
        """Drops the messages for whose outcome nobody waits any more: their partition has left."""
        self.items = [item for item in self.items if item.live]

    def free_items(self) -> list[Item]:
        """The messages that may go: those of lanes in which no earlier message waits for its outcome."""
        if not self.after:
            return self.items
        self.after = [item for item in self.after if item.live]
        busy = {item.work.lane for item in self.after}
        return [item for item in self.items if item.work.lane not in busy] if busy else self.items

    def take_free(self) -> Batch | None:
        """Takes out what may go, which is mostly all of it (then this batch itself), or nothing (None)."""
        free = self.free_items()
        if len(free) == len(self.items):
            return self
        if not free:
            return None
        chosen = set(free)
        self.items = [item for item in self.items if item not in chosen]
        return self._part(free)

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
        """Takes one message, the first of its lane, into a batch of its own; what follows in its lane waits for it."""
        self.items.remove(item)
        if any(other.work.lane is item.work.lane for other in self.items):
            self.after += _with_hidden([item])
        return self._part([item])

    def _part(self, items: list[Item], after: Iterable[Item] = ()) -> Batch:
        part = Batch(items, after)
        part.failures, part.successes = self.failures, self.successes
        return part


def _with_hidden(items: Iterable[Item]) -> list[Item]:
    return [each for item in items for each in (*item.hidden, item)]


def in_order(items: Sequence[Item], max_size: int, max_messages: int) -> list[Batch]:
    """Cuts messages into batches that fit, each waiting for the one before: for a record larger than one request.

    `max_size` is bytes of a body. A message that is larger alone makes a batch of its own.
    """
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
