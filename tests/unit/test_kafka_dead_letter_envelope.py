"""What is produced for a dead letter."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from processor.kafka.dead_letters import MAX_DETAIL, PREFIX, headers_of, truncated, whole
from processor.model import DeadLetter, Reason, Record, Refusal, Stage

REFUSAL = Refusal(Reason.UNDECODABLE, Stage.DECODE, "no known wire format")
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=8)), max_size=4).map(tuple)
records = st.builds(
    Record,
    topic=st.just("events"),
    partition=st.integers(0, 9),
    offset=st.integers(0),
    timestamp_ms=st.integers(0),
    key=st.none() | st.binary(max_size=2_000),
    value=st.none() | st.binary(max_size=50),
    headers=headers,
)


@given(records)
def test_the_record_comes_back_whole(record: Record) -> None:
    """All of it, in its order, with ours behind."""
    envelope = whole(DeadLetter(1, record, REFUSAL, ""), "1")
    assert (envelope.key, envelope.value) == (record.key, record.value)
    assert envelope.headers[: len(record.headers)] == record.headers
    assert all(name.startswith(PREFIX) for name, _ in envelope.headers[len(record.headers) :])


@given(records)
def test_the_truncated_letter_is_small_and_leads_back(record: Record) -> None:
    """Whatever the record was."""
    envelope = truncated(DeadLetter(1, record, REFUSAL, ""), "1")
    described = json.loads(envelope.value or b"")
    assert (described["topic"], described["partition"], described["offset"]) == record[:3]
    assert len(envelope.value or b"") + len(envelope.key or b"") < 2_000
    assert (described["value"] is None) == (record.value is None)


def test_headers_without_a_value_are_left_out() -> None:
    """A letter about a whole record of an unknown event has neither outputs nor event nor status nor schema."""
    record = Record("events", 0, 0, 0, None, None)
    found = {name.removeprefix(PREFIX) for name, _ in headers_of(DeadLetter(1, record, REFUSAL, ""), "1")}
    wanted = {"reason", "detail", "stage", "topic", "partition", "offset", "timestamp", "attempts", "version"}
    assert found == wanted


def test_a_long_detail_is_cut() -> None:
    """AEP's texts have no limit that anybody knows."""
    letter = DeadLetter(1, Record("t", 0, 0, 0, None, None), REFUSAL._replace(detail="x" * 9_000), "")
    assert dict(headers_of(letter, "1"))[PREFIX + "detail"] == b"x" * MAX_DETAIL


def test_what_aep_said_stands_behind_what_we_say() -> None:
    """The letter holds the payload anyway; no log line does."""
    refusal = REFUSAL._replace(detail="AEP refused this message (400)", said="required key [_id] not found")
    letter = DeadLetter(1, Record("t", 0, 0, 0, None, None), refusal, "")
    detail = dict(headers_of(letter, "1"))[PREFIX + "detail"]
    assert detail == b"AEP refused this message (400): required key [_id] not found"
