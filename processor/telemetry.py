"""Listens to the loop: its facts become metrics, log lines and the state that the health port shows.

One line per attempt at AEP and one per change of state, never one per record; no payload and no secret is in a fact, so
none is in a line. `observe` runs on the loop's thread and does no input or output but writing the line.
"""

from __future__ import annotations

import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger, Processor

from processor import __version__, events
from processor.health import HealthState
from processor.model import TopicPartition

NAMESPACE = "capillary_aep"
HEARTBEAT = 0.5  # seconds; a finer one would cost more than it tells
QUIET = 60.0  # seconds in which a line of the same kind is not repeated
MOST_NAMES = 200  # event names are the senders' to choose; metrics must not grow with them
LOUD_LIBRARIES = ("httpx", "httpcore", "httpx2", "httpcore2", "urllib3")
"""Below WARNING they print headers and URLs. The registry's client brings its own, with a 2 in the name."""


# ---- metrics ---------------------------------------------------------------------------------------------------------


class Spec(NamedTuple):
    """One metric; docs/metrics.md is made of these."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str  # without the namespace, and without `_total` of a counter
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus shows it."""
        return f"{NAMESPACE}_{self.name}{'_total' if self.kind == 'counter' else ''}"


RECORDS = Spec("counter", "records", "Records received and translated, by event name.", ("event",))
RECEIVED = Spec("counter", "received_bytes", "Bytes of keys, values and headers received.")
SKIPPED = Spec("counter", "skipped", "Records (`to` is empty) and outputs not sent, by rule.", ("rule", "to"))
DROPPED = Spec("counter", "dropped_values", "Values dropped as untrusted, by field and reason.", ("note",))
MESSAGES = Spec("counter", "messages", "Messages by what one attempt made of them: accepted, superseded, refused "
                "(for good), again (sent again later).", ("outcome",))  # fmt: skip
REQUESTS = Spec("counter", "requests", "Attempts at AEP, by outcome and HTTP status (empty: no answer).",
                ("outcome", "status"))  # fmt: skip
REQUEST_SECONDS = Spec("histogram", "request_seconds", "Duration of an attempt.", (),
                       (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30))  # fmt: skip
REQUEST_BYTES = Spec("histogram", "request_bytes", "Size of a request's body; full is `DELIVERY__MAX_BATCH_BYTES`.", (),
                     (1e3, 1e4, 1e5, 2.5e5, 5e5, 7.5e5, 9.5e5, 1e6))  # fmt: skip
REQUEST_MESSAGES = Spec("histogram", "request_messages", "Messages of a request; full is "
                        "`DELIVERY__MAX_BATCH_MESSAGES`.", (), (1, 10, 50, 100, 250, 500, 750, 950, 1000))  # fmt: skip
LETTERS = Spec("counter", "dead_letters", "Dead letters handed to the producer.", ("reason", "stage", "event"))
LETTERS_ACKNOWLEDGED = Spec("counter", "dead_letters_acknowledged", "Dead letters that all in-sync replicas have.")
COMMITTED = Spec("gauge", "committed_offset", "The offset that the group's coordinator acknowledged.",
                 ("topic", "partition"))  # fmt: skip
COMMITS_REFUSED = Spec("counter", "commits_refused", "Commits that the coordinator refused; the next one carries them.")
ASSIGNED = Spec("gauge", "assigned_partitions", "Partitions that this worker has.")
ASSIGNMENTS = Spec("counter", "assignments", "Partitions taken up, by how their start was found.", ("why",))
RELEASES = Spec("counter", "releases", "Partitions that left, by whether they were lost.", ("lost",))
GAPS = Spec("gauge", "gap_partitions", "Partitions that are stopped because records are gone.")
PAUSED = Spec("gauge", "paused_partitions", "Partitions that are paused, by reason.", ("reason",))
FAULTS = Spec("counter", "kafka_faults", "Errors that Kafka reported and that did not end the process.")
OUTAGE = Spec("gauge", "outage", "1 while it is out: aep, ims, registry, dead letters.", ("what",))
OUTAGES = Spec("counter", "outages", "Outages that began.", ("what",))
HALTED = Spec("gauge", "halted", "1 when delivery stopped for good.", ("kind",))
OPEN = Spec("gauge", "open_records", "Records received and not settled.")
WINDOW = Spec("gauge", "window_records", "Records received and not committed: what a crash would repeat.")
HELD = Spec("gauge", "held_bytes", "Bytes of records and messages held.")
IN_FLIGHT = Spec("gauge", "in_flight_requests", "Requests on the wire.")
RETRIES = Spec("gauge", "waiting_retries", "Requests and messages that wait to be sent again.")
OLDEST = Spec("gauge", "oldest_open_seconds", "Age of the oldest record that waits in a lane.")
BUILD = Spec("gauge", "build_info", "1, with the version.", ("version",))

