from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.model import Facts, TopicPartition
from processor.partitions.start import AskTime, Gap, Start, StartPolicy, metadata_for, topic_id_of

P = TopicPartition("capillary.events", 1)
COUNTS = {"capillary.events": 3}


def facts(
    committed: int | None, low: int = 10, high: int = 50, *, was: str | None = "A", topic: str | None = "A"
) -> Facts:
    return Facts(committed, metadata_for(was) if committed is not None else "", low, high, topic)


@pytest.mark.parametrize("committed", [10, 11, 49, 50])
def test_a_committed_offset_in_range_of_the_same_topic_is_where_we_start(committed: int) -> None:
    assert StartPolicy(counts=COUNTS).resolve(P, facts(committed)) == Start(committed, "committed")


@pytest.mark.parametrize(
    ("default", "start"),
    [
        ("earliest", Start(10, "earliest")),
        ("latest", Start(50, "latest")),
        (1_700_000_000_000, AskTime(1_700_000_000_000)),
    ],
)
def test_without_a_committed_offset_the_setting_decides(default: str | int, start: Start | AskTime) -> None:
    assert StartPolicy(default, COUNTS).resolve(P, facts(None)) == start


@pytest.mark.parametrize("default", ["earliest", "latest", 1_700_000_000_000])
@pytest.mark.parametrize("partition", [TopicPartition("capillary.events", 3), TopicPartition("came later", 0)])
def test_what_was_added_while_we_ran_begins_at_its_beginning(default: str | int, partition: TopicPartition) -> None:
    assert StartPolicy(default, COUNTS).resolve(partition, facts(None)) == Start(10, "new partition")


def test_below_low_is_a_gap_of_what_retention_took() -> None:
    assert StartPolicy().resolve(P, facts(4)) == Gap("below low", 4, 10, 4)


def test_above_high_is_a_gap_that_begins_at_the_end_of_the_log() -> None:
    assert StartPolicy().resolve(P, facts(60)) == Gap("above high", 50, 60, 60)


def test_another_topic_of_that_name_is_a_gap_even_where_the_offset_would_fit() -> None:
    assert StartPolicy().resolve(P, facts(20, topic="B")) == Gap("another topic", 20, None, 20)


@pytest.mark.parametrize(("was", "topic"), [(None, "A"), ("A", None), (None, None)])
def test_where_a_topic_id_is_missing_nothing_is_concluded_from_it(was: str | None, topic: str | None) -> None:
    assert StartPolicy().resolve(P, facts(20, was=was, topic=topic)) == Start(20, "committed")


def test_an_accepted_gap_starts_at_low() -> None:
    policy = StartPolicy(accepted=frozenset({(P, 4)}))
    assert policy.resolve(P, facts(4)) == Start(10, "gap accepted")


@pytest.mark.parametrize("accepted", [(P, 3), (P, 5), (TopicPartition("capillary.events", 2), 4)])
def test_only_the_gap_at_which_the_group_stands_there_is_accepted(accepted: tuple[TopicPartition, int]) -> None:
    policy = StartPolicy(accepted=frozenset({accepted}))
    assert isinstance(policy.resolve(P, facts(4)), Gap)


def test_a_gap_above_the_log_can_be_accepted_although_the_log_grows_meanwhile() -> None:
    reported = StartPolicy().resolve(P, facts(60))
    assert isinstance(reported, Gap)
    assert reported.remedy(P) == f"--accept-gap {P}@60"
    grown = facts(60)._replace(high=55)
    assert StartPolicy(accepted=frozenset({(P, 60)})).resolve(P, grown) == Start(10, "gap accepted")


def test_the_remedy_names_the_argument_that_accepts_exactly_this_gap() -> None:
    assert Gap("below low", 4, 10, 4).remedy(P) == "--accept-gap capillary.events:1@4"


@given(
    committed=st.none() | st.integers(0, 100),
    low=st.integers(0, 100),
    length=st.integers(0, 100),
    default=st.sampled_from(["earliest", "latest"]),
    known=st.integers(0, 3),
    topic=st.sampled_from([None, "A", "B"]),
)
def test_a_start_always_lies_in_the_log_and_a_committed_one_is_never_moved_silently(
    committed: int | None, low: int, length: int, default: str, known: int, topic: str | None
) -> None:
    found = StartPolicy(default, {P.topic: known}).resolve(P, facts(committed, low, low + length, topic=topic))
    if isinstance(found, Start):
        assert low <= found.offset <= low + length
        assert committed is None or found.offset == committed
    else:
        assert isinstance(found, Gap)
        assert committed is not None


@given(st.none() | st.text(min_size=1, max_size=40))
def test_the_topic_id_comes_back_out_of_the_metadata(topic_id: str | None) -> None:
    assert topic_id_of(metadata_for(topic_id)) == topic_id


@given(
    st.text(max_size=60)
    | st.sampled_from(["[" * 4000, "{}", "null", '{"v":2,"topic":"A"}', '{"v":1,"topic":7}', '"x"'])
)
def test_metadata_of_somebody_else_says_nothing(metadata: str) -> None:
    assert topic_id_of(metadata) is None
