"""What is shown while the demo runs: a table that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import click
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from processor.commands.demonstration.tally import Tally

TERMINAL_INTERVAL = 0.1  # seconds
LINE_INTERVAL = 2.0


class Snapshot(NamedTuple):
    """How far it is."""

    produced: int
    total: int
    settled: int
    accepted: int
    in_flight: int
    letters: int
    failed_requests: int
    refused_for_now: int
    rate: float  # settled events per second

    @classmethod
    def take(cls, tally: Tally, produced: int, total: int, seconds: float) -> Snapshot:
        """Reads the worker's own account."""
        settled = sum(tally.committed.values())
        return cls(
            produced=produced,
            total=total,
            settled=settled,
            accepted=tally.accepted,
            in_flight=tally.in_flight,
            letters=tally.letters,
            failed_requests=tally.failed_requests,
            refused_for_now=tally.refused_for_now,
            rate=settled / seconds if seconds > 0 else 0.0,
        )


class Lines:
    """For pipes and files."""

    interval = LINE_INTERVAL

    def show(self, snapshot: Snapshot) -> None:
        """One line."""
        click.echo(
            f"{snapshot.produced:,} of {snapshot.total:,} events produced, {snapshot.settled:,} settled"
            f" ({snapshot.rate:,.0f}/s): {snapshot.accepted:,} messages delivered, {snapshot.letters} dead letters,"
            f" {snapshot.failed_requests} requests failed, {snapshot.refused_for_now} messages refused for now"
        )

    def close(self) -> None:
        """Nothing is open."""


class Screen:
    """For a terminal."""

    interval = TERMINAL_INTERVAL

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        """Draws the table anew."""
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right")
        table.add_column(justify="right", min_width=9)
        table.add_column()
        table.add_row("produced", f"{snapshot.produced:,}", _bar(snapshot.produced, snapshot.total))
        table.add_row("settled", f"{snapshot.settled:,}", _bar(snapshot.settled, snapshot.total))
        table.add_row("delivered", f"{snapshot.accepted:,}", f"messages; {snapshot.in_flight} requests in flight")
        table.add_row("dead letters", f"{snapshot.letters:,}", "")
        table.add_row("AEP faults", f"{snapshot.failed_requests:,}", "requests without a verdict on each message")
        table.add_row("", f"{snapshot.refused_for_now:,}", "messages refused for now")
        table.add_row("speed", f"{snapshot.rate:,.0f}", "events/s")
        self._live.update(table, refresh=True)

    def close(self) -> None:
        """Leaves the last table on the screen."""
        self._live.stop()


def _bar(done: int, total: int) -> ProgressBar:
    return ProgressBar(total=total, completed=done, width=40)


class Paced:
    """Shows a snapshot when the display's time has come, so that callers may ask as often as they like."""

    def __init__(self, display: Lines | Screen, clock: Callable[[], float]) -> None:
        self._display, self._clock = display, clock
        self._due = clock()

    def show(self, take: Callable[[], Snapshot]) -> None:
        """Takes and shows a snapshot, if it is time."""
        now = self._clock()
        if now >= self._due:
            self._due = now + self._display.interval
            self._display.show(take())

    def finish(self, snapshot: Snapshot) -> None:
        """Shows the last one."""
        self._display.show(snapshot)
        self._display.close()


def display_for(console: Console) -> Lines | Screen:
    """What suits standard output."""
    return Screen(console) if console.is_terminal else Lines()
