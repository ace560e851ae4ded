"""The typed functions that `call` may name: what a value means is judged here, because Avro may come from anybody.

Each gives a value, None (there was nothing), `Noted` (a value, or None for one that cannot be trusted, with reasons to
count), or `GONE` (the event means that there is no value any more). None of them ever sends what it does not trust.
One whose first parameter is `Options` gets what is configured; mappings do not name it. Facts and samples: Capillary's
event documentation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import sha256
from typing import cast

import orjson

from processor.capillary import says_nothing
from processor.mapping.nobody import Judgement, comparable, is_hash, judge_email, judge_id, judge_phone, judged
from processor.mapping.options import IDENTIFIERS, Options
from processor.mapping.values import (
    GONE,
    PLACEHOLDERS,
    Day,
    EpochMs,
    Gone,
    IdentityMap,
    Noted,
    Rows,
    milliseconds,
    parse_date,
    was_dropped,
)

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_YEAR_2000_MS = 946_684_800_000
_SKEW_MS = 300_000
_NEVER = "2100"
_LONGEST_FIELD = 1024
_ALL_FIELDS = 3072
_ID_LENGTH = 32


# ---- the two fields that every event needs --------------------------------------------------------------------------


def event_id(  # noqa: PLR0917 - mappings pass by position
    org: int,
    event: str,
    event_id: str | None,
    output: str,
    item: str | int | None,
    created_at: int | None,
    received: int,
    *natural: str | float | Rows | None,
) -> str | Noted[str]:
    """`_id` of an ExperienceEvent: 32 hex digits, the same on every replay. FROZEN at the first release.

    Capillary's eventId decides where there is one; a placeholder is none, and counted. Without it (promotions,
    rewards, some points events) it is createdAt with what the mapping names as natural key: whatever tells two events
    of one customer, request and millisecond apart. Kafka's own time stands in for a missing createdAt: better a
    duplicate after the source resends than two events under one id, of which Profile drops one. The name of the output
    and the key of an item keep several messages of one event apart.
    """
    given = (event_id or "").strip()
    own = "" if says_nothing(given) else given
    key = [own] if own else ["", received if created_at is None else created_at, *map(_content, natural)]
    digest = sha256(orjson.dumps([org, event, output, None if item is None else str(item), *key]))
    value = digest.hexdigest()[:_ID_LENGTH]
    return Noted(value, ("eventId placeholder",)) if given and not own else value


def _content(value: object) -> object:
    """What a natural key says: lists in an order of their own, and nothing that says nothing.

    Capillary gives some lists as objects, whose order means nothing; a field that a later contract adds must not change
    the `_id` of an event that lacks it; and one writer's null is the blank of another.
    """
    match value:
        case str():
            return _known(value)
        case list():
            return sorted((said for item in value if (said := _content(item)) is not None), key=orjson.dumps) or None
        case tuple():
            columns = [_content(column) for column in value]
            return columns if any(column is not None for column in columns) else None
        case dict():
            return {name: said for name in sorted(value) if (said := _content(value[name])) is not None} or None
    return value


def event_time(now: int, received: int, created_at: int | None, *sooner: int | None) -> EpochMs | Noted[EpochMs] | None:
    """When it happened (rule T): the first of `sooner`, else createdAt; never later than createdAt or now.

    Times of the shop floor can lie hours ahead, because local time was read in another zone; then createdAt holds.
    A missing createdAt is replaced by Kafka's timestamp, one a few minutes ahead by the earlier of Kafka's and ours;
    one that is further ahead or before 2000 makes the event unusable.

    Args:
        now: our wall clock in milliseconds.
        received: the timestamp of the Kafka record in milliseconds.
        created_at: when Capillary stored the event, milliseconds or (seen once) seconds.
        sooner: better times, best first, in the same units.
    """
    notes: tuple[str, ...] = ()
    if created_at is None:
        limit, notes = min(received, now), ("createdAt missing",)
    else:
        limit = milliseconds(created_at)
        if limit > now:
            if limit > now + _SKEW_MS:
                return Noted(None, ("createdAt in the future",))
            limit, notes = min(received, now), ("createdAt ahead",)
    if limit < _YEAR_2000_MS:
        return Noted(None, (*notes, "createdAt absurd"))
    for candidate in sooner:
        if candidate is not None:
            time = milliseconds(candidate)
            if _YEAR_2000_MS <= time <= limit:
                return Noted(EpochMs(time), notes) if notes else EpochMs(time)
            notes = (*notes, "not plausible")
    return Noted(EpochMs(limit), notes) if notes else EpochMs(limit)


def plausible_time(now: int, created_at: int | None, *times: int | None) -> EpochMs | Noted[EpochMs] | None:
    """The first of some times that lies after 1999 and neither after createdAt nor after now; None without one."""
    limit = now if created_at is None else min(now, milliseconds(created_at))
    given = [milliseconds(time) for time in times if time is not None]
    found = next((time for time in given if _YEAR_2000_MS <= time <= limit), None)
    if found is None:
        return Noted(None, ("not plausible",)) if given else None
    return EpochMs(found)


# ---- who it is ------------------------------------------------------------------------------------------------------


def customer_identity(  # noqa: PLR0917 - mappings pass by position
    options: Options,
    org: int,
    customer: int | None,
    email: str | None,
    phone: str | None,
    external_id: str | None,
    card: list[str] | None,
    only_card: str | None,
) -> IdentityMap | Noted[IdentityMap] | None:
    """IdentityMap of a Profile write: the primary identity and nothing else; None where the event has none to trust.

    Nothing stands in for it: a fragment belongs to its dataset and primary identity, so a write under another one
    would begin a second fragment and leave the first as it was. A later write can take no identity away.
    """
    match options.namespaces.primary:
        case "customer":
            return customer_alone(options, org, customer)
        case "email":
            value, reason = judged(judge_email, email or "", options.never)
        case "phone":
            value, reason = judged(judge_phone, phone or "", options.never)
        case "external_id":
            value, reason = judged(judge_id, external_id or "", options.never)
        case _:
            value, reason = _judge_single(_cards(card, only_card), options.never)
    code = _code(options)
    if value is None:
        return None if reason is None else Noted(None, (f"{code} {reason}",))
    return {code: [{"id": value, "primary": True}]}


def only_customer_identity(options: Options, org: int, customers: Rows) -> IdentityMap | Noted[IdentityMap] | None:
    """The same for an event with a customer in every item; None where these are several, for whom no key can speak.

    Columns are the last six of `customer_identity`; those of the first item count.
    """
    if len({named for named, *_ in customers}) != 1:
        return None
    customer, email, phone, external_id, card, only_card = customers[0]
    return customer_identity(
        options,
        org,
        cast("int | None", customer),
        cast("str | None", email),
        cast("str | None", phone),
        cast("str | None", external_id),
        cast("list[str] | None", card),
        cast("str | None", only_card),
    )


def customer_alone(options: Options, org: int, customer: int | None) -> IdentityMap | Noted[IdentityMap] | None:
    """IdentityMap of an event that must not hold personal data: the customer id, primary whatever is configured."""
    value, reason = _judge_customer(org, customer)
    if value is None:
        return None if reason is None else Noted(None, (reason,))
    return {options.namespaces.customer: [{"id": value, "primary": True}]}


def customer_identities(  # noqa: PLR0917 - mappings pass by position
    options: Options,
    org: int,
    customer: int | None,
    email: str | None,
    phone: str | None,
    external_id: str | None,
    card: list[str] | None,
    only_card: str | None,
) -> IdentityMap | Noted[IdentityMap] | None:
    """IdentityMap of an event: all identities that have a namespace and can be trusted, exactly one of them primary.

    The customer id is primary where the event lacks the configured one; without either there is no identity.
    """
    namespaces = options.namespaces
    value, reason = _judge_customer(org, customer)
    reasons = [] if reason is None else [reason]
    identities: IdentityMap = {} if value is None else {namespaces.customer: [{"id": value}]}
    for code, text, judge in (
        (namespaces.email, email, judge_email),
        (namespaces.phone, phone, judge_phone),
        (namespaces.external_id, external_id, judge_id),
    ):
        value, reason = judged(judge, text, options.never) if code and text else (None, None)
        if value is not None:
            identities[code] = [{"id": value}]
        elif reason is not None:
            reasons.append(f"{code} {reason}")
    if namespaces.card:
        cards, dropped = _judge_cards(_cards(card, only_card), options.never)
        reasons += [f"{namespaces.card} {reason}" for reason in dropped]
        if cards:
            identities[namespaces.card] = [{"id": number} for number in cards]
    primary = identities.get(_code(options), ())
    if len(primary) != 1:  # absent, or several cards, of which none is more the customer than another
        primary = identities.get(namespaces.customer, ())
    if not primary:
        return Noted(None, tuple(reasons)) if reasons else None
    primary[0]["primary"] = True
    return Noted(identities, tuple(reasons)) if reasons else identities


def _code(options: Options) -> str:
    """Code of the primary identity's namespace."""
    code: str = getattr(options.namespaces, options.namespaces.primary)
    return code


