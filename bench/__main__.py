"""This worker and the plain loop in turns, on the same topic and sink, as processes: `make bench`.

Measured from the first request to the last commit: CPU seconds (user and system) of the process per million events,
events per second, requests per 1,000 events, the largest resident memory. The broker is Apache Kafka on this machine;
worker, broker and sink share its cores, so ratios mean more than rates.

    python -m bench [--events N] [--turns N] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import Consumer, TopicPartition

from bench import stage, traffic
from processor.kafka.admin import Admin
from processor.kafka.config import admin_properties


@dataclass(frozen=True)
class Run:
    """The figures of one run."""

    cpu_per_million: float
    events_per_second: float
    requests_per_1000: float
    rss_mb: float


def main() -> None:
    """Runs all cases and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    traffic.compare()
    results = {}
    with tempfile.TemporaryDirectory() as directory, stage.broker(Path(directory)) as bootstrap:
        admin = Admin(admin_properties(bootstrap))
        admin.create_topic(stage.DLQ, 1)
        for partitions in (12, 1):
            topic = f"bench-{partitions}"
            admin.create_topic(topic, partitions)
            size = traffic.fill(bootstrap, topic, arguments.events)
            if partitions == 12:
                print(
                    f"{arguments.events:,} events, {size / arguments.events:.0f} bytes of Avro on average", flush=True
                )
            for latency in (0.0, 0.2):
                case = f"{partitions} partition{'s' * (partitions > 1)}, {latency * 1000:.0f} ms"
                results[case] = _case(bootstrap, topic, partitions, latency, arguments.events, arguments.turns)
                print(_line(case, results[case]), flush=True)
    if arguments.json:
        print(json.dumps(results))


def _case(
    bootstrap: str, topic: str, partitions: int, latency: float, events: int, turns: int
) -> dict[str, dict[str, float]]:
    runs: dict[str, list[Run]] = {"worker": [], "plain": []}
    for _ in range(turns if latency == 0 else 1):
        for name, group in runs.items():
            with stage.sink(latency) as sink:
                group.append(_run(name, bootstrap, topic, partitions, sink, events))
    return {
        name: {field: statistics.median(getattr(run, field) for run in group) for field in Run.__annotations__}
        for name, group in runs.items()
    }


def _line(case: str, result: dict[str, dict[str, float]]) -> str:
    worker, plain = result["worker"], result["plain"]
    rows = [f"{case}:"]
    for name, figures in result.items():
        rows.append(
            f"  {name:7} {figures['cpu_per_million']:6.1f} CPU s per million, "
            f"{figures['events_per_second']:8,.0f} events/s, {figures['requests_per_1000']:5.2f} requests per "
            f"1,000 events, {figures['rss_mb']:4.0f} MB"
        )
    cpu = worker["cpu_per_million"] / plain["cpu_per_million"]
    rate = worker["events_per_second"] / plain["events_per_second"]
    rows.append(f"  ratio   {cpu:.2f} of its CPU, {rate:.1f} times its rate")
    return "\n".join(rows)


def _run(name: str, bootstrap: str, topic: str, partitions: int, sink: stage.Sink, events: int) -> Run:
    group = f"{name}-{uuid.uuid4().hex[:8]}"
    command, environment = stage.command(name, bootstrap, topic, group, sink, events)
    auditor = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    watched = [TopicPartition(topic, partition) for partition in range(partitions)]
    log = tempfile.TemporaryFile()
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        stage.wait(lambda: sink.requests() > 0, process, log)
        began, cpu_before = time.monotonic(), sum(process.cpu_times()[:2])
        rss = [process.memory_info().rss]

        def done() -> bool:
            rss.append(process.memory_info().rss)
            return sum(max(0, answer.offset) for answer in auditor.committed(watched, 10)) >= events

        stage.wait(done, process, log)
        seconds, cpu = time.monotonic() - began, sum(process.cpu_times()[:2]) - cpu_before
        return Run(cpu / events * 1e6, events / seconds, sink.requests() / events * 1000, max(rss) / 1e6)
    finally:
        process.terminate()
        process.wait(60)
        auditor.close()


if __name__ == "__main__":
    main()
