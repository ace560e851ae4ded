"""The code of decoders: how it looks, what it reads and steps over, and where it says that something is wrong."""

from __future__ import annotations

import inspect
import io
import itertools
import re
import struct
from decimal import Decimal

import fastavro
import pytest

from processor.avro import DecodeError, Decoder, Each, Want, admit, build_decoder
from tests.avro_schemas import Json, a, array, decimal, enum, fixed, mapping, record


def decoder(writer: Json, *wants: Want, reader: Json | None = None) -> Decoder:
    return build_decoder(admit(writer), admit(reader or writer), wants)


def encoded(schema: Json, value: object) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)
    return buffer.getvalue()


def failure(made: Decoder, payload: bytes) -> tuple[str, str]:
    """Place and detail of why a payload cannot be read."""
    with pytest.raises(DecodeError) as caught:
        made.read(payload, 0)
    return caught.value.place, caught.value.detail


# ---- how it looks ---------------------------------------------------------------------------------------------------

EVENT = record(
    a("name", "string"),
    a("customer", ["null", record(a("id", ["null", "string"]), a("at", "long"), name="S")]),
    a("kept", "boolean"),
    a("nothing", "null"),
    a("weight", "double"),
    a("points", ["int", "null"]),
    namespace="a",
)
CODE = """\
def read(b, p):                                           # a.R FINGERPRINT
    end = len(b)
    v0_id = v1_points = None
    try:
        n = HALF[b[p]]                                    # name: text, skipped
        p += 1
        if n < 0:
            n, p = count_at(b, p - 1)
        p += n
        if p > end:
            raise Bad("the data ends before this does")
        t = b[p]                                          # customer: union
        p += 1
        if t == 2:
            t = b[p]                                      # customer.id: union
            p += 1
            if t == 2:
                n = HALF[b[p]]                            # customer.id: string
                p += 1
                if n < 0:
                    n, p = count_at(b, p - 1)
                s = p
                p += n
                if p > end:
                    raise Bad("the data ends before this does")
                v0_id = b[s:p].decode()
            elif t:
                raise Bad("no such branch of the union")
            s = p                                         # customer.at: number, skipped
            while b[p] > 127:
                p += 1
            p += 1
            if p - s > 10:
                raise Bad("a number of more than 64 bits")
        elif t:
            raise Bad("no such branch of the union")
        p += 9                                            # kept, nothing, weight: skipped
        if p > end:
            raise Bad("the data ends before this does")
        t = b[p]                                          # points: union
        p += 1
        if t == 0:
            v1_points = ZIGZAG[b[p]]                      # points: int
            p += 1
            if v1_points is None:
                v1_points, p = int_at(b, p - 1)
        elif t != 2:
            raise Bad("no such branch of the union")
        if p != end:
            raise Bad("bytes are left over after the last field")
    except (IndexError, ValueError, StructError) as error:
        raise failed(error, FILENAME, PLACES) from None
    return (v0_id, v1_points)
"""


def test_a_whole_decoder() -> None:
    made = decoder(EVENT, "customer.id", "points")
    assert made.source == CODE.replace("FINGERPRINT", admit(EVENT).fingerprint.hex())


def test_the_code_can_be_looked_at_under_its_file_name() -> None:
    made, other = decoder(EVENT, "points"), decoder(EVENT, "name")
    assert inspect.getsource(made.read) == made.source
    assert made.read.__code__.co_filename == made.filename
    assert re.fullmatch(r"<avro decoder a\.R [0-9a-f]{12}>", made.filename)
    assert decoder(EVENT, "points").filename == made.filename
    assert other.filename != made.filename


