"""Shows what becomes of Capillary events, without Kafka and without AEP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import click
import orjson

from processor.capillary import CanonicalEvent, CapillaryError, Contracts, IgnoredEventError, read_event
from processor.commands import CommandFailed, ExitCode, Invocation, json_option, print_result, problem_list
from processor.commands._contracts import contracts_of
from processor.commands._documents import Document, Unreadable, json_documents
from processor.commands._encoding import Encoder, single_object
from processor.commands._explain import Explained, as_lines
from processor.commands._explain import explain as explain_event
from processor.mapping.interpreter import Event
from processor.mapping.problems import MappingProblems
from processor.model import Destination, NeedsSchema, Record, Translated
from processor.settings import schemas_dir, tenant_namespace
from processor.translator import Mappings, Translator, load_mappings

PLACEHOLDER = "tenant"  # so that the namespace is `_tenant`, as mappings and XDM schemas spell it


@dataclass(slots=True)
class Findings:
    """What came out: messages, problems that make dead letters, remarks on what was left out, events by name.

    `explained` has, for each event that was translated, its name and its outputs.
    """

    messages: list[dict[str, object]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    events: dict[str, None] = field(default_factory=dict)  # a set that keeps its order
    explained: list[tuple[str, tuple[Explained, ...]]] = field(default_factory=list)


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--show-code", is_flag=True, help="Print the generated code of these events first.")
@click.option(
    "--explain", is_flag=True, help="Instead of messages, where each field came from, and why an output is missing."
)
@json_option
@click.pass_obj
def command(invocation: Invocation, file: BinaryIO, *, show_code: bool, explain: bool, as_json: bool) -> None:
    """Translate Capillary JSON (an object, an array, or JSON lines; any envelope) and print the XDM messages.

    Every event goes the real way: canonical record, Avro, decoder, mapping. What is wrong, dropped or withheld is named
    on standard error. The exit code is 1 if `run` would make a dead letter of any of them.
    """
    mappings = _load(invocation)
    translator = _translator(invocation, mappings)
    findings = try_documents(file.read(), contracts_of(invocation), translator, mappings if explain else None)
    for remark in (*findings.remarks, *findings.problems):
        click.echo(remark, err=True)
    if show_code:
        for event in findings.events:
            click.echo(mappings.source_code(event))
    if as_json:
        result = {"messages": findings.messages, "problems": findings.problems, "remarks": findings.remarks}
        print_result(result | ({"explained": as_json_values(findings.explained)} if explain else {}))
    elif explain:
        for event, outputs in findings.explained:
            click.echo("\n".join(as_lines(event, outputs)))
    else:
        click.echo(orjson.dumps(findings.messages, option=orjson.OPT_INDENT_2))
    if findings.problems:
        raise click.exceptions.Exit(ExitCode.WRONG)


def try_documents(
    text: bytes, contracts: Contracts, translator: Translator, explained_by: Mappings | None = None
) -> Findings:
    """What becomes of every document in a text; with the mappings, also why."""
    findings = Findings()
    encoder = Encoder(contracts, single_object)
    documents = list(json_documents(text))
    for document in documents:
        if isinstance(document, Unreadable):
            findings.problems.append(_at(document.place, document.problem))
        else:
            tried = _try(document, contracts, encoder, translator, findings)
            if tried is not None and explained_by is not None:
                findings.explained.append((tried[0].event, _explained(*tried, explained_by)))
    if not documents:
        findings.problems.append("there is no event in here")
    return findings


def _try(
    document: Document, contracts: Contracts, encoder: Encoder, translator: Translator, findings: Findings
) -> tuple[CanonicalEvent, Record, Translated] | None:
    try:
        event = read_event(document.value, contracts)
    except IgnoredEventError as error:
        findings.remarks.append(_at(document.place, f"skipped: {error}"))
        return None
    except CapillaryError as error:
        findings.problems.append(_at(document.place, str(error)))
        return None
    record = Record("", 0, 0, time.time_ns() // 1_000_000, event.key, encoder(event))
    translated = translator.translate(record)
    assert not isinstance(translated, NeedsSchema)  # single-object encoding asks no registry
    findings.events[event.event] = None
    findings.messages += [{"to": each.to.name, "xdmEntity": orjson.loads(each.entity)} for each in translated.messages]
    findings.remarks += [_at(document.place, text) for text in (*event.notes, *_remarks(translated))]
    if (refusal := translated.refusal) is not None:
        findings.problems.append(_at(document.place, f"a dead letter ({refusal.reason.value}): {refusal.detail}"))
    return event, record, translated


def _explained(
    event: CanonicalEvent, record: Record, translated: Translated, mappings: Mappings
) -> tuple[Explained, ...]:
    decoder = mappings.decoder(mappings.compiled[event.event], mappings.readers[event.event])
    now = time.time_ns() // 1_000_000
    read = Event(event.record, decoder.known, now, record.timestamp_ms)
    return explain_event(mappings.bound[event.event], read, translated)


def as_json_values(explained: list[tuple[str, tuple[Explained, ...]]]) -> list[dict[str, object]]:
    """The explanations with names for everything."""
    return [
        {
            "event": event,
            "outputs": [
                {**output._asdict(), "fields": [field._asdict() for field in output.fields]} for output in outputs
            ],
        }
        for event, outputs in explained
    ]


def _remarks(translated: Translated) -> Iterator[str]:
    for note in translated.notes:
        yield f"dropped: {note}"
    for skip in translated.skips:
        yield f"withheld from {skip.to}: {skip.rule}" if skip.to else f"skipped: {skip.rule}"


def _at(place: str, text: str) -> str:
    return f"{place}: {text}" if place else text


def _load(invocation: Invocation) -> Mappings:
    settings = invocation.translation()
    try:
        return load_mappings(schemas_dir(), settings.mappings.dir, _tenant(invocation), settings.options())
    except MappingProblems as error:
        raise CommandFailed(problem_list(error.problems)) from None


def _tenant(invocation: Invocation) -> str:
    tenant = invocation.raw("aep", "tenant")
    if tenant is None:
        click.echo(f"AEP__TENANT is not set: _{PLACEHOLDER} stands for the tenant's namespace", err=True)
        return PLACEHOLDER
    try:
        return tenant_namespace(str(tenant))
    except ValueError as error:
        raise CommandFailed(f"AEP__TENANT: {error}") from None


def _translator(invocation: Invocation, mappings: Mappings) -> Translator:
    """The worker's, but for the ids of datasets, which are not shown."""
    destinations = {
        name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names
    }
    orgs = invocation.raw("kafka", "org_ids") or ()
    try:
        org_ids = [int(org) for org in orgs] if isinstance(orgs, list | tuple) else [int(str(orgs))]
    except (TypeError, ValueError):
        raise CommandFailed("KAFKA__ORG_IDS: must be the numbers of Capillary organisations") from None
    return mappings.translator(destinations, lambda: time.time_ns() // 1_000_000, org_ids=org_ids)
