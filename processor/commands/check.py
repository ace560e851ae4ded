"""Checks settings, client properties, destinations, mappings and schemas, and names all problems at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import ValidationError

from processor.commands import CommandFailed, ExitCode, Invocation, json_option, print_result, problem_list
from processor.configuration import (
    PREFIX,
    Problem,
    SettingsError,
    destination_problems,
    load,
    readable_tables,
    unreadable,
)
from processor.kafka.config import ConfigProblem, consumer_properties, dead_letter_properties
from processor.mapping.language import BRAND_SCHEMAS
from processor.mapping.problems import MappingProblems
from processor.mapping.problems import Problem as MappingProblem
from processor.settings import KafkaSettings, TranslationSettings, schemas_dir
from processor.translator import load_mappings

PLACEHOLDER = "tenant"  # the tenant's namespace where the settings have none


@click.command()
@json_option
@click.pass_obj
def command(invocation: Invocation, *, as_json: bool) -> None:
    """Check settings, client properties, destinations, mappings and schemas without starting anything.

    Names all problems at once and exits with 1; `run` refuses to start where this does.
    """
    problems = find_problems(invocation)
    if problems:
        click.echo(problem_list(problems), err=True)
    else:
        click.echo("all is well", err=True)
    if as_json:
        print_result({"ok": not problems, "problems": [problem._asdict() for problem in problems]})
    if problems:
        raise click.exceptions.Exit(ExitCode.WRONG)


def refuse_to_start_half_right(invocation: Invocation) -> None:
    """Raises CommandFailed where `check` would exit with 1."""
    problems = find_problems(invocation)
    if problems:
        raise CommandFailed(problem_list(problems))


def find_problems(invocation: Invocation) -> list[Problem | MappingProblem]:
    """All that is wrong; also of mappings, destinations and client where other settings cannot be used."""
    try:
        settings = load(invocation.config, invocation.environ)
    except SettingsError as error:
        return [*error.problems, *_further_problems(invocation, error.problems)]
    return [
        *_client_problems(settings.kafka),
        *destination_problems(settings.destinations.keys(), _destinations(settings)),
        *_mapping_problems(settings, settings.aep.tenant),
    ]


def _further_problems(invocation: Invocation, known: list[Problem]) -> Iterator[Problem | MappingProblem]:
    """What there is to say beside the settings that cannot be used, which have been named."""
    tables, translation = readable_tables(invocation.config, invocation.environ), _translation_of(invocation)
    with contextlib.suppress(ValidationError):
        yield from _client_problems(KafkaSettings.model_validate(tables.get("kafka", {})))
    if not unreadable(known, invocation.config):
        yield from destination_problems(tables.get("destinations", {}).keys(), _destinations(translation))
    yield from _mapping_problems(translation, PLACEHOLDER)


def _destinations(settings: TranslationSettings) -> frozenset[str]:
    """The names of all that mappings may write, ours and the brand's."""
    brand = () if settings.mappings.dir is None else (settings.mappings.dir / BRAND_SCHEMAS).glob("[!.]*.json")
    return frozenset(path.stem for path in (*(schemas_dir() / "xdm").glob("*.json"), *brand))


def _translation_of(invocation: Invocation) -> TranslationSettings:
    """What bears on the mappings, although other settings are wrong; what is wrong of it is named among them."""
    tables = readable_tables(invocation.config, invocation.environ)
    ours = {name: table for name, table in tables.items() if name in TranslationSettings.model_fields}
    try:
        return TranslationSettings.model_validate(ours)
    except ValidationError:
        brand = ours.get("mappings", {}).get("dir")
        usable = isinstance(brand, Path) and brand.is_dir()
        return TranslationSettings.model_validate({"mappings": {"dir": brand}} if usable else {})


def _mapping_problems(settings: TranslationSettings, tenant: str) -> tuple[MappingProblem, ...]:
    """What is wrong with the files in `schemas/`, with the brand's own, and with what is laid over them."""
    try:
        load_mappings(schemas_dir(), settings.mappings.dir, tenant, settings.options())
    except MappingProblems as error:
        return error.problems
    except OSError as error:
        return (MappingProblem(str(error.filename), 0, "file", f"cannot be read: {error.strerror}"),)
    return ()


def _client_problems(kafka: KafkaSettings) -> list[Problem]:
    """A librdkafka property that would break what this program promises."""
    try:
        consumer_properties(
            kafka.bootstrap_servers,
            kafka.group_id,
            protocol=kafka.group_protocol,
            session_timeout_ms=kafka.session_timeout_ms,
            client=kafka.client,
        )
        dead_letter_properties(kafka.bootstrap_servers, client=kafka.client)
    except ConfigProblem as error:
        return [Problem("[kafka] client", f"{PREFIX}KAFKA__CLIENT", str(error))]
    return []
