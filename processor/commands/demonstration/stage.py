"""Where the demo plays: a broker, a stand-in for AEP and one worker, all in this process."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from processor.app import Stop, Worker, build_worker, destinations
from processor.commands.demonstration.books import Arrivals, read_letter
from processor.commands.demonstration.tally import Tally
from processor.commands.demonstration.traffic import own_org
from processor.events import Event
from processor.kafka.config import producer_properties
from processor.kafka.mock_cluster import MockCluster
from processor.kafka.producer import Producer
from processor.kafka.reading import committed_offsets, read_topic
from processor.settings import Settings, schemas_dir
from processor.simulator.account import Account, load_datasets
from processor.simulator.faults import FaultPlan
from processor.simulator.simulator import Simulator
from processor.telemetry import Telemetry, configure_logging
from processor.translator import Mappings, Translator, load_mappings

TOPIC = "capillary.events"
DLQ_TOPIC = "capillary.events.dlq"
PARTITIONS = 4
BATCH = 100  # messages of a request: smaller than usual, so that there are enough requests for faults to strike

Observer = Callable[[Event], None]


class Running:
    """A worker on a thread of its own. `error` is what ended it, if it did not end as it was told."""

    def __init__(self, worker: Worker, alive: Callable[[float], None]) -> None:
        self._worker, self._alive = worker, alive
        self._stop = Stop()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it has left."""
        return not self._thread.is_alive()

    def stop(self, timeout: float) -> bool:
        """Tells it to leave and waits, `timeout` seconds at most. Returns whether it left."""
        self._stop.set()
        self._thread.join(timeout)
        return self.ended

    def _run(self) -> None:
        try:
            self._worker.run(self._stop, self._alive)
        except Exception as error:  # noqa: BLE001 - whatever ends the worker is told to who watches
            self.error = error


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything is up but the worker."""

    settings: Settings
    mappings: Mappings
    simulator: Simulator
    tally: Tally

    def start_worker(self, log: Observer, alive: Callable[[float], None]) -> Running:
        """Starts the worker. `log` hears what the tally hears."""

        def observe(event: Event) -> None:
            self.tally.observe(event, self.settings.delivery)
            log(event)

        return Running(build_worker(self.settings, self.mappings, observe), alive)

    def producer(self) -> Producer:
        """A producer of its own, for the traffic."""
        return Producer(producer_properties(self.settings.kafka.bootstrap_servers))

    def translator(self) -> Translator:
        """A translator of its own, for the books."""
        where = destinations(self.settings, self.mappings)
        return self.mappings.translator(where, now_ms, org_ids=self.settings.kafka.org_ids)

    def arrivals(self) -> Arrivals:
        """What the other side has, read after the worker left."""
        ledger, kafka = self.simulator.ledger, self.settings.kafka
        letters = [read_letter(record) for record in read_topic(kafka.bootstrap_servers, DLQ_TOPIC)]
        committed = committed_offsets(kafka.bootstrap_servers, kafka.group_id, TOPIC)
        return Arrivals(ledger.accepted(), letters, ledger.profiles(), committed)


@contextlib.contextmanager
def set_up(faults: FaultPlan) -> Iterator[Stage]:
    """Starts broker and stand-in, and ends them. Raises OSError where librdkafka offers no mock cluster."""
    account = Account()
    datasets = load_datasets(schemas_dir() / "xdm", account)
    mappings = load_mappings(schemas_dir(), None, account.tenant)
    with MockCluster() as cluster, Simulator(datasets, account, faults=faults) as simulator:
        cluster.create_topic(TOPIC, PARTITIONS)
        cluster.create_topic(DLQ_TOPIC)
        yield Stage(_settings(cluster, simulator), mappings, simulator, Tally())


def _settings(cluster: MockCluster, simulator: Simulator) -> Settings:
    return Settings.model_validate(
        {
            **simulator.settings(),
            "kafka": {
                "bootstrap_servers": cluster.bootstrap_servers,
                "topics": [TOPIC],
                "dlq_topic": DLQ_TOPIC,
                "org_ids": [own_org()],
            },
            "delivery": {"max_batch_messages": BATCH},
        }
    )


@contextlib.contextmanager
def worker_log(file: Path | None) -> Iterator[tuple[Observer, Callable[[float], None]]]:
    """What the worker logs goes to a file, or nowhere: the screen is the display's. Gives `observe` and `alive`."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    try:
        if file is None:
            root.addHandler(logging.NullHandler())
            yield (lambda _event: None), (lambda _now: None)
        else:
            with file.open("w", encoding="utf-8") as stream:
                configure_logging("json", stream)
                telemetry = Telemetry(time.monotonic, structlog.get_logger("capillary-aep"))
                yield telemetry.observe, telemetry.alive
    finally:
        root.handlers[:] = handlers


def now_ms() -> int:
    """Wall clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000
