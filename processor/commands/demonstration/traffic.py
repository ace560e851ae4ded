"""What the demo produces: Capillary documents in every envelope, as Avro records, and a few that nobody can deliver."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle, islice

from processor.capillary import CanonicalEvent, Contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.model import Record
from processor.simulator.capillary import Generator

EVENTS_PER_CUSTOMER = 8
MOST_ODD = 5  # of each kind: a demo must not look like a flood of dead letters, which would stop the worker
ODD_SHARE = 100  # one of each kind per so many events
STRAY_ORG = 999_999

Spoil = Callable[[CanonicalEvent, Encoder], bytes | None]


def _without_customer(event: CanonicalEvent, encoder: Encoder) -> bytes:
    data = event.record["data"]
    assert isinstance(data, dict)
    return encoder(replace(event, record={**event.record, "data": {**data, "customerIdentifiers": None}}))


def _of_another_org(event: CanonicalEvent, encoder: Encoder) -> bytes:
    return encoder(replace(event, record={**event.record, "orgId": STRAY_ORG}))


ODD: tuple[Spoil, ...] = (
    lambda _event, _encoder: None,  # a tombstone: skipped; the others are dead letters
    lambda _event, _encoder: b"this is no Avro",
    lambda event, encoder: encoder(event)[:-3],
    lambda event, encoder: encoder(event)[:2] + bytes(8) + encoder(event)[10:],  # a fingerprint that nobody knows
    _without_customer,
    _of_another_org,
)


def own_org() -> int:
    """The Capillary org that all other events belong to."""
    org = next(Generator(0, 1).records(1)).record["orgId"]
    assert isinstance(org, int)
    return org


def traffic(
    events: int, seed: int, contracts: Contracts, *, topic: str, partitions: int, now_ms: Callable[[], int]
) -> Iterator[Record]:
    """`events` records, with the partition and the offset that each will have in an empty topic.

    Equal seeds give equal keys and values.
    A record's partition goes by its key, so that the events of a customer stay in order.
    """
    encoder = Encoder(contracts, single_object)
    spoilt = _spoilt(events)
    offsets = [0] * partitions
    documents = Generator(seed, max(1, events // EVENTS_PER_CUSTOMER)).events(events)
    for position, document in enumerate(documents):
        event = read_event(document, contracts)
        spoil = spoilt.get(position, _as_it_is)
        partition = zlib.crc32(event.key or b"") % partitions
        yield Record(topic, partition, offsets[partition], now_ms(), event.key, spoil(event, encoder))
        offsets[partition] += 1


def _as_it_is(event: CanonicalEvent, encoder: Encoder) -> bytes:
    return encoder(event)


def _spoilt(events: int) -> dict[int, Spoil]:
    """Which events are spoilt, and how: kinds by turns, spread evenly."""
    count = min(MOST_ODD, events // ODD_SHARE) * len(ODD)
    return {(turn + 1) * events // (count + 1): spoil for turn, spoil in enumerate(islice(cycle(ODD), count))}
