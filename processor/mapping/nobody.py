"""Who is nobody: one rule for every identity, whether hash, placeholder, shared dummy, or what the brand itself lists.

AEP joins all who share an identity into one person and never parts them again, so what many customers may have typed
in for them is no identity. A wrong refusal costs one customer one of several identities: docs/decisions/nobody.md says
what is refused and why. Nothing here depends on casing, spacing or punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from itertools import pairwise
from typing import NamedTuple

import phonenumbers

from processor.mapping.values import FORMATS

Judgement = tuple[str | None, str | None]
"""A value as it is sent, or why not; neither for a blank."""

WORDS = frozenset(
    {
        *("null", "none", "nil", "nan", "na", "undefined", "unknown", "objectobject", "empty", "notknown"),
        *("notapplicable", "notavailable", "notgiven", "notprovided", "noemail", "noemailid", "nomail", "nomobile"),
        *("noname", "nonumber", "nophone", "nocard", "noid", "nobody", "noone", "noreply", "donotreply"),
        *("guest", "guestuser", "guestcustomer", "anonymous", "anon", "customer", "cashcustomer", "walkin"),
        *("walkincustomer", "dummy", "dummyuser", "dummycustomer", "test", "testing", "testtest", "testuser"),
        *("testcustomer", "fake", "sample", "example", "placeholder", "default", "demo", "deleted", "removed"),
        *("redacted", "anonymized", "anonymised", "x", "xx", "xxx", "xyz", "abc", "abcd", "asdf", "qwerty"),
    }
)
"""What stands where no customer is known: as an id, as a card, before an @. Small letters and nothing between them."""

_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII | re.IGNORECASE)
"""MD5, SHA-1 and SHA-256: what is left of an identifier after personal data was scrubbed."""

_HOST = re.compile(
    r"(?:test|none|noemail|nomail|email|dummy|na|null|unknown|noreply|nobody|guest|anonymous|deleted)\.com"
    r"|.*\.(?:invalid|test)",  # RFC 2606. Samples live under example.com, ours too
    re.ASCII,
)
_LETTER_AT_LETTER = re.compile(r"([a-z\d])\1*@([a-z\d])\2*\.[a-z]{2,4}", re.ASCII)  # a@a.com
_COUNTED = re.compile(r"(\D+)(\d*)")
_BELOW_ZERO = re.compile(r"-\s*\d+(?:\.\d+)?", re.ASCII)
_SHORTEST_WORD = 3  # letters before digits: `na85` are somebody's initials
_A_RUN = 3  # letters
_LONGEST_PHONE = 15  # digits, with the country's code
_LONGEST = 1024  # bytes; AEP takes no longer identity
_LONGEST_KEPT = 256  # characters

_PHONE = re.compile(r"(?:\+|00)?([1-9]\d{6,14})", re.ASCII)
_PHONE_GAPS = str.maketrans("", "", " \t.-()/\u00a0")
_FICTION = re.compile(r"1\d{3}55501\d\d|447700900\d{3}", re.ASCII)
"""Numbers that numbering plans keep for fiction and samples (NANPA, Ofcom)."""


class _Form(NamedTuple):
    """How regular something must be to be nobody's."""

    after_a_word: int  # so many digits at most
    regular: int  # so many digits at least


_ID = _Form(after_a_word=3, regular=8)
"""Real ids are counted: ABC0001 and 1234567 may be members. With eight digits begin telephone numbers."""

_LOCAL_PART = _Form(after_a_word=64, regular=3)


def is_hash(text: str) -> bool:
    """Whether a text, without blanks around it, is a hash in hexadecimal digits."""
    return _HASH.fullmatch(text.strip()) is not None


# ---- what the brand lists --------------------------------------------------------------------------------------------


def comparable(text: str) -> str:
    """What two spellings of one identity have in common; empty where there is neither letter nor digit.

    Casing and blanks never count, punctuation only in addresses: `+65 9123-4567` is `6591234567`.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if "@" in folded:
        if folded.isprintable() and " " not in folded:  # as nearly always; no other blank is printable
            return folded
        return "".join(character for character in folded if character.isprintable() and not character.isspace())
    return "".join(filter(str.isalnum, folded))


def all_comparable(entries: Iterable[str]) -> frozenset[str]:
    """A list of addresses, numbers and ids to compare with; a telephone number is in it as E.164 too."""
    found = {comparable(entry) for entry in entries}
    found |= {comparable(judge_phone(entry)[0] or "") for entry in entries}
    return frozenset(found - {""})


def judged(judge: Callable[[str], Judgement], text: str, never: frozenset[str]) -> Judgement:
    """A judgement of a text, by the brand's list too, which is `all_comparable`."""
    value, reason = judge(text)
    return (None, "denied") if value is not None and never and _is_listed(value, never) else (value, reason)


