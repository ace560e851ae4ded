"""What the design says of requests and answers, a test for each sentence; the parts have properties of their own."""

from __future__ import annotations

import pytest

from processor.delivery.delivery import Policy
from processor.events import Outage
from processor.model import Failure, HaltKind, Reason, Request, TokenStatus
from tests.desk import BALANCE, REFUSED, TIER, Desk, body, event, names, profile


def in_flight(desk: Desk, count: int) -> list[Request]:
    """So many requests of one message each."""
    requests = []
    for number in range(count):
        desk.put(f"flying {number}".encode(), event(f"f{number}"))
        requests.append(desk.one())
    return requests


# ---- late news -------------------------------------------------------------------------------------------------------


def test_a_late_answer_moves_nothing_although_the_same_member_has_the_partition_again() -> None:
    desk = Desk()
    desk.put(b"k", event("old"))
    request = desk.one()
    desk.partitions[0].close()
    desk.delivery.forget_closed()
    again = desk.partitions[0] = desk.open()
    desk.put(b"k", event("new"))
    second = desk.one()
    desk.accept(request)
    assert (again.offsets.committable, again.offsets.open) == (0, 1)
    assert desk.send() == [], "the lane of the new epoch is still held"
    desk.accept(second)
    assert (again.offsets.committable, again.offsets.open) == (1, 0)


@pytest.mark.parametrize("status", [400, 413, 429, 503])
def test_a_late_refusal_is_no_dead_letter_and_is_not_sent_again(status: int) -> None:
    desk = Desk()
    desk.put(b"k", event("old"))
    request = desk.one()
    desk.partitions[0].close()
    desk.delivery.forget_closed()
    desk.land(request, status)
    desk.later(1000.0)
    assert desk.letters() == []
    assert desk.send() == []


def test_a_dead_letter_that_is_acknowledged_after_its_epoch_settles_nothing() -> None:
    desk = Desk()
    desk.put(b"k", refusal=REFUSED)
    desk.send()
    (letter,) = desk.letters()
    desk.partitions[0].close()
    assert desk.delivery.forget_closed() == [letter.ticket]
    again = desk.partitions[0] = desk.open()
    desk.put(b"k", refusal=REFUSED)
    desk.delivery.letter_acknowledged(letter.ticket)
    assert again.offsets.committable == 0


def test_before_each_attempt_what_belongs_to_a_closed_epoch_is_dropped_from_the_request() -> None:
    desk = Desk(partitions=2)
    desk.put(b"a", event("gone"))
    desk.put(b"b", event("stays"), partition=1)
    request = desk.one()
    assert names(request) == ["gone", "stays"]
    desk.fail(request, Failure.TIMEOUT)
    desk.partitions[0].close()
    desk.later(100.0)
    assert desk.sent() == [["stays"]]


# ---- unknown is never success ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.BROKEN, Failure.NO_CONNECTION])
def test_without_an_answer_the_same_batch_goes_out_again_and_nothing_is_settled(failure: Failure) -> None:
    desk = Desk()
    desk.fill(5)
    request = desk.one()
    desk.fail(request, failure)
    assert desk.partitions[0].offsets.committable == 0
    desk.later(100.0)
    assert body(desk.one()) == body(request)


@pytest.mark.parametrize(
    "reply", [b"", b"<html>", b"{}", b'{"responses":{}}', b'{"responses":[{"xactionId":"b:0"},{"xac']
)
@pytest.mark.parametrize("status", [200, 207])
def test_a_reply_that_cannot_be_read_is_no_success(status: int, reply: bytes) -> None:
    desk = Desk()
    desk.fill(2)
    request = desk.one()
    desk.land(request, status, body=reply)
    assert desk.open_records == 2
    desk.later(100.0)
    assert body(desk.one()) == body(request)


def test_what_was_not_sent_goes_out_at_once_and_counts_as_no_failure() -> None:
    desk = Desk()
    desk.fill(2)
    for _ in range(20):
        request = desk.one()
        assert len(request.messages) == 2
        desk.fail(request, Failure.NOT_SENT)
    assert not [news for news in desk.delivery.take_news() if isinstance(news, Outage)]


