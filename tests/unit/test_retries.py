from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.batch import WRAPPER, Batch, Item
from processor.delivery.policy import Policy
from processor.delivery.retries import Retries
from processor.partitions.lanes import Lane
from tests.desk import Desk, event, profile

KEYS = [b"a", b"b", b"c", b"d"]  # of four lanes
times = st.integers(0, 6)


def items_of(keys: list[bytes], size: int = 10) -> list[Item]:
    desk = Desk(lanes=64)
    works = [desk.put(key, event(f"{at}", size)) for at, key in enumerate(keys)]
    return [Item(work, work.translated.messages[0]) for work in works]


def answer(items: list[Item]) -> None:
    for item in items:
        item.open = False


# ---- messages that a 207 refused for now ----------------------------------------------------------------------------


@given(
    waits=st.lists(st.tuples(st.sampled_from(KEYS), times), max_size=30),
    max_messages=st.integers(1, 8),
    max_bytes=st.integers(40, 200),
)
def test_due_messages_go_together_as_many_as_fit_none_early_and_none_twice(
    waits: list[tuple[bytes, int]], max_messages: int, max_bytes: int
) -> None:
    items = items_of([key for key, _ in waits])
    retries = Retries()
    due_at = {item: float(at) for item, (_, at) in zip(items, waits, strict=True)}
    for item, at in due_at.items():
        retries.add_message(item, at)
    policy = Policy(max_messages=max_messages, max_bytes=max_bytes)
    gone: list[Item] = []
    for now in range(7):
        while (selection := retries.due_messages(float(now), policy)).count:
            taken = selection.items()
            gone += taken
            assert all(due_at[item] <= now for item in taken)
            assert taken == sorted(taken, key=lambda item: item.order), "those of one lane in log order"
            assert len(taken) <= max_messages
            assert len(taken) == 1 or selection.size <= max_bytes
            left = [item for item in items if due_at[item] <= now and item not in gone]
            if left:
                full = len(taken) == max_messages or selection.size + items[0].size > max_bytes
                assert full, "what is due is left although there was room"
        waiting = [at for item, at in due_at.items() if item not in gone]
        assert retries.next_at() == min(waiting, default=None)
    assert sorted(gone, key=lambda item: item.order) == items
    assert len(retries) == 0


@given(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=12), room=st.integers(1, 12))
def test_messages_refused_at_the_same_time_keep_their_order_over_several_requests(keys: list[bytes], room: int) -> None:
    items = items_of(keys)
    retries = Retries()
    for item in reversed(items):
        retries.add_message(item, 1.0)
    gone: list[Item] = []
    while (selection := retries.due_messages(1.0, Policy(max_messages=room))).count:
        gone += selection.items()
    assert gone == items


def test_profile_writes_of_one_target_from_several_requests_are_coalesced_again() -> None:
    desk = Desk()
    works = [desk.put(b"k", profile(f"{number}")) for number in range(2)]
    older, newer = (Item(work, work.translated.messages[0]) for work in works)
    retries = Retries()
    retries.add_message(newer, 0.0)
    retries.add_message(older, 0.0)
    selection = retries.due_messages(0.0, Policy())
    assert (selection.items(), newer.hidden) == ([newer], (older,))


# ---- batches --------------------------------------------------------------------------------------------------------


@given(waits=st.lists(st.tuples(st.sampled_from(KEYS), times), min_size=1, max_size=12))
def test_batches_go_out_as_they_are_and_none_early(waits: list[tuple[bytes, int]]) -> None:
    items = items_of([key for key, _ in waits])
    batches = [Batch([item]) for item in items]
    retries = Retries()
    for batch, (_, at) in zip(batches, waits, strict=True):
        retries.add_batch(batch, float(at))
    gone: list[Batch] = []
    for now in range(7):
        assert retries.next_at() == min((batch.not_before for batch in batches if batch not in gone), default=None)
        while (batch := retries.due_batch(float(now))) is not None:
            assert batch.not_before <= now
            gone.append(batch)
        assert all(batch in gone for batch in batches if batch.not_before <= now)
    assert sorted(map(id, gone)) == sorted(map(id, batches))


