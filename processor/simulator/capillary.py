"""Capillary as a source: endless, repeatable, synthetic traffic for the demo, the tests and the bench.

Every customer joins first (customerAdded), then buys (transactionAdded), most purchases earn points (pointsIssued, of
the same request, a few events later), and now and then a profile changes (customerUpdated). What tells order and loss
at the other end: `createdAt` grows strictly over the whole stream, so it does per customer; `transactionId` grows with
each bill; `programLifetimePoints` and the balance grow with each award of a customer.

Nobody in it exists: addresses end in example.com, numbers are out of a range that the generator made up.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

Record = dict[str, object]

ENVELOPES = ("A", "B", "B-prefixed", "C", "D")
"""The envelopes in the order in which documents take turns."""

START_MS = 1_750_000_000_000
"""2025-06-15: a million events later it is still the past, which AEP insists on."""

_FIRST_ORG = 150_698
_FIRST_CUSTOMER = 164_875_000
_FIRST_TRANSACTION = 2_147_864_816  # beyond 32 bits from the first bill on
_PROGRAM = 2_649
_JOINING = 0.2  # of all requests, while there is somebody left to join
_UPDATING = 0.05
_EARNING = 0.9  # of all purchases
_RETURNING = 0.03
_AWARDING = 0.5  # of all turns, while points are still to come
_WAITING = 8  # bills whose points are still to come

_GIVEN = ("Sari", "Budi", "Ayu", "Wei Ling", "Arjun", "Mei", "Nur", "José", "愛", "Zoë")
_FAMILY = ("Dewi", "Santoso", "Tan", "Kumar", "佐藤", "Rahman", "Silva", "Lim")
_CHANNELS = ("instore", "INSTORE", "MOBILE_APP", "WEBSITE")
_CURRENCIES = ("IDR", "SGD", "MYR", " ")
_CHANNEL_BLOCKS = (
    "facebook",
    "web_engage",
    "wechat",
    "martjack",
    "tmall",
    "toabao",
    "jd",
    "ecommerce",
    "website",
    "line",
)


class Sent(NamedTuple):
    """One event for Kafka: its key, its name, its record with every field of the contract. Records share parts."""

    key: bytes
    event: str
    record: Record


class _Bill(NamedTuple):
    customer: int
    transaction: int
    number: str
    amount: float
    request: str


class Generator:
    """Synthetic traffic of some customers of some orgs. Equal arguments give equal streams.

    Args:
        seed: decides everything.
        customers: how many there are; they are dealt to the orgs in turn.
        orgs: how many Capillary orgs there are.
        start_ms: `createdAt` of the first event; the next ones follow by 1 to 19 ms.

    One generator is one stream: `events` and `records` both go on where the last call of either stopped. What they
    yield is to be read, not changed.
    """

    def __init__(self, seed: int, customers: int, orgs: int = 1, start_ms: int = START_MS) -> None:
        if customers < 1 or orgs < 1:
            raise ValueError("at least one customer and one org")
        self._random = random.Random(seed)  # noqa: S311 - repeatable data, no secret
        self._customers = customers
        self._orgs = orgs
        self._run = f"{seed & 0xFFFFFFFF:08x}"
        self._number = 0
        self._joined = 0
        self._transactions = 0
        self._now_ms = start_ms
        self._balances = [0.0] * customers
        self._bills: deque[_Bill] = deque()

    def events(self, n: int) -> Iterator[Record]:
        """The next `n` events as JSON documents, in the envelopes A to D by turns."""
        for sent in self.records(n):
            yield wrap(sent.record)

    def records(self, n: int) -> Iterator[Sent]:
        """The next `n` events as canonical records: what `read_event` makes of the documents, without the work."""
        return islice(self._stream(), n)

    def _stream(self) -> Iterator[Sent]:
        while True:
            yield self._next()

    def _next(self) -> Sent:
        bills, chance = self._bills, self._random.random
        if bills and (len(bills) >= _WAITING or chance() < _AWARDING):
            return self._points(bills.popleft())
        if self._joined == 0 or (self._joined < self._customers and chance() < _JOINING):
            self._joined += 1
            return self._added(self._joined - 1)
        customer = int(chance() * self._joined)
        return self._updated(customer) if chance() < _UPDATING else self._bought(customer)

    def _added(self, customer: int) -> Sent:
        given, family = _name(customer)
        data: Record = {
            "loyaltyType": "LOYALTY",
            "source": _CHANNELS[customer % len(_CHANNELS)],
            "accountId": None,
            "firstName": given,
            "lastName": family,
            "enteredAt": self._now_ms - 1_500,
            "enteredBy": _entered_by(customer),
            "customerIdentifiers": _identifiers(customer, self._org(customer)),
            "customFields": [{"key": "favourite_store", "value": f"store.{customer % 40:02}"}],
            "extendedFields": [{"key": "PreferredLanguage", "value": "id"}],
        }
        return self._sent("customerAdded", customer, data, entity=_customer_id(customer))

    def _updated(self, customer: int) -> Sent:
        given, family = _name(customer)
        change = {
            "fieldName": "gender",
            "previousValue": "Female",
            "currentValue": "Male",
            "fieldType": "ExtendedField",
            "source": None,
            "accountId": None,
        }
        data: Record = {
            "loyaltyType": "loyalty",
            "source": "INSTORE",
            "accountId": "",
            "firstName": given,
            "lastName": family,
            "enteredAt": START_MS - 1_000_000 + customer,
            "enteredBy": _till(customer),
            "updatedFields": [change] if customer % 2 else [],
            "customerStatus": None,
            "triggeringActivity": _activity("PROFILE_UPDATE", request=f"REQ_{self._number}"),
            "customerIdentifiers": _identifiers(customer, self._org(customer)),
            "customFields": [],
            "extendedFields": [],
        }
        return self._sent("customerUpdated", customer, data, entity=_customer_id(customer))

    def _bought(self, customer: int) -> Sent:
        chance = self._random.random
        returned = chance() < _RETURNING
        self._transactions += 1
        transaction = _FIRST_TRANSACTION + self._transactions
        amount = int(chance() * 9_000_000) / 100 + 1
        bill = _Bill(customer, transaction, f"2_134577_1_{self._transactions}", amount, self._request())
        if not returned and chance() < _EARNING:
            self._bills.append(bill)
        data: Record = {
            "transactionId": transaction,
            "billNumber": bill.number,
            "billClientId": None,
            "amount": amount,
            "grossAmount": amount + 10.0,
            "discount": 10.0,
            "currencyCode": _CURRENCIES[customer % len(_CURRENCIES)],
            "billType": "RETURN" if returned else "REGULAR",
            "deliveryStatus": "RETURNED" if returned else "PLACED",
            "outlierStatus": "NORMAL",
            "lineItemCount": 1 + customer % 5,
            "billDate": self._now_ms - 40_000,
            "enteredAt": self._now_ms - 30_000,
            "enteredBy": _entered_by(customer),
            "customerIdentifiers": _identifiers(customer, self._org(customer)),
            "customFields": [{"key": "field2", "value": "10"}],
            "extendedFields": [],
            "lineItems": None,
            "paymentModes": None,
        }
        return self._sent("transactionAdded", customer, data, entity=transaction, request=bill.request)

    def _points(self, bill: _Bill) -> Sent:
        customer = bill.customer
        points = max(1.0, bill.amount // 100)
        balance = self._balances[customer] = self._balances[customer] + points
        loyalty_event = f"{self._number:010d}"
        user = {"entityType": "USER", "entityId": _customer_id(customer)}
        identifiers = [{"key": "BillId", "value": str(bill.transaction)}, {"key": "billNumber", "value": bill.number}]
        data: Record = {
            "customerIdentifiers": _identifiers(customer, self._org(customer)),
            "entityInformation": user,
            "triggeringActivity": _activity("TransactionAdd", identifiers, _till(customer) | _NOBODY, user),
            "loyaltyProgramDetails": _PROGRAM_DETAILS,
            "loyaltyProgramId": _PROGRAM,
            "programCurrentPoints": balance,
            "programLifetimePoints": balance,
            "totalPointsIssued": points,
            "regularPointsIssued": points,
            "regularPointsBreakup": [{"points": points, "expiryAt": "2026-06-30"}],
            "promotionalPointsIssued": [],
            "promisedPointsIssued": None,
            "availablePointsBalance": None,
            "behavioralEventAttributes": None,
        }
        request, entity = bill.request, loyalty_event
        return self._sent("pointsIssued", customer, data, entity=entity, request=request, loyalty=loyalty_event)

    def _sent(
        self,
        event: str,
        customer: int,
        data: Record,
        *,
        entity: object,
        request: str | None = None,
        loyalty: str | None = None,
    ) -> Sent:
        """The record around the body; the clock moves on."""
        org = self._org(customer)
        record: Record = {
            "eventName": event,
            "eventId": f"{self._run}-0000-4000-8000-{self._number:012x}",
            "eventLogId": 39_125_117 + self._number if loyalty else None,
            "orgId": org,
            "refId": f"{org}_{entity}",
            "apiRequestId": request or self._request(),
            "createdAt": self._now_ms,
            "loyaltyEventId": loyalty,
            "traceAttributes": None,
            **_provenance(event, org, self._now_ms, ENVELOPES[self._number % len(ENVELOPES)]),
            "dropped": None,
            "data": data,
        }
        self._number += 1
        self._now_ms += 1 + int(self._random.random() * 19)
        return Sent(f"{org}:{_customer_id(customer)}".encode(), event, record)

    def _org(self, customer: int) -> int:
        return _FIRST_ORG + customer % self._orgs

    def _request(self) -> str:
        return f"{self._run}{self._number:024x}"


def wrap(record: Record) -> Record:
    """A canonical record as the JSON document that Capillary would send, in the envelope that it says it came in."""
    sent = {name: value for name, value in record.items() if value is not None and name not in _NOT_SENT}
    sent["data"] = _without_nulls(record["data"])
    return _WRAP[str(record["envelopeVersion"])](sent, record)


def _stream_wrapper(flat: Record, record: Record) -> Record:
    outside: Record = {name: flat.pop(name) for name in ("eventId", "eventLogId") if name in flat}
    wrapper: Record = {name: record[name] for name in ("eventType", "consumerGroupId", "actionType", "timeStamp")}
    return {**outside, **wrapper, "attributes": flat}


_WRAP: dict[str, Callable[[Record, Record], Record]] = {
    "A": lambda flat, _: flat,
    "B": _stream_wrapper,
    "C": lambda flat, _: {"body": flat},
    "D": lambda flat, _: {"data": flat, "errors": None, "warnings": None},
}
_NOT_SENT = frozenset({"envelopeVersion", "eventType", "timeStamp", "consumerGroupId", "actionType", "dropped"})


def _provenance(event: str, org: int, now_ms: int, envelope: str) -> Record:
    stream = envelope.startswith("B")
    return {
        "envelopeVersion": envelope[0],
        "eventType": (event if envelope == "B" else f"{org}_{event}") if stream else None,
        "timeStamp": now_ms + 40 if stream else None,
        "consumerGroupId": None,
        "actionType": "START" if stream else None,
    }


def _without_nulls(value: object) -> object:
    """As Capillary leaves out what it does not have."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _customer_id(customer: int) -> int:
    return _FIRST_CUSTOMER + customer