WHOLE = record(
    a("x", record(a("kind", enum("A", "B")), a("half", fixed(0)), a("many", array(["null", "boolean"])), name="S"))
)
WHOLE_CODE = """\
def read(b, p):                                           # R FINGERPRINT
    end = len(b)
    v0_x = v1_kind = None
    try:
        n = HALF[b[p]]                                    # x.kind: enum
        p += 1
        if n < 0:
            n, p = count_at(b, p - 1)
        if n >= 2:
            raise Bad("no such symbol of the enum")
        x1 = SYMBOLS_2[n]
        s = p
        x3 = b[s:p]                                       # x.half: fixed
        x6 = []                                           # x.many: array
        while n := HALF[b[p]]:                            # x.many: blocks
            p += 1
            if n < 0:
                n, p = block_at(b, p - 1, end, 1)
            for _ in range(n):
                t = b[p]                                  # x.many[]: union
                p += 1
                if t == 0:
                    x5 = None                             # x.many[]: null
                elif t == 2:
                    t = b[p]                              # x.many[]: boolean
                    p += 1
                    if t > 1:
                        raise Bad("neither 0 nor 1")
                    x5 = t == 1
                else:
                    raise Bad("no such branch of the union")
                x6.append(x5)
        p += 1
        x4 = x6
        v0_x = {'kind': x1, 'half': x3, 'many': x4}       # x: record
        (v1_kind,) = parts_of_7(v0_x)                     # wanted as a whole and in parts
        if p != end:
            raise Bad("bytes are left over after the last field")
    except (IndexError, ValueError, StructError) as error:
        raise failed(error, FILENAME, PLACES) from None
    return (v0_x, v1_kind)
"""


def test_a_decoder_of_a_whole_record() -> None:
    made = decoder(WHOLE, "x", "x.kind")
    assert made.source == WHOLE_CODE.replace("FINGERPRINT", admit(WHOLE).fingerprint.hex())


def test_a_decoder_is_shown_without_its_code() -> None:
    assert "def read" not in repr(decoder(EVENT))


TEXT = record(a("t", "string"), name="T")
COMMENTS: list[tuple[object, Want | None, list[str]]] = [
    ("boolean", "x", ["x: boolean"]),
    ("float", "x", ["x: float"]),
    (fixed(2), "x", ["x: fixed"]),
    (enum("A"), "x", ["x: enum"]),
    (array("int"), "x", ["x: array", "x: blocks", "x[]: int"]),
    (mapping("int"), "x", ["x: map", "x: blocks", "x{}: string", "x{}: int"]),
    (["null", "int", "bytes"], "x", ["x: union", "x: int", "x: bytes"]),
    (TEXT, "x", ["x.t: string", "x: record"]),
    (TEXT, "x.t", ["x.t: string"]),
    (array(TEXT), Each("x", ("t",)), ["x: one tuple per item", "x: blocks", "x[].t: string"]),
    ("int", None, ["x: number, skipped"]),
    ("string", None, ["x: text, skipped"]),
    ("double", None, ["x: skipped"]),
    (enum("A"), None, ["x: enum, skipped"]),
    (array("string"), None, ["x: blocks", "x[]: text, skipped"]),
    (mapping("double"), None, ["x: blocks", "x{}: text, skipped"]),
    (TEXT, None, ["x.t: text, skipped"]),
    (["null", "int"], None, ["x: union", "x: number, skipped"]),
]


def comments(made: Decoder) -> list[str]:
    found = [line.partition("  # ")[2] for line in made.source.splitlines()]
    return [comment for comment in found if comment]


@pytest.mark.parametrize(("kind", "want", "expected"), COMMENTS, ids=str)
def test_lines_say_what_they_are_about(kind: object, want: Want | None, expected: list[str]) -> None:
    schema = record(a("x", kind))
    made = decoder(schema, *([want] if want else []))
    assert comments(made) == [f"R {admit(schema).fingerprint.hex()}", *expected]


def test_lines_about_what_is_known_or_picked() -> None:
    reader = record(a("x", record(a("y", "int"), name="S")), a("z", "int", default=1))
    made = decoder(record(a("x", record(a("y", "int"), name="S"))), "x", "x.y", "z", reader=reader)
    assert comments(made)[1:] == [
        "the writer has no such field: its default",
        "x.y: int",
        "x: record",
        "wanted as a whole and in parts",
    ]


def test_lines_of_functions_say_what_they_are_about() -> None:
    kind: object = array(TEXT)
    for _ in range(6):
        kind = array(kind)
    assert comments(decoder(record(a("x", TEXT), a("y", "T"))))[:2] == ["T", "t: text, skipped"]
    assert comments(decoder(record(a("x", TEXT), a("y", "T"))))[3:] == ["x: record, skipped", "y: record, skipped"]
    skipped, wanted = (comments(decoder(record(a("x", kind)), *wants)) for wants in ((), ("x",)))
    deep = f"x{'[]' * 6}"
    assert skipped[:2] == ["array", "all of it: blocks"]
    assert skipped[-1] == f"{deep}: array, skipped"
    assert wanted[:3] == [deep, "all of it: array", "all of it: blocks"]
    assert wanted[-1] == deep