UNREAD: Mapping[str, Callable[[Options], frozenset[str]]] = {
    "customer_identity": lambda options: _parameters_but({"customer", options.namespaces.primary}),
    "customer_identities": lambda options: _parameters_but(options.namespaces.sent),
}
"""By function, the parameters that it does not look at under some options."""


def _parameters_but(read: AbstractSet[str]) -> frozenset[str]:
    """The parameters of an identity function that hold none of these identifiers; a card can come by two of them."""
    return frozenset({*IDENTIFIERS, *(() if "card" in read else ("only_card",))}) - read


def email_address(options: Options, text: str | None) -> str | Noted[str] | None:
    """An e-mail address in lower case, trimmed: identities are compared letter by letter."""
    return _contact(options, judge_email, text)


def phone_number(options: Options, text: str | None) -> str | Noted[str] | None:
    """A number in E.164 (`+6281200000001`), valid by its country's numbering plan; Capillary leaves out the plus."""
    return _contact(options, judge_phone, text)


def external_id(options: Options, text: str | None) -> str | Noted[str] | None:
    """The brand's own id of a customer or card, as it is: leading zeros count. Nobody's is none, see `nobody`."""
    return _contact(options, judge_id, text)


def personal_name(text: str | None) -> str | Noted[str] | None:
    """A name as it is, unless a hash is all that is left of it. Somebody may be called Test or Null."""
    value = (text or "").strip()
    if is_hash(value):
        return Noted(None, ("hash",))
    return Noted(None, ("placeholder",)) if value in PLACEHOLDERS else value or None


