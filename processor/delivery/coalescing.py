"""Of several Profile writes in one request only the newest goes out: AEP does not define which of them would win."""

from __future__ import annotations

from processor.delivery.batch import WRAPPER, Item
from processor.partitions.lanes import Lane

_Target = tuple[Lane, bytes | None, str, str]  # lane, Kafka key, identity, destination


class Selection:
    """The messages of a request in the making, coalesced as they come.

    `size` is the exact number of bytes of its body, unless it is empty, and `count` the number of its messages.
    """

    def __init__(self) -> None:
        self.size = WRAPPER - 1  # the last message has no comma
        self.count = 0
        self._items: list[Item | None] = []
        self._newest: dict[_Target, int] = {}

    def add(self, item: Item) -> None:
        """Appends a message. An older Profile write of the same key, identity and destination hides behind it."""
        identity = item.message.identity
        if identity is not None:
            target = (item.work.lane, item.work.record.key, identity, item.message.to.name)
            place = self._newest.get(target)
            if place is not None:
                self._hide(place, item)
            self._newest[target] = len(self._items)
        self._items.append(item)
        self.size += item.size
        self.count += 1

    def items(self) -> list[Item]:
        """What goes out, in the order it came."""
        return [item for item in self._items if item is not None]

    def _hide(self, place: int, newer: Item) -> None:
        older = self._items[place]
        if older is None:
            raise AssertionError("a hidden write cannot be the newest")
        self._items[place] = None
        self.size -= older.size
        self.count -= 1
        newer.hidden = (*older.hidden, older, *newer.hidden)
        older.hidden = ()
