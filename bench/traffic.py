"""The events of the bench: purchases and the points they bring, encoded once and put on a topic."""

from __future__ import annotations

import time
from collections.abc import Iterator

import orjson

from bench import plain_loop
from processor.avro import single_object_frame
from processor.capillary import CanonicalEvent, encode, load_contracts
from processor.kafka.config import producer_properties
from processor.kafka.producer import Producer
from processor.model import Destination, Record
from processor.settings import schemas_dir
from processor.simulator.capillary import Generator
from processor.translator import load_mappings

EVENTS = ("pointsIssued", "transactionAdded")
TENANT = "example"


def records(count: int, customers: int = 10_000) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of so many records, in Avro's single-object encoding."""
    contracts = load_contracts(schemas_dir() / "capillary")
    mappings = load_mappings(schemas_dir(), None, TENANT)
    left = count
    for sent in Generator(1, customers).records(count * 4 + 4 * customers):
        if sent.event in EVENTS:
            event = CanonicalEvent(sent.event, sent.record, sent.key, ())
            yield sent.key, single_object_frame(mappings.readers[sent.event].fingerprint, encode(event, contracts))
            left -= 1
            if not left:
                return


def fill(bootstrap: str, topic: str, count: int) -> int:
    """Produces the records. Returns their bytes."""
    producer = Producer(producer_properties(bootstrap))
    size = 0
    for key, value in records(count):
        producer.send(topic, key, value)
        size += len(value)
    producer.flush(120)
    return size


def compare(sample: int = 2000) -> None:
    """Raises AssertionError unless the plain loop's mapping by hand makes the same XDM as ours."""
    mappings = load_mappings(schemas_dir(), None, TENANT)
    translator = mappings.translator(
        {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names},
        lambda: time.time_ns() // 1_000_000,
    )
    schemas = plain_loop.writer_schemas()
    for key, value in records(sample, customers=100):
        translated = translator.translate(Record("t", 0, 0, 1_700_000_000_000, key, value))
        ours = [[message.to.name, orjson.loads(message.entity)] for message in translated.messages]
        theirs = orjson.loads(orjson.dumps(plain_loop.translate(plain_loop.decode(value, schemas))))
        assert ours == theirs, f"the mappings differ:\n{ours}\n{theirs}"
