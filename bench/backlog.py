"""Memory: a large backlog behind an AEP that is out, then the way down again: `make backlog`.

The topic is full before the worker starts. AEP refuses everything for the first half of the outage and is frozen, so
that requests time out, for the second; then it is back. Said at the end: the largest resident memory in the outage and
in the drain, what became of the membership, and how fast the backlog went.

    python -m bench.backlog [--events N] [--outage SECONDS] [--partitions N] [--setting NAME=VALUE ...] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
from confluent_kafka import Consumer, TopicPartition

from bench import stage, traffic
from processor.kafka.admin import Admin
from processor.kafka.config import admin_properties

TOPIC = "backlog"
SAMPLE = 0.2  # seconds


def main() -> None:
    """One run, and its figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.backlog")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--outage", type=float, default=60.0)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--setting", action="append", default=[], help="of the worker, NAME=VALUE, without the prefix")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = dict(setting.split("=", 1) for setting in arguments.setting)
    with (
        tempfile.TemporaryDirectory() as directory,
        stage.broker(Path(directory)) as bootstrap,
        stage.sink(0.0) as sink,
    ):
        admin = Admin(admin_properties(bootstrap))
        admin.create_topic(stage.DLQ, 1)
        admin.create_topic(TOPIC, arguments.partitions)
        traffic.fill(bootstrap, TOPIC, arguments.events)
        figures = _run(bootstrap, sink, arguments, settings)
    for name, value in figures.items():
        print(f"{name:36} {value:,}")
    if arguments.json:
        print(json.dumps(figures))


def _run(bootstrap: str, sink: stage.Sink, arguments: argparse.Namespace, settings: dict[str, str]) -> dict[str, float]:
    group = f"backlog-{uuid.uuid4().hex[:8]}"
    command, environment = stage.command("worker", bootstrap, TOPIC, group, sink, arguments.events)
    environment |= {f"CAPILLARY_AEP_{name}": value for name, value in {"LOG__FORMAT": "json", **settings}.items()}
    auditor = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    watched = [TopicPartition(TOPIC, partition) for partition in range(arguments.partitions)]

    def committed() -> int:
        return sum(max(0, answer.offset) for answer in auditor.committed(watched, 10))

    sink.refuse(1.0)
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            refused = _watch(process, lambda: False, arguments.outage / 2)
            os.kill(sink.pid, signal.SIGSTOP)
            frozen = _watch(process, lambda: False, arguments.outage / 2)
            before = committed()
            os.kill(sink.pid, signal.SIGCONT)
            sink.refuse(0.0)
            began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
            drain = _watch(process, lambda: committed() >= arguments.events, 600.0)
            seconds, cpu = time.monotonic() - began, sum(process.cpu_times()[:2]) - cpu
            after = committed()
        finally:
            process.terminate()
            process.wait(60)
            auditor.close()
        log.seek(0)
        said = [json.loads(line) for line in log.read().decode().splitlines() if line.startswith("{")]
    return {
        "events": arguments.events,
        "committed in the outage": before,
        "committed at the end": after,
        "MB while AEP refuses": round(refused / 1e6),
        "MB while AEP is frozen": round(frozen / 1e6),
        "MB in the drain": round(drain / 1e6),
        "partitions given up": sum(line["event"] in ("partition lost", "partition released") for line in said),
        "events/s in the drain": round((after - before) / seconds),
        "CPU s per million in the drain": round(cpu / (after - before) * 1e6, 1),
    }


def _watch(process: psutil.Popen, done: Callable[[], bool], seconds: float) -> int:
    """The largest resident memory until then."""
    deadline, most = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and not done():
        most = max(most, process.memory_info().rss)
        time.sleep(SAMPLE)
    return most


if __name__ == "__main__":
    main()
