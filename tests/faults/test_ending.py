"""A broker freezes under a worker that must end: it ends all the same, and says that a restart is right."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from processor.commands.run import GRACE
from processor.kafka.admin import Admin
from processor.simulator.account import Account
from processor.simulator.capillary import Generator
from processor.simulator.faults import FaultPlan
from tests.plugins.brokers import KafkaNode
from tests.plugins.scene import Scene, Witness
from tests.plugins.workers import QUICK, WorkerProcess

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
