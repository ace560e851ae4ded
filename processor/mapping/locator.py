"""Finds the line of a key in TOML text; tomllib gives values without their places."""

from __future__ import annotations

import re
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Keys from the root down; the place in an array of tables is an int."""

_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL)


def locate(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, of every key and every table header of a valid TOML document."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    depth = 0
    for number, (plain, line) in enumerate(zip(_plain(text).split("\n"), text.split("\n"), strict=True), 1):
        code = plain.split("#", 1)[0]
        if depth == 0 and code.lstrip().startswith("["):
            table = _header(line.strip(), lines, counts, number)
            continue
        if depth == 0 and "=" in code:
            key = _keys(line)
            for length in range(1, len(key) + 1):
                lines.setdefault((*table, *key[:length]), number)
        depth += sum(code.count(mark) for mark in "[{") - sum(code.count(mark) for mark in "]}")
    return lines


def _plain(text: str) -> str:
    """The text with strings and comments dotted out, character by character.

    So brackets, equal signs and hashes inside them do not count. Length and line ends stay as they are.
    """
    out: list[str] = []
    position = 0
    while position < len(text):
        if text[position] == "#":  # first, because a comment may hold a lone quotation mark
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            out.append("#" + "." * (end - position - 1))
            position = end
        elif text[position] in "\"'" and (found := _STRING.match(text, position)):
            out.append(re.sub(r"[^\n]", ".", found.group()))
            position = found.end()
        else:
            out.append(text[position])
            position += 1
    return "".join(out)


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
        double, single, bare = found.groups()
        keys.append(next(part for part in (double, single, bare) if part is not None))
        position = found.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return tuple(keys)
