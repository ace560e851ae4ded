"""A member of a consumer group for tests: a `Source` whose listener does the least that the loop would do."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from processor.kafka.admin import Admin
from processor.kafka.config import Property, Protocol, admin_properties, consumer_properties, producer_properties
from processor.kafka.producer import Producer
from processor.kafka.source import Source
from processor.model import ClientFault, CommitResult, Facts, PartitionFault, Record, TopicPartition

PATIENCE = 20.0  # seconds
METADATA = "metadata of a test"


class Member:
    """Starts at the committed offset or at the beginning, stores that, and keeps everything that it hears."""

    def __init__(self, source: Source, topics: Sequence[str]) -> None:
        self.source = source
        self.owned: set[TopicPartition] = set()
        self.found: dict[TopicPartition, Facts | str] = {}
        self.starts: dict[TopicPartition, int] = {}  # where to begin, instead of what Kafka says
        self.calls: list[tuple[str, list[TopicPartition]]] = []
        self.records: list[Record] = []
        self.commits: list[CommitResult] = []
        self.faults: list[PartitionFault] = []
        self.client_faults: list[ClientFault] = []
        self.on_revoked: Callable[[Sequence[TopicPartition]], None] = lambda _partitions: None
        self.refuse: Exception | None = None
        self.closed = False
        source.subscribe(topics, self)

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Asks, starts, stores the start."""
        if self.refuse is not None:
            raise self.refuse
        self.calls.append(("assigned", list(partitions)))
        found = self.source.ask(partitions, 10.0)
        self.found.update(found)
        starts = {}
        for partition, facts in found.items():
            assert isinstance(facts, Facts), facts
            starts[partition] = self.starts.get(partition, facts.low if facts.committed is None else facts.committed)
        self.source.assign(starts)
        for partition, offset in starts.items():
            assert self.source.store(partition, offset, METADATA)
        self.owned |= set(partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Lets the test settle something first."""
        self.calls.append(("revoked", list(partitions)))
        self.on_revoked(partitions)
        self.owned -= set(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Nothing can be done."""
        self.calls.append(("lost", list(partitions)))
        self.owned -= set(partitions)

    def poll(self, timeout: float = 0.05) -> list[Record]:
        """One poll; returns its records."""
        polled = self.source.poll(500, timeout)
        records = [item for item in polled if isinstance(item, Record)]
        self.records += records
        self.commits += [item for item in polled if isinstance(item, CommitResult)]
        self.faults += [item for item in polled if isinstance(item, PartitionFault)]
        self.client_faults += [item for item in polled if isinstance(item, ClientFault)]
        return records

    def close(self) -> None:
        """Leaves the group, once."""
        if not self.closed:
            self.closed = True
            self.source.close()


def poll_until(condition: Callable[[], object], *members: Member, patience: float = PATIENCE) -> None:
    """Lets members poll in turns until the condition holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        for member in members:
            member.poll()


def poll_for(seconds: float, *members: Member) -> None:
    """Lets members poll in turns, to see that something does not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for member in members:
            member.poll()


@pytest.fixture
def join(request: pytest.FixtureRequest, group: str) -> Iterator[Callable[..., Member]]:
    """Makes members: `join([topic], "classic")`. Each is closed at the end."""
    members: list[Member] = []

    def make(
        topics: Sequence[str],
        protocol: Protocol = "classic",
        *,
        bootstrap_servers: str = "",
        client: Mapping[str, Property] | None = None,
        session_timeout_ms: int = 6_000,
    ) -> Member:
        servers = bootstrap_servers or request.getfixturevalue("kafka").bootstrap_servers
        properties = consumer_properties(
            servers, group, protocol=protocol, session_timeout_ms=session_timeout_ms, client=client
        )
        quick = {} if protocol == "consumer" else {"heartbeat.interval.ms": 500}
        source = Source({**properties, **quick}, Admin(admin_properties(servers)))
        members.append(Member(source, topics))
        return members[-1]

    yield make
    for member in members:
        member.close()


@pytest.fixture
def group() -> str:
    """A group that no other test has."""
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def fill(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Puts records into partitions: `fill(topic, {0: 10})`; the value of each is its place, as text."""

    def put(topic: str, counts: Mapping[int, int], bootstrap_servers: str = "") -> None:
        servers = bootstrap_servers or request.getfixturevalue("kafka").bootstrap_servers
        producer = Producer(producer_properties(servers))
        for partition, count in counts.items():
            for number in range(count):
                producer.send(topic, b"key", f"{number}".encode(), partition=partition)
        producer.flush(10.0)

    return put


@pytest.fixture(params=["classic", "consumer"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Both protocols of consumer groups."""
    return str(request.param)
