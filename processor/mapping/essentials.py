"""Rules for the fields that every message stands on, which the types on both sides of a mapping do not show.

They hold for whoever wrote a mapping, a brand too. An `_id` that many events share costs all but one of them in
Profile, a time that lies ahead is refused, and a Profile write of anybody but the customer of the Kafka key comes in no
order.
"""

from __future__ import annotations

from collections.abc import Iterator

from processor.mapping.bound import BoundMapping, Context, Field, Invoke
from processor.mapping.functions import event_time, plausible_time
from processor.mapping.problems import Problem
from processor.mapping.sources import Reader

_OF_MANY = frozenset(
    {
        "orgId",
        "eventName",
        "createdAt",
        "eventType",
        "timeStamp",
        "consumerGroupId",
        "actionType",
        "envelopeVersion",
        "dropped",
    }
)
"""What many events have in common: two of one millisecond are nothing rare."""

_CLOCKED = frozenset({event_time.__name__, plausible_time.__name__})
"""The functions that hold a time to the clock, their first argument."""


def essentials(mapping: BoundMapping) -> Iterator[Problem]:
    """What is wrong with `_id`, `timestamp` and `identityMap` of a mapping's outputs, where they are set at all."""
    for output in mapping.outputs:
        for field in output.fields:
            match field.target, output.profile:
                case "_id", False:
                    yield from _id(field)
                case "timestamp", False:
                    yield from _timestamp(field)
                case "identityMap", True:
                    yield from _identity(field, mapping.reader)


def _id(field: Field) -> Iterator[Problem]:
    if not set(field.reads()) - _OF_MANY:
        yield field.place.problem(
            "_id", "reads nothing that tells two events apart, and Profile keeps one: see event_id"
        )


def _timestamp(field: Field) -> Iterator[Problem]:
    match field.verb:
        case Invoke(function, (Context("@now"), *_)) if function.ours and function.name in _CLOCKED:
            return
    message = 'needs call = "event_time" or "plausible_time", with "@now" first: AEP takes no event that lies ahead'
    yield field.place.problem("timestamp", message)


def _identity(field: Field, reader: Reader) -> Iterator[Problem]:
    """Profile is written in the order of the Kafka key, so about the customer whom it names."""
    customer = reader.customer
    if customer is not None and customer not in {place.replace("[]", "") for place in field.reads()}:
        yield field.place.problem("identityMap", f"must read {customer}: Profile is of the customer whom the key names")
