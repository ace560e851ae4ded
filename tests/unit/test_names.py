"""Names of events: every documented one is mapped, another spelling of one that is, or ignored with a reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import pytest

from processor.avro.wire import confluent_frame
from processor.capillary import IgnoredEventError, load_contracts, read_event
from processor.commands._encoding import Encoder, single_object
from processor.commands.produce import Refused, encode_lines
from processor.mapping.problems import MappingProblems
from processor.model import Destination, NeedsSchema, Reason, Record, Translated
from processor.translator import Mappings, Translator, load_mappings

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
CONTRACTS = load_contracts(SCHEMAS / "capillary")
MAPPINGS = load_mappings(SCHEMAS, None, "acme")
NOW = 1_760_000_000_000

DOCUMENTED = [
    "customerAdded",
    "customerUpdated",
    "transactionAdded",
    "transactionUpdated",
    "pointsIssued",
    "pointsRedeemed",
    "pointsExpired",
    "pointsExpiryChange",
    "pointsExpiryReminder",
    "tierUpgraded",
    "tierDowngraded",
    "tierRenewed",
    "tierDowngradeReminder",
    "promotionEarned",
    "customerSubscription",
    "loyaltyCustomerMerge",
    "customerMerge",
    "groupCreated",
    "groupUpdated",
    "groupMemberAdded",
    "groupMemberRemoved",
    "pointsContributionToGroup",
    "notInterestedBillAdded",
    "transactionRejected",
    "rejectedTransactionRetrigger",
    "retroBillAdded",
    "pointsTransferredInitiated",
    "pointsTransferredReceived",
    "pointsTransferInitiated",
    "pointsTransferReceived",
    "promisedToCurrentPointsConversion",
    "singlePointsExpiryUpdated",
    "issuedPointsReversed",
    "redeemedPointsReversed",
    "manualPointsAdjustment",
    "alternateCurrenciesIssued",
    "issuedAlternateCurrenciesReversed",
    "promisedToCurrentAlternateCurrencyConversion",
    "promotionCreated",
    "promotionUpdated",
    "promotionIssued",
    "revokeIssuedPromotion",
    "revokeEarnedPromotion",
    "cartPromotionIssued",
    "cartPromotionRedeemed",
    "cartPromotionRevoked",
    "cartPromotionEarned",
    "rewardCreated",
    "rewardIssued",
    "rewardUpdated",
    "rewardExpiryReminder",
    "issueRewardFailure",
    "updateRewardTransaction",
    "CouponIssue",
    "CouponRedeem",
    "IssueBulkCoupon",
    "badgeEarned",
    "targetAchievedValueUpdated",
    "targetValueUpdated",
    "targetValueAchieved",
    "targetPeriodStarted",
    "targetPeriodCompleted",
    "targetCustomerEnrolment",
    "unifiedTargetsAchieved",
    "unifiedTargetsUnAchieved",
    "streakLevelAchieved",
    "streakLevelUnAchieved",
    "streakCustomerEnrolment",
    "streakCustomerUnEnrolment",
    "streakStart",
    "streakEnd",
    "partnerProgramLinked",
    "partnerProgramUpdated",
    "partnerProgramDelinked",
    "supplementaryMembershipExpiryReminder",
    "cardUpdated",
    "requestUpdated",
    "requestWorkflowEvent",
    "communicationMessageUndelivered",
]
"""Capillary's lists of events and the headings of their pages (docs.capillarytech.com, "Event schema")."""


def translator(mappings: Mappings = MAPPINGS) -> Translator:
    where = {name: Destination(name, mappings.schemas[name].profile, b"", b"") for name in mappings.destination_names}
    return mappings.translator(where, lambda: NOW)


def schema(name: str) -> str:
    return json.dumps(
        {
            "type": "record",
            "name": name,
            "namespace": "capillary.events",
            "fields": [{"name": "orgId", "type": "long"}, {"name": "eventName", "type": "string"}],
        }
    )


def of_the_registry(name: str, mappings: Mappings = MAPPINGS) -> Translated:
    """What becomes of a record whose schema is known to a registry and may be unknown to us."""
    judge = translator(mappings)
    record = Record("t", 0, 0, NOW, b"1:2", confluent_frame(7, b"\x02\x02x"))
    assert judge.translate(record) == NeedsSchema(7)
    judge.learn(7, schema(name))
    translated = judge.translate(record)
    assert isinstance(translated, Translated)
    return translated


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_name_is_decided_about(name: str) -> None:
    mapped = CONTRACTS.find(name)
    assert (mapped is not None) != (name in MAPPINGS.ignored), "map it, add it to eventAliases, or list it as ignored"
    assert mapped is None or mapped.event in MAPPINGS.events


def test_the_list_names_documented_events_only() -> None:
    names = {name.casefold() for name in MAPPINGS.ignored}
    assert names <= {name.casefold() for name in DOCUMENTED}
    assert len(names) == len(MAPPINGS.ignored)


