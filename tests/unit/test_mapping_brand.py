"""A brand's `functions.py` by itself: what is wrong with one, in which line, and what its functions may give."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.mapping.brand import BrandFunctions, brand_functions
from processor.mapping.options import Options
from processor.mapping.problems import Problem
from processor.mapping.registry import Parameter
from processor.mapping.values import GONE, FunctionFault, Noted
from processor.mapping.xdm import LONGEST

HEADER = """from processor.mapping.options import Options
from processor.mapping.values import GONE, Day, EpochMs, Gone, IdentityMap, Noted, Rows

"""
"""Three lines."""


def read(tmp_path: Path, text: str) -> BrandFunctions:
    (tmp_path / "functions.py").write_text(text, encoding="utf-8")
    return brand_functions(tmp_path / "functions.py", Options(default_program=7))


def said(found: BrandFunctions) -> list[str]:
    assert {Path(problem.file).name for problem in found.problems} <= {"functions.py"}
    return [f"{problem.line}: {problem.where}: {problem.message}" for problem in found.problems]


# ---- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", ["(shoe_size, hat_size)", "[shoe_size, hat_size]"])
def test_functions_are_those_that_the_file_lists(tmp_path: Path, listed: str) -> None:
    text = (
        "def shoe_size(options: Options, text: str) -> str:\n    return f'{options.default_program}{text}'\n\n"
        "def hat_size(number: int | None) -> int | None:\n    return number\n\n"
        "def hidden(text: str) -> str:\n    return text\n\n"
    )
    found = read(tmp_path, f"{HEADER}{text}FUNCTIONS = {listed}")
    assert (found.problems, found.unusable, found.unlisted) == ((), frozenset(), {"hidden"})
    assert [*found.functions] == ["shoe_size", "hat_size"]
    shoe, hat = found.functions.values()
    assert shoe.parameters == (Parameter("text", frozenset({"string"})),)
    assert (shoe.name, shoe.result, shoe.ours) == ("shoe_size", "string", False)
    assert (shoe.call("a"), hat.call(42), hat.call(None)) == ("7a", 42, None)


def test_a_brand_without_a_file_has_none() -> None:
    assert BrandFunctions() == BrandFunctions({}, (), frozenset(), frozenset())


def test_a_file_may_list_none(tmp_path: Path) -> None:
    assert read(tmp_path, "FUNCTIONS = ()") == BrandFunctions({}, (), frozenset())


NO_LIST = "FUNCTIONS: has no FUNCTIONS = (...), the tuple of what `call` may name"
FILES = {
    "no list": ("\nx = 1", f"0: {NO_LIST}"),
    "a list that is none": ("\n\nFUNCTIONS = 1", f"3: {NO_LIST}"),
    "a set": ("FUNCTIONS = {len}", f"1: {NO_LIST}"),
    "an exception": ("x = 1\n1 / 0", "2: FUNCTIONS: does not run: ZeroDivisionError: division by zero"),
    "an exception further down": (
        "def f():\n    raise ValueError('no')\n\nf()\n",
        "2: FUNCTIONS: does not run: ValueError: no",
    ),
    "an exception in what it calls": (
        "import json\n\njson.loads('')",
        "3: FUNCTIONS: does not run: JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    ),
    "another end": ("x = 1\nraise GeneratorExit('x')", "2: FUNCTIONS: does not run: GeneratorExit: x"),
    "an end": ("\nraise SystemExit(3)", "2: FUNCTIONS: does not run: SystemExit: 3"),
    "no Python": ("x = 1\ndef\n", "2: FUNCTIONS: does not run: SyntaxError: invalid syntax"),
    "an encoding that there is not": (
        "# coding: nope\nFUNCTIONS = 1",
        "2: FUNCTIONS: does not run: SyntaxError: unknown encoding: nope",
    ),
    "no Python in what it runs": (
        "x = 1\n\neval('1 +')",
        "3: FUNCTIONS: does not run: SyntaxError: invalid syntax",
    ),
    "a fault without a line of the file": (
        "a = 1\nFUNCTIONS = 1\nraise SyntaxError('of mine')",
        "3: FUNCTIONS: does not run: SyntaxError: of mine",
    ),
}


@pytest.mark.parametrize(("text", "problem"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, problem: str) -> None:
    found = read(tmp_path, text)
    assert said(found) == [problem]
    assert found.functions == {}


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "functions.py"
    file.write_bytes(b"x = 1\nFUNCTIONS = '\xff'\nshoe_size = 1")
    found = brand_functions(file, Options())
    (problem,) = found.problems
    assert problem[:3] == (str(file), 2, "FUNCTIONS")
    assert problem.message.startswith("does not run: SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff")
    assert "shoe_size" in found.unusable


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        brand_functions(tmp_path / "functions.py", Options())


def test_functions_that_cannot_be_used_are_named_where_they_begin(tmp_path: Path) -> None:
    """What stands elsewhere, or is no function, is named where the file lists it."""
    text = (
        "from json import dumps\n\n"
        "def good(text: str) -> str:\n    return text\n\n"
        "def bad(text) -> str:\n    return text\n\n"
        "FUNCTIONS = (bad, good, dumps, 7)\n"
    )
    found = read(tmp_path, text)
    assert said(found) == [
        "6: FUNCTIONS: bad: parameter text has a type that no field has: None",
        "9: FUNCTIONS: dumps: parameter obj has a type that no field has: None",
        "9: FUNCTIONS: 7: FUNCTIONS lists plain functions with lower-case names",
    ]
    assert [*found.functions] == ["good"]
    assert {"bad", "dumps"} <= found.unusable
    assert "good" not in found.unusable


def test_what_the_file_defines_and_does_not_list(tmp_path: Path) -> None:
    """Only functions of the file itself: a method cannot be listed, and what is imported has another home."""
    text = (
        "from json import dumps\n\nclass Sizes:\n    def of_hats(self): ...\n\n"
        "def shoe_size(text: str) -> str: ...\n\ndef listed() -> str: ...\n\nFUNCTIONS = (listed,)"
    )
    assert read(tmp_path, text).unlisted == {"shoe_size"}


def test_whoever_calls_what_a_faulty_file_mentions_is_not_at_fault(tmp_path: Path) -> None:
    found = read(tmp_path, "def shoe_size(\n    # of hat_size2\n")
    assert {"shoe_size", "hat_size2"} <= found.unusable
    assert "size" not in found.unusable


# ---- at work ---------------------------------------------------------------------------------------------------------


def given(tmp_path: Path, annotation: str, value: str) -> object:
    """What a function with this annotation gives where it returns that value."""
    text = f"{HEADER}def f() -> {annotation}:\n    return {value}\n\nFUNCTIONS = (f,)"
    found = read(tmp_path, text)
    assert found.problems == ()
    return found.functions["f"].call()


GOOD: list[tuple[str, str, object]] = [
    ("str", "'a'", "a"),
    ("str", "''", ""),
    ("str", "'\\u00e9\\U0001f600'", "\u00e9\U0001f600"),
    ("str", "None", None),
    ("Day", "'2020-01-01'", "2020-01-01"),
    ("int", "0", 0),
    ("int", "10 ** 400", 10**400),
    ("EpochMs", "1", 1),
    ("float", "1.5", 1.5),
    ("float", "float('inf')", float("inf")),
    ("float", "-1", -1),
    ("float", str(LONGEST), LONGEST),
    ("float", str(-LONGEST), -LONGEST),
    ("bool", "False", False),
    ("bool", "True", True),
    ("list[str]", "[]", []),
    ("list[str]", "['a', 'b']", ["a", "b"]),
    ("dict[str, str]", "{}", {}),
    ("dict[str, str]", "{'a': 'b'}", {"a": "b"}),
    ("IdentityMap", "{'Email': [{'id': 'x'}]}", {"Email": [{"id": "x"}]}),
    ("str | Gone", "GONE", GONE),
    ("str | Noted[str]", "'a'", "a"),
    ("str | Noted[str]", "Noted('a', ())", Noted("a", ())),
    ("Noted[str]", "Noted('a', ('one', 'two'))", Noted("a", ("one", "two"))),
    ("Noted[str]", "Noted(None, ('one',))", Noted(None, ("one",))),
    ("Noted[str] | Gone", "Noted(GONE, ())", Noted(GONE, ())),
]


@pytest.mark.parametrize(("annotation", "value", "result"), GOOD)
def test_what_a_function_may_give(tmp_path: Path, annotation: str, value: str, result: object) -> None:
    found = given(tmp_path, annotation, value)
    assert found == result
    assert type(found) is type(result)


BAD = [
    ("str", "1", "returned int, not string"),
    ("str", "b'a'", "returned bytes, not string"),
    ("str", "'\\ud800'", "returned str, not string"),
    ("str", "GONE", "returned Gone, not string"),
    ("str", "Noted('a', ())", "returned Noted, not string"),
    ("Day", "20200101", "returned int, not day"),
    ("int", "1.0", "returned float, not integer"),
    ("int", "True", "returned bool, not integer"),
    ("EpochMs", "'1'", "returned str, not moment"),
    ("EpochMs", "False", "returned bool, not moment"),
    ("float", "True", "returned bool, not number"),
    ("float", "'1'", "returned str, not number"),
    ("float", str(LONGEST + 1), "returned int, not number"),
    ("float", str(-LONGEST - 1), "returned int, not number"),
    ("bool", "0", "returned int, not boolean"),
    ("list[str]", "('a',)", "returned tuple, not strings"),
    ("list[str]", "['a', 1]", "returned list, not strings"),
    ("list[str]", "['\\ud800', 'a']", "returned list, not strings"),
    ("dict[str, str]", "['a']", "returned list, not texts"),
    ("dict[str, str]", "{'a': 'b', 'c': 1}", "returned dict, not texts"),
    ("dict[str, str]", "{'a': 'b', 1: 'c'}", "returned dict, not texts"),
    ("IdentityMap", "[]", "returned list, not identities"),
    ("str | Noted[str]", "Noted(1, ())", "returned int, not string"),
    ("str | Noted[str]", "Noted(GONE, ())", "returned Gone, not string"),
]


@pytest.mark.parametrize(("annotation", "value", "returned"), BAD)
def test_what_no_function_may_give(tmp_path: Path, annotation: str, value: str, returned: str) -> None:
    with pytest.raises(FunctionFault) as caught:
        given(tmp_path, annotation, value)
    said, _, rest = returned.partition(" ")
    assert str(caught.value) == f"f of the brand's {tmp_path / 'functions.py'} {said} {rest} as it says"


@pytest.mark.parametrize("reasons", ["'one'", "['one']", "('one', 2)", "('\\ud800',)", "None"])
def test_reasons_are_a_tuple_of_texts(tmp_path: Path, reasons: str) -> None:
    with pytest.raises(FunctionFault) as caught:
        given(tmp_path, "Noted[str]", f"Noted('a', {reasons})")
    assert str(caught.value) == f"f of the brand's {tmp_path / 'functions.py'} gave reasons that are no tuple of texts"


@pytest.mark.parametrize(
    ("value", "raised", "line"),
    [
        ("1 / 0", "ZeroDivisionError", 5),
        ("int('secret')", "ValueError", 5),
        ("Noted.of.a()", "AttributeError", 5),
        ("exit(1)", "SystemExit", 5),
        ("(_ for _ in ()).throw(GeneratorExit())", "GeneratorExit", 5),
        ("f.helper()", "KeyError", 8),
    ],
)
def test_a_function_that_raises_is_named_with_its_line_and_no_value(
    tmp_path: Path, value: str, raised: str, line: int
) -> None:
    text = (
        f"{HEADER}def f() -> str:\n    return {value}\n\n"
        "def helper() -> str:\n    return {}['secret']\n\n"
        "f.helper = helper\nFUNCTIONS = (f,)"
    )
    function = read(tmp_path, text).functions["f"]
    with pytest.raises(FunctionFault) as caught:
        function.call()
    assert str(caught.value) == f"f raised {raised} in line {line} of the brand's {tmp_path / 'functions.py'}"


@pytest.mark.parametrize("given", [["a"], {"a": "b"}])
def test_what_a_function_does_to_a_list_or_map_is_not_seen_by_others(tmp_path: Path, given: list[str]) -> None:
    text = (
        f"{HEADER}def f(given: list[str] | dict[str, str]) -> int:\n    given.clear()\n    return 1\n\nFUNCTIONS = (f,)"
    )
    before = given.copy()
    assert read(tmp_path, text).functions["f"].call(given) == 1
    assert given == before


def test_whoever_stops_the_program_stops_it_in_a_function_too(tmp_path: Path) -> None:
    body = "raise KeyboardInterrupt"
    function = read(tmp_path, f"{HEADER}def f() -> str:\n    {body}\n\nFUNCTIONS = (f,)").functions["f"]
    with pytest.raises(KeyboardInterrupt):
        function.call()
    with pytest.raises(KeyboardInterrupt):
        read(tmp_path, body)


def test_a_dataclass_may_stand_there(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Size:\n    value: int\n\n"
        "def f(text: str) -> int:\n    return Size(len(text)).value\n\nFUNCTIONS = (f,)"
    )
    assert read(tmp_path, text).functions["f"].call("abc") == 3


def test_a_function_of_ours_is_not_replaced(tmp_path: Path) -> None:
    text = f"{HEADER}\ndef is_not_deleted(*a: str | None) -> bool:\n    return True\n\nFUNCTIONS = (is_not_deleted,)"
    found = read(tmp_path, text)
    line = text[: text.index("def is_not")].count("\n") + 1
    message = "is_not_deleted: the program has a function of this name, and yours would replace it; rename it"
    assert said(found) == [f"{line}: FUNCTIONS: {message}"]
    assert found.functions == {}


def test_a_fault_outside_of_the_file_has_no_line(tmp_path: Path) -> None:
    """A call with too many arguments never comes to the first line of the function."""
    function = read(tmp_path, f"{HEADER}def f() -> str:\n    return 'a'\n\nFUNCTIONS = (f,)").functions["f"]
    with pytest.raises(FunctionFault, match=r"^f raised TypeError in line 0 of the brand's "):
        function.call("too", "many")


def test_a_problem_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    assert read(tmp_path, "FUNCTIONS = 1").problems == (
        Problem(str(tmp_path / "functions.py"), 1, "FUNCTIONS", NO_LIST.removeprefix("FUNCTIONS: ")),
    )
