from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from processor.events import Outage
from processor.gauges import OutageWatch, gauges
from processor.model import TokenStatus
from tests.desk import Desk, event

WHAT = ("ims", "registry", "dead letters")


def edges(failing: Mapping[str, str | None]) -> SimpleNamespace:
    """A world of which this fails at present."""
    return SimpleNamespace(
        senders=SimpleNamespace(token=lambda: TokenStatus(failing=failing["ims"])),
        schemas=SimpleNamespace(failing=lambda: failing["registry"]),
        dead_letters=SimpleNamespace(failing=lambda: failing["dead letters"]),
    )


def test_gauges_say_what_is_open_held_on_its_way_and_waiting() -> None:
    desk = Desk(partitions=2)
    works = [desk.put(b"%d" % number, event(f"{number}"), partition=number % 2) for number in range(4)]
    desk.verdicts(desk.one(), None, 503)
    desk.put(b"0", event("late"))
    desk.later(1.5)
    found = gauges(desk.partitions, desk.delivery, desk.lanes, desk.now)
    still_open = [work for work in works if work.open]
    assert (found.partitions, found.open_records, found.window_records) == (2, 4, 5)
    assert found.held_bytes == sum(partition.held for partition in desk.partitions) > sum(w.held for w in still_open)
    assert (found.in_flight, found.waiting_retries, found.oldest_open_seconds) == (0, 3, 1.5)
    desk.send()
    assert gauges(desk.partitions, desk.delivery, desk.lanes, desk.now).in_flight == 1


def test_where_nothing_waits_the_oldest_is_no_second_old() -> None:
    desk = Desk()
    assert gauges(desk.partitions, desk.delivery, desk.lanes, 1000.0).oldest_open_seconds == 0.0


@given(looks=st.lists(st.fixed_dictionaries({what: st.sampled_from([None, "a", "b"]) for what in WHAT})))
def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(looks: list[dict[str, str | None]]) -> None:
    watch = OutageWatch()
    told: dict[str, list[Outage]] = {what: [] for what in WHAT}
    for look in looks:
        for outage in watch.changes(edges(look)):
            told[outage.what].append(outage)
        for what, detail in look.items():
            began = bool(told[what]) and told[what][-1].began
            assert began is (detail is not None), "what was told last is how it is"
    for outages in told.values():
        assert [outage.began for outage in outages] == [number % 2 == 0 for number in range(len(outages))]
