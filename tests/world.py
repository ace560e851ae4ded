"""A whole world in one thread: Kafka's log and group, AEP, workers, a clock; one seed is one history.

Fakes, not mocks: they behave like the real thing as far as the loop can see, and the audit at the end (and at every
commit) is the same as for the real thing: nothing lost, order per key, no offset ahead of delivery.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from processor import events
from processor.delivery.delivery import Delivery, Policy
from processor.edges import Edges, Polled
from processor.model import (
    Answer,
    CommitResult,
    DeadLetter,
    Destination,
    Facts,
    Failure,
    FetchedSchema,
    Message,
    NeedsSchema,
    PartitionFault,
    Reason,
    Record,
    Refusal,
    Request,
    Skip,
    Stage,
    TokenStatus,
    TopicPartition,
    Translated,
)
from processor.partitions.lanes import Lanes
from processor.partitions.start import StartPolicy
from processor.pipeline import Limits, Pipeline
from processor.starts import GaveUpError

EVENTS = Destination("events", profile=False, prefix=b"<", suffix=b">")
EVENTS_2 = Destination("events-2", profile=False, prefix=b"<", suffix=b">")
BALANCE = Destination("profile-balance", profile=True, prefix=b"<", suffix=b">")
TIER = Destination("profile-tier", profile=True, prefix=b"<", suffix=b">")
DESTINATIONS = {destination.name: destination for destination in (EVENTS, EVENTS_2, BALANCE, TIER)}
TOPIC = "capillary.events"
SESSION = 45.0

MessageId = tuple[TopicPartition, int, str]  # where the record lies, and the destination


@dataclass(frozen=True)
class Rates:
    """How often what goes wrong, per request, message or step; all off by default."""

    item_for_now: float = 0.0
    request_for_now: float = 0.0
    hidden_success: float = 0.0
    no_answer: float = 0.0
    unattributable: float = 0.0
    unauthorized: float = 0.0
    rebalance: float = 0.0
    crash: float = 0.0
    stop: float = 0.0
    silence: float = 0.0  # how many questions about where to start have no answer
    control: float = 0.0  # how many records are followed by a control record
    commit_refused: float = 0.0
    late_rebalance: float = 0.5  # how many rebalances come when a poll already has records in its hands
    letters_fail: float = 0.0
    latency: float = 0.2


class Log:
    """Kafka: what the topic holds and what the group has committed."""

    def __init__(self, partitions: int) -> None:
        self.records: dict[TopicPartition, list[Record]] = {
            TopicPartition(TOPIC, number): [] for number in range(partitions)
        }
        self.open_of_key: dict[tuple[TopicPartition, bytes | None], list[Record]] = defaultdict(list)
        self.low: dict[TopicPartition, int] = defaultdict(int)
        self.next: dict[TopicPartition, int] = defaultdict(int)
        self.committed: dict[TopicPartition, tuple[int, str]] = {}
        self.topic_id: str | None = "topic-1"

    def append(self, partition: TopicPartition, key: bytes | None, value: bytes | None, gap: int = 0) -> Record:
        """Adds a record, after `gap` offsets that hold nothing for us."""
        offset = self.next[partition] + gap
        record = Record(partition.topic, partition.partition, offset, 1_700_000_000_000, key, value)
        self.records[partition].append(record)
        self.open_of_key[partition, key].append(record)
        self.next[partition] = offset + 1
        return record

    def end_transaction(self, partition: TopicPartition) -> None:
        """Adds a control record, which nobody delivers."""
        self.next[partition] += 1

    def trim(self, partition: TopicPartition, low: int) -> None:
        """Retention: records below `low` are gone."""
        self.low[partition] = low
        self.records[partition] = [record for record in self.records[partition] if record.offset >= low]


@dataclass
class Aep:
    """AEP: takes requests, decides by dice and by what the messages say, keeps what it accepted."""

    random: Random
    rates: Rates
    accepted: dict[MessageId, list[float]] = field(default_factory=lambda: defaultdict(list))
    newest: dict[tuple[TopicPartition, bytes | None, str], int] = field(default_factory=dict)  # accepted Profile writes
    arrivals: list[MessageId] = field(default_factory=list)
    profile: dict[tuple[bytes | None, str], int] = field(default_factory=dict)  # (key, destination) -> offset
    requests: list[tuple[int, int]] = field(default_factory=list)  # (messages, bytes)
    max_bytes: int = 1_000_000
    down: bool = False

    def take(self, request: Request, records: Mapping[bytes, Record], now: float) -> Answer:
        """Decides about a request that has arrived, and remembers what it accepts."""
        messages = request.messages
        size = sum(message.size + 1 for message in messages) + 14
        self.requests.append((len(messages), size))
        dice, rates = self.random.random, self.rates
        if size > self.max_bytes:
            return Answer(request.ticket, 413)
        if self.down or dice() < rates.request_for_now:
            return Answer(request.ticket, self.random.choice([429, 500, 503]))
        if any(b"poison" in message.entity for message in messages):
            return Answer(request.ticket, 500)
        if dice() < rates.no_answer:
            return Answer(request.ticket, failure=self.random.choice([Failure.TIMEOUT, Failure.BROKEN]))
        responses: list[dict[str, object]] = []
        for position, message in enumerate(messages):
            if b"bad" in message.entity:
                responses.append({"status": 400, "message": "bad"})
            elif dice() < rates.item_for_now:
                responses.append({"statusCode": self.random.choice([429, 500, 503]), "message": "later"})
            else:
                self._accept(message, records[message.entity], now)
                responses.append({"xactionId": f"b:{position}"})
        if dice() < rates.hidden_success:
            return Answer(request.ticket, failure=self.random.choice([Failure.TIMEOUT, Failure.BROKEN]))
        if dice() < rates.unattributable:
            responses = responses[1:]
        return Answer(request.ticket, 207, json.dumps({"batchId": "b", "responses": responses}).encode())

    def _accept(self, message: Message, record: Record, now: float) -> None:
        """Profile keeps the last write, whatever it was."""
        partition = _partition(record)
        name = (partition, record.offset, message.to.name)
        self.accepted[name].append(now)
        self.arrivals.append(name)
        if message.to.profile:
            self.profile[record.key, message.to.name] = record.offset
            target = (partition, record.key, message.to.name)
            self.newest[target] = max(record.offset, self.newest.get(target, -1))


class Worker:
    """One process: a pipeline with its own source, senders and dead-letter producer."""

    def __init__(self, world: World, name: int) -> None:
        self.world, self.name = world, name
        self.alive = True
        self.observed: list[events.Event] = []
        self.sent: set[tuple[TopicPartition, int]] = set()  # of the epochs that are open
        lanes = Lanes()
        self.delivery = Delivery(lanes, world.policy, world.random.random)
        self.source = FakeSource(world, self)
        self.senders = FakeSenders(world, self)
        self.letters = FakeLetters(world, self)
        edges = Edges(
            source=self.source,
            translator=FakeTranslator(world),
            schemas=FakeSchemas(world),
            senders=self.senders,
            dead_letters=self.letters,
            clock=lambda: world.now,
            sleep=world.advance,
            observe=self.observed.append,
        )
        self.pipeline = Pipeline(edges, self.delivery, lanes, world.start, world.limits)


class FakeTranslator:
    """Reads its orders from the value: "event", "profile", "skip", "refuse", "bad", "poison", "schema N"."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[int, str | None] = {}

    def translate(self, record: Record) -> Translated | NeedsSchema:
        """What the value asks for."""
        kind = (record.value or b"skip").decode().split()
        if kind[0] == "schema":
            schema_id = int(kind[1])
            if schema_id not in self.known:
                return NeedsSchema(schema_id)
            if self.known[schema_id] is None:
                return Translated("e", refusal=Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, "no"), schema_id=schema_id)
        if kind[0] == "skip":
            return Translated("e", skips=(Skip("tombstone"),))
        if kind[0] == "refuse":
            return Translated("e", refusal=Refusal(Reason.UNMAPPABLE, Stage.TRANSLATE, "no"))
        return Translated("e", messages=self.world.messages(record))

    def learn(self, schema_id: int, schema: str | None) -> None:
        """A schema came."""
        self.known[schema_id] = schema


