"""Writers' schemas from a schema registry, asked by a thread of its own.

A registry that is away is an outage, waited out without limit. A schema id that a healthy registry does not know may be
news that a replica does not have yet, so it is asked for a while longer; then it is nobody's, its records are poison.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from processor.kafka.backoff import pause
from processor.model import FetchedSchema

log = logging.getLogger(__name__)

GRACE = 60.0  # seconds from the first "unknown" of a healthy registry until we believe it
ASK_AGAIN = 60.0  # seconds at least between questions for an id that is believed unknown
ASK_DURING_GRACE = 5.0  # seconds
REQUEST_TIMEOUT = 10  # seconds, of each wait inside one request
_IDLE = 3_600.0  # seconds; a want wakes the thread


class UnknownSchemaError(Exception):
    """A healthy registry said that it does not know this id."""


class Lookup(Protocol):
    """Puts one question to a registry; used by one thread."""

    def __call__(self, schema_id: int) -> str:
        """The self-contained schema. Raises UnknownSchemaError; whatever else it raises is an outage."""

    def close(self) -> None:
        """Closes its connections."""


@dataclass(slots=True)
class _Question:
    due: float
    unknown_since: float | None = None
    wanted: bool = True


class Questions:
    """Which id to ask for next, and what an answer means. No input, no output, no clock; not shared between threads."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._open: dict[int, _Question] = {}
        self._unknown: dict[int, float] = {}  # id -> when it was last asked for
        self._tries = 0  # failures in a row
        self._not_before = 0.0  # an outage stops all questions
        self.failing: str | None = None

    def want(self, schema_id: int, now: float) -> FetchedSchema | None:
        """Somebody waits for this id. Returns the answer if it is known to be unknown."""
        asked_at = self._unknown.get(schema_id)
        if asked_at is None:
            self._open.setdefault(schema_id, _Question(due=now))
            return None
        if now - asked_at >= ASK_AGAIN:
            self._open.setdefault(schema_id, _Question(due=now, wanted=False))
        return FetchedSchema(schema_id, None)

    def next(self, now: float) -> int | None:
        """The id to ask for, if one is due."""
        if now < self._not_before:
            return None
        due = [(question.due, schema_id) for schema_id, question in self._open.items() if question.due <= now]
        return min(due)[1] if due else None

    def wake_at(self) -> float | None:
        """When the next question is due; None when there is none."""
        if not self._open:
            return None
        return max(self._not_before, min(question.due for question in self._open.values()))

    def found(self, schema_id: int, schema: str) -> FetchedSchema:
        """The registry knows it."""
        self._healthy()
        self._open.pop(schema_id, None)
        self._unknown.pop(schema_id, None)
        return FetchedSchema(schema_id, schema)

    def unknown(self, schema_id: int, now: float) -> FetchedSchema | None:
        """The registry is well and does not know it. Returns the answer once that is believed and somebody waits."""
        self._healthy()
        question = self._open[schema_id]
        since = question.unknown_since = now if question.unknown_since is None else question.unknown_since
        if schema_id not in self._unknown and now - since < GRACE:
            question.due = min(now + ASK_DURING_GRACE, since + GRACE)
            return None
        del self._open[schema_id]
        self._unknown[schema_id] = now
        return FetchedSchema(schema_id, None) if question.wanted else None

    def failed(self, schema_id: int, detail: str, now: float) -> None:
        """No answer that says anything about the id: an outage. Other ids come first at the next try."""
        self._tries += 1
        self._not_before = self._open[schema_id].due = now + pause(self._tries, self._jitter)
        self.failing = detail

    def _healthy(self) -> None:
        self._tries, self._not_before, self.failing = 0, 0.0, None


class SchemaFetcher:
    """Asks a registry, in its own thread, for the ids that the loop wants. All methods but `close` return at once.

    `lookup` is `RegistryLookup` outside of tests; `clock` is monotonic, in seconds; `jitter` gives numbers in [0, 1).
    """

    remedy = "register the schema, or let the producer use the registry that REGISTRY__URL names"

    def __init__(
        self,
        lookup: Lookup,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._lookup, self._clock = lookup, clock
        self._questions = Questions(jitter)  # guarded by the condition
        self._changed = threading.Condition()
        self._arrived: deque[FetchedSchema] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="schema-registry", daemon=True)
        self._thread.start()

    def want(self, schema_id: int) -> None:
        """Asks for a writer's schema, which comes out of `arrived`; asking twice is asking once."""
        with self._changed:
            answer = self._questions.want(schema_id, self._clock())
            if answer is not None:
                self._arrived.append(answer)
            self._changed.notify()

    def arrived(self) -> list[FetchedSchema]:
        """What came since the last call; a schema of None is nobody's."""
        schemas = []
        while self._arrived:
            schemas.append(self._arrived.popleft())
        return schemas

    def failing(self) -> str | None:
        """Why the registry gives no answers at present; None when it does, or was not asked."""
        return self._questions.failing

    def close(self, timeout: float = REQUEST_TIMEOUT) -> None:
        """Ends the thread, once a request that is under way is over; waits for that up to `timeout` seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            schema_id = self._wait_for_question()
            if schema_id is None:
                break
            self._ask(schema_id)
        self._lookup.close()

    def _wait_for_question(self) -> int | None:
        with self._changed:
            while not self._stopping:
                now = self._clock()
                schema_id = self._questions.next(now)
                if schema_id is not None:
                    return schema_id
                wake_at = self._questions.wake_at()
                self._changed.wait(_IDLE if wake_at is None else max(0.0, wake_at - now))
        return None

    def _ask(self, schema_id: int) -> None:
        try:
            schema = self._lookup(schema_id)
        except UnknownSchemaError:
            with self._changed:
                answer = self._questions.unknown(schema_id, self._clock())
        except Exception as error:  # noqa: BLE001 - transport errors of two HTTP libraries, bad JSON, 5xx: all mean later
            detail = f"schema registry, schema {schema_id}: {type(error).__name__}: {error}"
            log.warning("%s", detail)
            with self._changed:
                self._questions.failed(schema_id, detail, self._clock())
            return
        else:
            with self._changed:
                answer = self._questions.found(schema_id, schema)
        if answer is not None:
            self._arrived.append(answer)


class NoRegistry:
    """Stands where no registry is configured: every id is unknown at once."""

    remedy = "set REGISTRY__URL, or let the producer write Avro single-object encoding of a schema in schemas/capillary"

    def __init__(self) -> None:
        self._arrived: list[FetchedSchema] = []

    def want(self, schema_id: int) -> None:
        """Nobody knows it."""
        self._arrived.append(FetchedSchema(schema_id, None))

    def arrived(self) -> list[FetchedSchema]:
        """The ids that were wanted since the last call, each without a schema."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def failing(self) -> str | None:
        """Nothing can fail."""
        return None

    def close(self, timeout: float = 0.0) -> None:
        """Nothing runs."""
