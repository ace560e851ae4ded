"""Reads settings: `capillary-aep.toml`, over it the environment, secrets from files too. Every problem at once.

A variable is `CAPILLARY_AEP_` + section + `__` + name, all in capitals; a list in it is comma separated or JSON, a
table is JSON, and so are the sections whose keys are free, `CAPILLARY_AEP_TIERS` and `CAPILLARY_AEP_LOOKUPS`; an empty
variable is as good as none. A destination's name is written with `_` for `-`.

A secret may be named by its setting with `_file` (`_FILE`) added: then the file's text is the value, without the line
break at its end. `[kafka] client_file` names a file of `name=value` lines. Relative paths count from the file that
holds them, in the environment from the working directory.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from processor.settings import (
    DestinationSettings,
    Property,
    Section,
    Settings,
    TranslationSettings,
    deadlines_problem,
)

DEFAULT_FILE = Path("capillary-aep.toml")
PREFIX = "CAPILLARY_AEP_"
FREE_TABLES = ("tiers", "lookups")  # sections whose names are the operator's; in the environment one JSON object each
MISSING = "is required and not set"
SECTIONS = sorted(Settings.model_fields, key=lambda name: name in TranslationSettings.model_fields)

Tables = dict[str, dict[str, Any]]
SectionT = TypeVar("SectionT", bound=Section)


class Problem(NamedTuple):
    """What is wrong with one setting and what to do. Never holds a value."""

    setting: str  # "[kafka] topics", or the file's name
    variable: str  # "CAPILLARY_AEP_KAFKA__TOPICS"; empty where there is none
    message: str

    def __str__(self) -> str:
        name = f"{self.setting} ({self.variable})" if self.variable else self.setting
        return f"{name}: {self.message}"


class SettingsError(Exception):
    """Settings that cannot be used. `problems` has all that is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Reads and checks all settings. `config` None: `capillary-aep.toml` of the working directory, if there is one.

    Raises SettingsError.
    """
    tables, problems = _merged(config, environ)
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        problems += [_problem(details) for details in error.errors(include_url=False, include_context=False)]
        problems += _deadlines(tables, problems)
        raise SettingsError(_unrepeated(problems, config)) from None
    if problems:
        raise SettingsError(problems)
    return settings


def load_section(section: type[SectionT], config: Path | None, environ: Mapping[str, str]) -> SectionT:
    """Reads one section, for a command that needs no more. Raises SettingsError."""
    name = next(name for name, field in Settings.model_fields.items() if field.annotation is section)
    tables, problems = _merged(config, environ)
    try:
        loaded = section.model_validate(tables.get(name, {}))
    except ValidationError as error:
        problems += [_problem(details, name) for details in error.errors(include_url=False, include_context=False)]
        raise SettingsError(_unrepeated(problems, config)) from None
    if problems:
        raise SettingsError(problems)
    return loaded


def load_translation(config: Path | None, environ: Mapping[str, str]) -> TranslationSettings:
    """Reads what bears on the translation, for a command that needs no more. Raises SettingsError."""
    tables, problems = _merged(config, environ)
    ours = {name: table for name, table in tables.items() if name in TranslationSettings.model_fields}
    try:
        loaded = TranslationSettings.model_validate(ours)
    except ValidationError as error:
        problems += [_problem(details) for details in error.errors(include_url=False, include_context=False)]
        raise SettingsError(_unrepeated(problems, config)) from None
    if problems:
        raise SettingsError(problems)
    return loaded


def raw_tables(config: Path | None, environ: Mapping[str, str]) -> Tables:
    """What file and environment say together, unchecked. Raises SettingsError where they cannot be read."""
    tables, problems = _merged(config, environ)
    if problems:
        raise SettingsError(problems)
    return tables


def readable_tables(config: Path | None, environ: Mapping[str, str]) -> Tables:
    """What can be read of file and environment, unchecked: for whoever looks for more problems than `load` found."""
    return _merged(config, environ)[0]


def _merged(config: Path | None, environ: Mapping[str, str]) -> tuple[Tables, list[Problem]]:
    problems: list[Problem] = []
    tables = _from_file(config, problems)
    for name, table in _from_environment(environ, problems).items():
        tables[name] = _overlaid(tables.get(name, {}), table)
    return tables, problems


def _overlaid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        name for name in below.keys() & above.keys() if isinstance(below[name], dict) and isinstance(above[name], dict)
    }
    return below | above | {name: _overlaid(below[name], above[name]) for name in both}


def unreadable(problems: list[Problem], config: Path | None) -> bool:
    """Whether one of them is that nothing is known of what the file says."""
    return any(problem.setting == str(config or DEFAULT_FILE) for problem in problems)


def _unrepeated(problems: list[Problem], config: Path | None) -> list[Problem]:
    """Each problem once; what may be in a file that cannot be read is not called missing as well."""
    variables_at_fault = {problem.variable for problem in problems}
    kept = [problem for problem in problems if f"{problem.variable}_FILE" not in variables_at_fault]
    if unreadable(problems, config):
        kept = [problem for problem in kept if problem.message != MISSING]
    return list(dict.fromkeys(kept))


# ---- the file --------------------------------------------------------------------------------------------------------


def _from_file(config: Path | None, problems: list[Problem]) -> Tables:
    path = config or DEFAULT_FILE
    if config is None and not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(str(path), "", f"cannot be read: {error.strerror}"))
        return {}
    except UnicodeDecodeError:
        problems.append(Problem(str(path), "", "is not UTF-8 text"))
        return {}
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(str(path), "", f"is not valid TOML: {error}"))
        return {}
    tables = {name: table for name, table in document.items() if isinstance(table, dict)}
    problems += [
        Problem(name, "", f"must be inside a section, such as [{SECTIONS[0]}]")
        for name in document.keys() - tables.keys()
    ]
    return _with_files(tables, path.parent, problems)


def _with_files(tables: Tables, base: Path, problems: list[Problem]) -> Tables:
    """Reads the files that a layer names. Relative paths count from `base`."""
    for section, table in tables.items():
        for name, where in [(name, table[f"{name}_file"]) for name in _from_files(section) if f"{name}_file" in table]:
            del table[f"{name}_file"]
            setting = Problem(f"[{section}] {name}_file", _variable(section, f"{name}_file"), "")
            if name in table and name != "client":
                problems.append(setting._replace(message=f"stands beside {name}: keep one of them"))
                continue
            _read_into(table, name, base / str(where), setting, problems)
    if isinstance(tables.get("mappings", {}).get("dir"), str):
        tables["mappings"]["dir"] = base / tables["mappings"]["dir"]
    return tables


def _read_into(table: dict[str, Any], name: str, path: Path, setting: Problem, problems: list[Problem]) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(setting._replace(message=f"names a file that cannot be read: {error.strerror}"))
        return
    if name == "client":
        table[name] = _overlaid({name: _properties(text)}, {name: table.get(name, {})})[name]
    else:
        table[name] = text.rstrip("\r\n")


def _from_files(section: str) -> tuple[str, ...]:
    """Settings of a section whose value may come from a file of its own."""
    model = _section(section)
    return tuple(name for name, field in model.model_fields.items() if may_be_a_file(field)) if model else ()


def may_be_a_file(field: FieldInfo) -> bool:
    """Whether `_file` may be added: to secrets, and to librdkafka's properties, where passwords may be among."""
    return field.annotation == Mapping[str, Property] or SecretStr in (field.annotation, *_parts(field.annotation))


