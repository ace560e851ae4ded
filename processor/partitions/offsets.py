"""Which offset may be committed: the end of the settled prefix of what was received."""

from __future__ import annotations

from collections import deque


class Offsets:
    """The received offsets of one partition in one epoch.

    Only offsets that were received count. Gaps that compaction or transactions leave in the log are never part of any
    range here, so they need no code.
    """

    def __init__(self, start: int) -> None:
        self._committable = start
        self._last = start - 1
        self._open: deque[int] = deque()  # received, and not known to be in the settled prefix
        self._settled: set[int] = set()  # settled, but behind an open one
        self._received = 0
        self._prefix = 0  # how many of the received are in the settled prefix
        self._stored: deque[tuple[int, int]] = deque()  # (stored offset, how long the prefix was then)
        self._committed = 0  # how many of the received lie below the acknowledged commit

    def __repr__(self) -> str:
        return f"Offsets(committable={self._committable}, open={self.open}, window={self.window})"

    def track(self, offset: int) -> None:
        """Opens a received offset. Raises ValueError for one that the log cannot hold after those before."""
        if offset <= self._last:
            raise ValueError(f"offset {offset} came after {self._last}")
        self._last = offset
        self._open.append(offset)
        self._received += 1

    def settle(self, offset: int) -> None:
        """Marks a tracked offset as settled."""
        self._settled.add(offset)

    @property
    def committable(self) -> int:
        """The end of the settled prefix: the next offset to read if we died now. It never goes back."""
        self._pass_settled()
        return self._committable

    def advance(self, position: int) -> None:
        """Passes what holds no record for us (control records, compacted ones). Only right while nothing is open."""
        if self.committable < position and not self._open:
            self._committable = position
            self._last = position - 1

    @property
    def lowest_open(self) -> int | None:
        """The lowest offset that was received and is not settled."""
        self._pass_settled()
        return self._open[0] if self._open else None

    @property
    def open(self) -> int:
        """How many received offsets are not settled."""
        return len(self._open) - len(self._settled)

    @property
    def window(self) -> int:
        """How many records were received and lie above the acknowledged commit: what a crash would repeat."""
        return self._received - self._committed

    def stored(self, offset: int) -> None:
        """Notes that `offset`, the current `committable`, was handed to the client to commit."""
        self._stored.append((offset, self._prefix))

    def committed(self, offset: int) -> None:
        """Notes that the coordinator acknowledged `offset`."""
        while self._stored and self._stored[0][0] <= offset:
            self._committed = self._stored.popleft()[1]

    def _pass_settled(self) -> None:
        settled, waiting = self._settled, self._open
        while waiting and waiting[0] in settled:
            settled.remove(offset := waiting.popleft())
            self._committable = offset + 1
            self._prefix += 1
