"""THE LOOP: poll, track, translate, launch, land, store. Everything else in this package serves these few pages.

One thread runs all of it and owns all state. The threads of the edges exchange immutable values with it through queues.
A record's way: `_take` opens its offset, translates it and puts it into the lane of its key; `_launch` sends what
delivery decides; `_land` hands the answers to delivery, which settles the record in its `Partition` with the last of
its messages; `_store` gives Kafka the end of the settled prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf

from processor import events
from processor.delivery.delivery import Delivery
from processor.edges import Edges, Polled
from processor.gauges import OutageWatch, gauges
from processor.model import ClientFault, CommitResult, Halt, HaltKind, NeedsSchema, PartitionFault, Reason, Record
from processor.model import TopicPartition as PartitionId
from processor.partitions.lanes import Lanes
from processor.partitions.partition import Partition
from processor.partitions.start import Gap, StartPolicy, metadata_for
from processor.starts import END, Found, GaveUpError, find_gap, find_starts

BUSY_WAIT = 0.005  # seconds that an answer may lie while the loop waits for records
IDLE_WAIT = 0.1  # seconds that a stop signal may lie
TICK = 1.0  # seconds between looks at what changes without a record


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be held: records per partition, bytes; and how long leaving may take, in seconds."""

    lanes: int = 64
    window: int = 20_000
    memory: int = 64_000_000
    drain: float = 20.0
    poll: int = 500


