"""How a value becomes one of an XDM type: every way that leads there, and every reason why a value is not used."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.mapping.coercion import COERCIONS, Misfit, Set, conforms, scalar_steps
from processor.mapping.coercion import Test as Check
from processor.mapping.compiler import _NAMES
from processor.mapping.interpreter import _Dropped, _scalar
from processor.mapping.values import FORMATS, PLACEHOLDERS
from processor.mapping.xdm import (
    LONGEST,
    Array,
    Boolean,
    Date,
    DateTime,
    Integer,
    Map,
    Node,
    Number,
    Object,
    Scalar,
    Text,
)

INT32 = 2**31
INF, NAN = float("inf"), float("nan")
OF_AVRO = ("boolean", "integer", "number", "string", "bytes", "decimal", "map", "array", "record", "mixed")
OF_FUNCTIONS = ("clean", "moment", "day", "identities")


@dataclass(frozen=True)
class Unused:
    """What becomes of a value that a test stops, for this reason; None: a blank, which nobody counts."""

    reason: str | None


BLANK = Unused(None)


def came_to(kind: str, coercion: str | None, node: Scalar, x: Any) -> object:
    """What the steps make of a value, in the code that the compiler writes of them."""
    for step in scalar_steps(kind, coercion, node):
        if isinstance(step, Set):
            x = eval(step.code, {**_NAMES, "x": x})
            continue
        code = step.code if step.constant is None else step.code.format(k="k")
        if eval(code, {**_NAMES, "x": x, "k": step.constant}):
            return Unused(step.reason)
    return x


# ---- which ways there are --------------------------------------------------------------------------------------------

TARGETS: tuple[type[Scalar], ...] = (Text, Number, Integer, Boolean, DateTime, Date)
WAYS: dict[type[Scalar], set[tuple[str, str | None]]] = {
    Text: {
        ("string", None),
        ("string", "string"),
        ("string", "lower"),
        ("string", "upper"),
        ("clean", None),
        ("integer", "string"),
        ("boolean", "string"),
    },
    Number: {
        ("number", None),
        ("number", "absolute"),
        ("integer", None),
        ("integer", "absolute"),
        ("decimal", None),
        ("decimal", "absolute"),
        ("string", "number"),
    },
    Integer: {
        ("integer", None),
        ("integer", "absolute"),
        ("number", "integer"),
        ("number", "rounded"),
        ("string", "integer"),
    },
    Boolean: {("boolean", None), ("string", "boolean")},
    DateTime: {("integer", None), ("moment", None), ("string", None), ("clean", None), ("day", None)},
    Date: {("integer", None), ("moment", None), ("string", None), ("clean", None), ("day", None)},
}
MISFITS: dict[type[Scalar], str] = {
    Text: 'a text is needed; as = "string" makes one of a whole number or a boolean',
    Number: 'a number is needed; as = "number" reads one from a text',
    Integer: 'a whole number is needed; as = "integer" or "rounded" makes one of a number, "integer" of a text',
    Boolean: 'a boolean is needed; as = "boolean" reads one from a text',
    DateTime: "a time is needed: a whole number of milliseconds, or a text with a date",
    Date: "a date is needed: a text, or a whole number of milliseconds",
}


@pytest.mark.parametrize("target", TARGETS)
def test_these_ways_lead_to_a_type_and_no_others(target: type[Scalar]) -> None:
    found: set[tuple[str, str | None]] = set()
    for kind, coercion in product((*OF_AVRO, *OF_FUNCTIONS), (None, *COERCIONS)):
        try:
            scalar_steps(kind, coercion, target())
        except Misfit as misfit:
            assert str(misfit) == MISFITS[target]  # noqa: PT017 - most pairs lead nowhere, and all of those say this
        else:
            found.add((kind, coercion))
    assert found == WAYS[target]


def test_every_coercion_leads_somewhere() -> None:
    assert set(COERCIONS) == {coercion for ways in WAYS.values() for _, coercion in ways if coercion is not None}


def test_nothing_is_asked_of_a_value_that_the_schema_does_not_ask() -> None:
    assert scalar_steps("clean", None, Text()) == ()
    assert scalar_steps("boolean", None, Boolean()) == ()
    assert scalar_steps("number", None, Number()) == (Check("not isfinite(x)", "not finite"),)
    assert scalar_steps("string", None, Text()) == (
        Set("x.strip()"),
        Check("not x", None),
        Check("x in PLACEHOLDERS", "placeholder"),
    )


# ---- what comes out --------------------------------------------------------------------------------------------------


Case = tuple[str, str | None, Scalar, object, object]
"""A kind, `as`, the type of the field, what comes in, what comes out."""

SEVEN_IN_ARABIC = "\N{ARABIC-INDIC DIGIT SEVEN}"
CODE = Text(pattern="^[A-Z]+$")
TEXTS: list[Case] = [
    ("string", None, Text(), "  two words\t", "two words"),
    ("string", "string", Text(), " Kopi ", "Kopi"),
    ("string", "lower", Text(), " Gold ", "gold"),
    ("string", "upper", Text(), " Gold ", "GOLD"),
    ("string", None, Text(), "", BLANK),
    ("string", None, Text(), " \t\n", BLANK),
    ("string", None, Text(), " null ", Unused("placeholder")),
    ("string", "upper", Text(), "undefined", Unused("placeholder")),
    ("string", "lower", Text(), "Null", "null"),  # a name, whatever is made of it
    ("clean", None, Text(), "Kopi", "Kopi"),
    ("integer", "string", Text(), 0, "0"),
    ("integer", "string", Text(), -7, "-7"),
    ("boolean", "string", Text(), True, "true"),
    ("boolean", "string", Text(), False, "false"),
    ("string", None, Text(shortest=2), "a", Unused("length")),
    ("string", None, Text(shortest=2), " a ", Unused("length")),
    ("string", None, Text(shortest=2), "ab", "ab"),
    ("string", None, Text(longest=2), "ab", "ab"),
    ("string", None, Text(longest=2), "abc", Unused("length")),
    ("string", None, Text(longest=2), " ab ", "ab"),
    ("string", None, Text(longest=0), "a", Unused("length")),
    ("clean", None, Text(longest=2), "abc", Unused("length")),
    ("integer", "string", Text(longest=2), 100, Unused("length")),
    ("boolean", "string", Text(longest=4), True, "true"),
    ("boolean", "string", Text(longest=4), False, Unused("length")),
    ("string", None, Text(enum=("m", "f")), "f", "f"),
    ("string", None, Text(enum=("m", "f")), "F", Unused("enum")),
    ("string", "lower", Text(enum=("m", "f")), "F", "f"),
    ("string", None, CODE, "ABC", "ABC"),
    ("string", None, CODE, "AB1", Unused("pattern")),
    ("string", None, Text(pattern="b"), "abc", "abc"),  # as in JSON Schema, anywhere in the text
    ("string", None, Text(pattern=r"^\d$"), "7", "7"),
    ("string", None, Text(pattern=r"^\d$"), SEVEN_IN_ARABIC, Unused("pattern")),  # no digit to JSON Schema
    ("string", None, Text(pattern=r"^\w$"), "é", Unused("pattern")),
    ("string", "upper", CODE, "abc", "ABC"),
    ("string", None, Text(pattern="^.{2}$"), "é石", "é石"),
    ("string", None, Text(format="email"), "a@example.com", "a@example.com"),
    ("string", None, Text(format="email"), "a@example.com, b@example.com", Unused("email")),
    ("string", None, Text(format="uri"), "example.com", Unused("uri")),
    ("string", None, Text(format="uri-reference"), "a b", Unused("uri-reference")),
    ("string", None, Text("b", ("b",), 2, 3, "uri"), "a", Unused("length")),  # the first reason is the one
    ("string", None, Text("b", ("b",), 1, 3, "uri"), "a", Unused("enum")),
    ("string", None, Text("b", ("a",), 1, 3, "uri"), "a", Unused("pattern")),
    ("string", None, Text("a", ("a",), 1, 3, "uri"), "a", Unused("uri")),
]
NUMBERS: list[Case] = [
    ("number", None, Number(), 1.5, 1.5),
    ("number", None, Number(), -0.0, -0.0),
    ("number", None, Number(), INF, Unused("not finite")),
    ("number", "absolute", Number(), -INF, Unused("not finite")),
    ("number", None, Number(), NAN, Unused("not finite")),
    ("number", "absolute", Number(), -1.5, 1.5),
    ("integer", None, Number(), 7, 7),
    ("integer", None, Number(), LONGEST, LONGEST),
    ("integer", None, Number(), LONGEST + 1, Unused("range")),
    ("integer", None, Number(), -LONGEST, -LONGEST),
    ("integer", None, Number(), -LONGEST - 1, Unused("range")),
    ("integer", "absolute", Number(), -7, 7),
    ("integer", "absolute", Number(), -LONGEST - 1, Unused("range")),
    ("decimal", None, Number(), Decimal("12.50"), 12.5),
    ("decimal", "absolute", Number(), Decimal("-12.50"), 12.5),
    ("decimal", None, Number(), Decimal("1e400"), Unused("not finite")),
    ("string", "number", Number(), " 12.50 ", 12.5),
    ("string", "number", Number(), "-1e2", -100.0),
    ("string", "number", Number(), " ", BLANK),
    ("string", "number", Number(), "NULL", Unused("placeholder")),
    ("string", "number", Number(), "12,50", Unused("number")),
    *(
        (kind, coercion, Number(0, 10.5), number(given), expected)
        for kind, coercion, number in (
            ("number", None, float),
            ("decimal", None, Decimal),
            ("string", "number", str),
        )
        for given, expected in (
            ("0", 0.0),
            ("10.5", 10.5),
            ("-0.5", Unused("range")),
            ("11", Unused("range")),
        )
    ),
    ("integer", None, Number(0, 10), 0, 0),
    ("integer", None, Number(0, 10), 10, 10),
    ("integer", None, Number(0, 10), -1, Unused("range")),
    ("integer", None, Number(0, 10), 11, Unused("range")),
    ("number", "absolute", Number(low=0), -2.5, 2.5),
    ("number", "absolute", Number(high=2), -2.5, Unused("range")),
    ("integer", "absolute", Number(low=0), -2, 2),
    ("integer", "absolute", Number(high=2), -3, Unused("range")),
]
WHOLE_NUMBERS: list[Case] = [
    ("integer", None, Integer(), INT32 - 1, INT32 - 1),
    ("integer", None, Integer(), INT32, Unused("range")),
    ("integer", None, Integer(), -INT32, -INT32),
    ("integer", None, Integer(), -INT32 - 1, Unused("range")),
    ("integer", None, Integer(0, LONGEST), LONGEST, LONGEST),
    ("integer", None, Integer(0, LONGEST), -1, Unused("range")),
    ("integer", "absolute", Integer(), -7, 7),
    ("integer", "absolute", Integer(), -INT32, Unused("range")),
    ("number", "integer", Integer(), 7.0, 7),
    ("number", "integer", Integer(), -7.0, -7),
    ("number", "integer", Integer(), 7.5, Unused("fraction")),
    ("number", "integer", Integer(), 7.0000001, Unused("fraction")),
    ("number", "integer", Integer(), INF, Unused("not finite")),
    ("number", "integer", Integer(), 1e10, Unused("range")),
    ("number", "integer", Integer(-LONGEST, LONGEST), 4503599627370497.0, 4503599627370497),
    ("number", "rounded", Integer(), 7.4, 7),
    ("number", "rounded", Integer(), 7.5, 8),
    ("number", "rounded", Integer(), -7.5, -8),
    ("number", "rounded", Integer(), NAN, Unused("not finite")),
    ("number", "rounded", Integer(0, 7), 7.4, 7),
    ("number", "rounded", Integer(0, 7), 7.5, Unused("range")),
    ("string", "integer", Integer(), " 7.00 ", 7),
    ("string", "integer", Integer(), "7.5", Unused("number")),
    ("string", "integer", Integer(), "", BLANK),
    ("string", "integer", Integer(), "null", Unused("placeholder")),
    ("string", "integer", Integer(0, 9), "10", Unused("range")),
]
OTHERS: list[Case] = [
    ("boolean", None, Boolean(), True, True),
    ("boolean", None, Boolean(), False, False),
    ("string", "boolean", Boolean(), " True ", True),
    ("string", "boolean", Boolean(), "FALSE", False),
    ("string", "boolean", Boolean(), "yes", Unused("boolean")),
    ("string", "boolean", Boolean(), "1", Unused("boolean")),
    ("string", "boolean", Boolean(), "", BLANK),
    ("string", "boolean", Boolean(), "(null)", Unused("placeholder")),
    *(
        case
        for kind in ("integer", "moment")
        for case in (
            (kind, None, DateTime(), 1_750_224_535_593, "2025-06-18T05:28:55.593Z"),
            (kind, None, DateTime(), 1_750_224_535, "2025-06-18T05:28:55.000Z"),
            (kind, None, DateTime(), -1, Unused("time")),
            (kind, None, Date(), 1_750_224_535_593, "2025-06-18"),
            (kind, None, Date(), -1, Unused("time")),
        )
    ),
    *(
        case
        for kind in ("string", "clean", "day")
        for case in (
            (kind, None, DateTime(), " 2025-06-18T05:28:55+05:30", "2025-06-17T23:58:55.000Z"),
            (kind, None, DateTime(), "2025-06-18", "2025-06-18T00:00:00.000Z"),
            (kind, None, DateTime(), "2025-06-18T05:28:55", Unused("time")),
            (kind, None, DateTime(), " ", BLANK),
            (kind, None, DateTime(), "null", Unused("placeholder")),
            (kind, None, Date(), "20250618 ", "2025-06-18"),
            (kind, None, Date(), "18/06/2025", Unused("date")),
            (kind, None, Date(), "", BLANK),
            (kind, None, Date(), "NULL", Unused("placeholder")),
        )
    ),
]


@pytest.mark.parametrize(("kind", "coercion", "node", "given", "expected"), [*TEXTS, *NUMBERS, *WHOLE_NUMBERS, *OTHERS])
def test_a_value_comes_out_in_the_type_of_its_field_or_not_at_all(
    kind: str, coercion: str | None, node: Scalar, given: object, expected: object
) -> None:
    found = came_to(kind, coercion, node, given)
    assert (found, type(found)) == (expected, type(expected))


# ---- whatever comes in -----------------------------------------------------------------------------------------------


def texts() -> st.SearchStrategy[str]:
    numbers = ("7", "7.0", "-7.5", "1e999")
    times = ("2025-06-18", "20250618", "1950-01-01", "2025-06-18T05:28:55Z")
    others = ("", " ", "null", "Null", "undefined", "true", "False", "a@example.com", "https://example.com", "石")
    given = st.sampled_from([*numbers, *times, *others])
    return st.one_of(given, st.text(), given.map(lambda text: f" {text}\n"))


def nodes(target: type[Scalar]) -> st.SearchStrategy[Scalar]:
    """Types with some of their rules."""
    if target is Text:
        return st.builds(
            Text,
            st.sampled_from([None, "^[a-z]", "7"]),
            st.sampled_from([(), ("7", "true", "null")]),
            st.integers(1, 3),
            st.sampled_from([None, 0, 2, 10]),
            st.sampled_from([None, *FORMATS]),
        )
    if target is Number:
        return st.builds(Number, st.sampled_from([None, 0, -1.5]), st.sampled_from([None, 10, 7.5]))
    if target is Integer:
        return st.builds(Integer, st.sampled_from([-INT32, 0, -LONGEST]), st.sampled_from([INT32, 7, LONGEST]))
    return st.just(target())


def values(kind: str) -> st.SearchStrategy[Any]:
    """What a source of this kind gives; a clean text has no blank at its ends."""
    match kind:
        case "boolean":
            return st.booleans()
        case "integer" | "moment":
            edges = st.sampled_from([LONGEST, LONGEST + 1, -LONGEST - 1, 7, -7])
            return edges | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**41)
        case "number":
            return st.floats() | st.integers(-20, 20).map(lambda number: number / 2)
        case "decimal":
            return st.decimals(allow_nan=False, allow_infinity=False)
        case "clean":
            return texts().map(str.strip).filter(lambda text: text and text not in PLACEHOLDERS)
    return texts()


@given(st.data())
def test_what_comes_out_is_valid_and_the_interpreter_comes_to_the_same(data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(TARGETS))
    kind, coercion = data.draw(st.sampled_from(sorted(WAYS[target], key=str)))
    node, x = data.draw(nodes(target)), data.draw(values(kind))
    found = came_to(kind, coercion, node, x)
    try:
        expected = _scalar(x, node, coercion)
    except _Dropped as dropped:
        expected = Unused(dropped.reason)
    assert (found, type(found)) == (expected, type(expected))
    assert isinstance(found, Unused) or conforms(node, found)


# ---- what is valid ---------------------------------------------------------------------------------------------------

PAIR = Object({"name": Text(), "count": Integer()}, frozenset({"name"}))
VALID: list[tuple[Node, object]] = [
    (Text(), "a b"),
    (Text(shortest=2, longest=3), "ab"),
    (Text(shortest=2, longest=3), "abc"),
    (Text(enum=("a", "b")), "b"),
    (Text(pattern="b"), "abc"),
    (Text(format="email"), "a@example.com"),
    (Number(), 1.5),
    (Number(), 7),
    (Number(), LONGEST),
    (Number(), -LONGEST),
    (Number(0, 1), 0),
    (Number(0, 1), 1.0),
    (Number(low=0), 1e300),
    (Number(high=0), -1e300),
    (Integer(1, 3), 1),
    (Integer(1, 3), 3),
    (Boolean(), False),
    (DateTime(), "2025-06-18T05:28:55.593Z"),
    (Date(), "2025-06-18"),
    (Array(Text()), ["a"]),
    (Array(Text(), 2), ["a", "b"]),
    (Array(PAIR), [{"name": "a"}, {"name": "b", "count": 1}]),
    (Map(Integer()), {"a": 1, " ": 2}),
    (Map(Array(Text())), {"a": ["b"]}),
    (PAIR, {"name": "a"}),
    (PAIR, {"count": 1, "name": "a"}),
    (Object({"a": Text()}), {"a": "b"}),
]
NOT_VALID: list[tuple[Node, object]] = [
    *((node, None) for node, _ in VALID),
    *((node, ()) for node, _ in VALID),
    (Text(), ""),
    (Text(), " "),
    (Text(), " a"),
    (Text(), "a\n"),
    (Text(), 7),
    (Text(), b"a"),
    (Text(shortest=2), "a"),
    (Text(longest=2), "abc"),
    (Text(longest=0), "a"),
    (Text(enum=("a", "b")), "c"),
    (Text(pattern="b"), "ac"),
    (Text(pattern=r"^\d$"), SEVEN_IN_ARABIC),
    (Text(format="email"), "example.com"),
    (Text("a", ("a", "ab"), 2, 3), "a"),  # each rule counts, also where the others are kept
    (Text("a", ("a",), 1, 3), "ab"),
    (Text("b", ("a",), 1, 3), "a"),
    (Text("a", ("a",), 1, 3, "uri"), "a"),
    (Number(), "7"),
    (Number(), True),
    (Number(), INF),
    (Number(), NAN),
    (Number(), LONGEST + 1),
    (Number(), -LONGEST - 1),
    (Number(), Decimal(7)),
    (Number(0, 1), -0.5),
    (Number(0, 1), 1.5),
    (Number(low=0), -1),
    (Number(high=0), 1),
    (Integer(1, 3), 0),
    (Integer(1, 3), 4),
    (Integer(), 7.0),
    (Integer(), True),
    (Integer(), "7"),
    (Boolean(), 1),
    (Boolean(), "true"),
    (DateTime(), "2025-06-18T05:28:55Z"),  # valid to Adobe, and not as we write it
    (DateTime(), "2025-06-18"),
    (DateTime(), 1_750_224_535_593),
    (Date(), "20250618"),
    (Date(), "2025-02-29"),
    (Date(), 20250618),
    (Array(Text()), []),
    (Array(Text()), ["a", ""]),
    (Array(Text()), ["", "a"]),
    (Array(Text()), "a"),
    (Array(Text(), 2), ["a", "b", "c"]),
    (Array(Text(), 0), ["a"]),
    (Map(Integer()), {}),
    (Map(Integer()), {"a": 1, "b": "2"}),
    (Map(Integer()), {"a": "1", "b": 2}),
    (Map(Integer()), {"": 1}),
    (Map(Integer()), {7: 1}),
    (Map(Integer()), [("a", 1)]),
    (PAIR, {}),
    (PAIR, {"count": 1}),
    (PAIR, {"name": "a", "count": "1"}),
    (PAIR, {"name": "a", "other": "b"}),
    (PAIR, [{"name": "a"}]),
    (Object({"a": Text()}), {}),
    (Object({"a": Text()}), {"b": "a"}),
    (Object({"a": Text()}), {"a": {}}),
]


@pytest.mark.parametrize(("node", "value"), VALID)
def test_a_value_that_fits_a_node(node: Node, value: object) -> None:
    assert conforms(node, value) is True


@pytest.mark.parametrize(("node", "value"), NOT_VALID)
def test_a_value_that_does_not(node: Node, value: object) -> None:
    assert conforms(node, value) is False
