"""What the stand-in accepted, in the order in which it did: the view of an auditor, who need not believe anyone.

Two readings of the same messages. The lake keeps every copy. Profile drops an event whose `_id` it knows, keeps the
last write per dataset and identity, and drops silently what is too large. Source: Adobe's Profile guardrails.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import orjson

from processor.simulator.account import Dataset

Entity = Mapping[str, object]

LARGEST_EVENT = 10_000
LARGEST_PROFILE = 100_000


class Accepted(NamedTuple):
    """One accepted message.

    `number` counts all of them from 0, `request` the requests. `id` is an event's `_id`; a Profile write has none, so a
    digest of its content stands in. `identity` is `namespace:id` of the primary identity. `time` is an event's
    timestamp, for a Profile write when its source last changed it. `hidden` says that the reply was kept from the
    client on purpose,
    `duplicate` that the same message had been accepted before.
    """

    number: int
    request: int
    dataset: str
    id: str
    identity: str
    time: str
    kind: str
    hidden: bool
    duplicate: bool


class Counts(NamedTuple):
    """Sums over all accepted messages.

    `duplicates` had been accepted before, `duplicates_after_hidden` are those among them whose first copy was accepted
    under a hidden reply. `dropped_large` would be dropped silently by Profile, `without_identity` could be given to
    nobody there.
    """

    accepted: int = 0
    hidden: int = 0
    duplicates: int = 0
    duplicates_after_hidden: int = 0
    dropped_large: int = 0
    without_identity: int = 0
    by_dataset: Mapping[str, int] = {}


class Ledger:
    """Keeps what was accepted. Threads may share it.

    Args:
        keep: False counts messages and keeps nothing of them: for a sink in a benchmark.
        journal: a file that gets one line of JSON per accepted message.
    """

    def __init__(self, *, keep: bool = True, journal: Path | None = None) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._journal: IO[bytes] | None = journal.open("ab") if journal else None
        self._clear()

    def _clear(self) -> None:
        self._accepted: list[Accepted] = []
        self._sums: Counter[str] = Counter()
        self._by_dataset: Counter[str] = Counter()
        self._first: dict[tuple[str, str], bool] = {}  # (dataset, id) -> whether the first copy was hidden
        self._profile: dict[tuple[str, str], bytes] = {}

    def accept(self, request: int, messages: Sequence[tuple[Dataset, Entity]], *, hidden: bool) -> None:
        """Takes the accepted messages of one request."""
        with self._lock:
            if self._keep:
                begin = len(self._accepted)
                for dataset, entity in messages:
                    self._add(request, dataset, entity, hidden=hidden)
                self._write(self._accepted[begin:])
            self._sums["accepted"] += len(messages)
            self._sums["hidden"] += len(messages) if hidden else 0
            self._by_dataset.update([dataset.name for dataset, _ in messages])

    def _add(self, request: int, dataset: Dataset, entity: Entity, *, hidden: bool) -> None:
        content = orjson.dumps(entity)
        identity = sys.intern(primary_identity(entity))
        its_id = _id(dataset, entity, content)
        duplicate = (dataset.name, its_id) in self._first
        first_hidden = self._first.setdefault((dataset.name, its_id), hidden)
        self._sums["duplicates"] += duplicate
        self._sums["duplicates_after_hidden"] += duplicate and first_hidden
        self._sums["without_identity"] += not identity
        if len(content) > (LARGEST_PROFILE if dataset.profile else LARGEST_EVENT):
            self._sums["dropped_large"] += 1
        elif dataset.profile and identity:
            self._profile[dataset.name, identity] = content
        number, time, kind = len(self._accepted), _time(dataset, entity), sys.intern(str(entity.get("eventType", "")))
        self._accepted.append(Accepted(number, request, dataset.name, its_id, identity, time, kind, hidden, duplicate))

    def _write(self, added: Sequence[Accepted]) -> None:
        if self._journal:
            self._journal.write(b"".join([orjson.dumps(each._asdict()) + b"\n" for each in added]))
            self._journal.flush()

    def counts(self) -> Counts:
        """The sums so far."""
        with self._lock:
            return Counts(**self._sums, by_dataset=dict(self._by_dataset))

    def accepted(self, since: int = 0, limit: int | None = None) -> list[Accepted]:
        """Messages in the order of their acceptance, from a number on."""
        with self._lock:
            return self._accepted[since : None if limit is None else since + limit]

    def profile(self, dataset: str, identity: str) -> Entity | None:
        """The last write of a Profile dataset for `namespace:id`; None where there is none."""
        with self._lock:
            content = self._profile.get((dataset, identity))
        return None if content is None else orjson.loads(content)

    def profiles(self) -> dict[tuple[str, str], Entity]:
        """All last writes, by dataset and identity."""
        with self._lock:
            contents = dict(self._profile)
        return {key: orjson.loads(content) for key, content in contents.items()}

    def reset(self) -> None:
        """Forgets everything; the journal stays as it is."""
        with self._lock:
            self._clear()

    def close(self) -> None:
        """Closes the journal."""
        with self._lock:
            if self._journal:
                self._journal.close()
                self._journal = None


def primary_identity(entity: Entity) -> str:
    """`namespace:id` of the entry that says it is primary, of a single entry else; empty where there is none."""
    namespaces = entity.get("identityMap")
    if not isinstance(namespaces, Mapping):
        return ""
    entries = [
        (name, entry)
        for name, identities in namespaces.items()
        if isinstance(identities, list)
        for entry in identities
        if isinstance(entry, Mapping) and entry.get("id")
    ]
    primary = next((one for one in entries if one[1].get("primary")), entries[0] if len(entries) == 1 else None)
    return f"{primary[0]}:{primary[1]['id']}" if primary else ""


def _id(dataset: Dataset, entity: Entity, content: bytes) -> str:
    its_id = entity.get("_id")
    if isinstance(its_id, str) and not dataset.profile:
        return its_id
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _time(dataset: Dataset, entity: Entity) -> str:
    if not dataset.profile:
        return str(entity.get("timestamp", ""))
    audit = entity.get("extSourceSystemAudit")
    return str(audit.get("lastUpdatedDate", "")) if isinstance(audit, Mapping) else ""
