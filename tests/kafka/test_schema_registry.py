"""Fetching schemas from a registry that speaks Confluent's interface."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import fastavro
import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient

from processor.kafka.lookup import RegistryLookup
from processor.kafka.registry import GRACE, SchemaFetcher, UnknownSchemaError
from processor.model import FetchedSchema
from tests.plugins.brokers import Registry, free_port

MONEY = {"type": "record", "name": "shop.Money", "fields": [{"name": "cents", "type": "long"}]}
LINE = {
    "type": "record",
    "name": "Line",
    "namespace": "shop",
    "fields": [{"name": "price", "type": "Money"}, {"name": "old", "type": ["null", "shop.Money"]}],
}
BILL = {
    "type": "record",
    "name": "Bill",
    "namespace": "capillary",
    "fields": [
        {"name": "lines", "type": {"type": "array", "items": "shop.Line"}},
        {"name": "sum", "type": "shop.Money"},
    ],
}


class Clock:
    """Goes on when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def wait_for(fetcher: SchemaFetcher, patience: float = 20.0) -> FetchedSchema:
    """The next schema that arrives."""
    deadline = time.monotonic() + patience
    while True:
        arrived = fetcher.arrived()
        if arrived:
            (schema,) = arrived
            return schema
        assert time.monotonic() < deadline, fetcher.failing()
        time.sleep(0.01)


@pytest.fixture
def fetch() -> Iterator[Callable[..., SchemaFetcher]]:
    """Starts fetchers, and ends them."""
    fetchers: list[SchemaFetcher] = []

    def start(url: str, clock: Callable[[], float] = time.monotonic) -> SchemaFetcher:
        fetchers.append(SchemaFetcher(RegistryLookup(url), clock=clock, jitter=lambda: 0.0))
        return fetchers[-1]

    yield start
    for fetcher in fetchers:
        fetcher.close()


def register(url: str, subject: str, schema: object, references: list[SchemaReference] | None = None) -> int:
    """Registers a schema; returns its id."""
    with SchemaRegistryClient({"url": url}) as client:
        return int(client.register_schema(subject, Schema(json.dumps(schema), "AVRO", references or [])))


def test_references_come_written_out(registry: Registry, fetch: Callable[..., SchemaFetcher]) -> None:
    """Through two levels, each definition once: a decoder needs nothing else."""
    register(registry.url, "money", MONEY)
    register(registry.url, "line", LINE, [SchemaReference("shop.Money", "money", 1)])
    schema_id = register(registry.url, "bill", BILL, [SchemaReference("shop.Line", "line", 1)])
    fetcher = fetch(registry.url)
    fetcher.want(schema_id)
    fetcher.want(schema_id)
    fetched = wait_for(fetcher)
    assert fetched.schema_id == schema_id
    assert fetcher.failing() is None
    parsed = fastavro.parse_schema(json.loads(fetched.schema or ""))
    bill = {"lines": [{"price": {"cents": 1}, "old": {"cents": 2}}], "sum": {"cents": 3}}
    assert fastavro.validate(bill, parsed)
    time.sleep(0.05)
    assert fetcher.arrived() == []


def test_an_unknown_id_is_asked_for_a_while_and_then_nobodys(
    registry: Registry, fetch: Callable[..., SchemaFetcher]
) -> None:
    """A healthy registry says so at once; that alone is not believed."""
    clock = Clock()
    fetcher = fetch(registry.url, clock)
    fetcher.want(999_999)
    time.sleep(0.3)
    assert fetcher.arrived() == []
    assert fetcher.failing() is None
    clock.now += GRACE
    fetcher.want(999_999)  # wakes the thread, which looks at the clock
    assert wait_for(fetcher) == FetchedSchema(999_999, None)
    fetcher.want(999_999)
    assert fetcher.arrived() == [FetchedSchema(999_999, None)]


def test_a_wrong_path_is_no_proof_of_anything(registry: Registry) -> None:
    """A 404 that no registry wrote is an outage: somebody has to put the address right."""
    lookup = RegistryLookup(registry.url + "/no/such/path")
    with pytest.raises(Exception, match="404") as raised:
        lookup(1)
    assert not isinstance(raised.value, UnknownSchemaError)
    lookup.close()


class FaultyRegistry(BaseHTTPRequestHandler):
    """Answers what it is told, once each, and in the end the schema."""

    answers: ClassVar[list[tuple[int, bytes]]] = []

    def do_GET(self) -> None:
        """One answer."""
        status, body = (
            self.answers.pop(0) if self.answers else (200, json.dumps({"schema": json.dumps(MONEY)}).encode())
        )
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Quiet."""


def test_an_outage_is_waited_out(fetch: Callable[..., SchemaFetcher]) -> None:
    """Nobody there, then answers that say nothing about the id: no news but the reason, and then the schema."""
    FaultyRegistry.answers = [(503, b""), (500, b'{"error_code": 50001}'), (401, b"{}"), (404, b"<html>"), (302, b"")]
    FaultyRegistry.answers.append((200, b"no JSON"))
    port = free_port()
    clock = Clock()
    fetcher = fetch(f"http://127.0.0.1:{port}", clock)
    fetcher.want(7)
    deadline = time.monotonic() + 10
    while fetcher.failing() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with ThreadingHTTPServer(("127.0.0.1", port), FaultyRegistry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        while FaultyRegistry.answers:
            assert time.monotonic() < deadline
            assert fetcher.arrived() == []
            assert "schema 7" in str(fetcher.failing())
            clock.now += 30.0
            fetcher.want(7)  # wakes the thread, which looks at the clock
            time.sleep(0.02)
        clock.now += 30.0
        fetcher.want(7)
        fetched = wait_for(fetcher)
        fetcher.close()
        server.shutdown()
        thread.join()
    assert json.loads(fetched.schema or "") == MONEY
    assert fetcher.failing() is None
