"""The auditor is audited: an honest run passes, and each planted bug is found under its own name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from processor.model import TopicPartition
from tests.plugins import audit as auditor
from tests.plugins.audit import Arrival, Commit, Evidence, Expected, Letter, Produced, Replay, audit, replays_of

HERE = TopicPartition("events", 0)
KEYS = (b"1:a", b"1:b")


def record(offset: int) -> Produced:
    """An event and a Profile write, two keys in turns; number 4 ends in the dead-letter topic."""
    key = KEYS[offset % 2]
    if offset == 4:
        return Produced(HERE, offset, key, f"e{offset}", (), "undecodable")
    writes = Expected("events", f"id{offset}"), Expected("balance", f"write{offset}", key.decode())
    return Produced(HERE, offset, key, f"e{offset}", writes)


def arrivals_of(offset: int, at: float, request: str, **more: bool) -> list[Arrival]:
    """Both messages of a record."""
    return [
        Arrival(at, request, "events", f"id{offset}", event_id=f"e{offset}", **more),
        Arrival(at, request, "balance", f"write{offset}", **more),
    ]


def honest() -> Evidence:
    """Ten records in five requests, a hidden success, a crash; commits behind all of it."""
    arrivals = [
        *arrivals_of(0, 1.0, "r0"),
        *arrivals_of(1, 1.0, "r0"),
        *arrivals_of(2, 2.0, "r1", hidden=True),
        *arrivals_of(3, 2.0, "r1", hidden=True),
        *arrivals_of(2, 3.0, "r2"),
        *arrivals_of(3, 3.0, "r2"),
        *arrivals_of(5, 4.0, "r3"),
        *arrivals_of(6, 4.0, "r3"),
        *arrivals_of(5, 6.0, "r4"),  # the crash was at 5, the new owner began at 5.5
        *arrivals_of(6, 6.0, "r4"),
        Arrival(7.0, "r5", "events", "id7", event_id="e7"),  # its Profile write is superseded by that of 9
        Arrival(7.0, "r5", "events", "id8", accepted=False, event_id="e8"),
        Arrival(7.0, "r5", "balance", "write8"),
        *arrivals_of(9, 7.0, "r5"),
        Arrival(8.0, "r6", "events", "id8", event_id="e8"),
    ]
    return Evidence(
        produced=[record(offset) for offset in range(10)],
        arrivals=arrivals,
        letters=[Letter(HERE, 4, (), "undecodable", 3.5)],
        commits=[
            Commit(1.2, HERE, 2),
            Commit(3.2, HERE, 4),
            Commit(3.6, HERE, 5),
            Commit(6.1, HERE, 7),
            Commit(8.1, HERE, 10),
        ],
        replays=[Replay(5.5, HERE)],
        required={"crashes": 1},
    )


def test_an_honest_run_passes_and_its_figures_are_there() -> None:
    report = audit(honest())
    assert report.ok, str(report)
    assert report.figures["duplicates after a hidden success"] == 4
    assert report.figures["duplicates after a crash"] == 4
    assert report.figures["items refused"] == 1
    assert "the promise was kept" in str(report)
    assert json.loads(report.json())["findings"] == {}


def without(evidence: Evidence, *names: str) -> Evidence:
    return replace(evidence, arrivals=[arrival for arrival in evidence.arrivals if arrival.name not in names])


def with_arrivals(evidence: Evidence, *arrivals: Arrival) -> Evidence:
    return replace(evidence, arrivals=[*evidence.arrivals, *arrivals])


def with_commit(evidence: Evidence, commit: Commit) -> Evidence:
    return replace(evidence, commits=[*evidence.commits, commit])


def swapped(evidence: Evidence) -> Evidence:
    """The requests of two records of one key change places."""
    moved = {"id5": 4.5, "write5": 4.5}
    arrivals = [
        arrival._replace(at=moved[arrival.name], request="r3b")
        if arrival.name in moved and arrival.request == "r3"
        else arrival
        for arrival in evidence.arrivals
    ]
    key = KEYS[0]
    produced = [each._replace(key=key) for each in evidence.produced]
    return replace(evidence, produced=produced, arrivals=sorted(arrivals, key=lambda arrival: arrival.at))


def late_in_another_request(evidence: Evidence) -> Evidence:
    """Record 8 of one key, which first showed up behind 9, in a request of its own."""
    produced = [each._replace(key=KEYS[0]) for each in evidence.produced]
    arrivals = [arrival for arrival in evidence.arrivals if arrival.accepted or arrival.name != "id8"]
    return replace(evidence, produced=produced, arrivals=arrivals)


PLANTS: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "an event never arrived": (auditor.LOST, lambda e: without(e, "id3")),
    "the newest Profile write never arrived": (auditor.LOST, lambda e: without(e, "write9")),
    "it arrived, but under another eventId": (
        auditor.STRANGE,
        lambda e: replace(e, arrivals=[a._replace(event_id="e1") if a.name == "id0" else a for a in e.arrivals]),
    ),
    "a dead letter is missing": (auditor.LOST, lambda e: replace(e, letters=())),
    "a dead letter gives another reason": (
        auditor.LOST,
        lambda e: replace(e, letters=[letter._replace(reason="poison") for letter in e.letters]),
    ),
    "a dead letter of nothing": (
        auditor.STRANGE,
        lambda e: replace(e, letters=[*e.letters, Letter(HERE, 99, (), "refused", 1)]),
    ),
    "committed before its delivery": (auditor.PREMATURE, lambda e: with_commit(e, Commit(2.9, HERE, 4))),
    "committed on a hidden success": (auditor.PREMATURE, lambda e: with_commit(e, Commit(2.5, HERE, 3))),
    "committed before the dead letter was there": (auditor.PREMATURE, lambda e: with_commit(e, Commit(3.4, HERE, 5))),
    "the committed offset went back": (auditor.PREMATURE, lambda e: with_commit(e, Commit(9.0, HERE, 8))),
    "two records of one key changed places": (auditor.ORDER, swapped),
    "a refused event was overtaken by another request": (auditor.ORDER, late_in_another_request),
    "a Profile value went back": (auditor.BACK, lambda e: with_arrivals(e, Arrival(8.5, "r7", "balance", "write7"))),
    "a Profile value ends old": (
        auditor.BACK,
        lambda e: with_arrivals(
            replace(e, replays=[*e.replays, Replay(9.0, HERE)]), Arrival(9.5, "r7", "balance", "write7")
        ),
    ),
    "a duplicate that nobody can explain": (
        auditor.DUPLICATE,
        lambda e: with_arrivals(e, Arrival(8.5, "r7", "events", "id9", event_id="e9")),
    ),
    "a duplicate of before the crash": (
        auditor.DUPLICATE,
        lambda e: replace(e, replays=[Replay(0.5, HERE)]),
    ),
    "something arrived that nobody produced": (
        auditor.STRANGE,
        lambda e: with_arrivals(e, Arrival(8.5, "r7", "events", "id77")),
    ),
    "not all was committed in the end": (auditor.STUCK, lambda e: replace(e, commits=e.commits[:-1])),
    "nothing was produced": (auditor.EMPTY, lambda _: Evidence((), ())),
    "no fault fired": (auditor.EMPTY, lambda e: replace(e, required={"requests cut": 0})),
    "two messages with one name": (
        auditor.STRANGE,
        lambda e: replace(e, produced=[*e.produced, record(0)._replace(offset=10)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found(plant: str) -> None:
    question, tamper = PLANTS[plant]
    report = audit(tamper(honest()))
    assert not report.ok
    assert report.count(question), str(report)
    assert question in str(report)


def test_a_profile_write_that_goes_out_because_its_newer_one_died_is_no_break_of_order() -> None:
    writes = [Produced(HERE, n, KEYS[0], expected=(Expected("balance", f"write{n}", "a"),)) for n in range(2)]
    evidence = Evidence(
        produced=writes,
        arrivals=[Arrival(1.0, "r0", "balance", "write1", accepted=False), Arrival(2.0, "r1", "balance", "write0")],
        letters=[Letter(HERE, 1, ("balance",), "refused", 1.5)],
        commits=[Commit(2.5, HERE, 2)],
    )
    assert audit(evidence).ok


def test_after_a_crash_a_tail_may_come_again_in_order_and_profile_ends_right() -> None:
    produced = [Produced(HERE, n, KEYS[0], expected=(Expected("balance", f"write{n}", "a"),)) for n in range(3)]
    came = [(1.0, 0), (1.0, 1), (2.0, 2), (5.0, 0), (6.0, 1), (7.0, 2)]
    arrivals = [Arrival(at, f"r{at}", "balance", f"write{n}") for at, n in came]
    commits = [Commit(8.0, HERE, 3)]
    assert not audit(Evidence(produced, arrivals, commits=commits)).ok
    assert audit(Evidence(produced, arrivals, commits=commits, replays=[Replay(4.0, HERE)])).ok


def test_replays_begin_with_the_first_assignment_after_the_crash() -> None:
    taken = [("events:0", 1.0), ("events:0", 9.0), ("events:0", 12.0), ("events:1", 2.0)]
    assert replays_of([(5.0, ["events:0", "events:1"])], taken) == [Replay(9.0, HERE)]
