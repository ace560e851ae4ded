"""The main proof: workers come, go and crash while AEP fails in every way, and the auditor finds nothing.

`make storm` runs it at full size (STORM_EVENTS=100000) and prints the reports.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice

import pytest

from processor.model import TopicPartition
from processor.simulator.capillary import Generator, Sent
from processor.simulator.faults import FaultPlan
from tests.plugins.audit import Report, audit, replays_of
from tests.plugins.scene import Scene, Witness
from tests.plugins.workers import QUICK, LogLine, WorkerProcess, wait_until

EVENTS = int(os.environ.get("STORM_EVENTS", "20000"))
CUSTOMERS = EVENTS // 10
PARTITIONS = 12
FAULTS = FaultPlan(seed=20_261_123, items=0.10, refused=0.05, hidden=0.03)
SMALL_REQUESTS = {"DELIVERY__MAX_BATCH_MESSAGES": "100", "DELIVERY__MAX_IN_FLIGHT": "4"}  # more of them, more faults
PATIENT = {"KAFKA__SESSION_TIMEOUT_MS": "45000", "DELIVERY__DRAIN_TIMEOUT_S": "20"}
"""A message that is refused five times over takes 15 s to settle; who leaves before that repeats it, rightly."""

pytestmark = [pytest.mark.real_kafka, pytest.mark.slow, pytest.mark.timeout(240 + EVENTS // 50)]


class Storm:
    """The workers of one run, and what was done to them."""

    def __init__(self, stage: Scene, start_worker: Callable[..., WorkerProcess], settings: dict[str, str]) -> None:
        self._stage, self._start, self._settings = stage, start_worker, {**settings, **SMALL_REQUESTS}
        self.all: list[WorkerProcess] = []
        self.crashes: list[tuple[float, list[str]]] = []

    def join(self, timeouts: Mapping[str, str] = PATIENT) -> WorkerProcess:
        """Another worker."""
        self.all.append(self._start({**self._settings, **timeouts}))
        return self.all[-1]

    def wait_for_owners(self) -> None:
        """Waits until the workers that run have all partitions among them, and each has one."""

        def all_owned() -> bool:
            owned = [set(worker.owned()) for worker in self.all if worker.running]
            return all(owned) and set().union(*owned) == {str(partition) for partition in self._stage.partitions}

        wait_until(all_owned, "every partition has an owner, every worker a partition")

    def wait_for_progress(self) -> None:
        """Waits until the next requests have come, so that what follows hits a worker at work."""
        seen = len(self._stage.stand_in.requests)
        wait_until(lambda: len(self._stage.stand_in.requests) >= seen + 5, "requests come")

    def kill(self, worker: WorkerProcess) -> None:
        """A crash."""
        owned = list(worker.owned())
        self.crashes.append((worker.kill(), owned))

    def unsettled(self) -> list[tuple[float, list[str]]]:
        """Leaves that a drain could not settle in time: when, and of which partitions. They repeat what was sent."""
        lines = [line for worker in self.all for line in worker.lines("partition released", settled=False)]
        return [(_time_of(line), [str(line["partition"])]) for line in lines]

    def assignments(self) -> list[tuple[str, float]]:
        """Every assignment in any log."""
        lines = [line for worker in self.all for line in worker.lines("partition assigned")]
        return [(str(line["partition"]), _time_of(line)) for line in lines]


def _time_of(line: LogLine) -> float:
    return datetime.fromisoformat(str(line["timestamp"])).timestamp()


def parts(events: Iterator[Sent], count: int) -> Iterator[Iterator[Sent]]:
    """The events in equal parts, each made when it is wanted."""
    for _ in range(count):
        yield islice(events, EVENTS // count)


def judge(stage: Scene, storm: Storm) -> Report:
    """The audit, with everything that must have happened for the run to prove something."""
    answered, hidden = stage.stand_in.answered(), stage.stand_in.ledger.counts().hidden
    refused = sum(count for answer, count in answered.items() if answer.startswith(("inlet 4", "inlet 5")))
    items = sum(not arrival.accepted for arrival in stage.stand_in.arrivals)
    required = {
        "crashes": len(storm.crashes),
        "messages refused inside a 207": items,
        "requests answered 429 or 5xx": refused,
        "messages accepted under a hidden reply": hidden,
    }
    ends = [*storm.crashes, *storm.unsettled()]
    return audit(stage.evidence(replays=replays_of(ends, storm.assignments()), required=required))


def test_nothing_is_lost_or_reordered_while_workers_come_go_and_crash(
    scene: Callable[..., Scene],
    start_worker: Callable[..., WorkerProcess],
    protocol: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage = scene(partitions=PARTITIONS, stand_in=Witness(faults=FAULTS, latency=0.1))
    storm = Storm(stage, start_worker, stage.settings(KAFKA__GROUP_PROTOCOL=protocol))
    traffic = parts(Generator(7, CUSTOMERS, orgs=2).records(EVENTS), 5)
    first, second = storm.join(), storm.join()
    storm.wait_for_owners()

    stage.produce(next(traffic))
    storm.wait_for_progress()
    third = storm.join(QUICK)  # is to crash, which the group notices after its session timeout
    storm.wait_for_owners()

    stage.produce(next(traffic))
    storm.wait_for_progress()
    assert second.stop() == 0
    storm.wait_for_owners()

    stage.produce(next(traffic))
    storm.wait_for_progress()
    storm.kill(third)
    stage.produce(next(traffic))
    fourth = storm.join()
    storm.wait_for_owners()

    stage.produce(next(traffic))
    stage.read_back()
    stage.wait_until_drained(patience=120 + EVENTS / 100)
    assert (first.stop(), fourth.stop()) == (0, 0)

    report = judge(stage, storm)
    report.figures["leaves that could not settle in time"] = len(storm.unsettled())
    with capsys.disabled():
        print(f"\n{protocol} protocol, {EVENTS} events of {CUSTOMERS} customers\n{report}\n{report.json()}")  # noqa: T201
    assert report.ok, str(report)
    assert len(storm.unsettled()) <= 1, "a drain of 20 s settles what was sent, but for a message refused all that time"
    assert all(worker.plain() == [] for worker in storm.all), "a traceback or another unexpected text"
    assert all(partition in stage.ends() for partition in stage.partitions), "every partition took part"
    assert set(stage.commits.last) == {TopicPartition(stage.topic, number) for number in range(PARTITIONS)}
