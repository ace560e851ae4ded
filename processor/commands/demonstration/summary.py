"""What the demo says at its end: to a person in words, to a program in one object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from processor.commands.demonstration.books import Findings
from processor.commands.demonstration.tally import Tally

MOST_LOST = 10  # lines


class Run(NamedTuple):
    """One run: what was asked for, what came of it. `stopped_by` says in words why it ended early, if it did."""

    faults: str
    seed: int
    produced: int
    seconds: float
    findings: Findings
    tally: Tally
    answered: Mapping[str, int]
    stopped_by: str = ""

    @property
    def requests(self) -> int:
        """How many the stand-in answered, or refused to answer."""
        return sum(count for name, count in self.answered.items() if name.startswith("inlet "))

    @property
    def fill(self) -> float:
        """How full requests were on average, 0 to 1, by messages or bytes, whichever is nearer to its limit."""
        return self.tally.filled / self.tally.requests if self.tally.requests else 0.0


def result(run: Run) -> dict[str, object]:
    """The object of `--json`."""
    findings = run.findings
    return {
        "produced": run.produced,
        "accepted": findings.accepted,
        "dead_lettered": sum(findings.dead_lettered.values()),
        "superseded": findings.superseded,
        "skipped": sum(findings.skipped.values()),
        "lost": len(findings.lost),
        "unfinished": findings.unfinished,
        "duplicates": findings.duplicates,
        "duplicates_unexplained": findings.unexplained,
        "hidden_requests": findings.hidden_requests,
        "profile_values_went_back": findings.went_back,
        "events_late": findings.late,
        "strangers": findings.strangers,
        "requests": run.requests,
        "requests_filled": round(run.fill, 3),
        "seconds": round(run.seconds, 3),
        "events_per_second": round(run.produced / run.seconds) if run.seconds else 0,
        "faults": run.faults,
        "seed": run.seed,
    }


def summary(run: Run) -> str:
    """The text for a person."""
    return "\n".join([*_headline(run), "", *_outcomes(run), "", *_requests(run), "", *_checks(run), "", *_verdict(run)])


def _headline(run: Run) -> Iterator[str]:
    if run.stopped_by:
        yield f"Ended early: {run.stopped_by}."
    rate = run.produced / run.seconds if run.seconds else 0
    yield (
        f"{run.produced:,} events went through Kafka in {run.seconds:.1f} s ({rate:,.0f}/s),"
        f" faults: {run.faults}, seed {run.seed}."
    )


def _outcomes(run: Run) -> Iterator[str]:
    findings = run.findings
    yield "How every message ended (an event becomes several; one that cannot be translated counts once):"
    yield _row(findings.accepted, "accepted by AEP")
    yield _row(findings.superseded, "superseded: a newer Profile write of the same customer was accepted")
    yield _row(sum(findings.skipped.values()), "skipped by a rule")
    yield from (_row(count, f"  {rule}") for rule, count in sorted(findings.skipped.items()))
    yield _row(
        sum(findings.dead_lettered.values()),
        "dead letters, read back from their topic (some records are spoilt on purpose)",
    )
    yield from (_row(count, f"  {reason}") for reason, count in sorted(findings.dead_lettered.items()))
    if findings.unfinished:
        yield _row(findings.unfinished, "unfinished: not committed, so the next worker would read them again")
    yield _row(len(findings.lost), "lost")


def _requests(run: Run) -> Iterator[str]:
    yield f"{run.requests:,} requests, on average {run.fill:.0%} full. The stand-in answered:"
    for name, count in sorted(run.answered.items()):
        meaning = _MEANINGS.get(name)
        yield _row(count, f"{name}: {meaning}" if meaning else name)
    yield _row(run.tally.refused_for_now, "messages were refused for now within a 207, and sent again alone")
    for what, count in sorted(run.tally.outages.items()):
        yield _row(count, f"outages of {what}, waited out")


_MEANINGS = {
    "ims 200": "an access token",
    "inlet 200": "a page of HTML, as from a proxy in between; nothing was accepted",
    "inlet 207": "a verdict on each message",
    "inlet fin": "connection closed without a reply",
    "inlet rst": "connection reset",
    "inlet half": "connection closed in the middle of the reply",
}


def _checks(run: Run) -> Iterator[str]:
    findings = run.findings
    yield "Checked by an auditor who does not ask the worker, but the stand-in's ledger and the dead-letter topic:"
    known = findings.duplicates - findings.unexplained
    yield f"  duplicates: {findings.duplicates:,}. {findings.hidden_requests:,} requests were accepted under a reply"
    yield "    that was cut off or useless, so they were sent again:"
    yield f"    that explains {known:,} of {findings.duplicates:,} copies."
    yield "    A copy of an event has the same `_id`, by which Profile drops it."
    yield f"  order: {findings.went_back:,} Profile values went back to an older one; {findings.late:,} events came"
    yield "    after later ones of their customer (only events that a 207 refused for now may)."
    yield f"  final Profile state: {findings.wrong_profiles:,} of {findings.profiles:,} last values are not the newest."
    yield f"  strangers: {findings.strangers:,} messages arrived that nothing produced calls for."
    yield "  not checked: topic ids. The embedded broker has none, so a re-created topic would not be noticed here."


def _verdict(run: Run) -> Iterator[str]:
    lost = run.findings.lost
    if not lost:
        yield "lost 0: every committed offset stands for a message that arrived, or for one of the outcomes above."
        yield "A lost record would be listed here, with its partition, its offset and what is missing of it."
        return
    yield f"LOST {len(lost)}: committed, and neither arrived nor accounted for:"
    yield from (f"  {text}" for text in lost[:MOST_LOST])
    if len(lost) > MOST_LOST:
        yield f"  and {len(lost) - MOST_LOST} more"


def _row(count: int, text: str) -> str:
    return f"  {count:>9,}  {text}"
