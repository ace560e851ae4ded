"""Who the stand-in is: one organisation with one inlet and some datasets. Every id has a fixed value of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

_EVENT_CLASS = "https://ns.adobe.com/xdm/context/experienceevent"


def _id(kind: str, digits: int) -> str:
    """Looks like one of Adobe's ids, and is the same in every process."""
    return hashlib.sha256(f"stand-in/{kind}".encode()).hexdigest()[:digits]


@dataclass(frozen=True, slots=True)
class Account:
    """The ids that a worker must know. `tenant` is without its underscore."""

    org_id: str = _id("org", 24).upper() + "@AdobeOrg"
    tenant: str = "example"
    client_id: str = _id("client", 32)
    client_secret: str = "stand-in-secret"  # noqa: S105 - opens nothing
    inlet_id: str = _id("inlet", 64)
    sandbox: str = "prod"


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One dataset and the schema of its entities. `profile` tells a Profile dataset from an ExperienceEvent one."""

    name: str
    dataset_id: str
    schema_id: str
    profile: bool
    validator: jsonschema_rs.Draft7Validator


def load_datasets(
    directory: Path,
    account: Account,
    ids: Mapping[str, tuple[str, str]] | None = None,
    adapt: Callable[[Mapping[str, object]], Mapping[str, object]] = dict,
) -> dict[str, Dataset]:
    """One dataset for each `NAME.json`, by dataset id.

    Args:
        directory: holds the composed XDM schemas, in which `_tenant` stands for the tenant's namespace.
        account: whose tenant it is.
        ids: schema id and dataset id by name, where a worker has other ones than the built-in.
        adapt: makes of a document what this sandbox has; `_tenant` still stands for the namespace.

    Raises:
        ValueError: a file is no JSON or no JSON Schema.
    """
    datasets = {}
    for file in sorted(directory.glob("*.json")):
        plain = json.loads(file.read_bytes())
        if not isinstance(plain, dict):
            raise ValueError(f"{file.name} is no JSON Schema")  # noqa: TRY004 - one kind of error for a bad file
        document = _with_tenant(adapt(plain), f"_{account.tenant}")
        schema_id, dataset_id = (ids or {}).get(file.stem) or _built_in_ids(file.stem, account)
        profile = document.get("meta:class") != _EVENT_CLASS
        validator = jsonschema_rs.Draft7Validator(document, validate_formats=True)
        datasets[dataset_id] = Dataset(file.stem, dataset_id, schema_id, profile, validator)
    return datasets


def _built_in_ids(name: str, account: Account) -> tuple[str, str]:
    return f"https://ns.adobe.com/{account.tenant}/schemas/{_id(f'schema/{name}', 48)}", _id(f"dataset/{name}", 24)


def _with_tenant(node: Any, namespace: str) -> Any:
    """The schema with the tenant's namespace as the name of its property."""
    if isinstance(node, dict):
        return {_named(name, namespace): _with_tenant(child, namespace) for name, child in node.items()}
    if isinstance(node, list):
        return [_with_tenant(child, namespace) for child in node]
    return _named(node, namespace) if isinstance(node, str) else node


def _named(name: str, namespace: str) -> str:
    return namespace if name == "_tenant" else name
