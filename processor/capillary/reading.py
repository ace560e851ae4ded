"""A document -> one record of its event's contract, and that record -> Avro."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import fastavro

from processor.capillary.contracts import Contract, Contracts
from processor.capillary.envelope import Envelope, unwrap
from processor.capillary.errors import CapillaryError, IgnoredEventError
from processor.capillary.mend import Findings
from processor.capillary.names import named, pick, shown
from processor.capillary.nothing import is_vain, says_nothing
from processor.capillary.scalars import Unfit


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """One event in its canonical form.

    `record` has every field of the contract, None where the event has nothing, so that Avro gives back the same.
    `key` is the Kafka key `orgId:customerId`, or what the contract has for an event of several customers, else None.
    `notes` say by path what was left out or dropped and why, sorted, and never hold a value; the paths of dropped
    values are also in `record["dropped"]`.
    """

    event: str
    record: dict[str, object]
    key: bytes | None
    notes: tuple[str, ...] = ()


def read_event(document: object, contracts: Contracts) -> CanonicalEvent:
    """Reads one JSON document in any of Capillary's envelopes.

    Raises:
        CapillaryError: not an event, an event that no contract describes, no body, no org or two different ones.
            Nothing else is raised, whatever JSON comes.
        IgnoredEventError: an event that goes nowhere on purpose; it is a CapillaryError, for whom that is all the same.
    """
    envelope = unwrap(document)
    contract = _contract(envelope, contracts)
    findings = Findings()
    _disagreements(envelope, contract, contracts, findings)
    record = contract.root.record(_sunk(_lifted(envelope.fields, contract), contract), findings)
    if record["data"] is not None and "data" in findings.dropped:
        raise CapillaryError("two bodies in one event", "data", "ask who wrapped the event")
    if record["data"] is None:
        raise CapillaryError("no body", "data", "every event carries an object, if only an empty one")
    record["orgId"] = org = _org(record, envelope)
    _name(record, envelope, contract)
    record["envelopeVersion"] = envelope.version
    record["dropped"] = sorted(findings.dropped) or None
    return CanonicalEvent(contract.event, record, _key(org, record, contract), tuple(sorted(findings.notes)))


def encode(event: CanonicalEvent, contracts: Contracts) -> bytes:
    """The Avro payload of an event, without any framing."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, contracts[event.event].parsed, event.record)  # type: ignore[arg-type]
    return buffer.getvalue()


def _contract(envelope: Envelope, contracts: Contracts) -> Contract:
    if (reason := contracts.ignored.get(envelope.name)) is not None:  # first: a brand may switch one of ours off
        raise IgnoredEventError(f"ignored event {shown(envelope.name)}", "eventName", reason)
    contract = contracts.find(envelope.name)
    if contract is not None:
        return contract
    nearest = contracts.nearest(envelope.name)
    hint = f"the nearest that is known is {nearest}" if nearest else f"known are {', '.join(sorted(contracts))}"
    raise CapillaryError(f"unknown event {shown(envelope.name)}", "eventName", hint)


def _disagreements(envelope: Envelope, contract: Contract, contracts: Contracts, findings: Findings) -> None:
    """Where the parts of an envelope say different things: one of them is taken, and that there were two is told."""
    for name in envelope.twice:
        if (member := contract.root.member(name)) is not None:
            findings.drop(member.path, Unfit("the wrapper has another value, which is taken"))
    if envelope.type_name is not None and contracts.find(envelope.type_name) not in (None, contract):
        findings.note("eventType", "names another event than eventName, which is taken")


def _lifted(fields: dict[str, object], contract: Contract) -> dict[str, object]:
    """Some pointsIssued samples of 2025 have `loyaltyEventId` inside `data`; it belongs to the envelope."""
    name = "loyaltyEventId"
    where, body = _body(fields)
    if name in contract.body or not named(body, name) or not says_nothing(pick(fields, name)):
        return fields
    return {**_without(fields, name), where: _without(body, name), **_spelled(body, name)}


def _sunk(fields: dict[str, object], contract: Contract) -> dict[str, object]:
    """`availablePointsBalance` is described in prose alone: where it stands beside `data`, it belongs there."""
    name = "availablePointsBalance"
    where, body = _body(fields)
    if not where or name not in contract.body or is_vain(pick(fields, name)) or not is_vain(pick(body, name)):
        return fields
    return {**_without(fields, name), where: {**_without(body, name), **_spelled(fields, name)}}


def _body(fields: dict[str, object]) -> tuple[str, dict[str, object]]:
    """The body that is taken and how its name is spelled; there may be others, and the contract tells them apart."""
    data = pick(fields, "data")
    if not isinstance(data, dict):
        return "", {}
    return next(key for key in named(fields, "data") if fields[key] is data), data


def _spelled(content: dict[str, object], name: str) -> dict[str, object]:
    """What stands under a name, in all its spellings."""
    return {key: content[key] for key in named(content, name)}


def _without(content: dict[str, object], name: str) -> dict[str, object]:
    """All but that."""
    left_out = frozenset(named(content, name))
    return {key: value for key, value in content.items() if key not in left_out}


def _org(record: dict[str, object], envelope: Envelope) -> int:
    """The event's org; `eventType` may have it alone. That there are no two was seen before."""
    org = envelope.org if says_nothing(record["orgId"]) else record["orgId"]
    if not isinstance(org, int) or org <= 0:
        raise CapillaryError("no usable org", "orgId", "every event carries the positive id of its Capillary org")
    return org


def _name(record: dict[str, object], envelope: Envelope, contract: Contract) -> None:
    """The canonical name; a name received in another spelling is kept where envelope B has it, in `eventType`."""
    record["eventName"] = contract.event
    if record["eventType"] is None and envelope.name != contract.event:
        record["eventType"] = envelope.name


def _key(org: int, record: dict[str, object], contract: Contract) -> bytes | None:
    for path in (contract.customer, contract.otherwise):
        found = set(_ids(record, path)) if path else set()
        if len(found) == 1 and None not in found:
            return f"{org}:{found.pop()}".encode()
    return None


def _ids(value: object, path: tuple[str, ...]) -> Iterator[object]:
    """What stands at the end of a path, once for every item of an array on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _ids(item, path)
    elif not path:
        yield value
    else:
        yield from _ids(value.get(path[0]) if isinstance(value, dict) else None, path[1:])