def test_runs_say_what_they_step_over() -> None:
    schema = record(*(a(name, ["null", "int"]) for name in "abc"), a("d", "float"), a("e", "boolean"))
    found = comments(decoder(schema))
    assert found[1] == "a, b, c: null"
    assert found[-1] == "d, e: skipped"


# ---- values, and stepping over them ---------------------------------------------------------------------------------

SMALL = record(a("y", ["null", "int"]), a("z", "string"), name="S")
EVEN = record(a("y", "null"), a("z", "double"), a("f", fixed(3)), name="Even")
VALUES: dict[str, tuple[object, list[object]]] = {
    "boolean": ("boolean", [False, True]),
    "int": ("int", [0, -64, 63, 64, 2**31 - 1, -(2**31)]),
    "long": ("long", [0, -1, 128, 2**63 - 1, -(2**63)]),
    "float": ("float", [0.5, -0.0]),
    "double": ("double", [0.1]),
    "bytes": ("bytes", [b"", b"\xff" * 64]),
    "string": ("string", ["", "a" * 63, "a" * 64, "\u20ac" * 3000]),
    "null": ("null", [None]),
    "fixed": (fixed(3), [b"abc"]),
    "fixed of nothing": (fixed(0), [b""]),
    "enum": (enum("A", "B"), ["A", "B"]),
    "large enum": (enum(*(f"A{index}" for index in range(100))), ["A0", "A63", "A64", "A99"]),
    "array": (array("int"), [[], [1], [1] * 63, [1] * 64, list(range(1000))]),
    "array of even": (array("double"), [[], [1.0], [1.0] * 64]),
    "array of records": (array(SMALL), [[{"y": None, "z": "a"}, {"y": 1, "z": ""}]]),
    "array of even records": (array(EVEN), [[{"y": None, "z": 0.5, "f": b"abc"}] * 3]),
    "map": (mapping("int"), [{}, {"k": 1}, {f"k{index}": index for index in range(100)}]),
    "map of nulls": (mapping("null"), [{"k": None}, {f"k{index}": None for index in range(100)}]),
    "map of doubles": (mapping("double"), [{"": 1.0}]),
    "record": (SMALL, [{"y": None, "z": "a"}, {"y": 1, "z": "a"}]),
    "even record": (EVEN, [{"y": None, "z": 0.5, "f": b"abc"}]),
    "empty record": (record(name="Empty"), [{}]),
    "nullable": (["null", "string"], [None, "a"]),
    "nullable at the end": (["string", "null"], [None, "a"]),
    "nullable between": (["int", "null", "string"], [None, 1, "a"]),
    "union": (["int", "string"], [1, "a"]),
    "union of null": (["null"], [None]),
    "union of five": (["null", "int", "string", "boolean", SMALL], [None, 1, "a", True, {"y": 1, "z": ""}]),
    "union of no width": (["null", fixed(0), "int"], [None, b"", 7]),
    "union of no width at all": (["null", fixed(0)], [None, b""]),
    "decimal": (decimal(4, 2), [Decimal("1.23"), Decimal("-99.99")]),
    "arrays of arrays": (array(array(["null", "int"])), [[[], [None, 1], [2]]]),
    "arrays in maps": (mapping(array("string")), [{"k": ["a", "b"], "l": []}]),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_is_read_or_stepped_over(case: str) -> None:
    kind, values = VALUES[case]
    schema = record(a("x", kind), a("end", "int"))
    whole, after, nothing = decoder(schema, "x", "end"), decoder(schema, "end"), decoder(schema)
    for value in values:
        payload = encoded(schema, {"x": value, "end": 7})
        assert whole.read(payload, 0) == (value, 7)
        assert after.read(b"frame" + payload, 5) == (7,)
        for made in (whole, after, nothing):
            assert failure(made, payload + b"\0") == ("", "bytes are left over after the last field")
            for cut in {0, len(payload) // 2, len(payload) - 1}:
                place, detail = failure(made, payload[:cut])
                assert re.match(r"x|end", place)
                assert detail in ("the data ends before this does", "a block of more items than there are bytes")


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (array("int"), b"\x03\x04\x02\x04\x00", [1, 2]),
        (array("int"), b"\x01\x02\x02\x04\x04\x06\x00", [1, 2, 3]),
        (array("double"), b"\x01\x10" + struct.pack("<d", 0.5) + b"\x00", [0.5]),
        (mapping("int"), b"\x01\x06\x02k\x02\x00", {"k": 1}),
        (mapping("double"), b"\x80\x01" + (b"\x00" + struct.pack("<d", 0.5)) * 64 + b"\x00", {"": 0.5}),
        (array(SMALL), b"\x01\x04\x00\x00\x00", [{"y": None, "z": ""}]),
    ],
)
def test_blocks_may_say_their_size_and_be_several(kind: object, raw: bytes, value: object) -> None:
    schema = record(a("x", kind), a("end", "int"))
    assert decoder(schema, "x", "end").read(raw + b"\x0e", 0) == (value, 7)
    assert decoder(schema, "end").read(raw + b"\x0e", 0) == (7,)


