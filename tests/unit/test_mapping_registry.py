"""Functions that `call` may name: what of their signatures is read, and which are none."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from processor.mapping import functions
from processor.mapping.options import Namespaces, Options
from processor.mapping.registry import FunctionError, Parameter, our_functions, read_function
from processor.mapping.values import Day, EpochMs, Gone, IdentityMap, Noted, Rows

PLAIN = Options()


def annotated(parameter: object, result: object = str) -> Callable[..., object]:
    def function(a: Any) -> Any:
        return a

    function.__annotations__ = {"a": parameter, "return": result}
    return function


def refusal(function: object) -> str:
    with pytest.raises(FunctionError) as caught:
        read_function(function, PLAIN, ours=False)
    return str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        (str, {"string"}),
        (int, {"integer"}),
        (float, {"number"}),
        (bool, {"boolean"}),
        (EpochMs, {"moment"}),
        (Day, {"day"}),
        (Rows, {"rows"}),
        (IdentityMap, {"identities"}),
        (list[str], {"strings"}),
        (dict[str, str], {"texts"}),
        (str | None, {"string", "none"}),
        (str | int | None, {"string", "integer", "none"}),
        (type(None), {"none"}),
        (object, {"any", "none"}),
    ],
    ids=str,
)
def test_what_a_parameter_takes(annotation: object, kinds: set[str]) -> None:
    [parameter] = read_function(annotated(annotation), PLAIN, ours=False).parameters
    assert parameter == Parameter("a", frozenset(kinds))


@pytest.mark.parametrize("annotation", [bytes, list[int], dict[str, int], str | bytes, Noted[str]], ids=str)
def test_a_type_that_no_field_has(annotation: object) -> None:
    assert refusal(annotated(annotation)) == f"function: parameter a has a type that no field has: {annotation}"


@pytest.mark.parametrize(
    ("annotation", "result", "noted", "gone"),
    [
        (str, "string", False, False),
        (int | None, "integer", False, False),
        (float, "number", False, False),
        (bool, "boolean", False, False),
        (EpochMs, "moment", False, False),
        (IdentityMap, "identities", False, False),
        (list[str], "strings", False, False),
        (dict[str, str], "texts", False, False),
        (Noted[str], "string", True, False),
        (str | Noted[str] | None, "string", True, False),
        (Day | Gone | Noted[Day] | None, "day", True, True),
        (Day | Gone, "day", False, True),
    ],
    ids=str,
)
def test_what_a_function_gives(annotation: object, result: str, noted: bool, gone: bool) -> None:  # noqa: FBT001
    function = read_function(annotated(str, annotation), PLAIN, ours=False)
    assert (function.result, function.noted, function.gone) == (result, noted, gone)


@pytest.mark.parametrize(
    "annotation",
    [bytes, Rows, str | int, str | Noted[int], Noted[bytes], object, type(None), Gone, None, list[int]],
    ids=str,
)
def test_it_must_say_which_one_type_it_gives(annotation: object) -> None:
    said = refusal(annotated(str, annotation))
    assert said.startswith("function: must say which one type it returns (and Noted of it, Gone, None), not ")


def test_parameters_have_positions_and_the_last_may_take_the_rest() -> None:
    def function(one: str, two: int | None, *more: float) -> str:
        return f"{one}{two}{more}"

    read = read_function(function, PLAIN, ours=False)
    one, two, more = (
        Parameter(n, frozenset(k)) for n, k in (("one", {"string"}), ("two", {"integer", "none"}), ("more", {"number"}))
    )
    assert (read.name, read.parameters, read.rest, read.ours) == ("function", (one, two), more, False)
    assert [read.parameter(position) for position in range(4)] == [one, two, more, more]
    assert read.call is function


def test_without_a_rest_there_is_no_further_parameter() -> None:
    assert read_function(annotated(str), PLAIN, ours=False).parameter(1) is None

    def empty() -> str:
        return ""

    read = read_function(empty, PLAIN, ours=False)
    assert (read.parameters, read.rest, read.parameter(0)) == ((), None, None)


def test_one_that_begins_with_options_gets_what_is_configured() -> None:
    def function(options: Options, a: str) -> str:
        return f"{options.default_program}{a}"

    read = read_function(function, Options(default_program=7), ours=False)
    assert [parameter.name for parameter in read.parameters] == ["a"]
    assert read.call("x") == "7x"


def test_options_come_first_or_not_at_all() -> None:
    def function(a: str, options: Options) -> str:
        return f"{a}{options}"

    assert refusal(function).startswith("function: parameter options has a type that no field has: ")


def test_parameters_are_positional_and_have_no_defaults() -> None:
    def default(a: str = "") -> str:
        return a

    def keyword(*, a: str) -> str:
        return a

    def only(a: str, /) -> str:
        return a

    def keywords(**a: str) -> str:
        return f"{a}"

    for function in (default, keyword, only, keywords):
        said = f"{function.__name__}: parameter a must be positional and without a default"
        assert refusal(function) == said


def test_what_is_no_plain_function_with_a_lower_case_name() -> None:
    class Callables:
        def __call__(self, a: str) -> str:
            return a

    def Upper(a: str) -> str:  # noqa: N802
        return a

    said = "FUNCTIONS lists plain functions with lower-case names"
    assert refusal(Upper) == f"'Upper': {said}"
    assert refusal(len) == f"'len': {said}"
    assert refusal(7) == f"7: {said}"
    assert refusal(lambda a: a) == f"'<lambda>': {said}"
    assert refusal(Callables) == f"'Callables': {said}"
    for no_function in (Callables(), partial(len)):
        assert refusal(no_function) == f"{no_function!r}: {said}"


def test_annotations_that_cannot_be_read() -> None:
    assert refusal(annotated("NoSuchType")).startswith("function: annotations that cannot be read: ")
    assert refusal(annotated("str + 1")).startswith("function: annotations that cannot be read: ")


def test_ours_are_known_by_name() -> None:
    ours = our_functions(PLAIN)
    assert list(ours) == [function.__name__ for function in functions.FUNCTIONS]
    assert all(function.ours and function.name == name for name, function in ours.items())


def test_what_ours_do_not_look_at_depends_on_the_options() -> None:
    for options in (PLAIN, Options(Namespaces(email="", primary="phone"))):
        ours = our_functions(options)
        for name in functions.UNREAD:
            assert ours[name].unread == functions.UNREAD[name](options) != frozenset()
        assert ours["event_id"].unread == frozenset()


def test_a_function_of_a_brand_looks_at_all_that_it_is_given() -> None:
    namesake = types.FunctionType(annotated(str).__code__, {}, "customer_identity")
    namesake.__annotations__ = {"a": str, "return": str}
    read = read_function(namesake, PLAIN, ours=False)
    assert (read.name, read.unread, read.ours) == ("customer_identity", frozenset(), False)
