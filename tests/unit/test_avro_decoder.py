"""What the generated decoder gives and refuses, case by case; every expected byte is written out."""

from __future__ import annotations

import math
import struct
import time
import traceback
from decimal import Decimal

import pytest

from processor.avro import DecodeError, Decoder, Each, IncompatibleSchema, Want, admit, build_decoder
from tests.avro_schemas import Json, a, record


def decoder(writer: Json, *wants: Want, reader: Json | None = None) -> Decoder:
    return build_decoder(admit(writer), admit(reader or writer), wants)


def read(writer: Json, payload: bytes, *wants: Want, reader: Json | None = None) -> tuple[object, ...]:
    return decoder(writer, *wants, reader=reader).read(payload, 0)


ITEM = record(a("key", ["null", "string"]), a("value", "long"), name="Item")
EVENT = record(
    a("name", "string"),
    a(
        "data",
        ["null", record(a("points", ["null", "double"]), a("items", {"type": "array", "items": ITEM}), name="D")],
    ),
    a("tail", "boolean"),
)
PAYLOAD = (
    b"\x02n"
    b"\x02"  # data is there
    b"\x02" + struct.pack("<d", 2.5) + b"\x04"  # points; two items
    b"\x02\x02k\x02"  # "k", 1
    b"\x00\x03"  # null, -2
    b"\x00"
    b"\x01"
)


def test_an_event() -> None:
    wants = ("data.points", "name", Each("data.items", ("value", "key")), "tail", "data.items", "data")
    items = [{"key": "k", "value": 1}, {"key": None, "value": -2}]
    expected = (2.5, "n", [(1, "k"), (-2, None)], True, items, {"points": 2.5, "items": items})
    assert read(EVENT, PAYLOAD, *wants) == expected


def test_wants_may_repeat_and_overlap() -> None:
    wants = (
        "data",
        "data.points",
        "data.points",
        Each("data.items", ("key",)),
        Each("data.items", ("key", "key")),
        Each("data.items", ()),
        Each("data.items", ("key",)),
    )
    got = read(EVENT, PAYLOAD, *wants)
    assert got[1:] == (2.5, 2.5, [("k",), (None,)], [("k", "k"), (None, None)], [(), ()], [("k",), (None,)])


def test_nothing_wanted_still_reads_to_the_end() -> None:
    assert read(EVENT, PAYLOAD) == ()
    with pytest.raises(DecodeError, match="bytes are left over"):
        read(EVENT, PAYLOAD + b"\0")


def test_below_a_null_all_is_none() -> None:
    assert read(EVENT, b"\x02n\x00\x00", "data.points", Each("data.items", ("key",)), "data") == (None, None, None)


def test_start_skips_the_frame() -> None:
    assert decoder(EVENT, "name").read(b"12345" + PAYLOAD, 5) == ("n",)


def test_known_paths() -> None:
    older = record(
        a("name", "string"),
        a(
            "data",
            ["null", record(a("items", {"type": "array", "items": record(a("value", "int"), name="Item")}), name="D")],
        ),
        a("tail", "boolean"),
    )
    reader = record(
        a("name", "string"),
        a("title", ["null", "string"], default=None),
        a(
            "data",
            [
                "null",
                record(
                    a("points", ["null", "double"], default=None),
                    a(
                        "items",
                        {
                            "type": "array",
                            "items": record(
                                a("key", ["null", "string"], default=None), a("value", "long"), name="Item"
                            ),
                        },
                    ),
                    name="D",
                ),
            ],
        ),
    )
    made = decoder(older, "name", "title", "data.points", "data", Each("data.items", ("key", "value")), reader=reader)
    assert made.known == {"name", "data", "data.items", "data.items[].value"}
    assert made.read(b"\x02n\x02\x02\x06\x00\x01", 0) == (
        "n",
        None,
        None,
        {"points": None, "items": [{"key": None, "value": 3}]},
        [(None, 3)],
    )


