"""One file per command, each with a click command named `command`. What they share is here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import ClassVar, TypeVar

import click

from processor.configuration import (
    DEFAULT_FILE,
    MISSING,
    Problem,
    SettingsError,
    load,
    load_section,
    load_translation,
    raw_tables,
)
from processor.settings import KafkaSettings, Section, Settings, TranslationSettings

SectionT = TypeVar("SectionT", bound=Section)
FunctionT = TypeVar("FunctionT", bound=Callable[..., object])

WHERE_SETTINGS_ARE = (
    f"Settings are read from {DEFAULT_FILE} in the working directory (--config FILE, before the command, names another)"
    " and from the environment: see docs/configuration.md."
)


class ExitCode(IntEnum):
    """What a process says when it ends; scripts and supervisors rely on it."""

    DONE = 0
    WRONG = 1  # the input or a check is wrong
    USAGE = 2  # click's own
    HALT = 3  # delivery stopped for good
    KAFKA = 4  # Kafka gave up on us: a restart is right


class CommandFailed(click.ClickException):
    """Ends a command with a text on standard error, exit code 1."""

    exit_code: ClassVar[int] = ExitCode.WRONG


class KafkaGaveUp(CommandFailed):
    """Ends a command because Kafka is beyond help for this process, exit code 4."""

    exit_code: ClassVar[int] = ExitCode.KAFKA


def no_answer(kafka: KafkaSettings, error: Exception) -> KafkaGaveUp:
    """The failure of a command to which no broker answers. `error` has librdkafka's words."""
    return KafkaGaveUp(f"KAFKA__BOOTSTRAP_SERVERS: no answer from Kafka at {kafka.bootstrap_servers}: {error}")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was said before the command's name, and the environment. `click.pass_obj` hands it to a command."""

    config: Path | None
    environ: Mapping[str, str] = field(repr=False)  # secrets are among it

    def settings(self) -> Settings:
        """All settings. Raises CommandFailed, naming every problem."""
        try:
            return load(self.config, self.environ)
        except SettingsError as error:
            raise _failed(error) from None

    def section(self, section: type[SectionT]) -> SectionT:
        """One section, for a command that needs no more. Raises CommandFailed."""
        try:
            return load_section(section, self.config, self.environ)
        except SettingsError as error:
            raise _failed(error) from None

    def translation(self) -> TranslationSettings:
        """What bears on the translation, for a command that needs no more. Raises CommandFailed."""
        try:
            return load_translation(self.config, self.environ)
        except SettingsError as error:
            raise _failed(error) from None

    def raw(self, section: str, name: str) -> object:
        """One unchecked value, None where it is not set. Raises CommandFailed where nothing can be read."""
        try:
            return raw_tables(self.config, self.environ).get(section, {}).get(name)
        except SettingsError as error:
            raise _failed(error) from None


def _failed(error: SettingsError) -> CommandFailed:
    return CommandFailed(problem_list(error.problems))


def problem_list(problems: Sequence[object]) -> str:
    """Problems as a person reads them: how many, one a line, and where settings come from if one is missing."""
    lines = [f"{len(problems)} problem{'s' * (len(problems) != 1)}", *(f"  {problem}" for problem in problems)]
    if any(isinstance(problem, Problem) and problem.message == MISSING for problem in problems):
        lines.append(WHERE_SETTINGS_ARE)
    return "\n".join(lines)


def json_option(function: FunctionT) -> FunctionT:
    """Adds `--json`; the command then calls `print_result` last."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")(function)


def print_result(result: Mapping[str, object] | Sequence[object]) -> None:
    """One line of JSON on standard output."""
    click.echo(json.dumps(result, separators=(",", ":"), default=str))
