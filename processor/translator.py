"""Record -> messages, a refusal, or the question for a schema. Pure and total: whatever comes, it returns.

A record's way: frame, writer's schema, decoder and mapping of its full name (made once per schema), one tuple of
values, one function per output. `load_mappings` reads everything that this needs, once, when the program starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from processor.avro import (
    Admitted,
    DecodeError,
    Decoder,
    Each,
    Frame,
    IncompatibleSchema,
    RefusedSchema,
    WireError,
    admit,
    build_decoder,
    read_frame,
)
from processor.capillary import Ignored, fold
from processor.mapping.binding import bind
from processor.mapping.bound import BoundMapping, Output
from processor.mapping.brand import BrandFunctions, brand_functions
from processor.mapping.compiler import CompiledMapping, CompiledOutput, Share, compile_mapping
from processor.mapping.essentials import essentials
from processor.mapping.fitting import MAX_EVENT
from processor.mapping.generations import schema_of_2025
from processor.mapping.ignoring import wanted
from processor.mapping.language import BRAND_SCHEMAS, load_language
from processor.mapping.options import Options
from processor.mapping.problems import MappingProblems, Problem
from processor.mapping.registry import our_functions
from processor.mapping.sources import Reader, read_reader
from processor.mapping.values import FunctionFault, Unmappable
from processor.mapping.xdm import Schema, SchemaError, load_schemas, tenant_name
from processor.model import Destination, Message, NeedsSchema, Reason, Record, Refusal, Skip, Stage, Translated

MAX_RECORD = 1_048_576
"""Bytes of a record; Kafka's own default for the largest one."""

MAX_PROFILE = 100_000
"""Bytes of a Profile entity: what is larger is dropped silently after a 2xx (guardrails; 1 kB = 1,000 bytes)."""

MAX_MESSAGE = 1_000_000 - len('{"messages":[]}')
"""Bytes of a message: a request of this one alone is as large as AEP takes."""


# ---- one record -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What one writer's schema comes to: a decoder and the functions of its event's outputs.

    `dropped` is where the decoder's values have the paths that were lost on the way to Avro (None: the event has no
    such field), `places` are all that there can be: whoever writes Avro may write any text there.
    """

    event: str
    names: frozenset[str]  # folded: the event's own and its aliases
    decoder: Decoder
    share: Share
    outputs: tuple[tuple[CompiledOutput, Destination], ...]
    has_customer: bool
    writes_profile: bool
    dropped: int | None
    places: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A writer's schema whose records have one fate, whatever they hold."""

    event: str
    refusal: Refusal | None = None
    skip: Skip | None = None


