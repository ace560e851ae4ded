"""The small conversions that mappings and their functions share: placeholders, times, numbers, formats, keys."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.mapping.values import (
    BOOLEANS,
    FORMATS,
    PLACEHOLDERS,
    Unmappable,
    day_of,
    item_key,
    milliseconds,
    parse_date,
    parse_integer,
    parse_number,
    parse_time,
    rfc3339,
    rounded,
    undecided,
    unreadable,
    was_dropped,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TWO_IN_ARABIC = "\N{ARABIC-INDIC DIGIT TWO}"
LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

# ---- nothing in words ------------------------------------------------------------------------------------------------


def test_null_in_every_casing_but_that_of_a_name_stands_for_nothing() -> None:
    null = {"".join(letters) for letters in product("nN", "uU", "lL", "lL")}
    expected = null - {"Null"} | {f"({word})" for word in null} | {"undefined"}
    assert expected == PLACEHOLDERS


def test_booleans_are_the_words_of_json() -> None:
    assert BOOLEANS == {"true": True, "false": False}


def test_what_cannot_be_mapped_says_where_and_why() -> None:
    fault = Unmappable("timestamp", "absent")
    assert (fault.target, fault.reason, str(fault)) == ("timestamp", "absent", "timestamp: absent")


# ---- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (0, 0),
        (1_750_224_535, 1_750_224_535_000),
        (1_750_224_535_593, 1_750_224_535_593),
        (99_999_999_999, 99_999_999_999_000),
        (100_000_000_000, 100_000_000_000),
        (-99_999_999_999, -99_999_999_999_000),
        (-100_000_000_000, -100_000_000_000),
    ],
)
def test_a_small_time_is_in_seconds(time: int, expected: int) -> None:
    assert milliseconds(time) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:01.000Z"),
        (1_750_224_535, "2025-06-18T05:28:55.000Z"),
        (1_750_224_535_593, "2025-06-18T05:28:55.593Z"),
        (99_999_999_999, "5138-11-16T09:46:39.000Z"),
        (100_000_000_000, "1973-03-03T09:46:40.000Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
        (LAST_MS, "9999-12-31T23:59:59.999Z"),
        (LAST_MS + 1, None),
        (-1, None),
        (-(10**15), None),
        (2**63 - 1, None),
    ],
)
def test_a_time_is_written_as_rfc_3339(time: int, expected: str | None) -> None:
    assert rfc3339(time) == expected
    assert day_of(time) == (expected and expected[:10])


@given(st.integers(100_000_000_000, LAST_MS))
def test_every_moment_is_written_as_the_standard_library_writes_it(time: int) -> None:
    moment = EPOCH + timedelta(milliseconds=time)
    assert rfc3339(time) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert day_of(time) == moment.date().isoformat()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-18T05:28:55.593Z", "2025-06-18T05:28:55.593Z"),
        ("2025-06-18T05:28:55Z", "2025-06-18T05:28:55.000Z"),
        ("2025-06-18t05:28:55z", "2025-06-18T05:28:55.000Z"),
        ("2025-06-18 05:28:55Z", "2025-06-18T05:28:55.000Z"),
        ("2025-06-18T05:28:55+05:30", "2025-06-17T23:58:55.000Z"),
        ("2025-06-18T05:28:55-08:00", "2025-06-18T13:28:55.000Z"),
        ("2025-06-18T05:28:55-00:00", "2025-06-18T05:28:55.000Z"),
        ("2025-06-18T05:28:55.5Z", "2025-06-18T05:28:55.500Z"),
        ("2025-06-18T05:28:55.05Z", "2025-06-18T05:28:55.050Z"),
        ("2025-06-18T05:28:55.999999999Z", "2025-06-18T05:28:55.999Z"),
        ("2025-06-18", "2025-06-18T00:00:00.000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("1970-01-01", "1970-01-01T00:00:00.000Z"),
        ("1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_text_with_a_time_and_a_zone_is_a_time(text: str, expected: str) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2025-06-18T05:28:55",  # whose clock?
        "2025-06-18T05:28Z",
        "2025-06-18T05:28:55.Z",
        "2025-06-18T05:28:55.1234567890Z",
        "2025-06-18T05:28:55 Z",
        "2025-06-18T05:28:55+0530",
        "2025-06-18_05:28:55Z",
        "2025-06-18T24:00:00Z",  # which Python reads from 3.14 on, and RFC 3339 does not know
        "2025-06-18T24:00:01Z",
        "2025-06-18T05:60:00Z",
        "2016-12-31T23:59:60Z",
        "2025-06-18T05:28:55+24:00",
        "2025-02-29T05:28:55Z",
        "2025-02-29",
        "2025-13-01",
        "20250618",
        "18-06-2025",
        "18/06/2025",
        f"{TWO_IN_ARABIC}025-06-18",
        "Wed Jun 18 05:28:55 IST 2025",  # of a zone only a name
        "1969-12-31",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:59:59+01:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_all_else_is_no_time(text: str) -> None:
    assert parse_time(text) is None


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone comes with the text
    st.integers(-1439, 1439),
)
def test_a_time_in_any_zone_is_the_same_moment(local: datetime, offset: int) -> None:
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    text = parse_time(f"{local.isoformat(timespec='milliseconds')}{sign}{hours:02}:{minutes:02}")
    moment = local.replace(tzinfo=UTC, microsecond=local.microsecond // 1000 * 1000) - timedelta(minutes=offset)
    assert text == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert parse_time(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-18", "2025-06-18"),
        ("20250618", "2025-06-18"),
        ("2024-02-29", "2024-02-29"),
        ("1900-01-01", "1900-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("2025-06-18T23:30:00-08:00", "2025-06-18"),  # the day that is written there, whatever the zone
        ("2025-06-18 05:28", "2025-06-18"),
        ("2025-06-18T05:28:55.593 some zone", "2025-06-18"),
        (f"2025-06-18T05:28:55.593+05:30[{'x' * 69}]", "2025-06-18"),  # 100 characters
        ("Wed Jan 01 05:28:55 IST 2025", "2025-01-01"),
        ("Sat Feb 29 00:00:00 UTC 2020", "2020-02-29"),
        ("Wed Jun 18 05:28:55 +05:30 2025", "2025-06-18"),
        ("Wed Jun 18 05:28:55 -0800 2025", "2025-06-18"),
        ("Wed Dec 31 05:28:55 GMT 2025", "2025-12-31"),
    ],
)
def test_a_text_with_a_day_is_a_date(text: str, expected: str) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize("month", range(1, 13))
def test_java_writes_months_by_their_english_names(month: int) -> None:
    day = datetime(2025, month, 10, tzinfo=UTC)
    names = "JanFebMarAprMayJunJulAugSepOctNovDec"
    assert parse_date(f"Mon {names[3 * month - 3 : 3 * month]} 10 00:00:00 UTC 2025") == day.date().isoformat()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "18-06-2025",
        "06/18/2025",  # or is it the 6th of the 18th month?
        "18 Jun 2025",
        "2025-6-18",
        "2025-02-29",
        "2025-00-01",
        "1899-12-31",
        "0000-01-01",
        "2025-06-18X05:28",
        "2025-06-18T5",
        "2025-06-18T05:28\n",
        f"2025-06-18T05:28:55.593+05:30[{'x' * 70}]",
        " 2025-06-18",
        f"{TWO_IN_ARABIC}0250618",
        "Wed Juni 18 05:28:55 IST 2025",
        "Wed Xyz 18 05:28:55 IST 2025",
        "Wed Feb 30 05:28:55 IST 2025",
        "Wed Jun 18 05:28:55 TOOLONG 2025",
        "Wed Jun 18 05:28:55 2025",
        "Mon Jan 01 00:00:00 IST 1899",
    ],
)
def test_all_else_is_no_date(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize("parse", [parse_time, parse_date])
def test_what_is_too_long_for_a_time_or_a_date_is_not_kept(parse: Callable[[str], str | None]) -> None:
    text = f"2025-06-18T05:28:55Z{'x' * 10_000}"
    before = sys.getrefcount(text)
    assert parse(text) is None
    assert sys.getrefcount(text) == before


@given(st.dates(datetime(1900, 1, 1, tzinfo=UTC).date()))
def test_every_date_since_1900_is_read_in_each_form(day: object) -> None:
    text = str(day)
    assert parse_date(text) == parse_date(text.replace("-", "")) == parse_date(f"{text}T00:00:00Z") == text


# ---- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("+7.5", 7.5),
        ("-0.25", -0.25),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
        ("1e+100", 1e100),
        ("9" * 300, 1e300),
        ("0." + "0" * 299 + "1", 1e-300),
        ("1e-999", 0.0),
    ],
)
def test_a_decimal_text_is_a_number(text: str, expected: float) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "N/A",
        "1,234.50",
        "1 234",
        "$7",
        ".5",
        "5.",
        "1e",
        "1e1000",
        "1e999",
        "nan",
        "inf",
        "0x10",
        "1_000",
        TWO_IN_ARABIC,
        "--7",
    ],
)
def test_all_else_is_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_a_text_of_more_digits_than_a_double_can_need_is_no_number() -> None:
    for text in ("1" * 301, "1." + "1" * 301):
        assert parse_number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_written_as_python_does_is_read_as_itself(value: float) -> None:
    assert parse_number(repr(value)) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("+7", 7), ("-7", -7), ("007", 7), ("7.000", 7), ("9" * 18, 10**18 - 1), ("1." + "0" * 18, 1)],
)
def test_a_whole_number_may_have_a_fraction_of_nothing(text: str, expected: int) -> None:
    assert parse_integer(text) == expected


@pytest.mark.parametrize(
    "text", ["", "7.5", "7.", ".0", "1e3", "9" * 19, "1." + "0" * 19, "seven", "1,000", "1_000", TWO_IN_ARABIC]
)
def test_all_else_is_no_whole_number(text: str) -> None:
    assert parse_integer(text) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0),
        (-0.0, 0),
        (0.4, 0),
        (0.5, 1),
        (-0.5, -1),
        (1.5, 2),
        (2.5, 3),
        (-2.5, -3),
        (2.4999999999999996, 2),
        (0.49999999999999994, 0),  # 0.5 more is 1.0 in doubles
        (4503599627370497.0, 4503599627370497),  # and 0.5 more of this is the next even one
        (-4503599627370497.0, -4503599627370497),
        (1e300, int(1e300)),
    ],
)
def test_halves_are_rounded_away_from_zero(value: float, expected: int) -> None:
    assert rounded(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_nearest_whole_number_is_exact(value: float) -> None:
    assert rounded(value) == math.copysign(1, value) * math.floor(abs(Fraction(value)) + Fraction(1, 2))


# ---- formats ---------------------------------------------------------------------------------------------------------

LABEL = "a" * 63
HOST = f"{LABEL}.{LABEL}.{LABEL}"

FITTING = {
    "email": [
        "a@b.co",
        "first.last+tag@mail.example.com",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        f"{'l' * 64}@example.com",
        f"{'l' * 59}@{HOST}.co",
        f"a@{LABEL}.{'t' * 63}",
        "a@a-b.co",
    ],
    "uri": [
        "https://example.com",
        "http://localhost:8080/",
        "ftp+ssl.v1-2://h",
        "https://example.com:443/a/b;c=d/:x?q=%20&r=/?#frag/?:",
        "https://example.com?q",
        "https://example.com#",
        "https://example.com//x",
        f"https://{LABEL}.com",
    ],
    "uri-reference": ["https://example.com/x", "a", "a/b:c", "a.png?x=1#y", "%C3%A9", "~user@host", "-", "a?b", "a#b"],
}
UNFIT = {
    "email": [
        "",
        "a@b.c",
        "@example.com",
        "a@",
        "a.example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a b@example.com",
        "a@example",
        "a@-example.com",
        "a@example-.com",
        "a@example.c0",
        "a@exam_ple.com",
        "é@example.com",
        "a@exämple.com",
        "a@@example.com",
        "a@example.com\n",
        f"{'l' * 65}@example.com",
        f"{'l' * 60}@{HOST}.co",
        f"a@{LABEL}a.com",
        f"a@b.{'t' * 64}",
    ],
    "uri": [
        "",
        "example.com",
        "/path",
        "https://",
        "https:/example.com",
        "1http://example.com",
        "https://-a.com",
        "https://a_b.com",
        "https://example.com:",
        "https://example.com:123456",
        "https://example.com/a b",
        "https://example.com/%zz",
        "https://example.com/%4",
        "https://example.com/é",
        "https://user@example.com",
        "https://example.com#a#b",
        f"https://{LABEL}a.com",
    ],
    "uri-reference": ["", "/a", "a b", "a:b", "?x", "#x", "é", "%", "a[0]", "a\n", "a\\b"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FITTING.items() for text in texts])
def test_a_text_of_a_format(name: str, text: str) -> None:
    assert FORMATS[name].fullmatch(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in UNFIT.items() for text in texts])
def test_a_text_that_is_none_of_the_format(name: str, text: str) -> None:
    assert FORMATS[name].fullmatch(text) is None


# ---- items and places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        ((7,), "7"),
        (("7",), "7"),
        (("a,b",), "a,b"),
        ((7, 164875001), "[7,164875001]"),
        (("7", None), '["7",null]'),
        (("a", "b", "c"), '["a","b","c"]'),
        (("é", 1), '["é",1]'),
    ],
)
def test_one_part_is_the_key_of_an_item_and_several_are_a_list(parts: tuple[str | int | None, ...], key: str) -> None:
    assert item_key(*parts) == key


@given(st.lists(st.tuples(st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_different_parts_are_different_keys(both: list[tuple[str, str]]) -> None:
    assert item_key(*both[0]) != item_key(*both[1])


@pytest.mark.parametrize(
    ("paths", "dropped", "lost"),
    [
        (("a.b",), None, None),
        (("a.b",), [], None),
        ((), ["a"], None),
        (("a.b",), ["a.b"], "a.b"),
        (("a.b",), ["a"], "a"),  # something above it is named
        (("a.b",), ["a.b.c"], "a.b"),  # what was asked for, where a part of it is lost
        (("a.b",), ["a.b[0].c"], "a.b"),
        (("a.b",), ["a.b{key}"], "a.b"),
        (("a.b[].c",), ["a.b"], "a.b"),
        (("a.b",), ["a.bc"], None),
        (("data.card",), ["data.cardX"], None),
        (("a.bc",), ["a.b"], None),
        (("a.b",), ["a.c", "b", "x.a.b"], None),
        (("x", "a.b", "c"), ["y", "c", "a"], "a"),  # the first of the paths
    ],
)
def test_a_path_is_lost_with_what_is_above_and_below(
    paths: tuple[str, ...], dropped: list[str] | None, lost: str | None
) -> None:
    assert unreadable(paths, dropped) == lost
    assert was_dropped(paths, dropped) is (lost is not None)


def test_an_output_that_cannot_be_decided_says_what_was_lost() -> None:
    assert undecided("data.status") == "cannot tell: data.status is unreadable"
