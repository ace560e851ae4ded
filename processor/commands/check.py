"""Checks settings, client properties and destinations, and names all problems at once."""

from __future__ import annotations

import click

from processor.commands import CommandFailed, ExitCode, Invocation, json_option, print_result, problem_list
from processor.configuration import PREFIX, Problem, SettingsError, destination_problems, load
from processor.kafka.config import ConfigProblem, consumer_properties, dead_letter_properties
from processor.settings import KafkaSettings, schemas_dir


@click.command()
@json_option
@click.pass_obj
def command(invocation: Invocation, *, as_json: bool) -> None:
    """Check settings, client properties and destinations without starting anything.

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


def find_problems(invocation: Invocation) -> list[Problem]:
    """All that is wrong."""
    try:
        settings = load(invocation.config, invocation.environ)
    except SettingsError as error:
        return error.problems
    destinations = frozenset(path.stem for path in (schemas_dir() / "xdm").glob("*.json"))
    return [*_client_problems(settings.kafka), *destination_problems(settings, destinations)]


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
