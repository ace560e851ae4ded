"""Produces Capillary events from JSON lines: to Avro, into Kafka, keyed and acknowledged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import click

from processor.capillary import CapillaryError, Contract, Contracts, IgnoredEventError, read_event
from processor.commands import CommandFailed, ExitCode, Invocation, json_option, no_answer, print_result
from processor.commands._contracts import contracts_of
from processor.commands._documents import Unreadable, json_lines
from processor.commands._encoding import Encoder, Frame, confluent, single_object
from processor.kafka.admin import Admin
from processor.kafka.config import ConfigProblem, NoAnswerError, admin_properties, producer_properties
from processor.kafka.producer import Producer, UndeliveredError
from processor.kafka.registration import Registration, RegistrationError
from processor.settings import KafkaSettings, RegistrySettings
from processor.translator import MAX_RECORD

FLUSH_TIMEOUT = 60.0  # seconds
KINDS_OF_NOTES = 1000  # that are told apart; names out of documents are among them
OTHER_NOTES = "other notes"
NOTES_SHOWN = 20
KEYLESS = "no customer id, so no key: produced, but in no order and never for Profile; `try` shows what becomes of it"


class Keyed(NamedTuple):
    """A record to produce. `notes` say what of the event was left out or lost, by path and never with a value."""

    key: bytes | None
    value: bytes
    place: str = ""
    notes: tuple[str, ...] = ()


class Refused(NamedTuple):
    """A line that is not produced; `problem` says what, where, and what to do, and holds no value out of the line.

    `wrong` is False for an event that nobody wants, which is no fault of the line's.
    """

    place: str
    problem: str
    wrong: bool = True


class Outcome(NamedTuple):
    """How many lines were produced, were not, and were ignored; how often each note was made of those produced."""

    produced: int
    refused: int
    ignored: int
    notes: Counter[str]


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE|-")
@click.option("--topic", help="Where to.  [default: KAFKA__TOPICS, if it names one topic]")
@json_option
@click.pass_obj
def command(invocation: Invocation, file: BinaryIO, topic: str | None, *, as_json: bool) -> None:
    """Produce Capillary events, one JSON document per line, in any of Capillary's envelopes.

    Avro in single-object encoding, or in the Confluent wire format when REGISTRY__URL is set. The key is
    `orgId:customerId`, of coupons for several customers `orgId:seriesId`. Lines that are no event are named and left
    out, and the exit code is 1; so are events of a type that no contract knows, because there is no schema to write
    them with: `run` makes dead letters of such only where others produced them. Events of a type that goes nowhere on
    purpose (ignored.toml) are left out as well, but nothing is wrong with them. What of the events was left out, or
    could not become its type, is summed up at the end.
    """
    kafka, registry = invocation.section(KafkaSettings), invocation.section(RegistrySettings)
    topic = topic or _only_topic(kafka)
    contracts = contracts_of(invocation)
    try:
        _refuse_missing_topic(kafka, topic)
        records = encode_lines(file, contracts, Encoder(contracts, _frame(registry, topic)))
        outcome = _produce(records, kafka, topic)
    except NoAnswerError as error:
        raise no_answer(kafka, error) from None
    except RegistrationError as error:
        raise CommandFailed(f"REGISTRY__URL: {error}") from None
    except ConfigProblem as error:
        raise CommandFailed(f"KAFKA__CLIENT: {error}") from None
    for line in summed_up(outcome.notes):
        click.echo(line, err=True)
    counts = f"{outcome.produced} produced to {topic}, {outcome.refused} refused, {outcome.ignored} ignored"
    click.echo(counts, err=True)
    if as_json:
        print_result(outcome._asdict())
    if outcome.refused:
        raise click.exceptions.Exit(ExitCode.WRONG)


def encode_lines(lines: Iterable[bytes], contracts: Contracts, encoder: Encoder) -> Iterator[Keyed | Refused]:
    """JSON lines -> records, in their order. Raises RegistrationError where the encoder needs the registry."""
    for document in json_lines(lines):
        if isinstance(document, Unreadable):
            yield Refused(document.place, document.problem)
            continue
        try:
            event = read_event(document.value, contracts)
        except IgnoredEventError as error:
            yield Refused(document.place, str(error), wrong=False)
            continue
        except CapillaryError as error:
            yield Refused(document.place, str(error))
            continue
        value = encoder(event)
        if len(value) > MAX_RECORD:
            yield Refused(document.place, f"{len(value)} bytes of Avro; at most {MAX_RECORD} can be delivered")
        else:
            yield Keyed(event.key, value, document.place, event.notes)


def count(notes: Counter[str], found: Iterable[str]) -> None:
    """Adds notes to their sums, which never are more than `KINDS_OF_NOTES` and one for all others."""
    for note in found:
        notes[note if note in notes or len(notes) < KINDS_OF_NOTES else OTHER_NOTES] += 1


def summed_up(notes: Counter[str]) -> Iterator[str]:
    """The sums as lines, the largest first, and how many are left."""
    for note, times in notes.most_common(NOTES_SHOWN):
        yield f"noted {times} times: {note}"
    if len(notes) > NOTES_SHOWN:
        yield f"and {len(notes) - NOTES_SHOWN} other notes, which --json has"


def _produce(records: Iterable[Keyed | Refused], kafka: KafkaSettings, topic: str) -> Outcome:
    """Sends what can be sent and waits until it is acknowledged."""
    producer = Producer(producer_properties(kafka.bootstrap_servers, client=kafka.client))
    refused = ignored = 0
    notes: Counter[str] = Counter()
    for record in records:
        if isinstance(record, Refused):
            click.echo(f"{record.place}: {record.problem}", err=True)
            refused += record.wrong
            ignored += not record.wrong
        else:
            if record.key is None:
                click.echo(f"{record.place}: {KEYLESS}", err=True)
            count(notes, record.notes)
            producer.send(topic, record.key, record.value)
    try:
        producer.flush(FLUSH_TIMEOUT)
    except UndeliveredError as error:
        click.echo(f"not acknowledged by Kafka: {error}; produce them again, a repeated event does no harm", err=True)
        refused += len(error.failures) + error.open_records
    return Outcome(producer.acknowledged, refused, ignored, notes)


def _only_topic(kafka: KafkaSettings) -> str:
    if len(kafka.topics) == 1 and not kafka.topics[0].startswith("^"):
        return kafka.topics[0]
    raise CommandFailed("KAFKA__TOPICS names several topics: say with --topic where to produce")


def _refuse_missing_topic(kafka: KafkaSettings, topic: str) -> None:
    """A producer would only learn it by and by, record by record."""
    admin = Admin(admin_properties(kafka.bootstrap_servers, client=kafka.client))
    if topic not in admin.partition_counts():
        raise CommandFailed(f"Kafka has no topic {topic}: create it, or name another one with --topic")


def _frame(registry: RegistrySettings, topic: str) -> Frame:
    if registry.url is None:
        return single_object
    registration = Registration(registry.url.get_secret_value())

    def register(contract: Contract) -> int:
        return registration.register(topic, contract.name, json.dumps(contract.schema))

    return confluent(register)
