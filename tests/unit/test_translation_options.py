"""What is configured about the translation: what comes out under each option, of the code and the interpreter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.capillary import CanonicalEvent, load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.mapping.functions import customer_identities, customer_identity, event_time
from processor.mapping.generations import schema_of_2025
from processor.mapping.interpreter import Event, Interpreted, interpret
from processor.mapping.options import IDENTIFIERS, Identifier, Namespaces, Options
from processor.mapping.problems import MappingProblems
from processor.mapping.registry import our_functions
from processor.mapping.values import IdentityMap, Noted
from processor.model import Destination, Message, NeedsSchema, Record, Translated
from processor.simulator.account import Account, load_datasets
from processor.translator import load_mappings

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
GOLDEN = ROOT / "tests" / "golden"
CONTRACTS = load_contracts(SCHEMAS / "capillary")
CASES = sorted(path.parent for path in GOLDEN.glob("*/*/input.json"))
ENCODER = Encoder(CONTRACTS, single_object)
NOW, RECEIVED = 1_795_000_000_000, 1_794_000_000_000
ALL = Namespaces(external_id="LoyaltyId", card="LoyaltyCard")
CUSTOMER = [{"id": "150698:164875001", "primary": True}]

OPTIONS = {
    "defaults": Options(),
    **{f"primary {name}": Options(replace(ALL, primary=name)) for name in IDENTIFIERS},
    "other codes": Options(Namespaces("CRMID", "email", "Phone_E.164")),
    "customer alone": Options(Namespaces(email="", phone="")),
    "no lastUpdatedDate": Options(last_updated=False),
    "loyalty fields of 2025": Options(loyalty_fields="2025"),
    "another default program": Options(default_program=4711),
    "a default program by org": Options(default_program=4711, default_programs={150698: 2649}),
    "tiers": Options(tables={"tiers": {"2649:1": "Bronze", "2649:2": "Gilt"}}),
    "all at once": Options(
        replace(ALL, email="", primary="external_id"),
        default_program=2649,
        default_programs={1: 2},
        tables={"tiers": {"1:1": "A"}},
        last_updated=False,
        loyalty_fields="2025",
    ),
}


class Bench:
    """What reads events under some options."""

    def __init__(self, options: Options, brand: Path | None = None) -> None:
        self.mappings = load_mappings(SCHEMAS, brand, "acme", options)
        schemas = self.mappings.schemas
        to = {name: Destination(name, schemas[name].profile, b"", b"") for name in self.mappings.destination_names}
        self._translator = self.mappings.translator(to, lambda: NOW)
        self._known: dict[str, frozenset[str]] = {}

    def translated(self, event: CanonicalEvent) -> Translated:
        """By the compiled code."""
        found = self._translator.translate(Record("t", 0, 0, RECEIVED, event.key, ENCODER(event)))
        assert not isinstance(found, NeedsSchema)
        return found

    def interpreted(self, event: CanonicalEvent) -> tuple[tuple[Interpreted, ...], tuple[str, ...]]:
        """By the interpreter."""
        ours, name = self.mappings, event.event
        if name not in self._known:
            self._known[name] = ours.decoder(ours.compiled[name], ours.readers[name]).known
        return interpret(ours.bound[name], Event(event.record, self._known[name], NOW, RECEIVED))


_BENCHES: dict[str, Bench] = {}


def bench(options: Options) -> Bench:
    """To read the mappings takes half a second, so the same options are read once."""
    if repr(options) not in _BENCHES:
        _BENCHES[repr(options)] = Bench(options)
    return _BENCHES[repr(options)]


@cache
def validators(loyalty_fields: str) -> dict[str, jsonschema_rs.Draft7Validator]:
    """Those of the stand-in by destination, which share nothing with the code that makes the messages."""
    adapt = schema_of_2025 if loyalty_fields == "2025" else dict
    datasets = load_datasets(SCHEMAS / "xdm", Account(tenant="acme"), None, adapt)
    return {dataset.name: dataset.validator for dataset in datasets.values()}


def golden(event: str, case: str = "documented") -> dict[str, Any]:
    """A documented event in its flat envelope."""
    read: dict[str, Any] = json.loads((GOLDEN / event / case / "A.json").read_bytes())
    return read


def canonical(event: object) -> CanonicalEvent:
    return read_event(event, CONTRACTS)


def translated(event: object, options: Options) -> Translated:
    """What becomes of an event."""
    return bench(options).translated(canonical(event))


def by_destination(messages: Iterable[Message]) -> dict[str, dict[str, Any]]:
    return {message.to.name: json.loads(message.entity) for message in messages}


def entities(event: object, options: Options) -> dict[str, dict[str, Any]]:
    """What is sent, by destination."""
    found = translated(event, options)
    assert found.refusal is None
    return by_destination(found.messages)


def withheld(event: object, options: Options) -> dict[str, str]:
    """The rules by which destinations get nothing."""
    return {skip.to: skip.rule for skip in translated(event, options).skips}


def identified(**instore: Any) -> dict[str, Any]:
    """A points event of a customer with these identifiers."""
    event = golden("pointsIssued")
    event["data"]["customerIdentifiers"]["instore"] = instore
    return event


# ---- for every option ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_the_interpreter_and_the_compiled_code_agree(case: Path, options: str) -> None:
    event = canonical(json.loads((case / "A.json").read_bytes()))
    found = bench(OPTIONS[options]).translated(event)
    assert found.refusal is None
    outputs, notes = bench(OPTIONS[options]).interpreted(event)
    expected = [(output.output.to, entity) for output in outputs for entity in output.entities]
    assert [(message.to.name, json.loads(message.entity)) for message in found.messages] == expected
    # The interpreter knows no Kafka key.
    unkeyed = {skip.to for skip in found.skips if skip.rule == "key names another customer"}
    skips = [skip for output in outputs for skip in (output.skip, *output.left_out) if skip is not None]
    assert [s for s in found.skips if s.to not in unkeyed] == [s for s in skips if s.to not in unkeyed]
    lost = event.record["dropped"] or ()  # the translator's to count, before any mapping is asked
    assert isinstance(lost, list | tuple)
    assert found.notes == (*(f"{place}:unreadable" for place in lost), *notes)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_every_message_is_valid_and_has_one_primary_identity(case: Path, options: str) -> None:
    chosen = OPTIONS[options]
    for message in translated(json.loads((case / "A.json").read_bytes()), chosen).messages:
        entity = json.loads(message.entity)
        assert not list(validators(chosen.loyalty_fields)[message.to.name].iter_errors(entity))
        primaries = [item["id"] for listed in entity["identityMap"].values() for item in listed if item.get("primary")]
        assert len(primaries) == 1
        assert message.identity == (primaries[0] if message.to.profile else None)  # superseding goes by it


# ---- identity --------------------------------------------------------------------------------------------------------


def test_by_default_the_customer_is_primary_and_only_what_is_known_to_aep_goes_along() -> None:
    found = entities(golden("pointsIssued"), Options())
    assert found["events"]["_id"] == "dde3da58a9879b9879be0fc7ccd66707"  # frozen
    assert found["events"]["identityMap"] == {
        "CapillaryId": CUSTOMER,
        "Email": [{"id": "sari.dewi@example.com"}],
        "Phone": [{"id": "+6281200000001"}],
    }
    assert found["profile-balance"]["identityMap"] == {"CapillaryId": CUSTOMER}


def test_codes_are_settings_and_an_empty_one_is_never_sent() -> None:
    options = Options(Namespaces("CRMID", "", "Phone_E.164", "LoyaltyId", "LoyaltyCard"))
    assert entities(golden("pointsIssued"), options)["events"]["identityMap"] == {
        "CRMID": CUSTOMER,
        "Phone_E.164": [{"id": "+6281200000001"}],
        "LoyaltyId": [{"id": "000226682001"}],
        "LoyaltyCard": [{"id": "CARD_1"}, {"id": "CARD_2"}],
    }


IDENTITIES: Mapping[Identifier, tuple[str, dict[str, Any], str]] = {
    "email": ("Email", {"email": " Sari.Dewi@Example.com"}, "sari.dewi@example.com"),
    "phone": ("Phone", {"mobile": "6281200000001 "}, "+6281200000001"),
    "external_id": ("LoyaltyId", {"externalId": "000226682001"}, "000226682001"),
    "card": ("LoyaltyCard", {"cardNumbers": ["C-1", "0", "C-1"]}, "C-1"),
}


@pytest.mark.parametrize("primary", IDENTITIES)
def test_another_primary_identity_takes_the_place_of_the_customer(primary: Identifier) -> None:
    code, instore, value = IDENTITIES[primary]
    found = translated(identified(**instore), Options(replace(ALL, primary=primary)))
    sent = by_destination(found.messages)
    assert sent["events"]["identityMap"] == {
        "CapillaryId": [{"id": "150698:164875001"}],
        code: [{"id": value, "primary": True}],
    }
    assert sent["profile-balance"]["identityMap"] == {code: [{"id": value, "primary": True}]}
    assert {message.identity for message in found.messages if message.to.profile} == {value}


@pytest.mark.parametrize("primary", IDENTITIES)
def test_an_event_without_its_primary_identity_falls_back_and_profile_is_withheld(primary: Identifier) -> None:
    options = Options(replace(ALL, primary=primary))
    assert entities(identified(), options).keys() == {"events"}
    assert entities(identified(), options)["events"]["identityMap"] == {"CapillaryId": CUSTOMER}
    assert withheld(identified(), options) == {
        "profile-balance": "withheld: identityMap",
        "profile-lifetime": "withheld: identityMap",
    }


UNTRUSTED: Mapping[Identifier, tuple[dict[str, Any], str]] = {
    "email": ({"email": "d9ace8e907c1f1f8d9ace8e907c1f1f8"}, "Email hash"),
    "phone": ({"mobile": "+12"}, "Phone no number"),
    "external_id": ({"externalId": "0000"}, "LoyaltyId placeholder"),
    "card": ({"cardNumbers": ["null"]}, "LoyaltyCard placeholder"),
}


@pytest.mark.parametrize("primary", UNTRUSTED)
def test_what_cannot_be_trusted_is_as_good_as_missing_and_counted(primary: Identifier) -> None:
    instore, reason = UNTRUSTED[primary]
    found = translated(identified(**instore), Options(replace(ALL, primary=primary)))
    assert [message.to.name for message in found.messages] == ["events"]
    assert json.loads(found.messages[0].entity)["identityMap"] == {"CapillaryId": CUSTOMER}
    assert set(found.notes) == {f"identityMap:{reason}"}


def test_of_several_cards_none_is_primary() -> None:
    options = Options(replace(ALL, primary="card"))
    event = identified(cardNumbers=["C-1", "C-2"])
    assert entities(event, options) == {"events": entities(event, options)["events"]}
    assert entities(event, options)["events"]["identityMap"] == {
        "CapillaryId": CUSTOMER,
        "LoyaltyCard": [{"id": "C-1"}, {"id": "C-2"}],
    }
    assert "identityMap:LoyaltyCard several" in translated(event, options).notes


def test_a_number_without_country_code_gets_none() -> None:
    assert entities(identified(mobile="081200000001"), Options())["events"]["identityMap"] == {"CapillaryId": CUSTOMER}


def test_two_orgs_never_share_a_customer() -> None:
    event = golden("pointsIssued")
    event["orgId"] = 7
    assert entities(event, Options())["events"]["identityMap"]["CapillaryId"] == [
        {"id": "7:164875001", "primary": True}
    ]


@pytest.mark.parametrize("primary", IDENTIFIERS)
def test_after_deletion_nothing_but_the_customer_id_passes(primary: Identifier) -> None:
    event = golden("customerUpdated")
    event["data"]["customerStatus"] = {"previousLabel": "Active", "currentLabel": "Deleted"}
    found = entities(event, Options(replace(ALL, primary=primary)))
    assert found["events"]["eventType"] == "loyalty.customerDeleted"
    assert {name: entity["identityMap"] for name, entity in found.items()} == {
        "events": {"CapillaryId": CUSTOMER},
        **({"profile-status": {"CapillaryId": CUSTOMER}} if primary == "customer" else {}),
    }


def test_what_is_not_sent_is_not_decoded() -> None:
    card = "data.customerIdentifiers.instore.cardNumbers"
    email = "data.customerIdentifiers.instore.email"
    assert card not in bench(Options()).mappings.bound["pointsIssued"].wants
    assert email in bench(Options()).mappings.bound["pointsIssued"].wants
    assert card in bench(OPTIONS["primary card"]).mappings.bound["pointsIssued"].wants
    assert email not in bench(OPTIONS["customer alone"]).mappings.bound["pointsIssued"].wants


texts = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["a@b.co", "+6281200000001", "C-1", "0", " null "]))


@given(
    st.sampled_from(IDENTIFIERS),
    st.booleans(),
    st.one_of(st.none(), st.integers(-2, 3)),
    st.tuples(texts, texts, texts),
    st.one_of(st.none(), st.lists(texts.filter(lambda text: text is not None), max_size=3)),
    texts,
)
def test_one_identity_is_primary_whatever_comes(
    primary: Identifier,
    alone: bool,  # noqa: FBT001 - drawn by hypothesis
    customer: int | None,
    given_: tuple[str | None, str | None, str | None],
    cards: list[Any] | None,
    card: str | None,
) -> None:
    options = Options(Namespaces(email="", phone="")) if alone else Options(replace(ALL, primary=primary))
    namespaces = options.namespaces
    event = _plain(customer_identities(options, 1, customer, *given_, cards, card))
    profile = _plain(customer_identity(options, 1, customer, *given_, cards, card))
    listed = [item for items in (event or {}).values() for item in items]
    assert sum(item.get("primary") is True for item in listed) == (event is not None)
    assert (event or {}).keys() <= {getattr(namespaces, name) for name in namespaces.sent}
    if customer is not None and customer > 0:
        assert event is not None
    if profile is not None:  # never under another identity than the event of the same record
        ((code, (item,)),) = profile.items()
        assert code == getattr(namespaces, namespaces.primary)
        assert event is not None
        assert item in event[code]


def _plain(identities: IdentityMap | Noted[IdentityMap] | None) -> IdentityMap | None:
    return identities.value if isinstance(identities, Noted) else identities


# ---- Profile ---------------------------------------------------------------------------------------------------------


def test_last_updated_date_can_be_left_out() -> None:
    event = golden("customerAdded")
    on, off = entities(event, Options()), entities(event, Options(last_updated=False))
    profiles = on.keys() - {"events"}
    assert len(profiles) > 5
    assert {on[name]["extSourceSystemAudit"]["lastUpdatedDate"] for name in profiles} == {"2023-05-12T06:59:59.971Z"}
    for name in profiles:
        del on[name]["extSourceSystemAudit"]
    assert on == off


def test_younger_loyalty_fields_go_to_the_tenant() -> None:
    new, old = (entities(golden("pointsIssued"), Options(loyalty_fields=name)) for name in ("2026", "2025"))
    assert new["profile-lifetime"]["loyalty"] == {"lifetimePoints": 2261.5}
    assert "loyalty" not in old["profile-lifetime"]
    assert old["profile-lifetime"]["_acme"] == {"capillary": {"loyalty": {"lifetimePoints": 2261.5}}}
    assert (old["profile-balance"], old["events"]) == (new["profile-balance"], new["events"])


def test_lists_go_there_too() -> None:
    old = entities(golden("customerAdded"), Options(loyalty_fields="2025"))["profile-cards"]
    assert old["_acme"]["capillary"]["loyalty"]["cardsDetails"] == [{"number": "CARD_1"}, {"number": "CARD_2"}]


# ---- programs, tiers, lookups ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "is_default", "program", "speaks"),
    [
        (Options(), True, 2649, True),
        (Options(), False, 2649, False),
        (Options(), None, 2649, False),
        (Options(default_program=2649), None, 2649, True),
        (Options(default_program=2649), False, 2649, True),
        (Options(default_program=2649), True, 4711, False),
        (Options(default_program=2649), True, None, False),
        (Options(default_programs={150698: 4711}), True, 2649, False),
        (Options(default_programs={150698: 4711}), False, 4711, True),
        (Options(default_programs={7: 4711}), True, 2649, True),
        (Options(default_program=2649, default_programs={150698: 4711}), True, 2649, False),
    ],
)
def test_the_default_program_is_the_configured_one_or_else_the_events(
    options: Options,
    is_default: bool | None,  # noqa: FBT001 - a parameter of the test
    program: int | None,
    speaks: bool,  # noqa: FBT001
) -> None:
    call = our_functions(options)["is_default_program"].call
    assert call(is_default, 150698, program) is speaks
    assert call(is_default, 150698, None, program) is speaks


@pytest.mark.parametrize(
    ("options", "program", "balance"),
    [("defaults", 2649, True), ("another default program", 2649, False), ("another default program", 4711, True)],
)
def test_the_default_program_alone_writes_profile(
    options: str,
    program: int,
    balance: bool,  # noqa: FBT001
) -> None:
    event = golden("pointsIssued")
    event["data"]["loyaltyProgramId"] = event["data"]["loyaltyProgramDetails"]["id"] = program
    assert ("profile-balance" in entities(event, OPTIONS[options])) is balance


def test_a_tier_is_called_what_the_event_says_or_else_the_settings() -> None:
    options = Options(tables={"tiers": {"2649:1": "Bronze", "2649:2": " Gold ", "7:2": "Other"}})
    name = our_functions(options)["tier_name"].call
    listed = [(1, "Silver"), (2, None)]
    assert name(listed, 1, 2649) == "Silver"
    assert name(listed, 2, None, 2649) == "Gold"
    assert name((), 2, 7, 2649) == "Other"
    assert name((), None, 2649) is None
    assert name((), 3, 2649) == name((), 3) == Noted("tier-3", ("not listed",))
    assert our_functions(Options())["tier_name"].call((), 1, 2649) == Noted("tier-1", ("not listed",))


def test_a_tier_of_the_settings_goes_where_the_event_lists_none() -> None:
    event = golden("tierUpgraded")
    event["data"]["loyaltyProgramDetails"]["tiers"] = None
    assert entities(event, Options())["profile-tier"]["loyalty"]["tier"] == "tier-2"
    assert entities(event, OPTIONS["tiers"])["profile-tier"]["loyalty"]["tier"] == "Gilt"
    assert entities(event, OPTIONS["tiers"])["events"]["_acme"]["capillary"]["previousTierName"] == "Bronze"


LOOKING_UP = """
event = "pointsIssued"
[lookup.activities]
transactionadd = "bill"
"*" = "other"
[[output]]
to = "events"
[output.fields]
"eventType" = { const = "loyalty.pointsIssued" }
"_tenant.capillary.triggeringActivity" = { lookup = "activities", from = "data.triggeringActivity.name" }
"_tenant.capillary.programName" = { call = "own", with = ["data.loyaltyProgramId"] }
[unsent]
"data.entityInformation" = "not looked at here"
"data.loyaltyProgramDetails" = "not looked at here"
"data.programCurrentPoints" = "not looked at here"
"data.programLifetimePoints" = "not looked at here"
"data.totalPointsIssued" = "not looked at here"
"data.regularPointsIssued" = "not looked at here"
"data.regularPointsBreakup" = "not looked at here"
"data.promotionalPointsIssued" = "not looked at here"
"data.promisedPointsIssued" = "not looked at here"
"data.availablePointsBalance" = "not looked at here"
"data.behavioralEventAttributes" = "not looked at here"
"data.customerIdentifiers.loyaltyType" = "not looked at here"
"data.triggeringActivity.identifiers" = "not looked at here"
"data.triggeringActivity.additionalAttributes" = "not looked at here"
"data.triggeringActivity.requestId" = "not looked at here"
"data.triggeringActivity.enteredBy.id" = "not looked at here"
"data.triggeringActivity.enteredBy.store" = "not looked at here"
"data.triggeringActivity.enteredBy.till" = "not looked at here"
"""
OWN = """
from __future__ import annotations
from processor.mapping.options import Options