def test_every_type_as_a_value() -> None:
    kinds: dict[str, tuple[object, bytes, object]] = {
        "null": ("null", b"", None),
        "boolean": ("boolean", b"\x01", True),
        "int": ("int", b"\xff\xff\xff\xff\x0f", -(2**31)),
        "long": ("long", b"\xff" * 9 + b"\x01", -(2**63)),
        "longest": ("long", b"\xfe" + b"\xff" * 8 + b"\x01", 2**63 - 1),
        "two_bytes": ("long", b"\x80\x01", 64),
        "float": ("float", struct.pack("<f", 0.5), 0.5),
        "double": ("double", struct.pack("<d", -0.1), -0.1),
        "bytes": ("bytes", b"\x04\x00\xff", b"\x00\xff"),
        "string": ("string", b"\x06\xe2\x82\xac", "€"),
        "long_string": ("string", b"\x90\x03" + b"s" * 200, "s" * 200),
        "fixed": ({"type": "fixed", "name": "F", "size": 2}, b"ab", b"ab"),
        "enum": ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\x02", "B"),
        "array": ({"type": "array", "items": "int"}, b"\x02\x02\x01\x02\x04\x00", [1, 2]),
        "map": ({"type": "map", "values": "int"}, b"\x04\x02a\x02\x02a\x04\x00", {"a": 2}),
        "empty": (record(name="Empty"), b"", {}),
        "union": (["string", "null", "int"], b"\x04\x02", 1),
        "timestamp": ({"type": "long", "logicalType": "timestamp-millis"}, b"\x02", 1),
        "uuid": ({"type": "string", "logicalType": "uuid"}, b"\x02u", "u"),
        "decimal": (
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            b"\x04\xff\x85",
            Decimal("-1.23"),
        ),
        "fixed_decimal": (
            {"type": "fixed", "name": "G", "size": 9, "logicalType": "decimal", "precision": 4, "scale": 1},
            b"\x00" * 8 + b"\x0c",
            Decimal("1.2"),
        ),
        "no_decimal": ({"type": "bytes", "logicalType": "decimal"}, b"\x02a", b"a"),
    }
    kinds["array"] = (kinds["array"][0], b"\x04\x02\x04\x00", [1, 2])
    schema = record(*(a(name, kind) for name, (kind, _, _) in kinds.items()))
    payload = b"".join(raw for _, raw, _ in kinds.values())
    assert read(schema, payload, *kinds) == tuple(value for _, _, value in kinds.values())
    assert read(schema, payload) == ()


def test_nan_and_infinity_come_through() -> None:
    (got,) = read(record(a("x", "double")), struct.pack("<d", math.nan), "x")
    assert isinstance(got, float)
    assert math.isnan(got)


# ---- what is refused, and where -------------------------------------------------------------------------------------

