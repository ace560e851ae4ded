"""Checks settings and destinations, and names all problems at once."""

from __future__ import annotations

import click

from processor.commands import CommandFailed, ExitCode, Invocation, json_option, print_result, problem_list
from processor.configuration import Problem, SettingsError, destination_problems, load
from processor.settings import schemas_dir


@click.command()
@json_option
@click.pass_obj
def command(invocation: Invocation, *, as_json: bool) -> None:
    """Check settings and destinations without starting anything.

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
    return destination_problems(settings, destinations)
