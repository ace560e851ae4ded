"""The machine between the lanes and AEP: `next_requests` says what to send, `landed` what an answer means.

It does no input or output, never waits, and is told the time. Every message that it takes from a lane ends in exactly
one outcome: accepted, superseded by an accepted newer write, or dead-lettered; until then its lane is held.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from processor.delivery.backoff import Backoff
from processor.delivery.batch import WRAPPER, Batch, Item, in_order
from processor.delivery.coalescing import Selection
from processor.delivery.flood import Flood
from processor.delivery.responses import Kind, Reading, Verdict, read
from processor.delivery.throttle import Throttle
from processor.events import Event, Halted, Landed, LetterAcknowledged, LetterSent, Outage
from processor.model import (
    Answer,
    DeadLetter,
    Failure,
    Halt,
    HaltKind,
    Reason,
    Refusal,
    Request,
    Stage,
    TokenStatus,
    TopicPartition,
)
from processor.partitions.lanes import Lane, Lanes, Work

SERVER_ERROR = 500
_UNAUTHORIZED, _FORBIDDEN, _TIMEOUT, _TOO_LARGE, _TOO_MANY = 401, 403, 408, 413, 429


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers of delivery; times in seconds, sizes in bytes."""

    max_bytes: int = 1_000_000
    max_messages: int = 1000
    max_in_flight: int = 8
    linger: float = 0.2
    attempt_timeout: float = 15.0
    rate: float | None = None  # messages per second
    split_after: int = 5  # 5xx or timeouts of one request, with successes since the first
    alone_after: int = 5  # 5xx of one message inside a 207
    poison_after: int = 10  # 5xx of one message that can only have been meant for it
    poison_seconds: float = 60.0
    unattributable_after: int = 5
    unauthorized_after: int = 3
    unauthorized_seconds: float = 60.0


class _Flight(NamedTuple):
    batch: Batch
    size: int


class _Letter(NamedTuple):
    letter: DeadLetter
    work: Work
    item: Item | None  # None: the whole record


class _Tally:
    """What became of the messages of one answer."""

    __slots__ = ("accepted", "again", "refused", "superseded")

    def __init__(self) -> None:
        self.accepted = self.superseded = self.refused = self.again = 0