ARRAY = {"type": "array", "items": "int"}
HOSTILE = {
    "empty": (a("x", "int"), b"", "x", "the data ends before this does"),
    "text cut off": (a("x", "string"), b"\x04a", "x", "the data ends before this does"),
    "negative length": (a("x", "string"), b"\x01", "x", "a negative length or index"),
    "huge length": (a("x", "bytes"), b"\xfe" + b"\xff" * 8 + b"\x01", "x", "the data ends before this does"),
    "not UTF-8": (a("x", "string"), b"\x02\xff", "x", "not UTF-8"),
    "lone surrogate": (a("x", "string"), b"\x06\xed\xa0\x80", "x", "not UTF-8"),
    "boolean 2": (a("x", "boolean"), b"\x02", "x", "neither 0 nor 1"),
    "number without end": (a("x", "long"), b"\x80" * 1_000_000, "x", "a number of more than 64 bits"),
    "number of 65 bits": (a("x", "long"), b"\xff" * 9 + b"\x02", "x", "a number of more than 64 bits"),
    "number cut off": (a("x", "long"), b"\x80\x80", "x", "the data ends before this does"),
    "int of 33 bits": (a("x", "int"), b"\x80\x80\x80\x80\x10", "x", "a number of more than 32 bits"),
    "negative branch": (a("x", ["null", "int"]), b"\x01\x02", "x", "no such branch of the union"),
    "branch 2 of 2": (a("x", ["null", "int"]), b"\x04\x02", "x", "no such branch of the union"),
    "long form of a branch": (a("x", ["null", "int"]), b"\x82\x00\x02", "x", "no such branch of the union"),
    "symbol 2 of 2": (a("x", {"type": "enum", "name": "E", "symbols": ["A", "B"]}), b"\x04", "x", "no such symbol"),
    "negative symbol": (a("x", {"type": "enum", "name": "E", "symbols": ["A"]}), b"\x01", "x", "a negative length or"),
    "bomb": (a("x", ARRAY), b"\x80\x80\x80\x80\x80\x80\x02", "x", "a block of more items than there are bytes"),
    "bomb of a map": (
        a("x", {"type": "map", "values": "null"}),
        b"\xfe" + b"\xff" * 8 + b"\x01",
        "x",
        "a block of more items",
    ),
    "negative bomb": (a("x", ARRAY), b"\xff" * 9 + b"\x01\x02", "x", "a block whose size in bytes is not possible"),
    "negative size": (a("x", ARRAY), b"\x01\x01\x02\x00", "x", "a block whose size in bytes is not possible"),
    "size too large": (a("x", ARRAY), b"\x01\x06\x02\x00", "x", "a block whose size in bytes is not possible"),
    "size too small": (a("x", ARRAY), b"\x03\x02\x02\x02\x00", "x", "a block whose size in bytes is not possible"),
    "count of 0 in two bytes": (a("x", ARRAY), b"\x80\x00\x00", "x", "a count of 0 in a long form"),
    "no end of blocks": (a("x", ARRAY), b"\x02\x02", "x", "the data ends before this does"),
    "item": (a("x", {"type": "array", "items": "string"}), b"\x02\x02\xff\x00", "x[]", "not UTF-8"),
    "value of a map": (a("x", {"type": "map", "values": "string"}), b"\x02\x02a\x02\xff\x00", "x{}", "not UTF-8"),
    "decimal": (
        a("x", {"type": "bytes", "logicalType": "decimal", "precision": 2}),
        b"\x02\x64",
        "x",
        "more than 2 digits",
    ),
    "huge decimal": (
        a("x", {"type": "bytes", "logicalType": "decimal", "precision": 2}),
        b"\xc0\x9a\x0c" + b"\x7f" * 100_000,
        "x",
        "more than 2 digits",
    ),
    "deep": (
        a("x", ["null", record(a("y", ["null", ITEM]), name="S")]),
        b"\x02\x02\x02\x02\xff\x00",
        "x.y.key",
        "not UTF",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bytes(case: str) -> None:
    field, payload, place, detail = HOSTILE[case]
    schema = record(field)
    for want in ("x", None):  # wanted or not
        made = decoder(schema, want) if want else decoder(schema)
        started = time.thread_time()
        try:
            made.read(payload, 0)
        except DecodeError as error:
            if want:
                assert (error.place, detail in error.detail) == (place, True), error  # noqa: PT017 - two in one
        else:
            assert not want, "was read"
            assert detail.startswith(("not UTF", "neither", "more than", "a number")), "was skipped"
        assert time.thread_time() - started < 1


def test_skipped_numbers_have_an_end() -> None:
    with pytest.raises(DecodeError) as caught:
        read(record(a("x", "long"), a("y", "int")), b"\x80" * 11 + b"\x00\x00")
    assert caught.value.place == "x"


def test_an_error_shows_the_generated_line_and_no_payload() -> None:
    payload = b"\x12" + bytes(ord(letter) for letter in "drowssap"[::-1]) + b"\xff"
    with pytest.raises(DecodeError) as caught:
        read(record(a("secret", "string")), payload, "secret")
    shown = "".join(traceback.format_exception(caught.value))
    assert "v0_secret = b[s:p].decode()" in shown
    assert "<avro decoder R " in shown
    assert "password" not in shown
    assert str(caught.value) == "secret: not UTF-8"


def test_the_place_goes_through_helpers() -> None:
    channel = record(
        a("accounts", {"type": "array", "items": record(a("id", ["null", "string"]), name="Account")}), name="Channel"
    )
    schema = record(a("data", record(a("line", ["null", channel]), a("jd", ["null", "Channel"]), name="D")))
    made = decoder(schema)
    assert "def skip_1(b, p, end):" in made.source
    with pytest.raises(DecodeError) as caught:
        made.read(b"\x00\x02\x02\x04", 0)
    assert caught.value.place == "data.jd.accounts[].id"


def test_deep_nesting_is_read_and_refused_at_its_place() -> None:
    kind: object = "string"
    for level in range(30):
        kind = {"type": "array", "items": kind} if level % 2 else {"type": "map", "values": kind}
    payload = b"".join(b"\x02" if level % 2 else b"\x02\x02k" for level in reversed(range(30)))
    schema = record(a("x", kind))
    value: object = "s"
    for level in range(30):
        value = [value] if level % 2 else {"k": value}
    assert read(schema, payload + b"\x02s" + b"\0" * 30, "x") == (value,)
    assert read(schema, payload + b"\x02s" + b"\0" * 30) == ()
    for wants in (("x",), ()):
        with pytest.raises(DecodeError) as caught:
            read(schema, payload + b"\x04s", *wants)
        assert caught.value.place == "x" + "[]{}" * 15


def test_deep_unions_of_records() -> None:
    kind: object = ["null", "int"]
    for level in range(30):
        kind = ["null", record(a("x", kind), name=f"L{level}")]
    schema = record(a("x", kind))
    path = ".".join(["x"] * 31)
    assert read(schema, b"\x02" * 31 + b"\x06", path) == (3,)
    assert read(schema, b"\x02" * 31 + b"\x06") == ()
    assert read(schema, b"\x02" * 10 + b"\0", path) == (None,)


def test_large_unions() -> None:
    names = [f"F{index}" for index in range(200)]
    schema = record(a("x", [{"type": "fixed", "name": name, "size": 1} for name in names]))
    wanted, skipped = decoder(schema, "x"), decoder(schema)
    for index in (0, 1, 63, 64, 199):
        number = index * 2
        raw = bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])
        assert wanted.read(raw + b"v", 0) == (b"v",)
        assert skipped.read(raw + b"v", 0) == ()
    for raw in (b"\x90\x03v", b"\x01v"):
        with pytest.raises(DecodeError):
            wanted.read(raw, 0)


