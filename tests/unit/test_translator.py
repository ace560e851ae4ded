"""What becomes of one record, whatever it holds: messages, skips, a refusal that says why, or a question."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import pytest

from processor.avro.wire import confluent_frame, fingerprint, single_object_frame
from processor.capillary import Contracts, encode, load_contracts, read_event
from processor.commands._encoding import Encoder, Frame, confluent, single_object
from processor.mapping.fitting import MAX_EVENT
from processor.mapping.options import Namespaces, Options
from processor.mapping.problems import MappingProblems, Problem
from processor.model import Destination, Message, NeedsSchema, Reason, Record, Refusal, Skip, Stage, Translated
from processor.translator import Mappings, Translator, _check_sizes, _Refused, load_mappings

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
NOW = 1_760_000_000_000
KEY = b"150698:164875001"


@cache
def contracts() -> Contracts:
    return load_contracts(ROOT / "schemas" / "capillary")


@cache
def mappings() -> Mappings:
    return load_mappings(ROOT / "schemas", None, "acme")


@cache
def destinations() -> dict[str, Destination]:
    names = mappings().destination_names
    return {name: Destination(name, mappings().schemas[name].profile, b"", b"") for name in names}


@cache
def profile() -> frozenset[str]:
    return frozenset(name for name, to in destinations().items() if to.profile)


def golden(event: str = "transactionAdded") -> Json:
    document: Json = json.loads((ROOT / "tests" / "golden" / event / "documented" / "A.json").read_bytes())
    return document


def encoded(document: Json, frame: Frame = single_object) -> bytes:
    return Encoder(contracts(), frame)(read_event(document, contracts()))


def own() -> bytes:
    return encoded(golden())


def seven() -> bytes:
    """The same under an id of the registry."""
    return encoded(golden(), confluent(lambda _: 7))


def ours() -> str:
    return json.dumps(contracts()["transactionAdded"].schema)


def translator(**options: Any) -> Translator:
    return mappings().translator(destinations(), lambda: NOW, **options)


def record(value: bytes | None, key: bytes | None = KEY) -> Record:
    return Record("t", 0, 0, NOW, key, value)


def became(value: bytes | None, key: bytes | None = KEY, **options: Any) -> Translated:
    translated = translator(**options).translate(record(value, key))
    assert isinstance(translated, Translated)
    return translated


def learned(schema: str | None, value: bytes | None = None, **options: Any) -> Translated:
    judge, value = translator(**options), value or seven()
    assert judge.translate(record(value)) == NeedsSchema(7)
    judge.learn(7, schema)
    translated = judge.translate(record(value))
    assert isinstance(translated, Translated)
    return translated


def avro(name: str, **fields: object) -> str:
    """A schema of an event: `orgId`, `eventName` and other fields with their types."""
    named = {"orgId": "long", "eventName": "string", **fields}
    listed = [{"name": field, "type": kind} for field, kind in named.items()]
    return json.dumps({"type": "record", "name": name, "namespace": "capillary.events", "fields": listed})


def undecodable(detail: str) -> Translated:
    return Translated("", refusal=Refusal(Reason.UNDECODABLE, Stage.DECODE, detail))


def test_a_tombstone_is_skipped() -> None:
    assert became(None) == Translated("", skips=(Skip("tombstone"),))


def test_what_is_too_large_is_not_even_read() -> None:
    room = 1_048_576 - len(KEY)
    assert became(b"x" * room) == undecodable(
        "starts with 78 78; expected 00 and a schema id (Confluent wire format) or C3 01 (Avro single object)"
    )
    detail = "the record has 1,048,577 bytes, more than 1,048,576"
    assert became(b"x" * (room + 1)) == Translated("", refusal=Refusal(Reason.TOO_LARGE, Stage.DECODE, detail))


def test_a_fingerprint_of_nobody() -> None:
    value = single_object_frame(bytes(8), b"")
    detail = (
        "fingerprint 0000000000000000 is none of schemas/capillary/ or its released/; "
        "put the writer's schema into released/, or use a schema registry"
    )
    assert became(value) == Translated("", refusal=Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, detail))


def test_our_own_schemas_need_no_registry_and_are_planned_once() -> None:
    judge = translator()
    first = judge.translate(record(own()))
    assert isinstance(first, Translated)
    assert (first.event, first.schema_id, first.refusal, first.skips) == ("transactionAdded", None, None, ())
    assert sent(first) == {"events"}
    [plan] = judge._by_fingerprint.values()
    assert judge.translate(record(own())) == first
    assert [*judge._by_fingerprint.values()] == [plan]


def sent(translated: Translated) -> set[str]:
    return {message.to.name for message in translated.messages}


def test_garbage_fills_no_table() -> None:
    judge = translator()
    for number in range(3):
        judge.translate(record(single_object_frame(number.to_bytes(8, "big"), b"")))
    assert not judge._by_fingerprint


def test_a_schema_of_the_registry_says_the_same_as_our_own() -> None:
    assert learned(ours())._replace(schema_id=None) == became(own())
    assert learned(ours()).schema_id == 7


def test_the_registry_does_not_know_the_id() -> None:
    detail = "the registry does not know schema id 7; register it there, then redrive"
    refusal = Refusal(Reason.UNKNOWN_SCHEMA, Stage.DECODE, detail)
    assert learned(None) == Translated("", refusal=refusal, schema_id=7)


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        ('{"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}]}', "schema id 7: "),
        ("{", "schema id 7: "),
        ("[" * 100_000, "schema id 7: "),
    ],
)
def test_a_schema_that_is_not_admitted(schema: str, detail: str) -> None:
    translated = learned(schema)
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.REFUSED_SCHEMA, Stage.DECODE)
    assert translated.refusal.detail.startswith(detail)
    assert len(translated.refusal.detail) > len(detail)
    assert translated == Translated("", refusal=translated.refusal, schema_id=7)


def test_what_the_registry_gives_may_break_the_plan_and_nothing_else() -> None:
    judge = mappings().translator(destinations(), lambda: NOW)
    judge._destinations = {}  # no plan can be made
    judge.learn(7, ours())
    translated = judge.translate(record(seven()))
    detail = "schema id 7: KeyError while reading it"
    assert translated == Translated("", refusal=Refusal(Reason.REFUSED_SCHEMA, Stage.DECODE, detail), schema_id=7)


def test_an_event_on_no_list() -> None:
    detail = "no mapping for records called capillary.events.New; add one, or put the event on the ignore list"
    refusal = Refusal(Reason.UNKNOWN_EVENT, Stage.TRANSLATE, detail)
    assert learned(avro("New")) == Translated("New", refusal=refusal, schema_id=7)


@pytest.mark.parametrize("listed", ["New", "new", "NEW"])
def test_an_event_that_the_settings_ignore(listed: str) -> None:
    assert learned(avro("New"), ignored=["other", listed]) == Translated(
        "New", skips=(Skip("ignored event"),), schema_id=7
    )


def test_a_schema_that_ours_cannot_be_read_with() -> None:
    translated = learned(avro("TransactionAdded", createdAt={"type": "map", "values": "string"}))
    assert translated.event == "transactionAdded"
    assert translated.schema_id == 7
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.REFUSED_SCHEMA, Stage.DECODE)
    assert translated.refusal.detail.startswith("cannot be read as capillary.events.TransactionAdded of this version: ")


def test_a_record_that_is_cut_off() -> None:
    translated = became(own()[:-1])
    assert (translated.event, translated.messages, translated.notes) == ("transactionAdded", (), ())
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.UNDECODABLE, Stage.DECODE)
    cut = learned(ours(), seven()[:-1])
    assert cut.schema_id == 7
    assert cut.refusal == translated.refusal


def test_orgs_that_may_pass() -> None:
    org = 150698
    assert became(own(), org_ids=[1, org]) == became(own())
    detail = f"org {org} is not in KAFKA__ORG_IDS"
    assert became(own(), org_ids=[1]) == Translated(
        "transactionAdded", refusal=Refusal(Reason.STRAY_ORG, Stage.TRANSLATE, detail)
    )


def called(name: str) -> bytes:
    """A transactionAdded, and by its own word another event."""
    return own().replace(b"\x20transactionAdded", bytes([2 * len(name)]) + name.encode(), 1)


@pytest.mark.parametrize("name", ["transactionAdded", "TRANSACTIONADDED", "transactionadded", " transaction Added "])
def test_an_event_by_its_name_in_any_spelling_is_the_same_event(name: str) -> None:
    assert became(called(name)) == became(own())
    assert became(own()).refusal is None


def test_an_event_by_any_of_its_names_is_the_same_event() -> None:
    aliased = [contract for contract in contracts().values() if contract.aliases]
    assert aliased
    for contract in aliased:
        event = read_event(golden(contract.event), contracts())
        plain, *others = (
            became(
                single_object(contract) + encode(replace(event, record=event.record | {"eventName": name}), contracts())
            )
            for name in (contract.event, *contract.aliases)
        )
        assert plain.refusal is None
        assert others == [plain] * len(contract.aliases)


@pytest.mark.parametrize("name", ["transactionUpdated", "", "transactionAdde"])
def test_an_event_by_another_name(name: str) -> None:
    detail = "eventName does not agree with the record, which is a transactionAdded"
    assert became(called(name)) == Translated(
        "transactionAdded", refusal=Refusal(Reason.UNMAPPABLE, Stage.TRANSLATE, detail)
    )


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        (None, "no key"),
        (b"", "key names another customer"),
        (KEY + b"0", "key names another customer"),
        (b"1" + KEY, "key names another customer"),
    ],
)
def test_profile_belongs_to_the_key_of_its_customer(key: bytes | None, rule: str) -> None:
    value = encoded(golden("customerAdded"))
    whole, part = became(value, KEY), became(value, key)
    assert len(sent(whole) & profile()) > 3
    assert sent(part) == sent(whole) - profile()
    outputs = mappings().bound["customerAdded"].outputs
    withheld = [skip for skip in part.skips if skip.rule == rule]
    assert withheld == [Skip(rule, output.to) for output in outputs if output.profile]


def test_without_a_customer_no_key_is_the_right_one() -> None:
    document = golden("customerAdded")
    del document["data"]["customerIdentifiers"]
    for key in (b"150698:None", b"150698:", b"None:None"):
        translated = became(encoded(document), key)
        assert not sent(translated) & profile()


def test_nothing_that_comes_stops_the_others() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    judge = mappings().translator(destinations(), broken)
    detail = "ZeroDivisionError while translating; a fault of this program, please report it"
    assert judge.translate(record(own())) == Translated("", refusal=Refusal(Reason.INVALID, Stage.TRANSLATE, detail))


def test_a_message_that_fits_no_request() -> None:
    size = next(len(message.entity) for message in became(own()).messages if message.to.name == "events")
    room = 1_000_000 - len('{"messages":[]}') - size
    for spare, fits in ((0, True), (1, False)):
        wide = destinations() | {
            "events": Destination("events", profile=False, prefix=b"x" * (room + spare), suffix=b"")
        }
        translated = mappings().translator(wide, lambda: NOW).translate(record(own()))
        assert isinstance(translated, Translated)
        assert (translated.refusal is None) is fits
        if not fits:
            detail = "a message of 999,986 bytes to events fits no request"
            assert translated == Translated(
                "transactionAdded", refusal=Refusal(Reason.TOO_LARGE, Stage.TRANSLATE, detail), notes=translated.notes
            )


def test_what_goes_out_takes_no_more_room_than_it_needs() -> None:
    for message in became(own()).messages:
        assert message.entity.__sizeof__() < len(message.entity) + 64


def test_every_destination_has_to_be_there_and_of_its_kind() -> None:
    with pytest.raises(MappingProblems) as missing:
        mappings().translator({name: to for name, to in destinations().items() if name != "events"}, lambda: NOW)
    other = Destination("events", profile=True, prefix=b"", suffix=b"")
    with pytest.raises(MappingProblems) as misplaced:
        mappings().translator(destinations() | {"events": other}, lambda: NOW)
    outputs = [output for mapping in mappings().bound.values() for output in mapping.outputs if output.to == "events"]
    for caught, what in ((missing, "no such destination in the settings"), (misplaced, "an event destination meets")):
        assert len(caught.value.problems) == len(outputs)
        assert all(problem.message.startswith(what) for problem in caught.value.problems)
        assert {problem.where for problem in caught.value.problems} == {"events"}


def test_the_events_and_destinations_are_listed_in_order() -> None:
    assert list(mappings().events) == sorted(mappings().bound)
    assert list(mappings().destination_names) == sorted(destinations())


def test_a_frame_of_the_registry_is_no_single_object() -> None:
    assert translator().translate(record(confluent_frame(2**31 - 1, b""))) == NeedsSchema(2**31 - 1)


def test_what_was_lost_on_the_way_to_avro_is_noted_by_place() -> None:
    document = golden()
    document["data"]["transactionId"] = {"no": "number"}
    document["data"]["lineItemCount"] = [1]
    translated = became(encoded(document))
    assert translated.notes == ("data.lineItemCount:unreadable", "data.transactionId:unreadable")
    assert became(own()).notes == ()


def test_a_place_that_no_event_has_is_no_label() -> None:
    document = golden()
    document["data"]["transactionId"] = {"no": "number"}
    value = encoded(document).replace(b"data.transactionId", b"data.transactionIx")
    assert became(value).notes == ("elsewhere:unreadable",)


def test_a_dead_letter_says_what_was_lost_too() -> None:
    document = golden()
    document["data"]["customerIdentifiers"] = {}
    document["data"]["lineItemCount"] = [1]
    translated = became(encoded(document))
    assert translated.refusal is not None
    assert translated.notes == ("data.lineItemCount:unreadable",)


def test_a_field_that_a_mapping_needs() -> None:
    document = golden("targetValueAchieved")
    del document["data"]["customerIdentifiers"]
    translated = became(encoded(document))
    assert (translated.event, translated.messages, translated.skips) == ("targetValueAchieved", (), ())
    assert translated.refusal is not None
    assert translated.refusal[:2] == (Reason.UNMAPPABLE, Stage.TRANSLATE)


IDENTITIES = "made of orgId, data.customerIdentifiers.customerId"
IN_STORE = "data.customerIdentifiers.instore.email, data.customerIdentifiers.instore.mobile"


@pytest.mark.parametrize(
    ("head", "customer", "said"),
    [
        ({"createdAt": NOW + 3_600_000}, 1, "timestamp not trusted; made of createdAt; noted: createdAt in the future"),
        ({"createdAt": -5}, 1, "timestamp not trusted; made of createdAt; noted: createdAt absurd"),
        ({}, 0, f"identityMap not trusted; {IDENTITIES}, {IN_STORE}; noted: customerId not positive"),
        ({}, None, f"identityMap absent; {IDENTITIES}, {IN_STORE}"),
        (
            {},
            "x",
            f"identityMap absent; {IDENTITIES}, {IN_STORE}; noted: data.customerIdentifiers.customerId:unreadable",
        ),
    ],
)
def test_a_dead_letter_says_what_it_lacks_of_what_and_why_and_what_to_do(
    head: Json, customer: object, said: str
) -> None:
    document = golden("targetValueAchieved") | head
    document["data"]["customerIdentifiers"]["customerId"] = customer
    refusal = became(encoded(document)).refusal
    assert refusal is not None
    target, rest = said.split(" ", 1)
    rest = rest.replace("noted: c", f"noted: {target}:c")
    assert refusal.detail == f'"{target}" of output events: {rest}; mend the event at its source and send it again'


def test_a_dead_letter_names_the_output_that_lacks_something() -> None:
    document = golden("transactionUpdated") | {"createdAt": NOW + 3_600_000}
    document["data"]["billType"] = "RETURN"
    refusal = became(encoded(document)).refusal
    assert refusal is not None
    assert refusal.detail.startswith('"timestamp" of output events-return: not trusted; ')


def test_a_dead_letter_of_a_fan_out_says_what_was_noted_of_its_items() -> None:
    refusal = became(encoded(coupons(11, 12) | {"createdAt": NOW + 3_600_000})).refusal
    assert refusal is not None
    assert "; item without timestamp; noted: timestamp:createdAt in the future; mend" in refusal.detail


def test_a_dead_letter_names_the_first_of_many_lost_values() -> None:
    document = golden()
    document["data"] |= {
        name: [1]
        for name in ("transactionId", "lineItemCount", "billDate", "enteredAt", "amount", "grossAmount", "billType")
    }
    refusal = became(encoded(document | {"createdAt": 1})).refusal
    assert refusal is not None
    lost = ("amount", "billDate", "enteredAt", "grossAmount", "lineItemCount")
    assert f"is unreadable; noted: {', '.join(f'data.{name}:unreadable' for name in lost)}; mend" in refusal.detail


def coupons(*customers: int | None) -> Json:
    """Coupons for customers, and at the end for one without."""
    document = golden("CouponIssue")
    first = document["data"]["coupons"][0]
    document["data"]["coupons"] = [
        first | {"id": number, "customerIdentifiers": first["customerIdentifiers"] | {"customerId": customer}}
        for number, customer in enumerate(customers, 1)
    ]
    return document


def customers(translated: Translated) -> list[str]:
    """Of the events that go out."""
    entities = [json.loads(message.entity) for message in translated.messages if not message.to.profile]
    return [one["id"] for entity in entities for one in entity["identityMap"][Namespaces().customer]]


def test_coupons_of_several_customers_go_out_each_for_its_own() -> None:
    translated = became(encoded(coupons(11, 12, None, 11)), b"150698:11")
    assert translated.refusal is None
    assert customers(translated) == ["150698:11", "150698:12", "150698:11"]
    assert not sent(translated) & profile()
    assert Skip("key names another customer", "profile-coupon") in translated.skips
    assert Skip("item without identityMap", "events") in translated.skips
    assert {type(skip) for skip in translated.skips} == {Skip}


def test_an_output_that_lacks_what_it_is_for_is_withheld() -> None:
    document = golden("customerAdded")
    document["data"]["customerIdentifiers"]["instore"].pop("email")
    whole, part = became(encoded(golden("customerAdded"))), became(encoded(document))
    assert sent(whole) - sent(part) == {"profile-email"}
    assert {*part.skips} - {*whole.skips} == {Skip("withheld: personalEmail.address", "profile-email")}


def test_coupons_of_one_customer_may_write_profile() -> None:
    assert sent(became(encoded(coupons(11, 11)), b"150698:11")) & profile()
    assert not sent(became(encoded(coupons(11, 11)), b"150698:12")) & profile()


def test_profile_drops_what_is_too_large() -> None:
    contact, events = (Destination(name, name != "events", b"", b"") for name in ("profile-email", "events"))
    for to, limit in ((contact, 100_000), (events, MAX_EVENT)):
        _check_sizes([Message(to, b"x" * limit)])
        with pytest.raises(_Refused) as caught:
            _check_sizes([Message(to, b"x" * limit), Message(to, b"x" * (limit + 1))])
        detail = f"{to.name} would get {limit + 1:,} bytes, and Profile drops what has more than {limit:,}"
        assert caught.value.refusal == Refusal(Reason.TOO_LARGE, Stage.TRANSLATE, detail)


def test_an_event_that_no_output_applies_to(tmp_path: Path) -> None:
    """Ours all say why; a brand's need not."""
    (tmp_path / "targetValueAchieved.toml").write_text(
        (ROOT / "schemas/mappings/targetValueAchieved.toml")
        .read_text(encoding="utf-8")
        .replace(
            'to = "events"\n',
            'to = "events"\nwhen = { call = "is_none_of", with = ["data.targetDetails.name", { const = "Target" }] }\n',
        ),
        encoding="utf-8",
    )
    document = golden("targetValueAchieved")
    judge = load_mappings(ROOT / "schemas", tmp_path, "acme").translator(destinations(), lambda: NOW)
    for name, skips in (("Target", (Skip("no output applies"),)), ("Other", ())):
        document["data"]["targetDetails"]["name"] = name
        translated = judge.translate(record(encoded(document)))
        assert isinstance(translated, Translated)
        assert (translated.refusal, translated.skips, bool(translated.messages)) == (None, skips, not skips)


