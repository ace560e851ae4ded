"""Facts become metrics, lines and a state of health; no secret and no payload gets out on the way."""

from __future__ import annotations

import io
import json
import logging
import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import structlog
from structlog.testing import CapturingLogger

from processor import events
from processor.health import HealthState
from processor.model import Halt, HaltKind, Reason, Refusal, Stage, TopicPartition
from processor.telemetry import METRICS, MOST_NAMES, Sparing, Telemetry, configure_logging, reference

ROOT = Path(__file__).parents[2]
P0, P1 = TopicPartition("capillary.events", 0), TopicPartition("capillary.events", 1)
REFUSAL = Refusal(Reason.UNMAPPABLE, Stage.TRANSLATE, "data.amount is missing")
FACTS: tuple[events.Event, ...] = (
    events.Assigned(P0, 1, 40, "committed"),
    events.Assigned(P1, 2, 0, "earliest"),
    events.GapFound(P1, "below low", 3, 9, "--accept-gap capillary.events:1@3"),
    events.Intake(
        5, 2000, {"pointsIssued": 3, "customerAdded": 2}, {("tombstone", ""): 1, ("withheld", "profile-email"): 2},
        {"currencyCode:pattern": 4},
    ),
    events.Landed(7, 12, 9000, 9, 1, 1, 1, 207, "verdicts", 0.25, "batch-1", probe=False),
    events.Landed(8, 3, 700, 0, 0, 0, 3, None, "unavailable", 15.0, "", probe=True),
    events.LetterSent(P0, 41, "pointsIssued", ("events",), REFUSAL),
    events.LetterAcknowledged(P0, 41),
    events.Outage("aep", began=True, detail="3 answers failed, the last 503"),
    events.Committed(P0, 42),
    events.CommitRefused(P0, "REBALANCE_IN_PROGRESS"),
    events.FlowChanged(P0, ("window", "bytes")),
    events.SourceFault("1/1 brokers are down"),
    events.Halted(Halt(HaltKind.FLOOD, "21 of 100")),
    events.Gauges(2, 17, 4096, 3, 2, 30, 1.5),
    events.Released(TopicPartition("capillary.events", 2), 3, lost=False, settled=True, open_records=0, seconds=0.1),
    events.Gauges(2, 17, 4096, 3, 2, 30, 1.5),
    events.Stopped(clean=True, open_records=0, seconds=0.2),
)  # fmt: skip


class World:
    """A clock, captured lines and what listens."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines = CapturingLogger()
        log = structlog.wrap_logger(self.lines, processors=[], wrapper_class=structlog.make_filtering_bound_logger(20))
        self.telemetry = Telemetry(lambda: self.now, log)

    def observe(self, *facts: events.Event) -> None:
        for fact in facts:
            self.telemetry.observe(fact)

    def said(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Level, line and fields."""
        calls = [(call.method_name, dict(call.kwargs)) for call in self.lines.calls]
        return [(level, fields.pop("event"), fields) for level, fields in calls]

    def metric(self, series: str) -> float | None:
        """The value of one series, as Prometheus would read it."""
        text = self.telemetry.exposition().decode()
        found = re.search(rf"^capillary_aep_{re.escape(series)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    @property
    def health(self) -> HealthState:
        return self.telemetry.health


@pytest.fixture
def world() -> World:
    return World()


def test_every_fact_of_the_loop_is_listened_to(world: World) -> None:
    assert {type(fact) for fact in FACTS} == set(get_args(events.Event))
    world.observe(*FACTS)


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ('records_total{event="pointsIssued"}', 3),
        ("received_bytes_total", 2000),
        ('skipped_total{rule="withheld",to="profile-email"}', 2),
        ('skipped_total{rule="tombstone",to=""}', 1),
        ('dropped_values_total{note="currencyCode:pattern"}', 4),
        ('messages_total{outcome="accepted"}', 9),
        ('messages_total{outcome="superseded"}', 1),
        ('messages_total{outcome="refused"}', 1),
        ('messages_total{outcome="again"}', 4),
        ('requests_total{outcome="verdicts",status="207"}', 1),
        ('requests_total{outcome="unavailable",status=""}', 1),
        ("request_seconds_sum", 15.25),
        ("request_bytes_count", 2),
        ('request_messages_bucket{le="10.0"}', 1),
        ('dead_letters_total{event="pointsIssued",reason="unmappable",stage="translate"}', 1),
        ("dead_letters_acknowledged_total", 1),
        ('committed_offset{partition="0",topic="capillary.events"}', 42),
        ("commits_refused_total", 1),
        ("assigned_partitions", 2),
        ('assignments_total{why="committed"}', 1),
        ("gap_partitions", 1),
        ('paused_partitions{reason="window"}', 1),
        ("kafka_faults_total", 1),
        ('outage{what="aep"}', 1),
        ('outages_total{what="aep"}', 1),
        ('halted{kind="flood"}', 1),
        ("open_records", 17),
        ("window_records", 30),
        ("held_bytes", 4096),
        ("in_flight_requests", 3),
        ("waiting_retries", 2),
        ("oldest_open_seconds", 1.5),
        ('build_info{version="0.1.0"}', 1),
    ],
)
def test_metrics(world: World, series: str, value: float) -> None:
    world.observe(*FACTS)
    assert world.metric(series) == value


