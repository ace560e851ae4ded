"""`demo`: all three presets at a small size, what it prints, and that its auditor believes nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console

from processor.capillary import load_contracts
from processor.cli import cli
from processor.commands import ExitCode
from processor.commands.demo import INTERRUPTED, exit_code, interruptible
from processor.commands.demonstration.books import Arrivals, Books, Findings, Letter
from processor.commands.demonstration.progress import Lines, Paced, Screen, Snapshot, display_for
from processor.commands.demonstration.summary import Run, result, summary
from processor.commands.demonstration.tally import Tally
from processor.commands.demonstration.traffic import own_org, traffic
from processor.events import Halted, Outage
from processor.model import Destination, Halt, HaltKind, Message, Reason, Record, Refusal, Skip, Stage, Translated
from processor.settings import DeliverySettings, schemas_dir
from processor.simulator.account import Account, Dataset, load_datasets
from processor.simulator.ledger import Ledger

EVENTS = 300
TOPIC = "events"
CONTRACT = {
    "produced",
    "accepted",
    "dead_lettered",
    "superseded",
    "skipped",
    "lost",
    "duplicates",
    "requests",
    "seconds",
}
NOTHING = Findings(0, 0, {}, {}, (), 0, 0, 0, 0, 0, 0, 0, 0, 0)


# ---- the whole, as processes: their exit codes, their signals, their logging are their own ---------------------------

MAIN = "from processor.cli import main; main()"
FORGETFUL = """
from processor.simulator.ledger import Ledger
honest = Ledger.accepted
def forgetful(ledger, since=0, limit=None):
    accepted = honest(ledger, since, limit)
    victim = next(each.id for each in accepted if each.dataset == "events")
    return [each for each in accepted if each.id != victim]
Ledger.accepted = forgetful
"""


def start(directory: Path, *options: str, before: str = "") -> subprocess.Popen[str]:
    """A demo in a process of its own, with neither file nor environment of whoever runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAPILLARY_AEP_")}
    return subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{MAIN}", "demo", *options],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(schemas_dir().parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def demo(directory: Path, *options: str, before: str = "") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    with start(directory, "--events", str(EVENTS), *options, before=before) as process:
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors


