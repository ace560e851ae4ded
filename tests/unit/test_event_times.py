"""When it happened: in every unit and error that samples show, and never in the future."""

from __future__ import annotations

from typing import Any

import pytest

from processor.model import Reason
from tests.translating import NOW, changed, entities, entity, golden, translate

HOUR = 3_600_000
CREATED = 1_750_224_535_593
CREATED_TEXT = "2025-06-18T05:28:55.593Z"
EVENTS = (
    "customerAdded",
    "customerUpdated",
    "customerSubscription",
    "loyaltyCustomerMerge",
    "transactionAdded",
    "transactionUpdated",
    "pointsIssued",
)
BACKDATED = {"customerAdded": ("enteredAt",), "transactionAdded": ("billDate", "enteredAt")}
"""Events that may have happened before Capillary stored them, with the fields that say so, best first."""


def created(event: str, time: object, **data: object) -> dict[str, Any]:
    document = {**golden(event), "createdAt": time}
    own = {name: ... for name in ("billDate", "enteredAt") if name in document["data"]}
    return changed(document, **{**own, **data})


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("time", [CREATED, float(CREATED), str(CREATED), f"{CREATED}.0"])
def test_createdat_is_the_time(event: str, time: object) -> None:
    assert entity(created(event, time))["timestamp"] == CREATED_TEXT


@pytest.mark.parametrize("event", EVENTS)
def test_seconds_are_told_from_milliseconds(event: str) -> None:
    assert entity(created(event, 1_693_334_444))["timestamp"] == "2023-08-29T18:40:44.000Z"


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("time", [156_474_848_484, 904_788_626_831_872, 0, -1, NOW + HOUR])
def test_a_time_that_cannot_be_is_a_dead_letter(event: str, time: int) -> None:
    refusal = translate(created(event, time)).refusal
    assert refusal is not None
    assert refusal.reason is Reason.UNMAPPABLE
    assert "timestamp" in refusal.detail


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("missing", [None, ..., "", "soon", {}])
def test_without_createdat_kafka_says_when(event: str, missing: object) -> None:
    document = created(event, missing)
    if missing is ...:
        del document["createdAt"]
    translated = translate(document, received=CREATED)
    [found] = entities(translated)
    assert found["timestamp"] == CREATED_TEXT
    assert "timestamp:createdAt missing" in translated.notes


@pytest.mark.parametrize("event", EVENTS)
def test_a_clock_that_is_a_little_fast_does_no_harm(event: str) -> None:
    translated = translate(created(event, NOW + 60_000), received=NOW - 5)
    assert entities(translated)[0]["timestamp"] < "2025-10-09T08:53:20.000Z"  # NOW
    assert "timestamp:createdAt ahead" in translated.notes


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("early", [1, 33 * 24 * HOUR])
def test_only_some_events_are_backdated(event: str, early: int) -> None:
    fields = [name for name in ("billDate", "enteredAt") if name in golden(event)["data"]]
    for field in fields:
        found = entity(created(event, CREATED, **{field: CREATED - early}))
        assert (found["timestamp"] < CREATED_TEXT) is (field in BACKDATED.get(event, ()))


@pytest.mark.parametrize(
    ("event", "field"), [(event, field) for event, fields in BACKDATED.items() for field in fields]
)
@pytest.mark.parametrize("late", [1, 5_359_911, 8_994_729, 8_998_029, 10**12])
def test_a_local_time_read_in_another_zone_is_kept_and_not_believed(event: str, field: str, late: int) -> None:
    translated = translate(created(event, CREATED, **{field: CREATED + late}))
    [found] = entities(translated)
    assert found["timestamp"] == CREATED_TEXT
    assert found["_acme"]["capillary"][field] > CREATED_TEXT
    assert "timestamp:not plausible" in translated.notes
    for joined in entities(translated, "profile-membership"):
        assert joined["loyalty"]["joinDate"] == CREATED_TEXT


def test_a_bill_that_was_dated_wrongly_falls_back_to_when_it_was_entered() -> None:
    document = created("transactionAdded", CREATED, billDate=CREATED + HOUR, enteredAt=CREATED - HOUR)
    found = entity(document)
    assert found["timestamp"] == "2025-06-18T04:28:55.593Z"
    assert found["commerce"]["order"]["createdDate"] == found["timestamp"]


@pytest.mark.parametrize("event", EVENTS)
def test_a_replay_says_the_same(event: str) -> None:
    document = {**golden(event), "eventId": None}
    for one in (golden(event), document):
        assert [message.entity for message in translate(one).messages] == [
            message.entity for message in translate(one, received=NOW - HOUR).messages
        ]
    assert entity(golden(event))["_id"] == entity({**golden(event), "refId": "other"})["_id"] or (
        not golden(event).get("eventId")
    )
    ids = {entity({**document, name: "other"})["_id"] for name in ("refId", "apiRequestId")}
    assert len(ids | {entity(document)["_id"]}) == 3
