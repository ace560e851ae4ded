"""What goes wrong, on demand: faults scripted for the next request, and a plan that throws dice from a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Literal

from processor.simulator.http import Cut

Where = Literal["inlet", "ims"]

HTML = "<html><head><title>Sign in</title></head><body>Please sign in to the guest network.</body></html>"


class Twist(Enum):
    """A reply that nobody can attribute."""

    SHORT = "short"  # a response is missing
    LONG = "long"  # there is one too many
    PERMUTED = "permuted"  # the responses come in another order, with the ids to show it


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request.

    Args:
        status: answered instead of the real status.
        body: the text of that answer, as it is: empty, HTML, anything.
        retry_after: the header's value as it is; `date+N` becomes the HTTP date N seconds from now.
        location: the header's value, for a redirect.
        accept: whether the request is treated as usual first. By default it is, unless there is a status.
        items: status by position, for single messages.
        twist: what is done to the list of responses.
        cut: how the connection ends instead.
        delay: seconds before the reply.
        drip: seconds between the bytes of the reply.
        where: which requests it is for.
        holding: only for a request that holds this text.
    """

    status: int | None = None
    body: str = ""
    retry_after: str | None = None
    location: str | None = None
    accept: bool | None = None
    items: Mapping[int, int] = field(default_factory=dict)
    twist: Twist | None = None
    cut: Cut | None = None
    delay: float = 0.0
    drip: float = 0.0
    where: Where = "inlet"
    holding: str = ""

    @property
    def treats(self) -> bool:
        """Whether messages are accepted as if nothing was wrong."""
        return self.status is None if self.accept is None else self.accept

    @property
    def hides(self) -> bool:
        """Whether a client cannot know what was accepted."""
        return self.cut is not None or self.twist is not None or self.status is not None or bool(self.drip)

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Fault:
        """Reads what the admin surface was given. Raises ValueError for what it does not know."""
        wrong = sorted(name for name, value in document.items() if not isinstance(value, _JSON_TYPES.get(name, ())))
        if wrong:
            raise ValueError(f"unknown, or of the wrong type: {', '.join(wrong)}")
        values = dict(document)
        items = document.get("items", {})
        assert isinstance(items, Mapping)
        values["items"] = {int(position): int(status) for position, status in items.items()}
        values["twist"] = Twist(values["twist"]) if values.get("twist") else None
        values["cut"] = Cut(values["cut"]) if values.get("cut") else None
        return cls(**values)  # type: ignore[arg-type]  # the table has checked them


