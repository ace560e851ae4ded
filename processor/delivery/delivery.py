"""The machine between the lanes and AEP: `next_requests` says what to send, `landed` what an answer means.

It does no input or output, never waits, and is told the time. Every message that it takes from a lane ends in exactly
one outcome: accepted, superseded by an accepted newer write, or dead-lettered; until then its lane is held.

Who keeps what: `filling` draws fresh records from the lanes, `retries` holds what must go out again, `letters` the
dead letters on their way, `throttle` says whether anything may be sent at all, `blame` whose fault a refusal is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from processor.delivery.backoff import Backoff
from processor.delivery.batch import Batch, Item
from processor.delivery.blame import Blame
from processor.delivery.credentials import Credentials
from processor.delivery.filling import Filler
from processor.delivery.flood import Flood
from processor.delivery.letters import Letters
from processor.delivery.policy import Policy
from processor.delivery.responses import Kind, Reading, Verdict, read
from processor.delivery.retries import Retries
from processor.delivery.throttle import Throttle
from processor.events import Event, Halted, Landed, LetterAcknowledged, LetterSent, Outage
from processor.model import (
    Answer,
    DeadLetter,
    Halt,
    HaltKind,
    Reason,
    Refusal,
    Request,
    Stage,
    TokenStatus,
    TopicPartition,
    Translated,
)
from processor.partitions.lanes import Lane, Lanes, Work

__all__ = ["Delivery", "Policy"]

SERVER_ERROR = 500
_UNAUTHORIZED, _FORBIDDEN, _TIMEOUT, _TOO_LARGE, _TOO_MANY = 401, 403, 408, 413, 429


class _Tally:
    """What became of the messages of one answer."""

    __slots__ = ("accepted", "again", "refused", "superseded")

    def __init__(self) -> None:
        self.accepted = self.superseded = self.refused = self.again = 0


class Delivery:
    """Everything between the lanes and the senders. One thread owns it."""

    def __init__(self, lanes: Lanes, policy: Policy, random: Callable[[], float]) -> None:
        self.halt: Halt | None = None
        self.hurried = False  # something is being left: see `hurry`
        self.news: list[Event] = []  # facts for the listeners, until the loop takes them
        self._policy = policy
        self._backoff = Backoff(random)
        self._throttle = Throttle(self._backoff, max_in_flight=policy.max_in_flight, rate=policy.rate)
        self._credentials = Credentials(policy)
        self._blame = Blame(policy)
        self._translated, self._settled = Flood(), Flood()
        self._tickets = count(1)
        self._fresh = Filler(lanes, policy, self._bury_record)
        self._in_flight: dict[int, Batch] = {}
        self._retries = Retries()
        self._letters = Letters(self._tickets)
        self._probed: set[Lane] = set()

    def __repr__(self) -> str:
        return (
            f"Delivery(in_flight={self.in_flight}, retries={self._retries}, letters={len(self._letters)}, "
            f"out={self._throttle.out}, halt={self.halt})"
        )

    @property
    def in_flight(self) -> int:
        """How many requests are on the wire."""
        return len(self._in_flight)

    @property
    def open_letters(self) -> int:
        """How many dead letters were handed out and are not acknowledged."""
        return self._letters.sent

    @property
    def retries(self) -> int:
        """How many batches and messages wait to be sent again."""
        return len(self._retries)

    @property
    def refused_token(self) -> int:
        """The number of the newest token that AEP refused; 0 for none."""
        return self._credentials.refused

    def take_news(self) -> list[Event]:
        """The facts since the last call."""
        news, self.news = self.news, []
        return news

    # ---- what to send ------------------------------------------------------------------------------------------------

    def next_requests(self, now: float) -> list[Request]:
        """Everything that may be sent now: retries that are due, then fresh records; in an outage one probe."""
        requests: list[Request] = []
        while self._credentials.ready and self._throttle.slots(now, self.in_flight) > 0:
            batch = self._next_probe() if self._throttle.out else self._next_batch(now)
            if batch is None:
                break
            request = self._launch(batch, now)
            if request is not None:
                requests.append(request)
        return requests

    def wake_at(self, now: float) -> float | None:
        """When something may next be due, if nothing comes in until then; None when nothing will be."""
        if not self._credentials.ready:
            return None
        fresh = None if self.halt else self._fresh.ready_at(hurry=self.hurried)
        times = [at for at in (self._retries.next_at(), fresh) if at is not None]
        return max(now, self._throttle.opens_at, min(times)) if times else None

    def _next_batch(self, now: float) -> Batch | None:
        return self._retries.due_batch(now) or self._due_messages(now) or self._fresh_batch(now)

    def _due_messages(self, now: float) -> Batch | None:
        """Messages that were refused for now, of several requests together, filled up with fresh records."""
        selection = self._retries.due_messages(now, self._policy)
        if not selection.count:
            return None
        if not self.halt:
            self._fresh.fill(selection)
        return Batch(selection.items())

    def _fresh_batch(self, now: float) -> Batch | None:
        while not self.halt and (ready_at := self._fresh.ready_at(hurry=self.hurried)) is not None and ready_at <= now:
            batches = self._fresh.batches()
            if batches:
                return self._first_of(batches, now)
        return None

    def _next_probe(self) -> Batch | None:
        """In an outage: the first message of one lane, each time of another one until all had their turn."""
        for _ in range(2):
            batch = self._retries.probe(self._probed) or self._fresh_probe()
            if batch is not None:
                self._probed.add(batch.items[0].work.lane)
                return batch
            self._probed.clear()
        return None

    def _fresh_probe(self) -> Batch | None:
        batches = [] if self.halt else self._fresh.probe(self._probed)
        return self._first_of(batches, 0.0) if batches else None

    def _first_of(self, batches: list[Batch], not_before: float) -> Batch:
        first, *others = batches
        for batch in others:
            self._retries.add_batch(batch, not_before)
        return first

    def _launch(self, batch: Batch, now: float) -> Request | None:
        """Makes the request of a batch, without messages of partitions that have left, or that must leave too soon.

        An attempt ends before any partition in it must be left: what its next owner sends cannot be overtaken by it.
        """
        soonest = now + self._policy.shortest_attempt
        batch.items = [item for item in batch.items if _may_go(item, soonest)]
        if not batch.items:
            return None
        partitions = {item.work.lane.partition for item in batch.items}
        leave_by = [partition.deadline for partition in partitions if partition.deadline is not None]
        deadline = min([now + self._policy.attempt_timeout, *leave_by])
        batch.probe = self._throttle.out
        ticket = next(self._tickets)
        self._in_flight[ticket] = batch
        self._throttle.started(now, len(batch.items))
        messages = tuple([item.message for item in batch.items])
        return Request(ticket, messages, not_after=deadline, deadline=deadline, probe=batch.probe)

    # ---- what an answer means ----------------------------------------------------------------------------------------

    def landed(self, answer: Answer, now: float) -> None:
        """Takes the answer to one request apart: one verdict per message, or the whole batch again, or its halves."""
        batch = self._in_flight.pop(answer.ticket)
        sent, size = len(batch.items), batch.size
        reading = read(answer, sent)
        tally = _Tally()
        match reading.kind:
            case Kind.VERDICTS:
                self._judge(batch, reading, answer, tally, now)
            case Kind.UNAVAILABLE | Kind.UNKNOWN:
                self._failed(reading.detail, answer.retry_after, now, probe=batch.probe)
                self._send_again(batch, reading, answer, tally, now)
            case Kind.NOT_SENT:
                self._retries.add_batch(batch, now)
            case Kind.UNATTRIBUTABLE:
                self._succeeded(now)
                self._split_unattributable(batch, reading, now)
            case Kind.TOO_LARGE | Kind.BAD_REQUEST:
                self._succeeded(now)
                self._split_refused(batch, reading, answer, tally, now)
            case Kind.UNAUTHORIZED:
                self._unauthorized(answer, now)
                self._retries.add_batch(batch, now)
            case Kind.NO_INLET:
                self._stop(HaltKind.CONFIGURATION, "AEP does not know this inlet (HTTP 404): check AEP__INLET_URL")
                self._retries.add_batch(batch, now + self._wait(self._attempted(batch)))
        if reading.kind is not Kind.VERDICTS:
            tally.again = sent - tally.refused
        self.news.append(_landed(answer, reading, tally, messages=sent, size=size, probe=batch.probe))

    def _judge(self, batch: Batch, reading: Reading, answer: Answer, tally: _Tally, now: float) -> None:
        """One verdict per message, by position in the list that was sent."""
        again: list[tuple[Item, int]] = []
        for item, verdict in zip(batch.items, reading.verdicts, strict=True):
            if verdict.status is None:
                tally.accepted += 1
                tally.superseded += self._accept(item)
            elif _for_now(verdict):
                again.append((item, verdict.status))
            else:
                tally.refused += 1
                self._bury(item, _refusal(verdict.status, verdict.detail, item))
        self._blame.accepted += tally.accepted
        tally.again = len(again)
        if len(again) < len(batch.items):
            self._succeeded(now)
        elif all(status in (_UNAUTHORIZED, _FORBIDDEN) for _, status in again):  # meant for the token, not for them
            self._unauthorized(answer, now)
            self._retries.add_batch(batch, now)
            return
        else:
            self._failed("every message was refused for now", None, now, probe=batch.probe)
        if again:
            self._send_messages_again(again, tally, now)

    def _accept(self, item: Item) -> int:
        """Settles an accepted message, and the older writes that it stood for. Returns how many those were."""
        if not item.open or item.work.lane.partition.closed:  # `live`, for every message that goes out
            return 0
        for older in item.hidden:
            self._resolve(older)
        self._resolve(item)
        return len(item.hidden)

    def _resolve(self, item: Item) -> None:
        item.open = False
        work = item.work
        work.open -= 1
        if work.open == 0:
            self._settle(work)

    def _settle(self, work: Work) -> None:
        if not work.dead:
            self._settled.passed(work.translated.event)
        work.lane.partition.settle(work)

    def _send_messages_again(self, refused: list[tuple[Item, int]], tally: _Tally, now: float) -> None:
        """Messages that were refused for now go out again all at the same time, so that they keep their order."""
        for item, status in refused:
            item.tries += 1
            if status not in (_TIMEOUT, _TOO_MANY):
                self._blame.refused(item, status, now)
        not_before = now + self._wait(max(item.tries for item, _ in refused))
        for item, _ in refused:
            if not item.live:
                continue
            if self._blame.is_poison(item, now):
                self._bury_poison(item, tally)
            elif item.refusals >= self._policy.alone_after:
                self._retries.add_batch(Batch([item]), not_before)
            else:
                self._retries.add_message(item, not_before)

    def _send_again(self, batch: Batch, reading: Reading, answer: Answer, tally: _Tally, now: float) -> None:
        """A batch without verdicts goes out again as it is, or split when others passed and this one never did."""
        server_error = (answer.status or 0) >= SERVER_ERROR
        if server_error or reading.kind is Kind.UNKNOWN:
            self._blame.failed(batch)
        attempts = self._attempted(batch)
        if self._blame.wants_split(batch):
            self._split(batch, now)
            return
        if len(batch.items) == 1:
            item = batch.items[0]
            if server_error:
                self._blame.refused(item, answer.status or 0, now)
            if item.live and self._blame.is_poison(item, now):
                self._bury_poison(item, tally)
                return
            if batch.probe and item.live:  # it may travel with others again
                self._retries.add_message(item, now + self._wait(attempts))
                return
        self._retries.add_batch(batch, now + self._wait(attempts))

    def _wait(self, tries: int) -> float:
        """Seconds until the next try; while something is being left, short enough for many more before its deadline."""
        wait = self._backoff.delay(tries)
        return min(wait, self._policy.hurried_wait) if self.hurried else wait

    def _attempted(self, batch: Batch) -> int:
        """Counts an attempt without a verdict. Returns how many there were, for the backoff."""
        batch.attempts += 1
        if len(batch.items) > 1:
            return batch.attempts
        batch.items[0].tries += 1  # a message alone remembers those that it made with others
        return batch.items[0].tries

    def _split(self, batch: Batch, now: float) -> None:
        for part in batch.halves():
            self._retries.add_batch(part, now)

    def _split_unattributable(self, batch: Batch, reading: Reading, now: float) -> None:
        if len(batch.items) > 1:
            self._split(batch, now)
            return
        item = batch.items[0]
        item.unattributable += 1
        if item.live and item.unattributable >= self._policy.unattributable_after:
            self._stop(HaltKind.UNATTRIBUTABLE, f"a request of one message came back unattributable: {reading.detail}")
        self._retries.add_batch(batch, now + self._wait(item.unattributable))

    def _split_refused(self, batch: Batch, reading: Reading, answer: Answer, tally: _Tally, now: float) -> None:
        if len(batch.items) > 1:
            self._split(batch, now)
            return
        tally.refused += 1
        self._bury(batch.items[0], _refusal(answer.status or 0, reading.detail, batch.items[0]))

    # ---- outages, tokens, halt ---------------------------------------------------------------------------------------

    def _succeeded(self, now: float) -> None:
        self._credentials.succeeded()
        if self._throttle.succeeded():
            self._probed.clear()
            self._retries.hasten(now)
            self._blame.absolve(self._retries.items())
            self.news.append(Outage("aep", began=False, detail="an answer came"))

    def _failed(self, detail: str, retry_after: float | None, now: float, *, probe: bool) -> None:
        if retry_after is not None:
            self._throttle.hold(now + retry_after)
        if self._throttle.failed(now, probe=probe):
            self.news.append(Outage("aep", began=True, detail=detail))

    def token(self, status: TokenStatus) -> None:
        """Takes the state of the access token: without one that may be good, nothing is sent."""
        if status.refused:
            self._stop(HaltKind.CONFIGURATION, status.refused)
        self._credentials.update(status)

    def _unauthorized(self, answer: Answer, now: float) -> None:
        """A 401 or 403 counts once per token."""
        credentials = self._credentials
        if not credentials.refuse(answer.token, now):
            return
        self._throttle.hold(now + self._backoff.delay(credentials.tries))
        if credentials.hopeless:
            detail = f"AEP refused {credentials.tries} new tokens in a row (HTTP {answer.status})"
            may = "check that the credential may write to this organisation and sandbox"
            self._stop(HaltKind.CONFIGURATION, f"{detail}: {may}")

    def _stop(self, kind: HaltKind, detail: str) -> None:
        if self.halt is None:
            self.halt = Halt(kind, detail)
            self.news.append(Halted(self.halt))

    # ---- dead letters ------------------------------------------------------------------------------------------------

    def took(self, translated: Translated) -> None:
        """Counts a translated record; a flood of refused ones stops delivery before their dead letters are sent."""
        if translated.refusal is not None:
            self._stop_at_flood(self._translated.died(translated.event))
        else:
            self._translated.passed(translated.event)

    def letters(self) -> list[DeadLetter]:
        """The dead letters to produce now; none once delivery has halted."""
        return [] if self.halt else self._letters.take()

    def letter_acknowledged(self, ticket: int) -> None:
        """All in-sync replicas have a dead letter: what it stands for is settled."""
        entry = self._letters.acknowledged(ticket)
        if entry is None:
            return
        self.news.append(LetterAcknowledged(_partition(entry.letter), entry.letter.record.offset))
        if entry.item is None:
            self._settle(entry.work)
            return
        if entry.item.hidden:  # the newest of those that it hid goes out in its place, and stands for the others
            *older, newest = entry.item.hidden
            newest.hidden = tuple(older)
            self._retries.add_message(newest, 0.0)
        self._resolve(entry.item)

    def _bury_record(self, work: Work) -> None:
        """The dead letter of a record that could not be translated."""
        assert work.translated.refusal is not None
        self._write(work, None, work.translated.refusal)

    def _bury_poison(self, item: Item, tally: _Tally) -> None:
        tally.refused += 1
        tally.again -= 1
        detail = f"AEP failed on this message {item.refusals} times while others passed"
        self._bury(item, Refusal(Reason.POISON, Stage.DELIVER, detail, item.status, item.refusals))

    def _bury(self, item: Item, refusal: Refusal) -> None:
        """The dead letter of one message. A record counts once in the flood, however many of its messages die."""
        if not item.live:
            return
        if not item.work.dead:
            item.work.dead = True
            self._stop_at_flood(self._settled.died(item.work.translated.event))
        self._write(item.work, item, refusal)

    def _write(self, work: Work, item: Item | None, refusal: Refusal) -> None:
        letter = self._letters.write(work, item, refusal)
        self.news.append(
            LetterSent(_partition(letter), work.record.offset, letter.event, letter.outputs, letter.refusal)
        )

    def _stop_at_flood(self, flood: str | None) -> None:
        if flood:
            self._stop(HaltKind.FLOOD, f"{flood}: a mapping or a producer is broken")

    # ---- leaving -----------------------------------------------------------------------------------------------------

    def hurry(self, now: float) -> bool:
        """Something is being left: fresh records do not linger, and no message waits long to be sent again.

        A long wait would outlast the deadline, and all that lies behind that message would be repeated. An outage and
        a Retry-After are waited out as ever. Returns whether it was hurried already, to be put back into `hurried`.
        """
        before, self.hurried = self.hurried, True
        self._retries.hasten(now + self._policy.hurried_wait)
        return before

    def hopeless(self, now: float, deadline: float) -> bool:
        """Whether nothing that could still end before `deadline` is on its way or may start."""
        if self._in_flight or (self._letters.sent if self.halt else len(self._letters)):
            return False
        if self.halt and (self.halt.kind is HaltKind.CONFIGURATION or not len(self._retries)):
            return True
        return max(now, self._throttle.opens_at) + self._policy.shortest_attempt > deadline

    def forget_closed(self) -> list[int]:
        """Drops what belongs to closed epochs. Returns the tickets of dead letters that need not be sent any more."""
        self._retries.forget_closed()
        return self._letters.forget_closed()


def _landed(answer: Answer, reading: Reading, tally: _Tally, *, messages: int, size: int, probe: bool) -> Landed:
    return Landed(
        ticket=answer.ticket,
        messages=messages,
        size=size,
        accepted=tally.accepted,
        superseded=tally.superseded,
        refused=tally.refused,
        again=tally.again,
        status=answer.status,
        outcome=reading.kind.value,
        seconds=answer.seconds,
        batch_id=reading.batch_id,
        probe=probe,
    )


def _may_go(item: Item, soonest: float) -> bool:
    """Whether a message is live, and its partition is not left before an attempt can be over."""
    partition = item.work.lane.partition
    leave_by = partition.deadline
    return item.open and not partition.closed and (leave_by is None or leave_by >= soonest)


def _for_now(verdict: Verdict) -> bool:
    status = verdict.status or 0
    return status in (0, _UNAUTHORIZED, _FORBIDDEN, _TIMEOUT, _TOO_MANY) or status >= SERVER_ERROR


def _refusal(status: int, said: str, item: Item) -> Refusal:
    reason = Reason.TOO_LARGE if status == _TOO_LARGE else Reason.REFUSED
    return Refusal(reason, Stage.DELIVER, f"AEP refused this message ({status})", status, item.tries + 1, said)


def _partition(letter: DeadLetter) -> TopicPartition:
    return TopicPartition(letter.record.topic, letter.record.partition)
