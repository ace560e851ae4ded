"""Who is nobody: what identifies no customer, as an address, a number, an id or a card, and in whatever spelling."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.capillary import read_event
from processor.commands._encoding import Encoder, single_object
from processor.mapping.functions import (
    customer_identities,
    customer_identity,
    email_address,
    external_id,
    only_customer_identity,
    phone_number,
)
from processor.mapping.nobody import (
    WORDS,
    Judgement,
    all_comparable,
    comparable,
    judge_email,
    judge_id,
    judge_phone,
    judged,
)
from processor.mapping.options import IDENTIFIERS, Identifier, Namespaces, Options
from processor.mapping.values import IdentityMap, Noted
from processor.model import Destination, Record, Translated
from processor.translator import load_mappings
from tests.translating import CONTRACTS, MAPPINGS, NOW, ROOT, golden, translate

MD5 = "d9ace8e907c1f1f8d9ace8e907c1f1f8"

NOBODYS_IDS = (
    *("dummy", "guest", "xxx", "anonymous", "GUEST", " Guest ", "g.u.e.s.t", "walk-in", "Walk In Customer", "N/A"),
    *("<null>", "(null)", "[object Object]", "\uff4e\uff55\uff4c\uff4c", "nu\u200bll", "x", "XX", "aaaa", "test_test"),
    *("-", "--", "***", "?", "\u2605", "-1", "- 1", "-999", "0", "0.0", "000000000", "+0"),
    *("dummy1", "guest12", "GUEST 001", "test123", "abc-123"),
    *("9999999999", "1111111111111111", "88888888", "99 99-99 99", "0099999999"),
    *("1234567890", "12345678", "0123456789", "9876543210", "0012345678", "6789012345", "1234 5678 9012 3456"),
    *("919999999999", "+91 99999 99999", "00919999999999", "911234567890", "919876543210", "6599999999"),
    *("noemail@brand.example", "test123@mail.example", "a@a.com", "sari@test.com"),
)
SOMEBODYS_IDS = (
    *("1", "7", "11", "123", "1234", "9999", "111111", "123456", "1234567", "7777777", "07777777", "01234567"),
    *("1000000000", "1000000001", "10000000", "2000000000", "1111111112", "1234567891", "1212121212", "1223334444"),
    *("4111111111111111", "5555555555554444", "6011000990139424", "4111111111111", "911000000000", "6500000000"),
    *("000226682001", "226682932023", "GT000043043", "CARD_1", "ABC0001", "TEST0001", "CUST123", "A1", "X1", "aa"),
    *("550e8400-e29b-41d4-a716-446655440000", "d9ace8e9d9ace8e9d9ace8e9d9ace8", "石川", "sari@example.com", "1.5"),
)


@pytest.mark.parametrize("text", NOBODYS_IDS)
def test_an_id_or_card_that_many_may_have_is_refused(text: str) -> None:
    assert judge_id(text) == (None, "placeholder")


@pytest.mark.parametrize("text", SOMEBODYS_IDS)
def test_an_id_or_card_that_merely_looks_regular_passes(text: str) -> None:
    assert judge_id(f" {text} ") == (text, None)


NOBODYS_ADDRESSES = (
    *("test123@gmail.com", "dummy1@mail.example", "noreply1@mail.example", "No.Reply+7@mail.example"),
    *("guest@guest.com", "a@a.com", "aa@b.com", "1@1.com", "customer@customer.com", "anonymous@mail.example"),
    *(
        "Walk.In@mail.example",
        "test.user@mail.example",
        "xxxx@mail.example",
        "____@mail.example",
        "abc123@mail.example",
    ),
    *("9999999999@mail.example", "1234567890@mail.example", "919999999999@mail.example", "000@x.co", "123@x.co"),
    *("sari@deleted.com", "sari@anonymous.com", "sari@mail.invalid", "sari@brand.test", "sari@email.com", "N/A"),
)
SOMEBODYS_ADDRESSES = (
    *("na85@mail.example", "sari.dewi@example.com", "guestner@mail.example", "testa.rossa@mail.example"),
    *("8591823@qq.com", "13912345670@139.com", "12@mail.example", "a@mail.example", "anna@mail.example"),
    *("sari@abc.net.au", "sari@mytest.com", "sari@test.com.au", "d9ace8e9d9ace8e9@mail.example"),
)


@pytest.mark.parametrize("text", NOBODYS_ADDRESSES)
def test_an_address_that_many_may_have_is_refused(text: str) -> None:
    assert judge_email(text) == judge_email(f" {text.upper()}") == (None, "placeholder")


@pytest.mark.parametrize("text", SOMEBODYS_ADDRESSES)
def test_an_address_of_somebody_passes(text: str) -> None:
    assert judge_email(f" {text.upper()}") == (text, None)


@pytest.mark.parametrize("text", [f"{MD5}@deleted.com", f"{MD5.upper()}@mail.example", f" {MD5}+1@mail.example", MD5])
def test_a_hash_is_no_letter_box(text: str) -> None:
    assert judge_email(text) == judge_id(text) == (None, "hash")


def test_an_id_longer_than_aep_takes_is_refused() -> None:
    assert judge_id("ä1" * 341 + "b") == ("ä1" * 341 + "b", None)
    assert judge_id("ä1" * 341 + "bc") == (None, "too long")


def test_words_are_written_as_they_are_compared() -> None:
    assert [word for word in WORDS if comparable(word) != word or any(map(str.isdigit, word))] == []


# ---- what the brand lists --------------------------------------------------------------------------------------------

LISTED = ("Shop@Brand.example", "+65 9123-4567", "+6500000000", "TILL 7", "006281200000009", "4711")
NEVER = all_comparable(LISTED)
EVERY = Namespaces(external_id="LoyaltyId", card="LoyaltyCard")


@pytest.mark.parametrize(
    ("judge", "text"),
    [
        *(
            (judge, text)
            for judge in (judge_email, judge_id)
            for text in ("shop@brand.example", " SHOP@BRAND.EXAMPLE ")
        ),
        *((judge, "shop+till3@brand.example") for judge in (judge_email, judge_id)),
        *(
            (judge, text)
            for judge in (judge_phone, judge_id)
            for text in ("6591234567", "+65 9123 4567", "+6591234567")
        ),
        (judge_phone, "0065 9123 4567"),
        *((judge, text) for judge in (judge_phone, judge_id) for text in ("6281200000009", "006281200000009")),
        *((judge_id, text) for text in ("6500000000", "+65 0000 0000", "till 7", "Till7", "TILL-7", "4711", "4 711")),
    ],
)
def test_what_the_brand_lists_is_denied_in_every_spelling(judge: Callable[[str], Judgement], text: str) -> None:
    assert judge(text)[0] is not None
    assert judged(judge, text, NEVER) == (None, "denied")
    assert judged(judge, text, frozenset()) == judge(text)


@pytest.mark.parametrize(
    ("judge", "text"),
    [
        (judge_email, "shop2@brand.example"),
        (judge_email, "sari+shop@brand.example"),
        (judge_email, "s.hop@brand.example"),
        (judge_phone, "6591234568"),
        (judge_id, "TILL 77"),
        (judge_id, "004711"),  # leading zeros count
        (judge_id, "47110"),
    ],
)
def test_what_is_like_it_is_not(judge: Callable[[str], Judgement], text: str) -> None:
    assert judged(judge, text, NEVER) == judge(text)
    assert judge(text)[0] is not None


def test_what_is_nobodys_anyway_keeps_its_reason() -> None:
    never = all_comparable(["guest", "9999999999"])
    assert judged(judge_id, "guest", never) == (None, "placeholder")
    assert judged(judge_email, " ", never) == (None, None)


def test_a_list_of_nothing_denies_nothing() -> None:
    assert all_comparable(["", " ", "+", "-"]) == frozenset()


# ---- in no identityMap, whatever comes -------------------------------------------------------------------------------


@st.composite
def spelt(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """One of some texts in whatever casing, with blanks around it."""
    text = draw(texts)
    capitals = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    cased = "".join(
        letter.upper() if capital else letter.lower() for letter, capital in zip(text, capitals, strict=True)
    )
    blanks = st.text(" \t\n\u00a0", max_size=3)
    return draw(blanks) + cased + draw(blanks)


@st.composite
def apart(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """The same with something between its characters."""
    gaps = st.sampled_from(["", "", "", " ", ".", "-", "_", "\u00a0"])
    return "".join(character + draw(gaps) for character in draw(spelt(texts)))


def regular(first: int, step: int, length: int) -> str:
    return "".join(str((first + place * step) % 10) for place in range(length))


numbers = st.builds(regular, st.integers(0, 9), st.sampled_from([0, 1, -1]), st.integers(10, 30))
hashes = st.sampled_from([32, 40, 64]).flatmap(lambda size: st.text("0123456789abcdef", min_size=size, max_size=size))
words = st.sampled_from(sorted(WORDS))
ids = st.one_of(apart(words), apart(numbers), spelt(hashes), apart(st.sampled_from([LISTED[1], LISTED[3]])))
local_parts = st.one_of(
    words, numbers, hashes, st.builds("{}{}".format, words.filter(lambda word: len(word) > 2), st.integers(0, 10**6))
)
tags = st.sampled_from(["", "+1", "+till"])
hosts = st.sampled_from(["mail.example", "gmail.com", "brand.example", "deleted.com", "a.co"])
addresses = spelt(st.one_of(st.builds("{}{}@{}".format, local_parts, tags, hosts), st.just("shop@brand.example")))
phones = st.one_of(
    apart(st.sampled_from(["6591234567", "+6500000000", "919999999999", "6281200000009", "9999999999"])),
    spelt(words),
    spelt(hashes),
)
nobodies = st.tuples(
    st.one_of(st.none(), addresses),
    st.one_of(st.none(), phones),
    st.one_of(st.none(), ids, addresses),
    st.one_of(st.none(), st.lists(st.one_of(ids, addresses), max_size=3)),
    st.one_of(st.none(), ids, addresses),
)
Nobody = tuple[str | None, str | None, str | None, list[str] | None, str | None]


@given(st.sampled_from(IDENTIFIERS), nobodies)
def test_nobody_is_in_no_identity_map(primary: Identifier, nobody: Nobody) -> None:
    options = Options(replace(EVERY, primary=primary), never=NEVER)
    alone = {"CapillaryId": [{"id": "1:2", "primary": True}]}
    assert _plain(customer_identities(options, 1, 2, *nobody)) == alone
    assert _plain(customer_identities(options, 1, None, *nobody)) is None
    for found in (
        customer_identity(options, 1, 2, *nobody),
        only_customer_identity(options, 1, [(2, *nobody), (2, None, None, None, None, None)]),
    ):
        assert _plain(found) == (alone if primary == "customer" else None)


@given(nobodies)
def test_nobody_is_no_contact(nobody: Nobody) -> None:
    options = Options(never=NEVER)
    email, phone, member, cards, card = nobody
    contacts = [email_address(options, email), phone_number(options, phone), external_id(options, member)]
    contacts += [external_id(options, each) for each in (*(cards or ()), card)]
    assert [contact for contact in contacts if contact is not None and not isinstance(contact, Noted)] == []
    assert [contact for contact in contacts if isinstance(contact, Noted) and contact.value is not None] == []


@given(nobodies, st.data())
def test_somebody_beside_nobody_stays(nobody: Nobody, data: st.DataObject) -> None:
    email, phone, member, cards, card = nobody
    mixed = data.draw(st.permutations([*(cards or ()), "C-1", "4111111111111111"]))
    found = _plain(
        customer_identities(Options(EVERY, never=NEVER), 1, 2, "sari@example.com", phone, member, mixed, card)
    )
    assert found is not None
    assert {item["id"] for item in found.pop("LoyaltyCard")} == {"C-1", "4111111111111111"}
    assert found == {"CapillaryId": [{"id": "1:2", "primary": True}], "Email": [{"id": "sari@example.com"}]}
    phone = "+65 9123 4568"
    assert _plain(customer_identities(Options(EVERY, never=NEVER), 1, 2, email, phone, member, cards, card)) == {
        "CapillaryId": [{"id": "1:2", "primary": True}],
        "Phone": [{"id": "+6591234568"}],
    }


def _plain(identities: IdentityMap | Noted[IdentityMap] | None) -> IdentityMap | None:
    return identities.value if isinstance(identities, Noted) else identities


# ---- in the messages of every event ----------------------------------------------------------------------------------

ENCODER = Encoder(CONTRACTS, single_object)
CONTACTS = ("profile-email", "profile-phone", "profile-loyalty-id", "profile-cards")


@cache
def _translator(namespaces: Namespaces) -> Callable[[Record], object]:
    mappings = load_mappings(ROOT / "schemas", None, "acme", Options(namespaces, never=NEVER))
    to = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    return mappings.translator(to, lambda: NOW).translate


def _translated(document: object, namespaces: Namespaces) -> Translated:
    """What becomes of an event where the brand has a list."""
    event = read_event(document, CONTRACTS)
    found = _translator(namespaces)(Record("t", 0, 0, NOW, event.key, ENCODER(event)))
    assert isinstance(found, Translated)
    assert found.refusal is None
    return found


def _known_as(document: Any, instore: Mapping[str, object]) -> Any:
    """An event in which every customer is known by these identifiers beside the id."""
    if isinstance(document, list):
        return [_known_as(item, instore) for item in document]
    if not isinstance(document, dict):
        return document
    return {name: instore if name == "instore" else _known_as(value, instore) for name, value in document.items()}


DUMMIES = (
    {"email": "dummy1@mail.example", "mobile": "919999999999", "externalId": " Guest", "cardNumbers": ["1234567890"]},
    {"email": f"{MD5}@deleted.com", "mobile": MD5, "externalId": MD5, "cardNumbers": ["xxx", "Dummy 1"]},
    {"email": "SHOP@brand.example", "mobile": "6591234567", "externalId": "6500000000", "cardNumbers": ["till-7"]},
)


@pytest.mark.parametrize("instore", DUMMIES)
@pytest.mark.parametrize("event", MAPPINGS.events)
def test_no_event_says_that_somebody_is_nobody(event: str, instore: dict[str, Any]) -> None:
    found = _translated(_known_as(golden(event), instore), EVERY)
    assert found.messages
    for message in found.messages:
        assert message.to.name not in CONTACTS
        assert json.loads(message.entity)["identityMap"].keys() == {"CapillaryId"}


@pytest.mark.parametrize("primary", ["email", "phone", "external_id", "card"])
@pytest.mark.parametrize("instore", DUMMIES)
def test_under_another_primary_identity_nobody_has_no_profile(instore: dict[str, Any], primary: Identifier) -> None:
    found = _translated(_known_as(golden("pointsIssued"), instore), replace(EVERY, primary=primary))
    assert {message.to.name for message in found.messages} == {"events"}


def test_it_is_counted_why() -> None:
    notes = _translated(_known_as(golden("customerAdded"), DUMMIES[2]), EVERY).notes
    assert {note for note in notes if note.endswith("denied")} == {
        "identityMap:Email denied",
        "identityMap:Phone denied",
        "identityMap:LoyaltyId denied",
        "identityMap:LoyaltyCard denied",
        "personalEmail.address:denied",
        "mobilePhone.number:denied",
        "loyalty.loyaltyID:denied",
        "loyalty.cardsDetails[].number:denied",
    }


def test_without_a_list_the_brands_own_pass() -> None:
    sent = translate(_known_as(golden("customerAdded"), DUMMIES[2])).messages
    assert {message.to.name for message in sent} >= set(CONTACTS)
