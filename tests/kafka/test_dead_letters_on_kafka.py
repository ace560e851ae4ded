"""Dead letters on Apache Kafka itself: acknowledged or still ours, never anything between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import pytest

from processor.kafka.admin import Admin
from processor.kafka.config import admin_properties, dead_letter_properties
from processor.kafka.dead_letters import DeadLetters
from processor.model import DeadLetter, Reason, Record, Refusal, Stage
from tests.plugins.brokers import Broker, KafkaNode
from tests.plugins.members import Member, poll_until

pytestmark = pytest.mark.real_kafka

Start = Callable[..., DeadLetters]
RECORD = Record("events", 3, 42, 1_700_000_000_000, b"org:1", b"\x00\xffvalue", (("h", b"1"), ("h", None), ("a", b"")))
REFUSAL = Refusal(Reason.REFUSED, Stage.DELIVER, "field x is missing", status=400, attempts=2)


def letter(ticket: int, record: Record = RECORD) -> DeadLetter:
    """A letter about one of two outputs."""
    return DeadLetter(ticket, record, REFUSAL, "pointsIssued", ("events", "profile-balance"), 7)


@pytest.fixture
def start(kafka: Broker) -> Iterator[Start]:
    """Starts dead letters for a topic, and ends them."""
    started: list[DeadLetters] = []

    def make(topic: str, servers: str = "", quick: Mapping[str, object] | None = None) -> DeadLetters:
        properties = dead_letter_properties(servers or kafka.bootstrap_servers)
        started.append(DeadLetters({**properties, **(quick or {})}, topic, "1.2.3", jitter=lambda: 0.0))
        return started[-1]

    yield make
    for letters in started:
        letters.close(0.0)


def wait_for(letters: DeadLetters, tickets: set[int], patience: float = 20.0) -> None:
    """Until all of these are acknowledged, each once."""
    deadline = time.monotonic() + patience
    got: list[int] = []
    while len(got) < len(tickets):
        assert time.monotonic() < deadline, f"acknowledged: {got}, failing: {letters.failing()}"
        got += letters.acknowledged()
        time.sleep(0.01)
    assert sorted(got) == sorted(tickets)


def test_a_letter_keeps_the_record_and_says_why(
    start: Start, new_topic: Callable[..., str], join: Callable[..., Member]
) -> None:
    """Key, value and headers as they were; our headers behind them."""
    topic = new_topic()
    letters = start(topic)
    letters.send(letter(11))
    wait_for(letters, {11})
    assert letters.failing() is None
    reader = join([topic])
    poll_until(lambda: reader.records, reader)
    (found,) = reader.records
    assert (found.key, found.value, found.headers[:3]) == (RECORD.key, RECORD.value, RECORD.headers)
    assert dict(found.headers[3:]) == {
        "capillary-aep.reason": b"refused",
        "capillary-aep.detail": b"field x is missing",
        "capillary-aep.stage": b"deliver",
        "capillary-aep.outputs": b"events,profile-balance",
        "capillary-aep.topic": b"events",
        "capillary-aep.partition": b"3",
        "capillary-aep.offset": b"42",
        "capillary-aep.timestamp": b"1700000000000",
        "capillary-aep.event": b"pointsIssued",
        "capillary-aep.schema-id": b"7",
        "capillary-aep.status": b"400",
        "capillary-aep.attempts": b"2",
        "capillary-aep.version": b"1.2.3",
    }


def test_what_is_too_large_for_the_topic_goes_as_a_fingerprint_alone(
    start: Start, new_topic: Callable[..., str], join: Callable[..., Member]
) -> None:
    """Its neighbours arrive whole."""
    topic = new_topic(config={"max.message.bytes": "5000"})
    letters = start(topic)
    large = RECORD._replace(value=bytes(range(256)) * 40, offset=43)
    for ticket in range(20):
        letters.send(letter(ticket, large if ticket == 7 else RECORD))
    wait_for(letters, set(range(20)))
    reader = join([topic])
    poll_until(lambda: len(reader.records) == 20, reader)
    cut = [record for record in reader.records if record.value != RECORD.value]
    assert len(cut) == 1
    assert json.loads(cut[0].value or b"") == {
        "topic": "events",
        "partition": 3,
        "offset": 43,
        "key": {"bytes": 5, "sha256": sha256(b"org:1").hexdigest()},
        "value": {"bytes": 10_240, "sha256": sha256(large.value or b"").hexdigest()},
        "headers": 3,
    }
    assert cut[0].key == b"org:1"
    assert "capillary-aep.truncated" in dict(cut[0].headers)


def test_a_letter_that_cannot_be_written_holds_up_no_other(start: Start, new_topic: Callable[..., str]) -> None:
    """It should not come to that. If it does, that letter alone stays unsettled, and the fault is said."""
    letters = start(new_topic())
    letters.send(letter(1)._replace(event="\ud800"))  # no UTF-8 can hold it
    for ticket in range(2, 6):
        letters.send(letter(ticket))
    wait_for(letters, {2, 3, 4, 5})
    deadline = time.monotonic() + 10
    while "UnicodeEncodeError" not in str(letters.failing()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert letters.acknowledged() == []


def test_a_missing_topic_is_an_outage(start: Start, kafka_admin: Admin, group: str) -> None:
    """It is said, waited out, and over once somebody makes the topic."""
    topic = f"letters-{group}"
    letters = start(topic, quick={"delivery.timeout.ms": 1_000, "topic.metadata.propagation.max.ms": 500})
    letters.send(letter(1))
    deadline = time.monotonic() + 10
    while letters.failing() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert topic in str(letters.failing())
    assert letters.acknowledged() == []
    kafka_admin.create_topic(topic, 1)
    wait_for(letters, {1})
    assert letters.failing() is None
    kafka_admin.delete_topic(topic)


def test_a_broker_that_dies_and_comes_back_costs_no_letter(
    start: Start, own_node: Callable[..., KafkaNode], join: Callable[..., Member]
) -> None:
    """A letter that timed out may be in the log; it is produced again all the same, so all are there at the end."""
    node = own_node()
    servers = node.bootstrap_servers
    Admin(admin_properties(servers)).create_topic("letters", 1)
    letters = start("letters", servers, {"delivery.timeout.ms": 2_000})
    for ticket in range(100):
        letters.send(letter(ticket, RECORD._replace(offset=ticket)))
    node.kill()
    for ticket in range(100, 150):
        letters.send(letter(ticket, RECORD._replace(offset=ticket)))
    deadline = time.monotonic() + 10
    while letters.failing() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    node.start()
    wait_for(letters, set(range(150)), patience=40)
    reader = join(["letters"], bootstrap_servers=servers)
    poll_until(lambda: len({dict(record.headers)["capillary-aep.offset"] for record in reader.records}) == 150, reader)
    reader.close()


def test_forgotten_letters_are_not_produced(
    start: Start, own_node: Callable[..., KafkaNode], join: Callable[..., Member]
) -> None:
    """Those that wait for their next try; whoever owns the partition by then answers for them."""
    node = own_node()
    servers = node.bootstrap_servers
    admin = Admin(admin_properties(servers))
    letters = start("letters", servers, {"delivery.timeout.ms": 1_000, "topic.metadata.propagation.max.ms": 200})
    letters.send(letter(1))
    letters.send(letter(2))
    deadline = time.monotonic() + 10
    while letters.failing() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    letters.forget([1])
    admin.create_topic("letters", 1)
    wait_for(letters, {2})
    reader = join(["letters"], bootstrap_servers=servers)
    poll_until(lambda: reader.records, reader)
    assert len(reader.records) == 1
    reader.close()


def test_close_waits_for_what_is_open(start: Start, new_topic: Callable[..., str], join: Callable[..., Member]) -> None:
    """As long as it may."""
    topic = new_topic()
    letters = start(topic)
    for ticket in range(50):
        letters.send(letter(ticket))
    letters.close(10.0)
    assert sorted(letters.acknowledged()) == list(range(50))
    reader = join([topic])
    poll_until(lambda: len(reader.records) == 50, reader)
