"""What is wanted of a record, as a tree over the reader's schema, with a variable for every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Each:
    """An array of records, as one tuple per item.

    `path` is the array's ("data.promotionalPointsIssued"), `items` are paths inside one item ("promotionPoints").
    """

    path: str
    items: tuple[str, ...]


Want = str | Each
"""A path, which may end at anything: a primitive, or a whole record, array or map. Or one tuple per item."""


class Table(NamedTuple):
    """A list of tuples: its variable, and the variables that make up one tuple."""

    into: str
    cells: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Wanted:
    """What is wanted of one place of the reader's schema.

    `whole` is the variable for the value as it is, `below` what is wanted of a record's fields, `item` what is wanted
    of one item of an array, whose `tables` say how tuples are made of that.
    """

    place: str
    whole: str | None = None
    below: dict[str, Wanted] = field(default_factory=dict)
    item: Wanted | None = None
    tables: list[Table] = field(default_factory=list)

    def variables(self) -> Iterator[str]:
        """All that is assigned here and below, without what belongs to one item."""
        if self.whole:
            yield self.whole
        for table in self.tables:
            yield table.into
        for wanted in self.below.values():
            yield from wanted.variables()


def gather(wants: Sequence[Want]) -> tuple[Wanted, tuple[str, ...]]:
    """The tree, and the variable of each want in their order. Wants may repeat and overlap."""
    root = Wanted("")
    numbers = _Numbers()
    return root, tuple(_variable(root, want, numbers) for want in wants)


class _Numbers:
    """Numbers the variables, so that no two share a name and none is like a name of anything else."""

    def __init__(self) -> None:
        self._last = -1

    def variable(self, path: str) -> str:
        self._last += 1
        return f"v{self._last}_{path.rpartition('.')[2][:40]}"


def _variable(root: Wanted, want: Want, numbers: _Numbers) -> str:
    path = want if isinstance(want, str) else want.path
    node = root
    for name in path.split("."):
        node = node.below.setdefault(name, Wanted(f"{node.place}.{name}" if node.place else name))
    if isinstance(want, str):
        node.whole = node.whole or numbers.variable(path)
        return node.whole
    item = node.item = node.item or Wanted(f"{node.place}[]")
    cells = tuple(_variable(item, inner, numbers) for inner in want.items)
    table = next((table for table in node.tables if table.cells == cells), None)
    if table is None:
        table = Table(numbers.variable(path), cells)
        node.tables.append(table)
    return table.into
