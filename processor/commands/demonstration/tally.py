"""Counts what the worker says of itself, for the display; the verdict on it comes from the books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from processor import events
from processor.settings import DeliverySettings


@dataclass(slots=True)
class Tally:
    """Written by the worker's thread, read by the display's."""

    received: int = 0
    received_bytes: int = 0
    accepted: int = 0
    letters: int = 0
    in_flight: int = 0
    refused_for_now: int = 0
    failed_requests: int = 0
    filled: float = 0.0  # the sum over all requests of how full each was
    requests: int = 0
    committed: dict[int, int] = field(default_factory=dict)
    outages: Counter[str] = field(default_factory=Counter)
    halted: str = ""

    def observe(self, event: events.Event, limits: DeliverySettings) -> None:
        """Takes a fact of the loop in."""
        match event:
            case events.Intake():
                self.received += event.records
                self.received_bytes += event.size
            case events.Landed():
                self._landed(event, limits)
            case events.LetterAcknowledged():
                self.letters += 1
            case events.Committed():
                self.committed[event.partition.partition] = event.offset
            case events.Gauges():
                self.in_flight = event.in_flight
            case events.Outage() if event.began:
                self.outages[event.what] += 1
            case events.Halted():
                self.halted = f"{event.halt.kind.value}: {event.halt.detail}"
            case _:
                pass

    def _landed(self, event: events.Landed, limits: DeliverySettings) -> None:
        self.requests += 1
        self.accepted += event.accepted
        self.filled += max(event.messages / limits.max_batch_messages, event.size / limits.max_batch_bytes)
        if event.outcome == "verdicts":
            self.refused_for_now += event.again
        else:
            self.failed_requests += 1

    @property
    def progress(self) -> tuple[int, int, int]:
        """What grows as long as the worker gets on."""
        return self.accepted, self.letters, sum(self.committed.values())
