"""How long a token lives, when the next one is asked for, and what is said about it."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.aep.token_state import (
    Granted,
    ImsAnswer,
    Refused,
    TokenState,
    Unavailable,
    life_seconds,
    renew_after,
    usable,
)

NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000


def jwt(claims: object) -> str:
    """A token that says so."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{part}.c2ln"


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (86_399, 86_399.0),
        (86_399_994, 86_399.994),
        (3_599, 3_599.0),
        ("86399", 86_399.0),
        (2, 2.0),
        (1_000_000, 604_800.0),
        (1_000_001, 1_000.001),
        (None, 3_600.0),
        (0, 3_600.0),
        (-1, 3_600.0),
        (True, 3_600.0),
        ("soon", 3_600.0),
        (float("nan"), 3_600.0),
        (float("inf"), 3_600.0),
        ([86_399], 3_600.0),
        (10**400, 3_600.0),
    ],
)
def test_the_unit_shows_in_the_size(expires_in: object, seconds: float) -> None:
    """Both units that Adobe uses, and an hour where nothing usable is said."""
    assert life_seconds("opaque", expires_in, NOW_MS) == seconds


@pytest.mark.parametrize(
    ("claims", "seconds"),
    [
        ({"created_at": str(NOW_MS), "expires_in": str(DAY_MS)}, 86_400.0),
        ({"created_at": NOW_MS, "expires_in": DAY_MS}, 86_400.0),
        ({"created_at": str(NOW_MS), "expires_in": "2000"}, 2.0),
        ({"created_at": str(NOW_MS - 1_000_000), "expires_in": str(DAY_MS)}, 85_400.0),  # made a while ago
        ({"created_at": str(NOW_MS + 60_000), "expires_in": str(DAY_MS)}, 86_400.0),  # our clock is behind
        ({"created_at": str(NOW_MS), "expires_in": str(8 * DAY_MS)}, 3_599.0),  # implausible: too long
        ({"created_at": str(NOW_MS - 2 * DAY_MS), "expires_in": str(DAY_MS)}, 3_599.0),  # implausible: over
        ({"created_at": "yesterday", "expires_in": str(DAY_MS)}, 3_599.0),
        ({"expires_in": str(DAY_MS)}, 3_599.0),
        (["no", "object"], 3_599.0),
    ],
)
def test_the_tokens_own_claims_come_first(claims: object, seconds: float) -> None:
    """Where they are plausible; else what the reply says."""
    assert life_seconds(jwt(claims), 3_599, NOW_MS) == seconds


@given(st.text() | st.binary().map(lambda b: f"a.{base64.urlsafe_b64encode(b).decode()}.c"), st.integers() | st.text())
def test_any_token_and_any_number_give_a_life_of_at_most_a_week(token: str, expires_in: object) -> None:
    assert 0 < life_seconds(token, expires_in, NOW_MS) <= 7 * 86_400


@given(st.floats(0.001, 7 * 86_400), st.floats(0, 1))
def test_renewal_comes_before_the_end(life: float, chance: float) -> None:
    """While the token can still be used, but not before nearly half of its life."""
    assert 0.47 * life <= renew_after(life, chance) < usable(life) <= life


def test_a_days_token_is_renewed_at_80_percent_and_an_hours_5_minutes_before_the_end_of_12() -> None:
    assert renew_after(86_400, 0) == pytest.approx(69_120)
    assert renew_after(1_200, 0) == pytest.approx(900)
    assert renew_after(2, 0) == pytest.approx(1)
    assert renew_after(86_400, 1) == pytest.approx(0.95 * 69_120)


def granted(life: float = 1_000.0, now: float = 0.0) -> TokenState:
    """A state with one token."""
    return TokenState().after(Granted("value", life), now, 0)


def test_at_first_there_is_nothing_and_ims_is_asked_at_once() -> None:
    state = TokenState()
    assert state.next_question(-1) < 0
    assert state.status(0, -1) == (0, False, None, None)


def test_a_token_is_numbered_and_ready() -> None:
    state = granted()
    assert state.status(0, -1) == (1, True, None, None)
    token = state.usable_token(0, -1)
    assert token is not None
    assert (token.value, token.number) == ("value", 1)
    assert state.next_question(-1) == renew_after(1_000, 0)


def test_a_token_that_lives_for_no_time_is_no_reason_to_storm_ims() -> None:
    assert granted(life=0.001).next_question(-1) == 0.2


def test_a_failed_renewal_is_no_outage_while_the_token_lives() -> None:
    state = granted().after(Unavailable("IMS: HTTP 503"), 700, 0)
    assert state.status(700, -1).ready
    assert state.status(995, -1) == (1, False, "IMS: HTTP 503", None)
    assert 700 < state.next_question(-1) < 701


def test_a_refused_renewal_counts_when_the_token_is_dead() -> None:
    """Credentials may have been exchanged under a token that still works."""
    state = granted().after(Refused("check AEP__CLIENT_ID"), 700, 0)
    assert state.status(700, -1).ready
    assert state.status(995, -1) == (1, False, None, "check AEP__CLIENT_ID")
    assert state.status(700, rejected=1) == (1, False, None, "check AEP__CLIENT_ID")


def test_a_rejected_token_is_replaced_at_once_and_not_handed_out() -> None:
    state = granted()
    assert state.next_question(1) == 0.2
    assert state.usable_token(0, rejected=1) is None
    assert state.status(0, rejected=1) == (1, False, None, None)
    newer = state.after(Granted("newer", 1_000), 1, 0)
    assert newer.status(1, rejected=1) == (2, True, None, None)
    assert newer.next_question(1) > 500


def test_the_wait_doubles_up_to_a_minute_and_never_undercuts_retry_after() -> None:
    state, waits = TokenState(), []
    for _ in range(10):
        state = state.after(Unavailable("out"), 0, 1)
        waits.append(state.next_question(-1))
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert TokenState().after(Unavailable("busy", retry_after=30), 0, 0).next_question(-1) == 30
    assert state.after(Unavailable("busy", retry_after=1), 0, 1).next_question(-1) == 60


answers = st.one_of(
    st.builds(Granted, st.just("v"), st.floats(0.1, 1e5)),
    st.just(Refused("no")),
    st.builds(Unavailable, st.just("out"), st.none() | st.floats(0, 300)),
)


@given(st.lists(st.tuples(answers, st.floats(0, 1e4), st.floats(0, 1)), max_size=30))
def test_any_history_keeps_number_and_status_in_step(history: list[tuple[ImsAnswer, float, float]]) -> None:
    """Numbers count tokens, and exactly one thing is said: ready, failing, refused, or nothing yet."""
    state, now = TokenState(), 0.0
    for count, (answer, pause, chance) in enumerate(history, 1):
        now += pause
        state = state.after(answer, now, chance)
        status = state.status(now, -1)
        assert status.number == sum(isinstance(each[0], Granted) for each in history[:count])
        assert sum((status.ready, status.failing is not None, status.refused is not None)) == 1
        assert status.ready == (state.usable_token(now, -1) is not None)
        assert state.next_question(-1) > now


def test_no_value_in_any_repr() -> None:
    state = TokenState().after(Granted("s3cret", 100), 0, 0)
    assert "s3cret" not in f"{state!r} {state.token!r} {Granted('s3cret', 1)!r} {state.status(0, -1)!r}"
