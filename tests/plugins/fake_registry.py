"""A schema registry that a test can take away and bring back, with all that it held. The real one has tests too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.plugins.brokers import free_port


class FakeRegistry:
    """Answers `GET /schemas/ids/N` as Confluent's does. It is away until `start`."""

    def __init__(self, schemas: Mapping[int, object]) -> None:
        self.schemas = {number: json.dumps(schema) for number, schema in schemas.items()}
        self.questions: list[int] = []
        self._port = free_port()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begins to answer."""
        handler = type("_Handler", (_Handler,), {"registry": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Is away again."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(BaseHTTPRequestHandler):
    registry: FakeRegistry

    def do_GET(self) -> None:
        number = int(self.path.partition("?")[0].rpartition("/")[2])
        self.registry.questions.append(number)
        schema = self.registry.schemas.get(number)
        answer = {"error_code": 40403, "message": "Schema not found"} if schema is None else {"schema": schema}
        body = json.dumps(answer).encode()
        self.send_response(404 if schema is None else 200)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        """Says nothing."""


@pytest.fixture
def fake_registry() -> Iterator[Callable[[Mapping[int, object]], FakeRegistry]]:
    """Makes registries: `fake_registry({7: schema})`. Stopped at the end."""
    registries: list[FakeRegistry] = []

    def make(schemas: Mapping[int, object]) -> FakeRegistry:
        registries.append(FakeRegistry(schemas))
        return registries[-1]

    yield make
    for registry in registries:
        registry.stop()
