"""JSON documents out of a file or standard input, each with its place, and what is wrong with those that are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

_BOM = b"\xef\xbb\xbf"


class Document(NamedTuple):
    """One parsed document; `place` is "line 3", "item 3", or empty where there is only one."""

    place: str
    value: object


class Unreadable(NamedTuple):
    """A piece of text that is no JSON. `problem` says what, where, and never repeats the text."""

    place: str
    problem: str


def json_lines(lines: Iterable[bytes]) -> Iterator[Document | Unreadable]:
    """One document per line; blank lines are passed over. Lines count from 1."""
    for number, raw in enumerate(lines, start=1):
        line = raw.removeprefix(_BOM) if number == 1 else raw
        if line.strip():
            yield _parse(line, f"line {number}")


def json_documents(text: bytes) -> Iterator[Document | Unreadable]:
    """One object, an array of them, or JSON lines: what it is shows by itself. Nothing comes of a blank text."""
    text = text.removeprefix(_BOM)
    if not text.strip():
        return
    whole = _parse(text, "")
    if isinstance(whole, Document):
        items = whole.value
        if isinstance(items, list):
            yield from (Document(f"item {number}", item) for number, item in enumerate(items, start=1))
        else:
            yield whole
    elif _are_lines(text):
        yield from json_lines(text.splitlines())
    else:
        yield whole


def _are_lines(text: bytes) -> bool:
    """JSON lines, rather than one document with a mistake: the first line that is not blank stands for itself."""
    first, _, rest = text.lstrip().partition(b"\n")
    return bool(rest.strip()) and isinstance(_parse(first, ""), Document)


def _parse(text: bytes, place: str) -> Document | Unreadable:
    try:
        return Document(place, orjson.loads(text))
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if not place else f"column {error.colno}"
        remedy = "write each event on one line" if place else "send one event as one object"
        return Unreadable(place, f"not JSON: {error.msg.partition(': line')[0]} ({where}); {remedy}")
