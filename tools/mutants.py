"""What a mutant is: a module with one small thing in it changed, which some test should notice.

A mutation puts another node in the place of one node of the module's syntax tree. Left alone is what no test can or
should tell: docstrings, annotations, type aliases, `__all__`, decorators, `assert`, imports, types given to
`isinstance` and `cast`, and texts for people: a text with a space in it inside `raise`, `Problem(...)`,
`.problem(...)`, or given to `message` or `detail`. A text without a space is a code that others compare, and is
mutated there too. Left out as well is what changes nothing by its nature; see `_is_the_same`.
"""

from __future__ import annotations

import ast
import copy
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

UNTOUCHED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "type_params", "format_spec"})
UNTOUCHED_NODES = (ast.Assert, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
TYPES_IN = {"isinstance": 1, "issubclass": 1, "cast": 0, "TypeVar": 0, "NewType": 1}
"""Functions, with the position of their argument that is a type."""

SAYS = frozenset({"Problem", "problem"})
TEXTS = frozenset({"message", "detail"})
_ALIAS = re.compile(r"_?[A-Z]\w*[a-z]\w*")

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_NAMES = {
    "all": "any",
    "any": "all",
    "endswith": "startswith",
    "lower": "upper",
    "lstrip": "rstrip",
    "max": "min",
    "min": "max",
    "partition": "rpartition",
    "removeprefix": "removesuffix",
    "removesuffix": "removeprefix",
    "rpartition": "partition",
    "rsplit": "split",
    "rstrip": "lstrip",
    "startswith": "endswith",
    "upper": "lower",
}


@dataclass(frozen=True, slots=True, eq=False)
class Mutation:
    """Another node for the one in `field` (at `index`, if that is a list) of `holder`.

    `scope` is the function or method around it, "module" outside of any, and `top` its node or that of the statement.
    A test that runs what is mutated is on one of the `lines`. What runs as the module is imported has those that use
    the name to which it gives a value; none if there are no such lines, so that any test of the module may tell.
    """

    scope: str
    top: ast.AST
    line: int
    lines: Sequence[int]
    holder: ast.AST
    field: str
    index: int | None
    node: ast.AST

    def apply(self) -> ast.AST:
        """Changes the tree and returns the node that was there."""
        return self.put(self.node)

    def put(self, node: ast.AST) -> ast.AST:
        """Puts a node in the place, such as the one that was there, and returns the one before it."""
        if self.index is None:
            previous: ast.AST = getattr(self.holder, self.field)
            setattr(self.holder, self.field, node)
        else:
            nodes = getattr(self.holder, self.field)
            previous, nodes[self.index] = nodes[self.index], node
        return previous

    def after(self) -> str:
        """The text of `top` with the change, as Python prints it: no other mutation has the same."""
        original = self.apply()
        text = ast.unparse(self.node if original is self.top else self.top)
        self.put(original)
        return text

    def diff(self, file: str) -> str:
        """What changes, with three lines around it, as Python prints the code; comments are not in it."""
        before, after = ast.unparse(self.top).splitlines(), self.after().splitlines()
        return "\n".join(difflib.unified_diff(before, after, file, f"{file}:{self.line}", lineterm=""))


def mutations(tree: ast.Module) -> Iterator[tuple[str, Mutation]]:
    """Every mutation of a module with its name, which counts them within a function: a change leaves others alone."""
    numbers: Counter[str] = Counter()
    for found in _inside(tree, _Where(uses=_uses(tree))):
        numbers[found.scope] += 1
        if not _is_the_same(found):
            yield f"{found.scope}#{numbers[found.scope]}", found


def mutations_of(root: Path, file: Path) -> tuple[ast.Module, dict[str, Mutation]]:
    """A module's tree, and its mutations by name (`processor.avro.wire:frame_of#3`), which change that tree."""
    tree = ast.parse((root / file).read_text(encoding="utf-8"))
    module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
    return tree, {f"{module}:{name}": found for name, found in mutations(tree)}


def _is_the_same(found: Mutation) -> bool:
    """Whether a mutation is known to change nothing.

    `BaseException.__new__` keeps the arguments without `super().__init__`; a function ends with None, and what returns
    False or None is asked whether it is true; another character to strip is not there; files are UTF-8 anyway.
    """
    before = getattr(found.holder, found.field)
    if found.index is not None:
        before = before[found.index]
    match before, found.node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"))))), ast.Pass():
            return True
        case ast.Return(value=ast.Constant(value=None)), ast.Pass():
            return isinstance(found.top, ast.FunctionDef) and before is found.top.body[-1]
        case ast.Return(value=ast.Constant(value=False)), ast.Return():
            return True
        case ast.Constant(value=str()), _:
            return _called(found.holder) in ("strip", "lstrip", "rstrip")
        case ast.Call(keywords=all_of_them), ast.Call(keywords=rest):
            return any(keyword.arg == "encoding" for keyword in all_of_them if keyword not in rest)
    return False


@dataclass(frozen=True, slots=True)
class _Where:
    """What is around a node."""

    scope: tuple[str, ...] = ()
    top: ast.AST | None = None
    function: bool = False
    statement: ast.stmt | None = None
    told: bool = False
    uses: Mapping[str, Sequence[int]] = field(default_factory=dict)


def _uses(tree: ast.Module) -> dict[str, list[int]]:
    """Lines on which names are read; none for a name that is read as the module is imported, too."""
    early = {id(node) for node in _run_at_import(tree)}
    lines: dict[str, list[int]] = {}
    told: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            lines.setdefault(node.id, []).append(node.lineno)
            if id(node) in early:
                told.add(node.id)
    return {name: found for name, found in lines.items() if name not in told}


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from _run_at_import(node)


def _given(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _inside(holder: ast.AST, where: _Where) -> Iterator[Mutation]:
    types = TYPES_IN.get(_called(holder))
    for name, value in ast.iter_fields(holder):
        if name in UNTOUCHED_FIELDS:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(node, ast.AST) or _untouched(node, holder, where):
                continue
            if types is not None and (name == "func" or (name == "args" and index == types)):
                continue
            inner = _entered(node, where)
            if not (inner.told and _is_text(node)):
                yield from _here(holder, name, index, node, inner)
                yield from _inside(node, inner)


def _here(holder: ast.AST, name: str, index: int | None, node: ast.AST, where: _Where) -> Iterator[Mutation]:
    assert where.statement is not None  # a module holds statements
    lines: Sequence[int] = _lines(node, where.statement)
    if isinstance(where.statement, ast.FunctionDef) and where.statement is where.top:  # the default of a parameter
        lines = range(where.statement.body[0].lineno, (where.statement.end_lineno or 0) + 1)
    elif not where.function:
        lines = where.uses.get(_given(where.statement), ()) if not where.scope else ()
    if isinstance(holder, ast.JoinedStr) and isinstance(node, ast.Constant):
        return
    for replacement in _replacements(node, name, holder):
        ast.copy_location(replacement, node)
        ast.fix_missing_locations(replacement)
        scope = ".".join(where.scope) if where.function else ".".join([*where.scope, "module"])
        line = getattr(node, "lineno", where.statement.lineno)
        yield Mutation(scope, where.top or where.statement, line, lines, holder, name, index, replacement)


def _entered(node: ast.AST, where: _Where) -> _Where:
    scope, top, function = where.scope, where.top, where.function
    if isinstance(node, ast.ClassDef | ast.FunctionDef) and not function:
        scope, function = (*scope, node.name), isinstance(node, ast.FunctionDef)
        top = node if function else None
    return _Where(
        scope,
        top,
        function,
        node if isinstance(node, ast.stmt) else where.statement,
        _tells(node) or (where.told and not isinstance(node, ast.stmt)),
        where.uses,
    )


def _lines(node: ast.AST, statement: ast.stmt) -> range:
    first = statement.lineno
    body = getattr(statement, "body", None)
    last = body[0].lineno if isinstance(body, list) and body[0].lineno > first else (statement.end_lineno or first) + 1
    line = getattr(node, "lineno", first)
    return range(first, last) if line < last else range(line, line + 1)  # a pattern of a case is below its `match`


def _untouched(node: ast.AST, holder: ast.AST, where: _Where) -> bool:
    if isinstance(node, UNTOUCHED_NODES):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring, or the dots of a protocol
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Assign) and isinstance(holder, ast.Module) and not where.scope:
        (target, *_), value = node.targets, node.value
        named = isinstance(target, ast.Name) and _ALIAS.fullmatch(target.id) is not None
        alias = isinstance(value, ast.BinOp | ast.Subscript | ast.Name)
        return (named and alias) or (isinstance(target, ast.Name) and target.id == "__all__")
    return False


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _tells(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in TEXTS
    return isinstance(node, ast.Raise) or _called(node) in SAYS


def _is_text(node: ast.AST) -> bool:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value for part in parts)


# ---- what is put in the place of what ----


def _replacements(node: ast.AST, name: str, holder: ast.AST) -> Iterator[ast.AST]:
    if name in ("test", "ifs", "guard"):
        yield ast.Constant(value=False)
        if not isinstance(holder, ast.While):  # that would loop for ever
            yield ast.Constant(value=True)
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    else:
        yield from _expressions(node)


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(value=ast.Constant(value=None))
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.Expr() | ast.AugAssign() | ast.Delete() | ast.Raise() | ast.Return():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.Match(cases=cases) if len(cases) > 1:
            for number in range(len(cases)):
                yield _with(node, cases=cases[:number] + cases[number + 1 :])
        case _:
            pass
    if isinstance(node, ast.AugAssign):
        yield _with(node, op=_OPERATORS[type(node.op)]())


def _constants(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(value=not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value=value + 1)
    elif isinstance(value, str):
        yield ast.Constant(value="XX" + value)
    elif isinstance(value, bytes):
        yield ast.Constant(value=b"XX" + value)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    for number, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield _with(node, keywords=node.keywords[:number] + node.keywords[number + 1 :])
    if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
        yield _with(node, func=_with(node.func, id=_NAMES[node.func.id]))
    if isinstance(node.func, ast.Attribute) and node.func.attr in _NAMES:
        yield _with(node, func=_with(node.func, attr=_NAMES[node.func.attr]))


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            for number, operator in enumerate(ops):
                yield _with(node, ops=[*ops[:number], _COMPARISONS[type(operator)](), *ops[number + 1 :]])
        case ast.BoolOp(op=operator):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.BinOp(op=operator) if not isinstance(operator, ast.MatMult):
            yield _with(node, op=_OPERATORS[type(operator)]())
        case ast.UnaryOp(operand=operand):
            yield copy.copy(operand)
        case ast.JoinedStr(values=values):
            yield _with(node, values=[ast.Constant(value="XX"), *values])
        case ast.Lambda(body=body) if not _is_none(body):
            yield _with(node, body=ast.Constant(value=None))
        case _:
            pass


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