WRONG: list[tuple[object, bytes, str, str]] = [
    # what is wrong whether the value is wanted or not
    (array("double"), b"\x80\x01" + b"\0" * 511, "x", "a block of more items than there are bytes"),
    (array("double"), b"\x01\x0e" + b"\0" * 9, "x", "a block whose size in bytes is not possible"),
    (mapping("double"), b"\x80\x01" + b"\0" * 575, "x", "a block of more items than there are bytes"),
    (mapping("double"), b"\x02\x01", "x{}", "a negative length or index"),
    (array("string"), b"\x02\x01", "x[]", "a negative length or index"),
    (array(mapping("string")), b"\x02\x02\x00\x01", "x[]{}", "a negative length or index"),
    (TEXT, b"\x01", "x.t", "a negative length or index"),
    (["null", TEXT], b"\x02\x01", "x.t", "a negative length or index"),
    (["null", TEXT], b"\x04\x01", "x", "no such branch of the union"),
    (["null"], b"\x02", "x", "no such branch of the union"),
    (["int"], b"\x02\x02", "x", "no such branch of the union"),
    (["int", "null"], b"\x04", "x", "no such branch of the union"),
    (["null", fixed(0), "int"], b"\x06", "x", "no such branch of the union"),
    (["null", fixed(0)], b"\x04", "x", "no such branch of the union"),
    (enum("A", "B"), b"\x04", "x", "no such symbol of the enum"),
    (fixed(2), b"a", "x", "the data ends before this does"),
    ("double", b"1234567", "x", "the data ends before this does"),
]


@pytest.mark.parametrize(("kind", "raw", "place", "detail"), WRONG)
def test_the_place_of_what_is_wrong(kind: object, raw: bytes, place: str, detail: str) -> None:
    schema = record(a("before", "int"), a("x", kind))
    for wants in ((), ("x",), ("before",)):
        assert failure(decoder(schema, *wants), b"\x00" + raw) == (place, detail)


def test_items_of_one_size_that_nobody_wants_are_stepped_over_at_once() -> None:
    schema = record(a("x", array("double")))
    short = b"\x04" + b"\0" * 15
    assert failure(decoder(schema), short) == ("x", "the data ends before this does")
    assert failure(decoder(schema, "x"), short) == ("x[]", "the data ends before this does")


@pytest.mark.parametrize("digits", [9, 10, 11])
def test_a_number_that_is_stepped_over_has_ten_bytes_at_most(digits: int) -> None:
    made = decoder(record(a("x", "long")))
    raw = b"\x80" * (digits - 1) + b"\x00"
    if digits <= 10:
        assert made.read(raw, 0) == ()
    else:
        assert failure(made, raw) == ("x", "a number of more than 64 bits")


# ---- tuples ---------------------------------------------------------------------------------------------------------

LINE = record(a("sku", "string"), a("price", ["null", "double"]), a("tax", ["null", TEXT]), name="Line")
BILL = record(a("lines", ["null", array(LINE)]), a("total", "int"))


def line(sku: str, price: float | None, tax: str | None) -> Json:
    return {"sku": sku, "price": price, "tax": None if tax is None else {"t": tax}}


BILLED = {"lines": [line("a", 1.5, "vat"), line("b", None, None), line("c", 2.5, None)], "total": 4}