def test_every_metric_is_exposed_and_documented(world: World) -> None:
    """Paste the output of `python -c 'from processor.telemetry import *; print(reference())'` when the docs differ."""
    world.observe(*FACTS, events.Released(P1, 2, lost=True, settled=False, open_records=3, seconds=0.0))
    exposed = set(re.findall(r"^# TYPE (capillary_aep_\S+) ", world.telemetry.exposition().decode(), re.MULTILINE))
    assert exposed == {spec.full_name for spec in METRICS}
    assert reference().strip() in (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert "_created" not in world.telemetry.exposition().decode()


def test_metrics_that_the_docs_mention_exist() -> None:
    names = {spec.full_name for spec in METRICS}
    for path in (ROOT / "docs").rglob("*.md"):
        assert set(re.findall(r"capillary_aep_[a-z_]+[a-z]", path.read_text(encoding="utf-8"))) <= names, path


def test_one_line_per_attempt_and_none_per_record(world: World) -> None:
    world.observe(*FACTS)
    assert [(level, line) for level, line, _ in world.said()] == [
        ("info", "partition assigned"),
        ("info", "partition assigned"),
        ("error", "records are gone: partition stopped"),
        ("info", "request landed"),
        ("warning", "request landed"),
        ("warning", "dead letter"),
        ("warning", "outage began"),
        ("warning", "commit refused"),
        ("warning", "kafka reports"),
        ("critical", "halted"),
        ("info", "partition released"),
        ("info", "stopped"),
    ]
    landed = world.said()[3][2]
    assert landed == {
        "outcome": "verdicts", "status": 207, "messages": 12, "bytes": 9000,
        "accepted": 9, "superseded": 1, "refused": 1, "again": 1,
        "seconds": 0.25, "batch_id": "batch-1", "ticket": 7, "probe": False,
    }  # fmt: skip


def test_a_partition_that_leaves_takes_its_state_along(world: World) -> None:
    world.observe(
        events.Assigned(P0, 1, 40, "committed"),
        events.Committed(P0, 42),
        events.FlowChanged(P0, ("window",)),
        events.FlowChanged(P1, ("window",)),
        events.GapFound(P0, "above high", 40, None, "--accept-gap capillary.events:0@40"),
    )
    assert (world.metric('paused_partitions{reason="window"}'), world.metric("gap_partitions")) == (2, 1)
    world.observe(events.Released(P0, 1, lost=True, settled=False, open_records=3, seconds=0.0))
    assert world.said()[-1][:2] == ("warning", "partition lost")
    assert world.health.gaps == {}
    assert (world.metric('paused_partitions{reason="window"}'), world.metric("gap_partitions")) == (1, 0)
    assert world.metric('committed_offset{partition="0",topic="capillary.events"}') is None
    world.observe(
        events.FlowChanged(P1, ()), events.Released(P1, 2, lost=False, settled=True, open_records=0, seconds=0.1)
    )
    assert world.said()[-1][:2] == ("info", "partition released")
    assert world.metric('paused_partitions{reason="window"}') == 0


def test_health_follows_the_facts(world: World) -> None:
    world.telemetry.alive(5.0)
    world.observe(events.SourceFault("down"))
    assert world.health == HealthState(last_turn=5.0, source_fault=(1000.0, "down"))
    world.observe(events.Assigned(P0, 1, 40, "committed"), events.Outage("registry", began=True, detail="refused"))
    assert world.health == HealthState(last_turn=5.0, partitions=1, outages={"registry": "refused"})
    world.observe(FACTS[4], events.Outage("registry", began=False, detail=""), events.Gauges(4, 1, 1, 1, 1, 1, 9.0))
    assert world.health == HealthState(last_turn=1000.0, partitions=4, oldest_open_seconds=9.0, last_progress=1000.0)
    world.observe(events.Halted(Halt(HaltKind.CONFIGURATION, "404 from the inlet")))
    assert world.health.halted == "configuration: 404 from the inlet"
    world.observe(events.Stopped(clean=False, open_records=1, seconds=20.0))
    assert world.health.stopped


def test_a_retry_is_no_progress(world: World) -> None:
    world.observe(FACTS[5])
    assert world.health.last_progress is None
    world.observe(events.LetterAcknowledged(P0, 41))
    assert world.health.last_progress == 1000.0


def test_a_heartbeat_is_cheap(world: World) -> None:
    world.telemetry.alive(5.0)
    before = world.health
    world.telemetry.alive(5.4)
    assert world.health is before
    world.telemetry.alive(5.5)
    assert world.health.last_turn == 5.5


def test_dead_letters_are_said_once_a_minute_for_each_reason(world: World) -> None:
    letter, other = FACTS[6], events.LetterSent(P0, 9, "x", (), Refusal(Reason.POISON, Stage.DELIVER, "500", 500, 10))
    for _ in range(30):
        world.observe(letter)
    world.observe(other)
    world.now += 60
    world.observe(letter)
    said = [(fields["reason"], fields["kept_back"]) for _, _, fields in world.said()]
    assert said == [("unmappable", 0), ("poison", 0), ("unmappable", 29)]
    assert world.metric('dead_letters_total{event="pointsIssued",reason="unmappable",stage="translate"}') == 31


def test_what_is_remembered_of_lines_is_bounded() -> None:
    now = 0.0
    sparing = Sparing(lambda: now)
    for number in range(10 * MOST_NAMES):
        now += 1
        assert sparing.kept_back(str(number)) == 0
    assert len(sparing._kinds) <= MOST_NAMES


def test_event_names_are_bounded(world: World) -> None:
    """Whoever writes to the topic chooses them."""
    for number in range(MOST_NAMES + 50):
        world.observe(events.Intake(1, 1, {f"event{number}": 1}, {}, {}))
    world.observe(events.Intake(1, 1, {"event0": 1}, {}, {}))
    assert world.metric('records_total{event="other"}') == 50
    assert world.metric('records_total{event="event0"}') == 2


def test_an_intake_costs_little(world: World) -> None:
    """At most once per poll: 500 records and more under load. Generous, because test machines are slow."""
    fact = FACTS[3]
    began = time.process_time()
    for _ in range(1000):
        world.telemetry.observe(fact)
    assert (time.process_time() - began) / 1000 < 0.0005


# ---- the log ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Puts back what is configured for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_of_ours_and_of_libraries() -> None:
    stream = io.StringIO()
    configure_logging(None, stream)
    structlog.get_logger("capillary-aep").info("request landed", messages=3)
    logging.getLogger("librdkafka").warning("broker %s is down", "b1")
    ours, theirs = map(json.loads, stream.getvalue().splitlines())
    assert (ours.pop("timestamp")[-1], theirs.pop("timestamp")[-1]) == ("Z", "Z")
    assert ours == {"event": "request landed", "level": "info", "logger": "capillary-aep", "messages": 3}
    assert theirs == {"event": "broker b1 is down", "level": "warning", "logger": "librdkafka"}


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore.connection", "httpx2", "httpcore2.http11", "urllib3.connectionpool"]
)
def test_libraries_that_print_headers_are_quiet(name: str) -> None:
    stream = io.StringIO()
    configure_logging("json", stream)
    logging.getLogger(name).info("Authorization: Bearer abc")
    logging.getLogger(name).debug("Authorization: Bearer abc")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("log_format", "stream", "console"),
    [
        (None, Terminal(), True),
        (None, io.StringIO(), False),
        ("console", io.StringIO(), True),
        ("json", Terminal(), False),
    ],
)
def test_the_format_follows_the_stream(log_format: Any, stream: io.StringIO, console: bool) -> None:  # noqa: FBT001
    configure_logging(log_format, stream)
    structlog.get_logger("x").info("line", key="value")
    text = stream.getvalue()
    assert ("\x1b[" in text) == (console and stream.isatty())
    assert text.startswith("{") is not console


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_tracebacks_show_no_local_variables(log_format: Any) -> None:
    """By default structlog prints them, and a record's payload would be one."""
    stream = io.StringIO()
    configure_logging(log_format, stream)

    def fail() -> None:
        payload = "SENSITIVE".lower()  # not as it stands in the source, which a traceback may show
        raise LookupError(f"no such {len(payload)}")

    try:
        fail()
    except LookupError:
        structlog.get_logger("x").exception("ours")
        logging.getLogger("library").exception("theirs")
    assert stream.getvalue().count("no such 9") == 2
    assert "sensitive" not in stream.getvalue()


def test_configuring_twice_says_nothing_twice() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging("json", first)
    configure_logging("json", second)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        structlog.get_logger("x").warning("once")
    assert (first.getvalue(), len(second.getvalue().splitlines())) == ("", 1)
