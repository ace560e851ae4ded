"""Workers as processes: `capillary-aep run` as an operator starts it, to be stopped, killed, frozen and read.

No process outlives pytest: the fixture ends them, `atexit` does after Ctrl-C, the kernel does if pytest itself dies.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.plugins.brokers import free_port

PREFIX = "CAPILLARY_AEP_"
COMMAND = (str(Path(sys.executable).with_name("capillary-aep")),)
IMPATIENT = (sys.executable, str(Path(__file__).with_name("impatient.py")))
"""The same program with short minutes; see there."""
PATIENCE = 60.0  # seconds
QUICK: Mapping[str, str] = {
    "KAFKA__SESSION_TIMEOUT_MS": "10000",  # attempt < drain < half of it
    "DELIVERY__ATTEMPT_TIMEOUT_S": "3",
    "DELIVERY__DRAIN_TIMEOUT_S": "4.5",
    "LOG__FORMAT": "json",
}
"""Deadlines that nest as the defaults do, at a quarter of their length."""

LogLine = dict[str, object]


class WorkerProcess:
    """One worker. `settings` are variables without their prefix; `log` collects its standard error."""

    def __init__(
        self,
        settings: Mapping[str, str],
        log: Path,
        arguments: Sequence[str] = (),
        *,
        program: Sequence[str] = COMMAND,
    ) -> None:
        self._port = free_port()
        given = {**QUICK, "HEALTH__PORT": str(self._port), **settings}
        outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*guard, *program, "run", *arguments],
                env={**outside, **{PREFIX + name: value for name, value in given.items()}},
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the tests first and the worker after them
            )
        atexit.register(self.kill)

    # ---- what is done to it ------------------------------------------------------------------------------------------

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting for the end."""
        self._signal(signal.SIGTERM)

    def stop(self, patience: float = PATIENCE) -> int:
        """SIGTERM; returns the exit code."""
        self.ask_to_stop()
        return self.wait(patience)

    def wait(self, patience: float = PATIENCE) -> int:
        """Waits for its end; returns the exit code."""
        try:
            code = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker did not end:\n{self.tail()}") from None
        atexit.unregister(self.kill)
        return code

    def kill(self) -> float:
        """SIGKILL: a crash. Returns when it was over, in wall-clock seconds."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        atexit.unregister(self.kill)
        return time.time()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing moves."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Goes on after `freeze`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.running:
            self._process.send_signal(number)

    # ---- how it is ---------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process.poll() is None

    @property
    def resident_bytes(self) -> int:
        """Resident memory at this moment."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def probe(self, path: str = "/readyz") -> tuple[int, str]:
        """Status and body of the health port; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels; 0 where there are none."""
        total = 0.0
        for line in self.probe("/metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            wanted = all(f'{label}="{text}"' in series for label, text in labels.items())
            if series.partition("{")[0] == f"capillary_aep_{name}" and wanted:
                total += float(value)
        return total

    # ---- what it said ------------------------------------------------------------------------------------------------

    def lines(self, event: str | None = None, **fields: object) -> list[LogLine]:
        """Its log lines with this text and these fields."""
        lines = [json.loads(line) for line in self._whole_lines() if line.startswith("{")]
        return [
            line
            for line in lines
            if (event is None or line["event"] == event)
            and all(line.get(name) == value for name, value in fields.items())
        ]

    def plain(self) -> list[str]:
        """What it wrote besides log lines: a traceback, or the text of an error that ended it."""
        return [line for line in self._whole_lines() if not line.startswith("{")]

    def _whole_lines(self) -> list[str]:
        text = self.log.read_text(encoding="utf-8")
        return text[: text.rfind("\n") + 1].splitlines()  # the last line may be half written

    def wait_for(self, event: str, *, count: int = 1, patience: float = PATIENCE, **fields: object) -> LogLine:
        """Waits for log lines; returns the last of them. A worker that ends meanwhile is an error."""
        deadline = time.monotonic() + patience
        while len(found := self.lines(event, **fields)) < count:
            assert self.running, f"the worker ended while {event!r} was awaited:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{event!r} did not come:\n{self.tail()}"
            time.sleep(0.05)
        return found[-1]

    def owned(self) -> dict[str, float]:
        """The partitions that it has by its log, each with the wall-clock second when it got it."""
        owned: dict[str, float] = {}
        for line in self.lines():
            if line["event"] == "partition assigned":
                owned[str(line["partition"])] = datetime.fromisoformat(str(line["timestamp"])).timestamp()
            elif line["event"] in ("partition released", "partition lost"):
                owned.pop(str(line["partition"]), None)
        return owned

    def tail(self) -> str:
        """The end of its log, for a failing test."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Waits for something that other processes bring about."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time: {what}"
        time.sleep(0.05)


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers: `start_worker(settings, "--accept-gap", ...)`, with `program=IMPATIENT` such with short minutes.

    Those that still run at the end are killed.
    """
    workers: list[WorkerProcess] = []

    def start(settings: Mapping[str, str], *arguments: str, program: Sequence[str] = COMMAND) -> WorkerProcess:
        log = tmp_path / f"worker-{len(workers) + 1}.log"
        workers.append(WorkerProcess(settings, log, arguments, program=program))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
