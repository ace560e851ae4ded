"""A plan, written as Python. `resolution` has decided everything; here is only how bytes are read fast.

Names in the code: `b` the buffer, `p` the position, `end` the length of the buffer, `t` a byte, `n` a number, `s` a
start, `v..` what is wanted, `x..` parts of it on the way. HALF and ZIGZAG answer for numbers of one byte, which nearly
all are; the long forms are functions of `reading`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import NamedTuple

from processor.avro.resolution import (
    Branch,
    Bytes,
    Choice,
    Items,
    Keep,
    Members,
    Mismatch,
    Pairs,
    Plan,
    Rows,
    Scalar,
    Shape,
    Skip,
    Step,
    Symbol,
    Walk,
    derived,
)
from processor.avro.source import Source
from processor.avro.types import Array, Decimal, Enum, Fixed, Map, Primitive, Record, Type, Union
from processor.avro.wanted import Wanted

_ONE_BYTE = 64
"""Indexes below take one byte, always the double of the index."""

_DEEPEST = 12
"""Levels of indentation, then a helper goes on: Python nests at most 20 loops."""

_RUN = 3
"""From so many nullable fields in a row on, that nobody wants, it pays to ask first whether all are null."""

_FEW = 4
"""Branches of a union that `if` tells apart; `elif` after `elif` is nested for Python's compiler, `case` is not."""

_FIXED_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}


class Function(NamedTuple):
    """The code of a module with a function `read`, the objects that it uses, the place of each line."""

    code: str
    constants: dict[str, object]
    places: tuple[str, ...]


def write_function(plan: Walk, wanted: Wanted, results: Sequence[str], title: str) -> Function:
    """Writes `read(b, p)`, which gives the variables `results`."""
    writer = _Writer(_uses(plan))
    writer.function(plan, wanted, results, title)
    code, places = writer.out.finish()
    return Function(code, writer.constants, places)