def test_timeouts_alone_never_make_poison() -> None:
    desk = Desk()
    desk.put(b"k", event("slow"))
    for _ in range(50):
        (slow,) = [request for request in desk.send() if names(request) == ["slow"]]
        desk.fail(slow, Failure.TIMEOUT)
        desk.put(b"other", event("other"))
        for _ in range(2):
            desk.later(100.0)
            for request in desk.send():
                if "slow" not in names(request):
                    desk.accept(request)
                else:
                    desk.fail(request, Failure.TIMEOUT)
        desk.later(100.0)
    assert desk.letters() == []


# ---- a message that is refused ---------------------------------------------------------------------------------------


def test_a_single_message_that_is_too_large_is_a_dead_letter_that_says_so() -> None:
    desk = Desk()
    desk.put(b"k", event("large"))
    desk.land(desk.one(), 413)
    (letter,) = desk.bury()
    assert (letter.refusal.reason, letter.refusal.status) == (Reason.TOO_LARGE, 413)
    assert desk.open_records == 0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_whole_request_that_is_refused_is_halved_until_the_bad_message_is_alone(status: int) -> None:
    desk = Desk(lanes=997)  # a lane for each
    works = desk.fill(16)
    bad = works[11].translated.messages[0].entity
    attempts = 0
    while desk.open_records:
        for request in desk.send():
            attempts += 1
            if any(message.entity == bad for message in request.messages):
                desk.land(request, status)
            else:
                desk.accept(request)
        desk.bury()
    assert attempts == 1 + 2 * 4, "two for each halving"
    assert desk.partitions[0].offsets.committable == 16


def test_a_record_is_settled_when_all_its_messages_have_their_outcome_each_its_own() -> None:
    desk = Desk()
    desk.put(b"k", event("e"), profile("b"), profile("t", to=TIER))
    request = desk.one()
    desk.verdicts(request, None, 400, 429)
    assert desk.open_records == 1
    (letter,) = desk.bury()
    assert letter.outputs == (BALANCE.name,)
    assert desk.open_records == 1
    desk.later(100.0)
    (again,) = desk.send()
    assert names(again) == ["t"], "what was accepted is not sent again"
    desk.accept(again)
    assert desk.open_records == 0


def test_a_lane_goes_back_as_soon_as_its_own_records_are_settled() -> None:
    desk = Desk()
    desk.put(b"a", event("a1"))
    desk.put(b"b", event("b1"))
    request = desk.one()
    desk.put(b"a", event("a2"))
    desk.put(b"b", event("b2"))
    desk.verdicts(request, 503, None)
    assert desk.sent() == [["b2"]]


def test_refused_items_of_several_requests_go_together_filled_up_with_fresh_records() -> None:
    desk = Desk(lanes=997)  # a lane for each
    for number in range(3):
        desk.put(f"refused {number}".encode(), event(f"r{number}"))
        desk.put(f"passes {number}".encode(), event(f"p{number}"))
        desk.verdicts(desk.one(), 429, None)
    desk.put(b"fresh", event("fresh"))
    desk.later(100.0)
    assert [sorted(sent) for sent in desk.sent()] == [["fresh", "r0", "r1", "r2"]]


def test_the_parts_of_a_record_larger_than_one_request_go_one_after_the_other_and_its_lane_waits() -> None:
    """Also where the first of them is refused for long, and then for good."""
    desk = Desk(Policy(linger=0.0, max_bytes=300), lanes=1, partitions=2)
    desk.put(b"k", event("p0", 200), event("p1", 200), event("p2", 200))
    desk.put(b"k", event("behind"))
    for _ in range(6):
        first = desk.one()
        assert names(first) == ["p0"]
        desk.fail(first, Failure.TIMEOUT)
        desk.put(b"other", event("other"), partition=1)
        desk.accept(desk.one())  # so that it is no outage
        desk.later(100.0)
    desk.land(desk.one(), 400)
    assert desk.send() == [], "not before the dead letter is acknowledged"
    desk.bury()
    for name in ("p1", "p2", "behind"):
        request = desk.one()
        assert names(request) == [name]
        assert desk.send() == []
        desk.accept(request)
    assert desk.open_records == 0