def _contact(options: Options, judge: Callable[[str], Judgement], text: str | None) -> str | Noted[str] | None:
    value, reason = judged(judge, text, options.never) if text else (None, None)
    return value if reason is None else Noted(None, (reason,))


def _judge_customer(org: int, customer: int | None) -> Judgement:
    """Customer ids are unique within one org only, hence the org in it; it reads like the Kafka key."""
    if customer is None:
        return None, None
    return (f"{org}:{customer}", None) if customer > 0 else (None, "customerId not positive")


def _cards(cards: Sequence[str] | None, only_card: str | None) -> Sequence[str]:
    """All cards of a customer: `cardnumber` stands alone in events that list none in `cardNumbers`."""
    return [only_card] if only_card and _say_nothing(cards) else cards or ()


def _say_nothing(cards: Sequence[str] | None) -> bool:
    return all(map(says_nothing, cards or ()))


def _judge_cards(cards: Sequence[str], never: frozenset[str]) -> tuple[list[str], list[str]]:
    """The numbers that can be trusted, each once, and why others cannot."""
    judgements = [judged(judge_id, card, never) for card in cards]
    numbers = dict.fromkeys(number for number, _ in judgements if number is not None)
    return list(numbers), [reason for _, reason in judgements if reason is not None]


def _judge_single(cards: Sequence[str], never: frozenset[str]) -> Judgement:
    """The one card of a customer who has one; of several none is more the customer than another."""
    numbers, dropped = _judge_cards(cards, never)
    if len(numbers) == 1:
        return numbers[0], None
    return None, "several" if numbers else next(iter(dropped), None)


# ---- conditions -----------------------------------------------------------------------------------------------------