@pytest.mark.parametrize(
    ("want", "expected"),
    [
        (Each("lines", ("price", "sku")), [(1.5, "a"), (None, "b"), (2.5, "c")]),
        (Each("lines", ("tax.t",)), [("vat",), (None,), (None,)]),
        (Each("lines", ("tax", "tax.t")), [({"t": "vat"}, "vat"), (None, None), (None, None)]),
        (Each("lines", ()), [(), (), ()]),
    ],
)
def test_a_tuple_per_item(want: Each, expected: object) -> None:
    made = decoder(BILL, want, "total")
    assert made.read(encoded(BILL, BILLED), 0) == (expected, 4)
    assert made.read(encoded(BILL, {"lines": [], "total": 4}), 0) == ([], 4)
    assert made.read(encoded(BILL, {"lines": None, "total": 4}), 0) == (None, 4)


def test_several_tables_of_one_array_and_the_array_itself() -> None:
    made = decoder(BILL, Each("lines", ("sku",)), Each("lines", ("sku", "price")), Each("lines", ("price",)))
    expected = [("a",), ("b",), ("c",)], [("a", 1.5), ("b", None), ("c", 2.5)], [(1.5,), (None,), (2.5,)]
    assert made.read(encoded(BILL, BILLED), 0) == expected
    made = decoder(BILL, "lines", Each("lines", ("sku",)), Each("lines", ("price",)))
    assert made.read(encoded(BILL, BILLED), 0) == (BILLED["lines"], expected[0], expected[2])


def test_tuples_of_nothing_for_items_that_are_no_records() -> None:
    schema = record(a("x", array("string")), a("y", array(["null", "int"])), a("z", array("double")))
    payload = encoded(schema, {"x": ["a", "b"], "y": [None, 1], "z": [0.5]})
    assert decoder(schema, Each("x", ()), Each("y", ()), Each("z", ())).read(payload, 0) == ([(), ()], [(), ()], [()])


def test_items_that_have_arrays_themselves() -> None:
    schema = record(a("x", array(record(a("k", "int"), a("in", array(SMALL)), name="Outer"))))
    value = {"x": [{"k": 1, "in": [{"y": 2, "z": "a"}]}, {"k": 2, "in": []}]}
    made = decoder(schema, Each("x", ("k", "in")))
    assert made.read(encoded(schema, value), 0) == ([(1, [{"y": 2, "z": "a"}]), (2, [])],)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"\x02\x02\x02\xff", "lines[].sku"),
        (b"\x02\x02\x02a\x00\x02\x02\xff", "lines[].tax.t"),
        (b"\x02\x02\x02a\x04", "lines[].price"),
        (b"\x02\x02\x02a\x00\x00", "lines"),
    ],
)
def test_the_place_of_what_is_wrong_in_an_item(raw: bytes, place: str) -> None:
    for wants in ((Each("lines", ("sku", "price", "tax.t")),), ("lines",)):
        assert failure(decoder(BILL, *wants), raw)[0] == place


def test_a_default_within_an_item() -> None:
    reader = record(a("x", array(record(a("k", "int"), a("new", "string", default="d"), name="I"))))
    writer = record(a("x", array(record(a("k", "int"), name="I"))))
    assert decoder(writer, Each("x", ("new", "k")), reader=reader).read(b"\x04\x02\x04\x00", 0) == (
        [("d", 1), ("d", 2)],
    )


# ---- unions of many branches ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 4, 5, 63, 64, 65, 200])
@pytest.mark.parametrize("null", [0, -1])
def test_every_branch_of_a_union(count: int, null: int) -> None:
    branches: list[object] = [fixed(1, name=f"F{index}") for index in range(count - 1)]
    branches.insert(len(branches) if null else 0, "null")
    schema = record(a("x", branches), a("end", "int"))
    wanted, skipped = decoder(schema, "x", "end"), decoder(schema, "end")
    for index, branch in enumerate(branches):
        payload = encoded_index(index) + (b"" if branch == "null" else b"v") + b"\x0e"
        assert wanted.read(payload, 0) == (None if branch == "null" else b"v", 7)
        assert skipped.read(payload, 0) == (7,)
    for made in (wanted, skipped):
        assert failure(made, encoded_index(count) + b"v\x0e") == ("x", "no such branch of the union")


def encoded_index(index: int) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, {"type": "long"}, index)
    return buffer.getvalue()


def test_unions_within_a_whole_value() -> None:
    inner = record(a("y", ["null", "int"]), a("z", ["int", "null"]), name="S")
    schema = record(a("x", array(inner)))
    value = {"x": [{"y": None, "z": None}, {"y": 1, "z": 2}, {"y": None, "z": 3}]}
    assert decoder(schema, "x").read(encoded(schema, value), 0) == (value["x"],)