@pytest.mark.parametrize("name", ["CardUpdated", "cardupdated", "CARDUPDATED"])
def test_a_record_of_an_ignored_event_is_skipped(name: str) -> None:
    translated = of_the_registry(name)
    assert [skip.rule for skip in translated.skips] == ["ignored event"]
    assert translated.refusal is None


def test_a_record_of_no_list_is_a_dead_letter() -> None:
    refusal = of_the_registry("SomethingNew").refusal
    assert refusal is not None
    assert refusal.reason is Reason.UNKNOWN_EVENT


@pytest.mark.parametrize("name", ["cardUpdated", " CardUpdated ", "card Updated"])
def test_json_of_an_ignored_event_is_no_mistake(name: str) -> None:
    document = {"eventName": name, "orgId": 1, "data": {}}
    with pytest.raises(
        IgnoredEventError, match=rf"^ignored event {name.strip()}: names a card and no customer"
    ) as caught:
        read_event(document, CONTRACTS)
    assert caught.value.where == "eventName"
    lines = [orjson.dumps(document), b'{"eventName": "nothing like it", "orgId": 1, "data": {}}']
    found = [
        (record.place, record.wrong)
        for record in encode_lines(lines, CONTRACTS, Encoder(CONTRACTS, single_object))
        if isinstance(record, Refused)
    ]
    assert found == [("line 1", False), ("line 2", True)]


def with_alias(directory: Path) -> Path:
    """Our schemas, pointsIssued being known under another name too."""
    shutil.copytree(SCHEMAS, directory)
    file = directory / "capillary" / "pointsIssued.avsc"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "eventAliases": ["PointsGiven"]}))
    return directory


@pytest.mark.parametrize(
    ("name", "passes"),
    [("pointsIssued", True), ("POINTS issued ", True), ("pointsGiven", True), ("pointsTaken", False)],
)
def test_the_name_inside_a_record_may_be_any_spelling_or_alias(tmp_path: Path, name: str, *, passes: bool) -> None:
    mappings = load_mappings(with_alias(tmp_path / "schemas"), None, "acme")
    contracts = load_contracts(tmp_path / "schemas" / "capillary")
    document = json.loads((ROOT / "tests/golden/pointsIssued/documented/A.json").read_bytes())
    event = read_event({**document, "eventName": "POINTS GIVEN"}, contracts)
    assert event.event == "pointsIssued"
    event.record["eventName"] = name
    value = Encoder(contracts, single_object)(event)
    translated = translator(mappings).translate(Record("t", 0, 0, NOW, event.key, value))
    assert isinstance(translated, Translated)
    assert (translated.refusal is None) is passes
    assert bool(translated.messages) is passes


def problems(schemas: Path, overlay: Path | None) -> list[str]:
    with pytest.raises(MappingProblems) as caught:
        load_mappings(schemas, overlay, "acme")
    return [str(problem) for problem in caught.value.problems]


def test_what_we_map_we_do_not_ignore(tmp_path: Path) -> None:
    schemas = with_alias(tmp_path / "schemas")
    (schemas / "capillary" / "ignored.toml").write_text('# none\n\npointsgiven = "not wanted"\n')
    message = "is mapped by mappings/pointsIssued.toml: keep that file, or this line"
    assert problems(schemas, None) == [f"capillary/ignored.toml:3: PointsGiven: {message}"]


def test_a_brand_ignores_more_and_may_switch_off_what_we_map(tmp_path: Path) -> None:
    text = 'customerAdded = "our CRM knows first"\n[undocumented]\nsomethingNew = "not wanted"\n'
    (tmp_path / "ignored.toml").write_text(text)
    mappings = load_mappings(SCHEMAS, tmp_path, "acme")
    assert "customerAdded" not in mappings.events
    for name in ("CustomerAdded", "SomethingNew", "CardUpdated"):
        assert [skip.rule for skip in of_the_registry(name, mappings).skips] == ["ignored event"]
    document = json.loads((ROOT / "tests/golden/customerAdded/documented/A.json").read_bytes())
    with pytest.raises(IgnoredEventError, match="our CRM knows first"):
        read_event(document, load_contracts(SCHEMAS / "capillary", tmp_path))


def test_a_brand_cannot_do_both(tmp_path: Path) -> None:
    (tmp_path / "pointsIssued.toml").write_bytes((SCHEMAS / "mappings" / "pointsIssued.toml").read_bytes())
    (tmp_path / "ignored.toml").write_text('pointsIssued = "not wanted"\n')
    [found] = problems(SCHEMAS, tmp_path)
    assert found.startswith(f"{tmp_path}/ignored.toml:1: pointsIssued: is mapped by {tmp_path}/pointsIssued.toml")


@pytest.mark.parametrize(
    "text", ["a =", 'a = ""', "a = 1", "[a]\nb = 1", 'undocumented = "a"', b"\xff", "a = " + "[" * 5_000]
)
def test_a_list_that_is_none_is_a_problem(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "ignored.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    assert problems(SCHEMAS, tmp_path)[0].startswith(f"{tmp_path}/ignored.toml:")
