"""What was lost on the way to Avro decides nothing: no output goes out because a `when` found nothing there."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from processor.capillary import encode, read_event
from processor.capillary.mend import Findings
from processor.capillary.scalars import Unfit
from processor.commands._encoding import Encoder, single_object
from processor.mapping.bound import Condition, Output
from processor.mapping.compiler import CompiledMapping, CompiledOutput
from processor.mapping.interpreter import Event, interpret
from processor.mapping.values import Unmappable, unreadable
from processor.model import Destination, Reason, Record, Skip, Translated
from tests.translating import CONTRACTS, GOLDEN, MAPPINGS, NOW, changed, entities, golden, translate

Json = dict[str, Any]


def refused(document: object) -> str:
    """Why an event is a dead letter."""
    translated = translate(document)
    assert translated.messages == ()
    assert translated.refusal is not None
    assert translated.refusal.reason is Reason.UNMAPPABLE
    return translated.refusal.detail


# ---- which event it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "place"),
    [
        ("Deleted", "data.customerStatus"),
        (["Deleted"], "data.customerStatus"),
        (7, "data.customerStatus"),
        ({"currentLabel": ["Deleted"]}, "data.customerStatus.currentLabel"),
        ({"currentLabel": {"label": "Deleted"}}, "data.customerStatus.currentLabel"),
        ({"currentLabel": "Active", "currentStatus": ["DELETED"]}, "data.customerStatus.currentStatus"),
        ({"currentLabel": "Active", "status": ["Deleted"]}, "data.customerStatus.status"),
        ({"status": {"status": "Deleted"}}, "data.customerStatus.status"),
        ({"code": "Deleted"}, "data.customerStatus"),
        ({"currently": "Deleted", "since": None}, "data.customerStatus"),
        ({"currentLabel": 0, "code": "Deleted"}, "data.customerStatus"),
        ({"currentLabel": "N/A", "code": "Deleted"}, "data.customerStatus"),
        ({"currentLabel": None, "previousLabel": "", "code": "Deleted"}, "data.customerStatus"),
    ],
)
def test_a_customer_of_whom_nobody_can_tell_whether_they_are_deleted_goes_nowhere(status: object, place: str) -> None:
    document = changed(golden("customerUpdated"), customerStatus=status)
    remedy = "mend the event at its source and send it again"
    assert refused(document) == f'"when" of output events: cannot tell: {place} is unreadable; {remedy}'


@pytest.mark.parametrize("event", ["transactionAdded", "transactionUpdated"])
@pytest.mark.parametrize("kind", [["RETURN"], {"type": "RETURN"}, {}])
def test_a_bill_of_which_nobody_can_tell_what_it_is_counts_as_nothing(event: str, kind: object) -> None:
    assert refused(changed(golden(event), billType=kind)).startswith(
        '"when" of output events: cannot tell: data.billType is unreadable; mend'
    )


def test_a_status_of_delivery_may_tell_a_return_as_well() -> None:
    detail = refused(changed(golden("transactionUpdated"), deliveryStatus=["RETURNED"]))
    assert " cannot tell: data.deliveryStatus is unreadable; mend " in detail


@pytest.mark.parametrize(
    "status",
    [
        *(None, "", {}, {"currentLabel": "Active", "reason": ["x"]}, {"currentLabel": " "}),
        *({"code": None}, {"code": " "}, {"status": "Active", "code": "X"}),
    ],
)
def test_what_is_not_there_or_not_read_hinders_nothing(status: object) -> None:
    [event] = entities(translate(changed(golden("customerUpdated"), customerStatus=status)))
    assert event["eventType"] == "loyalty.customerUpdated"


# ---- whether an output applies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "data", "place"),
    [
        ("pointsRedeemed", {"isGroupRedemption": 1}, "data.isGroupRedemption"),
        ("pointsRedeemed", {"entityInformation": "GROUP"}, "data.entityInformation"),
        ("pointsIssued", {"entityInformation": {"entityType": ["GROUP"]}}, "data.entityInformation.entityType"),
        ("pointsIssued", {"loyaltyProgramDetails": [1]}, "data.loyaltyProgramDetails"),
        ("tierUpgraded", {"entityInformation": {"entityType": {}}}, "data.entityInformation.entityType"),
    ],
)
def test_profile_is_withheld_where_nobody_can_tell_whom_it_belongs_to(event: str, data: Json, place: str) -> None:
    translated = translate(changed(golden(event), **data))
    assert [message.to.name for message in translated.messages] == ["events"]
    profile = {output.to for output in MAPPINGS.bound[event].outputs if output.profile}
    rules = {skip.to: skip.rule for skip in translated.skips}
    assert rules.keys() == profile
    assert set(rules.values()) <= {
        f"cannot tell: {place} is unreadable",
        f"cannot tell: {place}.isDefault is unreadable",
    }


@pytest.mark.parametrize(
    ("data", "place"), [({"transactionId": "none"}, "transactionId"), ({"amount": "much"}, "amount")]
)
def test_a_condition_with_a_name_costs_its_own_output_and_no_other(data: Json, place: str) -> None:
    """That is what the name is for: which event it is does not hang on it."""
    translated = translate(changed(golden("transactionUpdated", "returned"), **data))
    assert [event["eventType"] for event in entities(translated)] == ["loyalty.transactionUpdated"]
    assert [skip.rule for skip in translated.skips] == [f"cannot tell: data.{place} is unreadable"]


# ---- every condition of ours, in both readings ----------------------------------------------------------------------


CONDITIONS = [
    (event, number, condition)
    for event, mapping in sorted(MAPPINGS.bound.items())
    for number, output in enumerate(mapping.outputs)
    for condition in output.conditions
]


def written(compiled: CompiledMapping, output: CompiledOutput, record: Json) -> object:
    """What the compiled code makes of a record."""
    event = dataclasses.replace(read_event(golden(compiled.event), CONTRACTS), record=record)
    decoder = MAPPINGS.decoder(compiled, MAPPINGS.readers[compiled.event])
    values = decoder.read(encode(event, CONTRACTS), 0)
    try:
        return output.write(values, compiled.share(values, NOW, NOW), NOW, NOW, decoder.known, [])
    except Unmappable as error:
        return str(error)


def interpreted(output: Output, event: str, record: Json) -> object:
    """The same by the interpreter, of this output alone."""
    alone = dataclasses.replace(MAPPINGS.bound[event], outputs=(output,))
    try:
        [one], _ = interpret(alone, Event(record, frozenset(), NOW, NOW))
    except Unmappable as error:
        return str(error)
    return one.entities or one.skip


@pytest.mark.parametrize(
    ("event", "number", "condition"),
    CONDITIONS,
    ids=[f"{event}-{number}-{condition.invoke.function.name}" for event, number, condition in CONDITIONS],
)
def test_no_output_goes_out_on_a_condition_that_cannot_be_told(event: str, number: int, condition: Condition) -> None:
    compiled, output = MAPPINGS.compiled[event], MAPPINGS.bound[event].outputs[number]
    assert condition.reads
    for place in condition.reads:
        for lost in {place, place.rpartition(".")[0] or place, place + "[]", place + ".inside"}:
            record = read_event(golden(event), CONTRACTS).record | {"dropped": [lost]}
            result = written(compiled, compiled.outputs[number], record)
            assert result is None or isinstance(result, Skip | str)
            assert interpreted(output, event, record) == result
            if result is not None and condition is output.conditions[0]:
                said = result.rule if isinstance(result, Skip) else result
                assert "cannot tell: " in said
                assert isinstance(result, Skip) is output.withholds(condition)


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("a.b", "a.b"),
        ("a", "a"),
        ("a.b[]", "a.b"),
        ("a.b[].c", "a.b"),
        ("a.b{}", "a.b"),
        ("a.bc", None),
        ("a.c", None),
        ("", None),
    ],
)
def test_a_path_is_lost_with_what_is_above_it_and_with_what_is_inside(lost: str, named: str | None) -> None:
    assert unreadable(("x", "a.b"), ["y", lost]) == named


# ---- what was lost is counted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        ({"amount": float("inf")}, {"data.amount:unreadable"}),
        ({"amount": "abc"}, {"data.amount:unreadable"}),
        ({"billDate": "null"}, {"data.billDate:unreadable"}),
        ({"amount": "abc", "lineItems": [7, {"qty": "x"}, {"qty": "y"}]},
         {"data.amount:unreadable", "data.lineItems[]:unreadable", "data.lineItems[].qty:unreadable"}),
    ],
)  # fmt: skip
def test_the_worker_counts_what_the_json_reader_dropped(data: Json, notes: set[str]) -> None:
    translated = translate(changed(golden("transactionAdded"), **data))
    assert translated.messages
    assert {note for note in translated.notes if note.endswith(":unreadable")} == notes


def test_a_dead_letter_has_the_notes_as_well() -> None:
    translated = translate(changed(golden("transactionAdded"), billType=["RETURN"]))
    assert translated.notes == ("data.billType:unreadable",)


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*/*/A.json")), ids=lambda file: "-".join(file.parts[-3:-1]))
def test_every_place_that_can_be_lost_is_known(case: Any) -> None:
    document = json.loads(case.read_bytes())
    dropped = read_event(document, CONTRACTS).record["dropped"] or []
    assert isinstance(dropped, list)
    notes = translate(document).notes
    assert {f"{place}:unreadable" for place in dropped} <= set(notes)
    assert "elsewhere:unreadable" not in notes


def test_what_others_write_there_never_becomes_the_label_of_a_metric() -> None:
    """Avro may come from anybody, with any text among the paths."""
    event = read_event(golden("transactionAdded"), CONTRACTS)
    event.record["dropped"] = ["sari.dewi@example.com", "data.lineItems[].qty", "traceAttributes{}", "data.amount[]"]
    record = Record("t", 0, 0, NOW, event.key, Encoder(CONTRACTS, single_object)(event))
    to = {name: Destination(name, MAPPINGS.schemas[name].profile, b"", b"") for name in MAPPINGS.destination_names}
    translated = MAPPINGS.translator(to, lambda: NOW).translate(record)
    assert isinstance(translated, Translated)
    assert translated.notes == (
        "data.lineItems[].qty:unreadable",
        "elsewhere:unreadable",
        "traceAttributes{}:unreadable",
    )


def test_however_much_is_lost_nothing_of_it_is_forgotten() -> None:
    """Notes are cut off; what a condition reads must be among the paths although a hundred others were lost before."""
    findings = Findings()
    for number in range(500):
        findings.drop(f"data.field{number}", Unfit("text that is no number"))
    assert len(findings.notes) == 100
    assert len(findings.dropped) == 500
