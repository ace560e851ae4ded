"""A run from end to end: a topic on real Kafka, the stand-in for AEP, and witnesses of all that happens between them.

`Witness` is the stand-in that also remembers when each message came, in which request, and what it refused. `Commits`
asks the group for its offsets ten times a second. `Scene` produces, and puts the evidence together for the auditor.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from processor.capillary import CanonicalEvent, load_contracts
from processor.commands._encoding import Encoder, single_object
from processor.kafka import dead_letters
from processor.kafka.admin import Admin
from processor.kafka.config import producer_properties
from processor.kafka.producer import Producer
from processor.kafka.reading import read_topic
from processor.model import Destination, Headers, Record, TopicPartition, Translated
from processor.settings import schemas_dir
from processor.simulator.account import Account, load_datasets
from processor.simulator.capillary import Sent
from processor.simulator.faults import Fault
from processor.simulator.http import Incoming, Outgoing
from processor.simulator.inlet import Verdict
from processor.simulator.simulator import Simulator
from processor.translator import Mappings, load_mappings
from tests.plugins.audit import Arrival, Commit, Evidence, Expected, Letter, Produced, Replay
from tests.plugins.brokers import Broker
from tests.plugins.workers import wait_until

SAMPLE_EVERY = 0.1  # seconds
TENANT = "example"


def name_of(to: str, entity: Mapping[str, object]) -> str:
    """What tells a message from all others of its destination: an event's `_id`, the whole of a Profile write."""
    if to == "events":
        return str(entity.get("_id"))
    return blake2b(orjson.dumps(entity), digest_size=12).hexdigest()


def event_id_of(entity: Mapping[str, object]) -> str:
    """Capillary's eventId in the tenant's namespace, empty where there is none."""
    tenant = entity.get(f"_{TENANT}")
    capillary = tenant.get("capillary") if isinstance(tenant, dict) else None
    return str(capillary.get("eventId", "")) if isinstance(capillary, dict) else ""


# ---- AEP -------------------------------------------------------------------------------------------------------------


class Witness(Simulator):
    """The stand-in, which also keeps every message of every request that it has looked into, in the order they came."""

    def __init__(self, account: Account | None = None, **options: object) -> None:
        account = account or Account(tenant=TENANT)
        super().__init__(load_datasets(schemas_dir() / "xdm", account), account, **options)  # type: ignore[arg-type]
        self.arrivals: list[Arrival] = []
        self.requests: list[tuple[float, int, int]] = []  # when it came, messages, bytes
        self.refuses: Callable[[Mapping[str, object]], int] = lambda _entity: 0  # a status for this item, for ever
        self._order = threading.Lock()
        self._current = threading.local()

    def _collect(self, incoming: Incoming, fault: Fault, *, is_batch: bool) -> Outgoing:
        self._current.size = len(incoming.body)
        return super()._collect(incoming, fault, is_batch=is_batch)

    def _batch(self, document: object, fault: Fault) -> Outgoing:
        messages = self._current.messages = document["messages"] if isinstance(document, dict) else []
        refused = {position: self.refuses(message["body"]["xdmEntity"]) for position, message in enumerate(messages)}
        items = {position: status for position, status in refused.items() if status}
        return super()._batch(document, replace(fault, items={**fault.items, **items}) if items else fault)

    def _accept(self, verdicts: Sequence[Verdict], fault: Fault) -> None:
        messages, request = self._current.messages, uuid.uuid4().hex
        seen = [self._seen(message) for message in messages]
        with self._order:  # so that both books have one order
            now = time.time()
            self.requests.append((now, len(messages), self._current.size))
            for (to, name, event_id), verdict in zip(seen, verdicts, strict=True):
                self.arrivals.append(
                    Arrival(now, request, to, name, verdict.dataset is not None, fault.hides, event_id)
                )
            super()._accept(verdicts, fault)

    def _seen(self, message: Mapping[str, Mapping[str, object]]) -> tuple[str, str, str]:
        dataset = self.datasets.get(str(message["header"].get("datasetId")))
        entity = message["body"].get("xdmEntity")
        if dataset is None or not isinstance(entity, dict):
            return "nowhere", "", ""
        return dataset.name, name_of(dataset.name, entity), event_id_of(entity)


# ---- Kafka -----------------------------------------------------------------------------------------------------------


