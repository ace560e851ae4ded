"""Client properties: what is always so, what may be overridden, what is refused."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from processor.kafka.backoff import BASE, CAP, pause
from processor.kafka.config import (
    ConfigProblem,
    Property,
    Protocol,
    admin_properties,
    consumer_properties,
    dead_letter_properties,
    producer_properties,
)

SERVERS = "127.0.0.1:1"


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_librdkafka_takes_them(protocol: Protocol) -> None:
    """All names and values are known to the client, in both protocols."""
    Consumer({**consumer_properties(SERVERS, "g", protocol=protocol), "log_level": 0}).close()
    Producer({**producer_properties(SERVERS), "log_level": 0})
    Producer({**dead_letter_properties(SERVERS), "log_level": 0})
    AdminClient({**admin_properties(SERVERS), "log_level": 0})  # type: ignore[dict-item]


def test_the_promise_rests_on_these() -> None:
    """A change here is a change of the promise."""
    properties = consumer_properties(SERVERS, "g", session_timeout_ms=12_000)
    assert (
        properties.items()
        >= {
            "enable.auto.commit": True,
            "enable.auto.offset.store": False,
            "auto.commit.interval.ms": 500,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 12_000,
            "check.crcs": True,
            "allow.auto.create.topics": False,
        }.items()
    )
    assert (
        dead_letter_properties(SERVERS).items()
        >= {
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": 30_000,
            "batch.num.messages": 1,
        }.items()
    )


def test_under_the_consumer_protocol_the_broker_has_the_times() -> None:
    """The client would refuse them."""
    properties = consumer_properties(SERVERS, "g", protocol="consumer")
    assert not {"session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"} & properties.keys()
    with pytest.raises(ConfigProblem, match=r"heartbeat\.interval\.ms: under the consumer protocol"):
        consumer_properties(SERVERS, "g", protocol="consumer", client={"heartbeat.interval.ms": 500})
    assert consumer_properties(SERVERS, "g", client={"heartbeat.interval.ms": 500})["heartbeat.interval.ms"] == 500


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.auto.offset.store", True),
        ("enable.auto.commit", "false"),
        ("auto.commit.enable", False),
        ("auto.commit.interval.ms", 0),
        ("auto.offset.reset", "earliest"),
        ("isolation.level", "read_uncommitted"),
        ("partition.assignment.strategy", "range"),
        ("session.timeout.ms", 1),
        ("group.id", "other"),
        ("group.protocol", "consumer"),
        ("bootstrap.servers", "elsewhere:9092"),
        ("metadata.broker.list", "elsewhere:9092"),
        ("allow.auto.create.topics", True),
        ("on_commit", "x"),
        ("error_cb", "x"),
        ("plugin.library.paths", "/x.so"),
    ],
)
def test_the_consumer_refuses(name: str, value: Property) -> None:
    """Naming the property."""
    with pytest.raises(ConfigProblem, match=name.replace(".", r"\.")):
        consumer_properties(SERVERS, "g", client={name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acks", 1),
        ("request.required.acks", "0"),
        ("enable.idempotence", False),
        ("delivery.timeout.ms", 1),
        ("message.timeout.ms", 1),
        ("transactional.id", "t"),
        ("dr_cb", "x"),
    ],
)
def test_the_producers_refuse(name: str, value: Property) -> None:
    """Naming the property."""
    for properties in (producer_properties, dead_letter_properties):
        with pytest.raises(ConfigProblem, match=name.replace(".", r"\.")):
            properties(SERVERS, client={name: value})


def test_saying_what_is_so_anyway_is_no_problem() -> None:
    """In any of librdkafka's spellings."""
    same: dict[str, Property] = {"enable.auto.commit": "true", "isolation.level": "read_committed"}
    consumer_properties(SERVERS, "g", client=same)
    producer_properties(SERVERS, client={"acks": -1, "enable.idempotence": "true"})


def test_one_overlay_serves_all_clients() -> None:
    """Each takes what it understands, so that librdkafka does not warn about the rest."""
    client: dict[str, Property] = {
        "security.protocol": "SASL_SSL",
        "fetch.max.bytes": 8_000_000,
        "compression.type": "zstd",
        "group.instance.id": "pod-1",
    }
    consumer = consumer_properties(SERVERS, "g", client=client)
    producer = producer_properties(SERVERS, client=client)
    admin = admin_properties(SERVERS, client=client)
    assert (consumer["fetch.max.bytes"], consumer["group.instance.id"]) == (8_000_000, "pod-1")
    assert "compression.type" not in consumer
    assert producer["compression.type"] == "zstd"
    assert "fetch.max.bytes" not in producer
    assert {name for name in client if name in admin} == {"security.protocol"}


def test_backoff_grows_to_its_cap_and_is_never_nothing() -> None:
    """Full jitter between a quarter second and the cap."""
    assert pause(1, lambda: 0.0) == BASE / 2
    assert pause(1, lambda: 1.0) == 2 * BASE
    assert pause(1_000, lambda: 1.0) == CAP
