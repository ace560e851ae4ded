"""The synthetic traffic: repeatable, ordered, real to the reader."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import fastavro
import pytest

from processor.capillary import encode, load_contracts, read_event
from processor.simulator.capillary import START_MS, Generator, Sent

CONTRACTS = load_contracts(Path(__file__).parents[2] / "schemas" / "capillary")


def body(sent: Sent) -> dict[str, object]:
    data = sent.record["data"]
    assert isinstance(data, dict)
    return data


def test_records_are_what_the_reader_makes_of_the_documents() -> None:
    documents = list(Generator(7, 300, orgs=3).events(3000))
    for sent, document in zip(Generator(7, 300, orgs=3).records(3000), documents, strict=True):
        event = read_event(json.loads(json.dumps(document)), CONTRACTS)
        assert (event.key, event.event, event.record, event.notes) == (*sent, ())


def test_one_seed_is_one_stream_however_it_is_cut() -> None:
    generator = Generator(3, 50)
    pieces = [*generator.records(10), *generator.records(0), *generator.records(25)]
    assert pieces == list(Generator(3, 50).records(35))
    assert pieces != list(Generator(4, 50).records(35))


def test_the_mix_is_that_of_a_shop() -> None:
    counts = Counter(sent.event for sent in Generator(1, 1000).records(10_000))
    assert set(counts) == {"customerAdded", "customerUpdated", "transactionAdded", "pointsIssued"}
    assert counts["transactionAdded"] > counts["pointsIssued"] > counts["customerAdded"] > counts["customerUpdated"] > 0


def test_all_envelopes_take_turns() -> None:
    versions = Counter(sent.record["envelopeVersion"] for sent in Generator(1, 10).records(100))
    assert versions == {"A": 20, "B": 40, "C": 20, "D": 20}


def test_every_customer_has_an_order_that_can_be_seen() -> None:
    streams: dict[bytes, list[Sent]] = defaultdict(list)
    for sent in Generator(5, 100, orgs=2).records(5000):
        streams[sent.key].append(sent)
    assert len(streams) == 100
    for stream in streams.values():
        assert stream[0].event == "customerAdded"
        assert all(sent.event != "customerAdded" for sent in stream[1:])
        times = [sent.record["createdAt"] for sent in stream]
        bills = [body(sent)["transactionId"] for sent in stream if sent.event == "transactionAdded"]
        balances = [body(sent)["programCurrentPoints"] for sent in stream if sent.event == "pointsIssued"]
        for series in (times, bills, balances):
            assert all(a < b for a, b in pairwise(series))  # type: ignore[operator]


def test_points_follow_their_purchase_in_the_same_request() -> None:
    requests: dict[object, Sent] = {}
    for sent in Generator(5, 20).records(2000):
        if sent.event == "transactionAdded":
            requests[sent.record["apiRequestId"]] = sent
        if sent.event == "pointsIssued":
            bill = requests.pop(sent.record["apiRequestId"])
            assert bill.key == sent.key
            assert body(bill)["billType"] == "REGULAR"


def test_event_ids_are_unique_and_the_stream_stays_in_the_past() -> None:
    records = [sent.record for sent in Generator(2, 500).records(5000)]
    assert len({record["eventId"] for record in records}) == 5000
    assert records[0]["createdAt"] == START_MS


def test_avro_sizes_are_those_of_the_design() -> None:
    sizes = defaultdict(list)
    for document in Generator(7, 300).events(1000):
        event = read_event(document, CONTRACTS)
        payload = encode(event, CONTRACTS)
        sizes[event.event].append(len(payload))
        schema = CONTRACTS[event.event].parsed
        assert fastavro.schemaless_reader(io.BytesIO(payload), schema, None)  # type: ignore[arg-type]
    points = sizes["pointsIssued"]
    assert 400 < sum(points) / len(points) < 530


@pytest.mark.parametrize(("customers", "orgs"), [(0, 1), (1, 0)])
def test_nobody_is_refused(customers: int, orgs: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Generator(1, customers, orgs)