def last_line(output: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


@pytest.mark.parametrize("faults", ["none", "some", "storm"])
def test_nothing_is_lost(faults: str, tmp_path: Path) -> None:
    code, output, errors = demo(tmp_path, "--faults", faults, "--json")
    assert code == ExitCode.DONE, output + errors
    found = last_line(output)
    assert found.keys() >= CONTRACT
    assert found["produced"] == EVENTS
    assert (found["lost"], found["unfinished"], found["strangers"]) == (0, 0, 0)
    assert (found["duplicates_unexplained"], found["profile_values_went_back"]) == (0, 0)
    assert found["dead_lettered"] == 15  # of five kinds, three each
    assert found["skipped"] >= 3  # the tombstones
    assert found["accepted"] + found["superseded"] > EVENTS
    if faults == "none":
        assert (found["duplicates"], found["events_late"]) == (0, 0)


def test_a_person_is_told_and_the_log_is_kept_apart(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    code, output, errors = demo(tmp_path, "--log", str(log))
    assert code == ExitCode.DONE
    for words in ("events produced", "accepted by AEP", "tombstone", "undecodable", "requests, on average", "lost 0"):
        assert words in output
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert "request landed" in {line["event"] for line in lines}
    assert "request landed" not in output + errors
    assert Account().client_secret not in log.read_text()


def test_a_message_that_is_missing_in_the_ledger_is_lost(tmp_path: Path) -> None:
    """The worker believes that all is well; the auditor looks for himself."""
    code, output, _ = demo(tmp_path, "--json", before=FORGETFUL)
    assert code == ExitCode.WRONG
    assert last_line(output)["lost"] == 1
    assert "did not arrive to events" in output


def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path) -> None:
    """What was not settled is said to be unfinished, and nothing of it lost."""
    with start(tmp_path, "--events", "1000000", "--json") as process:
        assert process.stdout is not None
        assert "events produced" in process.stdout.readline()  # the first line: it is under way
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.DONE, output + errors
    assert "Ended early: Ctrl-C." in output
    found = last_line(output)
    assert 0 < found["produced"] < 1_000_000
    assert (found["lost"], found["strangers"]) == (0, 0)


def test_bad_options_are_usage_errors() -> None:
    for options in (["--faults", "all"], ["--events", "0"]):
        assert CliRunner().invoke(cli, ["demo", *options]).exit_code == ExitCode.USAGE


# ---- traffic ---------------------------------------------------------------------------------------------------------


def records(events: int, seed: int = 1, partitions: int = 3) -> list[Record]:
    contracts = load_contracts(schemas_dir() / "capillary")
    return list(traffic(events, seed, contracts, topic=TOPIC, partitions=partitions, now_ms=lambda: 5))


def test_equal_seeds_give_equal_traffic() -> None:
    assert records(200) == records(200)
    assert records(200) != records(200, seed=2)


def test_each_record_knows_its_offset_and_a_customer_stays_in_one_partition() -> None:
    found = records(500)
    assert {record.partition for record in found} == {0, 1, 2}
    for partition in range(3):
        offsets = [record.offset for record in found if record.partition == partition]
        assert offsets == list(range(len(offsets)))
    assert len({(record.key, record.partition) for record in found}) == len({record.key for record in found})


@pytest.mark.parametrize(("events", "tombstones"), [(1, 0), (99, 0), (100, 1), (499, 4), (500, 5), (5_000, 5)])
def test_what_is_spoilt_stays_far_below_a_flood(events: int, tombstones: int) -> None:
    found = records(events)
    assert len(found) == events
    assert sum(record.value is None for record in found) == tombstones
    assert sum(record.value == b"this is no Avro" for record in found) == tombstones


def test_the_own_org_is_the_traffics() -> None:
    assert {(record.key or b"").partition(b":")[0] for record in records(50)} == {str(own_org()).encode()}


# ---- the books -------------------------------------------------------------------------------------------------------


class World:
    """Three writes of one customer to a Profile dataset and an event each, entered; `arrivals` as they should be."""

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        by_name = {dataset.name: dataset for dataset in datasets.values()}
        self._events, self._balance = by_name["events"], by_name["profile-balance"]
        self.books, self.ledger = Books(), Ledger()
        self.letters: list[Letter] = []
        self.committed = {0: 100}
        for offset in range(3):
            messages = (
                Message(Destination("events", profile=False, prefix=b"", suffix=b""), orjson.dumps(self.event(offset))),
                Message(
                    Destination("profile-balance", profile=True, prefix=b"", suffix=b""),
                    orjson.dumps(self.write(offset)),
                    "1:7",
                ),
            )
            self.books.enter(record(offset), Translated("x", messages))

    def event(self, number: int) -> dict[str, object]:
        return {"_id": f"id-{number}", "timestamp": _time(number), **_CUSTOMER}

    def write(self, number: int) -> dict[str, object]:
        points = {"points": float(number)}
        return {"extSourceSystemAudit": {"lastUpdatedDate": _time(number)}, "loyalty": points, **_CUSTOMER}

    def accept(
        self, request: int, *, events: Sequence[int] = (), writes: Sequence[int] = (), hidden: bool = False
    ) -> None:
        messages = [(self._events, self.event(number)) for number in events]
        messages += [(self._balance, self.write(number)) for number in writes]
        self.ledger.accept(request, messages, hidden=hidden)

    def audit(self) -> Findings:
        return self.books.audit(Arrivals(self.ledger.accepted(), self.letters, self.ledger.profiles(), self.committed))


_CUSTOMER = {"identityMap": {"CapillaryId": [{"id": "1:7", "primary": True}]}}


def _time(number: int) -> str:
    return f"2025-06-15T00:00:0{number}.000Z"


def record(offset: int, value: bytes | None = b"v") -> Record:
    return Record(TOPIC, 0, offset, 5, b"1:7", value)


@pytest.fixture(scope="module")
def datasets() -> dict[str, Dataset]:
    return load_datasets(schemas_dir() / "xdm", Account())


@pytest.fixture
def world(datasets: dict[str, Dataset]) -> World:
    return World(datasets)


def test_all_arrived(world: World) -> None:
    world.accept(0, events=[0, 1, 2], writes=[0, 1, 2])
    found = world.audit()
    assert found == replace(NOTHING, accepted=6, lost=[], profiles=1)


def test_an_older_write_is_superseded_by_a_newer_one_and_by_nothing_else(world: World) -> None:
    world.accept(0, events=[0, 1, 2], writes=[2])
    assert (world.audit().superseded, world.audit().lost) == (2, [])
    world.ledger.reset()
    world.accept(0, events=[0, 1, 2], writes=[1])
    found = world.audit()
    assert (found.superseded, len(found.lost)) == (1, 1)
    assert found.lost == ["partition 0, offset 2: did not arrive to profile-balance"]


def test_what_is_not_committed_is_unfinished_and_not_lost(world: World) -> None:
    world.committed = {0: 1}
    world.accept(0, writes=[0])
    found = world.audit()
    assert found.lost == ["partition 0, offset 0: did not arrive to events"]
    assert found.unfinished == 4


def test_copies_are_explained_by_a_hidden_reply_only(world: World) -> None:
    world.accept(0, events=[0], writes=[2], hidden=True)
    world.accept(1, events=[0, 1, 2], writes=[2])
    found = world.audit()
    assert (found.duplicates, found.unexplained, found.hidden_requests) == (2, 0, 1)
    world.accept(2, events=[0])
    found = world.audit()
    assert (found.duplicates, found.unexplained) == (3, 1)


def test_a_value_that_goes_back_is_seen_twice(world: World) -> None:
    world.accept(0, events=[0, 1, 2], writes=[2])
    world.accept(1, writes=[1])
    found = world.audit()
    assert (found.went_back, found.wrong_profiles) == (1, 1)
    assert found.lost == ["partition 0, offset 2: did not arrive as the last value in profile-balance"]


def test_events_that_arrive_late_are_counted(world: World) -> None:
    world.accept(0, events=[0, 2], writes=[2])
    world.accept(1, events=[1])
    assert world.audit().late == 1


def test_what_nothing_calls_for_is_a_stranger(world: World) -> None:
    world.accept(0, events=[0, 1, 2, 5], writes=[2])
    assert world.audit().strangers == 1


def test_a_dead_letter_stands_for_its_outputs(world: World) -> None:
    world.accept(0, events=[0, 1], writes=[2])
    world.letters = [Letter((0, 2), "refused", ("events",), b"1:7", b"v")]
    assert (world.audit().lost, world.audit().dead_lettered) == ([], {"refused": 1})
    world.letters = [Letter((0, 2), "refused", ("profile-balance",), b"1:7", b"v")]
    assert len(world.audit().lost) == 1
    world.letters = [Letter((0, 2), "refused", (), b"1:7", b"v")]
    assert world.audit().lost == []


def test_a_refused_record_must_lie_in_its_topic_as_it_was(world: World) -> None:
    world.accept(0, events=[0, 1, 2], writes=[2])
    refusal = Refusal(Reason.UNDECODABLE, Stage.DECODE, "no Avro")
    world.books.enter(record(3, b"garbage"), Translated("", refusal=refusal))
    assert world.audit().lost == ["partition 0, offset 3: did not arrive as a dead letter (undecodable)"]
    world.letters = [Letter((0, 3), "undecodable", (), b"1:7", b"other bytes")]
    assert "with the bytes that were produced" in world.audit().lost[0]
    world.letters = [Letter((0, 3), "undecodable", (), b"1:7", b"garbage")]
    assert (world.audit().lost, world.audit().dead_lettered) == ([], {"undecodable": 1})


def test_what_is_skipped_is_counted_once_it_is_committed(world: World) -> None:
    world.accept(0, events=[0, 1, 2], writes=[2])
    world.books.enter(record(3, None), Translated("", skips=(Skip("tombstone"), Skip("no key", "profile-email"))))
    assert world.audit().skipped == {"tombstone": 1, "no key (profile-email)": 1}
    world.committed = {0: 3}
    assert (world.audit().skipped, world.audit().unfinished) == ({}, 2)


# ---- the end ---------------------------------------------------------------------------------------------------------


def run(findings: Findings = NOTHING, tally: Tally | None = None, stopped_by: str = "") -> Run:
    return Run("none", 1, 10, 2.0, findings, tally or Tally(), {"inlet 207": 3, "ims 200": 1}, stopped_by)


def test_exit_codes() -> None:
    halted = Tally()
    halted.observe(Halted(Halt(HaltKind.FLOOD, "too many")), DeliverySettings())
    assert exit_code(run()) is ExitCode.DONE
    assert exit_code(run(stopped_by=INTERRUPTED)) is ExitCode.DONE
    assert exit_code(run(stopped_by="nothing moved")) is ExitCode.WRONG
    assert exit_code(run(tally=halted, stopped_by="it halted")) is ExitCode.HALT
    assert exit_code(run(replace(NOTHING, lost=("x",)), tally=halted)) is ExitCode.WRONG


def test_many_losses_are_cut_short() -> None:
    text = summary(run(replace(NOTHING, lost=[f"record {number}" for number in range(25)], unfinished=2)))
    assert "LOST 25" in text
    assert "record 9" in text
    assert "record 10" not in text
    assert "and 15 more" in text
    assert "2  unfinished" in text


def test_an_early_end_and_outages_are_said() -> None:
    tally = Tally()
    tally.observe(Outage("aep", began=True, detail=""), DeliverySettings())
    tally.observe(Outage("aep", began=False, detail=""), DeliverySettings())
    text = summary(run(tally=tally, stopped_by=INTERRUPTED))
    assert "Ended early: Ctrl-C." in text
    assert "1  outages of aep" in text


def test_the_result_is_plain() -> None:
    found = result(run())
    assert found.keys() >= CONTRACT
    assert (found["requests"], found["events_per_second"], found["requests_filled"]) == (3, 5, 0.0)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C as on a terminal; what runs in the background of a shell may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def insist() -> None:
    """Beside other threads Python may call the handler a moment later."""
    signal.raise_signal(signal.SIGINT)
    for _ in range(1_000):
        time.sleep(0.01)


@pytest.mark.usefixtures("interrupts")
def test_the_first_ctrl_c_asks_and_the_second_insists() -> None:
    with interruptible() as interrupted:
        assert not interrupted.is_set()
        signal.raise_signal(signal.SIGINT)
        assert interrupted.wait(10)
        with pytest.raises(KeyboardInterrupt):
            insist()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_progress_on_a_terminal_and_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = Snapshot(10, 20, 8, 30, 2, 1, 4, 5, 3.0)
    terminal = Console(file=StringIO(), force_terminal=True, width=100)
    screen = display_for(terminal)
    assert isinstance(screen, Screen)
    screen.show(snapshot)
    screen.close()
    assert isinstance(terminal.file, StringIO)
    assert "messages refused for now" in terminal.file.getvalue()
    lines = display_for(Console(file=StringIO()))
    assert isinstance(lines, Lines)
    lines.show(snapshot)
    assert "10 of 20 events produced, 8 settled" in capsys.readouterr().out


def test_progress_is_paced(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    taken = Counter[str]()

    def take() -> Snapshot:
        taken["snapshots"] += 1
        return Snapshot.take(Tally(), 0, 1, 0.0)

    paced = Paced(Lines(), lambda: now[0])
    for _ in range(5):
        paced.show(take)
    now[0] = Lines.interval
    paced.show(take)
    assert taken["snapshots"] == 2
    paced.finish(take())
    assert len(capsys.readouterr().out.splitlines()) == 3