class Pipeline:
    """The worker: `turn` until told to stop, then `leave`. The three callbacks of a rebalance come inside a poll."""

    def __init__(self, edges: Edges, delivery: Delivery, lanes: Lanes, start: StartPolicy, limits: Limits) -> None:
        self._edges, self._delivery, self._lanes, self._start, self._limits = edges, delivery, lanes, start, limits
        self._source, self._observe, self._clock = edges.source, edges.observe, edges.clock
        self.partitions: dict[PartitionId, Partition] = {}
        self._paused: set[PartitionId] = set()  # in the client, which remembers it beyond a revoke
        self._epochs, self._sequence = count(1), count(1)
        self._next_tick = 0.0
        self._outages = OutageWatch()
        self._leave_by = inf  # known once we are told to stop

    @property
    def halt(self) -> Halt | None:
        """Why delivery stopped for good, if it did."""
        return self._delivery.halt

    @property
    def finished(self) -> bool:
        """Whether the loop should leave by itself: a configuration error is not waited out."""
        return self.halt is not None and self.halt.kind is HaltKind.CONFIGURATION

    def turn(self) -> None:
        """One round. Raises GaveUpError when the client is beyond help."""
        self._take(self._source.poll(self._limits.poll, self._patience()))
        self._tick()
        self._step()
        self._regulate()

    def leave(self, asked_at: float) -> bool:
        """Settles what was sent, within the drain timeout, stores and closes. Returns whether nothing will repeat."""
        began, everything = self._clock(), list(self.partitions.values())
        self._leave_by = asked_at + self._limits.drain
        self._drain(everything, self._leave_by, self.turn)
        clean = all(partition.drained for partition in everything)
        still_open = sum(partition.offsets.open for partition in everything)
        self._source.close()
        self._observe(events.Stopped(clean, still_open, self._clock() - began))
        return clean

    # ---- one turn ----------------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        if self._delivery.in_flight or self._delivery.open_letters:
            return BUSY_WAIT
        now = self._clock()
        wake_at = self._delivery.wake_at(now)
        return IDLE_WAIT if wake_at is None else min(IDLE_WAIT, max(BUSY_WAIT, wake_at - now))

    def _step(self) -> None:
        """What a rebalance callback runs on with: nothing that trusts positions, and nothing that pauses."""
        # The poll around it may hold records that we have not seen: positions are past them, and a pause drops them.
        self._learn()
        self._land()
        self._launch()
        self._store()

    def _take(self, polled: Iterable[Polled]) -> None:
        tally = events.IntakeTally()
        for item in polled:
            if isinstance(item, Record):
                partition = self.partitions.get(PartitionId(item.topic, item.partition))
                if partition is not None and partition.receives:
                    partition.receive(item)
                    if partition.untranslated:
                        partition.hold_back(item)
                    else:
                        self._translate(partition, item, tally)
            else:
                self._hear(item)
        self._report(tally)

    def _translate(self, partition: Partition, record: Record, tally: events.IntakeTally) -> bool:
        translated = self._edges.translator.translate(record)
        if isinstance(translated, NeedsSchema):
            partition.wait_for_schema(record, translated.schema_id)
            self._edges.schemas.want(translated.schema_id)
            return False
        if translated.refusal and translated.refusal.reason is Reason.UNKNOWN_SCHEMA and translated.schema_id:
            self._edges.schemas.want(translated.schema_id)  # asked at most once a minute: somebody may register it
        tally.add(record, translated)
        partition.accept(record, translated, next(self._sequence), self._clock())
        self._delivery.took(translated)
        return True

    def _learn(self) -> None:
        for fetched in self._edges.schemas.arrived():
            self._edges.translator.learn(fetched.schema_id, fetched.schema)
            for partition in self.partitions.values():
                if partition.waits_for_schema == fetched.schema_id:
                    tally = events.IntakeTally()
                    while partition.untranslated and self._translate(partition, partition.next_untranslated(), tally):
                        pass
                    self._report(tally)

    def _land(self) -> None:
        for answer in self._edges.senders.answers():
            self._delivery.landed(answer, self._clock())
        for ticket in self._edges.dead_letters.acknowledged():
            self._delivery.letter_acknowledged(ticket)

    def _launch(self) -> None:
        delivery, senders = self._delivery, self._edges.senders
        delivery.token(token := senders.token())
        if token.number and token.number == delivery.refused_token:
            senders.renew(token.number)
        for request in delivery.next_requests(self._clock()):
            senders.start(request)
        for letter in delivery.letters():
            self._edges.dead_letters.send(letter)
        for news in delivery.take_news():
            self._observe(news)

    def _store(self) -> None:
        for partition in self.partitions.values():
            offset = partition.offsets.committable
            storable = offset > partition.stored and not partition.stopped
            if storable and self._source.store(partition.id, offset, partition.metadata):
                partition.stored = offset
                partition.offsets.stored(offset)

    def _hear(self, item: CommitResult | PartitionFault | ClientFault) -> None:
        if isinstance(item, CommitResult):
            partition = self.partitions.get(item.partition)
            if item.error is not None:
                self._observe(events.CommitRefused(item.partition, item.error))
            elif partition is not None:
                partition.offsets.committed(item.offset)
                self._observe(events.Committed(item.partition, item.offset))
        elif isinstance(item, PartitionFault):
            self._observe(events.SourceFault(f"{item.partition}: {item.detail}"))
            if item.kind == "reset" and item.partition in self.partitions:
                self._stop_at_gap(self.partitions[item.partition])
        elif item.fatal:
            raise GaveUpError(item.detail)
        else:
            self._observe(events.SourceFault(item.detail))

    def _tick(self) -> None:
        """Once a second: passes control records, which nobody delivers, and says how things stand."""
        if (now := self._clock()) < self._next_tick:
            return
        self._next_tick = now + TICK
        partitions = self.partitions.values()
        for partition in partitions:
            if not partition.offsets.open and partition.receives:
                partition.offsets.advance(self._source.position(partition.id) or 0)
        self._observe(gauges(partitions, self._delivery, self._lanes, now))
        for outage in self._outages.changes(self._edges):
            self._observe(outage)

    def _regulate(self) -> None:
        """Pauses partitions that may not receive more, and resumes those that may again."""
        halted = ("halt",) if self.halt else ()
        share = self._limits.memory // max(1, len(self.partitions))
        for partition in self.partitions.values():
            reasons = partition.intake_reasons(window=self._limits.window, share=share, others=halted)
            if reasons != partition.reasons:
                partition.reasons = reasons
                self._observe(events.FlowChanged(partition.id, reasons))
            if reasons and partition.id not in self._paused:
                self._source.pause([partition.id])
                self._paused.add(partition.id)
            elif not reasons and partition.id in self._paused:
                self._source.resume([partition.id])
                self._paused.discard(partition.id)

    def _report(self, tally: events.IntakeTally) -> None:
        intake = tally.intake()
        if intake is not None:
            self._observe(intake)

    # ---- rebalances --------------------------------------------------------------------------------------------------

    def assigned(self, partitions: Sequence[PartitionId]) -> None:
        """Finds out where each partition starts, and opens its epoch. Raises GaveUpError when Kafka does not say."""
        if self._leave_by < inf:  # nothing of them would be received; they are only taken up to be let go
            self._source.assign(dict.fromkeys(partitions, END))
            return
        deadline = self._drained_by()

        def meanwhile() -> bool:
            self._step()
            self._edges.sleep(IDLE_WAIT)
            return self._clock() < deadline

        starts = find_starts(self._source, self._start, partitions, meanwhile=meanwhile)
        self._source.assign({partition: found.offset for partition, found in starts.items()})
        for partition, found in starts.items():
            self._open(partition, found)

    def revoked(self, partitions: Sequence[PartitionId]) -> None:
        """Settles what was sent of them, stores, and ends their epochs; the commit goes out after this returns."""
        began = self._clock()
        leaving = [self.partitions[partition] for partition in partitions if partition in self.partitions]
        self._drain(leaving, self._drained_by(), self._step_and_wait)
        self._end(leaving, began, lost=False)

    def lost(self, partitions: Sequence[PartitionId]) -> None:
        """Somebody else may own them already: nothing is stored, whatever still comes for them is ignored."""
        leaving = [self.partitions[partition] for partition in partitions if partition in self.partitions]
        self._end(leaving, self._clock(), lost=True)

    def _open(self, partition: PartitionId, found: Found) -> None:
        epoch, metadata = next(self._epochs), metadata_for(found.facts.topic_id)
        opened = Partition(
            partition, epoch=epoch, start=found.offset, lanes=self._limits.lanes, queue=self._lanes, metadata=metadata
        )
        self.partitions[partition] = opened
        if isinstance(found.start, Gap):
            self._report_gap(opened, found.start)
        else:
            self._source.store(partition, opened.stored, opened.metadata)
            self._observe(events.Assigned(partition, opened.epoch, opened.stored, found.start.why))

    def _stop_at_gap(self, partition: Partition) -> None:
        """The log does not hold our position: what was received is still delivered, but nothing is stored any more."""
        self._report_gap(partition, find_gap(self._source, self._start, partition.id, partition.stored))

    def _report_gap(self, partition: Partition, gap: Gap) -> None:
        partition.stopped = True
        self._source.unstore(partition.id)
        self._observe(events.GapFound(partition.id, gap.kind, gap.begin, gap.end, gap.remedy(partition.id)))

    def _drain(self, leaving: list[Partition], deadline: float, go_on: Callable[[], None]) -> None:
        """Sends what was begun of these partitions until it is settled, or nothing more can end before the deadline."""
        for partition in leaving:
            partition.leave(deadline)
        hurried = self._delivery.hurry(self._clock())
        while not all(partition.closed or partition.drained for partition in leaving):
            if self._delivery.hopeless(self._clock(), deadline) or self._clock() >= deadline:
                break
            go_on()
        self._store()
        self._delivery.hurried = hurried

    def _drained_by(self) -> float:
        """The deadline of what begins to be left now: not later than that of a stop which began before."""
        return min(self._clock() + self._limits.drain, self._leave_by)

    def _step_and_wait(self) -> None:
        self._step()
        self._edges.sleep(BUSY_WAIT)

    def _end(self, leaving: list[Partition], began: float, *, lost: bool) -> None:
        now = self._clock()
        for partition in leaving:
            still_open, settled = partition.offsets.open, partition.drained
            partition.close()
            del self.partitions[partition.id]
            self._observe(events.Released(partition.id, partition.epoch, lost, settled, still_open, now - began))
        self._edges.dead_letters.forget(self._delivery.forget_closed())
