"""When a registry is asked, and what its answers mean: without a registry, a thread or a clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processor.kafka.registry import ASK_AGAIN, ASK_DURING_GRACE, GRACE, NoRegistry, Questions
from processor.model import FetchedSchema


def no_jitter() -> float:
    return 0.0


def test_a_wanted_id_is_asked_for_once() -> None:
    """However often it is wanted."""
    questions = Questions(no_jitter)
    assert questions.next(0.0) is None
    assert questions.wake_at() is None
    assert questions.want(7, 0.0) is None
    assert questions.want(7, 0.0) is None
    assert questions.next(0.0) == 7
    assert questions.found(7, "{}") == FetchedSchema(7, "{}")
    assert questions.next(100.0) is None


def test_unknown_is_believed_after_the_grace_time_alone() -> None:
    """Then at once, for every record that names it."""
    questions = Questions(no_jitter)
    questions.want(7, 0.0)
    assert questions.unknown(7, 10.0) is None
    assert questions.next(10.0) is None
    assert questions.wake_at() == 10.0 + ASK_DURING_GRACE
    assert questions.next(10.0 + ASK_DURING_GRACE) == 7
    assert questions.unknown(7, 10.0 + GRACE - 0.1) is None
    assert questions.wake_at() == 10.0 + GRACE
    assert questions.unknown(7, 10.0 + GRACE) == FetchedSchema(7, None)
    assert questions.want(7, 11.0 + GRACE) == FetchedSchema(7, None)


def test_what_is_unknown_is_asked_again_at_most_once_a_minute() -> None:
    """And only if somebody wants it; a schema that appears late arrives then."""
    questions = Questions(no_jitter)
    questions.want(7, 0.0)
    questions.unknown(7, 0.0)
    questions.unknown(7, GRACE)
    questions.want(7, GRACE + ASK_AGAIN - 1)
    assert questions.next(GRACE + ASK_AGAIN - 1) is None
    assert questions.want(7, GRACE + ASK_AGAIN) == FetchedSchema(7, None)
    assert questions.next(GRACE + ASK_AGAIN) == 7
    assert questions.unknown(7, GRACE + ASK_AGAIN) is None  # those who wanted it have their answer
    assert questions.next(GRACE + 2 * ASK_AGAIN - 1) is None
    questions.want(7, GRACE + 2 * ASK_AGAIN)
    assert questions.found(7, "{}") == FetchedSchema(7, "{}")
    assert questions.want(7, GRACE + 2 * ASK_AGAIN) is None


def test_an_outage_stops_all_questions_and_no_id_starves() -> None:
    """The id whose question failed comes after the others."""
    questions = Questions(no_jitter)
    questions.want(1, 0.0)
    questions.want(2, 0.0)
    assert questions.next(0.0) == 1
    questions.failed(1, "down", 0.0)
    assert questions.failing == "down"
    assert questions.next(0.0) is None
    later = questions.wake_at()
    assert later is not None
    assert later > 0.0
    assert questions.next(later) == 2
    questions.found(2, "{}")
    assert questions.failing is None
    assert questions.next(later) == 1


class Asking:
    """A loop that wants ids, and a registry that answers as told."""

    def __init__(self) -> None:
        self.questions, self.now = Questions(no_jitter), 0.0
        self.waiting: set[int] = set()
        self.healthy_since: dict[int, float] = {}

    def want(self, schema_id: int) -> None:
        self.waiting.add(schema_id)
        self.hear(self.questions.want(schema_id, self.now))

    def ask(self, outcome: str) -> None:
        schema_id = self.questions.next(self.now)
        if schema_id is None:
            return
        if outcome == "found":
            self.hear(self.questions.found(schema_id, "{}"))
            self.healthy_since.pop(schema_id, None)
        elif outcome == "unknown":
            self.healthy_since.setdefault(schema_id, self.now)
            self.hear(self.questions.unknown(schema_id, self.now))
        else:
            self.questions.failed(schema_id, "down", self.now)

    def hear(self, answer: FetchedSchema | None) -> None:
        if answer is not None:
            self.waiting.discard(answer.schema_id)
            if answer.schema is None:
                assert self.now - self.healthy_since[answer.schema_id] >= GRACE


@given(
    st.lists(st.tuples(st.sampled_from(["want", "found", "unknown", "failed", "wait"]), st.integers(1, 3)), max_size=60)
)
def test_every_want_is_answered_once_the_registry_is_well(history: list[tuple[str, int]]) -> None:
    """Whatever went before; and never "unknown" sooner than the grace time after the first healthy answer about it."""
    asking = Asking()
    for action, number in history:
        if action == "want":
            asking.want(number)
        elif action == "wait":
            asking.now += number * 7.0
        else:
            asking.ask(action)
    for _ in range(40):
        asking.now += 10.0
        asking.ask("unknown")
    assert not asking.waiting


def test_without_a_registry_every_id_is_unknown_at_once() -> None:
    """And the remedy says what to set."""
    registry = NoRegistry()
    registry.want(5)
    assert registry.arrived() == [FetchedSchema(5, None)]
    assert registry.arrived() == []
    assert registry.failing() is None
    assert "REGISTRY__URL" in registry.remedy
    registry.close()
