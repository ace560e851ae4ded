"""Whether anything may be sent now: an outage, a Retry-After, a rate."""

from __future__ import annotations

from processor.delivery.backoff import Backoff

OUT_AFTER = 3
"""So many failed answers in a row, with none between that succeeded, are an outage."""


class Throttle:
    """The valve in front of all sending.

    In an outage one probe at a time goes out, spaced by the backoff; the first success opens the valve again.
    `rate` is messages per second, None for no limit; it may be overdrawn by one request and then waits that off.
    """

    def __init__(self, backoff: Backoff, *, max_in_flight: int, rate: float | None = None) -> None:
        self.max_in_flight = max_in_flight
        self.out = False
        self._backoff = backoff
        self._failures = 0
        self._failed_probes = 0
        self._not_before = 0.0
        self._rate = rate
        self._paid_until = 0.0

    def slots(self, now: float, in_flight: int) -> int:
        """How many requests may be started now."""
        if now < self.opens_at:
            return 0
        return max(0, (1 if self.out else self.max_in_flight) - in_flight)

    @property
    def opens_at(self) -> float:
        """The time before which nothing may be started."""
        return max(self._not_before, self._paid_until) if self._rate else self._not_before

    def started(self, now: float, messages: int) -> None:
        """Charges a request to the rate."""
        if self._rate:
            self._paid_until = max(now, self._paid_until) + messages / self._rate

    def hold(self, until: float) -> None:
        """Nothing is sent before `until`: a Retry-After, or a token that is not there yet."""
        self._not_before = max(self._not_before, until)

    def succeeded(self) -> bool:
        """Notes an answer in which AEP gave verdicts. Returns whether this ended an outage."""
        ended, self.out = self.out, False
        self._failures = self._failed_probes = 0
        return ended

    def failed(self, now: float, *, probe: bool = False) -> bool:
        """Notes a 429, 5xx, timeout or lost connection. Returns whether an outage begins with it."""
        self._failures += 1
        if self.out and probe:
            self._failed_probes += 1
            self.hold(now + self._backoff.delay(self._failed_probes))
        if self.out or self._failures < OUT_AFTER:
            return False
        self.out = True
        return True