def test_the_largest_schema_is_compiled_in_reasonable_time() -> None:
    schema = record(*(a(f"x{index}", ["null", "string", "long"]) for index in range(1000)))
    started = time.process_time()
    made = decoder(schema, *(f"x{index}" for index in range(0, 1000, 2)))
    assert time.process_time() - started < 10
    assert made.read(b"\0" * 1000, 0) == (None,) * 500


def test_runs_of_nulls_and_what_breaks_them() -> None:
    schema = record(*(a(f"x{index}", ["null", "int"]) for index in range(5)), a("y", "int"))
    made = decoder(schema, "y")
    assert "(5," not in made.source
    assert "== b'\\x00\\x00\\x00\\x00\\x00'" in made.source
    assert made.read(b"\0\0\0\0\0\x02", 0) == (1,)
    assert made.read(b"\0\0\x02\x02\0\0\x02", 0) == (1,)


# ---- two schemas ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ours", "payload", "value"),
    [
        ("int", "long", b"\x02", 1),
        ("int", "float", b"\x02", 1.0),
        ("int", "double", b"\x80\x01", 64.0),
        ("long", "double", b"\x02", 1.0),
        ("float", "double", struct.pack("<f", 0.5), 0.5),
        ("string", "bytes", b"\x02\xff", b"\xff"),
        ("bytes", "string", b"\x02a", "a"),
        ("int", ["null", "double"], b"\x02", 1.0),
        (["null", "int"], ["null", "long"], b"\x02\x02", 1),
        (["int", "null"], ["null", "long"], b"\x00\x02", 1),
        (["int", "string"], ["null", "double", "bytes"], b"\x02\x02a", b"a"),
        (["int"], "int", b"\x00\x02", 1),
        ("long", ["float", "long"], b"\x02", 1),
        (["string", "bytes"], ["string", "bytes"], b"\x02\x02\xff", b"\xff"),
    ],
)
def test_promotion(written: object, ours: object, payload: bytes, value: object) -> None:
    (got,) = read(record(a("x", written)), payload, "x", reader=record(a("x", ours)))
    assert got == value
    assert type(got) is type(value)