class Translator:
    """Translates the records of all events. Used by one thread; `learn` is what changes it.

    Args:
        mappings: what `load_mappings` gave.
        destinations: where to send, by name; every name of `mappings.destination_names` must be there.
        now_ms: wall clock, milliseconds since 1970.
        org_ids: Capillary orgs that may pass; empty means all.
        ignored: names of events that are skipped although no mapping knows them.
    """

    def __init__(
        self,
        mappings: Mappings,
        destinations: Mapping[str, Destination],
        now_ms: Callable[[], int],
        *,
        org_ids: Collection[int] = (),
        ignored: Collection[str] = (),
    ) -> None:
        self._mappings = mappings
        self._destinations = destinations
        self._now_ms = now_ms
        self._org_ids = frozenset(org_ids)
        self._ignored = frozenset(map(fold, ignored))
        self._by_id: dict[int, _Plan | _Verdict] = {}
        self._by_fingerprint: dict[bytes, _Plan | _Verdict] = {}

    def translate(self, record: Record) -> Translated | NeedsSchema:
        """What becomes of one record; NeedsSchema until `learn` was told of the schema. Never raises."""
        try:
            return self._translate(record)
        except Exception as error:  # noqa: BLE001 - the last resort: one record must never stop the others
            detail = f"{type(error).__name__} while translating; a fault of this program, please report it"
            return Translated("", refusal=Refusal(Reason.INVALID, Stage.TRANSLATE, detail))

    def learn(self, schema_id: int, schema_json: str | None) -> None:
        """Takes what the registry said to an id: a schema, or None where it does not know the id. Never raises."""
        if schema_json is None:
            detail = f"the registry does not know schema id {schema_id}; register it there, then redrive"
            self._by_id[schema_id] = _Verdict("", Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, detail))
            return
        try:
            self._by_id[schema_id] = self._plan(admit(schema_json))
        except RefusedSchema as refused:
            detail = f"schema id {schema_id}: {refused.detail}"
            self._by_id[schema_id] = _Verdict("", Refusal(Reason.REFUSED_SCHEMA, Stage.DECODE, detail))
        except Exception as error:  # noqa: BLE001 - a schema out of a registry may hold anything
            detail = f"schema id {schema_id}: {type(error).__name__} while reading it"
            self._by_id[schema_id] = _Verdict("", Refusal(Reason.REFUSED_SCHEMA, Stage.DECODE, detail))

    def _translate(self, record: Record) -> Translated | NeedsSchema:
        value = record.value
        if value is None:
            return Translated("", skips=(Skip("tombstone"),))
        if record.size > MAX_RECORD:
            detail = f"the record has {record.size:,} bytes, more than {MAX_RECORD:,}"
            return Translated("", refusal=Refusal(Reason.TOO_LARGE, Stage.DECODE, detail))
        try:
            frame = read_frame(value)
        except WireError as error:
            return Translated("", refusal=Refusal(Reason.UNDECODABLE, Stage.DECODE, str(error)))
        if frame.schema_id is None:
            plan = self._of_fingerprint(frame.fingerprint or b"")
        elif (learned := self._by_id.get(frame.schema_id)) is None:
            return NeedsSchema(frame.schema_id)
        else:
            plan = learned
        if isinstance(plan, _Verdict):
            skips = (plan.skip,) if plan.skip is not None else ()
            return Translated(plan.event, (), plan.refusal, skips, (), frame.schema_id)
        return self._planned(plan, record, value, frame)

    def _planned(self, plan: _Plan, record: Record, value: bytes, frame: Frame) -> Translated:
        """A record whose writer's schema can be read and whose event is mapped."""
        notes: list[str] = []
        try:
            values = plan.decoder.read(value, frame.start)
            self._check_origin(plan, values[0], values[1])
            if values[1] != plan.event:  # spelled in another way; whatever is made of it, `_id` above all, is the same
                values = (values[0], plan.event, *values[2:])
            notes += _lost(plan, values)
            messages, skips = self._outputs(plan, values, record, notes)
        except DecodeError as error:
            refusal = Refusal(Reason.UNDECODABLE, Stage.DECODE, str(error))
        except _Refused as refused:
            refusal = refused.refusal
        except FunctionFault as fault:
            refusal = Refusal(Reason.INVALID, Stage.TRANSLATE, str(fault))
        else:
            return Translated(plan.event, messages, None, skips, tuple(notes), frame.schema_id)
        return Translated(plan.event, (), refusal, (), tuple(notes), frame.schema_id)

    def _check_origin(self, plan: _Plan, org: object, event: object) -> None:
        if self._org_ids and org not in self._org_ids:
            raise _Refused(Reason.STRAY_ORG, f"org {org} is not in KAFKA__ORG_IDS")
        if event != plan.event and not (isinstance(event, str) and fold(event) in plan.names):
            raise _Refused(Reason.UNMAPPABLE, f"eventName does not agree with the record, which is a {plan.event}")

    def _outputs(
        self, plan: _Plan, values: tuple[object, ...], record: Record, notes: list[str]
    ) -> tuple[tuple[Message, ...], tuple[Skip, ...]]:
        customer = _customer(values[2]) if plan.has_customer else None
        unkeyed = _unkeyed(record.key, values[0], customer) if plan.writes_profile else None
        now, received, known = self._now_ms(), record.timestamp_ms, plan.decoder.known
        shared = plan.share(values, now, received)
        messages: list[Message] = []
        skips: list[Skip] = []
        for output, destination in plan.outputs:
            if output.profile and unkeyed is not None:
                skips.append(Skip(unkeyed, output.to))
                continue
            try:
                result = output.write(values, shared, now, received, known, notes)
            except Unmappable as error:
                bound = next(one for one in self._mappings.bound[plan.event].outputs if one.name == output.name)
                raise _Refused(Reason.UNMAPPABLE, _unmappable(bound, error, notes)) from error
            match result:
                case bytes():
                    messages.append(Message(destination, _trimmed(result)))
                case Skip():
                    skips.append(result)
                case list():
                    messages += [Message(destination, _trimmed(one)) for one in result if isinstance(one, bytes)]
                    skips += [one for one in result if isinstance(one, Skip)]
                case (entity, identity):
                    messages.append(Message(destination, _trimmed(entity), identity))
        _check_sizes(messages)
        if not messages and not skips:
            skips.append(Skip("no output applies"))
        return tuple(messages), tuple(skips)

    # ---- one writer's schema ----

    def _of_fingerprint(self, fingerprint: bytes) -> _Plan | _Verdict:
        plan = self._by_fingerprint.get(fingerprint)
        if plan is None:
            writer = self._mappings.writers.get(fingerprint)
            if writer is None:  # not kept: garbage must not fill the table
                detail = (
                    f"fingerprint {fingerprint.hex()} is none of schemas/capillary/ or its released/; "
                    "put the writer's schema into released/, or use a schema registry"
                )
                return _Verdict("", Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, detail))
            plan = self._by_fingerprint[fingerprint] = self._plan(writer)
        return plan

    def _plan(self, writer: Admitted) -> _Plan | _Verdict:
        simple = writer.name.rpartition(".")[2]
        mapping = self._mappings.by_record.get(writer.name)
        if mapping is None:
            if fold(simple) in self._ignored:
                return _Verdict(simple, skip=Skip("ignored event"))
            detail = f"no mapping for records called {writer.name}; add one, or put the event on the ignore list"
            return _Verdict(simple, Refusal(Reason.UNKNOWN_EVENT, Stage.TRANSLATE, detail))
        try:
            decoder = self._mappings.decoder(mapping, writer)
        except IncompatibleSchema as error:
            detail = f"cannot be read as {writer.name} of this version: {error}"
            return _Verdict(mapping.event, Refusal(Reason.REFUSED_SCHEMA, Stage.DECODE, detail))
        outputs = tuple((output, self._destinations[output.to]) for output in mapping.outputs)
        reader = self._mappings.bound[mapping.event].reader
        names = frozenset(map(fold, (mapping.event, *reader.aliases)))
        return _Plan(
            mapping.event,
            names,
            decoder,
            mapping.share,
            outputs,
            has_customer=mapping.customer is not None,
            writes_profile=any(output.profile for output in mapping.outputs),
            dropped=mapping.wants.index("dropped") if "dropped" in mapping.wants else None,
            places=frozenset(reader.root.places()),
        )