class _Writer:
    """One method per kind of plan, shape and type. `into` is the variable that gets the value."""

    def __init__(self, uses: Counter[Record]) -> None:
        self.out = Source()
        self.constants: dict[str, object] = {}
        self._uses = uses
        self._skippers: dict[Type, str] = {}

    def function(self, plan: Walk, wanted: Wanted, results: Sequence[str], title: str) -> None:
        out = self.out
        with out.block("def read(b, p):", title):
            out.add("end = len(b)")
            self._clear(wanted)
            with out.block("try:"):
                self.walk(plan)
                with out.block("if p != end:"):
                    out.add('raise Bad("bytes are left over after the last field")')
            with out.block("except (IndexError, ValueError, StructError) as error:"):
                out.add("raise failed(error, FILENAME, PLACES) from None")
            out.add(f"return {_tuple(results)}")

    def _clear(self, wanted: Wanted) -> None:
        names = list(dict.fromkeys(wanted.variables()))
        if names:
            self.out.add(f"{' = '.join(names)} = None")

    # ---- plans ------------------------------------------------------------------------------------------------------

    def plan(self, plan: Plan) -> None:
        match plan:
            case Skip():
                self.skip(plan.type)
            case Keep():
                self.keep(plan)
            case Walk():
                self.walk(plan)
            case Rows():
                self.rows(plan)
            case Branch():
                self._union([self._branch(branch) for branch in plan.branches])

    def _branch(self, branch: Plan | Mismatch) -> _Work:
        if isinstance(branch, Mismatch):
            return partial(self._mismatch, branch)
        if isinstance(branch, Skip):
            return _skip_of(self, branch.type)
        if isinstance(branch, Keep) and isinstance(branch.shape, Scalar) and branch.shape.wire == "null":
            return None  # its variable is None already
        return partial(self.plan, branch)

    def walk(self, walk: Walk) -> None:
        for into, value in walk.defaults:
            self.out.add(f"{into} = {value!r}", "the writer has no such field: its default")
        self.steps(walk.steps, lambda step: self.plan(step.plan))

    def steps(self, steps: Sequence[Step], write: Callable[[Step], None]) -> None:
        """The fields of a record, those that nobody wants in runs."""
        base = f"{self.out.place}." if self.out.place else ""
        run: list[tuple[str, Type]] = []
        for step in steps:
            if isinstance(step.plan, Skip):
                run.append((step.name, step.plan.type))
                continue
            self._skip_run(run)
            run = []
            with self.out.at(base + step.name):
                write(step)
        self._skip_run(run)

    def keep(self, keep: Keep) -> None:
        into = keep.wanted.whole
        assert into is not None  # what makes it a Keep
        self.value(keep.shape, into)
        parts = [name for name in dict.fromkeys(keep.wanted.variables()) if name != into]
        if parts:
            name = self._constant("parts_of", _parts_function(keep.wanted, tuple(parts)))
            self.out.add(f"{_tuple(parts)} = {name}({into})", "wanted as a whole and in parts")

    def rows(self, rows: Rows) -> None:
        for table in rows.tables:
            self.out.add(f"{table.into} = []", f"{self._here}: one tuple per item")
        with self._items(rows.least), self.out.at(f"{self.out.place}[]"):
            self._clear(rows.wanted)
            self.plan(rows.item)
            for table in rows.tables:
                self.out.add(f"{table.into}.append({_tuple(table.cells)})")

    # ---- values -----------------------------------------------------------------------------------------------------

    def value(self, shape: Shape, into: str) -> None:
        if self.out.indent > _DEEPEST and not isinstance(shape, Scalar | Bytes | Symbol):
            self._value_by_helper(shape, into)
            return
        match shape:
            case Scalar():
                self.scalar(shape, into)
            case Bytes():
                self._advance(shape.size, start="s")
                self.out.add(f"{into} = {_raw(shape.decimal)}", f"{self._here}: fixed")
            case Symbol():
                self.symbol(shape, into)
            case Items():
                self.items(shape, into)
            case Pairs():
                self.pairs(shape, into)
            case Members():
                self.members(shape, into)
            case Choice():
                self.choice(shape, into)

    def _value_by_helper(self, shape: Shape, into: str) -> None:
        name = f"read_{self.out.number()}"
        with self.out.helper(f"def {name}(b, p, end):", self.out.place):
            self.value(shape, "value")
            self.out.add("return value, p")
        self.out.add(f"{into}, p = {name}(b, p, end)", self.out.place)

    def scalar(self, scalar: Scalar, into: str) -> None:
        out = self.out
        comment = f"{self._here}: {scalar.wire}"
        match scalar.wire:
            case "null":
                out.add(f"{into} = None", comment)
            case "boolean":
                out.add("t = b[p]", comment)
                out.add("p += 1")
                with out.block("if t > 1:"):
                    out.add('raise Bad("neither 0 nor 1")')
                out.add(f"{into} = t == 1")
            case "int" | "long":
                out.add(f"{into} = ZIGZAG[b[p]]", comment)
                out.add("p += 1")
                with out.block(f"if {into} is None:"):
                    out.add(f"{into}, p = {scalar.wire}_at(b, p - 1)")
                if scalar.kind in ("float", "double"):
                    out.add(f"{into} = float({into})")
            case "float" | "double":
                out.add(f"({into},) = {scalar.wire}_at(b, p)", comment)
                out.add(f"p += {_FIXED_SIZES[scalar.wire]}")
            case _:
                self._length(comment)
                out.add("s = p")
                self._leap("n")
                out.add(f"{into} = {_raw(scalar.decimal)}{'.decode()' if scalar.kind == 'string' else ''}")

    def symbol(self, symbol: Symbol, into: str) -> None:
        name = self._constant("SYMBOLS", symbol.symbols)
        self._index(len(symbol.symbols), f"{self._here}: enum")
        self.out.add(f"{into} = {name}[n]")
        if None in symbol.symbols:
            with self.out.block(f"if {into} is None:"):
                self.out.add('raise Bad("a symbol that our schema does not have")')

    def items(self, items: Items, into: str) -> None:
        item, collected = self._part(), self._part()
        self.out.add(f"{collected} = []", f"{self._here}: array")
        with self._items(items.least), self.out.at(f"{self.out.place}[]"):
            self.value(items.item, item)
            self.out.add(f"{collected}.append({item})")
        self.out.add(f"{into} = {collected}")

    def pairs(self, pairs: Pairs, into: str) -> None:
        key, value, collected = self._part(), self._part(), self._part()
        self.out.add(f"{collected} = {{}}", f"{self._here}: map")
        with self._items(pairs.least), self.out.at(f"{self.out.place}{{}}"):
            self.scalar(Scalar("string", "string"), key)
            self.value(pairs.value, value)
            self.out.add(f"{collected}[{key}] = {value}")
        self.out.add(f"{into} = {collected}")

    def members(self, members: Members, into: str) -> None:
        parts: dict[str, str] = {}

        def write(step: Step) -> None:
            assert isinstance(step.plan, Keep)  # of a whole record all is kept
            parts[step.name] = self._part()
            self.value(step.plan.shape, parts[step.name])

        self.steps(members.steps, write)
        pairs = [f"{name!r}: {part}" for name, part in parts.items()]
        pairs += [f"{name!r}: {value!r}" for name, value in members.defaults]
        self.out.add(f"{into} = {{{', '.join(pairs)}}}", f"{self._here}: record")

    def choice(self, choice: Choice, into: str) -> None:
        self._union(
            [
                partial(self._mismatch, branch) if isinstance(branch, Mismatch) else partial(self.value, branch, into)
                for branch in choice.branches
            ]
        )

    # ---- what nobody wants ------------------------------------------------------------------------------------------

    def skip(self, kind: Type) -> None:
        size = _fixed_size(kind)
        if size is not None:
            self._advance(size)
            return
        shared = isinstance(kind, Record) and self._uses[kind] > 1
        if shared or (self.out.indent > _DEEPEST and not isinstance(kind, Primitive | Enum)):
            self._skip_by_helper(kind)
        else:
            self._skip_here(kind)

    def _skip_by_helper(self, kind: Type) -> None:
        name = self._skippers.get(kind)
        if name is None:
            name = self._skippers[kind] = f"skip_{self.out.number()}"
            title = kind.name if isinstance(kind, Record) else kind.kind
            with self.out.helper(f"def {name}(b, p, end):", title):
                self._skip_here(kind)
                self.out.add("return p")
        self.out.add(f"p = {name}(b, p, end)", f"{self._here}: {kind.kind}, skipped")

    def _skip_here(self, kind: Type) -> None:
        match kind:
            case Record():
                self._skip_run([(field.name, field.type) for field in kind.fields])
            case Union():
                self._union([_skip_of(self, branch) for branch in kind.branches])
            case Array():
                self._skip_items(kind)
            case Map():
                with self._items(1 + kind.values.least), self.out.at(f"{self.out.place}{{}}"):
                    self._skip_text()
                    self.skip(kind.values)
            case Enum():
                self._index(len(kind.symbols), f"{self._here}: enum, skipped")
            case Primitive(kind="string" | "bytes"):
                self._skip_text()
            case _:
                self._skip_number()

    def _skip_items(self, array: Array) -> None:
        size = _fixed_size(array.items)
        if size is None:
            with self._items(array.items.least), self.out.at(f"{self.out.place}[]"):
                self.skip(array.items)
        else:
            with self._blocks(size):
                self._leap(f"n * {size}")
            self.out.add("p += 1")

    def _skip_text(self) -> None:
        self._length(f"{self._here}: text, skipped")
        self._leap("n")

    def _skip_number(self) -> None:
        out = self.out
        out.add("s = p", f"{self._here}: number, skipped")
        with out.block("while b[p] > 127:"):
            out.add("p += 1")
        out.add("p += 1")
        with out.block("if p - s > 10:"):
            out.add('raise Bad("a number of more than 64 bits")')

    def _skip_run(self, run: Sequence[tuple[str, Type]]) -> None:
        """Fields in a row: those of fixed size in one step, nullable ones after a look whether all are null."""
        base = f"{self.out.place}." if self.out.place else ""
        for group, same in groupby(run, lambda member: _group(member[1])):
            members = list(same)
            names = ", ".join(name for name, _ in members)
            if group == "fixed":
                with self.out.at(base + members[0][0]):
                    self._advance(sum(_fixed_size(kind) or 0 for _, kind in members), comment=names)
            elif group == "nullable" and len(members) >= _RUN:
                with self.out.block(f"if b[p : p + {len(members)}] == {bytes(len(members))!r}:", f"{names}: null"):
                    self.out.add(f"p += {len(members)}")
                with self.out.block("else:"):
                    self._skip_each(base, members)
            else:
                self._skip_each(base, members)

    def _skip_each(self, base: str, members: Sequence[tuple[str, Type]]) -> None:
        for name, kind in members:
            with self.out.at(base + name):
                self.skip(kind)

    # ---- common parts -----------------------------------------------------------------------------------------------

    def _union(self, branches: Sequence[_Work]) -> None:
        """An index, then what is to be done for each branch."""
        out = self.out
        out.add("t = b[p]", f"{self._here}: union")
        out.add("p += 1")
        step = 2
        if len(branches) > _ONE_BYTE:
            out.add("t, p = count_at(b, p - 1)")
            step = 1
        cases = [(index * step, work) for index, work in enumerate(branches)]
        if len(cases) > _FEW:
            self._match(cases)
        else:
            self._if(cases)

    def _if(self, cases: Sequence[tuple[int, _Work]]) -> None:
        word, silent = "if", []
        for number, work in cases:
            if work is None:
                silent.append(number)
                continue
            with self.out.block(f"{word} t == {number}:"):
                work()
            word = "elif"
        with self.out.block(_otherwise(word, silent)):
            self._no_branch()

    def _match(self, cases: Sequence[tuple[int, _Work]]) -> None:
        with self.out.block("match t:"):
            for number, work in cases:
                with self.out.block(f"case {number}:"):
                    if work is not None:
                        work()
            with self.out.block("case _:"):
                self._no_branch()

    def _no_branch(self) -> None:
        self.out.add('raise Bad("no such branch of the union")')

    def _mismatch(self, mismatch: Mismatch) -> None:
        self.out.add(f"raise Bad({f'a branch that our schema does not have: {mismatch.kind}'!r})")

    @contextmanager
    def _blocks(self, least: int) -> Iterator[None]:
        """What follows is done for each block of an array or a map; `n` is the number of items."""
        with self.out.block("while n := HALF[b[p]]:", f"{self._here}: blocks"):
            self.out.add("p += 1")
            with self.out.block("if n < 0:"):
                self.out.add(f"n, p = block_at(b, p - 1, end, {least})")
            yield

    @contextmanager
    def _items(self, least: int) -> Iterator[None]:
        """What follows is done for each item of an array or a map, an item taking at least so many bytes."""
        with self._blocks(least), self.out.block("for _ in range(n):"):
            yield
        self.out.add("p += 1")

    def _length(self, comment: str) -> None:
        self.out.add("n = HALF[b[p]]", comment)
        self.out.add("p += 1")
        with self.out.block("if n < 0:"):
            self.out.add("n, p = count_at(b, p - 1)")

    def _index(self, count: int, comment: str) -> None:
        self._length(comment)
        with self.out.block(f"if n >= {count}:"):
            self.out.add('raise Bad("no such symbol of the enum")')

    def _advance(self, size: int, start: str = "", comment: str = "") -> None:
        if start:
            self.out.add(f"{start} = p")
        if size:
            self._leap(str(size), comment and f"{comment}: skipped")

    def _leap(self, size: str, comment: str = "") -> None:
        self.out.add(f"p += {size}", comment)
        with self.out.block("if p > end:"):
            self.out.add('raise Bad("the data ends before this does")')

    @property
    def _here(self) -> str:
        return self.out.place or "all of it"

    def _part(self) -> str:
        return f"x{self.out.number()}"

    def _constant(self, name: str, value: object) -> str:
        name = f"{name}_{self.out.number()}"
        self.constants[name] = value
        return name


