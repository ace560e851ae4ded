from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.batch import Batch, Item, in_order
from tests.desk import Desk, event

keys = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), min_size=1, max_size=20)


def items_of(keys: list[bytes], sizes: list[int] | None = None) -> list[Item]:
    """One event per key; these four keys have four lanes."""
    desk = Desk(lanes=64)
    works = [desk.put(key, event(f"{at}", sizes[at] if sizes else 0)) for at, key in enumerate(keys)]
    assert len({work.lane for work in works}) == len(set(keys))
    return [Item(work, work.translated.messages[0]) for work in works]


def lanes_of(items: list[Item]) -> set[object]:
    return {item.work.lane for item in items}


def answer(items: list[Item]) -> None:
    """Whatever their outcome is, they have it."""
    for item in items:
        item.open = False


def body(items: list[Item]) -> bytes:
    parts = [item.message.to.prefix + item.message.entity + item.message.to.suffix for item in items]
    return b'{"messages":[' + b",".join(parts) + b"]}"


# ---- "split in halves, between lanes where possible" ----------------------------------------------------------------


@given(keys)
def test_halves_hold_all_messages_once_and_neither_is_empty(keys: list[bytes]) -> None:
    items = items_of([*keys, b"a"])
    halves = Batch(items).halves()
    assert all(half.items for half in halves)
    assert sorted((item for half in halves for item in half.items), key=lambda item: item.order) == items
    for half in halves:
        assert half.items == sorted(half.items, key=lambda item: item.order)


@given(keys)
def test_several_lanes_are_split_between_lanes_and_one_lane_in_the_middle(keys: list[bytes]) -> None:
    items = items_of([*keys, b"a"])
    first, second = Batch(items).halves()
    if len(lanes_of(items)) > 1:
        assert not lanes_of(first.items) & lanes_of(second.items)
    else:
        assert len(second.items) - len(first.items) in (0, 1)


@given(st.integers(2, 40))
def test_lanes_of_one_message_each_are_halved(count: int) -> None:
    desk = Desk(lanes=count)
    works = [desk.put(None, event("e")) for _ in range(count)]  # without a key: dealt round
    first, second = Batch([Item(work, work.translated.messages[0]) for work in works]).halves()
    assert len(second.items) - len(first.items) in (0, 1)


@given(keys)
def test_parts_without_a_common_lane_are_independent_and_of_one_lane_the_later_waits(keys: list[bytes]) -> None:
    items = items_of([*keys, b"a"])
    first, second = Batch(items).halves()
    assert first.take_free() is first
    if len(lanes_of(items)) > 1:
        assert second.take_free() is second
        return
    *all_but_one, last = first.items
    answer(all_but_one)
    assert second.take_free() is None
    answer([last])
    assert second.take_free() is second


@given(keys, st.integers(1, 4))
def test_however_often_it_is_split_of_one_lane_only_the_first_part_may_go(keys: list[bytes], splits: int) -> None:
    items = items_of([*keys, b"a"])
    parts = [Batch(items)]
    for _ in range(splits):
        parts = [half for part in parts for half in (part.halves() if len(part.items) > 1 else [part])]
    assert sorted((item for part in parts for item in part.items), key=lambda item: item.order) == items
    free = [item for part in parts for item in part.free_items()]
    for lane in lanes_of(items):
        of_lane = [item for item in items if item.work.lane is lane]
        ahead = [item for item in free if item.work.lane is lane]
        assert ahead == of_lane[: len(ahead)], "the first of the lane, and no other part of it"
        assert len({id(part) for part in parts for item in ahead if item in part.items}) == 1


@given(keys, st.integers(0, 9), st.integers(0, 9))
def test_parts_inherit_the_failures_of_the_whole(keys: list[bytes], failures: int, successes: int) -> None:
    batch = Batch(items_of([*keys, b"a"]))
    batch.failures, batch.successes = failures, successes
    assert {(half.failures, half.successes) for half in batch.halves()} == {(failures, successes)}


# ---- "a probe: the first message of one lane" -----------------------------------------------------------------------


@given(keys, st.data())
def test_set_apart_takes_one_message_and_what_follows_in_its_lane_waits_for_it(
    keys: list[bytes], data: st.DataObject
) -> None:
    items = items_of([*keys, b"a"])
    lane = data.draw(st.sampled_from([item.work.lane for item in items]))
    first = next(item for item in items if item.work.lane is lane)
    batch = Batch(list(items))
    probe = batch.set_apart(first)
    assert probe.items == [first]
    assert batch.items == [item for item in items if item is not first]
    others = [item for item in batch.items if item.work.lane is not lane]
    assert batch.free_items() == others
    answer([first])
    assert batch.free_items() == batch.items


@given(keys, st.data())
def test_take_free_takes_out_exactly_the_lanes_that_nothing_holds_up(keys: list[bytes], data: st.DataObject) -> None:
    items = items_of(keys)
    ahead = items_of(keys)  # of other lanes: they hold up nothing
    busy = set(data.draw(st.lists(st.sampled_from([item.work.lane for item in items]))))
    blockers = [Item(item.work, item.message) for item in items if item.work.lane in busy]
    batch = Batch(list(items), after=[*blockers, *ahead])
    part = batch.take_free()
    taken = part.items if part else []
    assert taken == [item for item in items if item.work.lane not in busy]
    if part is not batch:
        assert batch.items == [item for item in items if item.work.lane in busy]
    answer(blockers)
    assert batch.take_free() is batch


def test_messages_of_a_closed_epoch_hold_up_nothing_and_are_dropped() -> None:
    desk = Desk(partitions=2)
    gone, kept = (desk.put(b"k", event("e"), partition=number) for number in (0, 1))
    blocker, waits = (Item(work, work.translated.messages[0]) for work in (gone, kept))
    batch = Batch([blocker, waits], after=[blocker])
    desk.partitions[0].close()
    batch.drop_dead()
    assert batch.items == batch.free_items() == [waits]


# ---- "a record larger than one request goes alone, in several, in order" --------------------------------------------


@given(
    sizes=st.lists(st.integers(1, 120), min_size=1, max_size=20),
    max_size=st.integers(80, 400),
    max_messages=st.integers(1, 6),
)
def test_in_order_cuts_what_fits_into_batches_that_each_wait_for_the_one_before(
    sizes: list[int], max_size: int, max_messages: int
) -> None:
    items = items_of([b"a"] * len(sizes), sizes)
    batches = in_order(items, max_size, max_messages)
    assert [item for batch in batches for item in batch.items] == items
    for batch in batches:
        assert batch.size == len(body(batch.items))
        assert len(batch.items) == 1 or (batch.size <= max_size and len(batch.items) <= max_messages)
    for before, batch in pairwise(batches):
        full = len(before.items) == max_messages or len(body([*before.items, batch.items[0]])) > max_size
        assert full, "a batch ends where the next message does not fit"
        assert batch.take_free() is None
        answer(before.items)
        assert batch.take_free() is batch


@given(keys, st.lists(st.integers(0, 50), min_size=20, max_size=20))
def test_the_size_of_a_batch_is_exact(keys: list[bytes], sizes: list[int]) -> None:
    items = items_of(keys, sizes[: len(keys)])
    assert Batch(items).size == len(body(items))
