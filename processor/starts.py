"""Asks Kafka where partitions start, and insists on an answer: a guess would skip records or read them all again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from processor.edges import Source
from processor.model import Facts, TopicPartition
from processor.partitions.start import AskTime, Gap, Start, StartPolicy

ASK_TIMEOUT = 5.0  # seconds for one question
END = -1  # in place of an offset: the end of the log, wherever that is


class GaveUpError(Exception):
    """Kafka gave no answer that could be relied on; a restart is right."""


class Found(NamedTuple):
    """Where a partition starts, or the gap that it stops at, and what that was decided from."""

    start: Start | Gap
    facts: Facts

    @property
    def offset(self) -> int:
        """Where to read from. A partition that is stopped at a gap stands at its end, so that nothing is fetched."""
        return self.facts.high if isinstance(self.start, Gap) else self.start.offset


def find_starts(
    source: Source, policy: StartPolicy, partitions: Sequence[TopicPartition], *, meanwhile: Callable[[], bool]
) -> Mapping[TopicPartition, Found]:
    """Asks until every partition has its answer. `meanwhile` runs the loop on between tries, and says when to give up.

    Raises GaveUpError, and never falls back to the configured start, when Kafka does not answer.
    """
    found: dict[TopicPartition, Found] = {}
    missing = list(partitions)
    while missing:
        found.update(_ask(source, policy, missing))
        missing = [partition for partition in partitions if partition not in found]
        if missing and not meanwhile():
            raise GaveUpError(f"no answer from Kafka about where to start {missing[0]}")
    return found


def find_gap(source: Source, policy: StartPolicy, partition: TopicPartition, position: int) -> Gap:
    """What is gone, once Kafka said that `position` is out of the log; of unknown size where it does not say more."""
    facts = source.ask([partition], ASK_TIMEOUT)[partition]
    found = None if isinstance(facts, str) else policy.resolve(partition, facts)
    return found if isinstance(found, Gap) else Gap("position out of the log", position, None, position)


def _ask(source: Source, policy: StartPolicy, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Found]:
    found: dict[TopicPartition, Found] = {}
    at_time: dict[TopicPartition, Facts] = {}
    timestamp_ms = 0
    for partition, facts in source.ask(partitions, ASK_TIMEOUT).items():
        if isinstance(facts, str):
            continue
        start = policy.resolve(partition, facts)
        if isinstance(start, AskTime):
            at_time[partition], timestamp_ms = facts, start.timestamp_ms
        else:
            found[partition] = Found(start, facts)
    if at_time:  # all in one question: each by itself could wait its time out
        for partition, offset in source.offsets_for_time(at_time, timestamp_ms, ASK_TIMEOUT).items():
            if not isinstance(offset, str):
                facts = at_time[partition]
                found[partition] = Found(Start(facts.high if offset < 0 else offset, "configured time"), facts)
    return found