def own(options: Options, program: int | None) -> str | None:
    return str(options.tables["tiers"].get(f"{program}:1", "none"))

FUNCTIONS = (own,)
"""


@pytest.fixture
def brand(tmp_path: Path) -> Path:
    """A brand's directory: a mapping with a table of its own, and a function that wants to know what is configured."""
    (tmp_path / "pointsIssued.toml").write_text(LOOKING_UP, encoding="utf-8")
    (tmp_path / "functions.py").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_entries_are_laid_over_a_table_and_functions_see_them(brand: Path) -> None:
    tables: Mapping[str, Mapping[str, str]] = {
        "activities": {" TransactionAdd ": "purchase"},
        "tiers": {"2649:1": "Bronze"},
    }
    for options, activity, tier in (
        (Options(), "bill", "none"),
        (Options(tables=tables), "purchase", "Bronze"),
        (Options(tables={"activities": {"*": "whatever"}}), "bill", "none"),
    ):
        event, branded = canonical(golden("pointsIssued")), Bench(options, brand)
        (found,), _ = branded.interpreted(event)
        entity: Any = found.entities[0]
        assert entity["_acme"]["capillary"]["triggeringActivity"] == activity
        assert entity["_acme"]["capillary"]["programName"] == tier
        assert by_destination(branded.translated(event).messages) == {"events": entity}