def test_the_code_of_an_event_is_its_mapping_and_its_decoder() -> None:
    code = mappings().source_code("transactionAdded")
    assert code.startswith(mappings().compiled["transactionAdded"].source + "\n\n")
    compile(code, "transactionAdded", "exec")
    with pytest.raises(KeyError):
        mappings().source_code("New")


def faults(directory: Path, tenant: str = "acme") -> list[Problem]:
    with pytest.raises(MappingProblems) as caught:
        load_mappings(directory, None, tenant)
    return [*caught.value.problems]


def test_a_tenant_that_is_none() -> None:
    [problem] = faults(ROOT / "schemas", "a b")
    assert problem[:3] == ("AEP__TENANT", 0, "tenant")


def test_contracts_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    ours = shutil.copytree(ROOT / "schemas", tmp_path / "schemas") / "capillary"
    (ours / "badgeEarned.avsc").write_text("{")
    (ours / "CouponIssue.avsc").write_text('{"type": "record", "name": "A", "event": "CouponIssue", "fields": []}')
    text = (ours / "customerAdded.avsc").read_text(encoding="utf-8")
    (ours / "customerAdded.avsc").write_text(text.replace('"customer": "', '"customer": "data.no.'), encoding="utf-8")
    (ours / "released" / "zz.avsc").write_text('{"type": "record"}')
    found = {problem.file: problem for problem in faults(tmp_path / "schemas") if problem.file.endswith(".avsc")}
    assert {file: problem[1:3] for file, problem in found.items()} == {
        "capillary/badgeEarned.avsc": (0, "schema"),
        "capillary/CouponIssue.avsc": (0, "schema"),
        "capillary/customerAdded.avsc": (0, "customer"),
        "released/zz.avsc": (0, "schema"),
    }
    assert found["capillary/CouponIssue.avsc"].message == "the record has no orgId and no eventName"
    assert found["capillary/customerAdded.avsc"].message.startswith('the record has no "data.no.')


