"""Adobe's "Loyalty Details" of Profile as it was in 2025, for sandboxes whose library lags behind.

Fields came to it in January and March 2026 (history of adobe/xdm). A schema in AEP cannot have what its field group
lacks, so where the operator says "2025" those fields live in the tenant's namespace, in the same dataset:
`loyalty.lifetimePoints` becomes `_tenant.capillary.loyalty.lifetimePoints`. The group of events is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from processor.mapping.xdm import PROFILE_CLASS

LOYALTY_DETAILS = "https://ns.adobe.com/xdm/mixins/profile/profile-loyalty-details"
FIELDS_OF_2025 = frozenset(
    {
        "joinDate",
        "loyaltyID",
        "points",
        "pointsExpiration",
        "pointsRedeemed",
        "program",
        "status",
        "tier",
        "upgradeDate",
    }
)
"""What Experience League listed of the field group before 2026."""


def target_of_2025(target: str) -> str:
    """Where a Profile target lives under "2025"."""
    root, _, rest = target.partition(".")
    moves = root == "loyalty" and rest.partition(".")[0] not in FIELDS_OF_2025
    return f"_tenant.capillary.{target}" if moves and rest else target


def schema_of_2025(document: Mapping[str, object]) -> Mapping[str, object]:
    """The document of an XDM schema in which `_tenant` stands for the tenant, with the younger fields moved.

    One that has none of them, and one of events, comes back as it is.
    """
    properties = _table(document, "properties")
    loyalty = _table(properties, "loyalty")
    young = {name: node for name, node in _table(loyalty, "properties").items() if name not in FIELDS_OF_2025}
    if document.get("meta:class") != PROFILE_CLASS or not young:
        return document
    old = {name: node for name, node in _table(loyalty, "properties").items() if name in FIELDS_OF_2025}
    required = loyalty.get("required")
    names = required if isinstance(required, list) else []
    tenant = _table(properties, "_tenant")
    capillary = _table(_table(tenant, "properties"), "capillary")
    moved = _with(capillary, {"loyalty": _object(loyalty, young, names)})
    result = {name: node for name, node in properties.items() if name != "loyalty" or old}
    if old:
        result["loyalty"] = _object(loyalty, old, names)
    result["_tenant"] = _with(tenant, {"capillary": moved})
    return {**document, **_field_groups(document, keeps_standard=bool(old)), "properties": result}


def _object(like: Mapping[str, object], properties: Mapping[str, object], required: list[object]) -> dict[str, object]:
    names = [name for name in required if name in properties]
    rest = {name: value for name, value in like.items() if name != "required"}
    return {**rest, "properties": dict(properties), **({"required": names} if names else {})}


def _with(node: Mapping[str, object], properties: Mapping[str, object]) -> dict[str, object]:
    """An object of a schema with more properties; a new one where there was none."""
    return {
        "type": "object",
        **node,
        "properties": {**_table(node, "properties"), **properties},
        "additionalProperties": False,
    }


def _field_groups(document: Mapping[str, object], *, keeps_standard: bool) -> dict[str, object]:
    groups = document.get("meta:fieldGroups")
    if not isinstance(groups, list) or keeps_standard:
        return {}
    return {"meta:fieldGroups": [group for group in groups if group != LOYALTY_DETAILS]}


def _table(node: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = node.get(name)
    return found if isinstance(found, dict) else {}
