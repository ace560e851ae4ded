from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.backoff import Backoff
from processor.delivery.throttle import OUT_AFTER, Throttle


def throttle(rate: float | None = None) -> Throttle:
    return Throttle(Backoff(lambda: 1.0, base=2.0, cap=60.0), max_in_flight=4, rate=rate)


def test_three_failed_answers_with_no_success_between_are_an_outage() -> None:
    valve = throttle()
    assert [valve.failed(1.0) for _ in range(4)] == [False, False, True, False]
    assert valve.out


def test_a_success_between_starts_the_count_again() -> None:
    valve = throttle()
    for _ in range(5):
        valve.failed(1.0)
        valve.failed(1.0)
        assert not valve.succeeded()
    assert not valve.out


def test_in_an_outage_there_is_one_probe_at_a_time_spaced_by_the_backoff_and_the_first_success_ends_it() -> None:
    valve = throttle()
    for _ in range(OUT_AFTER):
        valve.failed(1.0)
    assert (valve.slots(1.0, 1), valve.slots(1.0, 0)) == (0, 1)
    valve.failed(1.0, probe=True)
    assert (valve.slots(2.9, 0), valve.slots(3.0, 0)) == (0, 1)
    valve.failed(3.0, probe=True)
    assert (valve.slots(6.9, 0), valve.slots(7.0, 0)) == (0, 1)
    assert valve.succeeded()
    assert valve.slots(7.0, 0) == 4
    assert not valve.succeeded()


def test_answers_to_what_was_sent_before_the_outage_do_not_lengthen_the_wait() -> None:
    valve = throttle()
    for _ in range(10):
        valve.failed(1.0)
    assert valve.slots(1.0, 0) == 1


def test_retry_after_holds_for_all_sending_and_a_shorter_one_does_not_shorten_it() -> None:
    valve = throttle()
    valve.hold(31.0)
    valve.hold(5.0)
    assert (valve.slots(30.9, 0), valve.slots(31.0, 0)) == (0, 4)
    assert valve.opens_at == 31.0


@given(
    rate=st.floats(1, 10_000),
    wishes=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 1000)), min_size=1, max_size=60),
)
def test_over_any_stretch_no_more_than_the_rate_and_one_request_is_sent(
    rate: float, wishes: list[tuple[float, int]]
) -> None:
    valve, now = throttle(rate), 0.0
    started: list[tuple[float, int]] = []
    for wait, messages in wishes:
        now += wait
        if valve.slots(now, 0):
            valve.started(now, messages)
            started.append((now, messages))
    for first, (begin, _) in enumerate(started):
        sent = 0
        for end, messages in started[first:]:
            assert sent <= rate * (end - begin) * (1 + 1e-9) + 1e-6
            sent += messages


def test_an_idle_time_is_not_saved_up() -> None:
    valve = throttle(rate=10.0)
    valve.started(1000.0, 20)
    assert (valve.slots(1001.9, 0), valve.slots(1002.0, 0)) == (0, 4)