def test_entries_for_a_table_that_nobody_has_are_a_problem() -> None:
    with pytest.raises(MappingProblems) as caught:
        load_mappings(SCHEMAS, None, "acme", Options(tables={"tier": {"a": "b"}}))
    (problem,) = caught.value.problems
    assert str(problem).startswith("[lookups.tier]: tier: no mapping has this table")
    assert "tiers" in str(problem)


# ---- times, as docs/configuration.md tells them ----------------------------------------------------------------------

DAY = 86_400_000
CREATED = NOW - 30 * DAY


@pytest.mark.parametrize(
    ("received", "created", "sooner", "time"),
    [
        (NOW, CREATED, (), CREATED),
        (NOW, CREATED // 1000, (), CREATED),  # in seconds
        (NOW, CREATED, (CREATED - DAY,), CREATED - DAY),
        (NOW, CREATED, (946_684_800_000,), 946_684_800_000),  # the first moment of 2000
        (NOW, CREATED, (946_684_799_999,), CREATED),  # an old bill is no reason to lose the event
        (NOW, CREATED, (-5,), CREATED),
        (NOW, CREATED, (CREATED + 9_000_000,), CREATED),  # local time read in another zone
        (NOW - DAY, None, (), NOW - DAY),
        (NOW + DAY, None, (), NOW),
        (NOW - 7, NOW + 300_000, (), NOW - 7),
        (NOW - 7, NOW + 300_001, (), None),
        (NOW, 156_474_848_484, (), None),  # a placeholder of Capillary's, of 1974
        (NOW, 904_788_626_831_872, (), None),  # garbage, of the year 30641
        (NOW, -CREATED, (), None),
    ],
)
def test_old_and_future_times(received: int, created: int | None, sooner: tuple[int, ...], time: int | None) -> None:
    found = event_time(NOW, received, created, *sooner)
    assert (found.value if isinstance(found, Noted) else found) == time
