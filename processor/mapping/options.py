"""What an operator configures about the translation, as frozen values; whoever binds a mapping hands them on.

A function that `call` may name gets them as its first parameter, if that is annotated `Options`. Nothing here changes
after the start, so the compiled code and the interpreter cannot differ in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from processor.mapping.language import Table

Identifier = Literal["customer", "email", "phone", "external_id", "card"]
LoyaltyFields = Literal["2026", "2025"]


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Codes of AEP's identity namespaces by what Capillary knows of a customer; an empty one is never sent.

    `customer` is never empty: it holds `orgId:customerId`, the only identifier that every event has, and stands in
    where an event lacks the primary one.
    """

    customer: str = "CapillaryId"
    email: str = "Email"
    phone: str = "Phone"
    external_id: str = ""
    card: str = ""
    primary: Identifier = "customer"

    @property
    def sent(self) -> frozenset[str]:
        """What has a code."""
        return frozenset(name for name in IDENTIFIERS if getattr(self, name))


IDENTIFIERS: tuple[Identifier, ...] = ("customer", "email", "phone", "external_id", "card")


@dataclass(frozen=True, slots=True)
class Options:
    """All of it; the defaults are those of the settings.

    Args:
        namespaces: who a message is about.
        default_program: id of the program that speaks for a customer; None: the events say which one does.
        default_programs: the same for single Capillary orgs, by their id.
        tables: laid over the lookup tables of these names, entry by entry. What a function gets has the shared tables
            of the mappings in it too.
        last_updated: whether Profile messages carry `extSourceSystemAudit.lastUpdatedDate`.
        loyalty_fields: which of Adobe's "Loyalty Details" the sandbox has, see `generations`.
        never: the brand's own shared addresses, numbers and ids, which identify nobody, see `nobody.all_comparable`.
    """

    namespaces: Namespaces = Namespaces()
    default_program: int | None = None
    default_programs: Mapping[int, int] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    last_updated: bool = True
    loyalty_fields: LoyaltyFields = "2026"
    never: frozenset[str] = frozenset()

    def laid_over(self, tables: Mapping[str, Table]) -> dict[str, Table]:
        """These tables with the operator's entries in them, whose keys are compared like all."""
        return {name: {**table, **_folded(self.tables.get(name, {}))} for name, table in tables.items()}


def _folded(table: Table) -> Table:
    return {key.strip().casefold(): value for key, value in table.items()}
