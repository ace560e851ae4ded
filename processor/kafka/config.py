"""librdkafka's properties for each client, and a refusal of overrides that would break the promise.

Names and meanings: librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

from confluent_kafka import KafkaError

Property = str | int | float | bool
Protocol = Literal["classic", "consumer"]

CLIENT_LOG = logging.getLogger("processor.kafka.librdkafka")
"""What librdkafka itself has to say. It reaches Python inside the polls of each client."""

COMMIT_INTERVAL_MS = 500
DELIVERY_TIMEOUT_MS = 30_000

_CONSUMER_ONLY = (
    "auto.commit.", "auto.offset.", "check.crcs", "enable.auto.", "enable.partition.eof", "fetch.", "group.",
    "heartbeat.", "isolation.", "max.poll.", "max.partition.fetch.", "partition.assignment.", "queued.", "session.",
)  # fmt: skip
_PRODUCER_ONLY = (
    "acks", "batch.", "compression.", "delivery.timeout.", "enable.idempotence", "linger.", "message.send.",
    "message.timeout.", "partitioner", "queue.buffering.", "request.required.", "request.timeout.", "retries",
    "sticky.", "transaction",
)  # fmt: skip

_ALIASES = {
    "auto.commit.enable": "enable.auto.commit",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "message.timeout.ms": "delivery.timeout.ms",
    "metadata.broker.list": "bootstrap.servers",
    "request.required.acks": "acks",
}

_REASONS = {
    "acks": "a dead letter counts only when all in-sync replicas have it",
    "allow.auto.create.topics": "a mistyped topic must be an error, not an empty topic",
    "auto.offset.reset": "a reset by librdkafka skips deleted records without an error; where to start is KAFKA__START",
    "batch.num.messages": "a broker refuses a batch as a whole, so each dead letter travels alone",
    "bootstrap.servers": "it has a setting of its own: KAFKA__BOOTSTRAP_SERVERS",
    "delivery.timeout.ms": "letters are produced again by a rule of ours",
    "enable.auto.commit": "librdkafka's timer is what commits; an explicit commit checks neither owner nor direction",
    "enable.auto.offset.store": "offsets would be committed before delivery",
    "enable.idempotence": "retries inside the client would duplicate and reorder",
    "enable.partition.eof": "the end of a partition is not an event here",
    "group.id": "it has a setting of its own: KAFKA__GROUP_ID",
    "group.protocol": "it has a setting of its own: KAFKA__GROUP_PROTOCOL",
    "heartbeat.interval.ms": "under the consumer protocol it is the broker's",
    "isolation.level": "records of aborted transactions would be delivered",
    "partition.assignment.strategy": "rebalances are handled as cooperative ones",
    "session.timeout.ms": "it has a setting of its own: KAFKA__SESSION_TIMEOUT_MS",
}

_NEVER = {
    "plugin.library.paths": "it loads foreign code into the process",
    "transactional.id": "nothing here is a transaction",
    "offset.store.method": "offsets live with the broker",
    "offset.store.path": "offsets live with the broker",
    "on_commit": "callbacks are ours",
    "logger": "callbacks are ours",
    "default.topic.config": "give topic properties beside the others",
}


class ConfigProblem(ValueError):  # noqa: N818 - what it is called in the settings' own report, beside other problems
    """A client property that would break what this program promises; the text names it and says why."""


class NoAnswerError(Exception):
    """Kafka did not answer, or not in time. The text is librdkafka's."""