def is_default_program(
    options: Options,
    flag: bool | None,  # noqa: FBT001 - mappings pass by position
    org: int,
    *programs: int | None,
) -> bool:
    """Whether the event's program is the org's default one; only that one may write `loyalty.*`.

    A configured id decides, compared with the first of `programs` that the event has; without one the event's own
    `flag` does.
    """
    default = options.default_programs.get(org, options.default_program)
    if default is None:
        return flag is True
    return _present(programs) == default


def may_name_customer(options: Options, *statuses: str | None) -> bool:
    """Whether Profile may be written under the customer's primary identity.

    Not when one of the statuses says that personal data was deleted and that identity is some of it: anything but the
    customer id.
    """
    return options.namespaces.primary == "customer" or is_not_deleted(*statuses)


def is_deleted(*statuses: str | None) -> bool:
    """Whether one of a customer's statuses says that personal data was deleted, whatever the others say.

    However it is written: what is overlooked here sends a name that somebody wanted to be forgotten.
    """
    return any(
        _says_deleted(status) if len(status) <= _LONGEST_STATUS else comparable(status) == "deleted"
        for status in statuses
        if status
    )


_LONGEST_STATUS = 64


@lru_cache(maxsize=256)  # statuses are few, and every Profile output of an event asks again
def _says_deleted(status: str) -> bool:
    return comparable(status) == "deleted"


def is_not_deleted(*statuses: str | None) -> bool:
    """The opposite of `is_deleted`; also true where there is no status."""
    return not is_deleted(*statuses)


def lists_a_card(cards: list[str] | None) -> bool:
    """Whether `cardNumbers` says anything. Where it does not, the event may still have one card in `cardnumber`."""
    return not _say_nothing(cards)


def lists_no_card(cards: list[str] | None) -> bool:
    """The opposite of `lists_a_card`."""
    return _say_nothing(cards)


def is_any(value: str | int | None, *options: str | int) -> bool:
    """Whether a value is one of some others; casing and blanks do not matter, and null in words is the empty text."""
    plain = _plain(value)
    return ("" if plain in PLACEHOLDERS else plain) in _all_folded(options)


def is_none_of(value: str | int | None, *options: str | int) -> bool:
    """The opposite of `is_any`; also true where there is no value."""
    return not is_any(value, *options)


def is_not_set(flag: bool | None) -> bool:  # noqa: FBT001 - mappings pass by position
    """Whether a flag is false or absent."""
    return flag is not True


def either_is(one: str | None, other: str | None, *options: str) -> bool:
    """Whether one of two values is one of some others."""
    return is_any(one, *options) or is_any(other, *options)


def neither_is(one: str | None, other: str | None, *options: str) -> bool:
    """The opposite of `either_is`; also true where there is no value."""
    return not either_is(one, other, *options)


def is_number(number: float | None) -> bool:
    """Whether there is a number, and a finite one: nothing else can be counted."""
    return number is not None and math.isfinite(number)


def is_changed(changes: Rows, *names: str) -> bool:
    """Whether one of these fields is among `updatedFields` (columns: fieldName, currentValue)."""
    wanted = {_folded(name) for name in names}
    return any(_folded(name) in wanted for name, *_ in changes)


def _plain(value: object) -> str:
    return str("" if value is None else value).strip().casefold()


# For names, which are few; values are many.
_folded = lru_cache(maxsize=1024)(_plain)


@lru_cache(maxsize=1024)
def _all_folded(names: tuple[str | int, ...]) -> frozenset[str]:
    return frozenset(map(_plain, names))


# ---- values out of lists --------------------------------------------------------------------------------------------


def identifier(pairs: Rows, *keys: str) -> str | None:
    """The first usable value under one of these keys, which are tried in turn; `-1` and `null` mean none."""
    for key in keys:
        wanted = _folded(key)
        for name, value in pairs:
            if _folded(name) == wanted and not says_nothing(value):
                return str(value).strip()
    return None


def bill_id(pairs: Rows, *otherwise: str | int | None) -> str | None:
    """Id of the transaction among the identifiers of a triggering activity, else the first other usable value given."""
    return identifier(pairs, "BillId", "TransactionId") or _first(otherwise)


