"""What a worker writes about itself, while everything goes wrong, tells nothing about customers and no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from threading import Event, Thread

import pytest

from processor.avro.wire import confluent_frame
from processor.kafka.source import UNREADABLE_HEADERS
from processor.simulator.account import Account
from processor.simulator.capillary import Generator, Sent
from processor.simulator.faults import Fault, FaultPlan
from processor.simulator.inlet import Inlet, Verdict
from tests.plugins.audit import audit
from tests.plugins.fake_registry import FakeRegistry
from tests.plugins.foreign import produce_with_header
from tests.plugins.scene import TENANT, Scene, Witness, headers_of, value_of
from tests.plugins.workers import IMPATIENT, WorkerProcess

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]

ACCOUNT = Account(tenant=TENANT, client_secret="s3cret-of-the-client", inlet_id="1nlet0f0urs")
REGISTRY_PASSWORD = "p4ssword-of-the-registry"
FIRST_NAME, LAST_NAME = "Zerlinda", "Quackenbush"
REGISTRY_ID = 7
PERSONAL = re.compile(r"[a-z0-9]+@org[0-9.a-z]+|\b62812\d+|\b0002\d{8}\b|CARD_\d+|\b\d_\d{6}_\d+_\d+\b")
"""What the generator makes: addresses, telephone numbers, ids at other systems, cards, bill numbers."""

STORM = FaultPlan(
    seed=3,
    refused=0.05,
    items=0.05,
    hidden=0.05,
    vanished=0.03,
    twisted=0.03,
    portal=0.03,
    unauthorized=0.03,
    ims=0.3,
)


class Indiscreet(Inlet):
    """Refuses a few messages for good, and quotes them in full, with its own id, in the reason that it gives."""

    left = 5

    def judge(self, message: object) -> Verdict:
        """The verdict on one message."""
        verdict = super().judge(message)
        if self.left and verdict.dataset is not None and verdict.dataset.name == "profile-last-name":
            self.left -= 1
            return self._refuse(f"cannot take {json.dumps(verdict.entity)}")
        return verdict


def personal(traffic: Iterator[Sent]) -> Iterator[Sent]:
    """The same events about people whose names occur nowhere else."""
    for sent in traffic:
        data = sent.record["data"]
        assert isinstance(data, dict)
        names = {"firstName": FIRST_NAME, "lastName": LAST_NAME} if data.get("firstName") else {}
        yield sent._replace(record={**sent.record, "data": {**data, **names}})


class Prober:
    """Reads the worker's health port five times a second, and keeps every answer."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.answers: list[str] = []
        self._worker, self._stop = worker, Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> str:
        """Everything that was answered."""
        self._stop.set()
        self._thread.join()
        return "\n".join(self.answers)

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self.answers += [self._worker.probe(path)[1] for path in ("/livez", "/readyz", "/metrics")]


def put_bad_input(stage: Scene, sent: Sent) -> None:
    """Payloads that cannot be used, each in another way."""
    whole = value_of(sent)
    body = json.dumps(sent.record).encode()
    for value in (body, whole[:-3], whole + whole, whole[:10] + body, confluent_frame(REGISTRY_ID, whole[10:])):
        stage.put(sent.key, value, ((FIRST_NAME, LAST_NAME.encode()),))
    produce_with_header(stage.servers, stage.topic, LAST_NAME.encode() + b"\xff", key=sent.key, value=body)


def test_neither_log_nor_metrics_nor_probes_tell_a_secret_or_a_payload(
    scene: Callable[..., Scene],
    start_worker: Callable[..., WorkerProcess],
    fake_registry: Callable[[Mapping[int, object]], FakeRegistry],
) -> None:
    witness = Witness(account=ACCOUNT, faults=STORM)
    witness._inlet = Indiscreet(ACCOUNT, witness.datasets)
    stage = scene(partitions=2, stand_in=witness)
    registry = fake_registry({})  # knows nothing, and is away at first
    traffic = personal(Generator(1, 15).records(10_000))
    first = list(islice(traffic, 300))
    stage.produce(first)
    put_bad_input(stage, next(sent for sent in first if sent.event == "transactionAdded"))
    witness.script(Fault(503, body=ACCOUNT.client_secret, where="ims"))

    worker = start_worker(
        stage.settings(
            REGISTRY__URL=registry.url.replace("//", f"//registrar:{REGISTRY_PASSWORD}@"),
            KAFKA__CLIENT='{"debug": "all"}',
            DELIVERY__MAX_BATCH_MESSAGES="20",
        ),
        program=IMPATIENT,
    )
    prober = Prober(worker)
    worker.wait_for("outage began", what="registry")
    worker.wait_for("dead letter", reason="refused")
    registry.start()
    witness.faults.plan = FaultPlan(refused=1.0)
    stage.produce(islice(traffic, 200))
    worker.wait_for("outage began", what="aep")
    worker.wait_for("outage ended", what="registry")
    witness.faults.plan = STORM
    stage.read_back()
    stage.wait_until_drained()
    witness.ims.expire()
    stage.produce(islice(traffic, 50))
    stage.read_back()
    stage.wait_until_drained()
    probed = prober.stop()
    assert worker.stop() == 0
    assert worker.plain() == []

    letters = [(letter, headers_of(letter)) for letter in stage.letters()]
    assert any(LAST_NAME in headers["detail"] for _, headers in letters), "AEP's own words are in the dead letter"
    assert any(UNREADABLE_HEADERS in dict(letter.headers) for letter, _ in letters)
    assert {headers["reason"] for _, headers in letters} >= {"refused", "undecodable", "unknown_schema"}
    written = worker.log.read_text(encoding="utf-8") + probed
    assert "capillary_aep_dead_letters_total" in written
    assert '"outages": {"' in written
    for secret in (*secrets_of(witness), FIRST_NAME, LAST_NAME, *{sent.key.decode() for sent in first}):
        assert secret not in written
    assert PERSONAL.findall(json.dumps([sent.record for sent in first])), "the pattern finds what it is for"
    assert PERSONAL.findall(written) == []
    stage.schemas[REGISTRY_ID] = None
    report = audit(stage.evidence())
    assert report.ok, str(report)


def secrets_of(witness: Witness) -> Iterator[str]:
    """What must stay between the worker and those that it talks to, tokens and their parts among it."""
    yield from (ACCOUNT.client_secret, ACCOUNT.inlet_id, REGISTRY_PASSWORD)
    tokens = list(witness.ims._good_until)
    assert tokens
    for token in tokens:
        yield from token.split(".")[1:]
