"""What holds of `_id`, `timestamp` and `identityMap` in every mapping, whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping.bound import (
    Argument,
    BoundMapping,
    Constant,
    Context,
    Field,
    Invoke,
    Literal,
    Lookup,
    Output,
    Pick,
    Ref,
    RowsRef,
    Unread,
)
from processor.mapping.essentials import essentials
from processor.mapping.language import Place
from processor.mapping.problems import Problem
from processor.mapping.registry import Function
from processor.mapping.sources import Reader, Source
from processor.mapping.xdm import Object, Schema, Text

TEXT = Source("string")
CUSTOMER = "data.customerIdentifiers.customerId"
SHARED = "reads nothing that tells two events apart, and Profile keeps one: see event_id"


def ref(path: str, *, item: bool = False) -> Ref:
    return Ref(path, TEXT, item)


def call(*arguments: Argument, ours: bool = True, name: str = "f") -> Invoke:
    return Invoke(Function(name, print, (), None, "string", noted=False, gone=False, ours=ours), arguments)


def said(target: str, verb: Any, *, profile: bool = False, customer: str | None = CUSTOMER) -> list[Problem]:
    """The problems of an output with one field, which stands in line 7."""
    field = Field(target, Text(), verb, True, False, Place("a.toml", 7, ""))  # noqa: FBT003
    schema = Schema("to", profile, Object({}), {})
    output = Output("to", "to", schema, None, (), (), (field,), Place("a.toml", 5, ""))
    reader = Reader("pointsIssued", "r", TEXT, customer)
    return list(essentials(BoundMapping("pointsIssued", reader, (output,), (), (), Place("a.toml", 1, ""))))


@pytest.mark.parametrize(
    "verb",
    [
        Constant("x"),
        call(),
        call(Literal("x"), Context("@output", TEXT), Context("@received", TEXT)),
        call(ref("orgId"), ref("eventName"), ref("createdAt"), ref("eventType"), ref("timeStamp")),
        call(ref("consumerGroupId"), ref("actionType"), ref("envelopeVersion"), ref("dropped")),
        Pick((ref("createdAt"),), None),
    ],
    ids=str,
)
def test_an_id_that_many_events_share_is_none(verb: Any) -> None:
    assert said("_id", verb) == [Problem("a.toml", 7, "_id", SHARED)]
    assert said("_id", verb, profile=True) == []
    assert said("id", verb) == []


@pytest.mark.parametrize(
    "verb",
    [
        call(ref("orgId"), ref("eventId")),
        call(RowsRef("data.coupons", ("id",))),
        call(ref("id", item=True)),
        Pick((ref("createdAt"), ref("refId")), None),
        Lookup({}, None, (ref("eventId"),)),
    ],
    ids=str,
)
def test_an_id_that_reads_anything_else_may_be_one(verb: Any) -> None:
    assert said("_id", verb) == []


NOW = Context("@now", TEXT)


@pytest.mark.parametrize(
    "verb",
    [
        Constant("x"),
        Pick((ref("createdAt"),), None),
        Pick((NOW,), None),
        call(NOW, ref("createdAt"), name="identifier"),
        call(NOW, ref("createdAt"), name="event_time", ours=False),
        call(Literal(1), NOW, name="event_time"),
        call(Context("@received", TEXT), NOW, name="event_time"),
        call(name="event_time"),
    ],
    ids=str,
)
def test_a_time_is_held_to_the_clock(verb: Any) -> None:
    message = 'needs call = "event_time" or "plausible_time", with "@now" first: AEP takes no event that lies ahead'
    assert said("timestamp", verb) == [Problem("a.toml", 7, "timestamp", message)]
    assert said("timestamp", verb, profile=True) == []


@pytest.mark.parametrize("name", ["event_time", "plausible_time"])
def test_the_functions_that_hold_a_time_to_the_clock(name: str) -> None:
    assert said("timestamp", call(NOW, name=name)) == []
    assert said("timestamp", call(NOW, Context("@received", TEXT), ref("createdAt"), name=name)) == []


COUPONS = "data.coupons.customerIdentifiers.customerId"


@pytest.mark.parametrize(
    ("customer", "verb", "is_right"),
    [
        (CUSTOMER, call(ref("orgId"), ref(CUSTOMER)), True),
        (CUSTOMER, call(ref("orgId"), Unread(ref(CUSTOMER))), True),
        (CUSTOMER, call(ref("orgId"), ref("data.victimCustomerIdentifiers.customerId")), False),
        (CUSTOMER, call(ref("orgId")), False),
        (CUSTOMER, Constant({}), False),
        (COUPONS, call(RowsRef("data.coupons", ("id", "customerIdentifiers.customerId"))), True),
        (COUPONS, call(RowsRef("data.coupons", ("id",))), False),
        (None, call(ref("orgId")), True),
    ],
    ids=str,
)
def test_profile_is_of_the_customer_whom_the_key_names(customer: str | None, verb: Any, *, is_right: bool) -> None:
    message = f"must read {customer}: Profile is of the customer whom the key names"
    wrong = [Problem("a.toml", 7, "identityMap", message)]
    assert said("identityMap", verb, profile=True, customer=customer) == ([] if is_right else wrong)
    assert said("identityMap", verb, customer=customer) == []