class Commits:
    """Asks the group's coordinator what is committed, on a thread of its own, until `stop`."""

    def __init__(self, servers: str, group: str, partitions: Iterable[TopicPartition]) -> None:
        self.seen: list[Commit] = []  # changes only
        self.questions = 0
        self.last: dict[TopicPartition, int] = {}
        self._asked = list(partitions)
        self._stop = threading.Event()
        self._consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False})
        self._thread = threading.Thread(target=self._run, name="commits", daemon=True)
        self._thread.start()

    def watch(self, partitions: Iterable[TopicPartition]) -> None:
        """Asks for these too from now on."""
        self._asked = [*self._asked, *partitions]

    def stop(self) -> None:
        """Asks once more and ends."""
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            self._ask()
            self._consumer.close()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY):
            self._ask()

    def _ask(self) -> None:
        try:
            answers = self._consumer.committed([ClientPartition(*asked) for asked in self._asked], 5.0)
        except KafkaException:  # no coordinator yet, or it moves: the next question will be answered
            return
        now = time.time()
        self.questions += 1
        for answer in answers:
            partition = TopicPartition(answer.topic, answer.partition)
            if answer.error is None and answer.offset >= 0 and self.last.get(partition) != answer.offset:
                self.last[partition] = answer.offset
                self.seen.append(Commit(now, partition, answer.offset))


# ---- the whole -------------------------------------------------------------------------------------------------------


@cache
def mappings() -> Mappings:
    """Ours."""
    return load_mappings(schemas_dir(), None, TENANT)


@cache
def encoder() -> Encoder:
    """Avro single-object encoding, which needs no registry."""
    return Encoder(load_contracts(schemas_dir() / "capillary"), single_object)


def value_of(sent: Sent) -> bytes:
    """An event as Kafka holds it."""
    return encoder()(CanonicalEvent(sent.event, sent.record, sent.key))