class Delivery:
    """Everything between the lanes and the senders. One thread owns it."""

    def __init__(self, lanes: Lanes, policy: Policy, random: Callable[[], float]) -> None:
        self.halt: Halt | None = None
        self.hurry = False  # something is being left: fresh records do not linger
        self.news: list[Event] = []  # facts for the listeners, until the loop takes them
        self.refused_token = 0
        self._lanes = lanes
        self._policy = policy
        self._backoff = Backoff(random)
        self._throttle = Throttle(self._backoff, max_in_flight=policy.max_in_flight, rate=policy.rate)
        self._translated, self._settled = Flood(), Flood()
        self._tickets = count(1)
        self._in_flight: dict[int, _Flight] = {}
        self._waiting: list[Batch] = []  # sent before, or parts of such, as they are
        self._refused: list[tuple[float, int, Item]] = []  # heap: refused for now, by when they may go out again
        self._letters: dict[int, _Letter] = {}
        self._letters_to_send: list[DeadLetter] = []
        self._probed: set[Lane] = set()
        self._accepted = 0
        self._token_ready = False
        self._unauthorized: list[float] = []  # when each of the last tokens was refused

    def __repr__(self) -> str:
        return (
            f"Delivery(in_flight={self.in_flight}, waiting={len(self._waiting)}, refused={len(self._refused)}, "
            f"letters={len(self._letters)}, out={self._throttle.out}, halt={self.halt})"
        )

    # ---- what to send ------------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """How many requests are on the wire."""
        return len(self._in_flight)

    @property
    def open_letters(self) -> int:
        """How many dead letters are not acknowledged."""
        return len(self._letters)

    @property
    def retries(self) -> int:
        """How many batches and messages wait to be sent again."""
        return len(self._waiting) + len(self._refused)

    def next_requests(self, now: float) -> list[Request]:
        """Everything that may be sent now."""
        requests: list[Request] = []
        while self._token_ready and self._throttle.slots(now, self.in_flight) > 0:
            batch = self._probe() if self._throttle.out else self._next_batch(now)
            if batch is None:
                break
            request = self._launch(batch, now)
            if request is not None:
                requests.append(request)
        return requests

    def wake_at(self, now: float) -> float | None:
        """When something may next be due, if nothing comes in until then."""
        if not self._token_ready:
            return None
        times = [batch.not_before for batch in self._waiting if not batch.blocked]
        if self._refused:
            times.append(self._refused[0][0])
        oldest = self._lanes.oldest()
        if oldest is not None and not self.halt:
            times.append(oldest.arrived + self._policy.linger)
        return max(now, self._throttle.opens_at, min(times)) if times else None

    def _next_batch(self, now: float) -> Batch | None:
        return self._due_batch(now) or self._due_messages(now) or self._fresh(now)

    def _due_batch(self, now: float) -> Batch | None:
        for position, batch in enumerate(self._waiting):
            if batch.due(now):
                return self._waiting.pop(position)
        return None

    def _due_messages(self, now: float) -> Batch | None:
        selection = Selection()
        limit = self._policy.max_bytes
        while self._refused and self._refused[0][0] <= now and selection.count < self._policy.max_messages:
            item = self._refused[0][2]
            if item.live and selection.count and selection.size + item.size > limit:
                break
            heapq.heappop(self._refused)
            if item.live:
                selection.add(item)
        if not selection.count:
            return None
        self._fill(selection)
        return Batch(selection.items())

    def _fresh(self, now: float) -> Batch | None:
        policy, lanes = self._policy, self._lanes
        while not self.halt and (oldest := lanes.oldest()) is not None:
            full = lanes.size + lanes.messages >= policy.max_bytes - WRAPPER or lanes.messages >= policy.max_messages
            if not (full or self.hurry or now - oldest.arrived >= policy.linger):
                return None
            selection = Selection()
            self._fill(selection)
            if selection.count:
                first, *others = in_order(selection.items(), policy.max_bytes, policy.max_messages)
                self._waiting.extend(others)
                return first
        return None

    def _fill(self, selection: Selection, records: int | None = None) -> None:
        """Draws records from the lanes until the request is full, or `records` were drawn."""
        if self.halt:
            return
        policy = self._policy
        left = policy.max_messages if records is None else records
        alone = False

        def fits(work: Work) -> bool:
            nonlocal left, alone
            if alone or left <= 0:
                return False
            if work.dead:
                self._bury_record(work)
                return True
            size = selection.size + work.size + work.open
            if size > policy.max_bytes or selection.count + work.open > policy.max_messages:
                if selection.count:
                    return False
                alone = True  # larger than one request: it goes alone, in several, in order
            left -= 1
            for message in work.translated.messages:
                selection.add(Item(work, message))
            return True

        share = max(1, self._lanes.count // policy.max_in_flight) if records is None else 1
        self._lanes.draw(fits, policy.max_bytes - selection.size, policy.max_messages - selection.count, share)

    def _probe(self) -> Batch | None:
        """In an outage: the first message of one lane, each time of another one."""
        for _ in range(2):
            batch = self._probe_waiting() or self._probe_refused() or self._probe_fresh()
            if batch is not None:
                self._probed.add(batch.items[0].work.lane)
                batch.probe = True
                return batch
            self._probed.clear()
        return None

    def _probe_waiting(self) -> Batch | None:
        for batch in self._waiting:
            batch.drop_dead()
            if batch.after:
                continue
            for item in batch.items:  # the first one of a lane that was not tried is the first of its lane
                if item.work.lane not in self._probed:
                    probe = batch.set_apart(item)
                    if not batch.items:
                        self._waiting.remove(batch)
                    return probe
        return None

    def _probe_refused(self) -> Batch | None:
        for entry in sorted(self._refused):
            item = entry[2]
            if item.live and item.work.lane not in self._probed:
                self._refused.remove(entry)
                heapq.heapify(self._refused)
                return Batch([item])
        return None

    def _probe_fresh(self) -> Batch | None:
        while (oldest := self._lanes.oldest()) is not None and not self.halt:
            if oldest.lane in self._probed:
                return None
            selection = Selection()
            self._fill(selection, records=1)
            if selection.count:
                batches = in_order(selection.items(), self._policy.max_bytes, self._policy.max_messages)
                probe = batches[0].set_apart(batches[0].items[0])
                self._waiting.extend([batch for batch in batches if batch.items])
                return probe
        return None

    def _launch(self, batch: Batch, now: float) -> Request | None:
        """Makes the request of a batch, without messages of partitions that have left, or must leave before its end."""
        deadline = now + self._policy.attempt_timeout
        batch.items = [item for item in batch.items if item.live and _ends_in_time(item, deadline)]
        if not batch.items:
            return None
        ticket = next(self._tickets)
        self._in_flight[ticket] = _Flight(batch, batch.size)
        self._throttle.started(now, len(batch.items))
        messages = tuple([item.message for item in batch.items])
        return Request(ticket, messages, not_after=deadline, deadline=deadline, probe=batch.probe)

    # ---- what an answer means ----------------------------------------------------------------------------------------

    def landed(self, answer: Answer, now: float) -> None:
        """Takes the answer to one request apart: one verdict per message, or the whole batch again."""
        flight = self._in_flight.pop(answer.ticket)
        batch = flight.batch
        reading = read(answer, len(batch.items))
        tally = _Tally()
        sent = len(batch.items)
        if answer.retry_after is not None and reading.kind is Kind.UNAVAILABLE:
            self._throttle.hold(now + answer.retry_after)
        match reading.kind:
            case Kind.VERDICTS:
                self._judge(batch, reading, answer, tally, now)
            case Kind.UNAVAILABLE | Kind.UNKNOWN:
                self._failed(now, reading.detail, probe=batch.probe)
                self._again(batch, answer, tally, now)
            case Kind.NOT_SENT:
                self._wait(batch, now)
            case Kind.UNATTRIBUTABLE:
                self._split_unattributable(batch, reading, now)
            case Kind.TOO_LARGE | Kind.BAD_REQUEST:
                self._succeeded(now)
                self._split_refused(batch, reading, answer, tally, now)
            case Kind.UNAUTHORIZED:
                self._unauthorized_at(answer, now)
                self._wait(batch, now)
            case Kind.NO_INLET:
                self._stop(HaltKind.CONFIGURATION, "AEP does not know this inlet (HTTP 404): check aep.inlet_url")
                self._wait(batch, now + self._backoff.delay(1))
        if reading.kind is not Kind.VERDICTS:
            tally.again = sent - tally.refused
        self.news.append(
            Landed(
                ticket=answer.ticket,
                messages=sent,
                size=flight.size,
                accepted=tally.accepted,
                superseded=tally.superseded,
                refused=tally.refused,
                again=tally.again,
                status=answer.status,
                outcome=reading.kind.value,
                seconds=answer.seconds,
                batch_id=reading.batch_id,
                probe=batch.probe,
            )
        )

    def _judge(self, batch: Batch, reading: Reading, answer: Answer, tally: _Tally, now: float) -> None:
        again: list[Item] = []
        for item, verdict in zip(batch.items, reading.verdicts, strict=True):
            if verdict.status is None:
                self._accepted += 1
                tally.accepted += 1
                tally.superseded += self._accept(item)
            elif _for_now(verdict):
                again.append(item)
                item.tries += 1
                if verdict.status not in (_TIMEOUT, _TOO_MANY):
                    self._count_server_error(item, now)
            else:
                tally.refused += 1
                self._bury(item, _refusal(verdict.status, verdict.detail, item))
        if len(again) < len(batch.items):
            self._succeeded(now)
        elif all(verdict.status in (_UNAUTHORIZED, _FORBIDDEN) for verdict in reading.verdicts):
            self._unauthorized_at(answer, now)
        else:
            self._failed(now, "every message was refused for now", probe=batch.probe)
        tally.again = len(again)
        self._again_later(again, now)

    def _accept(self, item: Item) -> int:
        """Settles an accepted message, and the older writes that it stood for. Returns how many those were."""
        if not item.live:
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

    def _count_server_error(self, item: Item, now: float) -> None:
        if item.refusals == 0:
            item.first_refused, item.successes = now, self._accepted
        item.refusals += 1

    def _is_poison(self, item: Item, now: float) -> bool:
        policy = self._policy
        return (
            item.refusals >= policy.poison_after
            and now - item.first_refused >= policy.poison_seconds
            and self._accepted > item.successes
        )

    def _again_later(self, items: list[Item], now: float) -> None:
        """Sends messages again that were refused for now; all at the same time, so that they keep their order."""
        items = [item for item in items if item.live]
        if not items:
            return
        not_before = now + self._backoff.delay(max(item.tries for item in items))
        for item in items:
            if self._is_poison(item, now):
                self._bury(item, _poison(item))
            elif item.refusals >= self._policy.alone_after:
                self._wait(Batch([item]), not_before)
            else:
                self._send_again(item, not_before)

    def _send_again(self, item: Item, not_before: float) -> None:
        heapq.heappush(self._refused, (not_before, next(self._tickets), item))

    def _again(self, batch: Batch, answer: Answer, tally: _Tally, now: float) -> None:
        """Sends a whole batch again, split when others passed and this one never did."""
        batch.attempts += 1
        server_error = (answer.status or 0) >= SERVER_ERROR
        if server_error or answer.failure is Failure.TIMEOUT:
            if batch.failures == 0:
                batch.successes = self._accepted
            batch.failures += 1
        if len(batch.items) == 1:
            item = batch.items[0]
            item.tries += 1
            if server_error:
                self._count_server_error(item, now)
            if item.live and self._is_poison(item, now):
                tally.refused += 1
                self._bury(item, _poison(item))
                return
            if batch.probe:
                self._send_again(item, now + self._backoff.delay(item.tries))
                return
        elif batch.failures >= self._policy.split_after and self._accepted > batch.successes:
            self._split(batch, now)
            return
        self._wait(batch, now + self._backoff.delay(batch.attempts))

    def _wait(self, batch: Batch, not_before: float) -> None:
        batch.drop_dead()
        if batch.items:
            batch.not_before = not_before
            self._waiting.append(batch)

    def _split(self, batch: Batch, now: float) -> None:
        for part in batch.halves():
            self._wait(part, now)

    def _split_unattributable(self, batch: Batch, reading: Reading, now: float) -> None:
        if len(batch.items) > 1:
            self._split(batch, now)
            return
        batch.unattributable += 1
        if batch.unattributable >= self._policy.unattributable_after:
            self._stop(HaltKind.UNATTRIBUTABLE, f"a request of one message came back unattributable: {reading.detail}")
        self._wait(batch, now + self._backoff.delay(batch.unattributable))

    def _split_refused(self, batch: Batch, reading: Reading, answer: Answer, tally: _Tally, now: float) -> None:
        if len(batch.items) > 1:
            self._split(batch, now)
            return
        tally.refused += 1
        self._bury(batch.items[0], _refusal(answer.status or 0, reading.detail, batch.items[0]))

    def _succeeded(self, now: float) -> None:
        self._unauthorized.clear()
        if not self._throttle.succeeded():
            return
        self._probed.clear()
        self.news.append(Outage("aep", began=False, detail="an answer came"))
        for batch in self._waiting:
            batch.not_before = now
        self._refused = [(now, ticket, item) for _, ticket, item in self._refused]
        heapq.heapify(self._refused)

    def _failed(self, now: float, detail: str, *, probe: bool) -> None:
        if self._throttle.failed(now, probe=probe):
            self.news.append(Outage("aep", began=True, detail=detail))

    # ---- tokens ------------------------------------------------------------------------------------------------------

    def token(self, status: TokenStatus) -> None:
        """Takes the state of the access token: without one that may be good, nothing is sent."""
        if status.refused:
            self._stop(HaltKind.CONFIGURATION, status.refused)
        self._token_ready = status.ready and status.number > self.refused_token

    def _unauthorized_at(self, answer: Answer, now: float) -> None:
        """A 401 or 403 counts once per token: only a refusal of a new token is news."""
        if answer.token <= self.refused_token:
            return
        self.refused_token = answer.token
        self._token_ready = False
        self._unauthorized.append(now)
        tries = self._unauthorized
        self._throttle.hold(now + self._backoff.delay(len(tries)))
        if len(tries) >= self._policy.unauthorized_after and now - tries[0] >= self._policy.unauthorized_seconds:
            detail = (
                f"AEP refused {len(tries)} new tokens in a row (HTTP {answer.status}): check that the credential may"
            )
            self._stop(HaltKind.CONFIGURATION, f"{detail} write to this organisation and sandbox")

    # ---- dead letters ------------------------------------------------------------------------------------------------

    def took(self, work: Work) -> None:
        """Counts a translated record; a flood of refused ones stops delivery before their dead letters are sent."""
        if work.dead:
            self._stop_at_flood(self._translated.died(work.translated.event))
        else:
            self._translated.passed(work.translated.event)

    def letters(self) -> list[DeadLetter]:
        """The dead letters to produce now; none once delivery has halted."""
        if self.halt or not self._letters_to_send:
            return []
        letters, self._letters_to_send = self._letters_to_send, []
        return letters

    def letter_acknowledged(self, ticket: int) -> None:
        """All in-sync replicas have a dead letter: what it stands for is settled."""
        entry = self._letters.pop(ticket, None)
        if entry is None or entry.work.lane.partition.closed:
            return
        self.news.append(LetterAcknowledged(_partition(entry.letter), entry.letter.record.offset))
        if entry.item is None:
            self._settle(entry.work)
            return
        if entry.item.hidden:  # the newest of those that it hid now goes out itself
            *older, newest = entry.item.hidden
            newest.hidden = older
            self._send_again(newest, 0.0)
        self._resolve(entry.item)

    def _bury_record(self, work: Work) -> None:
        refusal = work.translated.refusal
        if refusal is not None:
            self._write(work, None, refusal)

    def _bury(self, item: Item, refusal: Refusal) -> None:
        if item.live:
            if not item.work.dead:  # else another of its messages was counted
                item.work.dead = True
                self._stop_at_flood(self._settled.died(item.work.translated.event))
            self._write(item.work, item, refusal)

    def _write(self, work: Work, item: Item | None, refusal: Refusal) -> None:
        translated = work.translated
        outputs = (item.message.to.name,) if item else ()
        letter = DeadLetter(next(self._tickets), work.record, refusal, translated.event, outputs, translated.schema_id)
        self._letters[letter.ticket] = _Letter(letter, work, item)
        self._letters_to_send.append(letter)
        self.news.append(LetterSent(_partition(letter), work.record.offset, translated.event, outputs, refusal))

    def _stop_at_flood(self, flood: str | None) -> None:
        if flood:
            self._stop(HaltKind.FLOOD, f"{flood}: a mapping or a producer is broken")

    def take_news(self) -> list[Event]:
        """The facts since the last call."""
        news, self.news = self.news, []
        return news

    # ---- leaving -----------------------------------------------------------------------------------------------------

    def hopeless(self, now: float, deadline: float) -> bool:
        """Whether nothing that could still end before `deadline` is on its way or may start."""
        nothing_on_its_way = not self._in_flight and not self._letters
        return nothing_on_its_way and now + self._policy.attempt_timeout > deadline

    def forget_closed(self) -> list[int]:
        """Drops what belongs to closed epochs. Returns the tickets of dead letters that need not be sent any more."""
        for batch in self._waiting:
            batch.drop_dead()
        self._waiting = [batch for batch in self._waiting if batch.items]
        self._refused = [entry for entry in self._refused if entry[2].live]
        heapq.heapify(self._refused)
        dead = [ticket for ticket, entry in self._letters.items() if entry.work.lane.partition.closed]
        for ticket in dead:
            del self._letters[ticket]
        self._letters_to_send = [letter for letter in self._letters_to_send if letter.ticket in self._letters]
        return dead

    def _stop(self, kind: HaltKind, detail: str) -> None:
        if self.halt is None:
            self.halt = Halt(kind, detail)
            self.news.append(Halted(self.halt))


def _ends_in_time(item: Item, deadline: float) -> bool:
    leaves = item.work.lane.partition.deadline
    return leaves is None or deadline <= leaves


def _for_now(verdict: Verdict) -> bool:
    status = verdict.status or 0
    return status in (0, _UNAUTHORIZED, _FORBIDDEN, _TIMEOUT, _TOO_MANY) or status >= SERVER_ERROR


def _refusal(status: int, detail: str, item: Item) -> Refusal:
    reason = Reason.TOO_LARGE if status == _TOO_LARGE else Reason.REFUSED
    return Refusal(reason, Stage.DELIVER, detail, status, item.tries + 1)


def _poison(item: Item) -> Refusal:
    detail = f"AEP failed on this message {item.refusals} times while others passed"
    return Refusal(Reason.POISON, Stage.DELIVER, detail, SERVER_ERROR, item.refusals)


def _partition(letter: DeadLetter) -> TopicPartition:
    return TopicPartition(letter.record.topic, letter.record.partition)