METRICS: tuple[Spec, ...] = (
    RECORDS, RECEIVED, SKIPPED, DROPPED,
    MESSAGES, REQUESTS, REQUEST_SECONDS, REQUEST_BYTES, REQUEST_MESSAGES,
    LETTERS, LETTERS_ACKNOWLEDGED,
    COMMITTED, COMMITS_REFUSED, ASSIGNED, ASSIGNMENTS, RELEASES, GAPS, PAUSED, FAULTS,
    OUTAGE, OUTAGES, HALTED,
    OPEN, WINDOW, HELD, IN_FLIGHT, RETRIES, OLDEST, BUILD,
)  # fmt: skip


def reference() -> str:
    """All metrics as a Markdown table: docs/metrics.md holds it, and a test compares."""
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for spec in METRICS:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        rows.append(f"| `{spec.full_name}` | {spec.kind} | {labels} | {spec.meaning} |")
    return "\n".join(rows) + "\n"


class Metrics:
    """The metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {spec: Counter(*self._of(spec)) for spec in METRICS if spec.kind == "counter"}
        self._gauges = {spec: Gauge(*self._of(spec)) for spec in METRICS if spec.kind == "gauge"}
        self._histograms = {
            spec: Histogram(*self._of(spec), buckets=spec.buckets) for spec in METRICS if spec.kind == "histogram"
        }
        ProcessCollector(registry=self.registry)
        self.set(BUILD, 1, __version__)

    def _of(self, spec: Spec) -> tuple[str, str, tuple[str, ...], str, str, str, CollectorRegistry]:
        return spec.name, spec.meaning, spec.labels, NAMESPACE, "", "", self.registry

    def add(self, spec: Spec, amount: float, *labels: str) -> None:
        """Counts."""
        if amount:
            counter = self._counters[spec]
            (counter.labels(*labels) if labels else counter).inc(amount)

    def set(self, spec: Spec, value: float, *labels: str) -> None:
        """Sets a gauge."""
        gauge = self._gauges[spec]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def take(self, spec: Spec, value: float) -> None:
        """Puts a value into a histogram."""
        self._histograms[spec].observe(value)

    def remove(self, spec: Spec, *labels: str) -> None:
        """Forgets one series of a gauge."""
        self._gauges[spec].remove(*labels)

    def exposition(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(_WithoutCreated(self.registry))


class _WithoutCreated(Collector):
    """Leaves out the `_created` series, which double the number of series and which nobody asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


# ---- what is said and what is not ------------------------------------------------------------------------------------