class _Refused(Exception):  # noqa: N818 - carries the refusal of the whole record
    """A record that its mapping cannot turn into messages."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, Stage.TRANSLATE, detail)


REMEDY = "mend the event at its source and send it again"
"""What to do with an event that lacks what no message can be without."""

_LOST = ":unreadable"
_ENOUGH = 5  # of the notes in one dead letter: it is read by people


def _unmappable(output: Output, error: Unmappable, notes: Iterable[str]) -> str:
    """What an event cannot be sent without: the field, what it is made of, and what was noted of it or lost before."""
    sources = dict.fromkeys(
        ref.path for field in output.fields if field.target == error.target for ref in field.decides()
    )
    places = (error.target, error.reason.rpartition(" item without ")[2])  # of a fan-out the reason names the field
    noted = [
        note
        for note in dict.fromkeys(notes)
        if (place := note.partition(":")[0]) in places or (note.endswith(_LOST) and place not in error.reason)
    ]
    said = [f'"{error.target}" of output {output.name}: {error.reason}']
    said += [f"made of {', '.join(sources)}"] if sources else []
    said += [f"noted: {', '.join(noted[:_ENOUGH])}"] if noted else []
    return "; ".join([*said, REMEDY])


def _lost(plan: _Plan, values: tuple[object, ...]) -> list[str]:
    """One note for each place whose value was lost when the event's JSON became Avro; they label a metric."""
    dropped = values[plan.dropped] if plan.dropped is not None else None
    if not isinstance(dropped, list):  # nearly always
        return []
    places = {place if place in plan.places else "elsewhere" for place in dropped}
    return [f"{place}{_LOST}" for place in sorted(places)]


