"""Values of any Avro schema, as a Hypothesis strategy and, a hundred times faster, by dice.

What Capillary really sends comes often, and so does what nobody should send.
"""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

NOW = 1_760_000_000_000
"""The clock of tests that use these values, milliseconds since 1970."""

Strategy = st.SearchStrategy[Any]

TEXTS = [
    *("", " ", "null", "-1", "0", "NULL ", "undefined", "None", "true", "x", "\u0000", "\x1f", "\ufeff", "a\nb"),
    *("kim@example.com", " KIM@EXAMPLE.COM ", "kim@", "noreply@example.com", "a" * 64 + "@example.com"),
    *("6281200000001", "+91 98 1000 0001", "1234567890", "672919878345733", "testuser"),
    *("d41d8cd98f00b204e9800998ecf8427e", "0a" * 32, "CARD_1", "0000"),
    *("2025-06-30", "2024-02-30", "tierExpiryDate", "2121-04-27", "0000-00-00", "Thu Jan 01 00:00:00 UTC 1990"),
    *("IDR", "idr", "usd ", "Rp", "RETURN", "return", "MIXED", "REGULAR", "LOYALTY", "Deleted", "active", "gender"),
    *("600.000", "1e400", "NaN", "-12", "9" * 40, "dob", "BillId", "billNumber", "https://example.com/a b"),
    *("\u77f3\u5ddd", "\U0001f469\u200d\U0001f467", "\u202eabc", "\u00e9" * 40, "x" * 1100),
]
LONGS = [0, -1, 1, 7, 1693334444, 156474848484, 904788626831872, NOW, NOW - 1, NOW + 5_400_000, NOW - 10**10]
DOUBLES = [0.0, -0.0, 1.0, 0.269, -600.0, 333.333, 1e300, 5e-324, float("nan"), float("inf")]

text = st.sampled_from(TEXTS) | st.text(max_size=12)
long = st.sampled_from([*LONGS, 2**31, 2**53, -(2**63), 2**63 - 1]) | st.integers(NOW - 10**9, NOW)
int32 = st.sampled_from([0, -1, 1, 3, 2**31 - 1, -(2**31)]) | st.integers(0, 20)
double = st.sampled_from(DOUBLES) | st.floats(-1e6, 1e6, allow_nan=False)

PRIMITIVES: dict[str, Strategy] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": int32,
    "long": long,
    "float": st.floats(width=32),
    "double": double,
    "string": text,
    "bytes": st.binary(max_size=8),
}


def values(schema: Any) -> Strategy:
    """All values of a schema."""
    return _Builder().values(schema)


class _Builder:
    """Knows the named types that stand further up in a schema."""

    def __init__(self) -> None:
        self._named: dict[str, Strategy] = {}

    def values(self, schema: Any) -> Strategy:
        if isinstance(schema, list):
            found = [self.values(branch) for branch in schema]
            return st.one_of([*found, *found[1:]])  # twice, because an event of nothing but null shows little
        if isinstance(schema, str):
            return PRIMITIVES[schema] if schema in PRIMITIVES else self._named[schema.rpartition(".")[2]]
        kind = schema["type"]
        if kind == "array":
            return st.lists(self.values(schema["items"]), max_size=3)
        if kind == "map":
            return st.dictionaries(text, self.values(schema["values"]), max_size=3)
        if kind == "record":
            fields = st.fixed_dictionaries({field["name"]: self.values(field["type"]) for field in schema["fields"]})
            return self._named.setdefault(schema["name"], fields)
        return PRIMITIVES[kind]


def thrown(schema: Any, dice: Random) -> Any:
    """One value of a schema. For comparing two readers of one record; a failure shrinks to nothing smaller."""
    return _Thrower(dice).value(schema)


class _Thrower:
    """Knows the named types that stand further up in a schema, whether or not they were thrown."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._named: dict[str, Any] = {}

    def value(self, schema: Any) -> Any:
        self._define(schema)
        if isinstance(schema, list):
            return self.value(self._dice.choice([*schema, *schema[1:]]))
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(self._dice.randrange(3))]
        if kind == "map":
            return {self._dice.choice(TEXTS): self.value(schema["values"]) for _ in range(self._dice.randrange(3))}
        return self.value(self._named[kind.rpartition(".")[2]]) if kind not in PRIMITIVES else self._primitive(kind)

    def _primitive(self, kind: str) -> Any:
        small = [0, -1, 1, 2**31 - 1, -(2**31)]
        choices: dict[str, list[Any]] = {
            "null": [None],
            "boolean": [True, False],
            "int": small,
            "long": [*LONGS, *small, 2**63 - 1, -(2**63)],
            "float": [0.0, 0.5, -2.0],
            "double": DOUBLES,
            "bytes": [b"", b"\x00\xff"],
            "string": TEXTS,
        }
        return self._dice.choice(choices[kind])

    def _define(self, schema: Any) -> None:
        if isinstance(schema, dict):
            if schema.get("type") == "record":
                self._named[schema["name"]] = schema
            for part in (*schema.get("fields", ()), schema.get("type"), schema.get("items"), schema.get("values")):
                self._define(part)
        elif isinstance(schema, list):
            for part in schema:
                self._define(part)