class Scene:
    """One topic, one group, one stand-in. Whoever makes it must `close` it."""

    def __init__(
        self,
        servers: str,
        admin: Admin,
        *,
        partitions: int = 1,
        stand_in: Witness | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self.servers, self.admin = servers, admin
        name = uuid.uuid4().hex[:8]
        self.topic, self.dlq, self.group = f"events-{name}", f"events-{name}.dlq", f"group-{name}"
        self.partitions = [TopicPartition(self.topic, number) for number in range(partitions)]
        admin.create_topic(self.topic, partitions, config=config)
        # The broker's time tells when a letter was there; a producer's tells only when it meant to write it.
        admin.create_topic(self.dlq, 3, config={"message.timestamp.type": "LogAppendTime"})
        self.stand_in = stand_in or Witness()
        self.stand_in.start()
        quick = {"topic.metadata.refresh.interval.ms": 500}  # sees added partitions at once
        self.producer = Producer(producer_properties(servers, client=quick))
        self.commits = Commits(servers, self.group, self.partitions)
        self.log: dict[tuple[TopicPartition, int], Record] = {}
        self.schemas: dict[int, str | None] = {}  # what a registry says, for the auditor
        self._event_ids: dict[bytes, str] = {}

    def close(self) -> None:
        """Ends the witnesses and removes the topics."""
        self.commits.stop()
        self.stand_in.stop()
        for topic in (self.topic, self.dlq):
            self.admin.delete_topic(topic, missing_ok=True)

    def settings(self, **more: str) -> dict[str, str]:
        """A worker's variables, without their prefix."""
        tables = self.stand_in.settings()
        ours = {f"AEP__{name.upper()}": str(value) for name, value in tables["aep"].items()}
        for name, table in tables["destinations"].items():
            place = f"DESTINATIONS__{name.replace('-', '_').upper()}"
            ours |= {f"{place}__{key.upper()}": str(value) for key, value in table.items()}  # type: ignore[attr-defined]
        kafka = {
            "KAFKA__BOOTSTRAP_SERVERS": self.servers,
            "KAFKA__TOPICS": self.topic,
            "KAFKA__DLQ_TOPIC": self.dlq,
            "KAFKA__GROUP_ID": self.group,
        }
        return {**ours, **kafka, **more}

    # ---- what goes in ------------------------------------------------------------------------------------------------

    def produce(
        self, events: Iterable[Sent], *, partition: Callable[[bytes], int] = lambda _key: -1, patience: float = 60.0
    ) -> int:
        """Writes events, keyed and acknowledged; returns how many. `partition` -1 is the key's."""
        count = 0
        for sent in events:
            value = value_of(sent)
            self._event_ids[value] = str(sent.record["eventId"])
            self.producer.send(self.topic, sent.key, value, partition=partition(sent.key))
            count += 1
        self.producer.flush(patience)
        return count

    def put(self, key: bytes | None, value: bytes | None, headers: Headers = (), *, partition: int = 0) -> None:
        """Writes any record."""
        self.producer.send(self.topic, key, value, headers, partition=partition)
        self.producer.flush(30.0)

    def read_back(self) -> list[Record]:
        """What the topic holds; remembered, so that it may be deleted afterwards."""
        records = list(read_topic(self.servers, self.topic, timeout=30.0))
        self.log |= {(TopicPartition(record.topic, record.partition), record.offset): record for record in records}
        return records

    def event_id(self, partition: TopicPartition, offset: int) -> str:
        """Capillary's eventId of a record that was produced as an event and read back."""
        return self._event_ids[self.log[partition, offset].value or b""]

    def ends(self) -> dict[TopicPartition, int]:
        """The offset behind the last record of each partition that was read back."""
        ends: dict[TopicPartition, int] = {}
        for partition, offset in self.log:
            ends[partition] = max(offset + 1, ends.get(partition, 0))
        return ends

    def wait_until_drained(self, patience: float = 120.0) -> None:
        """Waits until the group has committed the end of each partition, as it was read back."""
        ends = self.ends()
        wait_until(
            lambda: all(self.commits.last.get(partition, -1) >= end for partition, end in ends.items()),
            f"everything committed; {self.commits.last} of {ends}",
            patience,
        )

    # ---- what came out -----------------------------------------------------------------------------------------------

    def letters(self) -> list[Record]:
        """The dead letters."""
        return list(read_topic(self.servers, self.dlq, timeout=30.0))

    def evidence(
        self,
        *,
        replays: Sequence[Replay] = (),
        required: Mapping[str, int] | None = None,
        org_ids: Sequence[int] = (),
        drained: bool = True,
    ) -> Evidence:
        """Everything for the auditor. Stops asking for commits."""
        self.commits.stop()
        return Evidence(
            produced=self._produced(org_ids),
            arrivals=list(self.stand_in.arrivals),
            letters=[letter_of(record) for record in self.letters()],
            commits=self.commits.seen,
            replays=replays,
            required={"questions for commits": self.commits.questions, **(required or {})},
            drained=drained,
        )

    def _produced(self, org_ids: Sequence[int]) -> list[Produced]:
        destinations = {
            dataset.name: Destination(dataset.name, dataset.profile, b"", b"")
            for dataset in self.stand_in.datasets.values()
        }
        translator = mappings().translator(destinations, lambda: time.time_ns() // 1_000_000, org_ids=org_ids)
        for schema_id, schema in self.schemas.items():
            translator.learn(schema_id, schema)
        produced = []
        for (partition, offset), record in sorted(self.log.items(), key=lambda item: item[0]):
            translated = translator.translate(record)
            assert isinstance(translated, Translated), "the auditor was not told of that schema"
            produced.append(
                Produced(
                    partition,
                    offset,
                    record.key,
                    self._event_ids.get(record.value or b"", ""),
                    tuple(
                        Expected(
                            message.to.name,
                            name_of(message.to.name, orjson.loads(message.entity)),
                            message.identity if message.to.profile else None,
                        )
                        for message in translated.messages
                    ),
                    None if translated.refusal is None else translated.refusal.reason.value,
                )
            )
        return produced


def headers_of(record: Record) -> dict[str, str]:
    """Our headers of a dead letter, without their prefix; the last of a name counts."""
    prefix = dead_letters.PREFIX
    return {
        name.removeprefix(prefix): (value or b"").decode() for name, value in record.headers if name.startswith(prefix)
    }


def letter_of(record: Record) -> Letter:
    """A dead letter as the auditor wants it."""
    headers = headers_of(record)
    return Letter(
        TopicPartition(headers["topic"], int(headers["partition"])),
        int(headers["offset"]),
        tuple(name for name in headers.get("outputs", "").split(",") if name),
        headers["reason"],
        record.timestamp_ms / 1000,
    )


@pytest.fixture
def scene(kafka: Broker, kafka_admin: Admin) -> Iterator[Callable[..., Scene]]:
    """Makes scenes: `scene(partitions=12, stand_in=Witness(latency=0.2))`. Closed at the end."""
    scenes: list[Scene] = []

    def make(**options: object) -> Scene:
        scenes.append(Scene(kafka.bootstrap_servers, kafka_admin, **options))  # type: ignore[arg-type]
        return scenes[-1]

    yield make
    for each in scenes:
        each.close()


def written_by(paths: Iterable[Path]) -> str:
    """All log output together."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
