"""The contracts themselves: rules that every `.avsc` must keep, and how a broken one is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from processor.capillary import ContractError, Contracts, IgnoredEventError, load_contracts, read_event

DIRECTORY = Path(__file__).parents[2] / "schemas" / "capillary"

CUSTOMERS = {
    "CouponIssue": ("data", "coupons", "customerIdentifiers", "customerId"),
    "loyaltyCustomerMerge": ("data", "survivorCustomerIdentifiers", "customerId"),
}
"""Events that name their customer elsewhere than all others."""

Json = dict[str, object]


@cache
def contracts() -> Contracts:
    return load_contracts(DIRECTORY)


EVENT: Json = {
    "type": "record",
    "name": "CardUpdated",
    "namespace": "capillary.events",
    "event": "cardUpdated",
    "eventAliases": ["CardChanged"],
    "customer": "data.holder.id",
    "fields": [
        {"name": "eventName", "type": "string"},
        {"name": "orgId", "type": "long"},
        {"name": "eventType", "type": ["null", "string"], "default": None},
        {
            "name": "data",
            "type": {
                "type": "record",
                "name": "Data",
                "fields": [
                    {
                        "name": "holder",
                        "default": None,
                        "type": [
                            "null",
                            {
                                "type": "record",
                                "name": "Holder",
                                "fields": [{"name": "id", "type": ["null", "long"], "default": None}],
                            },
                        ],
                    },
                    {"name": "points", "type": ["null", "double"], "default": None},
                ],
            },
        },
    ],
}


def test_file_event_and_record_carry_one_name() -> None:
    files = sorted(DIRECTORY.glob("*.avsc"))
    assert len(contracts()) == len(files)
    for file in files:
        contract = contracts()[file.stem]
        assert contract.name == f"capillary.events.{file.stem[0].upper()}{file.stem[1:]}"
        assert contract.customer == CUSTOMERS.get(file.stem, ("data", "customerIdentifiers", "customerId"))


def test_every_field_has_a_doc() -> None:
    def walk(schema: object) -> None:
        if isinstance(schema, dict):
            for field in schema.get("fields", []):
                assert field.get("doc"), field["name"]
            for value in schema.values():
                walk(value)
        if isinstance(schema, list):
            for item in schema:
                walk(item)

    for contract in contracts().values():
        walk(contract.schema)


def test_all_envelopes_are_the_same() -> None:
    roots = []
    for contract in contracts().values():
        fields = contract.schema["fields"]
        assert isinstance(fields, list)
        roots.append([field for field in fields if field["name"] != "data"])
    assert all(root == roots[0] for root in roots)


def write(directory: Path, schema: object, name: str = "cardUpdated.avsc") -> Path:
    (directory / name).write_text(json.dumps(schema), encoding="utf-8")
    return directory


def test_a_new_event_needs_no_python(tmp_path: Path) -> None:
    document = {"eventName": "cardchanged", "orgId": 3, "data": {"Holder": {"ID": "8"}}}
    event = read_event(document, load_contracts(write(tmp_path, EVENT)))
    assert (event.event, event.key) == ("cardUpdated", b"3:8")
    assert event.record["data"] == {"holder": {"id": 8}, "points": None}


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"namespace": "ours"}, "ours.CardUpdated"), ({"namespace": ""}, "CardUpdated"), ({"name": "a.b.C"}, "a.b.C")],
)
def test_a_contract_is_called_as_avro_calls_its_record(tmp_path: Path, changes: Json, name: str) -> None:
    assert load_contracts(write(tmp_path, {**EVENT, **changes}))["cardUpdated"].name == name


def test_a_body_may_have_what_belongs_around_other_bodies(tmp_path: Path) -> None:
    schema = copy.deepcopy(EVENT)
    _data(schema)[1].update(name="loyaltyEventId", type=["null", "string"])
    document = {"eventName": "cardUpdated", "orgId": 3, "data": {"loyaltyEventId": "Qs5"}}
    event = read_event(document, load_contracts(write(tmp_path, schema)))
    assert event.record["data"] == {"holder": None, "loyaltyEventId": "Qs5"}


def test_a_type_may_be_used_again_by_its_full_name(tmp_path: Path) -> None:
    schema = copy.deepcopy(EVENT)
    _data(schema)[1].update(name="before", type=["null", "capillary.events.Holder"])
    document = {"eventName": "cardUpdated", "orgId": 3, "data": {"before": {"id": "8.0"}}}
    event = read_event(document, load_contracts(write(tmp_path, schema)))
    assert event.record["data"] == {"holder": None, "before": {"id": 8}}


def test_an_event_without_a_customer_has_no_key(tmp_path: Path) -> None:
    schema = {name: value for name, value in EVENT.items() if name != "customer"}
    event = read_event({"eventName": "cardUpdated", "orgId": 3, "data": {}}, load_contracts(write(tmp_path, schema)))
    assert event.key is None


def _data(schema: Json) -> list[Json]:
    fields = schema["fields"]
    assert isinstance(fields, list)
    body: list[Json] = fields[3]["type"]["fields"]
    return body


OTHER_HOLDER = {"type": "record", "name": "Holder", "namespace": "elsewhere", "fields": []}

BREAKS: list[tuple[str, Callable[[Json], object]]] = [
    ('the root is a record with a property "event"', lambda s: s.pop("event")),
    ('"eventAliases" is a list of names', lambda s: s.update(eventAliases="x")),
    ("data.points is no long of this schema", lambda s: s.update(customer="data.points")),
    ("data.nobody.id is no long of this schema", lambda s: s.update(customer="data.nobody.id")),
    ("the root has no orgId", lambda s: s["fields"].pop(1)),  # type: ignore[attr-defined]
    ("data: is a record", lambda s: s["fields"][3].update(type="string")),  # type: ignore[index]
    ('data.points: must be nullable, ["null", ...]', lambda s: _data(s)[1].update(type="double", default=1.0)),
    ("data.points: needs null as its default", lambda s: _data(s)[1].pop("default")),
    ("data.points: float is no type", lambda s: _data(s)[1].update(type=["null", "float"])),
    ("data.points: bytes is no type", lambda s: _data(s)[1].update(type=["null", "bytes"])),
    ("data: Holder and holder are two spellings of one name", lambda s: _data(s)[1].update(name="Holder")),
    ("data: Holder and holder are two spellings of one name", lambda s: _data(s)[1].update(aliases=["Holder"])),
    ("data.points: Data holds itself", lambda s: _data(s)[1].update(type=["null", "Data"])),
    (
        "the root: EventType and eventType are two spellings of one name",
        lambda s: s["fields"][3].update(aliases=["EventType"]),
    ),  # type: ignore[index]
    ("data.points: the name Holder is taken", lambda s: _data(s)[1].update(type=["null", OTHER_HOLDER])),
    ("orgId: no union is possible here", lambda s: s["fields"][1].update(type=["null", "long"])),  # type: ignore[index]
    (
        "data.points[]: no union is possible here",
        lambda s: _data(s)[1].update(type=["null", {"type": "array", "items": ["null", "long"]}]),
    ),
    (
        "data.points{}: no union is possible here",
        lambda s: _data(s)[1].update(type=["null", {"type": "map", "values": ["null", "long"]}]),
    ),
    ("no Avro schema", lambda s: s.update(type="recrod")),
    ("no Avro schema", lambda s: _data(s)[1].update(type=["null", "Unknown"])),
]


@pytest.mark.parametrize(("message", "broken"), BREAKS)
def test_a_broken_contract_is_refused_with_file_and_place(
    tmp_path: Path, message: str, broken: Callable[[Json], object]
) -> None:
    schema = copy.deepcopy(EVENT)
    broken(schema)
    with pytest.raises(ContractError) as caught:
        load_contracts(write(tmp_path, schema))
    assert str(caught.value).startswith("cardUpdated.avsc: ")
    assert f": {message}" in str(caught.value)


def test_what_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.avsc").write_bytes(b"{")
    with pytest.raises(ContractError, match=r"a\.avsc: no Avro schema"):
        load_contracts(tmp_path)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no contract"):
        load_contracts(tmp_path)


def test_two_files_cannot_claim_one_name(tmp_path: Path) -> None:
    write(tmp_path, EVENT)
    write(tmp_path, {**EVENT, "event": "cardChanged", "eventAliases": []}, "other.avsc")
    with pytest.raises(ContractError, match="belongs to"):
        load_contracts(tmp_path)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"a =", "no TOML"),
        (b"\xff", "no TOML"),
        (b'a = " "', "a: needs a reason, in words"),
        (b"a = 1", "a: needs a reason, in words"),
        (b"[a]\nb = 1", "a: needs a reason, in words"),
        (b'[undocumented]\na = ""', "a: needs a reason, in words"),
        (b'undocumented = "a"', "undocumented: is a table of names and reasons"),
    ],
)
def test_a_list_of_ignored_events_that_is_none(tmp_path: Path, text: bytes, wrong: str) -> None:
    write(tmp_path, EVENT)
    (tmp_path / "ignored.toml").write_bytes(text)
    with pytest.raises(ContractError, match=rf"^ignored\.toml: {wrong}"):
        load_contracts(tmp_path)


# ---- events with a customer in every item ----------------------------------------------------------------------------


def several() -> Json:
    """The same event with its customers in a list."""
    schema = copy.deepcopy(EVENT)
    _data(schema)[0]["type"][1]["name"] = "Owner"  # type: ignore[index]
    holder = _data(schema)[0]["type"][1]  # type: ignore[index]
    _data(schema)[0].update(name="holders", type=["null", {"type": "array", "items": holder}])
    _data(schema).append({"name": "series", "type": ["null", "long"], "default": None})
    return schema | {"customer": "data.holders.id", "keyOtherwise": "data.series"}


@pytest.mark.parametrize(
    ("holders", "key"),
    [
        ([{"id": 8}], b"3:8"),
        ([{"id": 8}, {"id": "8.0"}], b"3:8"),
        ([{"id": 8}, {"id": 9}], b"3:70"),
        ([{"id": 8}, {"id": "nobody"}], b"3:70"),
        ([], b"3:70"),
        (None, b"3:70"),
    ],
)
def test_the_key_is_the_one_customer_of_all_items_else_what_the_contract_says(
    tmp_path: Path, holders: object, key: bytes
) -> None:
    known = load_contracts(write(tmp_path, several()))
    document = {"eventName": "cardUpdated", "orgId": 3, "data": {"holders": holders, "series": 70}}
    assert read_event(document, known).key == key


def test_without_either_there_is_no_key(tmp_path: Path) -> None:
    known = load_contracts(write(tmp_path, several()))
    document = {"eventName": "cardUpdated", "orgId": 3, "data": {"holders": [{"id": 8}, {"id": 9}]}}
    assert read_event(document, known).key is None


def test_what_makes_the_key_otherwise_is_an_id(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r'"keyOtherwise": data\.points is no long of this schema'):
        load_contracts(write(tmp_path, several() | {"keyOtherwise": "data.points"}))


def test_a_brand_s_list_adds_to_ours(tmp_path: Path) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "ignored.toml").write_text('cardUpdated = "not in this shop"\n')
    (tmp_path / "ignored.toml").write_text('cardLost = "no customer"\n')
    document = {"eventName": "cardUpdated", "orgId": 3, "data": {}}
    ours, theirs = (load_contracts(write(tmp_path, EVENT), of) for of in (None, brand))
    assert dict(ours.ignored) == {"cardLost": "no customer"}
    assert dict(theirs.ignored) == {"cardLost": "no customer", "cardUpdated": "not in this shop"}
    assert read_event(document, ours).event == "cardUpdated"
    with pytest.raises(IgnoredEventError) as caught:
        read_event(document, theirs)
    assert caught.value.remedy == "not in this shop"


# ---- lists of pairs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "body"),
    [
        (("key", "value"), [{"key": "tier", "value": "gold"}]),
        (("value", "key"), [{"key": "tier", "value": "gold"}]),
        (("key", "text"), None),
        (("name", "value"), None),
        (("key", "value", "more"), None),
    ],
)
def test_an_object_stands_for_a_list_of_its_pairs(tmp_path: Path, names: tuple[str, ...], body: object) -> None:
    fields = [{"name": name, "type": ["null", "string"], "default": None} for name in names]
    pair = {"type": "record", "name": "Pair", "fields": fields}
    schema = copy.deepcopy(EVENT)
    _data(schema)[1].update(name="fields", type=["null", {"type": "array", "items": pair}])
    document = {"eventName": "cardUpdated", "orgId": 3, "data": {"fields": {"tier": "gold"}}}
    event = read_event(document, load_contracts(write(tmp_path, schema)))
    assert event.record["data"] == {"holder": None, "fields": body}
    assert event.record["dropped"] == (None if body else ["data.fields"])