_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "status": (int,),
    "body": (str,),
    "retry_after": (str,),
    "location": (str,),
    "accept": (bool,),
    "items": (dict,),
    "twist": (str,),
    "cut": (str,),
    "delay": (int, float),
    "drip": (int, float),
    "where": (str,),
    "holding": (str,),
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How often what goes wrong, as shares of all requests (`items`: of all messages). Equal seeds, equal dice.

    Args:
        seed: decides the dice.
        refused: 429, 500, 503 or 504, with and without Retry-After; nothing is accepted.
        items: single messages refused for now, with 429, 500 or 503.
        hidden: accepted, and the reply cut: FIN, RST or half of it.
        vanished: nothing accepted and no reply.
        slow: accepted, and answered `slow_seconds` late.
        twisted: accepted, and a list of responses that nobody can attribute.
        portal: 200 with a page of HTML; nothing is accepted.
        unauthorized: 401 or 403.
        ims: IMS answers 429 or 503.
        slow_seconds: how late.
    """

    seed: int = 0
    refused: float = 0.0
    items: float = 0.0
    hidden: float = 0.0
    vanished: float = 0.0
    slow: float = 0.0
    twisted: float = 0.0
    portal: float = 0.0
    unauthorized: float = 0.0
    ims: float = 0.0
    slow_seconds: float = 1.0

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> FaultPlan:
        """Reads `{"preset": NAME}`, rates by name, or both. Raises ValueError for what it does not know."""
        rates = dict(document)
        preset = str(rates.pop("preset", "none"))
        if preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}")
        unknown = rates.keys() - {each.name for each in fields(cls)}
        if unknown or not all(isinstance(rate, int | float) for rate in rates.values()):
            raise ValueError(f"rates are numbers, and their names {', '.join(each.name for each in fields(cls))}")
        return replace(PRESETS[preset], **rates)  # type: ignore[arg-type]  # checked just above


PRESETS: Mapping[str, FaultPlan] = {
    "none": FaultPlan(),
    "some": FaultPlan(refused=0.03, items=0.02, hidden=0.02, slow=0.02),
    "storm": FaultPlan(
        refused=0.10,
        items=0.10,
        hidden=0.05,
        vanished=0.03,
        slow=0.05,
        twisted=0.02,
        portal=0.01,
        unauthorized=0.01,
        ims=0.20,
    ),
}
"""`demo --faults` and `simulate --faults` choose one of these."""


class Faults:
    """Decides for each request. Threads may share it; with several connections the order of the dice is theirs."""

    def __init__(self, plan: FaultPlan = PRESETS["none"]) -> None:
        self._lock = threading.Lock()
        self._scripted: list[Fault] = []
        self._poison: Callable[[Mapping[str, object]], bool] | None = None
        self.plan = plan

    @property
    def plan(self) -> FaultPlan:
        """The rates in force; a new plan starts its dice from its seed."""
        return self._plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        with self._lock:
            self._plan = plan
            self._dice = random.Random(plan.seed)  # noqa: S311 - repeatable faults, no secret
            rates = (plan.refused, plan.hidden, plan.vanished, plan.slow, plan.twisted, plan.portal, plan.unauthorized)
            self._throws = tuple(zip(rates, _THROWS, strict=True))

    def script(self, *faults: Fault) -> None:
        """Each fault happens once, to the next request that it is for, in this order."""
        with self._lock:
            self._scripted += faults

    def poison(self, holds: Callable[[Mapping[str, object]], bool] | None) -> None:
        """From now on a request with an entity for which this is true is answered 500; None ends it."""
        self._poison = holds

    @property
    def poisoned(self) -> Callable[[Mapping[str, object]], bool] | None:
        """Which entities are poison."""
        return self._poison

    def waiting(self) -> int:
        """Scripted faults that have not happened yet."""
        with self._lock:
            return len(self._scripted)

    def reset(self) -> None:
        """Nothing goes wrong any more."""
        self.plan = PRESETS["none"]
        self._poison = None
        with self._lock:
            self._scripted.clear()

    def next(self, where: Where, body: bytes | bytearray) -> Fault | None:
        """The fault for this request, if any."""
        with self._lock:
            for position, fault in enumerate(self._scripted):
                if fault.where == where and (not fault.holding or fault.holding.encode() in body):
                    return self._scripted.pop(position)
            return self._throw(where)

    def items(self, count: int) -> dict[int, int]:
        """Which of so many messages are refused for now, and how."""
        rate = self._plan.items
        if not rate:
            return {}
        with self._lock:
            dice = self._dice
            return {position: dice.choice((429, 500, 503)) for position in range(count) if dice.random() < rate}

    def _throw(self, where: Where) -> Fault | None:
        plan, dice = self._plan, self._dice
        if where == "ims":
            return _refused(plan, dice, "ims") if plan.ims and dice.random() < plan.ims else None
        if not any(rate for rate, _ in self._throws):
            return None
        left = dice.random()
        for rate, make in self._throws:
            if left < rate:
                return make(plan, dice)
            left -= rate
        return None


def _refused(_: FaultPlan, dice: random.Random, where: Where = "inlet") -> Fault:
    status = dice.choice((429, 503) if where == "ims" else (429, 500, 503, 504))
    wait = dice.choice((None, "1", "date+1", "soon")) if status in (429, 503) else None
    return Fault(status, body=dice.choice(("", HTML)), retry_after=wait, where=where)


def _hidden(_: FaultPlan, dice: random.Random) -> Fault:
    return Fault(cut=dice.choice((Cut.FIN, Cut.RST, Cut.HALF)))


def _vanished(_: FaultPlan, dice: random.Random) -> Fault:
    return Fault(cut=dice.choice((Cut.FIN, Cut.RST)), accept=False)


def _slow(plan: FaultPlan, _: random.Random) -> Fault:
    return Fault(delay=plan.slow_seconds)


def _twisted(_: FaultPlan, dice: random.Random) -> Fault:
    return Fault(twist=dice.choice(tuple(Twist)))


def _portal(_: FaultPlan, __: random.Random) -> Fault:
    return Fault(200, body=HTML)


def _unauthorized(_: FaultPlan, dice: random.Random) -> Fault:
    return Fault(dice.choice((401, 403)))


_THROWS: tuple[Callable[[FaultPlan, random.Random], Fault], ...] = (
    _refused,
    _hidden,
    _vanished,
    _slow,
    _twisted,
    _portal,
    _unauthorized,
)