def _customer(value: object) -> object:
    """The customer of a record; of an array with one in every item, the one that all items name."""
    if not isinstance(value, list):
        return value
    named = {row[0] for row in value}
    return named.pop() if len(named) == 1 else None


NO_KEY, OTHER_KEY = "no key", "key names another customer"
"""The rules by which Profile outputs are skipped before their mapping is asked."""


def _unkeyed(key: bytes | None, org: object, customer: object) -> str | None:
    """Why Profile may not be written: order, and with it the last word, belongs to the Kafka key of the customer."""
    if key is None:
        return NO_KEY
    if customer is None or key != f"{org}:{customer}".encode():
        return OTHER_KEY
    return None


def _trimmed(entity: bytes) -> bytes:
    """A copy without spare room: orjson returns its buffer of 4 kB and more as it is, and many messages are held."""
    return b"%b" % entity


def _check_sizes(messages: list[Message]) -> None:
    for message in messages:
        limit = MAX_PROFILE if message.to.profile else MAX_EVENT
        size = len(message.entity)
        if size > limit:
            detail = f"{message.to.name} would get {size:,} bytes, and Profile drops what has more than {limit:,}"
            raise _Refused(Reason.TOO_LARGE, detail)
        if message.size > MAX_MESSAGE:
            detail = f"a message of {message.size:,} bytes to {message.to.name} fits no request"
            raise _Refused(Reason.TOO_LARGE, detail)


# ---- everything there is to know, read at start ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Mappings:
    """All mappings, checked and compiled, with the schemas on both sides.

    `by_record` finds a compiled mapping by the full name of its Avro record, `writers` a schema by its fingerprint
    (those of `schemas/capillary/` and of its `released/`), `readers` our own schema by event, `schemas` the XDM schema
    of a destination, `ignored` has the events that go nowhere on purpose.
    """

    bound: Mapping[str, BoundMapping]
    compiled: Mapping[str, CompiledMapping]
    readers: Mapping[str, Admitted]
    writers: Mapping[bytes, Admitted]
    schemas: Mapping[str, Schema]
    ignored: Ignored
    by_record: Mapping[str, CompiledMapping] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_record = {mapping.record: mapping for mapping in self.compiled.values()}
        object.__setattr__(self, "by_record", by_record)

    @property
    def events(self) -> tuple[str, ...]:
        """The events that are mapped, sorted."""
        return tuple(sorted(self.compiled))

    @property
    def destination_names(self) -> tuple[str, ...]:
        """The destinations that any mapping writes, sorted."""
        return tuple(sorted({output.to for mapping in self.compiled.values() for output in mapping.outputs}))

    def decoder(self, mapping: CompiledMapping, writer: Admitted) -> Decoder:
        """The decoder that gives a mapping what it reads out of one writer's records.

        Raises:
            IncompatibleSchema: the writer's schema cannot be resolved against ours.
        """
        wants = [want if isinstance(want, str) else Each(want.path, want.items) for want in mapping.wants]
        return build_decoder(writer, self.readers[mapping.event], wants)

    def source_code(self, event: str) -> str:
        """The code of an event: its mapping, and the decoder of a writer that uses our own schema.

        Raises:
            KeyError: no such event.
        """
        mapping = self.compiled[event]
        return f"{mapping.source}\n\n{self.decoder(mapping, self.readers[event]).source}"

    def translator(
        self,
        destinations: Mapping[str, Destination],
        now_ms: Callable[[], int],
        *,
        org_ids: Collection[int] = (),
        ignored: Collection[str] = (),
    ) -> Translator:
        """A translator; see there for the arguments. `ignored` adds to the events that are ignored anyway.

        Raises:
            MappingProblems: a destination that a mapping writes is missing, or is of the other kind.
        """
        problems = [
            output.place.problem(output.to, problem)
            for mapping in self.bound.values()
            for output in mapping.outputs
            if (problem := _misplaced(output, destinations.get(output.to))) is not None
        ]
        if problems:
            raise MappingProblems(problems)
        return Translator(self, destinations, now_ms, org_ids=org_ids, ignored=[*self.ignored, *ignored])


