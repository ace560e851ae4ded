from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.model import Facts, TopicPartition
from processor.partitions.start import Gap, StartPolicy
from processor.starts import ASK_TIMEOUT, GaveUpError, find_starts

PARTITIONS = [TopicPartition("t", number) for number in range(4)]
EARLIEST = StartPolicy("earliest", {"t": 4})
SINCE = StartPolicy(1_700_000_000_000, {"t": 4})
NEW = Facts(None, "", 10, 50, None)
COMMITTED = Facts(20, "", 10, 50, None)


@dataclass
class Kafka:
    """Answers from a list for each partition, the last of them for ever; a text is no answer."""

    facts: Mapping[TopicPartition, list[Facts | str]]
    times: list[int | str] = field(default_factory=list)
    asked: list[list[TopicPartition]] = field(default_factory=list)
    timeouts: set[float] = field(default_factory=set)

    def ask(self, partitions: Iterable[TopicPartition], timeout: float) -> Mapping[TopicPartition, Facts | str]:
        """One batched question."""
        self.asked.append(list(partitions))
        self.timeouts.add(timeout)
        return {one: self.facts[one].pop(0) if len(self.facts[one]) > 1 else self.facts[one][0] for one in partitions}

    def offsets_for_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int, timeout: float
    ) -> Mapping[TopicPartition, int | str]:
        """Of one partition."""
        assert timestamp_ms == SINCE.default
        self.timeouts.add(timeout)
        (partition,) = partitions
        return {partition: self.times.pop(0)}


def find(kafka: Kafka, policy: StartPolicy = EARLIEST, partitions: list[TopicPartition] = PARTITIONS, tries: int = 9):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """`meanwhile` allows so many tries more."""
    left = iter([True] * tries)
    return find_starts(kafka, policy, partitions, meanwhile=lambda: next(left, False))  # type: ignore[arg-type]


@given(silent=st.lists(st.integers(0, 5), min_size=4, max_size=4))
def test_who_has_not_answered_is_asked_again_and_who_has_is_not(silent: list[int]) -> None:
    kafka = Kafka({one: [*["timed out"] * times, COMMITTED] for one, times in zip(PARTITIONS, silent, strict=True)})
    found = find(kafka)
    assert {one: start.offset for one, start in found.items()} == dict.fromkeys(PARTITIONS, 20)
    for number, asked in enumerate(kafka.asked):
        assert asked == [one for one, times in zip(PARTITIONS, silent, strict=True) if times >= number]
    assert kafka.timeouts == {ASK_TIMEOUT}, "each try has a timeout of its own"


@given(tries=st.integers(0, 5), default=st.sampled_from(["earliest", "latest", SINCE.default]))
def test_without_an_answer_it_gives_up_and_never_falls_back_to_the_configured_start(
    tries: int, default: str | int
) -> None:
    kafka = Kafka({PARTITIONS[0]: [COMMITTED], PARTITIONS[1]: ["timed out"]})
    with pytest.raises(GaveUpError, match="where to start t:1"):
        find(kafka, StartPolicy(default, {"t": 4}), PARTITIONS[:2], tries)
    assert len(kafka.asked) == tries + 1


def test_a_gap_stands_at_its_end_so_that_nothing_is_fetched() -> None:
    kafka = Kafka({PARTITIONS[0]: [Facts(3, "", 10, 50, None)]})
    (found,) = find(kafka, partitions=PARTITIONS[:1]).values()
    assert (found.start, found.offset) == (Gap("below low", 3, 10, 3), 50)


@pytest.mark.parametrize(("answer", "offset"), [(33, 33), (-1, 50)])
def test_a_configured_time_is_the_first_offset_at_or_after_it_else_the_end(answer: int, offset: int) -> None:
    kafka = Kafka({PARTITIONS[0]: [NEW]}, times=[answer])
    (found,) = find(kafka, SINCE, PARTITIONS[:1]).values()
    assert found.offset == offset


def test_a_time_without_an_answer_is_asked_again() -> None:
    kafka = Kafka({PARTITIONS[0]: [NEW]}, times=["timed out", 33])
    (found,) = find(kafka, SINCE, PARTITIONS[:1]).values()
    assert (found.offset, len(kafka.asked)) == (33, 2)


def test_nothing_assigned_is_nothing_asked() -> None:
    kafka = Kafka({})
    assert find(kafka, partitions=[]) == {}
    assert kafka.asked == []
