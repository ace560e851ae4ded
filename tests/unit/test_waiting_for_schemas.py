"""The loop and a registry: who waits for a schema, for how long, and what an id that nobody knows comes to."""

from __future__ import annotations

from collections.abc import Sequence

from processor.kafka.registry import ASK_AGAIN, GRACE, Questions
from processor.model import FetchedSchema, TopicPartition
from tests.world import TOPIC, Rates, World

FIRST = TopicPartition(TOPIC, 0)


class Registry:
    """The product's own questions, answered at once by what is registered."""

    def __init__(self, world: World) -> None:
        self.world, self.registered, self.asked = world, set[int](), list[int]()
        self._questions = Questions(lambda: 0.5)
        self._arrived: list[FetchedSchema] = []

    def want(self, schema_id: int) -> None:
        """Asks."""
        answer = self._questions.want(schema_id, self.world.now)
        self._arrived += [answer] if answer else []

    def arrived(self) -> Sequence[FetchedSchema]:
        """What came since."""
        while (schema_id := self._questions.next(self.world.now)) is not None:
            self.asked.append(schema_id)
            known = schema_id in self.registered
            answer = (
                self._questions.found(schema_id, "{}") if known else self._questions.unknown(schema_id, self.world.now)
            )
            self._arrived += [answer] if answer else []
        arrived, self._arrived = self._arrived, []
        return arrived

    def failing(self) -> str | None:
        """Never."""
        return None


def world_with_registry() -> tuple[World, Registry]:
    world = World(4, Rates(latency=0.05), partitions=1)
    registry = Registry(world)
    edges = world.workers[0].pipeline._edges
    object.__setattr__(edges, "schemas", registry)
    return world, registry


def settle(world: World) -> None:
    """Runs until all that was produced is committed."""
    until = world.now + 300
    while not world.finished():
        assert world.now < until
        world.step()


def test_an_id_is_poison_a_minute_after_it_was_first_unknown_and_later_records_of_it_are_at_once() -> None:
    world, _ = world_with_registry()
    first = world.log.append(FIRST, b"k", b"schema 7")
    began = world.now
    settle(world)
    assert world.now - began >= GRACE
    later = world.log.append(FIRST, b"k", b"schema 7")
    began = world.now
    settle(world)
    assert world.now - began < GRACE / 10
    assert {(FIRST, record.offset, "") for record in (first, later)} == world.buried


def test_an_id_that_was_unknown_is_asked_for_again_so_that_its_schema_may_still_be_registered() -> None:
    world, registry = world_with_registry()
    world.log.append(FIRST, b"k", b"schema 7")
    settle(world)
    registry.registered.add(7)
    world.advance(ASK_AGAIN)
    world.log.append(FIRST, b"k", b"schema 7")  # this one asks, and does not wait
    settle(world)
    good = world.log.append(FIRST, b"k", b"schema 7")
    settle(world)
    assert (FIRST, good.offset, "events") in world.aep.accepted
    assert len(world.buried) == 2


def test_many_records_of_an_unknown_id_are_one_question_a_minute() -> None:
    world, registry = world_with_registry()
    world.produce(3, kinds=("event",))
    world.log.append(FIRST, b"k", b"schema 7")
    settle(world)
    before = len(registry.asked)
    for _ in range(10):
        world.log.append(FIRST, b"k", b"schema 7")
    settle(world)
    assert len(registry.asked) == before


def test_records_behind_one_that_waits_for_its_schema_keep_their_order_and_those_of_other_partitions_pass() -> None:
    world = World(4, Rates(latency=0.05), partitions=2)
    world.log.append(FIRST, b"a", b"schema 5")
    behind = world.log.append(FIRST, b"a", b"event")
    other = world.log.append(TopicPartition(TOPIC, 1), b"b", b"event")
    while not world.aep.arrivals:
        world.step()
    assert world.aep.arrivals == [(TopicPartition(TOPIC, 1), other.offset, "events")]
    settle(world)
    assert [offset for partition, offset, _ in world.aep.arrivals if partition == FIRST] == [0, behind.offset]
