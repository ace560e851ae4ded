"""One message that AEP fails on for ever: it becomes a dead letter, and all others arrive.

The workers here have a short minute (`tests/plugins/impatient.py`); ten refusals they need like any other.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import pytest

from processor.simulator.capillary import Generator, Sent
from tests.plugins.audit import audit
from tests.plugins.scene import Scene, event_id_of, headers_of, value_of
from tests.plugins.workers import IMPATIENT, WorkerProcess, wait_until

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(120)]

Entity = Mapping[str, object]
Start = Callable[..., WorkerProcess]

TEN_TIMES = 10
STREAM = 400  # events before the one that nobody can take; as many follow as it takes


def poison_of(kind: str, events: Sequence[Sent]) -> tuple[Sent, Callable[[Entity], bool]]:
    """The event that holds the message, and what tells that message from all others."""
    if kind == "event":
        victim = events[len(events) // 2]
        return victim, lambda entity: event_id_of(entity) == victim.record["eventId"]
    victim = next(sent for sent in events if sent.event == "customerAdded")
    address = re.search(rb"[a-z0-9.]+@[a-z0-9.]+", value_of(victim))
    assert address is not None
    return victim, lambda entity: entity.get("personalEmail") == {"address": address[0].decode()}


def deliver_around(stage: Scene, worker: WorkerProcess, traffic: Iterator[Sent]) -> None:
    """Keeps others coming, whose successes tell poison from an outage, until the dead letter is acknowledged."""

    def lettered() -> bool:
        stage.produce(islice(traffic, 10))
        time.sleep(0.2)
        return worker.metric("dead_letters_acknowledged_total") > 0

    wait_until(lettered, "the dead letter")
    stage.produce(islice(traffic, 50))
    stage.read_back()
    stage.wait_until_drained()
    assert worker.stop() == 0


@pytest.mark.parametrize("way", ["the request fails", "its item fails"])
@pytest.mark.parametrize("kind", ["event", "profile"])
def test_a_message_that_aep_fails_on_for_ever(
    scene: Callable[..., Scene], start_worker: Start, way: str, kind: str
) -> None:
    stage = scene(partitions=2)
    # without later writes of an address the one of its customer's first event is the only one
    traffic = (sent for sent in Generator(1, 40).records(100_000) if sent.event != "customerUpdated")
    first = list(islice(traffic, STREAM))
    victim, poisonous = poison_of(kind, first)
    if way == "the request fails":
        stage.stand_in.faults.poison(poisonous)
    else:
        stage.stand_in.refuses = lambda entity: 503 if poisonous(entity) else 0
    stage.produce(first)
    worker = start_worker(stage.settings(DELIVERY__MAX_BATCH_MESSAGES="200"), program=IMPATIENT)
    deliver_around(stage, worker, traffic)

    letters = [headers_of(letter) for letter in stage.letters()]
    assert len(letters) == 1
    letter = letters[0]
    assert (letter["reason"], letter["stage"], letter["event"]) == ("poison", "deliver", victim.event)
    assert letter["outputs"] == ("events" if kind == "event" else "profile-email")
    assert letter["status"] == ("500" if way == "the request fails" else "503")
    assert int(letter["attempts"]) >= TEN_TIMES
    assert "while others passed" in letter["detail"]
    report = audit(stage.evidence())
    assert report.ok, str(report)