def test_a_schema_that_was_released_once_is_still_read(tmp_path: Path) -> None:
    directory = shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    newer = contracts()["transactionAdded"]
    older = newer.schema | {"fields": [field for field in newer.schema["fields"] if field["name"] != "dropped"]}
    payload = io.BytesIO()
    fastavro.schemaless_writer(payload, older, read_event(golden(), contracts()).record)
    value = single_object_frame(fingerprint(older), payload.getvalue())
    for released, reason in ((False, Reason.UNKNOWN_SCHEMA), (True, None)):
        if released:
            (directory / "capillary" / "released" / "older.avsc").write_text(json.dumps(older), encoding="utf-8")
        judge = load_mappings(directory, None, "acme").translator(destinations(), lambda: NOW)
        translated = judge.translate(record(value))
        assert isinstance(translated, Translated)
        assert (translated.refusal and translated.refusal.reason) is reason


def test_older_sandboxes_have_the_fields_of_2025() -> None:
    older = load_mappings(ROOT / "schemas", None, "acme", Options(loyalty_fields="2025"))
    assert older.schemas.keys() == mappings().schemas.keys()
    assert older.schemas["profile-coupon"].find("loyalty.rewards") is None
    assert mappings().schemas["profile-coupon"].find("loyalty.rewards") is not None


def test_functions_know_the_shared_tables_of_a_brand_and_what_is_configured_over_them(tmp_path: Path) -> None:
    (tmp_path / "_common.toml").write_text('[lookup.tiers]\n"2649:1" = "Bronze"\n"2649:2" = "Blue"\n', encoding="utf-8")
    options = Options(tables={"tiers": {"2649:2": "Azure"}})
    document = golden("tierUpgraded")
    document["data"]["loyaltyProgramDetails"]["tiers"] = []
    judge = load_mappings(ROOT / "schemas", tmp_path, "acme", options).translator(destinations(), lambda: NOW)
    translated = judge.translate(record(encoded(document)))
    assert isinstance(translated, Translated)
    [event] = [json.loads(message.entity) for message in translated.messages if message.to.name == "events"]
    own_fields = event["_acme"]["capillary"]
    assert (own_fields["previousTierName"], own_fields["tierName"]) == ("Bronze", "Azure")
