"""The auditor's books: what each produced record ought to become, held against what the other side really has.

It asks the worker nothing. What ought to arrive comes from a translator of its own; what did arrive from the stand-in's
ledger, from the dead-letter topic as it is read back, and from the final state of Profile; commits from the broker.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from processor.kafka.dead_letters import OFFSET, OUTPUTS, PARTITION, REASON
from processor.model import Message, Record, Refusal, Skip, Translated
from processor.simulator.ledger import Accepted, Entity, primary_identity

Mark = tuple[str, ...]
"""What one message is recognised by at the other end: an event by `_id`, a Profile write by customer and time, which
no two events of a customer share in this traffic."""

Place = tuple[int, int]  # partition, offset
Profile = tuple[str, str]  # dataset, identity


class Expected(NamedTuple):
    """One message that ought to arrive."""

    place: Place
    to: str
    mark: Mark
    identity: str
    profile: bool


class Letter(NamedTuple):
    """A dead letter as it lies in its topic. No outputs: it stands for the whole record."""

    place: Place
    reason: str
    outputs: tuple[str, ...]
    key: bytes | None
    value: bytes | None


class Arrivals(NamedTuple):
    """What the other side has: the ledger in its order, letters, last writes, and how far offsets were committed."""

    accepted: Sequence[Accepted]
    letters: Sequence[Letter]
    profiles: Mapping[Profile, Entity]
    committed: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Findings:
    """How everything ended; one entry is one message, or one record that is refused or skipped as a whole.

    Attributes:
        accepted: arrived.
        superseded: did not arrive, but a newer write of the same customer and dataset did.
        skipped: by rule.
        dead_lettered: by reason.
        lost: committed, and neither arrived nor accounted for; in words.
        unfinished: the same of records that are not committed.
        duplicates: copies beyond the first.
        unexplained: those among them whose predecessor got a reply that told the worker all.
        hidden_requests: accepted under a reply that was cut off or useless.
        went_back: Profile values that were replaced by older ones.
        late: events that arrived after later ones of their customer.
        strangers: arrived, and nothing produced calls for them.
        profiles: last values that were compared.
        wrong_profiles: those among them that are not the newest.
    """

    accepted: int
    superseded: int
    skipped: Mapping[str, int]
    dead_lettered: Mapping[str, int]
    lost: Sequence[str]
    unfinished: int
    duplicates: int
    unexplained: int
    hidden_requests: int
    went_back: int
    late: int
    strangers: int
    profiles: int
    wrong_profiles: int


@dataclass(slots=True)
class Books:
    """Takes every produced record with its translation; `audit` compares."""

    _expected: list[Expected] = field(default_factory=list)
    _refused: dict[Place, tuple[Record, Refusal]] = field(default_factory=dict)
    _skipped: list[tuple[Place, str]] = field(default_factory=list)
    _last: dict[Profile, tuple[Expected, bytes]] = field(default_factory=dict)

    def enter(self, record: Record, translated: Translated) -> None:
        """Notes what a record ought to become."""
        place = record.partition, record.offset
        if translated.refusal is not None:
            self._refused[place] = record, translated.refusal
        self._skipped += [(place, _rule(skip)) for skip in translated.skips]
        for message in translated.messages:
            self._expect(place, message)

    def _expect(self, place: Place, message: Message) -> None:
        entity = orjson.loads(message.entity)
        to, identity = message.to.name, primary_identity(entity)
        if message.to.profile:
            mark: Mark = (to, identity, entity["extSourceSystemAudit"]["lastUpdatedDate"])
        else:
            mark = (to, entity["_id"])
        expected = Expected(place, to, mark, identity, message.to.profile)
        self._expected.append(expected)
        if message.to.profile:
            self._last[to, identity] = expected, message.entity

    def audit(self, arrivals: Arrivals) -> Findings:
        """Holds the books against what the other side has."""
        return _Audit(self._expected, self._refused, self._skipped, self._last, arrivals).findings()


class _Audit:
    def __init__(
        self,
        expected: Sequence[Expected],
        refused: Mapping[Place, tuple[Record, Refusal]],
        skipped: Sequence[tuple[Place, str]],
        last: Mapping[Profile, tuple[Expected, bytes]],
        arrivals: Arrivals,
    ) -> None:
        self._expected, self._refused, self._skipped, self._last = expected, refused, skipped, last
        self._arrivals = arrivals
        self._letters: dict[Place, list[Letter]] = defaultdict(list)
        for letter in arrivals.letters:
            self._letters[letter.place].append(letter)
        self._position = {each.mark: position for position, each in enumerate(expected)}
        profiles = {each.to for each in expected if each.profile}
        self._copies: dict[Mark, list[Accepted]] = defaultdict(list)
        for each in arrivals.accepted:
            mark = (each.dataset, each.identity, each.time) if each.dataset in profiles else (each.dataset, each.id)
            self._copies[mark].append(each)
        self._newest = self._newest_accepted()
        self._lost: list[str] = []
        self._unfinished = 0

    def _newest_accepted(self) -> dict[Profile, int]:
        """The position in the log of the newest accepted write of each customer and dataset."""
        written = (each for each in self._expected if each.profile and each.mark in self._copies)
        return {(each.to, each.identity): self._position[each.mark] for each in written}

    def findings(self) -> Findings:
        outcomes = Counter(self._outcome(each) for each in self._expected)
        letters = Counter(letter.reason for each in self._expected if (letter := self._letter(each)) is not None)
        letters.update(self._refusals())
        skips = Counter(self._skips())
        wrong = self._wrong_profiles()
        duplicates, unexplained = self._duplicates()
        return Findings(
            accepted=outcomes["accepted"],
            superseded=outcomes["superseded"],
            skipped=skips,
            dead_lettered=letters,
            lost=self._lost,
            unfinished=self._unfinished,
            duplicates=duplicates,
            unexplained=unexplained,
            hidden_requests=len({each.request for each in self._arrivals.accepted if each.hidden}),
            went_back=self._went_back(),
            late=self._late(),
            strangers=sum(len(self._copies[mark]) for mark in self._copies.keys() - self._position.keys()),
            profiles=len(self._last),
            wrong_profiles=wrong,
        )

    # ---- how each message ended --------------------------------------------------------------------------------------

    def _outcome(self, each: Expected) -> str:
        if each.mark in self._copies:
            return "accepted"
        if self._letter(each) is not None:
            return "dead-lettered"
        if each.profile and self._newest.get((each.to, each.identity), -1) > self._position[each.mark]:
            return "superseded"
        self._miss(each.place, f"to {each.to}")
        return "missing"

    def _letter(self, each: Expected) -> Letter | None:
        """The letter that stands for a message which was not accepted."""
        if each.mark in self._copies:
            return None
        letters = self._letters.get(each.place, ())
        return next((letter for letter in letters if not letter.outputs or each.to in letter.outputs), None)

    def _refusals(self) -> Iterator[str]:
        """The reasons of records that are refused as a whole and lie in the dead-letter topic, byte for byte."""
        for place, (record, refusal) in self._refused.items():
            letters = self._letters.get(place)
            if not letters:
                self._miss(place, f"as a dead letter ({refusal.reason.value})")
            elif any((letter.key, letter.value) != (record.key, record.value) for letter in letters):
                self._miss(place, "as a dead letter with the bytes that were produced")
            else:
                yield letters[0].reason

    def _skips(self) -> Iterator[str]:
        """The rules of what was passed over; nothing shows that at the other end but the commit."""
        for place, rule in self._skipped:
            if self._is_committed(place):
                yield rule
            else:
                self._unfinished += 1

    def _is_committed(self, place: Place) -> bool:
        partition, offset = place
        return offset < self._arrivals.committed.get(partition, 0)

    def _miss(self, place: Place, what: str) -> None:
        partition, offset = place
        if self._is_committed(place):
            self._lost.append(f"partition {partition}, offset {offset}: did not arrive {what}")
        else:
            self._unfinished += 1

    def _wrong_profiles(self) -> int:
        """Where Profile does not end with the newest value. One that is missing altogether is counted above already."""
        wrong = 0
        for profile, (each, entity) in self._last.items():
            if each.mark not in self._copies or self._arrivals.profiles.get(profile) == orjson.loads(entity):
                continue
            wrong += 1
            self._miss(each.place, f"as the last value in {each.to}")
        return wrong

    # ---- copies and order --------------------------------------------------------------------------------------------

    def _duplicates(self) -> tuple[int, int]:
        """Copies beyond the first, and those among them whose predecessor was answered so that the worker knew."""
        repeated = [copies for copies in self._copies.values() if len(copies) > 1]
        unexplained = sum(not before.hidden for copies in repeated for before in copies[:-1])
        return sum(len(copies) - 1 for copies in repeated), unexplained

    def _went_back(self) -> int:
        newest: dict[Profile, str] = {}
        count = 0
        for each in self._arrivals.accepted:
            if (each.dataset, each.identity, each.time) in self._position:
                known = newest.setdefault((each.dataset, each.identity), each.time)
                count += each.time < known
                newest[each.dataset, each.identity] = max(known, each.time)
        return count

    def _late(self) -> int:
        """Events that arrived first after a later event of the same customer."""
        newest: dict[str, int] = {}
        count = 0
        for each in self._arrivals.accepted:
            position = self._position.get((each.dataset, each.id))
            if position is not None and not each.duplicate:
                count += position < newest.get(each.identity, -1)
                newest[each.identity] = max(position, newest.get(each.identity, -1))
        return count


def read_letter(record: Record) -> Letter:
    """A record of the dead-letter topic as a letter."""
    headers = {name: (value or b"").decode() for name, value in record.headers}
    outputs = tuple(name for name in headers.get(OUTPUTS, "").split(",") if name)
    place = int(headers[PARTITION]), int(headers[OFFSET])
    return Letter(place, headers[REASON], outputs, record.key, record.value)


def _rule(skip: Skip) -> str:
    return f"{skip.rule} ({skip.to})" if skip.to else skip.rule
