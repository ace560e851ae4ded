"""What is wrong with mapping files, all of it at once, each with its place and the nearest name that exists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing to mend: `line` counts from 1 (0: the file as a whole), `where` is the key or path in question."""

    file: str
    line: int
    where: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.where}: {self.message}"


class MappingProblems(Exception):  # noqa: N818 - it is the list of problems, several at once
    """Mappings or schemas that cannot be used; `problems` has every one of them, in the order of file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def hint(name: str, names: Iterable[str]) -> str:
    """What to add to a message about an unknown name: the nearest known one, or all of a handful."""
    known = sorted(names)
    if near := get_close_matches(name, known, cutoff=0.5):
        return f'; the nearest is "{near[0]}"'
    if 0 < len(known) <= 8:  # noqa: PLR2004 - as many names as one line can hold
        return f"; known: {', '.join(known)}"
    return ""


def line_in(message: str) -> int:
    """The line that a message of tomllib names, 0 where it names none."""
    found = re.search(r"at line (\d+)", message)
    return int(found.group(1)) if found else 0
