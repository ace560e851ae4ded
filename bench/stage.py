"""What the benches share: a broker, a sink, and the processes that are measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.plugins.brokers import KafkaNode, kafka_jars

DLQ = "bench.dlq"
PATIENCE = 120.0  # seconds for one run


@dataclass(frozen=True)
class Sink:
    """Where a running sink listens."""

    url: str
    pid: int

    def ask(self, what: str) -> dict[str, object]:
        """Asks its own surface."""
        with urllib.request.urlopen(f"{self.url}/_stand-in/{what}") as reply:
            document = json.load(reply)
        assert isinstance(document, dict)
        return document

    def refuse(self, rate: float) -> None:
        """Answers so many of the requests, 0 to 1, with 429 or 5xx."""
        body = json.dumps({"refused": rate}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_stand-in/faults", body, method="PUT")).close()

    def requests(self) -> int:
        """How many requests the inlet has answered."""
        answered = self.ask("counts")["answered"]
        assert isinstance(answered, dict)
        return sum(count for what, count in answered.items() if what.startswith("inlet"))


def wait(until: object, process: psutil.Popen, log: object, patience: float = PATIENCE) -> None:
    """Until something is so; ends everything when the process does, or never gets there."""
    deadline = time.monotonic() + patience
    while not until():  # type: ignore[operator]
        if time.monotonic() > deadline or (not process.is_running() or process.status() == psutil.STATUS_ZOMBIE):
            log.seek(0)  # type: ignore[attr-defined]
            sys.exit(f"the process did not get there: {log.read().decode()[-600:]}")  # type: ignore[attr-defined]
        time.sleep(0.02)


def command(
    name: str, bootstrap: str, topic: str, group: str, sink: Sink, events: int
) -> tuple[list[str], dict[str, str]]:
    """What starts a worker, or the plain loop."""
    settings = sink.ask("settings")
    aep, destinations = settings["aep"], settings["destinations"]
    assert isinstance(aep, dict)
    assert isinstance(destinations, dict)
    if name == "plain":
        arguments = [bootstrap, topic, group, str(aep["inlet_url"]), f"{aep['ims_url']}/ims/token/v3", str(events)]
        return [sys.executable, "-m", "bench.plain_loop", *arguments], dict(os.environ)
    environment = {f"CAPILLARY_AEP_AEP__{key.upper()}": str(value) for key, value in aep.items()}
    for destination, table in destinations.items():
        for key, value in table.items():
            environment[f"CAPILLARY_AEP_DESTINATIONS__{destination.upper()}__{key.upper()}"] = str(value)
    environment |= {
        "CAPILLARY_AEP_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "CAPILLARY_AEP_KAFKA__TOPICS": topic,
        "CAPILLARY_AEP_KAFKA__DLQ_TOPIC": DLQ,
        "CAPILLARY_AEP_KAFKA__GROUP_ID": group,
        "CAPILLARY_AEP_HEALTH__PORT": "0",
    }
    return [str(Path(sys.executable).with_name("capillary-aep")), "run"], {**os.environ, **environment}


@contextmanager
def sink(latency: float) -> Iterator[Sink]:
    """A sink in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(latency)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Sink(process.stdout.readline().strip(), process.pid)
    finally:
        process.kill()  # it may be frozen
        process.wait(10)


@contextmanager
def broker(directory: Path) -> Iterator[str]:
    """Apache Kafka: the one that is given, or one on this machine. Gives the bootstrap servers."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    node = KafkaNode(directory, kafka_jars())
    try:
        yield node.bootstrap_servers
    finally:
        node.stop()
