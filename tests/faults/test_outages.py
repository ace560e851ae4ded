"""What the worker needs is away, or never was there: it waits, keeps its membership, and passes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from zlib import crc32

import pytest

from processor.avro.wire import confluent_frame
from processor.capillary import CanonicalEvent, encode, load_contracts
from processor.settings import schemas_dir
from processor.simulator.capillary import Generator
from processor.simulator.faults import FaultPlan
from tests.plugins.audit import audit
from tests.plugins.fake_registry import FakeRegistry
from tests.plugins.scene import Scene, Witness, headers_of
from tests.plugins.workers import IMPATIENT, WorkerProcess, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]

Start = Callable[..., WorkerProcess]
Scenes = Callable[..., Scene]

IMPATIENT_CLIENT = {
    "max.poll.interval.ms": 6_000,  # who does not poll for 6 s is thrown out
    "topic.metadata.propagation.max.ms": 1_000,  # how long a topic that is not there may be about to come
}
IMPATIENT_GROUP = {
    "KAFKA__CLIENT": json.dumps(IMPATIENT_CLIENT),
    "KAFKA__SESSION_TIMEOUT_MS": "6000",  # the least that brokers allow, and the interval must not be below it
    "DELIVERY__ATTEMPT_TIMEOUT_S": "2",
    "DELIVERY__DRAIN_TIMEOUT_S": "2.5",
}
LONGER_THAN_THAT = 7.0


def assert_stayed_a_member(worker: WorkerProcess) -> None:
    """It was assigned once, and neither lost nor gave away anything."""
    assert worker.lines("partition lost") == []
    assert worker.lines("partition released") == []


def assert_kept_the_promise(stage: Scene, **required: int) -> None:
    report = audit(stage.evidence(required=required))
    assert report.ok, str(report)


# ---- the registry ----------------------------------------------------------------------------------------------------


def test_records_wait_in_order_for_a_registry_that_is_away(
    scene: Scenes, start_worker: Start, fake_registry: Callable[[Mapping[int, object]], FakeRegistry], protocol: str
) -> None:
    contracts = load_contracts(schemas_dir() / "capillary")
    ids = {event: number for number, event in enumerate(sorted(contracts), start=11)}
    registry = fake_registry({ids[event]: contract.schema for event, contract in contracts.items()})
    stage = scene(partitions=2)
    for sent in Generator(1, 40).records(600):
        if crc32(sent.key) % 2:
            stage.produce([sent], partition=lambda _key: 1)  # these need no registry
            continue
        payload = encode(CanonicalEvent(sent.event, sent.record, sent.key), contracts)
        stage.producer.send(stage.topic, sent.key, confluent_frame(ids[sent.event], payload), partition=0)
    stage.producer.flush(30.0)
    stage.read_back()

    settings = stage.settings(REGISTRY__URL=registry.url, KAFKA__GROUP_PROTOCOL=protocol, **IMPATIENT_GROUP)
    worker = start_worker(settings, program=IMPATIENT)
    worker.wait_for("outage began", what="registry")
    waiting, flowing = stage.partitions
    wait_until(lambda: stage.commits.last.get(flowing) == stage.ends()[flowing], "the other partition goes on")
    time.sleep(LONGER_THAN_THAT)
    assert stage.commits.last.get(waiting, 0) == 0
    assert worker.metric("records_total") == stage.ends()[flowing]
    assert_stayed_a_member(worker)

    registry.start()
    stage.wait_until_drained()
    worker.wait_for("outage ended", what="registry")
    assert_stayed_a_member(worker)
    assert worker.stop() == 0
    stage.schemas |= registry.schemas
    assert_kept_the_promise(stage)


# ---- AEP and IMS -----------------------------------------------------------------------------------------------------


def test_the_backlog_waits_in_kafka_while_aep_is_away(scene: Scenes, start_worker: Start) -> None:
    stage = scene(partitions=3)
    traffic = Generator(1, 100)
    worker = start_worker(stage.settings(**IMPATIENT_GROUP), program=IMPATIENT)
    stage.produce(traffic.records(1_000))
    stage.read_back()
    stage.wait_until_drained()

    stage.stand_in.faults.plan = FaultPlan(refused=1.0)  # first it refuses everything
    stage.produce(traffic.records(2_000))
    worker.wait_for("outage began", what="aep")
    before = dict(stage.commits.last)
    time.sleep(LONGER_THAN_THAT / 2)
    away = stage.stand_in  # then nobody is there any more, not even IMS
    away.stop()
    time.sleep(LONGER_THAN_THAT / 2)
    assert stage.commits.last == before
    assert worker.metric("outage", what="aep") == 1
    assert worker.probe()[0] == 200, "an outage is waited out; a restart would not help"
    assert_stayed_a_member(worker)

    back = Witness(port=away.port)
    back.arrivals = away.arrivals
    stage.stand_in = back.start()
    worker.wait_for("outage ended", what="aep")
    stage.read_back()
    stage.wait_until_drained()
    assert_stayed_a_member(worker)
    assert worker.stop() == 0
    refused = sum(count for answer, count in away.answered().items() if answer.startswith(("inlet 4", "inlet 5")))
    assert_kept_the_promise(stage, refused=refused)
    assert stage.letters() == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("AEP__CLIENT_SECRET", "not-the-secret"),
        ("AEP__CLIENT_ID", "nobody"),
        ("AEP__INLET_URL", "http://127.0.0.1:{port}/collection/unknown"),
    ],
)
def test_a_configuration_error_ends_the_worker_and_names_the_setting(
    scene: Scenes, start_worker: Start, setting: str, value: str
) -> None:
    stage = scene()
    stage.produce(Generator(1, 10).records(50))
    worker = start_worker(stage.settings(**{setting: value.format(port=stage.stand_in.port)}))
    assert worker.wait() == 3
    assert setting in worker.tail()
    assert value.format(port=stage.stand_in.port) not in worker.tail(), "what was set wrongly may be a secret"
    assert stage.stand_in.arrivals == []
    assert stage.commits.last.get(stage.partitions[0], 0) == 0
    assert stage.letters() == []


def test_new_tokens_that_aep_refuses_again_and_again_end_the_worker(scene: Scenes, start_worker: Start) -> None:
    stage = scene(stand_in=Witness(faults=FaultPlan(unauthorized=1.0)))
    stage.produce(Generator(1, 10).records(50))
    worker = start_worker(stage.settings(), program=IMPATIENT)
    assert worker.wait() == 3
    (halted,) = worker.lines("halted", kind="configuration")
    assert "check that the credential may write to this organisation and sandbox" in str(halted["detail"])
    assert stage.stand_in.ims.issued >= 3
    assert stage.stand_in.arrivals == []
    assert stage.commits.last.get(stage.partitions[0], 0) == 0
    assert stage.letters() == []


# ---- the dead-letter topic -------------------------------------------------------------------------------------------


def test_lanes_with_a_dead_letter_wait_for_the_topic(scene: Scenes, start_worker: Start) -> None:
    stage = scene()
    worker = start_worker(stage.settings(**IMPATIENT_GROUP), program=IMPATIENT)
    worker.wait_for("partition assigned")  # it would not start without the topic
    stage.admin.delete_topic(stage.dlq)
    stage.put(b"150698:1", b"not Avro")
    stage.produce(Generator(1, 50).records(500))
    worker.wait_for("outage began", what="dead letters")
    wait_until(lambda: len({a.event_id for a in stage.stand_in.arrivals if a.event_id}) > 450, "other lanes go on")
    time.sleep(LONGER_THAN_THAT)
    assert stage.commits.last.get(stage.partitions[0], 0) == 0
    assert_stayed_a_member(worker)

    stage.admin.create_topic(stage.dlq, 1, config={"message.timestamp.type": "LogAppendTime"})
    worker.wait_for("outage ended", what="dead letters")
    stage.read_back()
    stage.wait_until_drained()
    assert worker.stop() == 0
    assert_kept_the_promise(stage)
    assert [headers_of(letter)["reason"] for letter in stage.letters()] == ["undecodable"]
