"""What producers may put into the topic: each record ends where docs and design say, and all around it is delivered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

import pytest

from processor.avro.wire import confluent_frame, single_object_frame
from processor.capillary import CanonicalEvent, encode, load_contracts
from processor.kafka.source import UNREADABLE_HEADERS
from processor.model import Headers, Record
from processor.settings import schemas_dir
from processor.simulator.capillary import Generator, Sent
from tests.plugins.audit import audit
from tests.plugins.fake_registry import FakeRegistry
from tests.plugins.foreign import produce_with_header
from tests.plugins.scene import Scene, headers_of, value_of
from tests.plugins.workers import IMPATIENT, WorkerProcess

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]

Start = Callable[..., WorkerProcess]

ORG = 150_698
RECURSIVE_ID, ZERO_WIDTH_ID, UNKNOWN_ID, PROTOBUF_ID, FIRST_GOOD_ID = 91, 92, 93, 94, 11
RECURSIVE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node"]}],
}
ZERO_WIDTH = {
    "type": "record",
    "name": "Bomb",
    "fields": [{"name": "all", "type": {"type": "array", "items": "null"}}],
}
LARGE_TOPIC = {"max.message.bytes": "4000000"}
SMALL_REQUEST = 4_000  # bytes; a customerAdded has twice as much
GOOD_BETWEEN = 12


class Bad(NamedTuple):
    """A record, and the dead letter that it must become: its reason, its stage, and what its detail must say."""

    value: bytes
    reason: str
    stage: str
    detail: str
    key: bytes | None = b"150698:164875000"
    headers: Headers = ()


def sent_by(org: int, event: str) -> Sent:
    """An event of an org."""
    return next(
        sent for sent in Generator(9, 60, orgs=2).records(3_000) if sent.record["orgId"] == org and sent.event == event
    )


def changed(sent: Sent, **fields: object) -> Sent:
    """The event with other values at its root, or in `data` where it has them there."""
    data = sent.record["data"]
    assert isinstance(data, dict)
    inside = {name: value for name, value in fields.items() if name in data}
    outside = {name: value for name, value in fields.items() if name not in data}
    return sent._replace(record={**sent.record, **outside, "data": {**data, **inside}})


def bad_records() -> list[Bad]:
    """One of each kind. Fewer than the twenty dead letters from which on a flood is reckoned."""
    bill = sent_by(ORG, "transactionAdded")
    whole = value_of(bill)
    decode, translate = "decode", "translate"
    return [
        Bad(b"not Avro", "undecodable", decode, r"starts with 6E 6F; expected 00 and a schema id .* or C3 01"),
        Bad(b"", "undecodable", decode, r"empty: expected 00"),
        Bad(b'{"eventName": 1}', "undecodable", decode, r"looks like JSON.*capillary-aep produce", None),
        Bad(
            single_object_frame(b"12345678", whole[10:]),
            "unknown_schema",
            decode,
            r"fingerprint 3132333435363738 .*put the writer's schema into released/, or use a schema registry",
        ),
        Bad(
            confluent_frame(UNKNOWN_ID, whole[10:]),
            "unknown_schema",
            decode,
            rf"the registry does not know schema id {UNKNOWN_ID}; register it there, then redrive",
            headers=(("trace", b"1"), ("trace", b"2"), ("nothing", None)),
        ),
        Bad(whole[:-7], "undecodable", decode, r"^data\.[A-Za-z\[\].]+: the data ends before this does"),
        Bad(whole + b"\0", "undecodable", decode, r"the record: bytes are left over after the last field"),
        Bad(
            confluent_frame(RECURSIVE_ID, b"\0"),
            "refused_schema",
            decode,
            rf"id {RECURSIVE_ID}: next.*: recursive, Node",
        ),
        Bad(
            confluent_frame(ZERO_WIDTH_ID, b"\xff\xff\xff\xff\x0f\0"),
            "refused_schema",
            decode,
            r"all\[\]: .*zero-width",
        ),
        Bad(b"\xc3\x01" + bytes(1_100_000), "too_large", decode, r"1,100,018 bytes, more than 1,048,576"),
        Bad(
            value_of(changed(bill, customerIdentifiers=None)),
            "unmappable",
            translate,
            r'"identityMap" of output events[a-z-]*: absent',
        ),
        Bad(value_of(changed(bill, eventName="pointsIssued")), "unmappable", translate, r"eventName does not agree"),
        Bad(value_of(sent_by(150_699, "transactionAdded")), "stray_org", translate, r"org 150699 .* KAFKA__ORG_IDS"),
    ]


def good_in_turn(stage: Scene, registry_ids: Mapping[str, int]) -> Iterator[None]:
    """Writes a few good records at each step, with a registry's ids and with fingerprints by turns."""
    contracts = load_contracts(schemas_dir() / "capillary")
    traffic = Generator(1, 20).records(10_000)
    while True:
        for sent in islice(traffic, GOOD_BETWEEN // 2):
            payload = encode(CanonicalEvent(sent.event, sent.record, sent.key), contracts)
            stage.producer.send(stage.topic, sent.key, confluent_frame(registry_ids[sent.event], payload))
        stage.produce(islice(traffic, GOOD_BETWEEN // 2))
        yield


def test_each_bad_record_ends_where_it_should_and_all_around_it_is_delivered(
    scene: Callable[..., Scene], start_worker: Start, fake_registry: Callable[[Mapping[int, object]], FakeRegistry]
) -> None:
    contracts = load_contracts(schemas_dir() / "capillary")
    ids = {event: number for number, event in enumerate(sorted(contracts), start=FIRST_GOOD_ID)}
    good_schemas = {ids[event]: contract.schema for event, contract in contracts.items()}
    registry = fake_registry({**good_schemas, RECURSIVE_ID: RECURSIVE, ZERO_WIDTH_ID: ZERO_WIDTH})
    registry.start()
    stage = scene(config=LARGE_TOPIC)
    good, bad = good_in_turn(stage, ids), bad_records()
    for each in bad:
        next(good)
        stage.put(each.key, each.value, each.headers)
    next(good)
    stage.put(b"150698:164875000", None)  # a tombstone
    next(good)
    fine, broken = sent_by(ORG, "pointsIssued"), b"not Avro either"
    produce_with_header(stage.servers, stage.topic, b"caf\xe9", key=fine.key, value=value_of(fine))
    produce_with_header(stage.servers, stage.topic, b"caf\xe9", key=fine.key, value=broken)
    next(good)

    settings = stage.settings(
        REGISTRY__URL=registry.url,
        KAFKA__ORG_IDS=str(ORG),
        DELIVERY__MAX_BATCH_BYTES=str(SMALL_REQUEST),
    )
    worker = start_worker(settings, program=IMPATIENT)
    stage.read_back()
    stage.wait_until_drained()
    assert worker.metric("skipped_total", rule="tombstone") == 1
    assert worker.probe()[0] == 200
    assert worker.stop() == 0
    assert worker.plain() == []

    *letters, last = sorted(stage.letters(), key=lambda letter: int(headers_of(letter)["offset"]))
    for each, letter in zip(bad, letters, strict=True):
        assert_tells(each, letter)
    assert headers_of(last)["reason"] == "undecodable"
    assert UNREADABLE_HEADERS in dict(last.headers)
    assert last.value == broken
    assert max(size for _, _, size in stage.stand_in.requests) <= SMALL_REQUEST
    assert requests_of_the_largest(stage) > 1
    stage.schemas |= {**registry.schemas, UNKNOWN_ID: None}
    report = audit(stage.evidence(org_ids=[ORG]))
    assert report.ok, str(report)
    assert report.figures["records"] == len(stage.log) == (len(bad) + 3) * GOOD_BETWEEN + len(bad) + 3


def assert_tells(bad: Bad, letter: Record) -> None:
    """The letter has all that a person needs, and the record as it was."""
    headers = headers_of(letter)
    assert (headers["reason"], headers["stage"]) == (bad.reason, bad.stage), headers["detail"]
    assert re.search(bad.detail, headers["detail"]), headers["detail"]
    assert headers["version"]
    assert "outputs" not in headers, "it stands for the whole record"
    assert letter.headers[: len(bad.headers)] == bad.headers
    assert letter.key == bad.key
    if "truncated" not in headers:
        assert letter.value == bad.value
        return
    assert bad.reason == "too_large"
    described = json.loads(letter.value or b"")["value"]
    assert described == {"bytes": len(bad.value), "sha256": sha256(bad.value).hexdigest()}


def requests_of_the_largest(stage: Scene) -> int:
    """In how many requests the messages of the first customerAdded came."""
    event_id = next(sent for sent in Generator(1, 20).records(1)).record["eventId"]
    position = next(i for i, arrival in enumerate(stage.stand_in.arrivals) if arrival.event_id == event_id)
    return len({arrival.request for arrival in stage.stand_in.arrivals[position : position + 9]})