def bill_number(pairs: Rows, *otherwise: str | int | None) -> str | None:
    """Number of the bill among the identifiers of a triggering activity, else the first other usable value given."""
    return identifier(pairs, "billNumber") or _first(otherwise)


def _first(values: Iterable[str | int | None]) -> str | None:
    return next((str(value).strip() for value in values if not says_nothing(value)), None)


def field_map(pairs: Rows) -> dict[str, str] | Noted[dict[str, str]] | None:
    """Custom or extended fields as a map.

    Blank values are left out; so are values without a name, and counted. Of names that differ by casing or blanks alone
    the last one counts. What takes more than 1,024 bytes of JSON and what goes beyond 3,072 in sum is dropped: one
    runaway field must not cost all others their place in the 10 kB that Profile takes.
    """
    fields: dict[str, str] = {}
    spelling: dict[str, str] = {}
    reasons: dict[str, None] = {}
    room = _ALL_FIELDS
    for raw_name, raw_value in pairs:
        name, value = str(raw_name or "").strip(), str(raw_value or "").strip()
        if not value or value in PLACEHOLDERS:
            continue
        if not name:
            reasons["without a name"] = None
            continue
        twin = spelling.get(name.casefold())
        freed = 0 if twin is None else _json_length(twin, fields[twin])
        length = _json_length(name, value)
        if length > _LONGEST_FIELD or length > room + freed:
            reasons["too long"] = None
            continue
        if twin is not None:
            reasons["given twice"] = None
            del fields[twin]
        room += freed - length
        fields[name], spelling[name.casefold()] = value, name
    return Noted(fields or None, tuple(reasons)) if reasons else fields or None


def identifier_map(pairs: Rows) -> dict[str, str] | Noted[dict[str, str]] | None:
    """The identifiers of a triggering activity as a map, under the limits of `field_map`.

    A key may come again, as BillLineItemId does for every line of a bill, also in another casing: then all its values
    stand there once each, with a comma between. Of more than a field may hold the first ones do.
    """
    if len({str(key or "").strip().casefold() for key, _ in pairs}) == len(pairs):  # as nearly always
        return field_map(pairs)
    values: dict[str, tuple[str, dict[str, None]]] = {}
    for raw_key, raw_value in pairs:
        key, value = str(raw_key or "").strip(), str(raw_value or "").strip()
        if value and value not in PLACEHOLDERS:
            values.setdefault(key.casefold(), (key, {}))[1][value] = None
    joined = [(key, *_joined(key, list(several))) for key, several in values.values()]
    fields = field_map([(key, value) for key, value, _ in joined])
    if all(whole for *_, whole in joined):
        return fields
    kept, reasons = fields if isinstance(fields, Noted) else (fields, ())
    return Noted(kept, tuple(dict.fromkeys(("too long", *reasons))))


def _joined(key: str, values: list[str]) -> tuple[str, bool]:
    """Values with commas between, as many as may stand under a key, and whether these are all."""
    kept, rest = values[:1], values[1:]
    room = _LONGEST_FIELD - _json_length(key, values[0])
    for value in rest:
        length = _json_length("", value) - _json_length("", "") + 1
        if length > room:
            return ",".join(kept), False
        room -= length
        kept.append(value)
    return ",".join(kept), True


def _json_length(name: str, value: str) -> int:
    """Bytes of `"name":"value",`: escapes make some characters six times as long."""
    return len(orjson.dumps((name, value))) - 1  # ["name","value"]


def changed_gender(changes: Rows, *names: str) -> str | Noted[str] | None:
    """The new gender among `updatedFields` (columns: fieldName, currentValue) as XDM spells it."""
    value = _changed(changes, names)
    if value is None:
        return None
    known = _GENDERS.get(_plain(value))
    return known or Noted(None, ("unknown",))


_GENDERS = {
    "m": "male",
    "male": "male",
    "f": "female",
    "female": "female",
    "other": "non_specific",
    "others": "non_specific",
    "non_specific": "non_specific",
    "not_specified": "not_specified",
    "not specified": "not_specified",
}


def changed_date(changes: Rows, *names: str) -> Day | Noted[Day] | None:
    """The new value of a date field among `updatedFields`; Capillary gives dates as Java prints them."""
    value = _changed(changes, names)
    if value is None:
        return None
    day = parse_date(value)
    return Noted(None, ("date",)) if day is None else Day(day)