def _is_listed(value: str, never: frozenset[str]) -> bool:
    """Who lists an address means its `+tags` too: they lead to the same letter box."""
    own = comparable(value)
    name, at, host = own.partition("@")
    return own in never or name.partition("+")[0] + at + host in never


# ---- one judge for each kind; customers come again and again, and numbering plans are slow: 30 us a number -----------


def _remembered(judge: Callable[[str], Judgement]) -> Callable[[str], Judgement]:
    """Judges what comes again only once. Long texts are not kept, and the longest not even looked at."""
    known = lru_cache(maxsize=16_384)(judge)

    @wraps(judge)
    def remembered(text: str) -> Judgement:
        if len(text) <= _LONGEST_KEPT:
            return known(text)
        return judge(text) if len(text.strip()) <= _LONGEST else (None, "too long")

    return remembered


@_remembered
def judge_email(text: str) -> Judgement:
    """An address in lower case, trimmed."""
    value = text.strip().lower()
    if not value:
        return None, None
    if reason := _stand_in(value):
        return None, reason
    return (value, None) if FORMATS["email"].fullmatch(value) else (None, "no address")


@_remembered
def judge_id(text: str) -> Judgement:
    """An external id or the number of a card, trimmed and else as it is."""
    value = text.strip()
    if not value:
        return None, None
    if reason := _stand_in(value):
        return None, reason
    return (value, None) if len(value.encode(errors="replace")) <= _LONGEST else (None, "too long")


@_remembered
def judge_phone(text: str) -> Judgement:  # noqa: PLR0911 - one return a reason
    """A number in E.164, valid by its country's numbering plan."""
    value = text.strip().translate(_PHONE_GAPS)
    if not value:
        return None, None
    if is_hash(value):
        return None, "hash"
    if comparable(value) in WORDS or not value.strip("+0"):
        return None, "placeholder"
    found = _PHONE.fullmatch(value)
    if found is None:
        return None, "no number"
    digits = found.group(1)
    if _is_dummy(digits) or _FICTION.fullmatch(digits):
        return None, "placeholder"
    number = _parsed(digits)
    if number is None:
        return None, "no number"
    if _is_dummy(str(number.national_number)):
        return None, "placeholder"
    if not phonenumbers.is_valid_number(number):
        return None, "no number"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None


def _parsed(digits: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None


def _is_dummy(digits: str) -> bool:
    """All digits but the first the same, or counted up or down: what is typed in where there is no number."""
    return len(set(digits[1:])) == 1 or _is_regular(digits)


# ---- the rule --------------------------------------------------------------------------------------------------------


def _stand_in(value: str) -> str | None:
    """Why an address, an id or a card is nobody's; None for what may be somebody's. An id may be an address too."""
    if is_hash(value.partition("@")[0].partition("+")[0]):
        return "hash"
    folded = comparable(value)
    name, at, host = folded.partition("@")
    if at and (_HOST.fullmatch(host) or _LETTER_AT_LETTER.fullmatch(folded)):
        return "placeholder"
    form = _LOCAL_PART if at else _ID
    nobody = _BELOW_ZERO.fullmatch(value) or _is_nobody(comparable(name.partition("+")[0]), form)
    return "placeholder" if nobody else None


def _is_nobody(text: str, form: _Form) -> bool:
    """Whether a comparable text is nothing, a word, one letter over and over, or a regular number."""
    if text.isdecimal():
        return _is_nobodys_number(text, form.regular)
    counted = _COUNTED.fullmatch(text)
    if not text or text in WORDS or (len(text) >= _A_RUN and len(set(text)) == 1):
        return True
    if counted is None:
        return False
    word, digits = counted.groups()
    return word in WORDS and len(word) >= _SHORTEST_WORD and len(digits) <= form.after_a_word


def _is_nobodys_number(digits: str, at_least: int) -> bool:
    """Whether digits are zeros, one digit over and over, counted up or down, or such a number of a country."""
    number = digits.lstrip("0")
    return not number or (len(number) >= at_least and _is_regular(number)) or _is_nobodys_phone(number)


def _is_nobodys_phone(digits: str) -> bool:
    """Whether digits are a country's code and then regular, as 919999999999, the nines of India."""
    if len(digits) > _LONGEST_PHONE or not _is_regular(digits[-_ID.regular :]):  # the latter spares numbering plans
        return False
    number = _parsed(digits)
    if number is None or not phonenumbers.is_possible_number(number):
        return False
    national = str(number.national_number)
    return len(national) >= _ID.regular and _is_regular(national)


def _is_regular(digits: str) -> bool:
    """Whether each digit is the one before, or each the next, or each the previous; after 9 comes 0."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    return steps in ({0}, {1}, {9})