def _name(customer: int) -> tuple[str, str]:
    return _GIVEN[customer % len(_GIVEN)], _FAMILY[customer // len(_GIVEN) % len(_FAMILY)]


_NO_CHANNELS: Record = dict.fromkeys(_CHANNEL_BLOCKS)


def _identifiers(customer: int, org: int) -> Record:
    """One customer in 17 is known by id alone, one in 13 has no e-mail address, as with the brands themselves."""
    instore: Record | None = {
        "id": None,
        "mobile": f"62812{customer:08d}",
        "email": f"shopper.{customer}@org{org}.example.com" if (customer + 1) % 13 else "",
        "externalId": f"0002{customer:08d}",
        "cardnumber": None,
        "cardexternalid": None,
        "cardNumbers": [f"CARD_{customer}"] if customer % 3 == 0 else [],
    }
    return {
        "customerId": _customer_id(customer),
        "firstName": None,
        "lastName": None,
        "loyaltyType": "loyalty",
        "instore": instore if (customer + 1) % 17 else None,
        **_NO_CHANNELS,
    }


_NOBODY: Record = {"entityInformation": None}


def _till(customer: int) -> Record:
    """Who entered it, without enrichment."""
    return {"id": 200_320_000 + customer % 40, "user": None, "till": None, "store": None}


def _entered_by(customer: int) -> Record:
    code = f"{customer % 40:02}"
    store = {"code": f"store.{code}", "name": f"Kedai Café №{code}", "externalId": f"JKT{code}"}
    till = {"code": f"till.{code}", "name": f"till.{code}"}
    return {**_till(customer), "till": till, "store": {**store, "externalId1": "", "externalId2": ""}}


def _activity(
    name: str,
    identifiers: list[dict[str, str]] | None = None,
    entered_by: Record | None = None,
    entity: Record | None = None,
    *,
    request: str | None = None,
) -> Record:
    return {
        "name": name,
        "requestId": request,
        "identifiers": identifiers,
        "enteredBy": entered_by,
        "entityInformation": entity,
        "additionalAttributes": None if identifiers is None else [],
    }


_PROGRAM_DETAILS: Record = {
    "id": _PROGRAM,
    "name": "Demo DefaultProgram",
    "isDefault": True,
    "pointsToCurrencyRatio": 0.5,
    "tiers": [
        {"tierNumber": 1, "tierName": "Silver"},
        {"tierNumber": 2, "tierName": "Gold"},
        {"tierNumber": 3, "tierName": "Platinum"},
    ],
}
