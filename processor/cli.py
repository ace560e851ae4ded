"""`capillary-aep`: arguments in, one call per command.

A file in `processor/commands` is a command: its name is the file's, its line in `--help` the first line of the file's
docstring. It is imported when it is called, because Kafka, HTTP and the schema compilers take half a second to load.
"""

from __future__ import annotations

import ast
import importlib
import os
from pathlib import Path

import click

from processor import __version__, commands
from processor.commands import Invocation

_COMMANDS = Path(commands.__file__).parent


class Commands(click.Group):
    """Finds commands by their files and imports what is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Names in alphabetical order."""
        names = (path.stem for path in _COMMANDS.glob("*.py") if not path.stem.startswith("_"))
        return sorted(name.rstrip("_") for name in names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports a command; None for a name without a file."""
        path = self._path(ctx, name)
        if path is None:
            return None
        command = importlib.import_module(f"{commands.__name__}.{path.stem}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        rows = [(name, self._summary(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _summary(self, ctx: click.Context, name: str) -> str:
        path = self._path(ctx, name)
        docstring = ast.get_docstring(ast.parse(path.read_bytes())) if path else None
        return (docstring or "").partition("\n")[0].rstrip(".")

    def _path(self, ctx: click.Context, name: str) -> Path | None:
        if name not in self.list_commands(ctx):
            return None
        candidates = (_COMMANDS / f"{name}.py", _COMMANDS / f"{name}_.py")  # `try` is no name for a module
        return next((path for path in candidates if path.exists()), None)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Settings in TOML.  [default: capillary-aep.toml, if there is one]",
)
@click.version_option(__version__, prog_name="capillary-aep", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Capillary loyalty events from Kafka to Adobe Experience Platform."""
    ctx.obj = Invocation(config, dict(os.environ))


def main() -> None:
    """The console script. Exit codes are those of `ExitCode`."""
    cli(prog_name="capillary-aep")
