"""Capillary wraps the same event in several envelopes; here they all become the flat one.

    A  {"eventName", "orgId", ..., "data"}                                       webhook body, the present default
    B  {"eventId", "eventType", "timeStamp", ..., "attributes": {A without eventId}}      stream wrapper, since 2023
    C  {"body": A}                                                               older pages
    D  {"data": A, "errors", "warnings"}                                         answers of an API
    E  {"event": {"body": A, "headers", ...}}                                    captures of a webhook tester

Nothing in a document names its envelope, and every event was seen in more than one, so the shape decides. The source
is the list of samples that Capillary publishes (docs.capillarytech.com, "Event schema").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processor.capillary.errors import CapillaryError
from processor.capillary.names import fold, named, pick
from processor.capillary.nothing import says_nothing
from processor.capillary.scalars import Unfit, long

_WRAPPERS = 4  # nobody was seen to nest more than two
_EVENT_TYPE = re.compile(r"(?:([0-9]{1,18})_)?(.+)", re.DOTALL)


class Envelope(NamedTuple):
    """A document in the flat form.

    `version` is the letter of the outermost envelope, `fields` what envelope A has at its root together with what B
    adds. `name` is the event's name as received, `org` and `type_name` are what `eventType` says, if it does. `twice`
    are the names under which the wrapper and what is in it say different things: the wrapper holds.
    """

    version: str
    fields: dict[str, object]
    name: str
    org: int | None
    type_name: str | None = None
    twice: tuple[str, ...] = ()


def unwrap(document: object) -> Envelope:
    """Takes the wrappers off a document.

    Raises:
        CapillaryError: not an object, wrapped more often than any envelope is, or without the name of an event.
    """
    version, content = "", _object(document)
    orgs: list[object] = []
    twice: list[str] = []
    for _ in range(_WRAPPERS):
        orgs += _orgs(content)
        letter, content = _peel(content, orgs, twice)
        version = version or letter
        if letter == "A":
            _refuse_two(orgs)
            return _envelope(version, content, twice)
    raise CapillaryError("more wrappers than any envelope has", "the document", "send the event itself")


def _object(document: object) -> dict[str, object]:
    if isinstance(document, dict):
        return document
    raise CapillaryError("not a JSON object", "the document", "send one event as one JSON object")


def _peel(content: dict[str, object], orgs: list[object], twice: list[str]) -> tuple[str, dict[str, object]]:
    """One wrapper less; the letter says which. A is the last. What B hides of its inside is added to the lists."""
    data = pick(content, "data")
    if isinstance(data, dict) and data and _names_event(content):
        _refuse_another(content, data)
        return "A", content
    if (attributes := _wrapped(content, "attributes")) is not None:
        orgs += _orgs(attributes)
        return "B", _flat(content, attributes, twice)
    if (body := _wrapped(content, "body")) is not None:
        return "C", body
    if (inside := _wrapped(content, "data")) is not None and _is_event(inside):
        return "D", inside
    if (event := _wrapped(content, "event")) is not None and (body := _wrapped(event, "body")) is not None:
        return "E", body
    return "A", content


def _wrapped(content: dict[str, object], name: str) -> dict[str, object] | None:
    """The object under a name, unless it is empty. Of two, in two spellings, nobody can tell which is the event."""
    given = pick(content, name)
    if not isinstance(given, dict) or not given:
        return None
    if any(other and not _is_same(other, given) for other in _objects(content, name)):
        raise CapillaryError(f"{name} is there twice", name, "ask who wrapped the event")
    return given


def _refuse_another(content: dict[str, object], data: dict[str, object]) -> None:
    """An event has one body: where a wrapper beside it has another, nobody can tell which holds.

    Something else may be called `data` there; a body has names in common with the other.
    """
    names = frozenset(map(fold, data))
    for body in _bodies(content):
        if not names.isdisjoint(map(fold, body)) and not _is_same(body, data):
            raise CapillaryError("two bodies in one event", "data", "ask who wrapped the event")


def _bodies(content: dict[str, object]) -> Iterator[dict[str, object]]:
    """What may be a body inside of the wrappers that a document has, through two of them."""
    for wrapped in (one for name in ("attributes", "body", "event") for one in _objects(content, name)):
        yield from _objects(wrapped, "data")
        for inside in (one for name in ("attributes", "body") for one in _objects(wrapped, name)):
            yield from _objects(inside, "data")


def _objects(content: dict[str, object], name: str) -> Iterator[dict[str, object]]:
    for key in named(content, name):
        value = content[key]
        if isinstance(value, dict):
            yield value


def _orgs(content: dict[str, object]) -> list[object]:
    """Every org that one level of a document names: `orgId`, and the prefix of `eventType`."""
    own = [content[key] for key in named(content, "orgId") if not says_nothing(content[key])]
    prefixes = (_event_type(content[key])[0] for key in named(content, "eventType"))
    return [*own, *(org for org in prefixes if org is not None)]


def _refuse_two(orgs: Sequence[object]) -> None:
    if not all(_is_same(org, orgs[0]) for org in orgs):
        raise CapillaryError("two orgs in one event", "orgId, eventType", "ask who wrapped the event")


def _names_event(content: dict[str, object]) -> bool:
    return not (says_nothing(pick(content, "eventName")) and says_nothing(pick(content, "eventType")))


def _is_event(data: dict[str, object]) -> bool:
    """Tells D from an A without a name: some events have an `eventName` inside `data` that means their trigger."""
    return isinstance(pick(data, "data"), dict) or isinstance(pick(data, "attributes"), dict)


def _flat(wrapper: dict[str, object], attributes: dict[str, object], twice: list[str]) -> dict[str, object]:
    """B as A: what stands outside was moved there by the vendor, so it wins, unless only the inside says something.

    A blank or a placeholder outside is what a wrapper writes that had nothing to move; it must not hide the value.
    Names are compared folded, because both may be spelled in any way.
    """
    around = [
        (fold(key), key, value) for key, value in wrapper.items() if value is not None and value is not attributes
    ]
    within = [(fold(key), key, value) for key, value in attributes.items()]
    said: dict[str, list[object]] = {}
    for name, _, value in around:
        known = [] if says_nothing(value) else said.setdefault(name, [value])
        if len(known) == 1 and not _is_same(value, known[0]):  # two are enough to tell that there are two
            known.append(value)
    kept = {key: value for name, key, value in within if name not in said}
    hidden = [(name, key, value) for name, key, value in within if name in said and not says_nothing(value)]
    twice += sorted(key for name, key, value in hidden if not all(_is_same(value, other) for other in said[name]))
    meant = {name for name, key, value in within if key in kept and not says_nothing(value)}
    return {**kept, **{key: value for name, key, value in around if name not in meant}}


def _is_same(one: object, other: object) -> bool:
    """Whether two JSON values say the same; numbers may be texts. Nobody knows how deep they are."""
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().casefold() == other.strip().casefold()
    try:
        return one == other or long(one) == long(other)
    except (Unfit, RecursionError):
        return False


def _envelope(version: str, fields: dict[str, object], twice: Sequence[str]) -> Envelope:
    org, type_name = _event_type(pick(fields, "eventType"))
    given = pick(fields, "eventName")
    name = given if isinstance(given, str) and not says_nothing(given) else type_name
    if name is None or not name.strip():
        remedy = "an event says eventName, or eventType in the form orgId_eventName"
        raise CapillaryError("no event name", "eventName", remedy)
    return Envelope(version, fields, name.strip(), org, type_name, tuple(twice))


def _event_type(value: object) -> tuple[int | None, str | None]:
    """`150698_customerAdded` and `customerAdded` are both documented."""
    match = _EVENT_TYPE.fullmatch(value.strip()) if isinstance(value, str) and not says_nothing(value) else None
    if match is None:
        return None, None
    org, name = match.groups()
    return None if org is None else int(org), name
