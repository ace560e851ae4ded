"""How a worker ends: told to, by itself, or because Kafka gave up; and what ends it when closing never does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import pytest

from processor.app import Stop, Worker
from processor.commands.run import health_limits
from processor.health import HealthState, livez
from processor.model import Halt, HaltKind
from processor.pipeline import Pipeline
from processor.starts import ASK_TIMEOUT, GaveUpError

MISCONFIGURED = Halt(HaltKind.CONFIGURATION, "check AEP__CLIENT_SECRET")


@dataclass
class Fakes:
    """A loop and its edges, which write down what is done to them and whether the way out was open by then."""

    stop: Stop
    turns: Callable[[int], None]
    halt: Halt | None = None
    done: list[str] = field(default_factory=list)
    turned: int = 0

    @property
    def finished(self) -> bool:
        """As the loop says it."""
        return self.halt is not None

    def subscribe(self, *_: object) -> None:
        """Joins."""

    def turn(self) -> None:
        """One turn."""
        self.turned += 1
        self.turns(self.turned)

    def leave(self, asked_at: float) -> bool:
        """Drains and closes."""
        self.done.append(f"left, asked at {asked_at}" if self.stop.is_set() else "left without a way out")
        return True

    def close(self, *timeout: float) -> None:
        """Closes an edge; the source alone has no timeout."""
        self.done.append("edge" if timeout else "source" if self.stop.is_set() else "source without a way out")


def run(turns: Callable[[Fakes, int], None]) -> Fakes:
    now = count(1)
    fakes = Fakes(Stop(lambda: float(next(now))), lambda _: None)
    fakes.turns = lambda number: turns(fakes, number)
    loop, edge = cast("Pipeline", fakes), cast("object", fakes)
    worker = Worker(loop, edge, edge, edge, edge, edge, ("t",), 15.0, lambda: 0.0)  # type: ignore[arg-type]
    try:
        worker.run(fakes.stop, lambda _: None)
    except (GaveUpError, ZeroDivisionError) as error:
        fakes.done.append(type(error).__name__)
    return fakes


def test_told_to_stop_before_anything_was_assigned() -> None:
    assert run(lambda fakes, _: fakes.stop.set()).done == ["left, asked at 1.0", *["edge"] * 4]


def test_a_worker_that_ends_by_itself_has_the_hard_way_out_as_well() -> None:
    def misconfigured(fakes: Fakes, number: int) -> None:
        fakes.halt = MISCONFIGURED if number == 3 else None

    fakes = run(misconfigured)
    assert fakes.turned == 3
    assert fakes.done == ["left, asked at 1.0", *["edge"] * 4]


@pytest.mark.parametrize("error", [GaveUpError("no answer"), ZeroDivisionError()])
def test_whatever_breaks_the_loop_waits_for_what_is_on_the_wire_and_leaves_the_group(error: Exception) -> None:
    """Within limits of time; what was stored is committed by that."""

    def broken(_fakes: Fakes, number: int) -> None:
        if number == 2:
            raise error

    assert run(broken).done == ["edge", "source", *["edge"] * 4, type(error).__name__]


@pytest.mark.parametrize("drain", [4.5, 20.0, 100.0])
def test_a_drain_and_a_start_behind_it_are_not_taken_for_a_loop_that_hangs(drain: float) -> None:
    limits = health_limits(drain)
    silence = drain + drain + ASK_TIMEOUT + 1.0  # the last question may begin just before the deadline
    assert livez(HealthState(last_turn=0.0), silence, limits) == []
    assert livez(HealthState(last_turn=0.0), limits.silent + 1.0, limits)


HANGS = """
import signal, sys, time
from processor.commands.run import _stop_on_signals
stop = _stop_on_signals(0.5)
assert not stop.is_set()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
    signal.raise_signal(number)
assert stop.is_set()
time.sleep(60)
"""


def test_what_never_closes_is_ended_the_hard_way_however_many_signals_came() -> None:
    """Exit code 4: a restart is right."""
    assert subprocess.run([sys.executable, "-c", HANGS], check=False, timeout=20).returncode == 4


SIGNAL_IN_A_SIGNAL = """
import signal, sys
from processor.commands.run import _stop_on_signals

def once_at(line):
    def trace(frame, what, argument):
        nonlocal line
        if what == "line" and frame.f_code.co_filename.endswith(("run.py", "threading.py")):
            line -= 1
            if line == 0:
                signal.raise_signal(signal.SIGINT)
        return trace
    return trace

for line in range(1, 60):
    stop = _stop_on_signals(30.0)
    sys.settrace(once_at(line))
    signal.raise_signal(signal.SIGTERM)
    sys.settrace(None)
    assert stop.is_set()
"""


def test_a_signal_in_the_middle_of_a_signal_does_no_harm() -> None:
    ended = subprocess.run([sys.executable, "-c", SIGNAL_IN_A_SIGNAL], check=False, timeout=20, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")
