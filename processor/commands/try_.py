"""Shows what becomes of Capillary events, without Kafka and without AEP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import click
import orjson

from processor.capillary import CapillaryError, Contracts, IgnoredEventError, read_event
from processor.commands import CommandFailed, ExitCode, Invocation, json_option, print_result, problem_list
from processor.commands._contracts import contracts_of
from processor.commands._documents import Document, Unreadable, json_documents
from processor.commands._encoding import Encoder, single_object
from processor.mapping.problems import MappingProblems
from processor.model import Destination, NeedsSchema, Record, Translated
from processor.settings import schemas_dir, tenant_namespace
from processor.translator import Mappings, Translator, load_mappings

PLACEHOLDER = "tenant"  # so that the namespace is `_tenant`, as mappings and XDM schemas spell it


@dataclass(slots=True)
class Findings:
    """What came out: messages, problems that make dead letters, remarks on what was left out, events by name."""

    messages: list[dict[str, object]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    events: dict[str, None] = field(default_factory=dict)  # a set that keeps its order


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--show-code", is_flag=True, help="Print the generated code of these events first.")
@json_option
@click.pass_obj
def command(invocation: Invocation, file: BinaryIO, *, show_code: bool, as_json: bool) -> None:
    """Translate Capillary JSON (an object, an array, or JSON lines; any envelope) and print the XDM messages.

    Every event goes the real way: canonical record, Avro, decoder, mapping. What is wrong, dropped or withheld is named
    on standard error. The exit code is 1 if `run` would make a dead letter of any of them.
    """
    mappings = _load(invocation)
    translator = _translator(invocation, mappings)
    findings = try_documents(file.read(), contracts_of(invocation), translator)
    for remark in (*findings.remarks, *findings.problems):
        click.echo(remark, err=True)
    if show_code:
        for event in findings.events:
            click.echo(mappings.source_code(event))
    if as_json:
        print_result({"messages": findings.messages, "problems": findings.problems, "remarks": findings.remarks})
    else:
        click.echo(orjson.dumps(findings.messages, option=orjson.OPT_INDENT_2))
    if findings.problems:
        raise click.exceptions.Exit(ExitCode.WRONG)


def try_documents(text: bytes, contracts: Contracts, translator: Translator) -> Findings:
    """What becomes of every document in a text."""
    findings = Findings()
    encoder = Encoder(contracts, single_object)
    documents = list(json_documents(text))
    for document in documents:
        if isinstance(document, Unreadable):
            findings.problems.append(_at(document.place, document.problem))
        else:
            _try(document, contracts, encoder, translator, findings)
    if not documents:
        findings.problems.append("there is no event in here")
    return findings


def _try(
    document: Document, contracts: Contracts, encoder: Encoder, translator: Translator, findings: Findings
) -> None:
    try:
        event = read_event(document.value, contracts)
    except IgnoredEventError as error:
        findings.remarks.append(_at(document.place, f"skipped: {error}"))
        return
    except CapillaryError as error:
        findings.problems.append(_at(document.place, str(error)))
        return
    record = Record("", 0, 0, time.time_ns() // 1_000_000, event.key, encoder(event))
    translated = translator.translate(record)
    assert not isinstance(translated, NeedsSchema)  # single-object encoding asks no registry
    findings.events[event.event] = None
    findings.messages += [{"to": each.to.name, "xdmEntity": orjson.loads(each.entity)} for each in translated.messages]
    findings.remarks += [_at(document.place, text) for text in (*event.notes, *_remarks(translated))]
    if (refusal := translated.refusal) is not None:
        findings.problems.append(_at(document.place, f"a dead letter ({refusal.reason.value}): {refusal.detail}"))


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
