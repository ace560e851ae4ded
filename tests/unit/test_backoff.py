from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.backoff import Backoff

fractions = st.floats(0, 1, exclude_max=True)


@given(fraction=fractions, failures=st.integers(1, 10**9), base=st.floats(0.001, 10), cap=st.floats(0.001, 600))
def test_a_wait_lies_between_zero_and_the_doubled_base_and_never_above_the_cap(
    fraction: float, failures: int, base: float, cap: float
) -> None:
    delay = Backoff(lambda: fraction, base, cap).delay(failures)
    assert 0 <= delay <= cap
    assert delay <= base * 2.0 ** min(failures - 1, 1000)


def test_it_doubles_up_to_the_cap() -> None:
    backoff = Backoff(lambda: 0.5, base=1.0, cap=10.0)
    assert [backoff.delay(failures) for failures in (1, 2, 3, 4, 5, 6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_full_jitter_spreads_over_the_whole_range() -> None:
    draws = iter([0.0, 0.25, 0.999])
    backoff = Backoff(lambda: next(draws), base=4.0)
    assert [round(backoff.delay(1), 2) for _ in range(3)] == [0.0, 1.0, 4.0]