def _is_table(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Mapping


def _is_list(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple


def _parts(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _properties(text: str) -> dict[str, str]:
    """Kafka's `client.properties` form: `name=value` lines, `#` begins a comment line."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in pairs}


# ---- the environment -------------------------------------------------------------------------------------------------


def _from_environment(environ: Mapping[str, str], problems: list[Problem]) -> Tables:
    tables: Tables = {}
    known = set(variables())
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or not text.strip():
            continue
        section, *names = variable.removeprefix(PREFIX).lower().split("__")
        place = _place(variable, section, names, known)
        if place is None:
            problems.append(_unknown_variable(variable, known))
        else:
            _put(tables, place, text, problems, variable)
    return _with_files(tables, Path(), problems)


def _place(variable: str, section: str, names: list[str], known: set[str]) -> tuple[str, ...] | None:
    """Where a variable's value belongs in the tables; None for a variable that nobody reads."""
    if section == "destinations" and len(names) == len(("name", "field")) and variable.isupper():
        name, field = names
        return (section, name.replace("_", "-"), field) if field in DestinationSettings.model_fields else None
    return (section, *names) if variable in known else None


def _put(tables: Tables, place: tuple[str, ...], text: str, problems: list[Problem], variable: str) -> None:
    if place[0] in FREE_TABLES:
        _put_table(tables, place[0], text, problems, variable)
        return
    section, *between, name = place
    table = tables.setdefault(section, {})
    for key in between:
        table = table.setdefault(key, {})
    model = _section(section)
    field = model.model_fields.get(name) if model else None
    try:
        table[name] = _value(field, text)
    except ValueError:
        problems.append(Problem(_setting(place), variable, "is not valid JSON"))


def _put_table(tables: Tables, section: str, text: str, problems: list[Problem], variable: str) -> None:
    try:
        table = json.loads(text)
    except ValueError:
        table = None
    if isinstance(table, dict):
        tables[section] = table
    else:
        problems.append(Problem(f"[{section}]", variable, "is no JSON object"))


def _value(field: FieldInfo | None, text: str) -> object:
    """What a variable's text stands for; numbers stay text, which pydantic reads. Raises ValueError for bad JSON."""
    if field is None:
        return text
    if _is_table(field) or (_is_list(field) and text.lstrip().startswith("[")):
        return json.loads(text)
    if _is_list(field):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _unknown_variable(variable: str, known: set[str]) -> Problem:
    nearest = get_close_matches(variable.upper(), sorted(known), n=1, cutoff=0.5)
    hint = f"; the nearest is {nearest[0]}" if nearest else "; docs/configuration.md lists them all"
    return Problem("environment", variable, f"no setting has this name{hint}")


def variables() -> Iterator[str]:
    """Every variable that is read, but for destinations, whose names are free."""
    yield from map(_variable, FREE_TABLES)
    for section in Settings.model_fields:
        model = _section(section)
        for name, field in model.model_fields.items() if model else ():
            yield _variable(section, name)
            if may_be_a_file(field):
                yield _variable(section, f"{name}_file")


def _variable(*place: str) -> str:
    return PREFIX + "__".join(place).replace("-", "_").upper()


def _section(name: str) -> type[BaseModel] | None:
    """The model of a section with fixed names; None for `destinations` and for unknown ones."""
    field = Settings.model_fields.get(name)
    model = field.annotation if field else None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


# ---- what is wrong ---------------------------------------------------------------------------------------------------


def _problem(details: ErrorDetails, *section: str) -> Problem:
    place = [*section, *(str(part) for part in details["loc"] if part != "[key]")]
    if not place:
        return Problem("[delivery]", "", details["msg"].removeprefix("Value error, "))
    if details["type"] == "extra_forbidden":
        return Problem(_setting(place), "", f"no setting has this name{_nearest(place)}")
    named = len(place) > 1 or place[0] in FREE_TABLES
    variable = _variable(*[part for part in place if not part.isdigit()]) if named else ""
    return Problem(_setting(place), variable, _text(details))


_TEXTS = {
    "missing": MISSING,
    "string_pattern_mismatch": "does not have the form that docs/configuration.md shows",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "model_type": "must be a table",
}


def _text(details: ErrorDetails) -> str:
    ours = _TEXTS.get(details["type"])
    return ours or details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _setting(place: list[str] | tuple[str, ...]) -> str:
    *table, name = place
    if not table:
        return f"[{name}]"
    if table[-1] != "destinations" and name.isdigit():
        return f"{_setting(table)}, number {int(name) + 1}"
    return f"[{'.'.join(table)}] {name}"


def _nearest(place: list[str]) -> str:
    names = list(Settings.model_fields)
    if len(place) > 1:
        model = DestinationSettings if place[0] == "destinations" else _section(place[0])
        names = [*model.model_fields, *(f"{name}_file" for name in _from_files(place[0]))] if model else []
    nearest = get_close_matches(place[-1], names, n=1, cutoff=0.5)
    return f"; the nearest is {nearest[0]}" if nearest else f"; there are {', '.join(names)}"


def _deadlines(tables: Tables, problems: list[Problem]) -> list[Problem]:
    """What Settings would say of the deadlines, had it come to compare them: it does so only when all else is right."""
    places = (("delivery", "attempt_timeout_s"), ("delivery", "drain_timeout_s"), ("kafka", "session_timeout_ms"))
    if {_variable(*place) for place in places} & {problem.variable for problem in problems}:
        return []
    attempt, drain, session_ms = (float(_raw(tables, *place)) for place in places)
    problem = deadlines_problem(attempt, drain, session_ms / 1000)
    return [Problem("[delivery]", "", problem)] if problem else []


def _raw(tables: Tables, section: str, name: str) -> Any:
    model = _section(section)
    return tables.get(section, {}).get(name, model.model_fields[name].default if model else None)


def destination_problems(given: AbstractSet[str], names: frozenset[str]) -> list[Problem]:
    """Destinations that are missing, and such that no XDM schema stands behind. `names` are all there are."""
    unknown = [
        Problem(f"[destinations.{name}]", "", f"no destination has this name{_or_nearest(name, names)}")
        for name in sorted(given - names)
    ]
    if not given & names:
        wanted = f"all are missing, {', '.join(sorted(names))}: make each in AEP with its schema in schemas/xdm/"
        return [*unknown, Problem("[destinations.NAME]", "", wanted)]
    missing = [
        Problem(f"[destinations.{name}]", "", f"is missing: make a dataset in AEP with {name}.json of schemas/xdm/")
        for name in sorted(names - given)
    ]
    return unknown + missing


def _or_nearest(name: str, names: frozenset[str]) -> str:
    nearest = get_close_matches(name, sorted(names), n=1, cutoff=0.5)
    return f"; the nearest is {nearest[0]}" if nearest else f"; there are {', '.join(sorted(names))}"


# ---- for the docs ----------------------------------------------------------------------------------------------------


def reference() -> str:
    """All settings as Markdown, one table per section: docs/configuration.md holds it, and a test compares."""
    return "\n".join(line for name in SECTIONS for line in _reference(name))


def _reference(section: str) -> Iterator[str]:
    if section in FREE_TABLES:
        variable = _variable(section).removeprefix(PREFIX)
        yield from (f"### `[{section}{'.NAME' * (section == 'lookups')}]`", "")
        yield from (f"{Settings.model_fields[section].description} Variable: `{variable}`, a JSON object.", "")
        return
    model = _section(section) or DestinationSettings
    place = section if _section(section) else f"{section}.NAME"
    yield from (f"### `[{place}]`", "", model.__doc__ or "", "")
    yield from ("| key | variable | default | meaning |", "| --- | --- | --- | --- |")
    for name, field in model.model_fields.items():
        file = " May come from a file: `_file`." if section != "destinations" and may_be_a_file(field) else ""
        variable = _variable(*place.split("."), name).removeprefix(PREFIX)
        yield f"| `{name}` | `{variable}` | {_default(field)} | {field.description}{file} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, tuple | dict):
        value = ", ".join(map(str, value))
    return f"`{value}`" if value not in (None, "") else "none"