class FakeSchemas:
    """A registry that answers a while later; ids above 100 are unknown."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wanted: dict[int, float] = {}

    def want(self, schema_id: int) -> None:
        """Asks."""
        self.wanted.setdefault(schema_id, self.world.now + 3.0)

    def arrived(self) -> Sequence[FetchedSchema]:
        """What came since."""
        ready = [schema_id for schema_id, at in self.wanted.items() if at <= self.world.now]
        for schema_id in ready:
            del self.wanted[schema_id]
        return [FetchedSchema(schema_id, None if schema_id > 100 else "{}") for schema_id in ready]

    def failing(self) -> str | None:
        """Never."""
        return None


class FakeSenders:
    """Requests reach AEP after half the latency and their answers come back after the other half."""

    def __init__(self, world: World, worker: Worker) -> None:
        self.world, self.worker = world, worker
        self.done: list[Answer] = []
        self.number = 1
        self.in_flight = 0

    def start(self, request: Request) -> None:
        """Sends it on its way."""
        world = self.world
        assert world.now <= request.not_after
        world.started(self.worker, request)
        self.in_flight += 1
        latency = world.random.uniform(0.2, 1.8) * world.rates.latency
        token = self.number
        if world.random.random() < world.rates.unauthorized:
            answer = Answer(request.ticket, world.random.choice([401, 403]), token=token)
            world.at(world.now + latency, self._land(answer))
        else:
            arrives = min(world.now + latency / 2, request.deadline)
            world.at(arrives, lambda: self._arrive(request, latency / 2, token))

    def _arrive(self, request: Request, rest: float, token: int) -> None:
        world = self.world
        if not self.worker.alive and world.random.random() < 0.5:
            return  # killed before it was written
        world.arrived(self.worker, request)
        answer = world.aep.take(request, world.by_entity, world.now)._replace(token=token)
        if world.now + rest > request.deadline:  # whatever it would have been
            answer = Answer(request.ticket, failure=Failure.TIMEOUT)
        lands = request.deadline if answer.failure is Failure.TIMEOUT else world.now + rest
        world.at(lands, self._land(answer))

    def _land(self, answer: Answer) -> Callable[[], None]:
        def land() -> None:
            self.in_flight -= 1
            self.done.append(answer)

        return land

    def answers(self) -> Sequence[Answer]:
        """What came back."""
        done, self.done = self.done, []
        return done

    def token(self) -> TokenStatus:
        """Always one at hand."""
        return TokenStatus(self.number, ready=True)

    def renew(self, number: int) -> None:
        """Gets the next one at once."""
        if number == self.number:
            self.number += 1


class FakeLetters:
    """A dead-letter producer that needs a while, and now and then a second try."""

    def __init__(self, world: World, worker: Worker) -> None:
        self.world, self.worker = world, worker
        self.acked: list[int] = []

    def send(self, letter: DeadLetter) -> None:
        """Produces it; a failed try repeats it, as the real one does."""
        world = self.world
        delay = 5.0 if world.random.random() < world.rates.letters_fail else 0.05

        def produced() -> None:
            if not self.worker.alive:
                return
            partition = _partition(letter.record)
            for to in letter.outputs or ("",):
                world.buried.add((partition, letter.record.offset, to))
            self.acked.append(letter.ticket)

        world.at(world.now + delay, produced)

    def acknowledged(self) -> Sequence[int]:
        """Tickets that are safe."""
        acked, self.acked = self.acked, []
        return acked

    def forget(self, tickets: Iterable[int]) -> None:
        """Letters may still come; that is harmless."""

    def failing(self) -> str | None:
        """Never for long."""
        return None


class FakeSource:
    """One member's consumer. Rebalances that the world ordered happen inside `poll`."""

    def __init__(self, world: World, worker: Worker) -> None:
        self.world, self.worker = world, worker
        self.positions: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.stored: dict[TopicPartition, tuple[int, str]] = {}
        self.results: list[Polled] = []
        self.next_commit = 0.0
        self.orders: list[tuple[str, TopicPartition]] = []
        self._touched: set[TopicPartition] = set()  # paused or resumed since the last poll began

    def poll(self, limit: int, timeout: float) -> Sequence[Polled]:
        """Carries out rebalances, commits by timer, hands out records.

        As in librdkafka a rebalance may come when the call already took records off its queue: their positions are
        passed, the loop has not seen them, and those of a partition that is paused or resumed meanwhile are purged.
        """
        world = self.world
        world.advance(world.random.uniform(0.2, 1.0) * timeout)
        orders, self.orders = self.orders, []
        taken: list[Record] = []
        if orders and world.random.random() < world.rates.late_rebalance:
            taken = self._fetch(limit)
        self._touched.clear()
        for what, partition in orders:
            self._rebalance(what, partition)
        self.commit_by_timer()
        polled: list[Polled] = [record for record in taken if _partition(record) not in self._touched]
        polled += self.results
        self.results = []
        polled += self._fetch(limit - len(taken))
        return polled

    def _fetch(self, limit: int) -> list[Record]:
        fetched: list[Record] = []
        for partition, position in list(self.positions.items()):
            if partition in self.paused or position < 0:
                continue
            if position < self.world.log.low[partition]:
                self.positions[partition] = -1  # nothing more comes of it
                self.results.append(PartitionFault(partition, "reset", "offset out of range"))
                continue
            for record in self.world.log.records[partition]:
                if record.offset >= position and len(fetched) < limit:
                    fetched.append(record)
                    self.positions[partition] = record.offset + 1
        return fetched

    def _rebalance(self, what: str, partition: TopicPartition) -> None:
        pipeline = self.worker.pipeline
        if what == "assign":
            pipeline.assigned([partition])
        elif what == "revoke":
            pipeline.revoked([partition])
            self._commit(partition)
            released = self.worker.observed[-1]  # of another one where this one was lost before
            if isinstance(released, events.Released) and released.partition == partition and released.settled:
                self.world.assert_nothing_repeats(self.worker, [partition])
            self._drop(partition)
        else:
            self._drop(partition)
            pipeline.lost([partition])

    def commit_by_timer(self) -> None:
        """Commits what is stored, every half second."""
        if self.world.now >= self.next_commit:
            self.next_commit = self.world.now + 0.5
            for partition in list(self.stored):
                if self.world.random.random() < self.world.rates.commit_refused:
                    self.results.append(CommitResult(partition, self.stored[partition][0], "rebalance", later=True))
                else:
                    self._commit(partition)

    def _commit(self, partition: TopicPartition) -> None:
        if partition in self.stored:
            offset, metadata = self.stored.pop(partition)
            self.world.commit(partition, offset, metadata)
            self.results.append(CommitResult(partition, offset))

    def _drop(self, partition: TopicPartition) -> None:
        self.positions.pop(partition, None)
        self.stored.pop(partition, None)
        self.world.owner.pop(partition, None)

    def ask(self, partitions: Iterable[TopicPartition], timeout: float) -> Mapping[TopicPartition, Facts | str]:
        """The truth, at once, or no answer in time."""
        if self.world.random.random() < self.world.rates.silence:
            self.world.advance(timeout)
            return dict.fromkeys(partitions, "no answer in time")
        return {partition: self.world.facts(partition) for partition in partitions}

    def offsets_for_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int, timeout: float
    ) -> Mapping[TopicPartition, int | str]:
        """The first record of each partition."""
        return {partition: self.world.log.low[partition] for partition in partitions}

    def assign(self, starts: Mapping[TopicPartition, int]) -> None:
        """Takes partitions up."""
        self.positions.update(starts)

    def position(self, partition: TopicPartition) -> int | None:
        """Past what does not deliver records, once all before was delivered."""
        position = self.positions.get(partition)
        if position is None or position < 0:
            return None
        log = self.world.log
        rest = [record for record in log.records[partition] if record.offset >= position]
        return position if rest or partition in self.paused else log.next[partition]

    def store(self, partition: TopicPartition, offset: int, metadata: str) -> bool:
        """Accepted for what is assigned."""
        if partition not in self.positions:
            return False
        self.stored[partition] = (offset, metadata)
        return True

    def unstore(self, partition: TopicPartition) -> None:
        """Takes it back."""
        self.stored.pop(partition, None)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Remembered, also beyond a revoke."""
        self.paused.update(partitions)
        self._touched.update(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetches again."""
        self.paused.difference_update(partitions)
        self._touched.update(partitions)

    def close(self) -> None:
        """Commits what is stored, leaves."""
        for partition in list(self.stored):
            self._commit(partition)
        for partition in list(self.positions):
            self._drop(partition)


