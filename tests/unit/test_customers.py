"""Who it is: what may be an identity, what is personal and deleted, and how two customers become one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.capillary import read_event
from processor.model import Reason
from tests.sizes import examples
from tests.translating import CONTRACTS, ENVELOPES, MAPPINGS, changed, entities, entity, golden, translate

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HASHES = (MD5, SHA1, SHA256, MD5.upper(), f" {MD5} ")
BLANKS = ("", " ", "\t", "null", "NULL", "None", "undefined", "n/a", "-", "-1", "0")
NO_EMAIL = (
    *HASHES,
    *BLANKS,
    "noreply@example.com",
    "No-Reply@example.com",
    "no_reply@example.org",
    "noreply+17@example.com",
    "DoNotReply@example.com",
    "null@example.com",
    "test@example.com",
    "nobody@test.com",
    "NOT AN ADDRESS",
    "6281200000001",
    "sari@",
    "@example.com",
    "sari dewi@example.com",
    "sari@example",
)
NO_MOBILE = (
    *HASHES,
    *BLANKS,
    "0000000000",
    "+0000000000",
    "9999999999",
    "919999999999",
    "15555555555",
    "1234567890",
    "911234567890",
    "9876543210",
    "919876543210",
    "14155550123",
    "447700900123",
    "672919878345733",
    "testuser17",
    "081200000001",
    "sari.dewi@example.com",
    "1",
)
EVENTS = [
    event
    for event in MAPPINGS.events
    if "customerIdentifiers" in golden(event)["data"] and len(entities(translate(golden(event)))) == 1
]


def known_by(event: str, instore: object) -> dict[str, Any]:
    """A golden event whose customer has only these identifiers beside the id."""
    identifiers = {"customerId": 164875001, "instore": instore}
    return changed(golden(event), customerIdentifiers=identifiers)


def identities(document: object) -> dict[str, list[str]]:
    found = entity(document)["identityMap"]
    assert [item for listed in found.values() for item in listed if item.get("primary")] == [
        {"id": "150698:164875001", "primary": True}
    ]
    return {namespace: [item["id"] for item in listed] for namespace, listed in found.items()}


ALONE = {"CapillaryId": ["150698:164875001"]}


@pytest.mark.parametrize("event", EVENTS)
def test_an_id_alone_is_enough(event: str) -> None:
    for instore in ({}, None, {"email": None, "mobile": ""}):
        assert identities(known_by(event, instore)) == ALONE
        assert not [note for note in translate(known_by(event, instore)).notes if note.startswith("identityMap")]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("customer", [None, "", "0", 0, -1])
def test_without_a_customer_there_is_nothing_to_send(event: str, customer: object) -> None:
    document = changed(
        golden(event), customerIdentifiers={"customerId": customer, "instore": {"mobile": "6281200000001"}}
    )
    refusal = translate(document).refusal
    assert refusal is not None
    assert refusal.reason is Reason.UNMAPPABLE
    assert "identityMap" in refusal.detail


@pytest.mark.parametrize("text", NO_EMAIL)
def test_what_is_no_address_of_one_person_is_no_identity(text: str) -> None:
    for event in EVENTS:
        translated = translate(known_by(event, {"email": text}))
        assert identities(known_by(event, {"email": text})) == ALONE
        assert not entities(translated, "profile-email")


@pytest.mark.parametrize("text", NO_MOBILE)
def test_what_is_no_number_of_one_person_is_no_identity(text: str) -> None:
    for event in EVENTS:
        translated = translate(known_by(event, {"mobile": text}))
        assert identities(known_by(event, {"mobile": text})) == ALONE
        assert not entities(translated, "profile-phone")


@pytest.mark.parametrize("text", [*HASHES, "null", "-1", "000000000", "N/A"])
def test_what_is_no_id_of_one_person_goes_nowhere(text: str) -> None:
    for event in ("customerAdded", "customerUpdated"):
        translated = translate(known_by(event, {"externalId": text, "cardNumbers": [text]}))
        assert not entities(translated, "profile-loyalty-id")
        assert not entities(translated, "profile-cards")


@pytest.mark.parametrize("text", HASHES)
def test_a_scrubbed_customer_leaves_no_hash_in_profile(text: str) -> None:
    scrubbed = {"mobile": text, "email": text, "externalId": text, "cardNumbers": [text]}
    for event in ("customerAdded", "customerUpdated"):
        translated = translate(
            {
                **known_by(event, scrubbed),
                "data": {**known_by(event, scrubbed)["data"], "firstName": text, "lastName": text},
            }
        )
        assert all(text.strip().encode() not in message.entity for message in translated.messages)
        withheld = {skip.to for skip in translated.skips}
        assert withheld >= {"profile-first-name", "profile-last-name", "profile-email", "profile-phone"}


def test_somebody_may_be_called_test() -> None:
    for name in ("Test", "Null", "石川", "Na"):
        assert entity(changed(golden("customerAdded"), firstName=f" {name} "), "profile-first-name")["person"] == {
            "name": {"firstName": name}
        }
    for name in ("null", "undefined", " "):
        assert not entities(translate(changed(golden("customerAdded"), firstName=name)), "profile-first-name")


def test_good_identities_are_written_in_one_form() -> None:
    spellings = [("Sari.Dewi@Example.COM ", " 6281200000001"), ("sari.dewi@example.com", "+62 812-0000-0001")]
    for event in EVENTS:
        for email, mobile in spellings:
            assert identities(known_by(event, {"email": email, "mobile": mobile})) == {
                **ALONE,
                "Email": ["sari.dewi@example.com"],
                "Phone": ["+6281200000001"],
            }


# ---- deleted customers ----------------------------------------------------------------------------------------------

DELETED = golden("customerUpdated", "deleted")
PERSONAL = ("SARI", "DEWI", "sari.dewi", "6281200000001", "000226682001", "CARD_1", "Kenanga", "石川", "marked deleted")
LABELS = ("Deleted", "deleted", " DELETED ", "dELETED\t")
STATUSES = [
    *({"currentLabel": label} for label in LABELS),
    *({"currentStatus": label} for label in LABELS),
    *({"currentLabel": blank, "currentStatus": "DELETED"} for blank in ("", " ", None, "null", "Active")),
    {"currentLabel": "Deleted", "currentStatus": "Active", "previousLabel": "Pending Deletion"},
    {"status": "Deleted"},
    {"label": "deleted", "currentStatus": "Active"},
    {"status": "Deleted", "currentStatus": "Active", "currentLabel": "Active"},
    {"label": " DELETED", "currentLabel": "Active", "status": "Active"},
    {"currentLabel": "Deleted", "label": "Active", "status": "Active"},
]


def in_envelope(document: dict[str, Any], envelope: str) -> object:
    """A flat event as the golden events are wrapped."""
    if envelope in {"C", "D"}:
        return {"body": document} if envelope == "C" else {"data": document, "errors": None, "warnings": None}
    if envelope == "A":
        return document
    rest = {name: value for name, value in document.items() if name != "eventId"}
    kind = "150698_customerUpdated" if envelope == "B-prefixed" else "customerUpdated"
    return {"eventId": document["eventId"], "eventType": kind, "timeStamp": document["createdAt"], "attributes": rest}


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("status", STATUSES, ids=str)
def test_nothing_personal_of_a_deleted_customer_passes(status: dict[str, str], envelope: str) -> None:
    changes = [{"fieldName": "gender", "currentValue": "Female"}, {"fieldName": "dob", "currentValue": "1990-01-02"}]
    who = {
        "customerId": 164875001,
        "instore": {
            "mobile": "6281200000001",
            "email": "sari.dewi@example.com",
            "externalId": "000226682001",
            "cardNumbers": ["CARD_1"],
        },
    }
    reason = {"reason": DELETED["data"]["customerStatus"]["reason"]}
    document = changed(DELETED, customerStatus={**status, **reason}, updatedFields=changes, customerIdentifiers=who)
    translated = translate(in_envelope(document, envelope))
    [event] = entities(translated)
    assert event["eventType"] == "loyalty.customerDeleted"
    assert list(event["identityMap"]) == ["CapillaryId"]
    assert event["_acme"]["capillary"]["customerStatus"]["current"] == "deleted"
    assert {message.to.name for message in translated.messages} == {"events", "profile-status"}
    assert entities(translated, "profile-status")[0]["loyalty"] == {"status": "deleted"}
    for message in translated.messages:
        assert not [text for text in PERSONAL if text.encode() in message.entity]
    assert {(skip.rule, skip.to) for skip in translated.skips} == {
        ("personal data deleted", output.to)
        for output in MAPPINGS.bound["customerUpdated"].outputs
        if output.profile and output.to != "profile-status"
    }


PRESENT = ("currentLabel", "currentStatus", "label", "status")
UNKNOWN = ("code", "current", "current_label", "customerStatus", "name", "value")
others = st.sampled_from([None, "", "null", "Active", "Pending Deletion", 7])
nothing = st.sampled_from([None, "", " ", "null", "NULL"])
deleted = st.sampled_from(["Deleted", " DELETED", "DELETED\0", ["Deleted"], {"label": "Deleted"}])
deletions = st.one_of(
    st.tuples(st.dictionaries(st.sampled_from((*PRESENT, *UNKNOWN)), others), st.sampled_from(PRESENT), deleted).map(
        lambda drawn: {**drawn[0], drawn[1]: drawn[2]}
    ),
    st.builds(
        dict.__or__,
        st.dictionaries(st.sampled_from(UNKNOWN), deleted, min_size=1),
        st.dictionaries(st.sampled_from((*PRESENT, "previousLabel", "reason")), nothing),
    ),
)


@given(deletions)
@settings(max_examples=examples(200))
def test_a_deletion_is_one_or_goes_nowhere_whatever_its_form(status: dict[str, object]) -> None:
    translated = translate(changed(golden("customerUpdated"), customerStatus=status))
    if translated.refusal is None:
        assert {message.to.name for message in translated.messages} == {"events", "profile-status"}
        assert [event["eventType"] for event in entities(translated)] == ["loyalty.customerDeleted"]
    else:
        assert translated.refusal.detail.startswith('"when" of output events: cannot tell: data.customerStatus')
        assert translated.messages == ()


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_golden_deletion_is_one(envelope: str) -> None:
    translated = translate(golden("customerUpdated", "deleted", envelope))
    assert [event["eventType"] for event in entities(translated)] == ["loyalty.customerDeleted"]


@pytest.mark.parametrize("other", [["Deleted"], {"value": "Deleted"}])
@pytest.mark.parametrize("name", ["currentLabel", "currentStatus", "status"])
def test_a_second_status_that_cannot_be_read_may_be_a_deletion(name: str, other: object) -> None:
    active = {"currentLabel": "Active"}
    for more in ({"customer_status": {name: other}}, {"customer_status": active | {name: other}}):
        translated = translate(changed(golden("customerUpdated"), customerStatus=active, **more))
        assert translated.messages == ()
        assert translated.refusal is not None
        assert "cannot tell: data.customerStatus is unreadable" in translated.refusal.detail


@pytest.mark.parametrize("spelled", ["current_label", "Current-Status", "LABEL", " status"])
def test_a_deletion_is_one_however_its_field_is_spelled(spelled: str) -> None:
    translated = translate(
        changed(golden("customerUpdated"), customerStatus={"currentLabel": None, spelled: "Deleted"})
    )
    assert [event["eventType"] for event in entities(translated)] == ["loyalty.customerDeleted"]


@pytest.mark.parametrize("label", ["Active", "Pending Deletion", "Undeleted", "", None])
def test_any_other_status_is_an_update(label: str | None) -> None:
    translated = translate(changed(golden("customerUpdated"), customerStatus={"currentLabel": label}))
    assert [event["eventType"] for event in entities(translated)] == ["loyalty.customerUpdated"]
    assert "profile-email" in {message.to.name for message in translated.messages}
    assert "personal data deleted" not in {skip.rule for skip in translated.skips}


# ---- two customers become one ---------------------------------------------------------------------------------------


def test_a_merge_is_the_survivors_event() -> None:
    for case in ("documented", "hostile"):
        document = golden("loyaltyCustomerMerge", case)
        assert read_event(document, CONTRACTS).key == b"150698:164875001"
        assert set(identities(document)) <= {"CapillaryId", "Email", "Phone"}
        event = entity(document)
        assert event["eventType"] == "loyalty.customerMerged"
        assert event["_acme"]["capillary"]["customerId"] == "164875001"


def test_a_victim_is_a_field_and_no_identity() -> None:
    event = entity(golden("loyaltyCustomerMerge", "hostile"))
    assert event["_acme"]["capillary"]["victimCustomerId"] == "84793759919"
    assert b"84793759919" not in orjson.dumps(event["identityMap"])
    text = orjson.dumps(event)
    assert not [part for part in (b"6281200000002", b"s.dewi@example.com", b"CARD_9", b"DEWI") if part in text]


def test_a_merge_writes_no_profile() -> None:
    translated = translate(golden("loyaltyCustomerMerge"))
    assert [message.to.name for message in translated.messages] == ["events"]
    assert entities(translated)[0]["_acme"]["capillary"]["loyaltySummary"] == [
        {"programId": "2649", "currentPoints": 200.0, "lifetimePoints": 200.0, "promisedPoints": 0.0, "tierNumber": 3}
    ]


def test_merges_of_one_request_stay_apart() -> None:
    """Samples have no eventId."""
    document = golden("loyaltyCustomerMerge")
    assert "eventId" not in document
    ids = {entity(changed(document, victimCustomerIdentifiers={"customerId": number}))["_id"] for number in (1, 2, 3)}
    assert len(ids) == 3


def test_a_subscription_is_an_event_and_no_consent() -> None:
    translated = translate(golden("customerSubscription"))
    assert [message.to.name for message in translated.messages] == ["events"]
    [event] = entities(translated)
    assert event["eventType"] == "loyalty.customerSubscription"
    found = event["_acme"]["capillary"]["subscriptions"]
    assert [(item["channel"], item["previousStatus"], item["currentStatus"]) for item in found] == [
        ("email", "optin", "optout"),
        ("mobile", "optout", "optin"),
    ]
