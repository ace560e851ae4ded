"""The generated decoder against fastavro, over random schemas, data, wants and evolutions."""

from __future__ import annotations

import copy
import io
import itertools
import struct
import time
from collections.abc import Iterator
from typing import Any, cast

import fastavro
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from processor.avro import DecodeError, Each, IncompatibleSchema, Want, admit, build_decoder
from tests.sizes import examples

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
PRIMITIVES = ["boolean", "int", "long", "float", "double", "bytes", "string"]
LOGICAL = [("long", "timestamp-millis"), ("int", "date"), ("string", "uuid"), ("long", "time-micros")]
TEXTS = st.text(max_size=6) | st.text(alphabet="ä€😀", min_size=20, max_size=40)

SIMPLE_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1) | st.integers(-70, 70),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(-70, 70),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=80),
    "string": TEXTS,
}

Schema = Any
Draw = st.DrawFn


# ---- schemas and data -----------------------------------------------------------------------------------------------


@st.composite
def records(draw: Draw, numbers: Iterator[int] | None = None, depth: int = 3) -> Schema:
    numbers = numbers if numbers is not None else itertools.count()
    fields = [
        {"name": f"f{next(numbers)}", "type": draw(types(numbers, depth - 1))}
        for _ in range(draw(st.integers(0 if depth < 3 else 1, 5)))
    ]
    return {"type": "record", "name": f"n.R{next(numbers)}", "fields": fields}


@st.composite
def types(draw: Draw, numbers: Iterator[int], depth: int) -> Schema:
    kind = draw(st.sampled_from(["primitive", "nullable", "other"] if depth > 0 else ["primitive"]))
    if kind == "primitive":
        return draw(simple_types(numbers))
    if kind == "nullable":
        other = draw(complex_types(numbers, depth) | simple_types(numbers))
        if isinstance(other, list):
            return other
        return ["null", other] if draw(st.booleans()) else [other, "null"]
    return draw(complex_types(numbers, depth))


@st.composite
def simple_types(draw: Draw, numbers: Iterator[int]) -> Schema:
    kind = draw(st.sampled_from([*PRIMITIVES, "null", "enum", "fixed", "logical", "decimal"]))
    match kind:
        case "enum":
            symbols = [f"S{index}" for index in range(draw(st.sampled_from([1, 3, 70])))]
            return {"type": "enum", "name": f"n.E{next(numbers)}", "symbols": symbols}
        case "fixed":
            return {"type": "fixed", "name": f"n.F{next(numbers)}", "size": draw(st.integers(0, 5))}
        case "logical":
            base, logical = draw(st.sampled_from(LOGICAL))
            return {"type": base, "logicalType": logical}
        case "decimal":
            return {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": draw(st.integers(0, 6))}
    return kind


@st.composite
def complex_types(draw: Draw, numbers: Iterator[int], depth: int) -> Schema:
    kind = draw(st.sampled_from(["array", "map", "record", "union"]))
    if kind == "record":
        return draw(records(numbers, depth))
    if kind == "map":
        return {"type": "map", "values": draw(types(numbers, depth - 1))}
    if kind == "array":
        return {"type": "array", "items": draw(types(numbers, depth - 1).filter(lambda item: least(item) > 0))}
    return union(draw(st.lists(types(numbers, depth - 1), min_size=1, max_size=6)))


def union(entries: list[Schema]) -> Schema:
    """A union of types and unions: flat, each primitive, array and map at most once."""
    flat = [branch for entry in entries for branch in branches(entry)]
    return list(
        {branch if isinstance(branch, str) else branch.get("name", branch["type"]): branch for branch in flat}.values()
    )


def branches(schema: Schema) -> list[Schema]:
    return schema if isinstance(schema, list) else [schema]


def least(schema: Schema) -> int:
    if isinstance(schema, list):
        return 1
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "record":
        return sum(least(field["type"]) for field in schema["fields"])
    return schema["size"] if kind == "fixed" else int(kind != "null")


def values(schema: Schema) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return per type
    """Data of a schema as `encode` takes them: of a union index and value, of a decimal its digits."""
    if isinstance(schema, list):
        return st.integers(0, len(schema) - 1).flatmap(lambda index: st.tuples(st.just(index), values(schema[index])))
    kind = schema if isinstance(schema, str) else schema["type"]
    match kind:
        case "record":
            return st.tuples(*(values(field["type"]) for field in schema["fields"]))
        case "array":
            return st.tuples(st.lists(values(schema["items"]), max_size=4), st.integers(0, 2))
        case "map":
            pairs = st.dictionaries(TEXTS, values(schema["values"]), max_size=3)
            return st.tuples(pairs.map(lambda found: list(found.items())), st.integers(0, 2))
        case "enum":
            return st.integers(0, len(schema["symbols"]) - 1)
        case "fixed":
            return st.binary(min_size=schema["size"], max_size=schema["size"])
        case "bytes" if not isinstance(schema, str):
            return st.integers(-999_999, 999_999).map(lambda digits: digits.to_bytes(3, "big", signed=True))
    return SIMPLE_VALUES[kind]


def encode(schema: Schema, value: Any) -> bytes:  # noqa: PLR0911 - one return per type
    """Avro's binary encoding by hand: fastavro's writer takes neither sizes of blocks nor indexes of unions."""
    if isinstance(schema, list):
        index, inner = value
        return number(index) + encode(schema[index], inner)
    kind = schema if isinstance(schema, str) else schema["type"]
    match kind:
        case "record":
            return b"".join(encode(field["type"], part) for field, part in zip(schema["fields"], value, strict=True))
        case "array":
            return blocks([encode(schema["items"], item) for item in value[0]], value[1])
        case "map":
            return blocks([encode("string", key) + encode(schema["values"], part) for key, part in value[0]], value[1])
        case "int" | "long" | "enum":
            return number(value)
        case "string" | "bytes":
            raw = value.encode() if isinstance(value, str) else value
            return number(len(raw)) + raw
        case "float" | "double":
            return struct.pack("<f" if kind == "float" else "<d", value)
        case "fixed":
            return cast("bytes", value)
    return {None: b"", False: b"\0", True: b"\1"}[value]


def number(value: int) -> bytes:
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])


