"""Problems of mappings: how they read, in which order, and which name they hint at."""

from __future__ import annotations

import tomllib

import pytest

from processor.mapping.problems import MappingProblems, Problem, hint, line_in


def test_a_problem_reads_like_a_compilers() -> None:
    assert str(Problem("mappings/a.toml", 7, "loyalty.points", "is set twice")) == (
        "mappings/a.toml:7: loyalty.points: is set twice"
    )


def test_a_problem_of_a_whole_file_has_no_line() -> None:
    assert str(Problem("mappings/a.toml", 0, "file", "is not UTF-8 text")) == "mappings/a.toml: file: is not UTF-8 text"


def test_problems_come_in_the_order_of_file_and_line_each_once() -> None:
    first, second, third = Problem("a", 2, "x", "m"), Problem("a", 10, "x", "m"), Problem("b", 1, "x", "m")
    problems = MappingProblems(iter([third, second, first, second]))
    assert problems.problems == (first, second, third)
    assert str(problems) == "a:2: x: m\na:10: x: m\nb:1: x: m"


HINTS = {
    "the nearest name": ("pint", ["points", "paint", "print"], '; the nearest is "print"'),
    "the nearest of many": ("d9", [f"{letter}{letter}" for letter in "abcefghij"] + ["dd9"], '; the nearest is "dd9"'),
    "half as near is near enough": ("ab", ["az"], '; the nearest is "az"'),
    "less is not": ("abc", ["azz"], "; known: azz"),
    "a handful, sorted": ("zzz", ["from", "const", "as"], "; known: as, const, from"),
    "eight are a handful": ("zzz", list("hgfedcba"), "; known: a, b, c, d, e, f, g, h"),
    "nine are not": ("zzz", list("abcdefghi"), ""),
    "none": ("zzz", [], ""),
}


@pytest.mark.parametrize(("name", "names", "said"), HINTS.values(), ids=HINTS)
def test_what_is_added_about_an_unknown_name(name: str, names: list[str], said: str) -> None:
    assert hint(name, iter(names)) == said
    assert hint(name, reversed(names)) == said


TOML = [("a = 1\nb = \n", 2), ("=", 1), ("\n" * 11 + "=", 12), ("a = [1", 0), ("a = 1\na = 2", 0)]


@pytest.mark.parametrize(("text", "line"), TOML)
def test_the_line_that_tomllib_names(text: str, line: int) -> None:
    """At the end of a document it names none."""
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert line_in(str(caught.value)) == line
