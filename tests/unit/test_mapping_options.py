"""What an operator configures about the translation: its defaults, codes of namespaces, entries of lookup tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, astuple
from typing import Any, get_args

import pytest

from processor.mapping.options import IDENTIFIERS, Identifier, Namespaces, Options


def test_identifiers_are_listed_as_they_are_typed() -> None:
    assert get_args(Identifier) == IDENTIFIERS == tuple(Namespaces.__dataclass_fields__)[:-1]


def test_by_default_customer_email_and_phone_are_sent_under_adobes_codes() -> None:
    assert astuple(Namespaces()) == ("CapillaryId", "Email", "Phone", "", "", "customer")


def test_by_default_events_speak_for_themselves() -> None:
    options = Options()
    assert options.namespaces == Namespaces()
    assert options.default_program is None
    assert options.default_programs == {}
    assert options.tables == {}
    assert options.last_updated is True
    assert options.loyalty_fields == "2026"
    assert options.never == frozenset()


def test_nobody_changes_options_after_the_start() -> None:
    options: Any = Options()
    with pytest.raises(FrozenInstanceError):
        options.last_updated = False


@pytest.mark.parametrize(
    ("namespaces", "sent"),
    [
        (Namespaces(), {"customer", "email", "phone"}),
        (Namespaces(email="", phone=""), {"customer"}),
        (Namespaces("CRMID", "", "", "LoyaltyId", "LoyaltyCard"), {"customer", "external_id", "card"}),
        (Namespaces(external_id="LoyaltyId", card="LoyaltyCard"), set(IDENTIFIERS)),
    ],
)
def test_what_has_a_code_is_sent(namespaces: Namespaces, sent: set[str]) -> None:
    assert namespaces.sent == sent


TIERS: Mapping[str, Mapping[str, str]] = {"tiers": {"2649:1": "Silver", "gold": "Gold"}, "genders": {"m": "male"}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({}, TIERS),
        ({"tiers": {}}, TIERS),
        ({"tiers": {"2649:2": "Gold"}}, {**TIERS, "tiers": {"2649:1": "Silver", "gold": "Gold", "2649:2": "Gold"}}),
        ({"tiers": {" GOLD ": "Gilt"}}, {**TIERS, "tiers": {"2649:1": "Silver", "gold": "Gilt"}}),
        ({"tiers": {"STRASSE": "a", "Straße": "b"}}, {**TIERS, "tiers": {**TIERS["tiers"], "strasse": "b"}}),
        ({"nobodys": {"a": "b"}}, TIERS),  # binding says that there is no such table
    ],
)
def test_an_operators_entries_are_laid_over_a_table_and_compared_like_all(
    entries: Mapping[str, Mapping[str, str]], expected: Mapping[str, Mapping[str, str]]
) -> None:
    assert Options(tables=entries).laid_over(TIERS) == expected


def test_the_tables_of_the_mappings_stay_as_they_are() -> None:
    tables = {"tiers": {"1": "Silver"}}
    assert Options(tables={"tiers": {"1": "Gold"}}).laid_over(tables) == {"tiers": {"1": "Gold"}}
    assert tables == {"tiers": {"1": "Silver"}}
