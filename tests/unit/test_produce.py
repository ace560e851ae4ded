"""What `produce` says of events that it changed on their way to Avro."""

from __future__ import annotations

import json
from collections import Counter

from processor.commands._encoding import Encoder, single_object
from processor.commands.produce import KINDS_OF_NOTES, OTHER_NOTES, Keyed, Outcome, count, encode_lines, summed_up
from tests.translating import CONTRACTS, changed, golden


def test_every_record_has_the_notes_of_its_event() -> None:
    document = golden("transactionAdded")
    lines = [
        json.dumps(each).encode() for each in (document, changed(document, amount="abc"), changed(document, odd=[7]))
    ]
    records = list(encode_lines(lines, CONTRACTS, Encoder(CONTRACTS, single_object)))
    assert [record.notes for record in records if isinstance(record, Keyed)] == [
        (),
        ("data.amount: text that is no number",),
        ("data.odd: not in the contract, left out",),
    ]


def test_notes_are_summed_up_the_largest_first() -> None:
    notes: Counter[str] = Counter()
    for found in (("data.x: one",), ("data.x: one", "data.y: another"), ()):
        count(notes, found)
    assert list(summed_up(notes)) == ["noted 2 times: data.x: one", "noted 1 times: data.y: another"]


def test_there_is_an_end_to_kinds_of_notes_and_none_is_lost() -> None:
    """Names that no contract has come out of the documents, and could be without number."""
    notes: Counter[str] = Counter()
    count(notes, (f"data.x{number}: not in the contract, left out" for number in range(5000)))
    assert len(notes) == KINDS_OF_NOTES + 1
    assert notes.total() == 5000
    first, *_, last = summed_up(notes)
    assert first == f"noted 4000 times: {OTHER_NOTES}"
    assert last == "and 981 other notes, which --json has"


def test_the_result_has_every_note() -> None:
    result = json.loads(json.dumps(Outcome(2, 0, 0, Counter({"data.x: one": 2}))._asdict()))
    assert result == {"produced": 2, "refused": 0, "ignored": 0, "notes": {"data.x: one": 2}}
