"""Lines of generated code, each with the place in the record that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Source:
    """Collects lines. Indentation and place are set by `with`; a helper function has lines of its own meanwhile.

    A place is the path of a field; inside a helper, which several places may call, it goes on from its caller's.
    """

    def __init__(self) -> None:
        self.place = ""
        self.indent = 0
        self._lines: list[tuple[str, str]] = []
        self._helpers: list[tuple[str, str]] = []
        self._last = 0

    def add(self, line: str, comment: str = "") -> None:
        """One line; the comment is for people only."""
        text = "    " * self.indent + line
        self._lines.append((f"{text:<56}  # {comment}" if comment else text, self.place))

    def number(self) -> int:
        """A number that was not given out before, for names."""
        self._last += 1
        return self._last

    @contextmanager
    def block(self, head: str, comment: str = "") -> Iterator[None]:
        """What follows is indented below `head`."""
        self.add(head, comment)
        self.indent += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.add("pass")
        self.indent -= 1

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """What follows is about another place."""
        self.place, before = place, self.place
        yield
        self.place = before

    @contextmanager
    def helper(self, head: str, comment: str = "") -> Iterator[None]:
        """What follows is a function of its own."""
        before = self._lines, self.indent, self.place
        self._lines, self.indent, self.place = [], 0, ""
        with self.block(head, comment):
            yield
        self._helpers += [*self._lines, ("", ""), ("", "")]
        self._lines, self.indent, self.place = before

    def finish(self) -> tuple[str, tuple[str, ...]]:
        """The code, helpers first, and the place of each line."""
        lines = [*self._helpers, *self._lines]
        return "".join(f"{line}\n" for line, _ in lines), tuple(place for _, place in lines)
