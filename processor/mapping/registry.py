"""What `call` may name: functions with their signatures read. Those of a brand's own come by `brand`."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from processor.mapping.functions import FUNCTIONS, UNREAD
from processor.mapping.options import Options
from processor.mapping.values import Day, EpochMs, Gone, IdentityMap, Noted, Rows

_KINDS: Mapping[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    EpochMs: "moment",
    Day: "day",
    Rows: "rows",
    IdentityMap: "identities",
    list[str]: "strings",
    dict[str, str]: "texts",
    type(None): "none",
}
"""Every type that a signature may use; `object` in a parameter takes anything that is not an array of records."""

_RESULTS = frozenset({"string", "integer", "number", "boolean", "moment", "day", "identities", "strings", "texts"})
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_OURS = frozenset(function.__name__ for function in FUNCTIONS)
_LATER = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Parameter:
    """Kinds that one parameter takes: those of `Source`, and rows, strings, texts, none, any."""

    name: str
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function, with what is configured bound to it.

    `rest` is its `*parameter`; `noted` and `gone` tell whether it can return these; `unread` names parameters that it
    does not look at as it is configured, so that nobody need decode what they are given.
    """

    name: str
    call: Callable[..., object]
    parameters: tuple[Parameter, ...]
    rest: Parameter | None
    result: str
    noted: bool
    gone: bool
    ours: bool
    unread: frozenset[str] = frozenset()

    def parameter(self, position: int) -> Parameter | None:
        """What the argument at a position must fit, None if there is no such parameter."""
        return self.parameters[position] if position < len(self.parameters) else self.rest


class FunctionError(Exception):
    """A function that cannot be registered; says why."""


def our_functions(options: Options) -> dict[str, Function]:
    """The functions of this program by name."""
    return {function.name: function for function in (read_function(one, options, ours=True) for one in FUNCTIONS)}


def read_function(function: object, options: Options, *, ours: bool) -> Function:
    """One function with its signature.

    Raises:
        FunctionError: it is none, or its signature says too little.
    """
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or not _NAME.fullmatch(name):
        odd = callable(function) and not isinstance(function, types.FunctionType | type)  # some decorators make such
        kind = f"is of the type {type(function).__name__}; " if odd else ""
        raise FunctionError(f"{name or function!r}: {kind}FUNCTIONS lists plain functions with lower-case names")
    if not ours and name in _OURS:
        raise FunctionError(f"{name}: the program has a function of this name, and yours would replace it; rename it")
    if function.__code__.co_flags & _LATER:
        raise FunctionError(f"{name}: is async or a generator, and gives no value when it is called")
    try:
        hints = typing.get_type_hints(function)
    except (Exception, SystemExit) as error:  # an annotation is any expression
        raise FunctionError(f"{name}: annotations that cannot be read: {error}") from error
    parameters: list[Parameter] = []
    rest: Parameter | None = None
    declared = list(inspect.signature(function).parameters.values())
    configured = bool(declared) and hints.get(declared[0].name) is Options
    for parameter in declared[configured:]:
        read = Parameter(parameter.name, _kinds(hints.get(parameter.name), name, parameter.name))
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = read
        elif parameter.kind in _BY_POSITION and parameter.default is parameter.empty:
            parameters.append(read)
        else:
            raise FunctionError(f"{name}: parameter {parameter.name} must be positional and without a default")
    result, noted = _result(hints.get("return"), name)
    gone = Gone in _members(hints.get("return"))
    call = partial(function, options) if configured else function
    unread = UNREAD[name](options) if name in UNREAD else frozenset()
    return Function(name, call, tuple(parameters), rest, result, noted, gone, ours, unread)


def _members(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _kind(annotation: object) -> str | None:
    """None for a type that no field has, and for what is no type: `[Rows]` is a list."""
    try:
        return _KINDS.get(annotation)
    except TypeError:
        return None


def _kinds(annotation: object, function: str, parameter: str) -> frozenset[str]:
    if annotation is object:
        return frozenset({"any", "none"})
    kinds = {_kind(member) for member in _members(annotation)}
    known = frozenset(kind for kind in kinds if kind is not None)
    if len(known) != len(kinds):
        raise FunctionError(f"{function}: parameter {parameter} has a type that no field has: {annotation}")
    return known


def _result(annotation: object, function: str) -> tuple[str, bool]:
    kinds: set[str | None] = set()
    noted = False
    for member in _members(annotation):
        if typing.get_origin(member) is Noted:
            noted = True
            kinds.add(_kind(typing.get_args(member)[0]))
        elif member not in (type(None), Gone):
            kinds.add(_kind(member))
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind not in _RESULTS:
        raise FunctionError(
            f"{function}: must say which one type it returns (and Noted of it, Gone, None), not {annotation}"
        )
    return kind, noted
