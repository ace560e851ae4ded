"""Workers that must end while something else happens: their broker freezes, their name is taken, partitions come."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from processor.commands.run import GRACE
from processor.kafka.admin import Admin
from processor.simulator.account import Account
from processor.simulator.capillary import Generator
from processor.simulator.faults import FaultPlan
from tests.plugins.audit import Replay, audit
from tests.plugins.brokers import KafkaNode
from tests.plugins.scene import Scene, Witness
from tests.plugins.workers import QUICK, WorkerProcess, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(180)]

DRAIN = float(QUICK["DELIVERY__DRAIN_TIMEOUT_S"])


@pytest.mark.parametrize("why", ["told to", "misconfigured"])
def test_a_worker_ends_although_its_broker_is_frozen(
    own_node: Callable[..., KafkaNode], start_worker: Callable[..., WorkerProcess], why: str
) -> None:
    """Closing the consumer would last until the broker thaws."""
    node = own_node()
    stage = Scene(node.bootstrap_servers, Admin({"bootstrap.servers": node.bootstrap_servers}))
    try:
        stage.stand_in.faults.plan = FaultPlan(refused=1.0)
        stage.produce(Generator(1, 10).records(200))
        worker = start_worker(stage.settings())
        worker.wait_for("outage began", what="aep")
        node.freeze()
        began = time.monotonic()
        if why == "told to":
            worker.ask_to_stop()
        else:  # nobody knows its inlet any more
            port = stage.stand_in.port
            stage.stand_in.stop()
            stage.stand_in = Witness(Account(tenant="example", inlet_id="another"), port=port)
            stage.stand_in.start()
            worker.wait_for("halted")
            began = time.monotonic()
        assert worker.wait(DRAIN + GRACE + 5.0) == 4
        assert time.monotonic() - began > DRAIN / 2, "it was not ended before it had its time to drain"
    finally:
        node.thaw()
        stage.close()


def test_a_member_that_is_fenced_ends_at_once_and_says_that_a_restart_is_right(
    scene: Callable[..., Scene], start_worker: Callable[..., WorkerProcess]
) -> None:
    """Another one has its name in the group, and its partitions: it must not go on for a moment."""
    stage = scene(partitions=2)
    settings = stage.settings(KAFKA__CLIENT='{"group.instance.id": "the-one"}')
    stage.stand_in.faults.plan = FaultPlan(refused=0.2)
    traffic = Generator(1, 50)
    stage.produce(traffic.records(500))
    fenced = start_worker(settings)
    wait_until(lambda: len(stage.stand_in.arrivals) > 100, "it delivers")
    began = time.time()
    other = start_worker(settings)
    assert fenced.wait(30.0) == 4
    assert any("FENCED" in line or "fenced" in line for line in fenced.plain())
    stage.produce(traffic.records(500))
    stage.read_back()
    stage.wait_until_drained()
    assert other.stop() == 0
    report = audit(stage.evidence(replays=[Replay(began, partition) for partition in stage.partitions]))
    assert report.ok, str(report)


def test_partitions_that_come_while_a_worker_drains_are_left_alone(
    scene: Callable[..., Scene], start_worker: Callable[..., WorkerProcess]
) -> None:
    """The only other member leaves while it drains: what it gets by that it takes up and lets go, and ends in time."""
    stage = scene(partitions=2)
    settings = stage.settings(KAFKA__CLIENT='{"heartbeat.interval.ms": 300}')
    first, second = start_worker(settings), start_worker(settings)
    wait_until(lambda: len(first.owned()) == len(second.owned()) == 1, "each has one partition")
    (hers,) = first.owned()
    number = int(hers.rpartition(":")[2])
    stage.stand_in.faults.plan = FaultPlan(refused=1.0)
    stage.produce(Generator(1, 20).records(200), partition=lambda _: number)
    first.wait_for("outage began", what="aep")
    began = time.monotonic()
    first.ask_to_stop()
    assert second.stop() == 0
    left = time.monotonic()
    assert first.wait() == 0
    assert left - began < DRAIN / 2, "there was time left to get its partition"
    assert time.monotonic() - began < DRAIN + 3.0
    assert [line["partition"] for line in first.lines("partition assigned")][-1] == hers

    stage.stand_in.faults.plan = FaultPlan()
    stage.produce(Generator(2, 20).records(50), partition=lambda _: 1 - number)
    stage.read_back()
    third = start_worker(settings)
    stage.wait_until_drained()
    assert third.stop() == 0
    assert {entry.event_id for entry in stage.stand_in.arrivals} >= {
        stage.event_id(partition, offset) for partition, offset in stage.log
    }