def _partition(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


class World:
    """Everything, and the rules that must hold at every moment."""

    def __init__(
        self,
        seed: int,
        rates: Rates | None = None,
        *,
        partitions: int = 2,
        workers: int = 1,
        policy: Policy | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.random = Random(seed)
        self.rates = rates or Rates()
        self.now = 1000.0
        self.policy = policy or Policy(max_bytes=2000, max_messages=20, max_in_flight=4, poison_seconds=5.0)
        self.limits = limits or Limits(lanes=4, window=200, memory=10_000_000)
        self.log = Log(partitions)
        self.start = StartPolicy("earliest", {TOPIC: partitions})
        self.aep = Aep(self.random, self.rates, max_bytes=self.policy.max_bytes)
        self.by_entity: dict[bytes, Record] = {}
        self.buried: set[MessageId] = set()
        self.owner: dict[TopicPartition, Worker] = {}
        self.crashes = 0
        self._evictions: set[tuple[int, TopicPartition]] = set()
        self._free_at: dict[TopicPartition, float] = {}
        self.first_sent: set[MessageId] = set()  # of the epochs that are open
        self._settled: set[tuple[TopicPartition, int]] = set()
        self._messages: dict[tuple[TopicPartition, int], tuple[Message, ...]] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._names = itertools.count()
        self.workers = [Worker(self, next(self._names)) for _ in range(workers)]

    # ---- time --------------------------------------------------------------------------------------------------------

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Has something happen later."""
        heapq.heappush(self._agenda, (when, next(self._order), what))

    def advance(self, seconds: float) -> None:
        """Lets time pass, and what is due happen."""
        until = self.now + seconds
        while self._agenda and self._agenda[0][0] <= until:
            when, _, what = heapq.heappop(self._agenda)
            self.now = max(self.now, when)
            what()
        self.now = until

    # ---- content -----------------------------------------------------------------------------------------------------

    def produce(self, count: int, keys: int = 7, kinds: Sequence[str] = ("event", "profile")) -> None:
        """Appends records of random keys and kinds, with gaps in the offsets."""
        partitions = list(self.log.records)
        for _ in range(count):
            number = self.random.randrange(keys)
            key = b"k%d" % number
            partition = partitions[number % len(partitions)]
            gap = self.random.choice([0, 0, 0, 1, 3])
            self.log.append(partition, key, self.random.choice(kinds).encode(), gap)
            if self.random.random() < self.rates.control:
                self.log.end_transaction(partition)

    def messages(self, record: Record) -> tuple[Message, ...]:
        """The messages of a record, each with an entity that names where it comes from."""
        name = (_partition(record), record.offset)
        if name not in self._messages:
            self._messages[name] = tuple(self._make(record))
            self.by_entity.update((message.entity, record) for message in self._messages[name])
        return self._messages[name]

    def _make(self, record: Record) -> Iterable[Message]:
        kind = (record.value or b"").decode()
        if kind == "large":  # larger than one request together
            outputs, pad = [("events", ""), ("events-2", "")], "x" * 1200
        elif kind in ("profile", "both"):
            outputs, pad = [("events", ""), ("profile-balance", ""), ("profile-tier", "")], "x" * 30
            outputs = outputs if kind == "both" else outputs[:2]
        else:
            outputs, pad = [("events", kind if kind in ("bad", "poison", "cursed") else "")], "x" * 30
        for name, flag in outputs:
            to = DESTINATIONS[name]
            entity = f"{record.topic}:{record.partition}@{record.offset}->{name} {flag} {pad}".encode()
            yield Message(to, entity, (record.key or b"").decode() if to.profile else None)

    def facts(self, partition: TopicPartition) -> Facts:
        """What Kafka knows of a partition."""
        committed, metadata = self.log.committed.get(partition, (None, ""))
        return Facts(committed, metadata, self.log.low[partition], self.log.next[partition], self.log.topic_id)

    # ---- what must hold ----------------------------------------------------------------------------------------------

    def started(self, worker: Worker, request: Request) -> None:
        """A request goes out: what came before in the log of its keys was answered for, or is in it as well."""
        records = [self.by_entity[message.entity] for message in request.messages]
        together = {(record.partition, record.offset) for record in records}
        newest: dict[tuple[int, bytes | None], int] = {}
        for message, record in zip(request.messages, records, strict=True):
            key = (record.partition, record.key)
            assert newest.get(key, -1) <= record.offset, "a request holds the messages of a key out of order"
            newest[key] = record.offset
            partition = _partition(record)
            worker.sent.add((partition, record.offset))
            name = (partition, record.offset, message.to.name)
            if name in self.first_sent:
                continue
            self.first_sent.add(name)
            for earlier in self._open_of_key(partition, record.key):
                if earlier.offset < record.offset:
                    in_it = (earlier.partition, earlier.offset) in together
                    assert in_it, f"{record} was sent while {earlier} was open"

    def _open_of_key(self, partition: TopicPartition, key: bytes | None) -> list[Record]:
        """The records of a key that are in the log and not settled; of refused ones the dead letter has no order."""
        low = self.log.low[partition]
        records = self.log.open_of_key[partition, key]
        records[:] = [record for record in records if record.offset >= low and not self.settled(record)]
        return [record for record in records if not (record.value or b"").startswith(b"refuse")]

    def arrived(self, worker: Worker, request: Request) -> None:
        """A request reaches AEP while its worker still owns what it carries (crashed and evicted workers excepted)."""
        for message in request.messages:
            record = self.by_entity[message.entity]
            partition = _partition(record)
            if worker.alive and not self.evicted(worker, partition):
                assert self.owner.get(partition) is worker, f"{partition} reached AEP after it was given away"

    def evicted(self, worker: Worker, partition: TopicPartition) -> bool:
        """Whether the worker lost it without being asked."""
        return (worker.name, partition) in self._evictions

    def settled(self, record: Record) -> bool:
        """Whether a record was answered for: by AEP, by the dead-letter topic, or by a rule. Once is for ever."""
        name = (_partition(record), record.offset)
        if name not in self._settled and self._is_settled(record):
            self._settled.add(name)
        return name in self._settled

    def _is_settled(self, record: Record) -> bool:
        kind = (record.value or b"skip").decode().split()[0]
        if kind == "skip" or (_partition(record), record.offset, "") in self.buried:
            return True
        return kind != "refuse" and all(self._message_settled(record, message) for message in self.messages(record))

    def _message_settled(self, record: Record, message: Message) -> bool:
        partition = _partition(record)
        name = (partition, record.offset, message.to.name)
        if name in self.aep.accepted or name in self.buried:
            return True
        newest = self.aep.newest.get((partition, record.key, message.to.name), -1)
        return message.to.profile and newest > record.offset  # superseded

    def assert_nothing_repeats(self, worker: Worker, partitions: Iterable[TopicPartition]) -> None:
        """A worker said that it left these partitions cleanly: all of them that it sent is committed."""
        for partition in partitions:
            committed = self.log.committed.get(partition, (0, ""))[0]
            repeated = [offset for where, offset in worker.sent if where == partition and offset >= committed]
            assert not repeated, f"{partition}: left cleanly at {committed}, and {repeated} were sent"

    def commit(self, partition: TopicPartition, offset: int, metadata: str) -> None:
        """The coordinator takes a commit: it never goes back, and all below was answered for."""
        before = self.log.committed.get(partition, (0, ""))[0]
        assert offset >= before, f"{partition}: commit went back from {before} to {offset}"
        for record in self.log.records[partition]:
            if before <= record.offset < offset:
                assert self.settled(record), f"{partition}@{record.offset} was passed by a commit of {offset}"
        self.log.committed[partition] = (offset, metadata)

    # ---- what happens ------------------------------------------------------------------------------------------------

    def give(self, partition: TopicPartition, worker: Worker) -> None:
        """Assigns a partition that nobody owns."""
        self.owner[partition] = worker
        self.first_sent = {name for name in self.first_sent if name[0] != partition}
        self._evictions.discard((worker.name, partition))
        worker.sent = {each for each in worker.sent if each[0] != partition}
        worker.source.orders.append(("assign", partition))

    def assign_all(self) -> None:
        """Deals every free partition to a random worker."""
        for partition in self.log.records:
            if partition not in self.owner and self._free_at.get(partition, 0.0) <= self.now:
                self.give(partition, self.random.choice(self.workers))

    def rebalance(self, how: str = "revoke") -> None:
        """Takes one partition away from its owner, with or without asking."""
        if not self.owner:
            return
        partition = self.random.choice(sorted(self.owner))
        worker = self.owner[partition]
        if ("assign", partition) in worker.source.orders:
            return
        if how == "lost":  # the broker gives it away a session timeout later: longer than any attempt lasts
            self._evictions.add((worker.name, partition))
            self._free_at[partition] = self.now + SESSION
        worker.source.orders.append((how, partition))

    def crash(self) -> None:
        """Kills a worker, and starts another one in its place."""
        worker = self.random.choice(self.workers)
        worker.alive = False
        self.crashes += 1
        self.workers.remove(worker)
        for partition in [partition for partition, owner in self.owner.items() if owner is worker]:
            del self.owner[partition]
            self._free_at[partition] = self.now + SESSION
        self.workers.append(Worker(self, next(self._names)))

    def stop(self, worker: Worker) -> bool:
        """SIGTERM to a worker, and another one in its place. Returns whether it says that it left cleanly."""
        began, owned = self.now, [partition for partition, owner in self.owner.items() if owner is worker]
        clean = worker.pipeline.leave(began)
        assert self.now - began <= self.limits.drain + 1, "it took longer to leave than it may"
        if clean:
            self.assert_nothing_repeats(worker, [each for each in owned if not self.evicted(worker, each)])
        self._replace(worker)
        return clean

    def _give_up(self, worker: Worker) -> None:
        """What `Worker.run` does when Kafka gave up on it: what is on the wire ends, then the group is left."""
        self.advance(self.policy.attempt_timeout)
        worker.source.close()
        self._replace(worker)

    def _replace(self, worker: Worker) -> None:
        for partition in [partition for partition, owner in self.owner.items() if owner is worker]:
            del self.owner[partition]
        self.workers.remove(worker)
        self.workers.append(Worker(self, next(self._names)))

    def step(self) -> None:
        """One random thing, then one turn of one worker."""
        dice = self.random.random()
        if dice < self.rates.rebalance:
            self.rebalance(self.random.choice(["revoke", "revoke", "lost"]))
        elif dice < self.rates.rebalance + self.rates.crash:
            self.crash()
        elif dice < self.rates.rebalance + self.rates.crash + self.rates.stop:
            self.stop(self.random.choice(self.workers))
        self.assign_all()
        worker = self.random.choice(self.workers)
        try:
            worker.pipeline.turn()
        except GaveUpError:
            self._give_up(worker)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.rates = Rates(latency=self.rates.latency)
        self.aep.rates = self.rates
        self.aep.down = False

    def finished(self) -> bool:
        """Whether every partition is committed to its end."""
        return all(
            self.log.committed.get(partition, (0, ""))[0] > records[-1].offset
            for partition, records in self.log.records.items()
            if records
        )

    def run(self, steps: int, produce: Callable[[], None] | None = None) -> None:
        """A stretch of history."""
        for _ in range(steps):
            if produce and self.random.random() < 0.3:
                produce()
            self.step()

    def finish(self, within: float = 2000.0) -> None:
        """Heals, and runs until all is committed; that must take less than so many simulated seconds."""
        self.heal()
        until = self.now + within
        while not self.finished():
            assert self.now < until, f"not finished: {[worker.pipeline.partitions for worker in self.workers]}"
            self.step()

    # ---- the audit ---------------------------------------------------------------------------------------------------

    def audit(self) -> None:
        """Nothing is lost, and Profile ends at the newest write that was accepted."""
        for partition, records in self.log.records.items():
            for record in records:
                assert self.settled(record), f"{partition}@{record.offset} is lost"
        self._audit_profile()

    def _audit_profile(self) -> None:
        for (key, name), offset in self.aep.profile.items():
            newest = max(
                accepted
                for (partition, accepted, to) in self.aep.accepted
                if to == name and self._key_of(partition, accepted) == key
            )
            assert offset == newest, f"Profile of {key!r} in {name} ended at {offset}, not at {newest}"

    def _key_of(self, partition: TopicPartition, offset: int) -> bytes | None:
        return next(record.key for record in self.log.records[partition] if record.offset == offset)
