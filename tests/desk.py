"""Delivery on a desk: lanes, partitions, the machine, and answers as a test wants them. No loop, dice or Kafka."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import orjson

from processor.delivery.delivery import Delivery, Policy
from processor.events import Event
from processor.model import (
    Answer,
    DeadLetter,
    Destination,
    Failure,
    Message,
    Reason,
    Record,
    Refusal,
    Request,
    Stage,
    TokenStatus,
    TopicPartition,
    Translated,
)
from processor.partitions.lanes import Lanes, Work
from processor.partitions.partition import Partition

EVENTS = Destination("events", profile=False, prefix=b'{"e":', suffix=b"}")
BALANCE = Destination("profile-balance", profile=True, prefix=b'{"b":', suffix=b"}")
TIER = Destination("profile-tier", profile=True, prefix=b'{"t":', suffix=b"}")
REFUSED = Refusal(Reason.UNMAPPABLE, Stage.TRANSLATE, "a required field is missing")


def body(request: Request) -> bytes:
    """The bytes that go to AEP, as the client joins them."""
    parts = [message.to.prefix + message.entity + message.to.suffix for message in request.messages]
    return b'{"messages":[' + b",".join(parts) + b"]}"


def event(name: str, size: int = 0) -> Message:
    """A message for the event dataset, padded to an entity of `size` bytes."""
    return Message(EVENTS, name.encode().ljust(size, b"."))


def profile(name: str, identity: str = "me", to: Destination = BALANCE) -> Message:
    """A message for a Profile dataset."""
    return Message(to, name.encode(), identity)


class Desk:
    """A machine with its partitions. `now` is the clock, moved by the test."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        partitions: int = 1,
        lanes: int = 16,
        random: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self.now = 100.0
        self.lanes = Lanes()
        self.delivery = Delivery(self.lanes, policy or Policy(linger=0.0, max_in_flight=4), random)
        self.sequence, self.epochs = count(1), count(1)
        self._lanes_each = lanes
        self.partitions = [self.open(number) for number in range(partitions)]
        self.token = 1
        self.delivery.token(TokenStatus(1, ready=True))
        self.events: list[Event] = []

    def open(self, number: int = 0, start: int = 0) -> Partition:
        """An assigned partition, in an epoch of its own."""
        where = TopicPartition("t", number)
        return Partition(where, epoch=next(self.epochs), start=start, lanes=self._lanes_each, queue=self.lanes)

    def put(self, key: bytes | None, *messages: Message, partition: int = 0, refusal: Refusal | None = None) -> Work:
        """Receives a record with these messages, or with this refusal."""
        owner = self.partitions[partition]
        record = Record("t", partition, owner.offsets._last + 1, 0, key, b"value")
        translated = Translated("purchase", () if refusal else messages, refusal)
        owner.receive(record)
        self.delivery.took(translated)
        work = owner.accept(record, translated, next(self.sequence), self.now)
        assert work is not None
        return work

    def fill(self, records: int, size: int = 0, partition: int = 0) -> list[Work]:
        """Receives so many event records, each of a key of its own."""
        works = []
        for _ in range(records):
            name = f"{partition}/{next(self.sequence)}"
            works.append(self.put(name.encode(), event(name, size), partition=partition))
        return works

    def send(self) -> list[Request]:
        """What may be sent now."""
        return self.delivery.next_requests(self.now)

    def one(self) -> Request:
        """The one request that may be sent now."""
        (request,) = self.send()
        return request

    def land(self, request: Request, status: int | None = None, **answer: object) -> None:
        """An answer without verdicts, or whatever `answer` says."""
        fields = {"token": self.token, **answer}
        self.delivery.landed(Answer(request.ticket, status, **fields), self.now)  # type: ignore[arg-type]

    def fail(self, request: Request, failure: Failure) -> None:
        """An attempt without an answer."""
        self.delivery.landed(Answer(request.ticket, failure=failure), self.now)

    def reply(self, request: Request, responses: Sequence[object]) -> None:
        """A 207 with these elements."""
        self.land(request, 207, body=orjson.dumps({"batchId": "b", "responses": responses}))

    def verdicts(self, request: Request, *statuses: int | None) -> None:
        """A 207 with one status per message; None is a success. The last one is repeated."""
        statuses += (statuses[-1],) * (len(request.messages) - len(statuses))
        self.reply(
            request,
            [{"xactionId": f"b:{n}"} if code is None else {"status": code} for n, code in enumerate(statuses)],
        )

    def accept(self, *requests: Request) -> None:
        """AEP takes all of it."""
        for request in requests:
            self.verdicts(request, None)

    def letters(self) -> list[DeadLetter]:
        """The dead letters to produce."""
        return self.delivery.letters()

    def bury(self) -> list[DeadLetter]:
        """Produces all dead letters, and has them acknowledged."""
        letters = self.letters()
        for letter in letters:
            self.delivery.letter_acknowledged(letter.ticket)
        return letters

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    def sent(self) -> list[list[str]]:
        """What may be sent now: the names of the messages of each request."""
        return [names(request) for request in self.send()]

    @property
    def open_records(self) -> int:
        """How many records are not settled."""
        return sum(partition.offsets.open for partition in self.partitions)


def names(request: Request) -> list[str]:
    """The messages of a request, by name."""
    return [message.entity.rstrip(b".").decode() for message in request.messages]
