"""What `make mutation` changes, and what it leaves alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.mutants import mutations, mutations_of

ROOT = Path(__file__).parents[2]


def changed(source: str) -> list[str]:
    """The source after each mutation."""
    tree = ast.parse(source)
    found = []
    for _, mutation in mutations(tree):
        original = mutation.apply()
        found.append(ast.unparse(tree))
        mutation.put(original)
    assert ast.unparse(tree) == ast.unparse(ast.parse(source))
    return found


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("a < b", ["pass", "a <= b"]),
        ("a = b is c in d", ["a = b is not c in d", "a = b is c not in d"]),
        ("a = b and c", ["a = b or c"]),
        ("a = not b", ["a = b"]),
        ("a = b * 2", ["a = b + 2", "a = b * 3"]),
        ("a += 1", ["pass", "a -= 1", "a += 2"]),
        ("a = True", ["a = False"]),
        ("a = 'b'", ["a = 'XXb'"]),
        ("a = f'{b + c}d'", ["a = f'XX{b + c}d'", "a = f'{b - c}d'"]),
        ("a.b = c", ["pass"]),
        ("a = [b for b in c if b]", ["a = [b for b in c if False]", "a = [b for b in c if True]"]),
        ("a = b(c, d=e)", ["a = b(c)"]),
        ("a = min(b)", ["a = max(b)"]),
        ("a = b.lower()", ["a = b.upper()"]),
        ("a = lambda: b", ["a = lambda: None"]),
        ("while a:\n    break", ["while False:\n    break", "while a:\n    continue"]),
        ("raise a('code')", ["pass", "raise a('XXcode')"]),
        ("def a(b=1):\n    return b", ["def a(b=2):\n    return b", "def a(b=1):\n    return None"]),
    ],
)
def test_one_thing_changes(source: str, mutants: list[str]) -> None:
    assert changed(source) == mutants


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "import a",
        "assert a < 1",
        "a: int",
        "__all__ = ['a']",
        "Json = dict[str, int] | None",
        "def a(b: 'c | d') -> 'e': ...",
        "@a(1)\ndef b(): ...",
        "a = isinstance(b, c | d)",
        "a = cast('b', c)",
        "message = f'for people {a + 1}'",
        "a = Problem('for people')",
    ],
)
def test_what_no_test_can_tell_is_left_alone(source: str) -> None:
    assert changed(source) == []


def test_false_is_as_good_as_none_and_true_is_not() -> None:
    assert changed("def a():\n    return False") == ["def a():\n    return True"]


def test_a_mutant_keeps_its_number_whatever_is_left_out() -> None:
    names = [name for name, _ in mutations(ast.parse("def a(b):\n    b.strip('c')\n    return b + 1"))]
    assert names == ["a#1", "a#3", "a#4", "a#5"]  # the second one would strip X as well


@pytest.mark.parametrize(
    "source",
    [
        "class A(B):\n    def __init__(self, a):\n        super().__init__(a)",
        "def a(b):\n    c = b\n    return None",
        "a = b.strip('c')",
        "a = b(encoding=c)",
    ],
)
def test_what_changes_nothing_is_left_out(source: str) -> None:
    assert changed(source) == []


def test_mutants_are_numbered_within_functions_and_shown_as_diffs() -> None:
    tree, found = mutations_of(ROOT, Path("processor/avro/wire.py"))
    assert len(found) > 50
    assert {name.partition("#")[0] for name in found} >= {"processor.avro.wire:module"}
    before = ast.unparse(tree)
    for mutation in found.values():
        assert "\n-" in mutation.diff("wire.py")
        assert "\n+" in mutation.diff("wire.py")
    assert ast.unparse(tree) == before


def test_a_constant_is_told_by_who_runs_a_line_that_reads_it_and_one_that_is_read_early_by_anybody() -> None:
    tree = ast.parse("A = 'a'\nB = [A, 'b']\nC = 'c'\ndef d():\n    return B[0] + C + A\n")
    lines = {found.line: list(found.lines) for _, found in mutations(tree) if found.scope == "module"}
    assert lines == {1: [], 2: [5], 3: [5]}
