"""The composition root: settings in, a wired worker out. Nothing is decided here; everything is put together here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

import orjson

from processor import __version__
from processor.aep.client import Inlet
from processor.aep.http import Http
from processor.aep.ims import Ims
from processor.aep.senders import Senders
from processor.aep.tokens import Tokens
from processor.delivery.delivery import Delivery, Policy
from processor.edges import Edges
from processor.events import Event
from processor.kafka import config
from processor.kafka.admin import Admin
from processor.kafka.dead_letters import DeadLetters
from processor.kafka.registry import NoRegistry, SchemaFetcher
from processor.kafka.source import Source
from processor.model import Destination, Halt, TopicPartition
from processor.partitions.lanes import Lanes
from processor.partitions.start import StartPolicy
from processor.pipeline import Limits, Pipeline
from processor.settings import DestinationSettings, Settings
from processor.translator import Mappings

Gaps = frozenset[tuple[TopicPartition, int]]
XED_FULL = "application/vnd.adobe.xed-full+json;version=1"
SOURCE_NAME = "capillary"
CLOSE_TIMEOUT = 2.0  # seconds for each thread of an edge to end


class Stop:
    """Tells the worker to leave, and is told when it leaves for another reason. Any thread or signal may set it.

    `asked_at` is when, by `clock` in seconds: from then on time runs, whatever the worker was busy with.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.asked_at = inf
        self._clock = clock

    def is_set(self) -> bool:
        """Whether to leave."""
        return self.asked_at < inf

    def set(self) -> None:
        """Asks; again is once."""
        if not self.is_set():
            self.asked_at = self._clock()


class MissingTopicError(Exception):
    """A topic that must be there is not; the text names it and its setting."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A wired worker. `run` once, on one thread; everything is closed when it returns."""

    pipeline: Pipeline
    source: Source
    senders: Senders
    tokens: Tokens
    dead_letters: DeadLetters
    schemas: SchemaFetcher | NoRegistry
    topics: tuple[str, ...]
    attempt_timeout: float  # seconds
    clock: Callable[[], float]

    def run(self, stop: Stop, alive: Callable[[float], None]) -> Halt | None:
        """Turns until `stop` is set or nothing more can be done, then leaves. Returns why delivery halted, if it did.

        Whatever ends it sets `stop` too and leaves the group; `Source.close` may take for ever, and who made `stop` can
        end that. Raises GaveUpError when Kafka is beyond help for this process. `alive` is told the time at each turn.
        """
        pipeline = self.pipeline
        self.source.subscribe(self.topics, pipeline)
        try:
            while not stop.is_set() and not pipeline.finished:
                alive(self.clock())
                pipeline.turn()
            stop.set()
            pipeline.leave(stop.asked_at)
        except BaseException:
            stop.set()
            self.senders.close(self.attempt_timeout)  # nothing may land after what the next owner sends
            self.source.close()  # Python would do it some time later, where nothing can end it any more
            raise
        finally:
            self.senders.close(CLOSE_TIMEOUT)
            self.tokens.close(CLOSE_TIMEOUT)
            self.dead_letters.close(CLOSE_TIMEOUT)
            self.schemas.close(CLOSE_TIMEOUT)
        return pipeline.halt