@given(keys=st.lists(st.sampled_from(KEYS), min_size=2, max_size=16), splits=st.integers(1, 4), data=st.data())
def test_parts_of_a_split_that_share_a_lane_go_one_after_the_other_whenever_the_answers_come(
    keys: list[bytes], splits: int, data: st.DataObject
) -> None:
    items = items_of(keys)
    parts = [Batch(items)]
    for _ in range(splits):
        parts = [half for part in parts for half in (part.halves() if len(part.items) > 1 else [part])]
    retries = Retries()
    for part in parts:
        retries.add_batch(part, 0.0)
    flying: list[Batch] = []
    sent: list[Item] = []
    while True:
        while (part := retries.due_batch(0.0)) is not None:
            flying.append(part)
            sent += part.items
        lanes = [{item.work.lane for item in part.items} for part in flying]
        assert sum(map(len, lanes)) == len(set[Lane]().union(*lanes)), "a lane is in two requests"
        if not flying:
            break
        answer(flying.pop(data.draw(st.integers(0, len(flying) - 1))).items)
    assert len(retries) == 0
    for key in set(keys):
        of_key = [item for item in sent if item.work.record.key == key]
        assert of_key == [item for item in items if item.work.record.key == key], "order per lane"


@given(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=10))
def test_nothing_is_due_by_time_alone_while_another_message_of_its_lane_is_on_its_way(keys: list[bytes]) -> None:
    first, *others = items_of([b"a", *[b"a"] * len(keys)])
    retries = Retries()
    retries.add_batch(Batch(others, after=[first]), 0.0)
    assert retries.next_at() is None
    assert retries.due_batch(1000.0) is None
    answer([first])
    assert retries.next_at() == 0.0


# ---- "one probe at a time, the first message of one lane, each time another lane" -----------------------------------


@given(
    batches=st.lists(st.lists(st.sampled_from(KEYS), min_size=1, max_size=5), max_size=4),
    messages=st.lists(st.sampled_from(KEYS), max_size=6),
)
def test_a_probe_is_the_first_message_of_a_lane_that_had_no_turn_whatever_time_it_was_to_wait_for(
    batches: list[list[bytes]], messages: list[bytes]
) -> None:
    items = items_of([*(key for keys in batches for key in keys), *messages])
    retries, rest, owners = Retries(), list(items), []
    for keys in batches:
        batch, rest = rest[: len(keys)], rest[len(keys) :]
        owners.append(batch)
        retries.add_batch(Batch(list(batch)), 1000.0)
    for item in rest:
        owners.append([item])
        retries.add_message(item, 1000.0)
    probed: set[Lane] = set()
    while (probe := retries.probe(probed)) is not None:
        (item,) = probe.items
        lane = item.work.lane
        assert lane not in probed
        whole = next(owner for owner in owners if item in owner)
        assert item is next(other for other in whole if other.work.lane is lane)
        probed.add(lane)
    assert probed == {item.work.lane for item in items}, "every lane has its turn"
    assert len(list(retries.items())) == len(items) - len(probed)


# ---- "whatever comes for another epoch is ignored" ------------------------------------------------------------------


@given(where=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 1), st.booleans()), max_size=20))
def test_what_belongs_to_a_closed_epoch_is_dropped_and_the_rest_stays(where: list[tuple[bytes, int, bool]]) -> None:
    desk = Desk(partitions=2)
    retries, kept = Retries(), []
    for number, (key, partition, alone) in enumerate(where):
        work = desk.put(key, event(f"{number}"), partition=partition)
        item = Item(work, work.translated.messages[0])
        if alone:
            retries.add_message(item, 0.0)
        else:
            retries.add_batch(Batch([item]), 0.0)
        if partition == 1:
            kept.append(item)
    desk.partitions[0].close()
    retries.forget_closed()
    assert len(retries) == len(kept)
    assert set(retries.items()) == set(kept)


@given(waits=st.lists(st.tuples(st.sampled_from(KEYS), times, st.booleans()), min_size=1, max_size=20), latest=times)
def test_hasten_shortens_waits_and_lengthens_none(waits: list[tuple[bytes, int, bool]], latest: int) -> None:
    items = items_of([key for key, _, _ in waits])
    retries = Retries()
    for item, (_, at, alone) in zip(items, waits, strict=True):
        if alone:
            retries.add_message(item, float(at))
        else:
            retries.add_batch(Batch([item]), float(at))
    retries.hasten(float(latest))
    assert retries.next_at() == min(latest, *(at for _, at, _ in waits), 7)
    gone = 0
    while retries.due_batch(float(latest)) is not None:
        gone += 1
    while (selection := retries.due_messages(float(latest), Policy(max_bytes=WRAPPER + 10_000))).count:
        gone += selection.count
    assert gone == len(items)
