"""How a value of an Avro type becomes one of an XDM type: as steps of Python source that the compiler strings together.

A step either sets `x` or tests it; a test that is true ends the field, with the reason that is counted (None: a blank,
which is nothing, and nothing to count). After the last step `x` is valid for the XDM node, whatever came in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TypeGuard

from processor.mapping.values import FORMATS, parse_date, parse_time
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
    compiled,
)


@dataclass(frozen=True, slots=True)
class Set:
    """`x = code`."""

    code: str


@dataclass(frozen=True, slots=True)
class Test:
    """`if code: x is not used, for this reason`. `{k}` in the code stands for the constant."""

    __test__ = False  # pytest would collect it

    code: str
    reason: str | None
    constant: object = None


Step = Set | Test


class Misfit(Exception):  # noqa: N818 - what two types are to each other
    """No way leads from the source's type to the target's; says what would."""


def _plain_text(coercion: str | None) -> list[Step]:
    steps: list[Step] = [Set("x.strip()"), Test("not x", None), Test("x in PLACEHOLDERS", "placeholder")]
    return [*steps, Set(f"x.{coercion}()")] if coercion in ("lower", "upper") else steps


def _text_checks(node: Text) -> list[Step]:
    steps: list[Step] = []
    if node.shortest > 1:
        steps.append(Test(f"len(x) < {node.shortest!r}", "length"))
    if node.longest is not None:
        steps.append(Test(f"len(x) > {node.longest!r}", "length"))
    if node.enum:
        steps.append(Test("x not in {k}", "enum", frozenset(node.enum)))
    if node.pattern is not None:
        steps.append(Test("{k}(x) is None", "pattern", compiled(node.pattern).search))
    if node.format is not None:
        steps.append(Test("{k}(x) is None", node.format, FORMATS[node.format].fullmatch))
    return steps


def _to_text(kind: str, coercion: str | None, node: Text) -> list[Step]:
    if kind == "string" and coercion in (None, "string", "lower", "upper"):
        return [*_plain_text(coercion), *_text_checks(node)]
    if kind == "clean" and coercion is None:
        return _text_checks(node)
    if kind == "integer" and coercion == "string":
        return [Set("str(x)"), *_text_checks(node)]
    if kind == "boolean" and coercion == "string":
        return [Set("'true' if x else 'false'"), *_text_checks(node)]
    raise Misfit('a text is needed; as = "string" makes one of a whole number or a boolean')


def _limits(node: Number) -> list[Step]:
    steps: list[Step] = []
    if node.low is not None:
        steps.append(Test(f"x < {node.low!r}", "range"))
    if node.high is not None:
        steps.append(Test(f"x > {node.high!r}", "range"))
    return steps


def _to_number(kind: str, coercion: str | None, node: Number) -> list[Step]:
    absolute: list[Step] = [Set("abs(x)")] if coercion == "absolute" else []
    if kind == "number" and coercion in (None, "absolute"):
        return [Test("not isfinite(x)", "not finite"), *absolute, *_limits(node)]
    if kind == "integer" and coercion in (None, "absolute"):
        return [Test(f"not {-LONGEST} <= x <= {LONGEST}", "range"), *absolute, *_limits(node)]
    if kind == "decimal" and coercion in (None, "absolute"):
        return [Set("float(x)"), Test("not isfinite(x)", "not finite"), *absolute, *_limits(node)]
    if kind == "string" and coercion == "number":
        return [*_plain_text(None), Set("parse_number(x)"), Test("x is None", "number"), *_limits(node)]
    raise Misfit('a number is needed; as = "number" reads one from a text')


def _to_integer(kind: str, coercion: str | None, node: Integer) -> list[Step]:
    within = Test(f"not {node.low} <= x <= {node.high}", "range")
    if kind == "integer" and coercion in (None, "absolute"):
        return [Set("abs(x)"), within] if coercion else [within]
    if kind == "number" and coercion in ("integer", "rounded"):
        fraction: list[Step] = [Test("x != x // 1", "fraction")] if coercion == "integer" else []
        return [Test("not isfinite(x)", "not finite"), *fraction, Set("rounded(x)"), within]
    if kind == "string" and coercion == "integer":
        return [*_plain_text(None), Set("parse_integer(x)"), Test("x is None", "number"), within]
    raise Misfit('a whole number is needed; as = "integer" or "rounded" makes one of a number, "integer" of a text')


def _to_boolean(kind: str, coercion: str | None, _node: Boolean) -> list[Step]:
    if kind == "boolean" and coercion is None:
        return []
    if kind == "string" and coercion == "boolean":
        return [*_plain_text(None), Set("BOOLEANS.get(x.lower())"), Test("x is None", "boolean")]
    raise Misfit('a boolean is needed; as = "boolean" reads one from a text')


def _to_moment(kind: str, coercion: str | None, _node: DateTime) -> list[Step]:
    if coercion is None and kind in ("integer", "moment"):
        return [Set("rfc3339(x)"), Test("x is None", "time")]
    if coercion is None and kind in ("string", "clean", "day"):
        return [*_plain_text(None), Set("parse_time(x)"), Test("x is None", "time")]
    raise Misfit("a time is needed: a whole number of milliseconds, or a text with a date")


def _to_day(kind: str, coercion: str | None, _node: Date) -> list[Step]:
    if coercion is None and kind in ("integer", "moment"):
        return [Set("day_of(x)"), Test("x is None", "time")]
    if coercion is None and kind in ("string", "clean", "day"):
        return [*_plain_text(None), Set("parse_date(x)"), Test("x is None", "date")]
    raise Misfit("a date is needed: a text, or a whole number of milliseconds")


_SCALARS: Mapping[type, Callable[..., list[Step]]] = {
    Text: _to_text,
    Number: _to_number,
    Integer: _to_integer,
    Boolean: _to_boolean,
    DateTime: _to_moment,
    Date: _to_day,
}

COERCIONS = ("string", "lower", "upper", "number", "integer", "rounded", "absolute", "boolean")


def scalar_steps(kind: str, coercion: str | None, node: Scalar) -> tuple[Step, ...]:
    """The steps from a source's kind to a plain XDM type. A clean text is one that a function of ours has judged.

    Raises:
        Misfit: there are none.
    """
    return tuple(_SCALARS[type(node)](kind, coercion, node))


def conforms(node: Node, value: object) -> bool:  # noqa: PLR0911 - one case a type
    """Whether a value, JSON as Python has it, is valid for a node and holds nothing empty: naive, not for every record.

    For constants and lookup tables, which are known at start, and for what a brand's own function returns.
    """
    match node:
        case Array(items, longest):
            return (
                isinstance(value, list)
                and _between(1, len(value), longest)
                and all(conforms(items, item) for item in value)
            )
        case Map(values):
            return (
                isinstance(value, dict)
                and bool(value)
                and all(isinstance(name, str) and bool(name) and conforms(values, item) for name, item in value.items())
            )
        case Object(properties, required):
            return (
                isinstance(value, dict)
                and bool(value)
                and required <= value.keys()
                and all(name in properties and conforms(properties[name], item) for name, item in value.items())
            )
        case Text():
            return isinstance(value, str) and value.strip() == value and _text_conforms(node, value)
        case Number(low, high):
            return _is_number(value) and _between(low, value, high)
        case Integer(low, high):
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        case Boolean():
            return isinstance(value, bool)
        case DateTime():
            return isinstance(value, str) and parse_time(value) == value
        case Date():
            return isinstance(value, str) and parse_date(value) == value


def _text_conforms(node: Text, value: str) -> bool:
    return (
        _between(node.shortest, len(value), node.longest)
        and (not node.enum or value in node.enum)
        and (node.pattern is None or compiled(node.pattern).search(value) is not None)
        and (node.format is None or FORMATS[node.format].fullmatch(value) is not None)
    )


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value) if isinstance(value, float) else abs(value) <= LONGEST


def _between(low: float | None, value: float, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)
