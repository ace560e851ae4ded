"""Where to start reading a partition. Every answer is one of: here, a gap, not known yet.

librdkafka's own `auto.offset.reset` is never used: with `earliest` it skips deleted records without an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from processor.model import Facts, TopicPartition

METADATA_VERSION = 1


class Start(NamedTuple):
    """Read from here; `why` for the log."""

    offset: int
    why: str


class Gap(NamedTuple):
    """Records that we should have read are gone. Lost is [`begin`, `end`), an unknown end is None.

    `committed` is where the group stands. It names the gap, because it stays while the partition is stopped; the end of
    the log, where a gap above it begins, moves with every record that somebody produces.
    """

    kind: str
    begin: int
    end: int | None
    committed: int

    def remedy(self, partition: TopicPartition) -> str:
        """The argument that accepts exactly this gap."""
        return f"--accept-gap {partition}@{self.committed}"


class AskTime(NamedTuple):
    """The configured start is a time: which offset is that?"""

    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class StartPolicy:
    """How a partition without a committed offset starts, and which gaps somebody has accepted.

    `default` is "earliest", "latest" or a timestamp in milliseconds. `counts` is how many partitions each topic had
    when this process started, of all topics that it may read: what was added later, a partition or a whole topic,
    begins at its beginning, whatever `default` says.
    """

    default: str | int = "earliest"
    counts: dict[str, int] = field(default_factory=dict)
    accepted: frozenset[tuple[TopicPartition, int]] = frozenset()

    def resolve(self, partition: TopicPartition, facts: Facts) -> Start | Gap | AskTime:
        """Decides from the group's committed offset and the log's bounds."""
        if facts.committed is None:
            return self._uncommitted(partition, facts)
        gap = _gap(facts.committed, facts)
        if gap is None:
            return Start(facts.committed, "committed")
        if (partition, gap.committed) in self.accepted:
            return Start(facts.low, "gap accepted")
        return gap

    def _uncommitted(self, partition: TopicPartition, facts: Facts) -> Start | AskTime:
        if partition.partition >= self.counts.get(partition.topic, 0):
            return Start(facts.low, "new partition")
        if self.default == "earliest":
            return Start(facts.low, "earliest")
        if self.default == "latest":
            return Start(facts.high, "latest")
        return AskTime(int(self.default))


def _gap(committed: int, facts: Facts) -> Gap | None:
    recorded = topic_id_of(facts.metadata)
    if recorded and facts.topic_id and recorded != facts.topic_id:
        return Gap("another topic", committed, None, committed)
    if committed < facts.low:
        return Gap("below low", committed, facts.low, committed)
    if committed > facts.high:
        return Gap("above high", facts.high, committed, committed)
    return None


def metadata_for(topic_id: str | None) -> str:
    """What is committed beside an offset: the version of this format and the topic's id, nothing else."""
    return json.dumps({"v": METADATA_VERSION, **({"topic": topic_id} if topic_id else {})}, separators=(",", ":"))


def topic_id_of(metadata: str) -> str | None:
    """The topic id in committed metadata; None where there is none, or where somebody else wrote it."""
    try:
        document = json.loads(metadata)
    except (ValueError, RecursionError):  # somebody else's metadata may be anything
        return None
    topic = document.get("topic") if isinstance(document, dict) and document.get("v") == METADATA_VERSION else None
    return topic if isinstance(topic, str) else None
