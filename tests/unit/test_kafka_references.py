"""Schemas that refer to others, made to stand alone."""

from __future__ import annotations

import json

import fastavro
import pytest

from processor.kafka.references import self_contained

POINT = {"type": "record", "name": "Point", "namespace": "geo", "fields": [{"name": "x", "type": "int"}]}
BOX = {
    "type": "record",
    "name": "Box",
    "namespace": "geo",
    "fields": [
        {"name": "from", "type": "Point"},
        {"name": "to", "type": "geo.Point"},
        {"name": "in", "type": ["null", "Box"]},
    ],
}
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED"]}


def alone(schema: object, *references: object) -> object:
    """The schema with its references written out."""
    return json.loads(self_contained(json.dumps(schema), [json.dumps(reference) for reference in references]))


def test_without_references_nothing_changes() -> None:
    """Not even its spelling."""
    assert self_contained('{ "type":"int"}', []) == '{ "type":"int"}'


def test_each_definition_is_written_once_where_it_is_used_first() -> None:
    """Names relative to a namespace are full ones afterwards, also inside a reference and of a type in itself."""
    main = {
        "type": "record",
        "name": "Main",
        "namespace": "shop",
        "fields": [
            {"name": "a", "type": {"type": "map", "values": "geo.Box"}},
            {"name": "b", "type": {"type": "array", "items": ["null", "geo.Point"]}},
            {"name": "c", "type": {"type": "Local"}, "doc": "a type of nobody"},
        ],
    }
    result = json.dumps(alone(main, BOX, POINT))
    assert result.count('"name": "geo.Point"') == 1
    assert result.count('"name": "geo.Box"') == 1
    assert '"shop.Local"' in result
    main["fields"] = main["fields"][:2]
    parsed = fastavro.parse_schema(alone(main, BOX, POINT))  # type: ignore[arg-type]
    point = {"x": 1}
    assert fastavro.validate({"a": {"k": {"from": point, "to": point, "in": None}}, "b": [None, point]}, parsed)


def test_a_definition_without_a_namespace_keeps_none() -> None:
    """Wherever it is written."""
    main = {
        "type": "record",
        "name": "Main",
        "fields": [{"name": "c", "type": "Colour"}, {"name": "d", "type": "Colour"}],
    }
    parsed = fastavro.parse_schema(alone(main, COLOUR))  # type: ignore[arg-type]
    assert fastavro.validate({"c": "RED", "d": "RED"}, parsed)


def test_a_definition_of_the_schema_itself_is_not_replaced() -> None:
    """It comes first."""
    main = [{"type": "fixed", "name": "Colour", "size": 2}, {"type": "array", "items": "Colour"}]
    assert alone(main, COLOUR) == [
        {"type": "fixed", "name": "Colour", "namespace": "", "size": 2},
        {"type": "array", "items": "Colour"},
    ]


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 100_000])
def test_what_cannot_be_read_is_left_to_others(text: str) -> None:
    """As a schema and as a reference."""
    assert self_contained(text, [json.dumps(POINT)]) == text
    assert self_contained('"geo.Point"', [text]) == '"geo.Point"'


@pytest.mark.parametrize(
    "schema", [None, 3, {}, {"type": "record"}, {"type": "record", "name": "R", "fields": [1, {}]}]
)
def test_what_is_no_schema_passes_through(schema: object) -> None:
    """Whoever parses it says what is wrong."""
    alone(schema, POINT)


def test_types_that_refer_to_each_other_end() -> None:
    """A circle is written out once; admission refuses it later."""
    left = {"type": "record", "name": "Left", "fields": [{"name": "r", "type": ["null", "Right"]}]}
    right = {"type": "record", "name": "Right", "fields": [{"name": "l", "type": ["null", "Left"]}]}
    fastavro.parse_schema(alone({"type": "array", "items": "Left"}, left, right))  # type: ignore[arg-type]