class Sparing:
    """Lets one line of each kind through per `QUIET`, and counts the others."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}  # kind -> when it was last said, how often kept back since

    def kept_back(self, kind: str) -> int | None:
        """How many were kept back since the last; None when this one is kept back too."""
        now = self._clock()
        last, count = self._kinds.get(kind, (-QUIET, 0))
        if now - last < QUIET:
            self._kinds[kind] = (last, count + 1)
            return None
        if len(self._kinds) >= MOST_NAMES:
            self._kinds = {name: entry for name, entry in self._kinds.items() if now - entry[0] < QUIET}
        self._kinds[kind] = (now, 0)
        return count


class Telemetry:
    """Give `observe` to the loop and call `alive` once per turn; `health` and `exposition` are for the health port.

    Both methods are the loop's thread's. `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float], log: FilteringBoundLogger) -> None:
        self.health = HealthState()  # swapped as a whole, so that another thread may read it
        self._clock, self._log = clock, log
        self._metrics = Metrics()
        self._sparing = Sparing(clock)
        self._event_names: set[str] = set()
        self._pauses: dict[TopicPartition, tuple[str, ...]] = {}
        self._pause_reasons: set[str] = set()
        self._handlers: Mapping[type, Callable[[Any], None]] = {
            events.Assigned: self._assigned,
            events.Released: self._released,
            events.GapFound: self._gap_found,
            events.Intake: self._intake,
            events.Landed: self._landed,
            events.LetterSent: self._letter_sent,
            events.LetterAcknowledged: self._letter_acknowledged,
            events.Outage: self._outage,
            events.Committed: self._committed,
            events.CommitRefused: self._commit_refused,
            events.FlowChanged: self._flow_changed,
            events.SourceFault: self._source_fault,
            events.Halted: self._halted,
            events.Gauges: self._gauges,
            events.Stopped: self._stopped,
        }

    def observe(self, event: events.Event) -> None:
        """Takes a fact in."""
        self._handlers[type(event)](event)

    def alive(self, now: float) -> None:
        """The loop turned; `now` is the clock's."""
        last = self.health.last_turn
        if last is None or now - last >= HEARTBEAT:
            self.health = replace(self.health, last_turn=now)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return self._metrics.exposition()

    # ---- partitions --------------------------------------------------------------------------------------------------

    def _assigned(self, event: events.Assigned) -> None:
        self._metrics.add(ASSIGNMENTS, 1, event.why)
        self.health = replace(self.health, partitions=self.health.partitions + 1, source_fault=None)
        self._metrics.set(ASSIGNED, self.health.partitions)
        self._log.info(
            "partition assigned", partition=str(event.partition), start=event.start, why=event.why, epoch=event.epoch
        )

    def _released(self, event: events.Released) -> None:
        self._metrics.add(RELEASES, 1, str(event.lost).lower())
        self._pauses.pop(event.partition, None)
        self._count_pauses()
        self._metrics.remove(COMMITTED, *_labels(event.partition))
        self._forget(event.partition)
        (self._log.info if event.settled and not event.lost else self._log.warning)(
            "partition lost" if event.lost else "partition released",
            partition=str(event.partition),
            settled=event.settled,
            open_records=event.open_records,
            seconds=_rounded(event.seconds),
            epoch=event.epoch,
        )

    def _forget(self, partition: TopicPartition) -> None:
        gaps = {other: remedy for other, remedy in self.health.gaps.items() if other != partition}
        self.health = replace(self.health, partitions=max(0, self.health.partitions - 1), gaps=gaps)
        self._metrics.set(ASSIGNED, self.health.partitions)
        self._metrics.set(GAPS, len(gaps))

    def _gap_found(self, event: events.GapFound) -> None:
        self.health = replace(self.health, gaps={**self.health.gaps, event.partition: event.remedy})
        self._metrics.set(GAPS, len(self.health.gaps))
        self._log.error(
            "records are gone: partition stopped",
            partition=str(event.partition),
            kind=event.kind,
            begin=event.begin,
            end=event.end,
            remedy=event.remedy,
        )

    def _flow_changed(self, event: events.FlowChanged) -> None:
        if event.reasons:
            self._pauses[event.partition] = event.reasons
        else:
            self._pauses.pop(event.partition, None)
        self._count_pauses()

    def _count_pauses(self) -> None:
        counts = Tally(reason for reasons in self._pauses.values() for reason in reasons)
        self._pause_reasons |= counts.keys()
        for reason in self._pause_reasons:
            self._metrics.set(PAUSED, counts[reason], reason)

    def _committed(self, event: events.Committed) -> None:
        self._metrics.set(COMMITTED, event.offset, *_labels(event.partition))

    def _commit_refused(self, event: events.CommitRefused) -> None:
        self._metrics.add(COMMITS_REFUSED, 1)
        self._sparingly("commit refused", event.detail, partition=str(event.partition), detail=event.detail)

    def _source_fault(self, event: events.SourceFault) -> None:
        self._metrics.add(FAULTS, 1)
        self.health = replace(self.health, source_fault=(self._clock(), event.detail))
        self._sparingly("kafka reports", event.detail, detail=event.detail)

    # ---- records and requests ----------------------------------------------------------------------------------------

    def _intake(self, event: events.Intake) -> None:
        add = self._metrics.add
        add(RECEIVED, event.size)
        for name, count in event.events.items():
            add(RECORDS, count, self._event_name(name))
        for (rule, to), count in event.skips.items():
            add(SKIPPED, count, rule, to)
        for note, count in event.notes.items():
            add(DROPPED, count, note)

    def _event_name(self, name: str) -> str:
        if name not in self._event_names:
            if len(self._event_names) >= MOST_NAMES:
                return "other"
            self._event_names.add(name)
        return name

    def _progressed(self) -> None:
        last, now = self.health.last_progress, self._clock()
        if last is None or now - last >= HEARTBEAT:
            self.health = replace(self.health, last_progress=now)

    def _landed(self, event: events.Landed) -> None:
        if event.accepted:
            self._progressed()
        metrics, status = self._metrics, "" if event.status is None else str(event.status)
        metrics.add(REQUESTS, 1, event.outcome, status)
        metrics.take(REQUEST_SECONDS, event.seconds)
        metrics.take(REQUEST_BYTES, event.size)
        metrics.take(REQUEST_MESSAGES, event.messages)
        for outcome in ("accepted", "superseded", "refused", "again"):
            metrics.add(MESSAGES, getattr(event, outcome), outcome)
        (self._log.info if event.outcome == "verdicts" else self._log.warning)(
            "request landed",
            outcome=event.outcome,
            status=event.status,
            messages=event.messages,
            bytes=event.size,
            accepted=event.accepted,
            superseded=event.superseded,
            refused=event.refused,
            again=event.again,
            seconds=_rounded(event.seconds),
            batch_id=event.batch_id,
            ticket=event.ticket,
            probe=event.probe,
        )

    def _letter_sent(self, event: events.LetterSent) -> None:
        refusal = event.refusal
        name = self._event_name(event.event)
        self._metrics.add(LETTERS, 1, refusal.reason.value, refusal.stage.value, name)
        self._sparingly(
            "dead letter",
            refusal.reason.value,
            reason=refusal.reason.value,
            stage=refusal.stage.value,
            event_name=name,
            outputs=list(event.outputs),
            partition=str(event.partition),
            offset=event.offset,
            status=refusal.status,
            attempts=refusal.attempts,
            detail=refusal.detail,
        )

    def _letter_acknowledged(self, event: events.LetterAcknowledged) -> None:
        del event  # that it came is all
        self._progressed()
        self._metrics.add(LETTERS_ACKNOWLEDGED, 1)

    # ---- the whole ---------------------------------------------------------------------------------------------------

    def _outage(self, event: events.Outage) -> None:
        outages = {what: detail for what, detail in self.health.outages.items() if what != event.what}
        self._metrics.set(OUTAGE, event.began, event.what)
        if event.began:
            outages[event.what] = event.detail
            self._metrics.add(OUTAGES, 1, event.what)
            self._log.warning("outage began", what=event.what, detail=event.detail)
        else:
            self._log.info("outage ended", what=event.what, detail=event.detail)
        self.health = replace(self.health, outages=outages)

    def _halted(self, event: events.Halted) -> None:
        kind = event.halt.kind.value
        self._metrics.set(HALTED, 1, kind)
        self.health = replace(self.health, halted=f"{kind}: {event.halt.detail}")
        self._log.critical("halted", kind=kind, detail=event.halt.detail)

    def _gauges(self, event: events.Gauges) -> None:
        self.alive(self._clock())  # inside a rebalance callback there is no turn, but this
        self.health = replace(self.health, partitions=event.partitions, oldest_open_seconds=event.oldest_open_seconds)
        for spec, value in (
            (ASSIGNED, event.partitions),
            (OPEN, event.open_records),
            (WINDOW, event.window_records),
            (HELD, event.held_bytes),
            (IN_FLIGHT, event.in_flight),
            (RETRIES, event.waiting_retries),
            (OLDEST, event.oldest_open_seconds),
        ):
            self._metrics.set(spec, value)

    def _stopped(self, event: events.Stopped) -> None:
        self.health = replace(self.health, stopped=True)
        self._log.info("stopped", clean=event.clean, open_records=event.open_records, seconds=_rounded(event.seconds))

    def _sparingly(self, line: str, kind: str, **fields: object) -> None:
        kept_back = self._sparing.kept_back(f"{line}: {kind}")
        if kept_back is not None:
            self._log.warning(line, **fields, kept_back=kept_back)


def _labels(partition: TopicPartition) -> tuple[str, str]:
    return partition.topic, str(partition.partition)


def _rounded(seconds: float) -> float:
    return round(seconds, 3)


# ---- the log ---------------------------------------------------------------------------------------------------------


def configure_logging(log_format: Literal["console", "json"] | None, stream: TextIO) -> None:
    """Sends our lines and those of libraries to `stream`; None chooses console on a terminal and JSON elsewhere.

    Tracebacks come without the values of local variables, among which there would be payloads and secrets.
    """
    console = log_format == "console" or (log_format is None and stream.isatty())
    shared: tuple[Processor, ...] = (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=(structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(console, stream)),
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name in LOUD_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


def _renderers(console: bool, stream: TextIO) -> Iterable[Processor]:  # noqa: FBT001
    if console:
        plain = structlog.dev.plain_traceback  # the default one prints local variables
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