def blocks(items: list[bytes], form: int) -> bytes:
    """Form 0 is one block, 1 one block with its size, 2 a block for each item, every other with its size."""
    groups = [[item] for item in items] if form == 2 else [items] if items else []
    out = b""
    for index, group in enumerate(groups):
        body = b"".join(group)
        sized = form == 1 or index % 2
        out += (number(-len(group)) + number(len(body)) if sized else number(len(group))) + body
    return out + b"\0"


def stripped(schema: Schema) -> Schema:
    """Without logical types, decimals apart: what the decoder promises to give."""
    if isinstance(schema, list):
        return [stripped(branch) for branch in schema]
    if isinstance(schema, dict):
        kept = {key: stripped(value) if key in ("type", "items", "values") else value for key, value in schema.items()}
        if "fields" in kept:
            kept["fields"] = [{**field, "type": stripped(field["type"])} for field in kept["fields"]]
        if kept.get("logicalType") != "decimal":
            kept.pop("logicalType", None)
        return kept
    return schema


def read_by_fastavro(payload: bytes, writer: Schema, reader: Schema | None = None) -> Any:
    buffer = io.BytesIO(payload)
    return fastavro.schemaless_reader(buffer, stripped(writer), stripped(reader) if reader else None)


# ---- wants ----------------------------------------------------------------------------------------------------------


def paths(schema: Schema, prefix: str = "") -> Iterator[str]:
    """All paths through records."""
    for field in schema["fields"]:
        yield prefix + field["name"]
        for branch in branches(field["type"]):
            if isinstance(branch, dict) and branch["type"] == "record":
                yield from paths(branch, f"{prefix}{field['name']}.")