# ---- what nobody wants, in a row ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_nullable_fields_in_a_row(count: int) -> None:
    schema = record(*(a(f"x{index}", ["null", "string"]) for index in range(count)), a("end", "int"))
    made = decoder(schema, "end")
    assert ("== b'" in made.source) is (count >= 3)  # a look whether all are null
    for values in itertools.product([None, "a"], repeat=count):
        payload = encoded(schema, {f"x{index}": value for index, value in enumerate(values)} | {"end": 7})
        assert made.read(payload, 0) == (7,)


def test_other_fields_in_a_row_are_not_taken_for_nulls() -> None:
    schema = record(*(a(f"x{index}", ["string", "null"]) for index in range(3)), a("end", "int"))
    payload = encoded(schema, {"x0": "", "x1": "", "x2": "", "end": 7})
    assert payload == b"\0\0\0\0\0\0\x0e"
    assert decoder(schema, "end").read(payload, 0) == (7,)


def test_fields_of_one_size_are_stepped_over_at_once() -> None:
    even = record(a("p", "double"), a("q", record(a("r", "null"), a("s", fixed(3)), name="In")), name="Even")
    schema = record(
        a("a", "null"), a("b", "boolean"), a("c", even), a("d", "float"), a("e", fixed(0, name="G")), a("end", "int")
    )
    made = decoder(schema, "end")
    assert made.source.count("p += 16 ") == 1
    assert made.read(b"x" * 16 + b"\x0e", 0) == (7,)
    assert failure(made, b"x" * 15) == ("a", "the data ends before this does")


def test_the_place_of_the_first_of_a_run_is_told() -> None:
    schema = record(a("s", record(a("p", "double"), a("q", "float"), a("r", "string"), name="S")))
    assert failure(decoder(schema, "s.r"), b"x" * 11) == ("s.p", "the data ends before this does")


# ---- functions of their own -----------------------------------------------------------------------------------------

SHARED = record(a("y", "string"), name="Shared")
HELPERS: list[tuple[str, list[Json], list[str]]] = [
    ("used once", [a("x", SHARED)], []),
    ("used twice", [a("x", SHARED), a("z", "Shared")], ["Shared"]),
    ("used three times", [a("x", SHARED), a("z", "Shared"), a("w", ["null", "Shared"])], ["Shared"]),
    ("in an array and a map", [a("x", array(SHARED)), a("z", mapping("Shared"))], ["Shared"]),
    ("in a union", [a("x", ["null", SHARED]), a("z", ["null", "int", "Shared"])], ["Shared"]),
    (
        "within another that is used twice",
        [a("x", record(a("in", SHARED), name="Outer")), a("z", "Outer")],
        ["Outer"],
    ),
    (
        "twice within another",
        [a("x", record(a("in", SHARED), a("in2", array("Shared")), name="Outer"))],
        ["Shared"],
    ),
    (
        "two of them",
        [a("x", SHARED), a("z", "Shared"), a("p", record(a("q", "string"), name="Other")), a("r", array("Other"))],
        ["Other", "Shared"],
    ),
    ("even records need none", [a("x", EVEN), a("z", "Even"), a("w", array("Even"))], []),
    ("other types need none", [a("x", enum("A")), a("z", "E"), a("w", array("string")), a("v", array("string"))], []),
]


@pytest.mark.parametrize(("fields", "helpers"), [case[1:] for case in HELPERS], ids=[case[0] for case in HELPERS])
def test_a_record_that_is_stepped_over_several_times_has_a_function(fields: list[Json], helpers: list[str]) -> None:
    schema = record(*fields, a("end", "int"))
    made = decoder(schema, "end")
    heads = [line for line in made.source.splitlines() if line.startswith("def skip_")]
    assert sorted(head.partition("  # ")[2] for head in heads) == helpers
    assert all(re.match(r"def skip_\d+\(b, p, end\):", head) for head in heads)


def test_a_record_is_shared_below_a_whole_value_too() -> None:
    """Fields of the writer's alone are stepped over inside of values that are wanted as a whole."""
    item = record(a("k", "int"), a("gone", SHARED), a("gone2", "Shared"), name="I")
    ours = record(a("k", "int"), name="I")
    for written, reads, value in (
        (item, ours, {"k": 1}),
        (array(item), array(ours), [{"k": 1}]),
        (mapping(item), mapping(ours), {"m": {"k": 1}}),
        (["null", item], ["null", ours], {"k": 1}),
        (array(["null", item]), array(["null", ours]), [{"k": 1}]),
    ):
        schema, reader = record(a("x", written)), record(a("x", reads))
        made = decoder(schema, "x", reader=reader)
        assert made.source.count("def skip_") == 1
        full = encoded(schema, {"x": filled(value)})
        assert made.read(full, 0) == (value,)


