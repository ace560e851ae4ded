"""Shows it all in one process: broker, stand-in for AEP, traffic, worker. No Docker, no credentials, no network."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from processor.capillary import load_contracts
from processor.commands import CommandFailed, ExitCode, json_option, print_result
from processor.commands.demonstration.books import Books
from processor.commands.demonstration.progress import Paced, Snapshot, display_for
from processor.commands.demonstration.stage import PARTITIONS, TOPIC, Running, Stage, now_ms, set_up, worker_log
from processor.commands.demonstration.summary import Run, result, summary
from processor.commands.demonstration.traffic import traffic
from processor.kafka.config import NoAnswerError
from processor.kafka.producer import UndeliveredError
from processor.model import NeedsSchema
from processor.settings import schemas_dir
from processor.simulator.faults import PRESETS

BACKLOG = 2_000_000  # bytes unread: the embedded broker drops what exceeds 5 MiB in a partition
PAUSE = 0.02  # seconds between looks
STALL = 120.0  # seconds without any progress, after which waiting longer would tell nothing new
LEAVE = 30.0  # seconds: the drain timeout and what closing takes
FLUSH = 30.0
INTERRUPTED = "Ctrl-C"


@click.command()
@click.option("--events", type=click.IntRange(min=1), default=5_000, show_default=True, help="How many are produced.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides traffic and faults.")
@click.option(
    "--faults", type=click.Choice(list(PRESETS)), default="none", show_default=True, help="What goes wrong at AEP."
)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Keep the worker's log.")
@json_option
def command(*, events: int, seed: int, faults: str, log: Path | None, as_json: bool) -> None:
    """Produce synthetic Capillary events, deliver them to a stand-in for AEP, and audit what arrived.

    The exit code is 0 only when nothing is lost.
    """
    console = Console()
    click.echo(f"{events:,} events, faults: {faults}, seed {seed}; all within this process", err=True)
    plan = replace(PRESETS[faults], seed=seed)
    try:
        with interruptible() as interrupted, set_up(plan) as stage, worker_log(log) as (observe, alive):
            play = Play(stage, events, seed, Paced(display_for(console), time.monotonic), interrupted)
            run = play.perform(stage.start_worker(observe, alive), faults)
    except (OSError, NoAnswerError, UndeliveredError) as error:
        raise CommandFailed(str(error)) from error
    click.echo(f"\n{summary(run)}")
    if as_json:
        print_result(result(run))
    if (code := exit_code(run)) is not ExitCode.DONE:
        raise click.exceptions.Exit(code)


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """The event is set by the first Ctrl-C; the second one ends the process as usual."""
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_signal)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class Play:
    """One performance: traffic in, until everything is settled; then the audit.

    `interrupted` ends the producing; the worker then leaves, and what it did not settle is unfinished.
    """

    def __init__(self, stage: Stage, events: int, seed: int, shown: Paced, interrupted: threading.Event) -> None:
        self._stage, self._events, self._seed, self._shown = stage, events, seed, shown
        self._interrupted = interrupted
        self._books = Books()
        self._produced = [0] * PARTITIONS
        self._produced_bytes = 0
        self._began = time.monotonic()

    def perform(self, worker: Running, faults: str) -> Run:
        """Produces, waits, ends the worker, audits. Raises UndeliveredError, and NoAnswerError of the broker."""
        self._produce(worker)
        stopped_by = self._await_settled(worker)
        seconds = time.monotonic() - self._began
        left = worker.stop(LEAVE)
        self._shown.finish(self._snapshot())
        tally = self._stage.tally
        return Run(
            faults=faults,
            seed=self._seed,
            produced=sum(self._produced),
            seconds=seconds,
            findings=self._books.audit(self._stage.arrivals()),
            tally=tally,
            answered=self._stage.simulator.answered(),
            stopped_by=stopped_by if left else f"the worker did not leave within {LEAVE:.0f} s",
        )

    def _produce(self, worker: Running) -> None:
        """Sends the traffic, never further ahead of the worker than the broker can hold, and enters it in the books."""
        producer, translator = self._stage.producer(), self._stage.translator()
        contracts = load_contracts(schemas_dir() / "capillary")
        records = traffic(self._events, self._seed, contracts, topic=TOPIC, partitions=PARTITIONS, now_ms=now_ms)
        try:
            for record in records:
                self._wait_for_room(worker)
                translated = translator.translate(record)
                assert not isinstance(translated, NeedsSchema)  # single-object encoding asks no registry
                producer.send(
                    TOPIC, record.key, record.value, partition=record.partition, timestamp_ms=record.timestamp_ms
                )
                self._books.enter(record, translated)
                self._produced[record.partition] += 1
                self._produced_bytes += record.size
                self._show()
                if self._over(worker):
                    break
        finally:
            producer.flush(FLUSH)

    def _wait_for_room(self, worker: Running) -> None:
        while self._produced_bytes - self._stage.tally.received_bytes > BACKLOG and not self._over(worker):
            self._show()
            time.sleep(PAUSE)

    def _over(self, worker: Running) -> str:
        """Why there is no point in going on; empty while there is one."""
        if self._interrupted.is_set():
            return INTERRUPTED
        if self._stage.tally.halted:
            return f"the worker halted ({self._stage.tally.halted})"
        if worker.ended:
            return f"the worker failed: {worker.error}"
        return ""

    def _await_settled(self, worker: Running) -> str:
        """Waits until every offset is committed. Returns why it gave up, if it did."""
        tally = self._stage.tally
        last, since = tally.progress, time.monotonic()
        while any(tally.committed.get(partition, 0) < count for partition, count in enumerate(self._produced)):
            if over := self._over(worker):
                return over
            if tally.progress != last:
                last, since = tally.progress, time.monotonic()
            if time.monotonic() - since > STALL:
                return f"nothing moved for {STALL:.0f} s"
            self._show()
            time.sleep(PAUSE)
        return ""

    def _show(self) -> None:
        self._shown.show(self._snapshot)

    def _snapshot(self) -> Snapshot:
        seconds = time.monotonic() - self._began
        return Snapshot.take(self._stage.tally, sum(self._produced), self._events, seconds)


def exit_code(run: Run) -> ExitCode:
    """0 only where nothing is lost and nothing but Ctrl-C ended the run early."""
    if run.findings.lost:
        return ExitCode.WRONG
    if run.tally.halted:
        return ExitCode.HALT
    return ExitCode.DONE if run.stopped_by in ("", INTERRUPTED) else ExitCode.WRONG
