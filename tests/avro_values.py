"""Hypothesis strategies for all that an Avro schema can hold; what Capillary really sends comes often."""

from __future__ import annotations

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
