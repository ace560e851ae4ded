"""The numbers of delivery."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How requests are formed, and when patience ends; times in seconds, sizes in bytes.

    A refusal counts for `split_after` and `poison_after` only as design and docs say: with successes of others since
    the first one, see `blame.py`.
    """

    max_bytes: int = 1_000_000
    max_messages: int = 1000
    max_in_flight: int = 8
    linger: float = 0.2
    hurried_wait: float = 1.0  # at most so long between two tries while a partition is being left
    attempt_timeout: float = 15.0
    rate: float | None = None  # messages per second
    split_after: int = 5  # 5xx or no answer, of one request
    alone_after: int = 5  # 5xx of one message inside a 207
    poison_after: int = 10  # 5xx of one message that can only have been meant for it
    poison_seconds: float = 60.0
    unattributable_after: int = 5
    unauthorized_after: int = 3
    unauthorized_seconds: float = 60.0

    @property
    def shortest_attempt(self) -> float:
        """What is left of a drain must leave AEP this long to answer, or nothing more is sent in it."""
        return self.attempt_timeout / 3
