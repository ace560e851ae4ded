"""Finds the line of a key in JSON text; json gives values without their places."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from processor.mapping.locator import KeyPath

_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}\[\],]')
"""A text with the colon that makes it a key, or what begins, parts or ends lists and objects."""


def locate_json(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, of every key of a valid JSON document; the last of equal keys counts, as in json."""
    lines: dict[KeyPath, int] = {}
    place: list[str | int] = []
    for found in _TOKEN.finditer(text):
        sign, key, colon = found[0], found[1], found[2]
        if colon is not None:
            place[-1] = str(json.loads(key))
            lines[tuple(place)] = text.count("\n", 0, found.start()) + 1
        elif sign in {"{", "["}:
            place.append(0)  # until an object has named its first key
        elif sign in {"}", "]"}:
            place.pop()
        elif sign == "," and isinstance(place[-1], int):
            place[-1] += 1
    return lines
