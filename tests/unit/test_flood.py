from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from processor.delivery.flood import LEAST, RATIO, WINDOW, Flood


def naive(history: list[tuple[str, bool]]) -> bool:
    """Whether the last record of a history, a dead one, makes it a flood."""
    event, _ = history[-1]
    for looked_at in (history, [one for one in history if one[0] == event]):
        last = looked_at[-WINDOW:]
        dead = sum(died for _, died in last)
        if dead >= LEAST and dead > RATIO * len(last):
            return True
    return False


def test_nineteen_dead_letters_are_no_flood_and_the_twentieth_is() -> None:
    flood = Flood()
    assert [flood.died("a") is not None for _ in range(20)] == [False] * 19 + [True]


def test_a_fifth_is_not_over_twenty_percent() -> None:
    flood = Flood()
    found = [flood.died("a") if number % 5 == 4 else flood.passed("a") for number in range(2000)]
    assert not any(found)


def test_one_event_type_is_looked_at_alone() -> None:
    flood = Flood()
    for _ in range(900):
        flood.passed("good")
    found = [flood.died("broken") for _ in range(20)]
    assert found[-1] == "20 of the last 20 broken records became dead letters"
    assert not any(found[:-1])


def test_records_without_an_event_name_count_once() -> None:
    flood = Flood()
    assert [flood.died("") is not None for _ in range(20)] == [False] * 19 + [True]


def test_deaths_more_than_a_thousand_records_ago_are_forgotten() -> None:
    flood = Flood()
    for _ in range(19):
        flood.died("a")
    for _ in range(1000):
        flood.passed("a")
    assert not any(flood.died("a") for _ in range(19))


@given(
    runs=st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.booleans(), st.integers(1, 300)), max_size=12),
)
@settings(max_examples=40, deadline=None)
def test_it_counts_like_somebody_who_keeps_everything(runs: list[tuple[str, bool, int]]) -> None:
    flood = Flood()
    history: list[tuple[str, bool]] = []
    for event, dies, times in runs:
        for _ in range(times):
            history.append((event, dies))
            if dies:
                assert (flood.died(event) is not None) == naive(history)
            else:
                flood.passed(event)
