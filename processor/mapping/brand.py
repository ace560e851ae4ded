"""A brand's own `functions.py`: run once, each fault named with its line; what it gives at work is looked at."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, TracebackType

from processor.mapping.options import Options
from processor.mapping.problems import Problem
from processor.mapping.registry import Function, FunctionError, read_function
from processor.mapping.values import GONE, FunctionFault, Noted
from processor.mapping.xdm import LONGEST

_MODULE = "capillary_aep_brand_functions"
_LIST = "FUNCTIONS"
_WORD = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_DEFINED = re.compile(r"^def ([a-z][a-z0-9_]*)", re.ASCII | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BrandFunctions:
    """What a `functions.py` gives: functions by name, and what is wrong with the others.

    `unusable` are the names that a faulty file mentions: mappings that call one of these are not at fault. `unlisted`
    are functions that it defines and does not list.
    """

    functions: Mapping[str, Function] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unusable: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()


def brand_functions(file: Path, options: Options) -> BrandFunctions:
    """Runs the file and reads the functions that it lists in its `FUNCTIONS`.

    Raises:
        OSError: it cannot be read.
    """
    text = file.read_bytes().decode("utf-8", "replace")
    functions: dict[str, Function] = {}
    problems: list[Problem] = []
    try:
        listed = _run(file)
    except _Faulty as fault:
        problems.append(Problem(str(file), fault.line or _line_of_list(text), _LIST, str(fault)))
        listed = ()
    for one in listed:
        try:
            function = read_function(one, options, ours=False)
        except FunctionError as error:
            line = _first_line(one, file) or _line_of_list(text)
            problems.append(Problem(str(file), line, _LIST, str(error)))
        else:
            functions[function.name] = replace(function, call=_guarded(function, file))
    unusable = frozenset(_WORD.findall(text)) - functions.keys() if problems else frozenset()
    unlisted = frozenset(_DEFINED.findall(text)) - functions.keys()
    return BrandFunctions(functions, tuple(problems), unusable, unlisted)


class _Faulty(Exception):  # noqa: N818 - carries a message to the place that knows where it belongs
    """A file that cannot be used at all; `line` is 0 or None where Python does not say."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def _run(file: Path) -> tuple[object, ...]:
    """What the file lists."""
    spec = spec_from_file_location(_MODULE, file)
    assert spec is not None  # the file's name ends in .py
    assert spec.loader is not None
    module = sys.modules[_MODULE] = module_from_spec(spec)  # dataclasses look there for what an annotation means
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        line = error.lineno if error.filename == str(file) else _line_in(file, error.__traceback__)
        raise _Faulty(f"does not run: {type(error).__name__}: {error.msg}", line) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"does not run: {type(error).__name__}: {error}"
        raise _Faulty(message, _line_in(file, error.__traceback__)) from error
    listed = getattr(module, _LIST, None)
    if not isinstance(listed, tuple | list):
        raise _Faulty("has no FUNCTIONS = (...), the tuple of what `call` may name")
    return tuple(listed)


def _line_in(file: Path, trace: TracebackType | None) -> int:
    """The last line of the file that a fault went through, 0 if it went through none."""
    lines = [line for frame, line in traceback.walk_tb(trace) if frame.f_code.co_filename == str(file)]
    return lines[-1] if lines else 0


def _line_of_list(text: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith(_LIST)), 0)


def _first_line(function: object, file: Path) -> int:
    """Where a function begins, 0 for what is none or comes from another file."""
    code = getattr(function, "__code__", None)
    return code.co_firstlineno if isinstance(code, CodeType) and code.co_filename == str(file) else 0


# ---- at work --------------------------------------------------------------------------------------------------------


def _guarded(function: Function, file: Path) -> Callable[..., object]:
    """The function, held to what its signature says. The words of its exceptions may hold values, and are not repeated.

    It raises `FunctionFault`.
    """
    name, call, fits = function.name, function.call, _FITS[function.result]

    def guarded(*arguments: object) -> object:
        try:
            result = call(*map(_copied, arguments))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            line = _line_in(file, error.__traceback__)
            raise FunctionFault(f"{name} raised {type(error).__name__} in line {line} of the brand's {file}") from error
        value = result
        if isinstance(result, Noted) and function.noted:
            value = result.value
            if not _is_reasons(result.reasons):
                raise FunctionFault(f"{name} of the brand's {file} gave reasons that are no tuple of texts")
        if value is None or fits(value) or (function.gone and value is GONE):
            return result
        message = f"{name} of the brand's {file} returned {type(value).__name__}, not {function.result} as it says"
        raise FunctionFault(message)

    return guarded


def _copied(argument: object) -> object:
    """A list or map of its own: what a function does to it is not seen by the next that reads the same path."""
    return argument.copy() if isinstance(argument, list | dict) else argument


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (_is_integer(value) and -LONGEST <= value <= LONGEST)  # type: ignore[operator]


def _is_text(value: object) -> bool:
    """A text that JSON can hold: halves of surrogate pairs have no UTF-8."""
    return isinstance(value, str) and (value.isascii() or value.encode(errors="ignore").decode() == value)


def _is_reasons(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_text, value))


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, (*value, *value.values())))


_FITS: Mapping[str, Callable[[object], bool]] = {
    "string": _is_text,
    "day": _is_text,
    "integer": _is_integer,
    "moment": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "strings": _is_strings,
    "texts": _is_texts,
    "identities": lambda value: isinstance(value, dict),  # what is in it, the code of the mapping looks at
}
