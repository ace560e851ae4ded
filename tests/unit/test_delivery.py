"""Delivery's rules with their numbers, each named after its line of the design."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.delivery import Policy
from processor.events import Landed, Outage
from processor.model import Answer, Failure, HaltKind, Reason, Request, TokenStatus
from tests.desk import BALANCE, REFUSED, TIER, Desk, event, names, profile

POLICY = Policy(linger=0.0, max_in_flight=4)
REFUSED_FOR_NOW = ({"status": 429}, {"status": 500}, {"status": 503}, {"failure": Failure.NO_CONNECTION})
UNKNOWN = ({"failure": Failure.TIMEOUT}, {"failure": Failure.BROKEN}, {"status": 207, "body": b"{"})
SHORT = b'{"responses": []}'


def beside(desk: Desk) -> None:
    """Another message comes and is accepted."""
    desk.put(b"other", event("other"))
    (request,) = [request for request in desk.send() if names(request) == ["other"]]
    desk.accept(request)


def outages(desk: Desk) -> list[bool]:
    return [news.began for news in desk.delivery.take_news() if isinstance(news, Outage)]


# ---- "not JSON, not the shape, cut off, or no answer: the same batch again after backoff" ---------------------------


@pytest.mark.parametrize("answer", [*REFUSED_FOR_NOW, *UNKNOWN, {"failure": Failure.NOT_SENT}])
def test_the_same_batch_goes_again(answer: dict[str, object]) -> None:
    desk = Desk(POLICY)
    desk.put(b"a", event("1"), profile("2"))
    desk.put(b"b", event("3"))
    request = desk.one()
    desk.land(request, **answer)  # type: ignore[arg-type]
    desk.later(1000.0)
    assert names(desk.one()) == names(request)


def test_an_attempt_that_was_not_made_goes_again_at_once_and_is_no_failure() -> None:
    desk = Desk(POLICY)
    desk.put(b"a", event("1"))
    for _ in range(10):
        desk.fail(desk.one(), Failure.NOT_SENT)
    assert outages(desk) == []


# ---- "split in halves, between lanes where possible, down to single messages" ---------------------------------------


@given(
    keys=st.lists(st.integers(0, 9), min_size=1, max_size=16),
    answer=st.sampled_from([{"status": 413}, {"status": 400}, {"status": 422}, {"status": 207, "body": SHORT}]),
)
def test_what_cannot_be_taken_whole_goes_down_to_single_messages_in_order_per_key(
    keys: list[int], answer: dict[str, object]
) -> None:
    desk = Desk(POLICY)
    for number, key in enumerate(keys):
        desk.put(b"%d" % key, event(f"{number}"))
    alone: list[int] = []
    while requests := desk.send():
        for request in requests:
            if len(request.messages) > 1:
                desk.land(request, **answer)  # type: ignore[arg-type]
            else:
                alone.append(int(names(request)[0]))
                desk.accept(request)
    assert sorted(alone) == list(range(len(keys)))
    for key in set(keys):
        assert [n for n in alone if keys[n] == key] == [n for n, other in enumerate(keys) if other == key]
    assert desk.open_records == 0


@pytest.mark.parametrize(("status", "reason"), [(400, Reason.REFUSED), (422, Reason.REFUSED), (413, Reason.TOO_LARGE)])
def test_a_single_message_that_is_refused_whole_is_a_dead_letter(status: int, reason: Reason) -> None:
    desk = Desk(POLICY)
    desk.put(b"a", event("1"))
    desk.land(desk.one(), status)
    (letter,) = desk.letters()
    assert (letter.refusal.reason, letter.refusal.status, letter.outputs) == (reason, status, ("events",))
    assert desk.open_records == 1
    desk.delivery.letter_acknowledged(letter.ticket)
    assert desk.open_records == 0


@given(beside=st.integers(0, 6))
def test_one_message_still_unattributable_after_5_tries_halts(beside: int) -> None:
    desk = Desk(POLICY)
    bad = desk.put(b"bad", event("bad"))
    for number in range(beside):
        desk.put(b"%d" % number, event(f"{number}"))
    tries = 0
    while desk.delivery.halt is None:
        for request in desk.send():
            if "bad" not in names(request):
                desk.accept(request)
                continue
            tries += len(request.messages) == 1
            desk.land(request, 207, body=SHORT)
        desk.later(1000.0)
    assert tries == 5
    assert desk.delivery.halt.kind is HaltKind.UNATTRIBUTABLE
    assert bad.open, "it may have been accepted; nobody knows"


# ---- "AEP is out when the last 3 answers failed and none succeeded since" -------------------------------------------


@given(
    answers=st.lists(st.sampled_from([*REFUSED_FOR_NOW, *UNKNOWN]), min_size=3, max_size=3),
    keys=st.integers(2, 6),
    jitter=st.sampled_from([0.0, 0.5]),  # without a wait only their turns tell lanes apart
)
def test_in_an_outage_one_probe_at_a_time_each_time_another_lane(
    answers: list[dict[str, object]], keys: int, jitter: float
) -> None:
    desk = Desk(Policy(linger=0.0, max_in_flight=4, max_messages=2), lanes=64, random=lambda: jitter)
    lanes = {}
    for number in range(3 * keys):
        lanes[f"{number}"] = desk.put(b"%d" % (number % keys), event(f"{number}")).lane
    for answer in answers:
        desk.land(desk.send()[0], **answer)  # type: ignore[arg-type]
        desk.later(1000.0)
    assert outages(desk) == [True]
    for ticket in list(desk.delivery._in_flight):
        desk.delivery.landed(Answer(ticket, failure=Failure.NOT_SENT), desk.now)
    turns = []
    for _ in range(2 * len(set(lanes.values()))):
        request = desk.one()
        assert request.probe
        assert desk.send() == [], "one at a time"
        (name,) = names(request)
        turns.append(lanes[name])
        desk.land(request, 503)
        desk.later(1000.0 * jitter)
    half = len(turns) // 2
    assert set(turns[:half]) == set(turns[half:]) == set(lanes.values()), "each time another lane, until all had a turn"
    desk.accept(desk.one())
    assert outages(desk) == [False], "the first success ends it"
    desk.later(1000.0)
    assert not any(request.probe for request in desk.send())


@given(answers=st.lists(st.booleans(), max_size=30))
def test_an_outage_begins_with_the_third_failure_in_a_row_and_ends_with_the_first_success(answers: list[bool]) -> None:
    desk = Desk(POLICY)
    failures, expected = 0, []
    for succeeds in answers:
        desk.put(b"a", event("1"))
        desk.later(1000.0)
        request = desk.one()
        if succeeds:
            expected += [False] * (failures >= 3)
            failures = 0
            desk.accept(request)
        else:
            failures += 1
            expected += [True] * (failures == 3)
            desk.land(request, 500)
    assert outages(desk) == expected


# ---- "`Retry-After` holds for all sending" --------------------------------------------------------------------------


@given(waits=st.lists(st.floats(0, 100), min_size=1, max_size=2))
def test_retry_after_holds_fresh_records_and_retries_and_the_longest_counts(waits: list[float]) -> None:
    desk = Desk(Policy(linger=0.0, max_messages=1, max_in_flight=4))
    for number in range(4):
        desk.put(b"%d" % number, event(f"{number}"))
    for request, wait in zip(desk.send(), waits, strict=False):
        desk.land(request, 429, retry_after=wait)
    desk.put(b"fresh", event("fresh"))
    began, desk.now = desk.now, desk.now + max(waits) - 0.001
    assert max(waits) < 0.001 or desk.send() == []
    desk.now = began + max(waits) + 1000.0
    assert desk.send()


# ---- "401/403 count only when sent with the current token" ----------------------------------------------------------


@given(statuses=st.lists(st.sampled_from([401, 403]), min_size=2, max_size=4))
def test_several_refusals_of_one_token_count_once_and_nothing_is_sent_until_there_is_another(
    statuses: list[int],
) -> None:
    desk = Desk(Policy(linger=0.0, max_messages=1, max_in_flight=4))
    for number in range(5):
        desk.put(b"%d" % number, event(f"{number}"))
    requests = desk.send()
    desk.delivery.token(TokenStatus(1, ready=True))
    for request, status in zip(requests, statuses, strict=False):
        desk.land(request, status, token=1)
        desk.later(100.0)
    assert (desk.delivery.refused_token, desk.delivery.halt) == (1, None)
    desk.delivery.token(TokenStatus(1, ready=True))
    assert desk.send() == []
    desk.delivery.token(TokenStatus(2, ready=True))
    assert desk.send()
    assert outages(desk) == [], "a refused token is no outage"


def test_a_late_refusal_of_an_old_token_says_nothing_about_the_new_one() -> None:
    desk = Desk(Policy(linger=0.0, max_messages=1, max_in_flight=4))
    for number in range(3):
        desk.put(b"%d" % number, event(f"{number}"))
    first, second, _ = desk.send()
    desk.land(first, 401, token=1)
    desk.delivery.token(TokenStatus(2, ready=True))
    desk.land(second, 401, token=1)
    assert desk.delivery.refused_token == 1
    desk.later(1000.0)
    assert desk.send()


@given(gaps=st.lists(st.floats(0, 100), min_size=1, max_size=8), success=st.none() | st.integers(1, 8))
def test_three_new_tokens_refused_over_a_minute_halt_and_a_success_between_forgives(
    gaps: list[float], success: int | None
) -> None:
    desk = Desk(POLICY)
    times: list[float] = []
    for number, gap in enumerate(gaps, start=1):
        desk.now += 1000.0 if not times else gap
        desk.put(b"a", event("1"))
        desk.delivery.token(TokenStatus(number, ready=True))
        held_until = max(desk.delivery._throttle.opens_at, desk.now)
        desk.now = held_until
        (request,) = desk.send()
        if number == success:
            desk.accept(request)
            times.clear()
            desk.put(b"a", event("2"))
            request = desk.one()
        desk.land(request, 403, token=number)
        times.append(desk.now)
        hopeless = len(times) >= 3 and times[-1] - times[0] >= 60
        assert (desk.delivery.halt is not None) is hopeless
        if desk.delivery.halt:
            assert desk.delivery.halt.kind is HaltKind.CONFIGURATION
            break


# ---- "a single message refused 5xx 10 times over at least a minute is poison if another succeeded since" ------------


@given(refusals=st.integers(1, 13), every=st.sampled_from([1.0, 6.0, 7.0, 20.0]), others=st.booleans())
def test_poison_is_refused_10_times_over_a_minute_while_others_pass(refusals: int, every: float, others: bool) -> None:  # noqa: FBT001
    desk = Desk(Policy(linger=0.0, max_in_flight=4), random=lambda: 0.0)
    desk.put(b"bad", event("bad"))
    began = desk.now
    buried = False
    for refusal in range(1, refusals + 1):
        request = next(request for request in desk.send() if names(request) == ["bad"])
        if others:
            beside(desk)
        desk.verdicts(request, 503) if refusal % 2 else desk.land(request, 503)
        due = refusal >= 10 and desk.now - began >= 60 and (others and refusal > 1)
        letters = desk.letters()
        assert bool(letters) is due
        if letters:
            buried = True
            assert letters[0].refusal.reason is Reason.POISON
            assert letters[0].refusal.attempts == refusal
            break
        desk.later(every)
    if not others:
        assert not buried, "with nothing else to send it waits"


@pytest.mark.parametrize("answer", [{"status": 429}, {"failure": Failure.TIMEOUT}, {"failure": Failure.NO_CONNECTION}])
def test_timeouts_alone_never_make_poison(answer: dict[str, object]) -> None:
    desk = Desk(POLICY, random=lambda: 0.0)
    desk.put(b"bad", event("bad"))
    for _ in range(40):
        (request,) = desk.send()
        beside(desk)
        desk.land(request, **answer)  # type: ignore[arg-type]
        desk.later(10.0)
    assert desk.letters() == []


@pytest.mark.parametrize("status", [408, 429])
def test_nor_do_those_of_a_message_inside_a_207(status: int) -> None:
    desk = Desk(POLICY, random=lambda: 0.0)
    desk.put(b"bad", event("bad"))
    for number in range(40):
        desk.put(b"%d" % number, event("good"))
        request = desk.one()
        desk.verdicts(request, *[status, None][: len(request.messages)])
        desk.later(10.0)
    assert desk.letters() == []


# ---- "a request refused 5xx or timed out 5 times, with successes since its first, is split" -------------------------


@given(answer=st.sampled_from([{"status": 500}, {"status": 503}, *UNKNOWN]), others=st.booleans())
def test_a_request_that_fails_5_times_while_others_pass_is_split_its_parts_again_at_each_further_failure(
    answer: dict[str, object],
    others: bool,  # noqa: FBT001
) -> None:
    desk = Desk(POLICY, random=lambda: 0.0)
    for number in range(8):
        desk.put(b"%d" % number, event(f"{number}"))
    sizes: list[int] = []
    for _ in range(7):
        request: Request
        request, *_ = desk.send()
        if others:
            beside(desk)
        sizes.append(len(request.messages))
        desk.land(request, **answer)  # type: ignore[arg-type]
        desk.later(1000.0)
        if not others:
            break
    assert sizes == ([8, 8, 8, 8, 8, 4, 2] if others else [8])


def test_a_request_that_fails_while_nothing_passes_is_not_split() -> None:
    desk = Desk(POLICY, random=lambda: 0.0)
    for number in range(4):
        desk.put(b"%d" % number, event(f"{number}"))
    for _ in range(2):
        desk.land(desk.one(), 500)
        desk.later(1000.0)
    request = desk.one()
    desk.land(request, 500)
    for _ in range(10):
        desk.later(1000.0)
        assert len(desk.one().messages) == 1, "a probe, not a split"
        desk.land(_only(desk), 500)


def test_answers_that_accept_nothing_are_no_successes_of_others() -> None:
    desk = Desk(POLICY, random=lambda: 0.0)
    for number in range(4):
        desk.put(b"%d" % number, event(f"{number}"))
    for failure in range(12):
        request, *_ = desk.send()
        assert len(request.messages) == 4, f"split after {failure} failures"
        desk.put(b"other%d" % failure, event("other"))
        for other in desk.send():
            desk.land(other, 400)
        desk.land(request, 500)
        desk.bury()


def _only(desk: Desk) -> Request:
    (ticket,) = desk.delivery._in_flight
    return Request(ticket, (), 0.0, 0.0)


# ---- "an item 5xx is sent again alone" (docs/decisions/refused-messages-travel-together.md) -------------------------


def test_refused_messages_travel_together_up_to_their_5th_refusal_and_then_alone() -> None:
    desk = Desk(POLICY, random=lambda: 0.0)
    for number in range(3):
        desk.put(b"%d" % number, event(f"{number}"))
    beside_it = []
    for _ in range(7):
        for request in desk.send():
            if "0" in names(request):
                beside_it.append(len(request.messages) - 1)
            desk.reply(request, [{"status": 503} if name in "01" else {"xactionId": "b"} for name in names(request)])
        desk.put(b"more", event("more"))
        desk.later(1000.0)
    assert all(beside_it[:5])
    assert beside_it[5:] == [0, 0]


# ---- "HALT: no new request, what was sent is retried until settled, dead letters not yet produced stay" -------------


def test_after_a_halt_what_was_sent_is_retried_and_nothing_new_goes_out() -> None:
    desk = Desk(Policy(linger=0.0, max_messages=1, max_in_flight=2), random=lambda: 0.0)
    for number in range(4):
        desk.put(b"%d" % number, event(f"{number}"))
    first, second = desk.send()
    desk.land(second, 400)
    desk.land(first, 404)
    assert desk.delivery.halt is not None
    assert desk.delivery.halt.kind is HaltKind.CONFIGURATION
    assert desk.letters() == [], "it stays unsettled"
    desk.later(1000.0)
    assert desk.sent() == [["0"]]
    desk.later(1000.0)
    assert desk.send() == []
    assert desk.open_records == 4


def test_a_refused_record_is_a_dead_letter_as_a_whole_and_needs_no_room_in_a_request() -> None:
    desk = Desk(POLICY)
    desk.put(b"a", event("1"))
    desk.put(b"a", refusal=REFUSED)
    desk.put(b"a", event("2"))
    assert desk.sent() == [["1", "2"]]
    (letter,) = desk.bury()
    assert (letter.refusal, letter.outputs) == (REFUSED, ())


# ---- epochs: "whatever comes for another epoch is ignored" ----------------------------------------------------------


@given(
    statuses=st.lists(st.sampled_from([None, 400, 503]), min_size=4, max_size=4),
    answer=st.none() | st.sampled_from([*REFUSED_FOR_NOW, *UNKNOWN, {"status": 413}, {"status": 401}]),
)
def test_an_answer_for_a_closed_epoch_moves_nothing_of_it_and_all_of_the_others(
    statuses: list[int | None], answer: dict[str, object] | None
) -> None:
    desk = Desk(POLICY, partitions=2)
    for number in range(4):
        desk.put(b"%d" % number, event(f"{number}"), partition=number % 2)
    request = desk.one()
    closed = desk.partitions[0]
    closed.close()
    desk.delivery.forget_closed()
    before = (closed.offsets.open, closed.offsets.committable)
    desk.land(request, **answer) if answer else desk.verdicts(request, *statuses)  # type: ignore[arg-type]
    desk.delivery.token(TokenStatus(2, ready=True))
    desk.token = 2
    assert {letter.record.partition for letter in desk.bury()} <= {1}
    for _ in range(20):
        desk.later(1000.0)
        for again in desk.send():
            assert set(names(again)) <= {"1", "3"}
            desk.accept(again)
    assert (closed.offsets.open, closed.offsets.committable) == before
    assert desk.partitions[1].offsets.open == 0


def test_superseded_counts_the_writes_behind_an_accepted_one() -> None:
    desk = Desk(POLICY)
    for number in range(3):
        desk.put(b"k", profile(f"b{number}", to=BALANCE), profile(f"t{number}", to=TIER))
    desk.verdicts(desk.one(), None, 503)
    (landed,) = [news for news in desk.delivery.take_news() if isinstance(news, Landed)]
    assert (landed.accepted, landed.superseded, landed.again) == (1, 2, 1)
    assert desk.open_records == 3
