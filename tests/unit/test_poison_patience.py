"""How long AEP may fail on one message until that is called poison: the product's own numbers, by a clock of ours."""

from __future__ import annotations

import pytest

from processor.model import DeadLetter, Reason
from tests.desk import Desk, event, names

BAD = "bad"


def refuse(desk: Desk, *, times: int, every: float, others: bool = True, whole: bool = False) -> list[DeadLetter]:
    """AEP refuses one message so many times, at these intervals, `whole`: with its request; others may pass."""
    desk.put(b"k", event(BAD))
    refused = 0
    for turn in range(1_000):
        if others:
            desk.put(f"{turn}".encode(), event(f"good {turn}"))
        for request in desk.send():
            if BAD not in names(request):
                desk.accept(request)
            elif whole:
                desk.land(request, 500)
            else:
                desk.verdicts(request, *(503 if name == BAD else None for name in names(request)))
            if names(request) == [BAD] or (BAD in names(request) and not whole):
                refused += 1
        if refused >= times:
            return desk.letters()
        desk.later(every)
    raise AssertionError("it was not sent again")


@pytest.mark.parametrize("whole", [False, True])
def test_ten_refusals_over_a_minute_are_poison(whole: bool) -> None:  # noqa: FBT001 - a parameter of the test
    (letter,) = refuse(Desk(random=lambda: 0.0), times=10, every=7.0, whole=whole)
    assert letter.refusal.reason is Reason.POISON
    assert letter.refusal.attempts == 10


def test_ten_refusals_within_a_minute_are_not() -> None:
    assert refuse(Desk(random=lambda: 0.0), times=10, every=6.0) == []


def test_nine_refusals_are_not_however_long_they_take() -> None:
    assert refuse(Desk(random=lambda: 0.0), times=9, every=100.0) == []


def test_while_nothing_else_passes_it_is_no_poison() -> None:
    assert refuse(Desk(random=lambda: 0.0), times=40, every=60.0, others=False) == []
