"""Functions that `call` may name: what a signature comes to, and what is said to one that says too little."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Optional, Union

import pytest

from processor.mapping.functions import FUNCTIONS
from processor.mapping.options import Namespaces, Options
from processor.mapping.registry import Function, FunctionError, Parameter, our_functions, read_function
from processor.mapping.values import Day, EpochMs, Gone, IdentityMap, Noted, Rows


def signature(annotations: dict[str, object]) -> Callable[..., object]:
    """A function with these annotations; `return` is one of them."""

    def function(value: object) -> object:
        return value

    function.__annotations__ = annotations
    return function


KINDS: list[tuple[object, set[str]]] = [
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
    (None, {"none"}),
    (object, {"any", "none"}),
    (str | None, {"string", "none"}),
    (Optional[str], {"string", "none"}),  # noqa: UP045 - a brand may write so
    (Union[str, int, None], {"string", "integer", "none"}),  # noqa: UP007
    ("str | None", {"string", "none"}),
]


@pytest.mark.parametrize(("annotation", "kinds"), KINDS, ids=str)
def test_what_a_parameter_takes(annotation: object, kinds: set[str]) -> None:
    read = read_function(signature({"value": annotation, "return": str}), Options(), ours=True)
    assert read.parameters == (Parameter("value", frozenset(kinds)),)


@pytest.mark.parametrize("annotation", [bytes, Any, list[int], list, dict[str, int], Gone, Noted[str], str | bytes])
def test_a_type_that_no_field_has(annotation: object) -> None:
    with pytest.raises(FunctionError) as caught:
        read_function(signature({"value": annotation, "return": str}), Options(), ours=True)
    assert str(caught.value) == f"function: parameter value has a type that no field has: {annotation}"


RESULTS: list[tuple[object, str, bool, bool]] = [
    (str, "string", False, False),
    (int, "integer", False, False),
    (float, "number", False, False),
    (bool, "boolean", False, False),
    (EpochMs, "moment", False, False),
    (Day, "day", False, False),
    (IdentityMap, "identities", False, False),
    (list[str], "strings", False, False),
    (dict[str, str], "texts", False, False),
    (str | None, "string", False, False),
    (Noted[str], "string", True, False),
    (str | Noted[str] | None, "string", True, False),
    (Optional[Noted[Day]], "day", True, False),  # noqa: UP045
    (int | Gone, "integer", False, True),
    (int | Noted[int] | Gone | None, "integer", True, True),
]


@pytest.mark.parametrize(("annotation", "result", "noted", "gone"), RESULTS, ids=str)
def test_what_a_function_returns(annotation: object, result: str, noted: bool, gone: bool) -> None:  # noqa: FBT001
    read = read_function(signature({"value": str, "return": annotation}), Options(), ours=True)
    assert (read.result, read.noted, read.gone) == (result, noted, gone)


@pytest.mark.parametrize(
    "annotation", [bytes, object, Rows, None, Gone, Gone | None, str | int, Noted, str | Noted[int], Noted[bytes], Any]
)
def test_a_function_returns_one_type(annotation: object) -> None:
    with pytest.raises(FunctionError) as caught:
        read_function(signature({"value": str, "return": annotation}), Options(), ours=True)
    shown = type(None) if annotation is None else annotation
    assert str(caught.value) == (
        f"function: must say which one type it returns (and Noted of it, Gone, None), not {shown}"
    )


def spread(first: str, *others: int | None) -> bool:
    return bool(first or others)


def alone(*others: str) -> bool:
    return bool(others)


def by_position(first: str, /, second: int) -> bool:
    return bool(first or second)


def test_a_function_may_take_any_number_of_the_last() -> None:
    first, rest = Parameter("first", frozenset({"string"})), Parameter("others", frozenset({"integer", "none"}))
    read = read_function(spread, Options(), ours=True)
    assert read == Function("spread", spread, (first,), rest, "boolean", noted=False, gone=False, ours=True)
    assert [read.parameter(position) for position in range(3)] == [first, rest, rest]


def test_a_function_takes_what_it_lists_by_position() -> None:
    read = read_function(by_position, Options(), ours=False)
    first, second = Parameter("first", frozenset({"string"})), Parameter("second", frozenset({"integer"}))
    assert read == Function("by_position", by_position, (first, second), None, "boolean", False, False, False)  # noqa: FBT003
    assert [read.parameter(position) for position in range(3)] == [first, second, None]
    assert read_function(alone, Options(), ours=True).parameter(0) == Parameter("others", frozenset({"string"}))


def configured(options: Options, text: str) -> str:
    return f"{options.default_program} {text}"


def configured_later(text: str, options: Options) -> str:
    return f"{options.default_program} {text}"


def test_what_is_configured_is_bound_to_a_function_that_takes_it_first() -> None:
    read = read_function(configured, Options(default_program=7), ours=False)
    assert read.parameters == (Parameter("text", frozenset({"string"})),)
    assert read.call("x") == "7 x"


def test_what_is_configured_comes_first() -> None:
    with pytest.raises(FunctionError, match=r"^configured_later: parameter options has a type that no field has: "):
        read_function(configured_later, Options(), ours=False)


def unannotated(text) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return str(text)


def a_list_for_a_type(text: [str]) -> str:  # type: ignore[valid-type]
    return text  # type: ignore[no-any-return]


def a_list_for_a_result(text: str) -> [str]:  # type: ignore[valid-type]
    return text


def leaving(text: sys.exit()) -> str:  # type: ignore[valid-type]
    return text  # type: ignore[no-any-return]


def without_result(text: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return text


def with_default(text: str = "") -> str:
    return text


def by_name(*, text: str) -> str:
    return text


def by_any_name(**texts: str) -> str:
    return str(texts)


def unknown_name(text: Nope) -> str:  # type: ignore[name-defined]  # noqa: F821
    return str(text)


def unknown_type(text: pytest.Nope) -> str:  # type: ignore[name-defined]
    return str(text)


def no_expression(text: "1 +") -> str:  # type: ignore[valid-type]  # noqa: F722
    return str(text)


def Capital(text: str) -> str:  # noqa: N802
    return text


async def awaited(text: str) -> str:
    return text


def one_by_one(text: str) -> str:  # type: ignore[misc]
    yield text


async def awaited_one_by_one(text: str) -> str:  # type: ignore[misc]
    yield text


def identifier(text: str) -> str:
    return text


class Called:
    def __call__(self, text: str) -> str:
        return text


REFUSED: list[tuple[object, str]] = [
    (unannotated, "unannotated: parameter text has a type that no field has: None"),
    (a_list_for_a_type, "a_list_for_a_type: parameter text has a type that no field has: [<class 'str'>]"),
    (
        a_list_for_a_result,
        "a_list_for_a_result: must say which one type it returns (and Noted of it, Gone, None), not [<class 'str'>]",
    ),
    (leaving, "leaving: annotations that cannot be read: "),
    (without_result, "without_result: must say which one type it returns (and Noted of it, Gone, None), not None"),
    (with_default, "with_default: parameter text must be positional and without a default"),
    (by_name, "by_name: parameter text must be positional and without a default"),
    (by_any_name, "by_any_name: parameter texts must be positional and without a default"),
    (unknown_name, "unknown_name: annotations that cannot be read: name 'Nope' is not defined"),
    (unknown_type, "unknown_type: annotations that cannot be read: module 'pytest' has no attribute 'Nope'"),
    (Capital, "'Capital': FUNCTIONS lists plain functions with lower-case names"),
    (Called, "'Called': FUNCTIONS lists plain functions with lower-case names"),
    (awaited, "awaited: is async or a generator, and gives no value when it is called"),
    (one_by_one, "one_by_one: is async or a generator, and gives no value when it is called"),
    (awaited_one_by_one, "awaited_one_by_one: is async or a generator, and gives no value when it is called"),
    (identifier, "identifier: the program has a function of this name, and yours would replace it; rename it"),
    (
        lru_cache(by_name),
        "'by_name': is of the type _lru_cache_wrapper; FUNCTIONS lists plain functions with lower-case names",
    ),
    (len, "'len': is of the type builtin_function_or_method; FUNCTIONS lists plain functions with lower-case names"),
    (7, "7: FUNCTIONS lists plain functions with lower-case names"),
    ("alone", "'alone': FUNCTIONS lists plain functions with lower-case names"),
]


@pytest.mark.parametrize(("function", "said"), REFUSED, ids=[said.partition(":")[0] for _, said in REFUSED])
def test_a_function_that_cannot_be_registered(function: object, said: str) -> None:
    with pytest.raises(FunctionError) as caught:
        read_function(function, Options(), ours=False)
    assert str(caught.value) == said


def test_the_program_may_have_a_function_of_its_own_name() -> None:
    assert read_function(identifier, Options(), ours=True).name == "identifier"


def test_an_annotation_that_is_no_expression() -> None:
    with pytest.raises(FunctionError, match=r"^no_expression: annotations that cannot be read: "):
        read_function(no_expression, Options(), ours=False)


@pytest.mark.parametrize("name", ["<lambda>", "é", "_hidden", "a b", "1a", ""])
def test_a_name_that_mappings_cannot_write(name: str) -> None:
    function = signature({"value": str, "return": str})
    function.__name__ = name
    with pytest.raises(FunctionError, match=r"FUNCTIONS lists plain functions with lower-case names$"):
        read_function(function, Options(), ours=False)


def test_our_functions_are_found_by_their_names() -> None:
    ours = our_functions(Options())
    assert [*ours] == [function.name for function in ours.values()] == [function.__name__ for function in FUNCTIONS]
    assert all(function.ours for function in ours.values())
    assert isinstance(ours["email_address"].call, partial)


def test_our_functions_name_what_they_do_not_look_at_as_they_are_configured() -> None:
    alone = Options(namespaces=Namespaces(primary="customer"))
    unread = our_functions(alone)["customer_identity"].unread
    assert {"email", "phone"} <= unread
    assert "customer" not in unread
    assert our_functions(alone)["event_id"].unread == frozenset()
