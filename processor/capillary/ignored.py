"""`ignored.toml`: event types that go nowhere on purpose, each with the reason.

A brand's own may have a table `[undocumented]` for types that this program does not know; they are ignored as the
others are. Names outside of it are such as Capillary documents, so that a misspelt one is found.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from processor.capillary.errors import ContractError
from processor.capillary.names import fold

FILE = "ignored.toml"
UNDOCUMENTED = "undocumented"


class Ignored(Mapping[str, str]):
    """Reasons by the name of the event; any spelling finds one. Iterates over the names as they are written.

    `undocumented` are those of them that stand in the table of this name.
    """

    def __init__(self, reasons: Mapping[str, str], undocumented: Iterable[str] = ()) -> None:
        self.undocumented = frozenset(undocumented)
        self._reasons = {fold(name): reason for name, reason in reasons.items()}
        self._names = {fold(name): name for name in reasons}

    def __getitem__(self, name: str) -> str:
        return self._reasons[fold(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._names)


def load_ignored(directory: Path) -> Ignored:
    """The list of a directory; empty where there is none.

    Raises:
        ContractError: the file is not a list of names and reasons.
        OSError: it cannot be read.
    """
    file = directory / FILE
    if not os.path.lexists(file):  # what is there and cannot be read, a directory in its place too, is no absence
        return Ignored({})
    try:
        reasons = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8
        raise ContractError(f"{FILE}: no TOML: {error}") from error
    undocumented = reasons.pop(UNDOCUMENTED, {})
    if not isinstance(undocumented, dict):
        raise ContractError(f"{FILE}: {UNDOCUMENTED}: is a table of names and reasons")
    for name, reason in (*reasons.items(), *undocumented.items()):
        if not isinstance(reason, str) or not reason.strip():
            raise ContractError(f"{FILE}: {name}: needs a reason, in words")
    return Ignored({**undocumented, **reasons}, undocumented)
