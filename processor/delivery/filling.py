"""Records out of the lanes into requests: when, how many, and which."""

from __future__ import annotations

from collections.abc import Callable, Container

from processor.delivery.batch import WRAPPER, Batch, Item, in_order
from processor.delivery.coalescing import Selection
from processor.delivery.policy import Policy
from processor.partitions.lanes import Lane, Lanes, Work


class Filler:
    """Draws from the lanes. `bury` takes a record that is a dead letter as a whole: it needs no room in a request."""

    def __init__(self, lanes: Lanes, policy: Policy, bury: Callable[[Work], None]) -> None:
        self._lanes, self._policy, self._bury = lanes, policy, bury

    def ready_at(self, *, hurry: bool) -> float | None:
        """When a request may be made of fresh records alone: at once if they fill it, else after the linger.

        None when no record waits in an idle lane; 0 is "at once".
        """
        oldest, policy = self._lanes.oldest(), self._policy
        if oldest is None:
            return None
        size, messages = self._lanes.size, self._lanes.messages
        full = messages >= policy.max_messages or WRAPPER - 1 + size + messages >= policy.max_bytes
        return 0.0 if full or hurry else oldest.arrived + policy.linger

    def fill(self, selection: Selection) -> None:
        """Adds records of idle lanes, in the order they came, until the selection is full or none is left.

        A record that is larger than one request is drawn only into an empty selection, and then alone.
        """
        share = max(1, self._lanes.count // self._policy.max_in_flight)
        self._lanes.draw(self._taker(selection, self._policy.max_messages), share)

    def batches(self) -> list[Batch]:
        """A request of fresh records, or the requests of a record that is larger than one; none if all were buried."""
        selection = Selection()
        self.fill(selection)
        return self._cut(selection)

    def probe(self, probed: Container[Lane]) -> list[Batch]:
        """The oldest record, its first message in a request of its own; none if its lane is among `probed`."""
        while (oldest := self._lanes.oldest()) is not None and oldest.lane not in probed:
            selection = Selection()
            self._lanes.draw(self._taker(selection, 1), 1)
            if selection.count:
                first, *others = self._cut(selection)
                return [first.set_apart(first.items[0]), *(batch for batch in (first, *others) if batch.items)]
        return []

    def _cut(self, selection: Selection) -> list[Batch]:
        items = selection.items()
        return in_order(items, self._policy.max_bytes, self._policy.max_messages) if items else []

    def _taker(self, selection: Selection, records: int) -> Callable[[Work], bool]:
        """Says yes to as many records as fit, and to no more than `records`, and keeps their messages."""
        max_bytes, max_messages = self._policy.max_bytes, self._policy.max_messages
        left = records

        def take(work: Work) -> bool:
            nonlocal left
            if left <= 0:
                return False
            if work.dead:
                self._bury(work)
                return True
            size, count = selection.size + work.size + work.open, selection.count + work.open
            if size > max_bytes or count > max_messages:
                if selection.count:
                    return False
                left = 0  # larger than one request: it goes alone, in several, in order
            left -= 1
            for index, message in enumerate(work.translated.messages):
                selection.add(Item(work, message, index))
            return True

        return take
