"""The values that rooms hand to each other. All frozen; whoever holds one may keep it.

Times are named by their clock: `*_ms` is wall-clock time in milliseconds since 1970 (UTC), plain `now`, `at` and
`deadline` are seconds of the monotonic clock. Sizes are bytes of encoded JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]
"""Kafka headers in their order; a name may come twice, a value may be absent."""


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


class Record(NamedTuple):
    """One record as Kafka holds it. A dead letter needs all of it back, so nothing is cut off on the way."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        _, _, _, _, key, value, headers = self
        size = len(key or b"") + len(value or b"")
        return size + sum(len(name) + len(value or b"") for name, value in headers) if headers else size


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """One dataset in AEP, with the constant part of its messages rendered once.

    A message on the wire is `prefix + xdmEntity + suffix`; `envelope` is bytes of prefix and suffix. `profile` tells a
    Profile dataset (a newer write replaces the older one) from an ExperienceEvent dataset (every write is kept).
    """

    name: str
    profile: bool
    prefix: bytes
    suffix: bytes
    envelope: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "envelope", len(self.prefix) + len(self.suffix))

    def __repr__(self) -> str:
        return f"Destination({self.name})"


class Message(NamedTuple):
    """One XDM entity for one destination. `identity` is the primary identity of a Profile write, else None."""

    to: Destination
    entity: bytes
    identity: str | None = None

    @property
    def size(self) -> int:
        """Bytes in the body of a request, without the comma."""
        return self.to.envelope + len(self.entity)


class Stage(Enum):
    """Where a record or a message was refused; a header of the dead letter."""

    DECODE = "decode"
    TRANSLATE = "translate"
    DELIVER = "deliver"


class Reason(Enum):
    """Why something became a dead letter; the header that people filter by. Values never change."""

    UNDECODABLE = "undecodable"  # no known wire format, truncated, trailing bytes
    UNKNOWN_SCHEMA = "unknown_schema"  # neither the registry nor our own schemas know it
    REFUSED_SCHEMA = "refused_schema"  # recursive, too deep, zero-width items: not admitted
    UNKNOWN_EVENT = "unknown_event"  # an event type on no list
    STRAY_ORG = "stray_org"  # a Capillary org that may not pass
    UNMAPPABLE = "unmappable"  # a required field is missing or cannot be used
    INVALID = "invalid"  # the result would not be valid XDM
    TOO_LARGE = "too_large"  # Profile would drop it silently, or it fits no request
    REFUSED = "refused"  # AEP refused this message for good
    POISON = "poison"  # AEP failed on this message again and again while others passed


class Refusal(NamedTuple):
    """Why a record, or some of its messages, can never be delivered.

    `detail` says what and where and what to do, and never holds a value out of the payload. `said` are AEP's own words,
    which may quote anything: they go into the dead letter, beside the payload itself, and nowhere else.
    """

    reason: Reason
    stage: Stage
    detail: str
    status: int | None = None  # AEP's status, request or item
    attempts: int = 0
    said: str = ""


class Skip(NamedTuple):
    """A named, counted rule by which a record or one output is not sent."""

    rule: str
    to: str = ""  # destination, or empty for the whole record


class Translated(NamedTuple):
    """What became of one record: messages in the order of its outputs, or a refusal of the whole record, never both.

    `notes` names values that were dropped as untrusted ("currencyCode:pattern"), or lost already when the event's JSON
    became Avro ("data.amount:unreadable"), to be counted.
    """

    event: str
    messages: tuple[Message, ...] = ()
    refusal: Refusal | None = None
    skips: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    schema_id: int | None = None


class NeedsSchema(NamedTuple):
    """The record waits for a schema that only the registry knows."""

    schema_id: int


class DeadLetter(NamedTuple):
    """A record for the dead-letter topic. `outputs` names what it stands for; empty means the whole record."""

    ticket: int
    record: Record
    refusal: Refusal
    event: str
    outputs: tuple[str, ...] = ()
    schema_id: int | None = None


class Request(NamedTuple):
    """One attempt: bytes for AEP, in the order that verdicts come back in.

    It must not be written after `not_after`, and must be over at `deadline`, both in monotonic seconds.
    """

    ticket: int
    messages: tuple[Message, ...]
    not_after: float
    deadline: float
    probe: bool = False


class Failure(Enum):
    """How an attempt ended without an HTTP answer."""

    NOT_SENT = "not sent"  # past `not_after`, or no token: AEP has seen nothing
    NO_CONNECTION = "no connection"  # AEP has seen nothing
    TIMEOUT = "timeout"  # unknown
    BROKEN = "broken"  # connection lost or reply cut off: unknown


class Answer(NamedTuple):
    """What came back for one request. Exactly one of `status` and `failure` is set.

    `retry_after` is seconds from now, already reckoned from either form of the header and clamped. `token` numbers the
    access token that was used, so that a 401 tells about that token and no other.
    """

    ticket: int
    status: int | None = None
    body: bytes = b""
    retry_after: float | None = None
    failure: Failure | None = None
    token: int = 0
    seconds: float = 0.0
    detail: str = ""


class HaltKind(Enum):
    """Why delivery stopped for good. Only a configuration error ends the process by itself."""

    FLOOD = "flood"
    UNATTRIBUTABLE = "unattributable"
    CONFIGURATION = "configuration"


class Halt(NamedTuple):
    """Delivery stopped: nothing new is sent, nothing unproven is committed."""

    kind: HaltKind
    detail: str


# ---- from the edges to the loop -------------------------------------------------------------------------------------


class Facts(NamedTuple):
    """What Kafka knows of a partition at its assignment.

    `committed` is None where the group has none. `topic_id` is None where the broker has no topic ids.
    """

    committed: int | None
    metadata: str
    low: int
    high: int
    topic_id: str | None


class CommitResult(NamedTuple):
    """What the coordinator said to one commit. `later` means: a rebalance is under way, the next commit carries it."""

    partition: TopicPartition
    offset: int
    error: str | None = None
    later: bool = False


class PartitionFault(NamedTuple):
    """Kafka cannot serve a partition. Kind "reset": the position is out of the log, nothing more comes of it."""

    partition: TopicPartition
    kind: str  # "reset", "unknown topic", "other"
    detail: str


class ClientFault(NamedTuple):
    """An error of the client as a whole; after a fatal one only a new process helps."""

    detail: str
    fatal: bool = False


class FetchedSchema(NamedTuple):
    """A writer's schema from the registry, self-contained JSON; None when a healthy registry does not know the id."""

    schema_id: int
    schema: str | None


class TokenStatus(NamedTuple):
    """The state of the access token, without the token.

    `number` counts up with each token, 0 before the first. `failing` is an outage of IMS that we wait out; `refused` is
    IMS saying that the credentials are wrong.
    """

    number: int = 0
    ready: bool = False
    failing: str | None = None
    refused: str | None = None
