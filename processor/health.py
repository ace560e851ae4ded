"""/livez, /readyz and /metrics for the orchestrator. What they say is decided by two pure functions.

The loop's side swaps one reference to a frozen `HealthState`; the threads of the server read it. Nothing is locked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from types import TracebackType
from typing import ClassVar, Self

from processor.model import TopicPartition

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
JSON_TYPE = "application/json"
CLIENT_TIMEOUT = 5.0  # seconds that a client may take to say what it wants


@dataclass(frozen=True, slots=True)
class HealthState:
    """How the loop is. `last_turn` is monotonic seconds, None before the first turn.

    A partition that is stopped at a gap is in `gaps` with the argument that accepts it. `source_fault` is the last
    error that Kafka reported, with its time; the next assignment forgets it. `last_progress` is when something was
    settled, None before the first time.
    """

    last_turn: float | None = None
    partitions: int = 0
    gaps: Mapping[TopicPartition, str] = field(default_factory=dict)
    halted: str | None = None
    outages: Mapping[str, str] = field(default_factory=dict)
    source_fault: tuple[float, str] | None = None
    oldest_open_seconds: float = 0.0
    last_progress: float | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on silence is a fault, in seconds.

    `silent` must be longer than one question to Kafka, which the loop waits for. `stuck` is for how long records may
    wait with nothing settled, while nothing that we need is out. `fault` is how long an error of Kafka counts for a
    member without partitions.
    """

    silent: float = 60.0
    stuck: float = 300.0
    fault: float = 60.0


def livez(state: HealthState, now: float, limits: Limits) -> list[str]:
    """Why the process should be restarted; empty when it should not."""
    if state.last_turn is None or state.stopped or now - state.last_turn <= limits.silent:
        return []
    return [f"the loop has not turned for {now - state.last_turn:.0f} s"]


def readyz(state: HealthState, now: float, limits: Limits) -> list[str]:
    """Why this worker does not do its work; empty when it does. An idle member is ready, an outage is waited out."""
    problems = livez(state, now, limits)
    if state.last_turn is None:
        problems.append("starting")
    if state.stopped:
        problems.append("stopped")
    if state.halted is not None:
        problems.append(f"halted: {state.halted}")
    problems += [f"{partition} is stopped at a gap: {remedy}" for partition, remedy in sorted(state.gaps.items())]
    if state.partitions == 0 and state.source_fault is not None and now - state.source_fault[0] <= limits.fault:
        problems.append(f"no partition, and Kafka reports: {state.source_fault[1]}")
    if _stuck(state, now, limits):
        problems.append(f"nothing is settled: the oldest record has waited for {state.oldest_open_seconds:.0f} s")
    return problems


def _stuck(state: HealthState, now: float, limits: Limits) -> bool:
    """A backlog alone is no fault, since a rate may be set; nor is an outage, which is waited out."""
    idle = state.last_progress is None or now - state.last_progress > limits.stuck
    return idle and state.oldest_open_seconds > limits.stuck and not state.outages


class HealthServer:
    """Serves the three paths on a thread of its own. Port 0 picks a free one: `port` tells which.

    Raises OSError when the address cannot be had.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        state: Callable[[], HealthState],
        metrics: Callable[[], bytes],
        clock: Callable[[], float],
        limits: Limits = Limits(),
    ) -> None:
        answers = _Answers(state, metrics, clock, limits)
        server = type("_Server", (_Server,), {"address_family": AF_INET6 if ":" in host else AF_INET})
        self._server: ThreadingHTTPServer = server((host, port), type("_Handler", (_Handler,), {"answers": answers}))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stops answering and gives the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Answers:
    """What each path says, and how."""

    def __init__(
        self,
        state: Callable[[], HealthState],
        metrics: Callable[[], bytes],
        clock: Callable[[], float],
        limits: Limits,
    ) -> None:
        self._state, self._metrics, self._clock, self._limits = state, metrics, clock, limits

    def __call__(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body for a path."""
        if path == "/metrics":
            return HTTPStatus.OK, METRICS_TYPE, self._metrics()
        if path == "/livez":
            return self._verdict(livez)
        if path == "/readyz":
            return self._verdict(readyz)
        return HTTPStatus.NOT_FOUND, JSON_TYPE, b'{"paths":["/livez","/readyz","/metrics"]}\n'

    def _verdict(self, judge: Callable[[HealthState, float, Limits], list[str]]) -> tuple[HTTPStatus, str, bytes]:
        state = self._state()
        problems = judge(state, self._clock(), self._limits)
        verdict = {
            "status": "failing" if problems else "ok",
            "problems": problems,
            "outages": dict(state.outages),
            "partitions": state.partitions,
        }
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return status, JSON_TYPE, json.dumps(verdict).encode() + b"\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that dawdles does not hold up the end


class _Handler(BaseHTTPRequestHandler):
    answers: ClassVar[_Answers]
    protocol_version = "HTTP/1.1"
    server_version = "capillary-aep"
    sys_version = ""
    timeout = CLIENT_TIMEOUT

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        status, content_type, body = self.answers(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        """Says nothing: probes come every few seconds."""
