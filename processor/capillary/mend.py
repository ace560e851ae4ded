"""Brings a JSON value into the shape of its Avro type, by the schema alone.

A schema is turned once into a tree of nodes, one per place, each of which knows its path; a document is then walked
along that tree. So the depth of a document does not matter, and names that no schema knows are never followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from processor.capillary.names import fold, named, pick, shown
from processor.capillary.nothing import is_vain
from processor.capillary.scalars import Unfit, text

_ENOUGH = 100  # notes of one document; a hostile one could have thousands
_MISSING = object()


@dataclass(slots=True)
class Findings:
    """What was noticed while one document was mended. Paths and reasons, never values.

    Notes are cut off, `dropped` never is: whoever decides by a value must know that it was lost. The schema bounds it.
    """

    notes: list[str] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)

    def note(self, path: str, what: str) -> None:
        """Something to warn about that changed nothing, or only the spelling."""
        if len(self.notes) < _ENOUGH:
            self.notes.append(f"{path}: {what}")

    def drop(self, path: str, why: Unfit) -> None:
        """A value that is lost: null in the record although the event had something."""
        self.note(path, why.reason)
        self.dropped.add(path)


class Node(Protocol):
    """One place of a schema."""

    def mend(self, value: object, findings: Findings, /) -> object:
        """Takes a JSON value other than null; returns what fits the type, or None for "nothing there".

        Raises:
            Unfit: the value cannot become the type.
        """


@dataclass(frozen=True, slots=True)
class Scalar:
    """A primitive: the value alone decides."""

    convert: Callable[[object], object]

    def mend(self, value: object, _: Findings, /) -> object:
        """What `convert` makes of it."""
        return self.convert(value)


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a record: its canonical name, its path from the root, what it holds, its aliases."""

    name: str
    path: str
    node: Node
    aliases: tuple[str, ...] = ()


class Structure:
    """A record. Every field is there afterwards, None where the event has none; `{}` is none unless `required`.

    A name that is spelled exactly wins; another spelling (casing, blanks, `_`, `-`) or an alias counts where that has
    nothing. An object that says something, and nothing under one of the names, is lost like a value of another type.
    """

    def __init__(self, path: str, members: tuple[Member, ...], *, required: bool = False) -> None:
        self.path = path
        self.required = required
        self.members = members
        self._blank: dict[str, object] = dict.fromkeys(member.name for member in members)
        self._plan = {member.name: (_converter(member.node), member.node.mend, member.path) for member in members}
        self._spellings = {fold(name): member for member in members for name in (member.name, *member.aliases)}

    def mend(self, value: object, findings: Findings, /) -> dict[str, object] | None:
        """The record of an object."""
        if isinstance(value, dict):
            if not value and not self.required:
                return None
            result = self.record(value, findings)
            if not (self.required or self._plan.keys() >= value.keys()) and self._is_foreign(value, result):
                raise Unfit("an object without a name of the contract")
            return result
        if isinstance(value, str) and not value.strip():
            return None
        raise Unfit("no object where one is expected")

    def _is_foreign(self, value: dict[str, object], result: dict[str, object]) -> bool:
        """Whether an object says something, and nothing under a name that we know: an absence would be a guess."""
        is_other = any(self.member(key) is None and not is_vain(given) for key, given in value.items())
        return is_other and all(map(_is_nothing, result.values()))

    def member(self, name: str) -> Member | None:
        """The field of a name, however it is spelled."""
        return self._spellings.get(fold(name))

    def record(self, value: dict[str, object], findings: Findings) -> dict[str, object]:
        """The record of an object, also of an empty one."""
        result = self._blank.copy()
        others: list[str] = []
        for key, given in value.items():
            planned = self._plan.get(key)
            if planned is None:
                others.append(key)
            elif given is not None:
                convert, mend, path = planned
                try:
                    result[key] = convert(given) if convert else mend(given, findings)
                except Unfit as why:
                    findings.drop(path, why)
        for key in sorted(others):  # the order of keys means nothing
            self._other(key, value[key], result, findings)
        return result

    def _other(self, key: str, given: object, result: dict[str, object], findings: Findings) -> None:
        """A name that is not spelled as the schema does."""
        member = self.member(key)
        if member is None:
            findings.note(self.path + shown(key), "not in the contract, left out")
        elif given is not None:
            self._twin(member, shown(key), given, result, findings)

    @staticmethod
    def _twin(member: Member, spelled: str, given: object, result: dict[str, object], findings: Findings) -> None:
        """A value under another spelling. Where both say something, and not the same, one is lost.

        It is counted so, because whoever decides by the field must know that nobody can tell which of them holds.
        """
        known, left_out = result[member.name], f"given twice, {spelled} left out"
        if known is not None and is_vain(given):
            if not _is_nothing(known):
                findings.note(member.path, left_out)
            return
        inside = Findings()
        try:
            if _is_nothing(known):
                result[member.name] = member.node.mend(given, findings)
                return
            other = member.node.mend(given, inside)
        except Unfit as why:
            findings.drop(member.path, why)
            return
        if not inside.dropped and (other == known or _is_nothing(other)):
            findings.note(member.path, left_out)
        else:
            findings.drop(member.path, Unfit(left_out))


