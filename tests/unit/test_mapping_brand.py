"""A brand's `functions.py`: each fault with its line, and what its functions may give at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from processor.mapping.brand import BrandFunctions, brand_functions
from processor.mapping.options import Options
from processor.mapping.problems import Problem
from processor.mapping.values import GONE, FunctionFault, Noted
from processor.mapping.xdm import LONGEST

PLAIN = Options()
HEAD = "from processor.mapping.values import *\nfrom processor.mapping.options import Options\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "functions.py"


def read(file: Path, text: str, options: Options = PLAIN) -> BrandFunctions:
    file.write_text(text, encoding="utf-8")
    return brand_functions(file, options)


def test_functions_by_their_names(file: Path) -> None:
    read_ones = read(
        file,
        HEAD
        + "def shoe(a: str) -> str:\n    return a * 2\n\ndef hat() -> int:\n    return 7\n\nFUNCTIONS = [shoe, hat]\n",
    )
    assert (list(read_ones.functions), read_ones.problems, read_ones.unusable) == (["shoe", "hat"], (), frozenset())
    assert read_ones.functions["shoe"].call("x") == "xx"
    assert read_ones.functions["hat"].call() == 7
    assert not read_ones.functions["shoe"].ours


def test_what_is_configured_reaches_a_brands_function(file: Path) -> None:
    text = (
        HEAD + "def shoe(options: Options, a: str) -> int:\n    return options.default_program\n\nFUNCTIONS = (shoe,)\n"
    )
    assert read(file, text, Options(default_program=5)).functions["shoe"].call("x") == 5


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("def f(:\n", 1, "does not run: SyntaxError: "),
        ("\n\nraise ValueError('no')\n", 3, "does not run: ValueError: no"),
        ("import sys\nsys.exit(3)\n", 2, "does not run: SystemExit: 3"),
        ("\ndef f():\n    1 / 0\n\nf()\n", 3, "does not run: ZeroDivisionError: division by zero"),
        ("\nimport json\njson.loads('')\n", 3, "does not run: JSONDecodeError: "),
        ("\ncompile('(', 'other', 'exec')\n", 2, "does not run: SyntaxError: "),
        ("", 0, "has no FUNCTIONS = (...), the tuple of what `call` may name"),
        ("a = 1\nFUNCTIONS = {1}\n", 2, "has no FUNCTIONS = (...), the tuple of what `call` may name"),
        ("a = 1\nFUNCTIONS = (7,)\n", 2, "7: FUNCTIONS lists plain functions with lower-case names"),
        (
            "a = 1\ndef f(x):\n    return x\nFUNCTIONS = (f,)\n",
            2,
            "f: parameter x has a type that no field has: None",
        ),
        ("from os.path import join\nFUNCTIONS = (join,)\n", 2, "join: "),
    ],
)
def test_a_fault_is_named_with_its_line(file: Path, text: str, line: int, message: str) -> None:
    found = read(file, text)
    assert found.functions == {}
    [problem] = found.problems
    assert problem[:3] == (str(file), line, "FUNCTIONS")
    assert problem.message.startswith(message)


def test_what_a_faulty_file_mentions_is_unusable_and_what_is_right_in_it_is_kept(file: Path) -> None:
    text = "def good(a: str) -> str:\n    return a\ndef bad(a):\n    return a\nFUNCTIONS = (bad, good)\n"
    found = read(file, text)
    assert list(found.functions) == ["good"]
    assert found.problems == (Problem(str(file), 3, "FUNCTIONS", found.problems[0].message),)
    assert {"bad", "a", "str"} <= found.unusable
    assert "good" not in found.unusable
    assert read(file, "def shoe(:").unusable == {"def", "shoe"}


def test_a_file_that_is_no_text_is_a_fault(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    [problem] = brand_functions(file, PLAIN).problems
    assert problem.message.startswith("does not run: SyntaxError: ")


def gives(file: Path, annotation: str, value: object) -> object:
    """What a function with a return annotation may give."""
    given = "GONE" if value is GONE else repr(value)
    found = read(file, HEAD + f"def f() -> {annotation}:\n    return {given}\nFUNCTIONS = (f,)\n")
    assert found.problems == ()
    return found.functions["f"].call()


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("str", "a"),
        ("str", "\u77f3"),
        ("str", None),
        ("Day", "2026-01-01"),
        ("int", 7),
        ("EpochMs", 7),
        ("float", 7.5),
        ("float", LONGEST),
        ("float", -LONGEST),
        ("bool", True),
        ("list[str]", ["a"]),
        ("list[str]", []),
        ("dict[str, str]", {"a": "b"}),
        ("IdentityMap", {}),
        ("Noted[str]", Noted("a", ("r",))),
        ("Noted[str]", Noted(None, ())),
        ("str | Gone", GONE),
    ],
)
def test_what_fits_passes(file: Path, annotation: str, value: object) -> None:
    assert gives(file, annotation, value) == value


@pytest.mark.parametrize(
    ("annotation", "value", "kinds"),
    [
        ("str", 7, "int, not string"),
        ("str", "\ud800", "str, not string"),
        ("str", Noted("a", ()), "Noted, not string"),
        ("str", GONE, "Gone, not string"),
        ("Day", 7, "int, not day"),
        ("int", True, "bool, not integer"),
        ("int", 1.0, "float, not integer"),
        ("EpochMs", True, "bool, not moment"),
        ("float", True, "bool, not number"),
        ("float", "1", "str, not number"),
        ("float", LONGEST + 1, "int, not number"),
        ("float", -LONGEST - 1, "int, not number"),
        ("bool", 1, "int, not boolean"),
        ("list[str]", ("a",), "tuple, not strings"),
        ("list[str]", ["a", 1], "list, not strings"),
        ("dict[str, str]", {"a": 1}, "dict, not texts"),
        ("dict[str, str]", {1: "a"}, "dict, not texts"),
        ("dict[str, str]", ["a"], "list, not texts"),
        ("IdentityMap", [], "list, not identities"),
        ("Noted[str]", Noted(7, ()), "int, not string"),
    ],
)
def test_what_does_not_fit_is_a_fault_of_the_function(file: Path, annotation: str, value: object, kinds: str) -> None:
    with pytest.raises(FunctionFault) as caught:
        gives(file, annotation, value)
    assert str(caught.value) == f"f of the brand's {file} returned {kinds} as it says"


@pytest.mark.parametrize("reasons", [["r"], "r", ("r", 1), ("\ud800",), None])
def test_reasons_are_a_tuple_of_texts(file: Path, reasons: Any) -> None:
    with pytest.raises(FunctionFault) as caught:
        gives(file, "Noted[str]", Noted("a", reasons))
    assert str(caught.value) == f"f of the brand's {file} gave reasons that are no tuple of texts"


@pytest.mark.parametrize("raised", ["ValueError('secret')", "SystemExit('secret')"])
def test_what_it_raises_is_named_with_its_line_and_without_its_words(file: Path, raised: str) -> None:
    found = read(file, f"def f(a: str) -> str:\n    raise {raised}\nFUNCTIONS = (f,)\n")
    with pytest.raises(FunctionFault) as caught:
        found.functions["f"].call("x")
    assert str(caught.value) == f"f raised {raised.partition('(')[0]} in line 2 of the brand's {file}"