# ---- outages ---------------------------------------------------------------------------------------------------------


def test_retry_after_holds_for_all_sending_for_probes_and_for_what_is_fresh() -> None:
    desk = Desk()
    one, two, three = in_flight(desk, 3)
    desk.land(one, 429, retry_after=120.0)
    desk.accept(two)
    desk.put(b"fresh", event("fresh"))
    desk.later(119.0)
    assert desk.send() == []
    desk.land(three, 503)  # says nothing about a wait, and shortens none
    desk.later(0.5)
    assert desk.send() == []
    desk.later(0.6)
    assert ["fresh"] in desk.sent()


def test_the_clock_may_jump_and_a_hold_still_ends() -> None:
    desk = Desk()
    (one,) = in_flight(desk, 1)
    desk.land(one, 429, retry_after=300.0)
    desk.later(1e9)
    assert desk.sent() == [["f0"]]


def test_in_an_outage_one_message_of_another_lane_is_the_probe_each_time() -> None:
    desk = Desk(lanes=997)  # a lane for each
    desk.fill(8)
    desk.land(desk.one(), 503)
    desk.later(100.0)
    desk.land(desk.one(), 503)
    desk.later(100.0)
    desk.land(desk.one(), 503)
    probed: set[bytes] = set()
    for _ in range(6):
        desk.later(100.0)
        probe = desk.one()
        assert len(probe.messages) == 1
        assert probe.probe
        assert desk.send() == [], "one at a time"
        probed.add(probe.messages[0].entity)
        desk.land(probe, 503)
    assert len(probed) == 6
    desk.later(100.0)
    desk.accept(desk.one())
    assert sum(len(request.messages) for request in desk.send()) == 7, "the first success ends it"


def test_an_outage_of_aep_stops_no_dead_letter() -> None:
    desk = Desk()
    one, two, three, four = in_flight(desk, 4)
    desk.land(four, 400)
    for request in (one, two, three):
        desk.land(request, 503)
    assert [news.began for news in desk.delivery.take_news() if isinstance(news, Outage)] == [True]
    assert [letter.record.key for letter in desk.bury()] == [b"flying 3"]


def test_a_retry_that_waits_holds_its_lanes_and_never_a_slot() -> None:
    desk = Desk(Policy(linger=0.0, max_in_flight=2))
    one, two = in_flight(desk, 2)
    desk.verdicts(one, 503)
    desk.accept(two)
    desk.put(b"flying 0", event("behind"))
    for number in range(2):
        desk.put(f"free {number}".encode(), event(f"free {number}"))
        assert desk.sent() == [[f"free {number}"]]


# ---- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_sending_until_there_is_another_and_is_no_dead_letter(status: int) -> None:
    desk = Desk()
    desk.fill(2)
    request = desk.one()
    desk.land(request, status)
    assert desk.delivery.refused_token == 1
    desk.later(100.0)
    desk.delivery.token(TokenStatus(1, ready=True))
    assert desk.send() == [], "the same token is not tried again"
    desk.token = 2
    desk.delivery.token(TokenStatus(2, ready=True))
    assert body(desk.one()) == body(request)
    assert desk.letters() == []


def test_three_new_tokens_refused_over_a_minute_halt_it_and_faster_ones_do_not() -> None:
    desk = Desk()
    desk.fill(1)
    for number in range(1, 7):
        desk.token = number
        desk.delivery.token(TokenStatus(number, ready=True))
        desk.later(5.0)
        desk.land(desk.one(), 401)
        assert desk.delivery.halt is None
        desk.later(5.0)
    for _ in range(2):
        desk.token += 1
        desk.delivery.token(TokenStatus(desk.token, ready=True))
        desk.later(60.0)
        requests = desk.send()
        if requests:
            desk.land(requests[0], 401)
    assert desk.delivery.halt is not None
    assert desk.delivery.halt.kind is HaltKind.CONFIGURATION


