"""Each judgement to the letter: the value as it is sent, or the reason that is counted."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from processor.mapping.nobody import (
    Judgement,
    all_comparable,
    comparable,
    is_hash,
    judge_email,
    judge_id,
    judge_phone,
    judged,
)

HASH = "d41d8cd98f00b204e9800998ecf8427e"
NOTHING = (None, None)
PLACEHOLDER = (None, "placeholder")


def kept(value: str) -> tuple[str, None]:
    return value, None


@pytest.mark.parametrize("length", [32, 40, 64])
def test_a_hash_is_of_hexadecimal_digits_alone(length: int) -> None:
    text = (HASH * 2)[:length]
    assert is_hash(text)
    assert is_hash(f" {text.upper()}\n")
    for no_hash in (text[1:], text + "0", "g" + text[1:], f"{text} {text}", "\u0661" + text[1:]):
        assert not is_hash(no_hash)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+65 9123-4567", "6591234567"),
        ("A\u00a0b-C.d", "abcd"),
        ("\uff4e\uff55\uff4c\uff4c", "null"),
        ("\u00df", "ss"),
        (" *-* ", ""),
        ("Sari.Dewi+a@Example.com", "sari.dewi+a@example.com"),
        (" sari\u200b@\texample .com ", "sari@example.com"),
        ("a b@c", "ab@c"),
        ("\u3000a@c", "a@c"),
    ],
)
def test_what_two_spellings_have_in_common(text: str, found: str) -> None:
    assert comparable(text) == found


def test_a_list_compares_telephone_numbers_as_e164_too() -> None:
    assert all_comparable(["+62 812-0000-0001", "A-1", "*", " "]) == {"6281200000001", "a1"}
    assert all_comparable(["00 62 812 0000 0001"]) == {"00" + "6281200000001", "6281200000001"}


def test_what_a_brand_lists_is_denied() -> None:
    never = all_comparable(["Info@Brand.example", "CARD-7", "a+b@brand.example"])
    for text in ("info@brand.example", "INFO@brand.example", "info+x@brand.example", "info+x+y@brand.example"):
        assert judged(judge_email, text, never) == (None, "denied")
    assert judged(judge_email, "a+b@brand.example", never) == (None, "denied")
    assert judged(judge_email, "a@brand.example", never) == kept("a@brand.example")
    assert judged(judge_id, "card 7", never) == (None, "denied")
    assert judged(judge_id, "card 8", never) == kept("card 8")
    assert judged(judge_id, "info+x@y@brand.example", all_comparable(["info@y@brand.example"])) == (None, "denied")
    assert judged(judge_email, "info@brand.example", frozenset()) == kept("info@brand.example")
    assert judged(judge_email, "no", all_comparable(["no"])) == (None, "no address")
    assert judged(judge_email, " ", never) == NOTHING


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", NOTHING),
        (" \t", NOTHING),
        (" Sari.Dewi@Example.com ", kept("sari.dewi@example.com")),
        ("na85@x.example", kept("na85@x.example")),
        ("sari", (None, "no address")),
        ("a b@x.example", (None, "no address")),
        (f"{HASH}@x.example", (None, "hash")),
        (f"{HASH}+1@x.example", (None, "hash")),
        (HASH, (None, "hash")),
        ("test@x.example", PLACEHOLDER),
        ("guest+1@x.example", PLACEHOLDER),
        ("test123456789@x.example", PLACEHOLDER),
        (f"test{'1' * 64}@x.example", PLACEHOLDER),
        ("xx1@x.example", kept("xx1@x.example")),
        ("xxx1@x.example", PLACEHOLDER),
        ("aaa@x.example", PLACEHOLDER),
        ("aa@x.example", kept("aa@x.example")),
        ("123@x.example", PLACEHOLDER),
        ("999@x.example", PLACEHOLDER),
        ("12@x.example", kept("12@x.example")),
        ("124@x.example", kept("124@x.example")),
        ("0@x.example", PLACEHOLDER),
        ("@x.example", PLACEHOLDER),
        ("sari@noemail.com", PLACEHOLDER),
        ("sari@test.com", PLACEHOLDER),
        ("sari@mytest.com", kept("sari@mytest.com")),
        ("sari@any.invalid", PLACEHOLDER),
        ("sari@any.test", PLACEHOLDER),
        ("sari@test.example", kept("sari@test.example")),
        ("aa@bb.com", PLACEHOLDER),
        ("guest+sale@x.example", PLACEHOLDER),
        ("ab@a.com", kept("ab@a.com")),
        ("bb@a.comet", kept("bb@a.comet")),
        ("-1@x.example", kept("-1@x.example")),
    ],
)
def test_an_address(text: str, found: object) -> None:
    assert judge_email(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", NOTHING),
        (" ", NOTHING),
        (" 00-X1 ", kept("00-X1")),
        (HASH, (None, "hash")),
        ("Guest", PLACEHOLDER),
        ("guest123", PLACEHOLDER),
        ("guest1234", kept("guest1234")),
        ("xx123", kept("xx123")),
        ("123guest", kept("123guest")),
        ("1111111", kept("1111111")),
        ("11111111", PLACEHOLDER),
        ("0011111111", PLACEHOLDER),
        ("12345678", PLACEHOLDER),
        ("67890123", PLACEHOLDER),
        ("87654321", PLACEHOLDER),
        ("21098765", PLACEHOLDER),
        ("13579135", kept("13579135")),
        ("000", PLACEHOLDER),
        ("-5", PLACEHOLDER),
        ("- 5.5", PLACEHOLDER),
        ("-5a", kept("-5a")),
        ("*", PLACEHOLDER),
        ("aaa", PLACEHOLDER),
        ("aa", kept("aa")),
        ("919999999999", PLACEHOLDER),
        ("911000000000", kept("911000000000")),
        ("6599999999", PLACEHOLDER),
        ("6512345678", PLACEHOLDER),
        ("621111111111111", PLACEHOLDER),
        ("6211111111111111", kept("6211111111111111")),
        ("9991111111111", kept("9991111111111")),
        ("1" + "23456789" * 2, kept("1" + "23456789" * 2)),
        ("x" * 1023 + "y", kept("x" * 1023 + "y")),
        ("x" * 1024 + "y", (None, "too long")),
        ("\u20ac" * 340 + "year", kept("\u20ac" * 340 + "year")),
        ("\u20ac" * 341 + "ye", (None, "too long")),
        ("\ud800x1", kept("\ud800x1")),
        ("\ud800" * 1022 + "x1", kept("\ud800" * 1022 + "x1")),
        ("sari@test.com", PLACEHOLDER),
    ],
)
def test_an_id_or_card(text: str, found: object) -> None:
    assert judge_id(text) == found


WORDS = """
null none nil nan na undefined unknown objectobject empty notknown notapplicable notavailable notgiven notprovided
noemail noemailid nomail nomobile noname nonumber nophone nocard noid nobody noone noreply donotreply guest guestuser
guestcustomer anonymous anon customer cashcustomer walkin walkincustomer dummy dummyuser dummycustomer test testing
testtest testuser testcustomer fake sample example placeholder default demo deleted removed redacted anonymized
anonymised x xx xxx xyz abc abcd asdf qwerty
"""


@pytest.mark.parametrize("word", WORDS.split())
def test_a_word_for_nobody_is_none(word: str) -> None:
    spaced = " ".join(word.upper())
    assert judge_id(spaced) == PLACEHOLDER
    assert judge_email(f"{word}@x.example") == PLACEHOLDER
    assert judge_phone(spaced) == PLACEHOLDER


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", NOTHING),
        (" -.() ", NOTHING),
        (HASH, (None, "hash")),
        ("6281200000001", kept("+6281200000001")),
        ("+62 (812) 0000-0001", kept("+6281200000001")),
        ("0062/812.0000.0001", kept("+6281200000001")),
        ("+62\u00a08120000\t0001", kept("+6281200000001")),
        ("N/A", PLACEHOLDER),
        ("+0", PLACEHOLDER),
        ("000000", PLACEHOLDER),
        ("6281200000001x", (None, "no number")),
        ("081200000001", (None, "no number")),
        ("628120", (None, "no number")),
        ("1234567890123456", (None, "no number")),
        ("911234567890", PLACEHOLDER),
        ("919999999999", PLACEHOLDER),
        ("62999999999", PLACEHOLDER),
        ("1234567890", PLACEHOLDER),
        ("9876543210", PLACEHOLDER),
        ("12125550123", PLACEHOLDER),
        ("12125551123", kept("+12125551123")),
        ("447700900123", PLACEHOLDER),
        ("447700901123", (None, "no number")),
        ("2101234567", (None, "no number")),
        ("999123456789", (None, "no number")),
        ("6512", (None, "no number")),
        ("6511234568", (None, "no number")),
        ("6591234568", kept("+6591234568")),
        ("6581000000", kept("+6581000000")),
        ("6590000000", PLACEHOLDER),
        ("6585858585", kept("+6585858585")),
    ],
)
def test_a_telephone_number(text: str, found: object) -> None:
    assert judge_phone(text) == found


@pytest.mark.parametrize("judge", [judge_email, judge_id, judge_phone])
def test_long_texts_are_judged_and_not_kept(judge: Callable[[str], Judgement]) -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(100):
        value, reason = judge(f"{number}x" + "y" * 100_000)
        assert (value, reason) == (None, "too long")
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1_000_000
