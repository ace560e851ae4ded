"""The worker: reads, translates and delivers until it is told to stop."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import threading
import time
from dataclasses import replace
from types import FrameType

import click
import structlog

from processor import __version__
from processor.app import CLOSE_TIMEOUT, Gaps, MissingTopicError, Stop, build_worker
from processor.commands import CommandFailed, ExitCode, Invocation, KafkaGaveUp, no_answer
from processor.commands.check import refuse_to_start_half_right
from processor.health import HealthServer, Limits
from processor.kafka.config import ConfigProblem, NoAnswerError
from processor.model import TopicPartition
from processor.settings import Settings, schemas_dir
from processor.starts import ASK_TIMEOUT, GaveUpError
from processor.telemetry import Telemetry, configure_logging
from processor.translator import load_mappings

COLLECT_AFTER = 20_000
"""Objects that may come up, over those that went, before the cycle collector looks at them; Python's own is 700."""

GRACE = 5.0 + 4 * CLOSE_TIMEOUT  # seconds beyond the drain timeout, after which the process is ended the hard way


class GapParameter(click.ParamType[tuple[TopicPartition, int]]):
    """`TOPIC:PARTITION@FROM`, as the report of a gap spells it."""

    name = "TOPIC:PARTITION@FROM"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[TopicPartition, int]:
        """Reads one gap."""
        found = re.fullmatch(r"([A-Za-z0-9._-]+):(\d+)@(\d+)", value)
        if found is None:
            self.fail(f"{value!r} is not TOPIC:PARTITION@FROM, as the report of the gap spells it", param, ctx)
        return TopicPartition(found[1], int(found[2])), int(found[3])


@click.command()
@click.option(
    "--accept-gap",
    "gaps",
    multiple=True,
    type=GapParameter(),
    help="Go on behind this gap, which was reported: the records in it are lost. Give it to all workers.",
)
@click.pass_obj
def command(invocation: Invocation, gaps: tuple[tuple[TopicPartition, int], ...]) -> None:
    """Run a worker until SIGTERM.

    Exit code 0 after a clean stop, 3 when delivery halted, 4 when Kafka gave up on us and a restart is right.
    """
    refuse_to_start_half_right(invocation)
    code = run(invocation.settings(), frozenset(gaps))
    if code is not ExitCode.DONE:
        raise click.exceptions.Exit(code)


def run(settings: Settings, gaps: Gaps) -> ExitCode:
    """Runs a worker on this thread. Raises CommandFailed."""
    configure_logging(settings.log.format, sys.stderr)
    log = structlog.get_logger("capillary-aep")
    log.info("starting", version=__version__, settings=settings.effective())
    telemetry = Telemetry(time.monotonic, log)
    stop = _stop_on_signals(settings.delivery.drain_timeout_s + GRACE)
    mappings = load_mappings(schemas_dir(), settings.mappings.dir, settings.aep.tenant, settings.options())
    try:
        with _health_server(settings, telemetry):
            worker = build_worker(settings, mappings, telemetry.observe, accepted_gaps=gaps)
            _spare_the_collector()
            halt = worker.run(stop, telemetry.alive)
    except GaveUpError as error:
        raise KafkaGaveUp(str(error)) from None
    except NoAnswerError as error:
        raise no_answer(settings.kafka, error) from None
    except MissingTopicError as error:
        raise CommandFailed(str(error)) from None
    except ConfigProblem as error:
        raise CommandFailed(f"KAFKA__CLIENT: {error}") from None
    return ExitCode.DONE if halt is None else ExitCode.HALT


def _health_server(settings: Settings, telemetry: Telemetry) -> HealthServer:
    """The server, with its port taken. Raises CommandFailed where that cannot be had."""
    where = settings.health
    try:
        return HealthServer(
            where.host,
            where.port,
            state=lambda: telemetry.health,
            metrics=telemetry.exposition,
            clock=time.monotonic,
            limits=health_limits(settings.delivery.drain_timeout_s),
        )
    except OSError as error:
        remedy = "choose another port for each worker on a machine, or 0 for any"
        raise CommandFailed(
            f"HEALTH__PORT: cannot listen on {where.host}:{where.port}: {error.strerror}; {remedy}"
        ) from None


def _spare_the_collector() -> None:
    """Keeps the cycle collector from looking at the same living objects again and again.

    What was read and compiled at start stays until the end, and what is held of records dies by its reference count:
    there are no cycles in it. Looking at all that took a tenth of the worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def health_limits(drain: float) -> Limits:
    """The loop is silent while partitions are drained, and as long again while Kafka is asked where others start.

    `drain` is the drain timeout in seconds; `/livez` must not fail, and have the process killed, in the middle of that.
    """
    usual = Limits()
    return replace(usual, silent=max(usual.silent, 2 * drain + 4 * ASK_TIMEOUT))


class WayOut(Stop):
    """A stop with a hard way out: closing the consumer may hang for ever.

    Takes no lock: a second signal may come while the first one is still being handled. `hard_after` is in seconds.
    """

    def __init__(self, hard_after: float) -> None:
        super().__init__()
        timer = threading.Timer(hard_after, os._exit, [ExitCode.KAFKA])
        timer.daemon = True
        self._timers = iter([timer])  # starts once, whoever comes first

    def set(self) -> None:
        """Asks; again is once."""
        super().set()
        for timer in self._timers:
            timer.start()


def _stop_on_signals(hard_after: float) -> WayOut:
    """SIGTERM and SIGINT ask for a clean stop."""
    stop = WayOut(hard_after)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop
