"""Asks Kafka where partitions start, and insists on an answer: a guess would skip records or read them all again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from processor.edges import Source
from processor.model import Facts, TopicPartition
from processor.partitions.start import AskTime, Gap, Start, StartPolicy

ASK_TIMEOUT = 5.0  # seconds for one question


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


def _ask(source: Source, policy: StartPolicy, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Found]:
    found: dict[TopicPartition, Found] = {}
    for partition, facts in source.ask(partitions, ASK_TIMEOUT).items():
        if isinstance(facts, str):
            continue
        start = policy.resolve(partition, facts)
        if isinstance(start, AskTime):
            offset = source.offsets_for_time([partition], start.timestamp_ms, ASK_TIMEOUT)[partition]
            if isinstance(offset, str):
                continue
            start = Start(facts.high if offset < 0 else offset, "configured time")
        found[partition] = Found(start, facts)
    return found