def build_worker(
    settings: Settings,
    mappings: Mappings,
    observe: Callable[[Event], None],
    *,
    accepted_gaps: Gaps = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> Worker:
    """Wires a worker.

    Raises NoAnswerError when Kafka cannot be reached, ConfigProblem for a client property, MissingTopicError where
    there is no dead-letter topic: the first letter would hold up its partition, long after all seemed well.
    """
    kafka, delivery = settings.kafka, settings.delivery
    servers, client = kafka.bootstrap_servers, kafka.client
    admin = Admin(config.admin_properties(servers, client=client))
    source = Source(
        config.consumer_properties(
            servers,
            kafka.group_id,
            protocol=kafka.group_protocol,
            session_timeout_ms=kafka.session_timeout_ms,
            client=client,
        ),
        admin,
        clock=clock,
    )
    counts = source.partition_counts(delivery.drain_timeout_s)
    if kafka.dlq_topic not in counts:
        raise MissingTopicError(f"KAFKA__DLQ_TOPIC: Kafka has no topic {kafka.dlq_topic}; create it first")
    start = StartPolicy(kafka.default_start, counts, accepted_gaps)
    schemas = _schemas(settings)
    dead_letters = DeadLetters(
        config.dead_letter_properties(servers, client=client), kafka.dlq_topic, __version__, clock=clock
    )
    tokens = Tokens(_ims(settings).ask, clock=clock)
    senders = Senders(_inlet(settings), tokens, delivery.max_in_flight)
    lanes = Lanes()
    edges = Edges(
        source=source,
        translator=mappings.translator(
            destinations(settings, mappings), lambda: time.time_ns() // 1_000_000, org_ids=kafka.org_ids
        ),
        schemas=schemas,
        senders=senders,
        dead_letters=dead_letters,
        clock=clock,
        sleep=time.sleep,
        observe=observe,
    )
    pipeline = Pipeline(edges, Delivery(lanes, policy(settings), random.random), lanes, start, limits(settings))
    return Worker(
        pipeline, source, senders, tokens, dead_letters, schemas, kafka.topics, delivery.attempt_timeout_s, clock
    )


def destinations(settings: Settings, mappings: Mappings) -> Mapping[str, Destination]:
    """The datasets that mappings write and settings name, each with its envelope rendered."""
    return {
        name: _destination(
            name, settings.destinations[name], settings.aep.org_id, profile=mappings.schemas[name].profile
        )
        for name in mappings.destination_names
        if name in settings.destinations
    }


def _destination(name: str, where: DestinationSettings, org_id: str, *, profile: bool) -> Destination:
    """The constant part of a message: Adobe's streaming ingestion reference, section "message format"."""
    schema = {"id": where.schema_id, "contentType": XED_FULL}
    header: dict[str, object] = {"schemaRef": schema, "imsOrgId": org_id, "datasetId": where.dataset_id}
    if where.flow_id is not None:
        header["flowId"] = where.flow_id
    header["source"] = {"name": SOURCE_NAME}
    body = orjson.dumps({"xdmMeta": {"schemaRef": schema}})
    prefix = b'{"header":' + orjson.dumps(header) + b',"body":' + body[:-1] + b',"xdmEntity":'
    return Destination(name, profile, prefix, b"}}")


def _schemas(settings: Settings) -> SchemaFetcher | NoRegistry:
    if settings.registry.url is None:
        return NoRegistry()
    from processor.kafka.lookup import RegistryLookup  # noqa: PLC0415 - 14 MB, for those who have a registry

    return SchemaFetcher(RegistryLookup(settings.registry.url.get_secret_value()))


def _ims(settings: Settings) -> Ims:
    aep = settings.aep
    return Ims(
        aep.ims_url, Http(connections=1), client_id=aep.client_id, client_secret=aep.client_secret.get_secret_value()
    )


def _inlet(settings: Settings) -> Inlet:
    aep = settings.aep
    return Inlet(
        aep.inlet_url.get_secret_value(),
        Http(connections=settings.delivery.max_in_flight),
        org_id=aep.org_id,
        client_id=aep.client_id,
        sandbox=aep.sandbox,
    )


def policy(settings: Settings) -> Policy:
    """The numbers of delivery."""
    delivery = settings.delivery
    return Policy(
        max_bytes=delivery.max_batch_bytes,
        max_messages=delivery.max_batch_messages,
        max_in_flight=delivery.max_in_flight,
        linger=delivery.linger_ms / 1000,
        attempt_timeout=delivery.attempt_timeout_s,
        rate=delivery.max_messages_per_second,
    )


def limits(settings: Settings) -> Limits:
    """The numbers of the loop."""
    delivery = settings.delivery
    return Limits(
        lanes=delivery.lanes,
        window=delivery.window,
        memory=delivery.memory_mb * 1_000_000,
        drain=delivery.drain_timeout_s,
    )