def _misplaced(output: Output, destination: Destination | None) -> str | None:
    if destination is None:
        return "no such destination in the settings: [destinations.NAME] with schema_id and dataset_id"
    return None if destination.profile == output.profile else "an event destination meets one of Profile"


def load_mappings(schemas_dir: Path, overlay: Path | None, tenant: str, options: Options | None = None) -> Mappings:
    """Reads, checks and compiles everything.

    Args:
        schemas_dir: holds `capillary/`, `xdm/` and `mappings/`.
        overlay: the brand's own directory of mappings, laid over ours; in its `xdm/` additions to our schemas.
        tenant: the tenant's namespace in AEP, with or without the leading underscore.
        options: what is configured about the translation; None: the defaults.

    Raises:
        MappingProblems: everything that is wrong, at once.
        OSError: something cannot be read.
    """
    problems: list[Problem] = []
    readers, writers = _load_avro(schemas_dir / "capillary", problems)
    try:
        namespace = tenant_name(tenant)
    except SchemaError as error:
        raise MappingProblems([Problem("AEP__TENANT", 0, "tenant", str(error)), *problems]) from error
    options = options or Options()
    language = load_language(schemas_dir / "mappings", overlay)
    try:
        schemas = _load_xdm(schemas_dir / "xdm", tenant, options, None if overlay is None else overlay / BRAND_SCHEMAS)
    except MappingProblems as error:  # without the schemas no mapping can be judged, but its form can
        raise MappingProblems([*problems, *language.problems, *error.problems]) from error
    tables = replace(options, tables=options.laid_over(language.common.tables))
    brand = BrandFunctions() if language.functions is None else brand_functions(language.functions, tables)
    functions = {**our_functions(tables), **brand.functions}
    problems += brand.problems
    known = {event: reader for event, (_, reader) in readers.items()}
    chosen = wanted(language, known, schemas_dir / "capillary", overlay)
    bound, found = bind(
        chosen.language,
        known,
        schemas,
        functions,
        tenant=namespace,
        options=options,
        unusable=brand.unusable,
        unlisted=brand.unlisted,
    )
    problems += [*language.problems, *chosen.problems, *found, *chain.from_iterable(map(essentials, bound))]
    if problems:
        raise MappingProblems(problems)
    return Mappings(
        {mapping.event: mapping for mapping in bound},
        {mapping.event: compile_mapping(mapping) for mapping in bound},
        {event: admitted for event, (admitted, _) in readers.items()},
        writers,
        schemas,
        chosen.ignored,
    )


def _load_xdm(directory: Path, tenant: str, options: Options, brand: Path | None) -> dict[str, Schema]:
    if options.loyalty_fields == "2025":
        return load_schemas(directory, tenant, schema_of_2025, brand)
    return load_schemas(directory, tenant, brand=brand)


def _load_avro(
    directory: Path, problems: list[Problem]
) -> tuple[dict[str, tuple[Admitted, Reader]], dict[bytes, Admitted]]:
    """Our own schemas by event, and every schema that we can read by fingerprint."""
    readers: dict[str, tuple[Admitted, Reader]] = {}
    writers: dict[bytes, Admitted] = {}
    released = sorted((directory / "released").glob("*.avsc"))
    for file in [*released, *sorted(directory.glob("*.avsc"))]:  # ours last: of equal fingerprints ours is used
        label = f"{file.parent.name}/{file.name}"
        try:
            document = json.loads(file.read_bytes())
            admitted = admit(document)
        except (ValueError, RefusedSchema) as error:
            problems.append(Problem(label, 0, "schema", str(error)))
            continue
        writers[admitted.fingerprint] = admitted
        if file.parent != directory:
            continue
        reader = read_reader(document)
        if missing := [name for name in ("orgId", "eventName") if reader.root.find(name) is None]:
            problems.append(Problem(label, 0, "schema", f"the record has no {' and no '.join(missing)}"))
        elif reader.customer is not None and reader.customer_want is None:
            problems.append(Problem(label, 0, "customer", f'the record has no "{reader.customer}"'))
        else:
            readers[reader.event] = (admitted, reader)
    return readers, writers
