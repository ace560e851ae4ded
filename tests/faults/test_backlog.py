"""A backlog behind an AEP that is out: memory is bounded, the way down again is fast. Big: `make backlog`."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import fmean

import pytest

from processor.simulator.capillary import Generator
from processor.simulator.faults import FaultPlan
from tests.plugins.audit import audit
from tests.plugins.scene import Scene, Witness
from tests.plugins.workers import WorkerProcess, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.slow, pytest.mark.timeout(240)]

EVENTS = 30_000  # more than the window of the one partition
MOST_BYTES = 200_000_000
PATIENT = {
    "DELIVERY__ATTEMPT_TIMEOUT_S": "15",  # the stand-in looks into every message, of eight full requests at a time
    "DELIVERY__DRAIN_TIMEOUT_S": "20",
    "KAFKA__SESSION_TIMEOUT_MS": "45000",
}
MAX_BATCH_BYTES, MAX_BATCH_MESSAGES = 1_000_000, 1_000  # the defaults


def test_a_partition_waits_within_bounds_and_drains_in_full_requests_many_at_a_time(
    scene: Callable[..., Scene], start_worker: Callable[..., WorkerProcess]
) -> None:
    stage = scene(stand_in=Witness(latency=0.2, faults=FaultPlan(refused=1.0)))
    stage.produce(Generator(1, 3_000).records(EVENTS))
    stage.read_back()
    worker = start_worker(stage.settings(**PATIENT))
    worker.wait_for("outage began", what="aep")
    wait_until(lambda: worker.metric("paused_partitions", reason="window") == 1, "the window is full")
    time.sleep(3)  # nothing may grow any more
    assert worker.resident_bytes < MOST_BYTES

    stage.stand_in.faults.plan = FaultPlan()
    stage.stand_in.requests.clear()
    in_flight: list[float] = []
    resident: list[int] = []

    def drained() -> bool:
        in_flight.append(worker.metric("in_flight_requests"))
        resident.append(worker.resident_bytes)
        return all(stage.commits.last.get(partition, -1) >= end for partition, end in stage.ends().items())

    wait_until(drained, "the backlog is delivered and committed", patience=120)
    assert max(in_flight) > 1
    assert max(resident) < MOST_BYTES
    assert worker.lines("partition released") == worker.lines("partition lost") == []

    assert worker.stop() == 0
    report = audit(stage.evidence())
    assert report.ok, str(report)
    first, last = 4, 40  # behind what was cut for the probes of the outage, and as long as the window was still full
    full = [
        max(size / MAX_BATCH_BYTES, messages / MAX_BATCH_MESSAGES)
        for _, messages, size in [request for request in stage.stand_in.requests if request[1] > 1][first:last]
    ]
    assert len(full) == last - first
    assert fmean(full) >= 0.95, str(full)
