"""Too many dead letters: a broken mapping must stop the line, not empty the topic into the dead-letter topic."""

from __future__ import annotations

from collections import Counter, deque

WINDOW = 1000
"""Records looked back upon, over all and for each event type."""

RATIO = 0.2
LEAST = 20
"""A flood is counted from this many dead letters on, so that a handful at the start stops nobody."""


class Flood:
    """Counts records and those of them that became dead letters, both at the same point of their way.

    Two are kept, one where records are translated and one where they are settled: between the two lies a whole window
    of records, and deaths held against the count of the other place would look like a flood, or like none.
    """

    def __init__(self) -> None:
        self._seen: Counter[str | None] = Counter()  # None: of all types
        self._dead: dict[str | None, deque[int]] = {}

    def passed(self, event: str) -> None:
        """A record came by without a dead letter."""
        self._seen[None] += 1
        self._seen[event] += 1

    def died(self, event: str) -> str | None:
        """A record got a dead letter. Returns what the flood is, when this makes it one."""
        flood = None
        for name, what in ((None, "records"), (event, f"{event or 'unnamed'} records")):
            self._seen[name] += 1
            seen = self._seen[name]
            dead = self._dead.setdefault(name, deque())
            dead.append(seen)
            while dead[0] <= seen - WINDOW:
                dead.popleft()
            looked_at = min(seen, WINDOW)
            if flood is None and len(dead) >= LEAST and len(dead) > RATIO * looked_at:
                flood = f"{len(dead)} of the last {looked_at} {what} became dead letters"
        return flood
