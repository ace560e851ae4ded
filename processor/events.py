"""What the loop tells its listeners: frozen facts, handed to one injected `observe(event)`.

Nothing here is per record, so listening costs nothing on the path of a record. No payload value and no secret is ever a
field of an event: telemetry may print all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from processor.model import Halt, Record, Refusal, TopicPartition, Translated


@dataclass(frozen=True, slots=True)
class Assigned:
    """A partition is ours from `start` on; `why` says how it was found ("committed", "earliest", ...)."""

    partition: TopicPartition
    epoch: int
    start: int
    why: str


@dataclass(frozen=True, slots=True)
class Released:
    """A partition left us. `open_records` were received and not settled: the next owner gets them again.

    `settled` says that nothing was sent of those, so that nothing will be repeated.
    """

    partition: TopicPartition
    epoch: int
    lost: bool
    settled: bool
    open_records: int
    seconds: float


@dataclass(frozen=True, slots=True)
class GapFound:
    """Records that we should have read are gone, or may be: the partition stays stopped until somebody accepts the gap.

    Lost is [`begin`, `end`); an unknown end is None. `remedy` is the exact argument to give.
    """

    partition: TopicPartition
    kind: str  # "below low", "above high", "another topic"
    begin: int
    end: int | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Intake:
    """One poll's worth of records: how many, by event name, by skip rule, by note about a dropped value."""

    records: int
    size: int  # bytes of keys, values, headers
    events: Mapping[str, int]
    skips: Mapping[tuple[str, str], int]  # (rule, destination)
    notes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Landed:
    """One attempt came back: the canonical log line of delivery."""

    ticket: int
    messages: int
    size: int  # bytes of the body
    accepted: int
    superseded: int
    refused: int  # for good: dead letters
    again: int  # sent again later
    status: int | None
    outcome: str  # "verdicts", "unavailable", "unknown", "too large", "unattributable", ...
    seconds: float
    batch_id: str
    probe: bool


@dataclass(frozen=True, slots=True)
class LetterSent:
    """A dead letter was handed to its producer; it counts when `LetterAcknowledged` follows."""

    partition: TopicPartition
    offset: int
    event: str
    outputs: tuple[str, ...]
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class LetterAcknowledged:
    """All in-sync replicas of the dead-letter topic have it."""

    partition: TopicPartition
    offset: int


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that we need is out, or is back. `what` is "aep", "ims", "registry" or "dead letters"."""

    what: str
    began: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Committed:
    """The group's coordinator acknowledged this offset."""

    partition: TopicPartition
    offset: int


@dataclass(frozen=True, slots=True)
class CommitRefused:
    """The coordinator refused a commit; it is tried again with the next one."""

    partition: TopicPartition
    detail: str


@dataclass(frozen=True, slots=True)
class FlowChanged:
    """A partition was paused or resumed; `reasons` is empty when it flows."""

    partition: TopicPartition
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceFault:
    """Kafka reported an error that does not end the process."""

    detail: str


@dataclass(frozen=True, slots=True)
class Halted:
    """Delivery stopped for good."""

    halt: Halt


@dataclass(frozen=True, slots=True)
class Gauges:
    """The state after a turn in which something moved, at most once a second."""

    partitions: int
    open_records: int
    held_bytes: int
    in_flight: int
    waiting_retries: int
    window_records: int  # received and not yet committed
    oldest_open_seconds: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The loop ended. `clean` means that all which had been sent was settled and stored."""

    clean: bool
    open_records: int
    seconds: float


Event = (
    Assigned
    | Released
    | GapFound
    | Intake
    | Landed
    | LetterSent
    | LetterAcknowledged
    | Outage
    | Committed
    | CommitRefused
    | FlowChanged
    | SourceFault
    | Halted
    | Gauges
    | Stopped
)


class IntakeTally:
    """Counts the records of one poll into one `Intake`."""

    def __init__(self) -> None:
        self._records = self._size = 0
        self._events: Counter[str] = Counter()
        self._skips: Counter[tuple[str, str]] = Counter()
        self._notes: Counter[str] = Counter()

    def add(self, record: Record, translated: Translated) -> None:
        """Counts a translated record."""
        self._records += 1
        self._size += record.size
        self._events[translated.event] += 1
        for skip in translated.skips:
            self._skips[skip.rule, skip.to] += 1
        if translated.notes:
            self._notes.update(translated.notes)

    def intake(self) -> Intake | None:
        """What was counted; None when it was nothing."""
        if not self._records:
            return None
        return Intake(self._records, self._size, self._events, self._skips, self._notes)
