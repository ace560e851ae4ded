"""Whose fault a refusal is: the message's, the request's, or AEP's own. Only successes of others tell them apart."""

from __future__ import annotations

from collections.abc import Iterable

from processor.delivery.batch import Batch, Item
from processor.delivery.policy import Policy
from processor.delivery.throttle import OUT_AFTER


class Blame:
    """Counts what AEP accepted, and holds failures of messages and requests against it."""

    def __init__(self, policy: Policy) -> None:
        self.accepted = 0  # messages
        self._policy = policy

    def refused(self, item: Item, status: int, now: float) -> None:
        """Counts a refusal that can only have been meant for this message."""
        if item.refusals == 0:
            item.first_refused, item.successes = now, self.accepted
        item.refusals += 1
        item.status = status

    def is_poison(self, item: Item, now: float) -> bool:
        """Whether AEP fails on this message while it accepts others. With nothing else to send nobody can know."""
        policy = self._policy
        return (
            item.refusals >= policy.poison_after
            and now - item.first_refused >= policy.poison_seconds
            and self.accepted > item.successes
        )

    def absolve(self, items: Iterable[Item]) -> None:
        """An outage is over, and its refusals blame nobody: as many more must follow as would make another outage."""
        for item in items:
            item.refusals = min(item.refusals, max(0, self._policy.poison_after - OUT_AFTER))

    def failed(self, batch: Batch) -> None:
        """Counts a 5xx, or that no answer came, against a request."""
        if batch.failures == 0:
            batch.successes = self.accepted
        batch.failures += 1

    def wants_split(self, batch: Batch) -> bool:
        """Whether a request fails again and again while others pass. Its parts inherit that."""
        return len(batch.items) > 1 and batch.failures >= self._policy.split_after and self.accepted > batch.successes
