"""What was taken out of the lanes and waits to go out, mostly again. It holds its lanes, never a slot.

Two kinds wait: batches go out as they are, because what became of them is unknown or because they are parts of a
split; messages that a 207 refused for now travel with others of their kind, whatever request they came from.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator

from processor.delivery.batch import WRAPPER, Batch, Item
from processor.delivery.coalescing import Selection
from processor.delivery.policy import Policy
from processor.partitions.lanes import Lane


class Retries:
    """Batches and messages, each with the time before which it must not go out."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._messages: list[tuple[float, tuple[int, int], Item]] = []  # heap: (not before, order, message)

    def __repr__(self) -> str:
        return f"Retries(batches={self._batches}, messages={len(self._messages)})"

    def __len__(self) -> int:
        return len(self._batches) + len(self._messages)

    def add_batch(self, batch: Batch, not_before: float) -> None:
        """Keeps a batch as it is, without the messages that nobody waits for any more."""
        batch.drop_dead()
        if batch.items:
            batch.not_before = not_before
            self._batches.append(batch)

    def add_message(self, item: Item, not_before: float) -> None:
        """Keeps a message that may travel with others."""
        heapq.heappush(self._messages, (not_before, item.order, item))

    def due_batch(self, now: float) -> Batch | None:
        """Takes the first batch that may go, or what of it may go."""
        for position, batch in enumerate(self._batches):
            part = batch.take_free() if batch.not_before <= now else None
            if part is batch:
                del self._batches[position]
            if part is not None:
                return part
        return None

    def due_messages(self, now: float, policy: Policy) -> Selection:
        """Takes the messages that may go, as many as fit one request, and puts those of one lane in order again."""
        waiting = self._messages
        taken: list[Item] = []
        size = WRAPPER - 1
        while waiting and waiting[0][0] <= now and len(taken) < policy.max_messages:
            item = waiting[0][2]
            if item.live:
                if taken and size + item.size > policy.max_bytes:
                    break
                taken.append(item)
                size += item.size
            heapq.heappop(waiting)
        selection = Selection()
        for item in sorted(taken, key=lambda item: item.order):
            selection.add(item)
        return selection

    def probe(self, probed: Container[Lane]) -> Batch | None:
        """Takes the first message of a lane that is not among `probed`, whatever time it was to wait for."""
        return self._probe_batches(probed) or self._probe_messages(probed)

    def next_at(self) -> float | None:
        """When the next of them may go, as far as that hangs on time alone."""
        times = [batch.not_before for batch in self._batches if batch.free_items()]
        if self._messages:
            times.append(self._messages[0][0])
        return min(times, default=None)

    def hasten(self, latest: float) -> None:
        """Lets nothing wait beyond `latest`: an outage is over, or a partition is being left."""
        for batch in self._batches:
            batch.not_before = min(batch.not_before, latest)
        self._messages = [(min(at, latest), order, item) for at, order, item in self._messages]
        heapq.heapify(self._messages)

    def items(self) -> Iterator[Item]:
        """Every message that waits here."""
        for batch in self._batches:
            yield from batch.items
        for _, _, item in self._messages:
            yield item

    def forget_closed(self) -> None:
        """Drops what belongs to closed epochs."""
        for batch in self._batches:
            batch.drop_dead()
        self._batches = [batch for batch in self._batches if batch.items]
        self._messages = [entry for entry in self._messages if entry[2].live]
        heapq.heapify(self._messages)

    def _probe_batches(self, probed: Container[Lane]) -> Batch | None:
        for position, batch in enumerate(self._batches):
            for item in batch.free_items():  # the first one of a lane that was not tried is the first of its lane
                if item.live and item.work.lane not in probed:
                    probe = batch.set_apart(item)
                    if not batch.items:
                        del self._batches[position]
                    return probe
        return None

    def _probe_messages(self, probed: Container[Lane]) -> Batch | None:
        for entry in sorted(self._messages):
            item = entry[2]
            if item.live and item.work.lane not in probed:
                self._messages.remove(entry)
                heapq.heapify(self._messages)
                return Batch([item])
        return None
