"""Adobe's "Loyalty Details" as it was in 2025: which fields move to the tenant's namespace, and what goes along."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from processor.mapping.generations import FIELDS_OF_2025, schema_of_2025, target_of_2025
from processor.mapping.xdm import EVENT_CLASS, PROFILE_CLASS, with_tenant

ROOT = Path(__file__).parents[2]
DETAILS = "https://ns.adobe.com/xdm/mixins/profile/profile-loyalty-details"
NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def profile(loyalty: object, **properties: object) -> dict[str, object]:
    """A document of a Profile schema."""
    return {
        "meta:class": PROFILE_CLASS,
        "meta:fieldGroups": ["other", DETAILS],
        "type": "object",
        "properties": {"loyalty": loyalty, **properties},
        "additionalProperties": False,
    }


def an_object(properties: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, **more, "additionalProperties": False}


@pytest.mark.parametrize(
    "name",
    [
        "joinDate",
        "loyaltyID",
        "points",
        "pointsExpiration",
        "pointsRedeemed",
        "program",
        "status",
        "tier",
        "upgradeDate",
    ],
)
def test_the_fields_that_experience_league_listed_before_2026_stay(name: str) -> None:
    assert target_of_2025(f"loyalty.{name}") == f"loyalty.{name}"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("loyalty.pointsExpiration.date", "loyalty.pointsExpiration.date"),
        ("loyalty.lifetimePoints", "_tenant.capillary.loyalty.lifetimePoints"),
        ("loyalty.cardsDetails.number", "_tenant.capillary.loyalty.cardsDetails.number"),
        ("loyalty.cardsDetails.points", "_tenant.capillary.loyalty.cardsDetails.points"),
        ("loyalty", "loyalty"),
        ("loyaltyDetails.lifetimePoints", "loyaltyDetails.lifetimePoints"),
        ("person.loyalty.lifetimePoints", "person.loyalty.lifetimePoints"),
        ("_tenant.capillary.note", "_tenant.capillary.note"),
    ],
)
def test_where_a_target_lives(target: str, expected: str) -> None:
    assert target_of_2025(target) == expected


def test_no_field_of_ours_is_lost_and_no_younger_one_stays() -> None:
    for file in sorted((ROOT / "schemas" / "xdm").glob("*.json")):
        document = json.loads(file.read_bytes())
        older = schema_of_2025(document)
        jsonschema_rs.Draft7Validator(dict(older))
        if document["meta:class"] == EVENT_CLASS:
            assert older is document
            continue
        before, after = ({*_leaves(each)} for each in (document, older))
        assert after == {target_of_2025(target) for target in before}
        assert {target.split(".")[1] for target in after if target.startswith("loyalty.")} <= FIELDS_OF_2025


def _leaves(document: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for name, node in document["properties"].items():
        if "properties" in node:
            yield from _leaves(node, f"{prefix}{name}.")
        else:
            yield prefix + name


@pytest.mark.parametrize(
    "document",
    [
        profile(an_object({"tier": TEXT})),
        profile(an_object({})),
        profile({"type": "object"}),
        profile("no object"),
        {"meta:class": PROFILE_CLASS, "properties": {"person": an_object({"lifetimePoints": NUMBER})}},
        {"meta:class": PROFILE_CLASS},
        {**profile(an_object({"lifetimePoints": NUMBER})), "meta:class": EVENT_CLASS},
        {"properties": {"loyalty": an_object({"lifetimePoints": NUMBER})}},
    ],
)
def test_a_document_of_which_nothing_moves_comes_back_as_it_is(document: dict[str, object]) -> None:
    assert schema_of_2025(document) is document


def test_younger_fields_move_with_what_is_required_of_them_and_the_tenant_keeps_what_it_has() -> None:
    fields = {"tier": TEXT, "nextTier": TEXT, "points": NUMBER, "lifetimePoints": NUMBER}
    loyalty = an_object(fields, title="Loyalty", required=["tier", "nextTier"])
    capillary = {**an_object({"note": TEXT}, required=["note"]), "title": "Capillary"}
    tenant = {**an_object({"capillary": capillary, "own": TEXT}), "title": "Ours"}
    document = profile(loyalty, _tenant=tenant, person=TEXT)
    before = copy.deepcopy(document)
    older: Any = schema_of_2025(document)
    moved = an_object({"nextTier": TEXT, "lifetimePoints": NUMBER}, title="Loyalty", required=["nextTier"])
    both = {**an_object({"note": TEXT, "loyalty": moved}, required=["note"]), "title": "Capillary"}
    assert older == profile(
        an_object({"tier": TEXT, "points": NUMBER}, title="Loyalty", required=["tier"]),
        person=TEXT,
        _tenant={**an_object({"capillary": both, "own": TEXT}), "title": "Ours"},
    )
    assert document == before
    assert with_tenant(older, "acme")["properties"].keys() == {"loyalty", "person", "_acme"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("required", [None, [], ["points"], "points"])
def test_nothing_is_required_of_an_object_of_which_nothing_was(required: object) -> None:
    fields = {"points": NUMBER, "lifetimePoints": NUMBER}
    older: Any = schema_of_2025(profile(an_object(fields) | {"required": required}))
    moved = older["properties"]["_tenant"]["properties"]["capillary"]["properties"]["loyalty"]
    assert moved == an_object({"lifetimePoints": NUMBER})


def test_a_tenant_without_fields_gets_objects_that_allow_no_others() -> None:
    older = schema_of_2025(profile(an_object({"points": NUMBER, "lifetimePoints": NUMBER})))
    moved = an_object({"loyalty": an_object({"lifetimePoints": NUMBER})})
    expected = profile(an_object({"points": NUMBER}), _tenant=an_object({"capillary": moved}))
    assert older == expected


def test_a_field_group_of_which_nothing_is_left_goes_with_its_object() -> None:
    older = schema_of_2025(profile({"type": "object", "properties": {"lifetimePoints": NUMBER}}))
    moved = an_object({"loyalty": {"type": "object", "properties": {"lifetimePoints": NUMBER}}})
    assert older == {
        **profile({}),
        "meta:fieldGroups": ["other"],
        "properties": {"_tenant": an_object({"capillary": moved})},
    }


@pytest.mark.parametrize("groups", [{}, {"meta:fieldGroups": DETAILS}])
def test_a_document_without_a_list_of_field_groups_gets_none(groups: dict[str, object]) -> None:
    document = {"meta:class": PROFILE_CLASS, **groups, "properties": {"loyalty": an_object({"lifetimePoints": NUMBER})}}
    older = schema_of_2025(document)
    assert {name: value for name, value in older.items() if name != "properties"} == {
        "meta:class": PROFILE_CLASS,
        **groups,
    }
