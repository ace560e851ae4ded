from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.batch import Item
from processor.delivery.coalescing import Selection
from processor.model import Message
from tests.desk import BALANCE, EVENTS, TIER, Desk, event, names, profile

writes = st.lists(
    st.tuples(
        st.sampled_from([b"k1", b"k2"]),
        st.sampled_from([EVENTS, BALANCE, TIER]),
        st.sampled_from(["i1", "i2"]),
        st.integers(1, 300),  # bytes
    ),
    max_size=30,
)


def items_of(drawn: list[tuple[bytes, object, str, int]]) -> list[Item]:
    desk = Desk(lanes=1)  # of one lane: a key tells more than its lane
    items = []
    for number, (key, to, identity, size) in enumerate(drawn):
        entity = f"{number}".encode().ljust(size, b".")
        message = Message(to, entity, None if to is EVENTS else identity)  # type: ignore[arg-type]
        items.append(Item(desk.put(key, message), message))
    return items


def target(item: Item) -> tuple[object, ...]:
    """What a Profile write replaces; an event replaces nothing, it is its own."""
    message = item.message
    return (item,) if message.identity is None else (item.work.record.key, message.identity, message.to.name)


def select(items: list[Item]) -> Selection:
    selection = Selection()
    for item in items:
        selection.add(item)
    return selection


def length(items: list[Item]) -> int:
    """Bytes of the body, joined as the client joins it."""
    parts = [item.message.to.prefix + item.message.entity + item.message.to.suffix for item in items]
    return len(b'{"messages":[' + b",".join(parts) + b"]}")


@given(writes)
def test_only_the_newest_profile_write_per_key_identity_and_destination_goes_out_in_the_order_it_came(
    drawn: list[tuple[bytes, object, str, int]],
) -> None:
    items = items_of(drawn)
    newest = {target(item): item for item in items}
    assert select(items).items() == [item for item in items if newest[target(item)] is item]


@given(writes)
def test_a_hidden_write_stays_attached_to_its_newer_one_the_oldest_first(
    drawn: list[tuple[bytes, object, str, int]],
) -> None:
    items = items_of(drawn)
    for item in select(items).items():
        assert list(item.hidden) == [other for other in items if target(other) == target(item)][:-1]
        assert not any(hidden.hidden for hidden in item.hidden)


@given(writes)
def test_size_and_count_are_exact_after_each_write(drawn: list[tuple[bytes, object, str, int]]) -> None:
    selection = Selection()
    for item in items_of(drawn):
        selection.add(item)
        assert selection.count == len(selection.items())
        assert selection.size == length(selection.items())


@given(first=st.integers(1, 5), second=st.integers(1, 5))
def test_what_was_hidden_in_an_earlier_request_is_older_than_what_is_hidden_now(first: int, second: int) -> None:
    items = items_of([(b"k", BALANCE, "i", 5)] * (first + second))
    (earlier,) = select(items[:first]).items()
    later = select(items[first:]).items()
    (newest,) = select([earlier, *later]).items()
    assert list(newest.hidden) == items[:-1]


@given(writes=st.integers(1, 6), refused=st.integers(0, 6))
def test_a_hidden_write_goes_out_when_its_newer_is_dead_lettered_and_is_superseded_when_that_is_accepted(
    writes: int, refused: int
) -> None:
    desk = Desk()
    for number in range(writes):
        desk.put(b"k", profile(f"w{number}"))
    newest_first = [f"w{number}" for number in reversed(range(writes))]
    for name in newest_first[:refused]:
        request = desk.one()
        assert names(request) == [name], "the newest that is not refused"
        desk.verdicts(request, 400)
        open_before = desk.open_records
        assert desk.send() == [], "not before the dead letter is acknowledged"
        (letter,) = desk.bury()
        assert letter.record.offset == int(name[1:])
        assert desk.open_records == open_before - 1, "nothing is superseded by a write that was refused"
    if refused < writes:
        request = desk.one()
        assert names(request) == [newest_first[refused]]
        desk.accept(request)
    assert desk.open_records == 0
    assert desk.send() == []


def test_what_follows_a_dead_lettered_write_in_its_lane_waits_for_the_write_that_it_hid() -> None:
    """Of parts that share a lane the later starts when all of the earlier has its outcome, what is hidden in it too."""
    desk = Desk(lanes=1)
    desk.put(b"k", profile("hidden"))
    desk.put(b"k", profile("newest"))
    desk.put(b"k", event("later"))
    desk.land(desk.one(), 413)
    request = desk.one()
    assert names(request) == ["newest"]
    desk.land(request, 400)
    desk.bury()
    request = desk.one()
    assert names(request) == ["hidden"]
    assert desk.send() == []
    desk.accept(request)
    assert desk.sent() == [["later"]]


@given(answers=st.lists(st.sampled_from([429, 500, 503, 413, 400]), max_size=4))
def test_a_hidden_write_stays_hidden_through_retries_and_splits(answers: list[int]) -> None:
    desk = Desk()
    for number in range(3):
        desk.put(b"k", profile(f"b{number}"), profile(f"t{number}", to=TIER))
    sent: set[str] = set()
    for status in answers:
        for request in desk.send():
            sent.update(names(request))
            if len(request.messages) > 1 or status not in (413, 400):
                desk.land(request, status)
            else:
                desk.verdicts(request, 503)
        desk.later(1000.0)
    while desk.open_records:
        for request in desk.send():
            sent.update(names(request))
            desk.accept(request)
        desk.later(1000.0)
    assert sent == {"b2", "t2"}
