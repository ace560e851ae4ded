"""The auditor: what was produced, what arrived, what was committed when. One program judges every run.

It believes nobody: records come from the topic as it was read back, arrivals from the stand-in's ledger, letters from
the dead-letter topic, commits from a consumer of its own that asks ten times a second. Five questions:

L  is anything lost?  C  was anything committed before it was delivered?  O  did the order of a key break, or a Profile
value go back?  D  has every duplicate an explanation?  E  did the run prove anything: was it full, did the faults fire?

Times are wall-clock seconds, taken on one machine.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from processor.model import TopicPartition

NEVER = float("inf")
MOST_SHOWN = 5  # findings of one kind; the rest is counted


class Expected(NamedTuple):
    """A message that must arrive. `name` is unique within `to`; `identity` is whose value a Profile write replaces."""

    to: str
    name: str
    identity: str | None = None


class Produced(NamedTuple):
    """A record of the topic, and what must become of it: messages, or a dead letter of this reason, or neither."""

    partition: TopicPartition
    offset: int
    key: bytes | None
    event_id: str = ""
    expected: tuple[Expected, ...] = ()
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.partition}@{self.offset}"


class Arrival(NamedTuple):
    """A message in a request that reached AEP; they are given in the order in which they came.

    `hidden`: the sender could not know that it was accepted. `event_id` is Capillary's, out of the message itself.
    """

    at: float
    request: str
    to: str
    name: str
    accepted: bool = True
    hidden: bool = False
    event_id: str = ""


class Letter(NamedTuple):
    """A dead letter as the topic holds it. No outputs: it stands for the whole record. `at` is the broker's time."""

    partition: TopicPartition
    offset: int
    outputs: tuple[str, ...]
    reason: str
    at: float


class Commit(NamedTuple):
    """What the group had committed, at the latest at this time."""

    at: float
    partition: TopicPartition
    offset: int


class Replay(NamedTuple):
    """From here on a partition is read again from its committed offset, because somebody crashed."""

    since: float
    partition: TopicPartition


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one run. `required` are counts that must not be zero, or the run has proved nothing."""

    produced: Sequence[Produced]
    arrivals: Sequence[Arrival]
    letters: Sequence[Letter] = ()
    commits: Sequence[Commit] = ()
    replays: Sequence[Replay] = ()
    required: Mapping[str, int] = field(default_factory=dict)
    drained: bool = True  # the group must have committed the end of each partition


@dataclass
class Report:
    """What the audit found. `findings` must be empty; everything else is a figure."""

    figures: dict[str, object] = field(default_factory=dict)
    findings: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the promise was kept."""
        return not self.findings

    def blame(self, question: str, text: str) -> None:
        """Notes that the promise was broken."""
        self.findings.setdefault(question, []).append(text)

    def count(self, question: str) -> int:
        """How often."""
        return len(self.findings.get(question, ()))

    def json(self) -> str:
        """One line for machines."""
        return json.dumps({**self.figures, "findings": self.findings})

    def __str__(self) -> str:
        width = max((len(name) for name in self.figures), default=0)
        lines = [f"  {name:<{width}}  {value}" for name, value in self.figures.items()]
        for question, found in self.findings.items():
            lines.append(f"  {question}: {len(found)}")
            lines += [f"    {text}" for text in found[:MOST_SHOWN]]
        return "\n".join(["audit: " + ("the promise was kept" if self.ok else "THE PROMISE WAS BROKEN"), *lines])


LOST, PREMATURE, ORDER, BACK = "lost", "committed too early", "order of a key", "Profile went back"
DUPLICATE, STRANGE, EMPTY, STUCK = "unexplained duplicate", "strange", "proves nothing", "not finished"


def audit(evidence: Evidence) -> Report:
    """Judges one run."""
    return _Audit(evidence).run()