def _changed(changes: Rows, names: tuple[str, ...]) -> str | None:
    """The last change of one of the fields counts; None where it became blank."""
    wanted = {_folded(name) for name in names}
    found = [str(value or "").strip() for name, value in changes if _folded(name) in wanted]
    return found[-1] or None if found else None


def tier_name(options: Options, tiers: Rows, number: int | None, *programs: int | None) -> str | Noted[str] | None:
    """Name of a tier; the tier events themselves have numbers only.

    The program's own list in the event (columns: tierNumber, tierName) knows best. Where it is missing, the lookup
    table `tiers` may have the name, under `programId:number` of the first of `programs` that the event has. The number
    stands in for a name that nobody knows, as `tier-3`: the tier did change, and saying nothing would leave the one
    before.
    """
    if number is None:
        return None
    if number <= 0:
        return Noted(None, ("not positive",))
    name = next((_told(name) for known, name in tiers if known == number), "")
    if not name:
        program = next((program for program in programs if program is not None), None)
        name = _told(options.tables.get("tiers", {}).get(f"{program}:{number}"))
    return name or Noted(f"tier-{number}", ("not listed",))


def _told(name: object) -> str:
    """A name that is not a person's; empty for a placeholder in any casing at all."""
    text = str(name or "").strip()
    return "" if text.casefold() in PLACEHOLDERS else text


def number_of(rows: Rows, *keys: int | None) -> float | None:
    """The number beside a key (columns: key, number), e.g. the balance of one program among several.

    The first key that is there decides: where it is not among the rows, no other one is tried.
    """
    key = _present(keys)
    found = next((value for known, value in rows if known == key), None) if key is not None else None
    return float(found) if isinstance(found, int | float) else None


def default_number(
    options: Options,
    rows: Rows,
    flag: bool | None,  # noqa: FBT001 - mappings pass by position
    org: int,
    *programs: int | None,
) -> float | None:
    """The number beside the org's default program (columns: program, number): its balance among those of several.

    A configured id says which program that is; without one it is the event's own, the first of `programs` that is
    there, if the event's `flag` calls it the default.
    """
    configured = options.default_programs.get(org, options.default_program)
    default = (_present(programs) if flag is True else None) if configured is None else configured
    return number_of(rows, default)


def _present(keys: Iterable[int | None]) -> int | None:
    return next((key for key in keys if key is not None), None)


def sum_of(
    rows: Rows, dropped: list[str] | None, kind_place: str, amount_place: str, *kinds: str
) -> float | Noted[float] | None:
    """Sum of the amounts, without their signs, of the rows of some kinds (columns: kind, amount), if there are any.

    Where one of them has no amount, or a row, a kind or an amount was lost when the event was read (`dropped` has the
    places), nobody knows the sum.
    """
    if was_dropped((kind_place, amount_place), dropped):
        return Noted(None, ("one unreadable",))
    wanted = {_folded(kind) for kind in kinds}
    found = [amount for kind, amount in rows if _folded(kind) in wanted]
    known = [abs(amount) for amount in found if isinstance(amount, int | float)]
    if len(known) < len(found):
        return Noted(None, ("one unknown",))
    try:
        return math.fsum(known) if known else None
    except OverflowError:
        return Noted(None, ("too large",))


def text_of_kind(
    text: str | None, kind: str | None, dropped: list[str] | None, place: str, *kinds: str
) -> str | Noted[str] | None:
    """A text as it is, if what it belongs to is of one of these kinds: else it is left out, uncounted.

    Where `dropped` has the `place` of the kind, that of one item could not be read, and nobody can tell which item
    it was: then a text without a kind is left out as well, and counted.
    """
    if _is_other(kind, dropped, place, kinds):
        return Noted(None, ("kind unreadable",) if _is_unread(kind, dropped, place) else ())
    return _known(text)


def text_of_other_kind(
    text: str | None, kind: str | None, dropped: list[str] | None, place: str, *kinds: str
) -> str | Noted[str] | None:
    """A text as it is where `text_of_kind` leaves it out: what stands at one of two places has one place."""
    return _known(text) if _is_other(kind, dropped, place, kinds) else Noted(None, ())