DEFAULTS: list[tuple[object, object, object]] = [
    (["null", "string"], None, None),
    (["string", "null"], "d", "d"),
    ("boolean", True, True),
    ("int", 5, 5),
    ("double", 5, 5.0),
    ("double", math.inf, math.inf),
    ("bytes", "\u00ff", b"\xff"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "\u0001", Decimal("0.01")),
    ({"type": "fixed", "name": "F", "size": 1}, "a", b"a"),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, "A", "A"),
    ({"type": "array", "items": "long"}, [1], [1]),
    ({"type": "map", "values": "string"}, {"a'b": "\n"}, {"a'b": "\n"}),
    (record(a("y", "int"), a("z", "int", default=2), name="S"), {"y": 1}, {"y": 1, "z": 2}),
]


@pytest.mark.parametrize(("kind", "default", "value"), DEFAULTS)
def test_defaults(kind: object, default: object, value: object) -> None:
    reader = record(a("x", kind, default=default), a("y", "int"))
    made = decoder(record(a("y", "int")), "x", "y", reader=reader)
    first, second = made.read(b"\x02", 0), made.read(b"\x02", 0)
    assert first == (value, 1)
    if isinstance(value, list | dict):
        assert first[0] is not second[0]  # whoever gets it may change it
    assert made.known == {"y"}


def test_the_default_may_be_no_number() -> None:
    (got,) = read(record(), b"", "x", reader=record(a("x", "double", default=math.nan)))
    assert isinstance(got, float)
    assert math.isnan(got)


def test_defaults_are_picked_from() -> None:
    inner = record(a("y", ["null", "int"], default=None), a("z", "string", default="z"), name="S")
    reader = record(
        a("s", inner, default={"y": None}),
        a("many", {"type": "array", "items": "S"}, default=[{"z": "a"}, {}]),
    )
    wants = ("s.z", "s.y", Each("many", ("z", "y")))
    assert read(record(), b"", *wants, reader=reader) == ("z", None, [("a", None), ("z", None)])


def test_a_default_below_a_null_record_is_none() -> None:
    writer = record(a("s", ["null", record(name="S")]))
    reader = record(a("s", ["null", record(a("x", "string", default="d"), name="S")]))
    made = decoder(writer, "s.x", reader=reader)
    assert made.read(b"\x00", 0) == (None,)
    assert made.read(b"\x02", 0) == ("d",)


def test_aliases() -> None:
    writer = record(a("old", "int"), a("s", record(a("x", "int"), name="a.Old")))
    reader = record(
        a("s", record(a("x", "int"), name="b.S", aliases=["a.Old"])),
        a("fresh", "long", aliases=["old"]),
        name="New",
        aliases=["R"],
    )
    made = decoder(writer, "fresh", "s.x", reader=reader)
    assert made.read(b"\x02\x04", 0) == (1, 2)
    assert made.known == {"fresh", "s.x"}


def test_a_field_of_its_own_name_is_nobody_s_alias() -> None:
    writer = record(a("x", "int"))
    reader = record(a("x", "int"), a("y", ["null", "int"], aliases=["x"], default=None))
    assert read(writer, b"\x02", "x", "y", reader=reader) == (1, None)


def test_the_namespace_of_a_record_does_not_matter() -> None:
    assert read(record(a("x", "int"), name="a.R"), b"\x02", "x", reader=record(a("x", "int"), name="b.R")) == (1,)


def test_symbols_that_we_do_not_have() -> None:
    writer = record(a("x", {"type": "enum", "name": "E", "symbols": ["A", "B"]}))
    strict = record(a("x", {"type": "enum", "name": "E", "symbols": ["A"]}))
    lax = record(a("x", {"type": "enum", "name": "E", "symbols": ["A", "OTHER"], "default": "OTHER"}))
    assert read(writer, b"\x00", "x", reader=strict) == ("A",)
    assert read(writer, b"\x02", "x", reader=lax) == ("OTHER",)
    with pytest.raises(DecodeError, match="x: a symbol that our schema does not have"):
        read(writer, b"\x02", "x", reader=strict)


def test_a_branch_that_we_do_not_have() -> None:
    writer, reader = record(a("x", ["null", "string", "int"])), record(a("x", ["null", "int"]))
    assert read(writer, b"\x04\x02", "x", reader=reader) == (1,)
    with pytest.raises(DecodeError, match="x: a branch that our schema does not have: string"):
        read(writer, b"\x02\x02a", "x", reader=reader)
    assert read(writer, b"\x02\x02a", reader=reader) == ()