class _Audit:
    """One audit. Each question is a method."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._report = Report()
        self._owner: dict[tuple[str, str], Produced] = {}
        for record in evidence.produced:
            for message in record.expected:
                first = self._owner.setdefault((message.to, message.name), record)
                if first is not record:
                    self._report.blame(STRANGE, f"{first} and {record} have one name at {message.to}: no auditing that")
        self._arrivals: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
        for arrival in evidence.arrivals:
            self._arrivals[arrival.to, arrival.name].append(arrival)
        self._letters: dict[tuple[TopicPartition, int], list[Letter]] = defaultdict(list)
        for letter in evidence.letters:
            self._letters[letter.partition, letter.offset].append(letter)
        self._replays: dict[TopicPartition, list[float]] = defaultdict(list)
        for replay in sorted(evidence.replays):
            self._replays[replay.partition].append(replay.since)
        self._settled_at = self._settle()

    def run(self) -> Report:
        """Asks all questions."""
        self._figures()
        self._strangers()
        self._lost()
        self._commits()
        self._order()
        self._profile()
        self._duplicates()
        self._proof()
        return self._report

    def _figures(self) -> None:
        evidence, accepted = self._evidence, [arrival for arrival in self._evidence.arrivals if arrival.accepted]
        self._report.figures |= {
            "records": len(evidence.produced),
            "keys": len({(record.partition, record.key) for record in evidence.produced}),
            "messages expected": sum(len(record.expected) for record in evidence.produced),
            "messages accepted": len(accepted),
            "requests": len({arrival.request for arrival in evidence.arrivals}),
            "items refused": len(evidence.arrivals) - len(accepted),
            "dead letters": len(evidence.letters),
            "commits seen": len(evidence.commits),
        }

    def _run_of(self, partition: TopicPartition, at: float) -> int:
        """How often the partition had been begun again by then."""
        return bisect_right(self._replays[partition], at)

    # ---- L -----------------------------------------------------------------------------------------------------------

    def _settle(self) -> dict[tuple[TopicPartition, int], float]:
        """When each record was settled for all to see; NEVER where it is lost."""
        settled: dict[tuple[TopicPartition, int], float] = {}
        newer: dict[tuple[str, str], float] = {}  # (to, identity) -> when a later write was accepted
        for record in sorted(self._evidence.produced, key=lambda record: record[:2], reverse=True):
            ends = [self._settled(record, message, newer) for message in record.expected]
            if record.reason is not None:
                ends.append(self._lettered(record, "", record.reason))
            settled[record.partition, record.offset] = max(ends, default=0.0)
        return settled

    def _settled(self, record: Produced, message: Expected, newer: dict[tuple[str, str], float]) -> float:
        arrivals = self._arrivals[message.to, message.name]
        accepted = min((arrival.at for arrival in arrivals if arrival.accepted and not arrival.hidden), default=NEVER)
        end = min(accepted, self._lettered(record, message.to))
        if message.identity is not None:
            whose = message.to, message.identity
            end = min(end, newer.get(whose, NEVER))
            newer[whose] = min(accepted, newer.get(whose, NEVER))
        return end

    def _lettered(self, record: Produced, output: str, reason: str | None = None) -> float:
        """When a dead letter for this output (none: for the whole record) was in the topic."""
        letters = self._letters.get((record.partition, record.offset), ())
        return min(
            (
                letter.at
                for letter in letters
                if (not letter.outputs or output in letter.outputs) and reason in (None, letter.reason)
            ),
            default=NEVER,
        )

    def _lost(self) -> None:
        for record in self._evidence.produced:
            if self._settled_at[record.partition, record.offset] == NEVER:
                what = f"dead letter {record.reason}" if record.reason else ", ".join(m.to for m in record.expected)
                self._report.blame(LOST, f"{record}: {what}")
        by_event = {arrival.event_id for arrival in self._evidence.arrivals if arrival.accepted}
        for record in self._evidence.produced:
            if record.event_id and any(message.identity is None for message in record.expected):
                lettered = (record.partition, record.offset) in self._letters
                if record.event_id not in by_event and not lettered:
                    self._report.blame(LOST, f"{record}: nothing with its eventId arrived")

    def _strangers(self) -> None:
        known = {(record.partition, record.offset): record for record in self._evidence.produced}
        for place in self._letters.keys() - known.keys():
            self._report.blame(STRANGE, f"a dead letter of {place[0]}@{place[1]}, which nobody produced")
        for arrival in self._evidence.arrivals:
            owner = self._owner.get((arrival.to, arrival.name))
            if owner is None:
                self._report.blame(STRANGE, f"{arrival.to}: {arrival.name} arrived, which nobody expected")
            elif arrival.event_id and owner.event_id and arrival.event_id != owner.event_id:
                self._report.blame(STRANGE, f"{owner} arrived at {arrival.to} with the eventId of another record")

    # ---- C -----------------------------------------------------------------------------------------------------------

    def _commits(self) -> None:
        ends: dict[TopicPartition, tuple[list[int], list[float]]] = {}
        for record in sorted(self._evidence.produced, key=lambda record: record[:2]):
            offsets, settled = ends.setdefault(record.partition, ([], []))
            latest = settled[-1] if settled else 0.0
            offsets.append(record.offset)
            settled.append(max(latest, self._settled_at[record.partition, record.offset]))
        last: dict[TopicPartition, int] = {}
        for commit in sorted(self._evidence.commits, key=lambda commit: commit.at):
            offsets, settled = ends.get(commit.partition, ([], []))
            passed = bisect_right(offsets, commit.offset - 1)
            if passed and settled[passed - 1] > commit.at:
                self._report.blame(
                    PREMATURE, f"{commit.partition}@{commit.offset}, {_how_early(settled, passed, commit)}"
                )
            if commit.offset < last.get(commit.partition, 0):
                self._report.blame(PREMATURE, f"{commit.partition} went back to {commit.offset}")
            last[commit.partition] = commit.offset
        if self._evidence.drained:
            for partition, (offsets, _) in ends.items():
                if last.get(partition, 0) <= offsets[-1]:
                    self._report.blame(STUCK, f"{partition} committed {last.get(partition)}, last is {offsets[-1]}")

    # ---- O -----------------------------------------------------------------------------------------------------------

    def _order(self) -> None:
        """In each run, messages of one key show up in log order; events are first accepted in it, too.

        An event that was refused inside a 207 may land after later ones of the request in which both showed up first.
        A Profile write that was hidden by a newer one may show up when that one is dead: `_profile` judges those.
        """
        shown: dict[tuple[int, str, str], str] = {}  # (run, to, name) -> request of the first appearance
        top: dict[tuple[int, TopicPartition, bytes | None], int] = {}
        accepted: dict[tuple[int, TopicPartition, bytes | None], tuple[int, str]] = {}
        landed: set[tuple[int, str, str]] = set()
        late = 0
        for arrival in self._evidence.arrivals:
            record = self._owner.get((arrival.to, arrival.name))
            if record is None or record.key is None:
                continue
            run = self._run_of(record.partition, arrival.at)
            message, key = (run, arrival.to, arrival.name), (run, record.partition, record.key)
            is_event = any(e.identity is None for e in record.expected if e[:2] == (arrival.to, arrival.name))
            if message not in shown:
                shown[message] = arrival.request
                if is_event and record.offset < top.get(key, -1):
                    self._report.blame(ORDER, f"{record} showed up after {top[key]}")
                top[key] = max(record.offset, top.get(key, -1))
            if is_event and arrival.accepted and message not in landed:
                landed.add(message)
                highest, request = accepted.get(key, (-1, ""))
                if record.offset < highest:
                    late += 1
                    if shown[message] != request:
                        self._report.blame(ORDER, f"{record} landed after {highest} of another request")
                else:
                    accepted[key] = record.offset, shown[message]
        self._report.figures["events landed after later ones of their request"] = late

    def _profile(self) -> None:
        """In each run the accepted writes of one value are in log order, and the last one is the newest there is."""
        value: dict[tuple[int, str, str], Produced] = {}
        final: dict[tuple[str, str], Produced] = {}
        identities = {
            (message.to, message.name): message.identity
            for record in self._evidence.produced
            for message in record.expected
            if message.identity is not None
        }
        for arrival in self._evidence.arrivals:
            identity = identities.get((arrival.to, arrival.name))
            if identity is None or not arrival.accepted:
                continue
            record = self._owner[arrival.to, arrival.name]
            whose = (self._run_of(record.partition, arrival.at), arrival.to, identity)
            before = value.get(whose)
            if before is not None and before.partition == record.partition and record.offset < before.offset:
                self._report.blame(BACK, f"{arrival.to}: {record} was accepted after {before}")
            value[whose] = record
            final[arrival.to, identity] = record
        self._check_final(final)

    def _check_final(self, final: Mapping[tuple[str, str], Produced]) -> None:
        newest: dict[tuple[str, str], Produced] = {}
        for record in self._evidence.produced:
            for message in record.expected:
                dead = self._lettered(record, message.to) < NEVER
                if message.identity is not None and not dead:
                    whose = message.to, message.identity
                    newest[whose] = max(record, newest.get(whose, record), key=lambda record: record.offset)
        for whose, record in newest.items():
            if final.get(whose) is not record:
                self._report.blame(BACK, f"{whose[0]}: ends with {final.get(whose)} instead of {record}")

    # ---- D -----------------------------------------------------------------------------------------------------------

    def _duplicates(self) -> None:
        explained = Counter({"after a hidden success": 0, "after a crash": 0})
        for (to, name), arrivals in self._arrivals.items():
            record = self._owner.get((to, name))
            accepted = [arrival for arrival in arrivals if arrival.accepted]
            for before, again in pairwise(accepted):
                if before.hidden:
                    explained["after a hidden success"] += 1
                elif record is not None and self._run_of(record.partition, before.at) < self._run_of(
                    record.partition, again.at
                ):
                    explained["after a crash"] += 1
                else:
                    self._report.blame(DUPLICATE, f"{record}: {to} again after {again.at - before.at:.3f} s")
        self._report.figures |= {f"duplicates {why}": count for why, count in explained.items()}

    # ---- E -----------------------------------------------------------------------------------------------------------

    def _proof(self) -> None:
        required = {"records": len(self._evidence.produced), **self._evidence.required}
        self._report.figures |= self._evidence.required
        for name, count in required.items():
            if not count:
                self._report.blame(EMPTY, f"{name}: 0")


def _how_early(settled: Sequence[float], passed: int, commit: Commit) -> str:
    late = settled[passed - 1]
    return "and something below it never arrived" if late == NEVER else f"{late - commit.at:.3f} s before its delivery"


def replays_of(killed: Iterable[tuple[float, Iterable[str]]], taken: Iterable[tuple[str, float]]) -> list[Replay]:
    """Which partitions were begun again, and when.

    Args:
        killed: for each crash its time, and the partitions that the worker had.
        taken: every assignment in any worker's log: partition and time.
    """
    assignments = sorted(taken, key=lambda assignment: assignment[1])
    replays = []
    for died, partitions in killed:
        for name in partitions:
            topic, _, number = name.rpartition(":")
            since = next((at for partition, at in assignments if partition == name and at > died), None)
            if since is not None:
                replays.append(Replay(since, TopicPartition(topic, int(number))))
    return replays