def test_a_refusal_of_an_old_token_says_nothing_about_the_one_in_use() -> None:
    desk = Desk()
    one, two = in_flight(desk, 2)
    desk.land(one, 401)
    desk.token = 2
    desk.delivery.token(TokenStatus(2, ready=True))
    desk.land(two, 401, token=1)
    assert desk.delivery.refused_token == 1
    desk.later(100.0)
    assert sum(len(request.messages) for request in desk.send()) == 2


def test_a_token_refused_in_an_outage_is_renewed_and_the_probing_goes_on() -> None:
    desk = Desk()
    for request in in_flight(desk, 3):
        desk.land(request, 503)
    desk.later(100.0)
    probe = desk.one()
    assert probe.probe
    desk.land(probe, 401)
    assert desk.send() == []
    desk.token = 2
    desk.delivery.token(TokenStatus(2, ready=True))
    desk.later(100.0)
    desk.accept(desk.one())
    assert [news.began for news in desk.delivery.take_news() if isinstance(news, Outage)] == [True, False]
    while desk.open_records:
        desk.accept(*desk.send())


# ---- HALT ------------------------------------------------------------------------------------------------------------


def halted(desk: Desk) -> Desk:
    desk.delivery.token(TokenStatus(refused="check AEP__CLIENT_SECRET"))
    assert desk.delivery.halt is not None
    desk.delivery.token(TokenStatus(1, ready=True))
    return desk


def test_after_a_halt_nothing_new_is_sent_and_what_was_sent_is_retried_until_it_is_settled() -> None:
    desk = Desk()
    desk.fill(2)
    request = desk.one()
    halted(desk)
    desk.fill(3)
    desk.fail(request, Failure.TIMEOUT)
    desk.later(100.0)
    again = desk.one()
    assert body(again) == body(request)
    desk.verdicts(again, None, 503)
    desk.later(100.0)
    (last,) = desk.send()
    assert len(last.messages) == 1, "a retry is not filled up"
    desk.accept(last)
    assert desk.send() == []
    assert desk.partitions[0].offsets.committable == 2


def test_after_a_halt_dead_letters_not_yet_produced_stay_unsettled_and_those_under_way_count() -> None:
    desk = Desk()
    one, two = in_flight(desk, 2)
    desk.land(one, 400)
    (under_way,) = desk.letters()
    halted(desk)
    desk.land(two, 400)
    assert desk.letters() == []
    desk.delivery.letter_acknowledged(under_way.ticket)
    assert desk.partitions[0].offsets.committable == 1
    assert desk.open_records == 1


def test_an_unknown_inlet_halts_and_nothing_is_lost_by_it() -> None:
    desk = Desk()
    desk.fill(2)
    desk.land(desk.one(), 404)
    assert desk.delivery.halt is not None
    assert desk.delivery.halt.kind is HaltKind.CONFIGURATION
    assert desk.letters() == []
    assert desk.open_records == 2


def test_a_message_alone_that_stays_unattributable_halts_after_five_tries() -> None:
    desk = Desk()
    desk.put(b"k", event("e"))
    for tries in range(1, 6):
        assert desk.delivery.halt is None, tries
        desk.reply(desk.one(), [])
        desk.later(100.0)
    assert desk.delivery.halt is not None
    assert desk.delivery.halt.kind is HaltKind.UNATTRIBUTABLE
    assert desk.letters() == [], "it may have been accepted"


def test_a_flood_that_shows_while_a_partition_is_left_stops_dead_letters_and_no_retry() -> None:
    desk = Desk(partitions=1)
    desk.fill(40)
    request = desk.one()
    desk.partitions[0].leave(desk.now + 20.0)
    desk.verdicts(request, *[400] * 39, 503)
    assert desk.delivery.halt is not None
    assert desk.delivery.halt.kind is HaltKind.FLOOD
    assert desk.letters() == []
    desk.later(5.0)
    (again,) = desk.send()
    desk.accept(again)
    assert desk.open_records == 39
    assert not desk.partitions[0].drained