def test_what_is_not_wanted_may_be_incompatible() -> None:
    writer = record(a("x", "int"), a("y", "string"))
    reader = record(a("x", "int"), a("y", "long"), a("needed", "string"))
    assert read(writer, b"\x02\x02a", "x", reader=reader) == (1,)


INNER = record(a("y", "int"), name="S")
INCOMPATIBLE = {
    "type": (a("x", "string"), a("x", "int"), "x", "x", "the writer has string where we read int"),
    "no default": (a("y", "int"), a("x", "int"), "x", "x", "the writer has no such field, and ours has no default"),
    "no default below": (
        a("s", ["null", record(name="S")]),
        a("s", ["null", INNER]),
        "s",
        "s.y",
        "the writer has no such field",
    ),
    "narrowing": (a("x", "long"), a("x", "int"), "x", "x", "the writer has long where we read int"),
    "items": (a("x", ARRAY), a("x", {"type": "array", "items": "string"}), "x", "x", "the writer has array where"),
    "items in unions": (
        a("x", {"type": "array", "items": ["null", "int"]}),
        a("x", {"type": "array", "items": "string"}),
        "x",
        "x[]",
        "nothing of the writer's union can be read as string",
    ),
    "union": (
        a("x", ["null", "int"]),
        a("x", "string"),
        "x",
        "x",
        "nothing of the writer's union can be read as string",
    ),
    "record": (a("x", INNER), a("x", record(a("y", "int"), name="T")), "x.y", "x", "the writer has record S where we"),
    "size": (
        a("x", {"type": "fixed", "name": "F", "size": 1}),
        a("x", {"type": "fixed", "name": "F", "size": 2}),
        "x",
        "x",
        "the writer has fixed F where we read fixed F",
    ),
    "decimal": (
        a("x", "bytes"),
        a("x", {"type": "bytes", "logicalType": "decimal", "precision": 2}),
        "x",
        "x",
        "the writer has bytes where we read decimal bytes",
    ),
    "default that does not fit": (
        a("y", "int"),
        a("x", {"type": "fixed", "name": "F", "size": 2}, default="a"),
        "x",
        "x",
        "the default does not fit fixed F",
    ),
    "no such path": (a("x", "int"), a("x", "int"), "z", "z", "R has no such path"),
    "path into a primitive": (a("x", "int"), a("x", "int"), "x.y", "x.y", "R has no such path"),
    "each of a record": (a("x", INNER), a("x", INNER), Each("x", ("y",)), "x[].y", "R has no such path"),
    "each of no array": (a("x", INNER), a("x", INNER), Each("x", ()), "x[]", "R has no such path"),
}


@pytest.mark.parametrize("case", INCOMPATIBLE)
def test_incompatible(case: str) -> None:
    written, ours, want, place, detail = INCOMPATIBLE[case]
    with pytest.raises(IncompatibleSchema) as caught:
        decoder(record(written), want, reader=record(ours))  # type: ignore[arg-type]
    assert caught.value.place == place
    assert detail in caught.value.detail


def test_another_record_is_incompatible() -> None:
    with pytest.raises(IncompatibleSchema, match=r"the writer's record is a\.Other, ours is a\.R"):
        decoder(record(name="a.Other"), reader=record(name="a.R"))


def test_two_fields_with_one_alias_are_incompatible() -> None:
    reader = record(a("x", "int", aliases=["z"]), a("y", "int", aliases=["z"]))
    with pytest.raises(IncompatibleSchema, match="the alias of two fields"):
        decoder(record(a("z", "int")), "x", "y", reader=reader)


def test_records_of_one_union_have_their_own_fields() -> None:
    schema = record(
        a("x", ["null", record(a("a", "int"), name="A"), record(a("b", "int"), a("a", "string"), name="B")])
    )
    made = decoder(schema, "x.a", "x.b")
    assert made.read(b"\x00", 0) == (None, None)
    assert made.read(b"\x02\x02", 0) == (1, None)
    assert made.read(b"\x04\x02\x02s", 0) == ("s", 1)


def test_the_source_is_flat_and_names_its_paths() -> None:
    made = decoder(EVENT, "data.points", Each("data.items", ("key",)))
    assert made.source.count("def ") == 1
    for place in ("name: text, skipped", "data.points: double", "data.items[].key: string", "tail: skipped"):
        assert f"# {place}" in made.source