def number_of_other_kind(
    number: float | None, kind: str | None, dropped: list[str] | None, place: str, *kinds: str
) -> float | Noted[float] | None:
    """The same of a number."""
    return number if _is_other(kind, dropped, place, kinds) else Noted(None, ())


def _is_other(kind: str | None, dropped: list[str] | None, place: str, kinds: tuple[str, ...]) -> bool:
    return _is_unread(kind, dropped, place) or not is_any(kind, *kinds)


def _is_unread(kind: str | None, dropped: list[str] | None, place: str) -> bool:
    return place in (dropped or ()) and is_any(kind, "")


def _known(text: str | None) -> str | None:
    value = (text or "").strip()
    return value if value and value not in PLACEHOLDERS else None


# ---- single values --------------------------------------------------------------------------------------------------


def currency(text: str | None) -> str | Noted[str] | None:
    """An ISO 4217 code in capitals; Capillary may send one blank instead."""
    value = (text or "").strip().upper()
    if not value:
        return None
    return value if _CURRENCY.fullmatch(value) else Noted(None, ("pattern",))


def positive_id(number: int | None) -> str | None:
    """An id as text; 0 and what is below stand for none."""
    return str(number) if number is not None and number > 0 else None


def end_date(text: str | None) -> Day | Gone | Noted[Day] | None:
    """The day on which something ends. Capillary gives a date a century ahead for what never does: there is no end."""
    value = (text or "").strip()
    if not value or value in PLACEHOLDERS:
        return None
    day = parse_date(value)
    if day is None:
        return Noted(None, ("date",))
    return GONE if day >= _NEVER else Day(day)


def known_amount(amount: float | None) -> float | None:
    """An amount of which 0 means that nobody knows it."""
    return amount or None


def not_negative(amount: float | None) -> float | Noted[float] | None:
    """An amount as it is; below 0 it is no total of what somebody bought."""
    return Noted(None, ("negative",)) if _is_negative(amount) else amount


def unless_negative(amount: float | None, text: str, otherwise: str) -> str | Noted[str] | None:
    """A constant text, or another one, which is counted, where an amount is below 0."""
    return Noted(otherwise, ("negative amount",)) if _is_negative(amount) else text


def one_unless_negative(amount: float | None) -> int | None:
    """1, for what counts as one; None where an amount is below 0."""
    return None if _is_negative(amount) else 1


def _is_negative(amount: float | None) -> bool:
    return amount is not None and amount < 0


def known_text(text: str | None, *known: str) -> str | Noted[str] | None:
    """A text in upper case; one that is none of the known ones stays as well, and is counted."""
    value = (text or "").strip()
    upper = value.upper()
    if value in PLACEHOLDERS or upper in PLACEHOLDERS:
        return Noted(None, ("placeholder",))
    return Noted(upper, ("unknown",)) if upper and upper not in known else upper or None


def whole_count(count: float | None) -> int | None:
    """How many, without the sign; None for weighed goods, with which nothing is wrong: a fraction says how much."""
    return int(abs(count)) if count is not None and float(count).is_integer() else None


FUNCTIONS: tuple[Callable[..., object], ...] = (
    event_id,
    event_time,
    plausible_time,
    customer_identity,
    customer_alone,
    only_customer_identity,
    customer_identities,
    email_address,
    phone_number,
    external_id,
    personal_name,
    is_default_program,
    may_name_customer,
    is_deleted,
    is_not_deleted,
    lists_a_card,
    lists_no_card,
    is_any,
    is_none_of,
    is_not_set,
    either_is,
    neither_is,
    is_number,
    is_changed,
    identifier,
    bill_id,
    bill_number,
    field_map,
    identifier_map,
    changed_gender,
    changed_date,
    tier_name,
    number_of,
    default_number,
    sum_of,
    text_of_kind,
    text_of_other_kind,
    number_of_other_kind,
    currency,
    positive_id,
    end_date,
    known_amount,
    not_negative,
    unless_negative,
    one_unless_negative,
    known_text,
    whole_count,
)
"""Everything that `call` may name, and nothing else; a brand's `functions.py` adds its own tuple of this name."""
