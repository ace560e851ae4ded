"""Stands in for Adobe: IMS and the streaming inlet on one port, with faults on demand."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from processor.commands import CommandFailed, Invocation
from processor.configuration import SettingsError, raw_tables
from processor.mapping.generations import schema_of_2025
from processor.settings import schemas_dir, tenant_namespace
from processor.simulator.account import Account, Dataset, load_datasets
from processor.simulator.faults import PRESETS, FaultPlan
from processor.simulator.inlet import Shape
from processor.simulator.simulator import Simulator


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8900, show_default=True, help="0 picks a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--faults", type=click.Choice(list(PRESETS)), default="none", show_default=True, help="What goes wrong.")
@click.option("--seed", default=0, show_default=True, help="Decides the dice of the faults.")
@click.option("--latency-ms", type=click.FloatRange(min=0), default=0.0, help="Milliseconds before each reply.")
@click.option("--token-life", type=click.FloatRange(min=0.1), default=86_400.0, help="Seconds that a token lives.")
@click.option(
    "--shape",
    type=click.Choice([shape.value for shape in Shape]),
    default="B",
    show_default=True,
    help="How a 207 spells what it refuses: AEP's documents have three ways.",
)
@click.option("--no-validation", is_flag=True, help="Take every entity: a sink for benchmarks.")
@click.option("--no-ledger", is_flag=True, help="Count what is accepted and keep nothing of it.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Append a line per accepted message to DIR/accepted.ndjson.",
)
@click.option(
    "--write-settings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the tables [aep] and [destinations] of a worker that sends here.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    port: int,
    host: str,
    faults: str,
    seed: int,
    latency_ms: float,
    token_life: float,
    shape: str,
    no_validation: bool,
    no_ledger: bool,
    state: Path | None,
    write_settings: Path | None,
) -> None:
    """Stand in for Adobe: IMS and the streaming inlet on one port.

    Takes ids and credential from the settings where they are set, and has its own for the rest. `GET /_stand-in/`
    tells what else can be asked of it while it runs. Stops at Ctrl-C or SIGTERM.
    """
    if state:
        state.mkdir(parents=True, exist_ok=True)
    account, datasets = account_and_datasets(invocation)
    try:
        simulator = Simulator(
            datasets,
            account,
            port=port,
            host=host,
            faults=FaultPlan.from_json({"preset": faults, "seed": seed}),
            shape=Shape(shape),
            validate=not no_validation,
            keep=not no_ledger,
            token_life=token_life,
            latency=latency_ms / 1000,
            state=state,
        )
    except OSError as error:
        raise CommandFailed(f"cannot listen on {host}:{port}: {error.strerror}") from None
    if write_settings:
        write_settings.write_text(as_toml(simulator.settings()))
    run(simulator)


def run(simulator: Simulator) -> None:
    """Serves until SIGINT or SIGTERM; the address is on standard output once it is served."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with simulator:
        click.echo(f"listening on {simulator.url}")
        while not stop.wait(3600):  # a wait without end would not let a signal through on every platform
            pass


def as_toml(settings: Mapping[str, Mapping[str, object]]) -> str:
    """The settings as a file. JSON's texts are TOML's."""
    lines = ["[aep]", *(f"{name} = {json.dumps(value)}" for name, value in settings["aep"].items())]
    for name, destination in settings["destinations"].items():
        assert isinstance(destination, Mapping)
        lines += ["", f"[destinations.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in destination.items())]
    return "\n".join(lines) + "\n"


def account_and_datasets(invocation: Invocation) -> tuple[Account, dict[str, Dataset]]:
    """The account and its datasets: what is set, and the built-in ids for the rest. Raises CommandFailed."""
    try:
        tables = raw_tables(invocation.config, invocation.environ)
        account = _account(tables.get("aep", {}))
        ids = {
            name: (str(table["schema_id"]), str(table["dataset_id"]))
            for name, table in tables.get("destinations", {}).items()
            if isinstance(table, Mapping) and {"schema_id", "dataset_id"} <= table.keys()
        }
        older = invocation.translation().profile.loyalty_fields == "2025"
        return account, load_datasets(schemas_dir() / "xdm", account, ids, schema_of_2025 if older else dict)
    except SettingsError as error:
        raise CommandFailed("\n".join(map(str, error.problems))) from None
    except ValueError as error:
        raise CommandFailed(str(error)) from None


def _account(table: Mapping[str, object]) -> Account:
    """Adobe's ids as the worker has them. The inlet's id is the end of its URL."""
    mine = Account()
    known = {name: str(table[name]) for name in ("org_id", "client_id", "client_secret", "sandbox") if table.get(name)}
    inlet_url = str(table.get("inlet_url") or mine.inlet_id)
    return Account(
        **known,
        tenant=tenant_namespace(str(table.get("tenant") or mine.tenant)),
        inlet_id=inlet_url.rstrip("/").rpartition("/")[2],
    )
