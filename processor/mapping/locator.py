"""Finds the line of a key in TOML text; tomllib gives values without their places."""

from __future__ import annotations

import re
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Keys from the root down; the place in an array of tables is an int."""

_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*\.?""")
_CUT_OUT = re.compile(
    r'#[^\n]*|"""(?:[^\\]|\\.)*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL
)
"""Comments and strings, whichever begins first; a quotation mark or two may be the last of a long string."""


def locate(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, of every key and every table header of a valid TOML document."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    depth = 0
    for number, (code, line) in enumerate(zip(_code(text).split("\n"), text.split("\n"), strict=True), 1):
        if depth == 0 and code.lstrip().startswith("["):
            table = _header(line.strip(), lines, counts, number)
            continue
        if depth == 0 and "=" in code:
            place = table
            for key in _keys(line):
                place = (*place, key)
                lines.setdefault(place, number)
        depth += code.count("[") + code.count("{") - code.count("]") - code.count("}")
    return lines


def _code(text: str) -> str:
    """The text without strings and comments, so that brackets and equal signs in them do not count; as many lines."""
    return _CUT_OUT.sub(lambda found: "\n" * found.group().count("\n"), text)


def _header(header: str, lines: dict[KeyPath, int], counts: dict[KeyPath, int], number: int) -> KeyPath:
    repeated = header.startswith("[[")
    keys = _keys(header.lstrip("["))
    table: KeyPath = ()
    for position, key in enumerate(keys):
        table = (*table, key)
        if repeated and position == len(keys) - 1:
            counts[table] = counts.get(table, -1) + 1
        lines.setdefault(table, number)  # of several tables of one array, the first speaks for the array
        if table in counts:
            table = (*table, counts[table])
            lines.setdefault(table, number)
    return table


def _keys(text: str) -> tuple[str, ...]:
    keys: list[str] = []
    position = 0
    while found := _PART.match(text, position):
        keys.append(next(part for part in found.groups() if part is not None))
        position = found.end()
    return tuple(keys)
