"""The health port: what it says, decided by pure functions, and that it says it over HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection

import pytest

from processor.health import HealthServer, HealthState, Limits, livez, readyz
from processor.model import TopicPartition

LIMITS = Limits(silent=60, stuck=300, fault=60)
RUNNING = HealthState(last_turn=1000.0, partitions=3)
GAP = {TopicPartition("a", 1): "--accept-gap a:1@5", TopicPartition("a", 0): "--accept-gap a:0@9"}


@pytest.mark.parametrize(
    ("state", "live", "problems"),
    [
        (HealthState(), True, ["starting"]),
        (RUNNING, True, []),
        (replace(RUNNING, partitions=0), True, []),
        (replace(RUNNING, last_turn=939.0), False, ["the loop has not turned for 61 s"]),
        (replace(RUNNING, last_turn=1.0, stopped=True), True, ["stopped"]),
        (replace(RUNNING, halted="flood: 21 of 100"), True, ["halted: flood: 21 of 100"]),
        (
            replace(RUNNING, gaps=GAP),
            True,
            ["a:0 is stopped at a gap: --accept-gap a:0@9", "a:1 is stopped at a gap: --accept-gap a:1@5"],
        ),
        (replace(RUNNING, outages={"aep": "503"}, oldest_open_seconds=9999.0), True, []),
        (replace(RUNNING, oldest_open_seconds=300.0), True, []),
        (
            replace(RUNNING, oldest_open_seconds=301.0, last_progress=699.0),
            True,
            ["nothing is settled: the oldest record has waited for 301 s"],
        ),
        (replace(RUNNING, oldest_open_seconds=9999.0, last_progress=701.0), True, []),
        (replace(RUNNING, source_fault=(999.0, "all brokers down")), True, []),
        (
            replace(RUNNING, partitions=0, source_fault=(940.0, "all brokers down")),
            True,
            ["no partition, and Kafka reports: all brokers down"],
        ),
        (replace(RUNNING, partitions=0, source_fault=(939.0, "all brokers down")), True, []),
    ],
)
def test_verdicts(state: HealthState, live: bool, problems: list[str]) -> None:  # noqa: FBT001
    assert (livez(state, 1000.0, LIMITS) == []) is live
    assert readyz(state, 1000.0, LIMITS) == problems


class World:
    """What the server asks."""

    state = RUNNING

    def now(self) -> float:
        return 1000.0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def server(world: World) -> Iterator[HealthServer]:
    with HealthServer(
        "127.0.0.1", 0, state=lambda: world.state, metrics=lambda: b"x 1\n", clock=world.now, limits=LIMITS
    ) as server:
        yield server


@pytest.fixture
def client(server: HealthServer) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    yield connection
    connection.close()


def get(client: HTTPConnection, path: str, method: str = "GET") -> tuple[int, bytes]:
    """One request; the connection is kept."""
    client.request(method, path)
    response = client.getresponse()
    return response.status, response.read()


def test_paths(client: HTTPConnection, world: World) -> None:
    assert get(client, "/livez")[0] == 200
    status, body = get(client, "/readyz?verbose")
    assert (status, json.loads(body)) == (200, {"status": "ok", "problems": [], "outages": {}, "partitions": 3})
    assert get(client, "/metrics") == (200, b"x 1\n")
    assert get(client, "/config")[0] == 404
    assert get(client, "/readyz", "HEAD") == (200, b"")
    world.state = replace(RUNNING, halted="flood", outages={"aep": "503"})
    status, body = get(client, "/readyz")
    assert status == 503
    assert json.loads(body)["problems"] == ["halted: flood"]
    assert json.loads(body)["outages"] == {"aep": "503"}
    assert get(client, "/livez")[0] == 200


def test_nothing_but_reading(client: HTTPConnection) -> None:
    assert get(client, "/livez", "POST")[0] == 501


def test_the_port_is_given_back(world: World) -> None:
    with HealthServer("127.0.0.1", 0, state=lambda: world.state, metrics=bytes, clock=world.now) as server:
        port = server.port
    with HealthServer("127.0.0.1", port, state=lambda: world.state, metrics=bytes, clock=world.now) as again:
        assert again.port == port


def test_a_taken_port_is_an_error(server: HealthServer, world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        HealthServer("127.0.0.1", taken.getsockname()[1], state=lambda: world.state, metrics=bytes, clock=world.now)


def test_closing_a_server_that_was_never_started(world: World) -> None:
    HealthServer("127.0.0.1", 0, state=lambda: world.state, metrics=bytes, clock=world.now).close()


def test_a_client_that_dawdles_holds_up_nobody(server: HealthServer, client: HTTPConnection) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as dawdler:
        dawdler.sendall(b"GET /livez HT")
        assert get(client, "/livez")[0] == 200
        server.close()