def test_in_an_outage_a_record_that_cannot_be_translated_waits_with_the_rest() -> None:
    """Its dead letter would raise the frontier, and come again with every restart until AEP is back."""
    desk = Desk()
    for _ in range(3):
        desk.put(b"a", event("a"))
        for request in desk.send():
            desk.land(request, 503)
        desk.later(40.0)
    probe = desk.one()
    desk.put(b"b", refusal=REFUSED)
    assert (desk.send(), desk.letters()) == ([], [])
    desk.accept(probe)
    desk.send()
    assert len(desk.letters()) == 1


# ---- leaving ---------------------------------------------------------------------------------------------------------


def test_no_attempt_outlasts_the_partition_whose_messages_it_holds() -> None:
    desk = Desk(Policy(linger=0.0, attempt_timeout=15.0), partitions=2)
    desk.put(b"a", event("leaves"))
    desk.put(b"b", event("stays"), partition=1)
    request = desk.one()
    assert request.deadline == desk.now + 15.0
    desk.fail(request, Failure.TIMEOUT)
    desk.partitions[0].leave(leave_by := desk.now + 8.0)
    desk.delivery.hurry(desk.now)
    desk.later(1.0)
    again = desk.one()
    assert (again.deadline, again.not_after) == (leave_by, leave_by)
    desk.fail(again, Failure.TIMEOUT)
    desk.later(4.0)  # less than an attempt needs is left
    (last,) = desk.send()
    assert names(last) == ["stays"]
    assert last.deadline == desk.now + 15.0


def leaving(desk: Desk) -> float:
    """The first partition is left within 20 seconds. Returns its deadline."""
    desk.partitions[0].leave(deadline := desk.now + 20.0)
    desk.delivery.hurry(desk.now)
    return deadline


def test_a_leave_does_not_wait_for_a_retry_after_that_lasts_too_long() -> None:
    desk = Desk(Policy(linger=0.0, attempt_timeout=15.0))
    desk.put(b"a", event("a"))
    one = desk.one()
    deadline = leaving(desk)
    assert not desk.delivery.hopeless(desk.now, deadline), "its answer may still come"
    desk.land(one, 429, retry_after=14.0)
    assert not desk.delivery.hopeless(desk.now, deadline), "6 seconds will be left"
    desk.later(14.0)
    desk.land(desk.one(), 429, retry_after=2.0)
    assert desk.delivery.hopeless(desk.now, deadline), "4 seconds would be left, and no attempt is that short"


def test_a_leave_does_not_wait_for_dead_letters_that_a_halt_keeps_back() -> None:
    desk = Desk()
    desk.fill(40)
    request = desk.one()
    deadline = leaving(desk)
    desk.verdicts(request, *[400] * 39, 503)
    assert desk.delivery.halt is not None
    assert not desk.delivery.hopeless(desk.now, deadline), "what was sent is retried"
    desk.later(5.0)
    desk.accept(desk.one())
    assert desk.delivery.hopeless(desk.now, deadline)


def test_a_leave_does_not_wait_for_an_inlet_that_aep_does_not_know() -> None:
    desk = Desk()
    desk.put(b"a", event("dies"))
    desk.put(b"b", event("waits"))
    request = desk.one()
    deadline = leaving(desk)
    desk.verdicts(request, 400, 503)
    (letter,) = desk.letters()
    desk.later(1.0)
    desk.land(desk.one(), 404)
    assert not desk.delivery.hopeless(desk.now, deadline), "a dead letter is under way"
    desk.delivery.letter_acknowledged(letter.ticket)
    assert desk.delivery.hopeless(desk.now, deadline), "another try would find it as unknown"


def test_of_a_partition_that_is_left_all_up_to_the_frontier_is_sent_and_nothing_above_it() -> None:
    desk = Desk()
    desk.put(b"a", event("a1"))
    first = desk.one()
    desk.put(b"a", event("below"))  # waits for its lane, and the next record goes out before it
    desk.put(b"b", event("b1"))
    second = desk.one()
    desk.put(b"a", event("above"))
    desk.partitions[0].leave(desk.now + 20.0)
    desk.accept(first, second)
    assert not desk.partitions[0].drained, "what would be repeated is not all settled"
    third = desk.one()
    assert names(third) == ["below"]
    desk.accept(third)
    assert desk.partitions[0].drained
    assert desk.send() == []
    assert desk.partitions[0].offsets.committable == 3