def filled(value: object) -> object:
    """The same with the fields that only the writer has."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    assert isinstance(value, dict)
    if "k" in value:
        return {**value, "gone": {"y": "a"}, "gone2": {"y": "b"}}
    return {key: filled(item) for key, item in value.items()}


WALKED = record(a("k", "int"), a("gone", SHARED), a("gone2", array("Shared")), name="Walked")


@pytest.mark.parametrize("want", [Each("x", ("k",)), "z.k"])
def test_a_record_is_shared_beside_what_is_wanted(want: Want) -> None:
    schema = record(a("x", array(WALKED)), a("z", ["null", "Walked"]))
    value = {"k": 1, "gone": {"y": "a"}, "gone2": [{"y": "b"}]}
    made = decoder(schema, want)
    assert made.source.count("def skip_") == 1
    assert made.read(encoded(schema, {"x": [value], "z": value}), 0) == ([(1,)] if isinstance(want, Each) else 1,)


def test_a_record_is_shared_by_two_places_that_are_walked() -> None:
    walked = record(a("k", "int"), a("gone", array(SHARED)), name="Walked")
    schema = record(a("x", walked), a("z", "Walked"))
    made = decoder(schema, "x.k", "z.k")
    assert made.source.count("def skip_") == 1
    assert made.read(b"\x02\x02\x02a\x00\x04\x00", 0) == (1, 2)


def test_the_place_goes_through_functions() -> None:
    outer = record(a("n", "int"), a("many", array(SHARED)), name="Outer")
    schema = record(a("x", outer), a("z", record(a("o", ["null", "Outer"]), name="P")), a("w", mapping("Outer")))
    made = decoder(schema)
    assert failure(made, b"\x00\x02\x01") == ("x.many[].y", "a negative length or index")
    assert failure(made, b"\x00\x00\x02\x00\x02\x01") == ("z.o.many[].y", "a negative length or index")
    assert failure(made, b"\x00\x00\x00\x02\x00\x00\x02\x01") == ("w{}.many[].y", "a negative length or index")
    assert failure(made, b"\x00\x00\x00\x02\x00\x00\x01\x01") == (
        "w{}.many",
        "a block whose size in bytes is not possible",
    )


@pytest.mark.parametrize("levels", [*range(6, 12), 25])
def test_whatever_lies_deep_goes_on_in_a_function(levels: int) -> None:
    kind: object = "string"
    value: object = "s"
    for level in range(levels):
        kind = array(kind) if level % 2 else ["null", record(a("v", kind), name=f"L{level}")]
        value = [value] if level % 2 else {"v": value}
    schema = record(a("x", kind), a("end", "int"))
    payload = encoded(schema, {"x": value, "end": 7})
    wanted, skipped = decoder(schema, "x", "end"), decoder(schema, "end")
    assert wanted.read(payload, 0) == (value, 7)
    assert skipped.read(payload, 0) == (7,)
    place = "x" + "".join("[]" if level % 2 else ".v" for level in reversed(range(levels)))
    cut = payload[: payload.index(b"\x02s") + 1]
    for made in (wanted, skipped):
        assert failure(made, cut) == (place, "the data ends before this does")
        assert max(len(line) - len(line.lstrip()) for line in made.source.splitlines()) <= 4 * 20


def test_what_does_not_lie_deep_is_one_function() -> None:
    kind: object = SMALL
    for level in range(5):
        kind = array(kind) if level % 2 else ["null", record(a("v", kind), name=f"L{level}")]
    schema = record(a("x", kind))
    for wants in ((), ("x",)):
        assert decoder(schema, *wants).source.count("def ") == 1


def test_the_place_where_a_function_begins() -> None:
    kind: object = array("string")
    for _ in range(12):
        kind = array(kind)
    schema = record(a("x", kind))
    for wants in ((), ("x",)):
        made = decoder(schema, *wants)
        for depth in range(13):
            assert failure(made, b"\x02" * depth + b"\x01\x01") == (
                "x" + "[]" * depth,
                "a block whose size in bytes is not possible",
            )
