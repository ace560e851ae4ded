"""The streaming inlet: one verdict per message, in the shapes in which AEP gives them.

Adobe's pages contradict each other about a failing element, so all three shapes can be had. Not documented, and chosen
here: an unknown inlet is a 404, a schema that is not the dataset's a 400, 1 MB is 1,000,000 bytes.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import orjson

from processor.simulator.account import Account, Dataset
from processor.simulator.faults import Twist
from processor.simulator.http import Outgoing
from processor.simulator.violations import describe, emptiness

LARGEST_REQUEST = 1_000_000

_PROBLEM = "http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet"
_EMPTY = (b"null", b'""', b"[]", b"{}")


class Shape(Enum):
    """How a failing element looks."""

    STATUS_CODE = "A"  # statusCode, message
    STATUS = "B"  # status, message
    XACTION_ID = "C"  # xactionId, status, message


class Verdict(NamedTuple):
    """What becomes of one message: accepted into a dataset, or refused with a status."""

    dataset: Dataset | None = None
    entity: Mapping[str, object] = {}
    status: int = 0
    message: str = ""


class Inlet:
    """Judges messages. Holds no state but a counter.

    Args:
        account: whose inlet it is.
        datasets: by dataset id.
        shape: how failing elements look.
        validate: whether entities are checked against their schemas.
    """

    def __init__(
        self, account: Account, datasets: Mapping[str, Dataset], *, shape: Shape = Shape.STATUS, validate: bool = True
    ) -> None:
        self.shape = shape
        self._account = account
        self._datasets = datasets
        self._validate = validate
        self._batches = itertools.count(1)

    def judge(self, message: object) -> Verdict:
        """The verdict on one message."""
        if not isinstance(message, dict):
            return self._refuse("Message has unknown xdm format")
        if missing := _missing_part(message):
            return Verdict(status=400, message=missing)
        header, body = message["header"], message["body"]
        dataset = self._datasets.get(str(header.get("datasetId")))
        if problem := self._header_problem(header, dataset) or _schema_problem(header, body, dataset):
            return self._refuse(problem)
        assert dataset is not None
        entity = body.get("xdmEntity")
        if not isinstance(entity, dict):
            return self._refuse("Payload body is missing xdmEntity")
        violations = _violations(dataset, entity) if self._validate else None
        return Verdict(status=400, message=violations) if violations else Verdict(dataset, entity)

    def _header_problem(self, header: dict[str, object], dataset: Dataset | None) -> str | None:
        schema, source = header.get("schemaRef"), header.get("source")
        if not isinstance(schema, dict) or not schema.get("id") or not schema.get("contentType"):
            return "Message has unknown xdm format"
        if header.get("imsOrgId", self._account.org_id) != self._account.org_id:
            return "Message has an absent or wrong ims org in the header"
        if source is not None and not (isinstance(source, dict) and source.get("name")):
            return "Payload header is missing Source Name"
        return "Message has an absent or unknown datasetId in the header" if dataset is None else None

    def _refuse(self, text: str) -> Verdict:
        account = self._account
        return Verdict(status=400, message=f"inletId: [{account.inlet_id}] imsOrgId: [{account.org_id}] {text}")

    def batch_reply(self, verdicts: Sequence[Verdict], twist: Twist | None = None) -> Outgoing:
        """The answer to a batch: 207, whatever became of the messages."""
        now = int(time.time() * 1000)
        batch_id = f"{now}:{self._account.inlet_id[:4]}:{next(self._batches)}"
        # positions that move must be seen to move: a client may only go by an id that is there
        shape = Shape.XACTION_ID if twist is Twist.PERMUTED else self.shape
        responses: list[dict[str, object]] = [
            _failing(verdict, shape, f"{batch_id}:{position}")
            if verdict.status
            else {"xactionId": f"{batch_id}:{position}"}
            for position, verdict in enumerate(verdicts)
        ]
        if twist:
            responses = _twisted(responses, twist, batch_id)
        document = {
            "inletId": self._account.inlet_id,
            "batchId": batch_id,
            "receivedTimeMs": now,
            "responses": responses,
        }
        return Outgoing(207, orjson.dumps(document))

    def single_reply(self, verdict: Verdict) -> Outgoing:
        """The answer to a message that came alone."""
        if verdict.status:
            return bad_request(verdict.message, verdict.status)
        now = int(time.time() * 1000)
        document = {
            "inletId": self._account.inlet_id,
            "xactionId": f"{now}:{self._account.inlet_id[:4]}:{next(self._batches)}",
            "receivedTimeMs": now,
            "syncValidation": {"skipped": True},
        }
        return Outgoing(200, orjson.dumps(document))


def _missing_part(message: dict[str, object]) -> str | None:
    for name in ("header", "body"):
        if not isinstance(message.get(name), dict):
            return f"The '{name}' field is mandatory. Provide a valid '{name}' value and try again."
    return None


def _schema_problem(header: dict[str, Any], body: dict[str, Any], dataset: Dataset | None) -> str | None:
    schema, meta = header["schemaRef"], body.get("xdmMeta")
    if dataset is None or schema["id"] != dataset.schema_id:
        return "The schema in the header is not the schema of the dataset"
    if not isinstance(meta, dict) or meta.get("schemaRef") != schema:
        return "The schema in the body is not the schema in the header"
    return None


def bad_request(message: str, status: int = 400) -> Outgoing:
    """The problem body that Adobe documents for a request as a whole."""
    document = {
        "type": _PROBLEM,
        "status": status,
        "title": "Invalid XDM Message Format",
        "report": {"message": message},
    }
    return Outgoing(status, orjson.dumps(document), content_type="application/problem+json")


def _violations(dataset: Dataset, entity: dict[str, object]) -> str | None:
    validator = dataset.validator
    if not validator.is_valid(entity):
        return describe(validator.iter_errors(entity))
    text = orjson.dumps(entity)
    # looking for the letters first spares the walk through nearly every entity
    return emptiness(entity) if any(empty in text for empty in _EMPTY) else None


def _failing(verdict: Verdict, shape: Shape, xaction_id: str) -> dict[str, object]:
    match shape:
        case Shape.STATUS_CODE:
            return {"statusCode": verdict.status, "message": verdict.message}
        case Shape.STATUS:
            return {"status": verdict.status, "message": verdict.message}
        case Shape.XACTION_ID:
            return {"xactionId": xaction_id, "status": verdict.status, "message": verdict.message}


def _twisted(responses: list[dict[str, object]], twist: Twist, batch_id: str) -> list[dict[str, object]]:
    if twist is Twist.LONG:
        return [*responses, {"xactionId": f"{batch_id}:{len(responses)}"}]
    if twist is Twist.PERMUTED and len(responses) > 1:
        return responses[1:] + responses[:1]
    return responses[:-1]  # one response has no other order, so it goes missing
