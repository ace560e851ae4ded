"""What the loop needs of the world. `processor.kafka` and `processor.aep` provide it; tests provide fakes.

All of it is called from the loop's thread, none of it blocks longer than it is told to, and what comes back is
immutable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from processor.events import Event
from processor.model import (
    Answer,
    ClientFault,
    CommitResult,
    DeadLetter,
    Facts,
    FetchedSchema,
    NeedsSchema,
    PartitionFault,
    Record,
    Request,
    TokenStatus,
    TopicPartition,
    Translated,
)

Polled = Record | CommitResult | PartitionFault | ClientFault


class Source(Protocol):
    """The consumer. The loop's `assigned`, `revoked` and `lost` are called inside `poll`."""

    def poll(self, limit: int, timeout: float) -> Sequence[Polled]:
        """Waits up to `timeout` seconds for `limit` records; errors come as values between them."""

    def ask(self, partitions: Iterable[TopicPartition], timeout: float) -> Mapping[TopicPartition, Facts | str]:
        """Where the group is and what the log holds; a text where there was no answer in time."""

    def offsets_for_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int, timeout: float
    ) -> Mapping[TopicPartition, int | str]:
        """The first offset at or after a time; -1 is the end."""

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Takes partitions up, each at its offset. Only inside `assigned`."""

    def position(self, partition: TopicPartition) -> int | None:
        """The next offset that would be delivered."""

    def store(self, partition: TopicPartition, offset: int, metadata: str) -> bool:
        """Gives an offset to be committed; False when the partition is not ours any more."""

    def unstore(self, partition: TopicPartition) -> None:
        """Takes back what was stored and is not committed."""

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Stops fetching; polling goes on. The client remembers it beyond a revoke."""

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetches again."""

    def close(self) -> None:
        """Commits what is stored and leaves the group, without a word to the loop. Has no timeout."""


class Senders(Protocol):
    """Threads that make one attempt each, and the access token they use."""

    def start(self, request: Request) -> None:
        """Hands a request to a thread."""

    def answers(self) -> Sequence[Answer]:
        """What came back; exactly one answer for each request."""

    def token(self) -> TokenStatus:
        """The state of the access token."""

    def renew(self, number: int) -> None:
        """AEP refused the token of that number: get another one, once."""


class DeadLetters(Protocol):
    """The producer of dead letters: tries until it is acknowledged."""

    def send(self, letter: DeadLetter) -> None:
        """Hands a letter to its thread."""

    def acknowledged(self) -> Sequence[int]:
        """The tickets that all in-sync replicas have."""

    def forget(self, tickets: Iterable[int]) -> None:
        """Letters that somebody else answers for by now."""

    def failing(self) -> str | None:
        """Why letters do not arrive at present."""


class Schemas(Protocol):
    """The schema registry, asked by a thread of its own."""

    def want(self, schema_id: int) -> None:
        """Asks for a writer's schema; asking twice is asking once."""

    def arrived(self) -> Sequence[FetchedSchema]:
        """Schemas that came, and ids that a healthy registry does not know."""

    def failing(self) -> str | None:
        """Why the registry gives no answer at present."""


class Translator(Protocol):
    """Total: whatever the record, it never raises."""

    def translate(self, record: Record) -> Translated | NeedsSchema:
        """The messages of a record, its refusal, or the schema it waits for."""

    def learn(self, schema_id: int, schema: str | None) -> None:
        """A writer's schema came; None means that nobody knows it."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The world around the loop. `clock` is monotonic, in seconds; `observe` is told every fact."""

    source: Source
    translator: Translator
    schemas: Schemas
    senders: Senders
    dead_letters: DeadLetters
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    observe: Callable[[Event], None]