def consumer_properties(
    bootstrap_servers: str,
    group_id: str,
    *,
    protocol: Protocol = "classic",
    session_timeout_ms: int = 45_000,
    client: Mapping[str, Property] | None = None,
) -> dict[str, object]:
    """The worker's consumer. `client` is laid over it; raises ConfigProblem where that breaks the promise."""
    fixed: dict[str, Property] = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": group_id,
        "group.protocol": protocol,
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
        "enable.partition.eof": False,
    }
    if protocol == "classic":
        fixed |= {"partition.assignment.strategy": "cooperative-sticky", "session.timeout.ms": session_timeout_ms}
        own = frozenset[str]()
    else:  # librdkafka refuses these three: assignor and times are the broker's
        own = frozenset({"partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms"})
    start: dict[str, Property] = {
        "auto.commit.interval.ms": COMMIT_INTERVAL_MS,
        "max.poll.interval.ms": 300_000,
        "queued.max.messages.kbytes": 4_096,
        "queued.min.messages": 10_000,
        "fetch.max.bytes": 4_194_304,
        "fetch.queue.backoff.ms": 100,  # the default of a second stalls a queue of this size
        "check.crcs": True,  # a few percent of CPU for "nothing silently damaged"
        "topic.metadata.refresh.interval.ms": 60_000,  # how soon added partitions are seen
    }
    properties = _laid_over(start, fixed, client or {}, other=_PRODUCER_ONLY, refused=own)
    if not 0 < float(str(properties["auto.commit.interval.ms"])) <= 60_000:  # noqa: PLR2004 - a minute
        raise ConfigProblem("auto.commit.interval.ms: 1 to 60000; with 0 nothing would ever be committed")
    return properties


def producer_properties(bootstrap_servers: str, *, client: Mapping[str, Property] | None = None) -> dict[str, object]:
    """Keyed, idempotent, acknowledged by all in-sync replicas. Raises ConfigProblem."""
    fixed: dict[str, Property] = {
        "bootstrap.servers": bootstrap_servers,
        "acks": "all",
        "enable.idempotence": True,
        "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
        "allow.auto.create.topics": False,
    }
    start: dict[str, Property] = {
        "partitioner": "murmur2_random",  # the same partition for a key as Java's producers
        "message.max.bytes": 67_108_864,  # the topic's own limit decides
        "linger.ms": 5,
    }
    return _laid_over(start, fixed, client or {}, other=_CONSUMER_ONLY)


def dead_letter_properties(
    bootstrap_servers: str, *, client: Mapping[str, Property] | None = None
) -> dict[str, object]:
    """A producer whose letters travel alone: one that is too large takes no others with it. Raises ConfigProblem."""
    if client and "batch.num.messages" in client:
        client = {name: value for name, value in client.items() if name != "batch.num.messages"}
    return {**producer_properties(bootstrap_servers, client=client), "batch.num.messages": 1, "linger.ms": 0}


def admin_properties(bootstrap_servers: str, *, client: Mapping[str, Property] | None = None) -> dict[str, object]:
    """Questions about topics, and their administration. Raises ConfigProblem."""
    other = (*_CONSUMER_ONLY, *_PRODUCER_ONLY)
    return _laid_over({}, {"bootstrap.servers": bootstrap_servers}, client or {}, other=other)


def _laid_over(
    start: Mapping[str, Property],
    fixed: Mapping[str, Property],
    client: Mapping[str, Property],
    *,
    other: tuple[str, ...],
    refused: frozenset[str] = frozenset(),
) -> dict[str, object]:
    """`client` over `start`, without what only another kind of client understands, and `fixed` over all."""
    overlay: dict[str, Property] = {}
    for given, value in client.items():
        name = _ALIASES.get(given, given)
        if name in _NEVER or name.endswith("_cb"):
            raise ConfigProblem(f"{given}: {_NEVER.get(name, 'callbacks are ours')}")
        if name in refused or (name in fixed and _text(fixed[name]) != _text(value)):
            raise ConfigProblem(f"{given}: {_REASONS[name]}")
        if not name.startswith(other):
            overlay[name] = value
    return {**start, **overlay, **fixed, "logger": CLIENT_LOG}


def _text(value: Property) -> str:
    """As librdkafka reads it: `True` and "true" are one, so are the two names of full acknowledgement."""
    text = str(value).strip().lower()
    return {"-1": "all", "1": "true", "0": "false"}.get(text, text)


def describe(error: KafkaError) -> str:
    """An error by its name and its text, for people."""
    return f"{error.name()}: {error.str()}"