def tables(schema: Schema, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """All arrays of records, with the paths of their items."""
    for field in schema["fields"]:
        for branch in branches(field["type"]):
            if isinstance(branch, dict) and branch["type"] == "record":
                yield from tables(branch, f"{prefix}{field['name']}.")
            if isinstance(branch, dict) and branch["type"] == "array":
                items = [item for item in branches(branch["items"]) if isinstance(item, dict)]
                inner = [path for item in items if item["type"] == "record" for path in paths(item)]
                if inner:
                    yield prefix + field["name"], inner


@st.composite
def some_wants(draw: Draw, schema: Schema) -> list[Want]:
    wants: list[Want] = list(draw(st.lists(st.sampled_from(list(paths(schema))), max_size=8)))
    every = list(tables(schema))
    if every:
        for path, inner in draw(st.lists(st.sampled_from(every), max_size=3)):
            wants.append(Each(path, tuple(draw(st.lists(st.sampled_from(inner), max_size=3)))))
    return draw(st.permutations(wants))


def pick(value: Any, want: Want) -> object:
    if isinstance(want, Each):
        found = pick(value, want.path)
        return [tuple(pick(item, path) for path in want.items) for item in found] if isinstance(found, list) else None
    for name in want.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def picked(value: object, wants: list[Want]) -> tuple[object, ...]:
    return tuple(pick(value, want) for want in wants)


def known(schema: Schema, wants: list[Want]) -> set[str]:
    assert schema
    return {want for want in wants if isinstance(want, str)} | {
        path
        for want in wants
        if isinstance(want, Each)
        for path in (want.path, *(f"{want.path}[].{item}" for item in want.items))
    }


# ---- one schema -----------------------------------------------------------------------------------------------------


@settings(RELAXED, max_examples=examples(150))
@given(st.data())
def test_reads_what_fastavro_reads(data: st.DataObject) -> None:
    schema = data.draw(records())
    wants = data.draw(some_wants(schema))
    admitted = admit(schema)
    decoder = build_decoder(admitted, admitted, wants)
    assert decoder.known == known(schema, wants)
    for _ in range(3):
        payload = encode(schema, data.draw(values(schema)))
        expected = picked(read_by_fastavro(payload, schema), wants)
        assert decoder.read(payload, 0) == expected
        assert decoder.read(b"frame" + payload, 5) == expected


@settings(RELAXED, max_examples=examples(60))
@given(st.data())
def test_refuses_every_truncation_and_what_follows(data: st.DataObject) -> None:
    schema = data.draw(records())
    wants = data.draw(some_wants(schema))
    admitted = admit(schema)
    decoder = build_decoder(admitted, admitted, wants)
    payload = encode(schema, data.draw(values(schema)))
    for cut in [payload[:length] for length in range(len(payload))] + [payload + b"\0"]:
        try:
            decoder.read(cut, 0)
        except DecodeError as error:
            assert error.detail  # noqa: PT017 - the loop is the point
        else:
            raise AssertionError(f"read {cut!r}")


@settings(RELAXED, max_examples=examples(60))
@given(st.data())
def test_a_changed_byte_never_does_harm(data: st.DataObject) -> None:
    """With everything wanted: where it still decodes, fastavro decodes the same."""
    schema = data.draw(records())
    admitted = admit(schema)
    wants: list[Want] = [field["name"] for field in schema["fields"]]
    some = data.draw(some_wants(schema))
    whole, parts = build_decoder(admitted, admitted, wants), build_decoder(admitted, admitted, some)
    payload = encode(schema, data.draw(values(schema)))
    for place in range(len(payload)):
        for byte in [*data.draw(st.lists(st.integers(0, 255), min_size=3, max_size=3)), 0, 1, 127, 128, 255]:
            changed = payload[:place] + bytes([byte]) + payload[place + 1 :]
            started = time.thread_time()
            got = outcome(whole, changed)
            outcome(parts, changed)
            assert time.thread_time() - started < 0.1
            if got is not None:
                assert repr(got) == repr(picked(read_by_fastavro(changed, schema), wants))  # repr: NaN is NaN


@settings(RELAXED, max_examples=examples(150))
@given(st.data())
def test_arbitrary_bytes_end_in_values_or_a_decode_error(data: st.DataObject) -> None:
    schema = data.draw(records())
    admitted = admit(schema)
    decoder = build_decoder(admitted, admitted, data.draw(some_wants(schema)))
    for payload in data.draw(st.lists(st.binary(max_size=60), max_size=10)):
        outcome(decoder, payload)


def outcome(decoder: Any, payload: bytes) -> tuple[object, ...] | None:
    try:
        return decoder.read(payload, 0)
    except DecodeError:
        return None


# ---- two schemas ----------------------------------------------------------------------------------------------------

WIDER = {"int": ["long", "float", "double"], "long": ["double", "float"], "float": ["double"], "string": ["bytes"]}


@st.composite
def newer(draw: Draw, schema: Schema, numbers: Iterator[int]) -> Schema:  # noqa: PLR0911 - one return per type
    """A reader's schema that has moved on from a writer's."""
    if isinstance(schema, list):
        return union([draw(newer(branch, numbers)) for branch in schema])
    if isinstance(schema, str):
        wider = draw(st.sampled_from([schema, schema, *WIDER.get(schema, [])]))
        return ["null", wider] if wider != "null" and draw(st.integers(0, 5)) == 0 else wider
    match schema["type"]:
        case "record":
            fields = [draw(newer_field(field, numbers)) for field in schema["fields"] if draw(st.integers(0, 4))]
            fields += [draw(new_field(numbers)) for _ in range(draw(st.integers(0, 2)))]
            return {**schema, **draw(renamed(schema, numbers)), "fields": draw(st.permutations(fields))}
        case "array":
            return {**schema, "items": draw(newer(schema["items"], numbers))}
        case "map":
            return {**schema, "values": draw(newer(schema["values"], numbers))}
        case "enum":
            symbols = [*schema["symbols"][draw(st.integers(0, 1)) :], "NEW"]
            return {**schema, "symbols": symbols, "default": "NEW"}
    return schema


@st.composite
def newer_field(draw: Draw, field: Schema, numbers: Iterator[int]) -> Schema:
    return {**field, "type": draw(newer(field["type"], numbers)), **draw(renamed(field, numbers))}


def ambiguous(schema: Schema) -> bool:
    """Whether a union holds two types that a third can be promoted to: fastavro takes the first, we the same one."""
    if isinstance(schema, list):
        kinds = [branch if isinstance(branch, str) else branch["type"] for branch in schema]
        several = [
            sum(kind in group for kind in kinds) > 1
            for group in (("int", "long", "float", "double"), ("string", "bytes"))
        ]
        return any(several) or any(ambiguous(branch) for branch in schema)
    if isinstance(schema, str):
        return False
    inner = [schema[key] for key in ("items", "values") if key in schema]
    return any(ambiguous(kind) for kind in inner + [field["type"] for field in schema.get("fields", [])])


@st.composite
def renamed(draw: Draw, named: Schema, numbers: Iterator[int]) -> Schema:
    if draw(st.integers(0, 4)):
        return {}
    return {"name": f"{named['name']}_{next(numbers)}", "aliases": [named["name"]]}


@st.composite
def new_field(draw: Draw, numbers: Iterator[int]) -> Schema:
    kind, default = draw(
        st.sampled_from(
            [
                (["null", "string"], None),
                ("string", "x"),
                ("double", 1.5),
                ({"type": "array", "items": "int"}, [1, 2]),
                ({"type": "map", "values": "string"}, {}),
            ]
        )
    )
    if draw(st.integers(0, 3)) == 0:
        inner = {"type": "record", "name": f"n.N{next(numbers)}", "fields": [{"name": "y", "type": "long"}]}
        kind, default = inner, {"y": 7}
    return {"name": f"g{next(numbers)}", "type": kind, "default": default}


@settings(RELAXED, max_examples=examples(250))
@given(st.data())
def test_reads_older_data_as_fastavro_does(data: st.DataObject) -> None:
    writer = data.draw(records())
    reader = data.draw(newer(copy.deepcopy(writer), itertools.count(1000)))
    assume(reader["fields"] and not ambiguous(reader))
    wants = data.draw(some_wants(reader))
    payload = encode(writer, data.draw(values(writer)))
    try:
        expected = picked(read_by_fastavro(payload, writer, reader), wants)
    except (fastavro.read.SchemaResolutionError, UnicodeDecodeError):
        assume(False)  # noqa: FBT003 - wants or not, fastavro resolves all
        raise
    try:
        decoder = build_decoder(admit(writer), admit(reader), wants)
    except IncompatibleSchema:
        assume(False)  # noqa: FBT003 - a branch that this value does not have
        raise
    assert decoder.read(payload, 0) == expected
    assert decoder.known <= known(reader, wants)