_Work = Callable[[], None] | None
"""What writes the code of one branch; None where there is nothing to do."""


def _skip_of(writer: _Writer, kind: Type) -> _Work:
    return None if _fixed_size(kind) == 0 else partial(writer.skip, kind)


def _tuple(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def _otherwise(word: str, silent: Sequence[int]) -> str:
    """The head of the block for an index that no branch has; `silent` are indexes without code."""
    if not silent:
        return "else:"
    if len(silent) > 1:
        return f"{word} t not in {tuple(silent)}:"
    return f"{word} t != {silent[0]}:" if silent[0] else f"{word} t:"


def _raw(decimal: Decimal | None) -> str:
    return f"decimal_of(b[s:p], {decimal.precision}, {decimal.scale})" if decimal else "b[s:p]"


def _fixed_size(kind: Type) -> int | None:
    """The size of each value of a type, or None if they differ."""
    match kind:
        case Primitive():
            return _FIXED_SIZES.get(kind.kind)
        case Fixed():
            return kind.size
        case Record():
            sizes = [_fixed_size(field.type) for field in kind.fields]
            return None if None in sizes else sum(size or 0 for size in sizes)
        case _:
            return None


def _group(kind: Type) -> str:
    if _fixed_size(kind) is not None:
        return "fixed"
    if isinstance(kind, Union) and kind.branches[0].kind == "null":
        return "nullable"
    return "other"


def _uses(plan: Walk) -> Counter[Record]:
    """How often the code would skip each type of record: more than once is worth a function."""
    uses: Counter[Record] = Counter()
    open_types = [part.type for part in _parts(plan) if isinstance(part, Skip)]
    while open_types:
        kind = open_types.pop()
        if isinstance(kind, Record):
            uses[kind] += 1
            if uses[kind] > 1:
                continue  # its own fields are skipped by that function, once
        open_types += _types_inside(kind)
    return uses


def _types_inside(kind: Type) -> Sequence[Type]:
    match kind:
        case Record():
            return [field.type for field in kind.fields]
        case Union():
            return kind.branches
        case Array():
            return [kind.items]
        case Map():
            return [kind.values]
        case _:
            return []


def _parts(part: Plan | Shape | Mismatch) -> Iterator[Plan | Shape | Mismatch]:
    yield part
    inside: Sequence[Plan | Shape | Mismatch] = []
    match part:
        case Keep():
            inside = [part.shape]
        case Walk() | Members():
            inside = [step.plan for step in part.steps]
        case Rows() | Items():
            inside = [part.item]
        case Pairs():
            inside = [part.value]
        case Branch() | Choice():
            inside = part.branches
    for other in inside:
        yield from _parts(other)


def _parts_function(wanted: Wanted, names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """Picks out of a value that was read as a whole what is wanted once more."""

    def parts(value: object) -> tuple[object, ...]:
        found = dict(derived(value, wanted))
        return tuple(found.get(name) for name in names)

    return parts