def _is_nothing(value: object) -> bool:
    """Whether a mended value says nothing: absent, blank, a placeholder, or a list or record of nothing else."""
    match value:
        case dict():
            return all(map(_is_nothing, value.values()))
        case list():
            return all(map(_is_nothing, value))
    return is_vain(value)


def _converter(node: Node) -> Callable[[object], object] | None:
    """Most fields are primitives; calling what decides them saves one call each."""
    return node.convert if isinstance(node, Scalar) else None


@dataclass(frozen=True, slots=True)
class Items:
    """An array. Null and blank items say nothing and go; an object stands for a list of its pairs where `pairs`."""

    path: str
    node: Node
    pairs: bool

    def mend(self, value: object, findings: Findings, /) -> list[object] | None:
        """The items that fit."""
        if isinstance(value, list):
            return list(self._mended(value, findings))
        if isinstance(value, dict) and self.pairs:
            pairs = ({"key": key, "value": value[key]} for key in sorted(value))  # the order of keys means nothing
            return list(self._mended(pairs, findings))
        if isinstance(value, str) and not value.strip():
            return None
        raise Unfit("no array where one is expected")

    def _mended(self, items: Iterable[object], findings: Findings) -> Iterator[object]:
        for item in items:
            try:
                mended = None if item is None else self.node.mend(item, findings)
            except Unfit as why:
                findings.drop(self.path, why)
                continue
            if mended is not None:
                yield mended


@dataclass(frozen=True, slots=True)
class Named:
    """A map; also from a list of key/value pairs, where the last of a repeated key wins."""

    path: str
    node: Node

    def mend(self, value: object, findings: Findings, /) -> dict[str, object] | None:
        """The values that fit."""
        if isinstance(value, dict):
            return dict(self._mended(value, findings))
        if isinstance(value, list):
            return dict(self._mended(self._pairs(value, findings), findings))
        if isinstance(value, str) and not value.strip():
            return None
        raise Unfit("no object where one is expected")

    def _pairs(self, items: list[object], findings: Findings) -> dict[str, object]:
        pairs: dict[str, object] = {}
        for item in items:
            pair = item if isinstance(item, dict) else {}
            key = next((given for name in ("key", "name") if (given := pick(pair, name)) is not None), None)
            if not isinstance(key, str) or not named(pair, "value"):
                findings.drop(self.path, Unfit("no key/value pair where one is expected"))
                continue
            if key in pairs:
                findings.note(self.path, "a key is given twice, the last one wins")
            pairs[key] = pick(pair, "value")
        return pairs

    def _mended(self, pairs: dict[str, object], findings: Findings) -> Iterator[tuple[str, object]]:
        for key, given in pairs.items():
            try:
                mended = None if given is None else self.node.mend(given, findings)
                name = text(key)
            except Unfit as why:
                findings.drop(self.path, why)
                continue
            if mended is not None:
                yield name, mended
