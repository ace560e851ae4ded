"""Delivery under any history of answers, splits, outages, dead letters and epochs, beside plain bookkeeping."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from processor.delivery.delivery import Policy
from processor.events import Landed
from processor.model import (
    DeadLetter,
    Destination,
    Failure,
    HaltKind,
    Message,
    Reason,
    Request,
    TokenStatus,
)
from processor.partitions.lanes import Work
from processor.partitions.partition import Partition
from tests.desk import BALANCE, EVENTS, REFUSED, TIER, Desk

# Patience is short, so that a history of some dozen answers gets to the end of it.
POLICY = Policy(
    max_bytes=400,
    max_messages=5,
    max_in_flight=3,
    linger=0.0,
    split_after=2,
    alone_after=2,
    poison_after=4,
    poison_seconds=5.0,
    unattributable_after=3,
)
MANY = tuple(Destination(f"events-{number}", profile=False, prefix=b"<", suffix=b">") for number in range(7))
OUTPUTS = {
    "event": (EVENTS,),
    "profile": (BALANCE,),
    "both": (EVENTS, BALANCE, TIER),
    "large": MANY,  # more messages than one request holds
}
KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
KINDS = st.sampled_from(["event", "profile", "profile", "both", "both", "large", "refused"])
FOR_NOW = (0, 401, 403, 408, 429, 500, 503)
FAILED = {
    "429": {"status": 429},
    "500": {"status": 500},
    "503": {"status": 503, "retry_after": 20.0},
    "garbage": {"status": 207, "body": b'{"responses": [{"xactionId"'},
    "another shape": {"status": 200, "body": b'{"responses": {}}'},
    "timeout": {"failure": Failure.TIMEOUT},
    "broken": {"failure": Failure.BROKEN},
    "no connection": {"failure": Failure.NO_CONNECTION},
}
SPLITTING = {
    "413": {"status": 413},
    "400": {"status": 400},
    "422": {"status": 422},
    "short": {"status": 207, "body": b'{"responses": []}'},
}


@dataclass(eq=False)
class Note:
    """One message, and what an outsider knows of it."""

    work: Work
    partition: Partition
    message: Message
    index: int
    outcome: str = ""
    sent: bool = False
    excused: bool = False  # a 207 refused it for now, or it comes after a dead-lettered one that hid it
    condemned: bool = False  # a dead letter was written
    unattributable: int = 0
    refusals: list[tuple[float, int]] = field(default_factory=list)  # (when, how many were accepted by then)

    @property
    def order(self) -> tuple[int, int]:
        return self.work.sequence, self.index

    @property
    def key(self) -> tuple[Partition, bytes | None]:
        return self.partition, self.work.record.key

    @property
    def target(self) -> object:
        """What a Profile write replaces."""
        return (*self.key, self.message.to.name) if self.message.identity else self

    def refused(self, now: float, accepted: int) -> None:
        self.refusals.append((now, accepted))


class DeliveryMachine(RuleBasedStateMachine):
    """The lines of the design that hold for whatever happens; each is asserted where it could break."""

    @initialize()
    def begin(self) -> None:
        self.desk = Desk(POLICY, partitions=2, lanes=3)
        self.numbers = count()
        self.notes: dict[bytes, Note] = {}  # by their entity
        self.works: list[Work] = []
        self.flying: dict[int, tuple[Request, list[Note]]] = {}
        self.letters: list[DeadLetter] = []
        self.settled_alone: set[Work] = set()  # refused as a whole, acknowledged
        self.dead: set[Work] = set()
        self.accepted = self.failures = 0
        self.hold = 0.0
        self.token = self.refused_token = 0
        self.refused_at: list[float] = []
        self.halts: set[HaltKind] = set()
        self.token_arrives()

    # ---- what comes in -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.desk.open_records < 10)
    @rule(number=st.integers(0, 1), records=st.lists(st.tuples(KEYS, KINDS), min_size=1, max_size=6))
    def records_arrive(self, number: int, records: list[tuple[bytes, str]]) -> None:
        for key, kind in records:
            self.put(number, key, kind)
        self.send()

    def put(self, number: int, key: bytes, kind: str) -> None:
        partition = self.desk.partitions[number]
        if not partition.receives:
            return
        if kind == "refused":
            self.works.append(self.desk.put(key, partition=number, refusal=REFUSED))
            self.dead.add(self.works[-1])
            return
        messages = [Message(to, b"%d" % next(self.numbers), "me" if to.profile else None) for to in OUTPUTS[kind]]
        work = self.desk.put(key, *messages, partition=number)
        self.works.append(work)
        for index, message in enumerate(messages):
            self.notes[message.entity] = Note(work, partition, message, index)

    @rule(seconds=st.sampled_from([0.1, 1.0, 30.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.desk.later(seconds)
        self.send()

    @precondition(lambda self: self.token == self.refused_token)
    @rule()
    def token_arrives(self) -> None:
        self.token += 1
        self.desk.token = self.token
        self.desk.delivery.token(TokenStatus(self.token, ready=True))

    # ---- what goes out -----------------------------------------------------------------------------------------------

    def send(self) -> None:
        desk, out = self.desk, self.failures >= 3
        waiting = sum(len(lane.waiting) for partition in desk.partitions for lane in partition._lanes)
        requests = desk.send()
        if requests:
            assert self.token > self.refused_token, "with a token that AEP has refused"
            assert desk.now >= self.hold, "Retry-After holds for all sending"
        for request in requests:
            self.check(request)
            notes = [self.notes[message.entity] for message in request.messages]
            self.flying[request.ticket] = request, notes
            for note in notes:
                note.sent = True
        if out and requests:
            assert len(self.flying) == 1, "one probe at a time"
            assert len(requests[0].messages) == 1, "the first message of one lane"
            assert requests[0].probe
        assert len(self.flying) <= POLICY.max_in_flight
        if self.halts:
            left = sum(len(lane.waiting) for partition in desk.partitions for lane in partition._lanes)
            assert left == waiting, "no new request after a HALT"
        self.letters += desk.letters()

    def check(self, request: Request) -> None:
        notes = [self.notes[message.entity] for message in request.messages]
        size = sum(message.size + 1 for message in request.messages) + len('{"messages":[]}') - 1
        assert len(notes) <= POLICY.max_messages
        assert size <= POLICY.max_bytes
        assert len({note.target for note in notes}) == len(notes), "two Profile writes of one target"
        last: dict[object, tuple[int, int]] = {}
        for note in notes:
            assert not note.outcome, "it has its outcome"
            assert not note.condemned, "it has its dead letter"
            assert not note.partition.closed, "of a closed epoch"
            deadline = note.partition.deadline
            assert deadline is None or request.deadline <= deadline, "it could outlast the drain"
            assert last.get(note.key, (0, 0)) < note.order, "a key out of log order"
            last[note.key] = note.order
        self.check_lanes(notes)
        for note in notes:
            if not note.sent:
                self.check_ahead(note, notes)

    def check_lanes(self, notes: list[Note]) -> None:
        """A lane is in one request at a time; messages that a 207 refused for now may go in several."""
        for _, others in self.flying.values():
            for note in notes:
                for other in others:
                    assert note is not other, "on its way already"
                    if note.work.lane is other.work.lane:
                        assert note.excused, "a lane is in two requests"
                        assert other.excused, "a lane is in two requests"
                        assert note.target != other.target

    def check_ahead(self, note: Note, beside: list[Note]) -> None:
        """Sent for the first time: what lies before it in the log of its key was answered for, or goes with it."""
        targets = {other.target for other in beside}
        for other in self.notes.values():
            if other.key == note.key and other.order < note.order and other.target not in targets:
                assert other.excused or self.outcome(other), "something earlier of its key waits"

    # ---- what comes back ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def verdicts(self, data: st.DataObject) -> None:
        request, notes = self.land_one(data)
        statuses = [data.draw(st.sampled_from([None, None, None, None, 400, 413, *FOR_NOW])) for _ in range(len(notes))]
        elements = [
            {"xactionId": f"b:{at}"} if status is None else {} if status == 0 else {"status": status}
            for at, status in enumerate(statuses)
        ]
        self.desk.reply(request, elements)
        for note, status in zip(notes, statuses, strict=True):
            self.judge(note, status)
        self.accepted += statuses.count(None)
        for note, status in zip(notes, statuses, strict=True):
            if status in FOR_NOW:
                note.excused = True
                if status not in (408, 429):
                    note.refused(self.desk.now, self.accepted)
        if any(status not in FOR_NOW for status in statuses):
            self.succeed()
        elif all(status in (401, 403) for status in statuses):
            self.unauthorized(self.token)
        else:
            self.failures += 1
        landed = self.landed(request)
        assert landed.accepted == statuses.count(None)
        assert landed.accepted + landed.refused + landed.again == len(notes), "one verdict for each message sent"
        self.go_on(data)

    def judge(self, note: Note, status: int | None) -> None:
        if note.partition.closed:
            return
        if status is None:
            note.outcome = "accepted"
        elif status not in FOR_NOW:
            note.condemned = True
            self.dead.add(note.work)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), how=st.sampled_from(sorted(FAILED)))
    def fail(self, data: st.DataObject, how: str) -> None:
        """Refused for now, or unknown: the same messages again."""
        request, notes = self.land_one(data)
        answer = FAILED[how]
        if len(notes) == 1 and isinstance(status := answer.get("status"), int) and status >= 500:
            notes[0].refused(self.desk.now, self.accepted)
        self.desk.land(request, **answer)  # type: ignore[arg-type]
        self.failures += 1
        if "retry_after" in answer:
            self.hold = max(self.hold, self.desk.now + 20.0)
        landed = self.landed(request)
        assert (landed.accepted, landed.superseded) == (0, 0), "unknown is never success"
        assert landed.refused + landed.again == len(notes)
        self.go_on(data)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), how=st.sampled_from(sorted(SPLITTING)))
    def split(self, data: st.DataObject, how: str) -> None:
        request, notes = self.land_one(data)
        self.desk.land(request, **SPLITTING[how])  # type: ignore[arg-type]
        self.succeed()
        if len(notes) == 1 and how == "short":
            notes[0].unattributable += 1
            if notes[0].unattributable >= POLICY.unattributable_after and not notes[0].partition.closed:
                self.halts.add(HaltKind.UNATTRIBUTABLE)
        elif len(notes) == 1:
            self.judge(notes[0], 400)
        landed = self.landed(request)
        assert landed.accepted == 0
        assert landed.refused + landed.again == len(notes)
        self.go_on(data)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), status=st.sampled_from([401, 403]), age=st.sampled_from([0, 0, 0, 1, 2]))
    def refuse_token(self, data: st.DataObject, status: int, age: int) -> None:
        """Counts once per token; the request is sent again with the next one."""
        request, _ = self.land_one(data)
        number = max(1, self.token - age)
        self.desk.land(request, status, token=number)
        self.unauthorized(number)
        assert self.landed(request).again == len(request.messages)
        self.go_on(data)
        if data.draw(st.booleans()) and self.token == self.refused_token:
            self.token_arrives()

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def not_sent(self, data: st.DataObject) -> None:
        request, _ = self.land_one(data)
        self.desk.fail(request, Failure.NOT_SENT)
        assert self.landed(request).again == len(request.messages)
        self.go_on(data)

    def go_on(self, data: st.DataObject) -> None:
        """Time passes, mostly enough for what waits, and what may go goes."""
        self.desk.later(data.draw(st.sampled_from([0.0, 2.0, 100.0, 100.0])))
        self.send()

    def land_one(self, data: st.DataObject) -> tuple[Request, list[Note]]:
        self.desk.delivery.take_news()
        return self.flying.pop(data.draw(st.sampled_from(sorted(self.flying))))

    def landed(self, request: Request) -> Landed:
        """Exactly one line of the log is about this answer."""
        (landed,) = [news for news in self.desk.delivery.take_news() if isinstance(news, Landed)]
        assert (landed.ticket, landed.messages) == (request.ticket, len(request.messages))
        return landed

    def succeed(self) -> None:
        self.failures = 0
        self.refused_at.clear()

    def unauthorized(self, number: int) -> None:
        if number > self.refused_token:
            self.refused_token = number
            self.refused_at.append(self.desk.now)
            if len(self.refused_at) >= 3 and self.refused_at[-1] - self.refused_at[0] >= 60:
                self.halts.add(HaltKind.CONFIGURATION)

    # ---- dead letters ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.letters)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        self.acknowledged(self.letters.pop(data.draw(st.integers(0, len(self.letters) - 1))))

    def acknowledged(self, letter: DeadLetter) -> None:
        self.desk.delivery.letter_acknowledged(letter.ticket)
        work = next(work for work in self.works if work.record is letter.record)
        if not letter.outputs:
            self.settled_alone.add(work)
            return
        (note,) = [
            note for note in self.notes.values() if note.work is work and note.message.to.name == letter.outputs[0]
        ]
        if letter.refusal.reason is Reason.POISON:
            self.check_poison(note)
        else:
            assert note.condemned, "nobody refused it for good"
        if note.partition.closed:
            return
        note.outcome = "dead-lettered"
        for other in self.notes.values():  # what it hid goes out now
            if other.target == note.target and other.order < note.order:
                other.excused = True

    def check_poison(self, note: Note) -> None:
        assert len(note.refusals) >= POLICY.poison_after
        (first, accepted), (last, _) = note.refusals[0], note.refusals[-1]
        assert last - first >= POLICY.poison_seconds
        assert self.accepted > accepted, "nothing else to send: nobody can know"
        note.condemned = True

    # ---- epochs ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.flying)
    @rule(number=st.integers(0, 1), seconds=st.sampled_from([0.5, 10.0, 300.0]))
    def leave(self, number: int, seconds: float) -> None:
        """A revoke begins: what lies above the frontier is dropped."""
        partition = self.desk.partitions[number]
        partition.leave(self.desk.now + seconds)
        gone = [
            work for work in self.works if work.lane.partition is partition and work.record.offset > partition.frontier
        ]
        self.forget(gone)

    @precondition(lambda self: self.flying)
    @rule(number=st.integers(0, 1))
    def close(self, number: int) -> None:
        """A revoke ends, or the partition was lost; it comes back in another epoch."""
        partition = self.desk.partitions[number]
        partition.close()
        forgotten = self.desk.delivery.forget_closed()
        self.letters = [letter for letter in self.letters if letter.ticket not in forgotten]
        self.desk.partitions[number] = self.desk.open(number)

    def forget(self, works: list[Work]) -> None:
        gone = set(works)
        self.works = [work for work in self.works if work not in gone]
        self.notes = {name: note for name, note in self.notes.items() if note.work not in gone}

    # ---- what holds at every moment ----------------------------------------------------------------------------------

    def outcome(self, note: Note) -> str:
        if note.outcome:
            return note.outcome
        newer = note.message.identity is not None and any(
            other.outcome == "accepted" and other.order > note.order and other.target == note.target
            for other in self.notes.values()
        )
        return "superseded" if newer else ""

    @invariant()
    def a_record_is_settled_when_all_its_messages_have_an_outcome(self) -> None:
        still_open: dict[Partition, set[int]] = defaultdict(set)
        for work in self.works:
            if work.translated.refusal is not None and work not in self.settled_alone:
                still_open[work.lane.partition].add(work.record.offset)  # type: ignore[index]
        for note in self.notes.values():
            if not note.partition.closed and not self.outcome(note):
                still_open[note.partition].add(note.work.record.offset)
        for partition in self.desk.partitions:
            if partition.deadline is None:  # of one that leaves, what was dropped stays open: it must not be committed
                assert partition.offsets.open == len(still_open[partition])
            assert partition.offsets.lowest_open == min(still_open[partition], default=None) or partition.deadline

    @invariant()
    def it_halts_for_the_reasons_of_the_design_and_no_others(self) -> None:
        halt = self.desk.delivery.halt
        if halt is not None and halt.kind is HaltKind.FLOOD:
            assert len(self.dead) >= 20
            self.halts.add(HaltKind.FLOOD)
        assert (halt.kind in self.halts) if halt else not self.halts

    def teardown(self) -> None:
        """All heals: then everything gets its outcome, unless delivery has halted."""
        if not hasattr(self, "desk") or self.halts:
            return
        for number, partition in enumerate(self.desk.partitions):
            if partition.deadline is not None:
                self.close(number)
        self.token_arrives()
        for _ in range(500):
            if not self.desk.open_records or self.halts:
                break
            self.desk.later(1000.0)
            self.send()
            for request, notes in list(self.flying.values()):
                del self.flying[request.ticket]
                self.desk.accept(request)
                for note in notes:
                    self.judge(note, None)
                self.accepted += len(notes)
                self.succeed()
            self.letters += self.desk.letters()
            while self.letters:
                self.acknowledged(self.letters.pop(0))
            self.it_halts_for_the_reasons_of_the_design_and_no_others()
        assert self.halts or not self.desk.open_records, "something never ends"


DeliveryMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
TestDelivery = DeliveryMachine.TestCase
