"""What an answer of AEP's streaming inlet means. One reading per answer, one verdict per message.

Shapes and codes: Adobe's batch ingestion tutorial and API reference (documented), production logs and the fixtures of
Adobe's own Kafka sink (observed). A failing element comes in three shapes: `statusCode` + `message`; `status` +
`message`; `xactionId` + `status` + `message`.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import orjson

from processor.model import Answer, Failure


class Verdict(NamedTuple):
    """What AEP said to one message: accepted (status None), or refused with a status."""

    status: int | None = None
    detail: str = ""


ACCEPTED = Verdict()


class Kind(Enum):
    """What an answer means for the request as a whole."""

    VERDICTS = "verdicts"
    UNAVAILABLE = "unavailable"  # refused for now: 429, 5xx, no connection
    UNKNOWN = "unknown"  # may have been accepted: timeout, cut off, not the shape
    NOT_SENT = "not sent"
    UNATTRIBUTABLE = "unattributable"  # verdicts, but nobody can say for which message
    TOO_LARGE = "too large"
    BAD_REQUEST = "bad request"
    UNAUTHORIZED = "unauthorized"
    NO_INLET = "no inlet"


class Reading(NamedTuple):
    """An answer, understood. `verdicts` has one entry per message sent, in that order, and only with that kind."""

    kind: Kind
    verdicts: tuple[Verdict, ...] = ()
    detail: str = ""
    batch_id: str = ""


_BY_STATUS = {
    400: Kind.BAD_REQUEST,
    401: Kind.UNAUTHORIZED,
    403: Kind.UNAUTHORIZED,
    404: Kind.NO_INLET,
    413: Kind.TOO_LARGE,
    422: Kind.BAD_REQUEST,
    429: Kind.UNAVAILABLE,
}


def read(answer: Answer, sent: int) -> Reading:
    """Reads the answer to a request of `sent` messages. Whatever is not understood is unknown, never success."""
    if answer.failure is not None:
        kind = {Failure.NOT_SENT: Kind.NOT_SENT, Failure.NO_CONNECTION: Kind.UNAVAILABLE}.get(
            answer.failure, Kind.UNKNOWN
        )
        return Reading(kind, detail=answer.detail or answer.failure.value)
    status = answer.status or 0
    if status in (200, 207):
        return _read_verdicts(answer.body, sent)
    if status >= 500:  # noqa: PLR2004 - HTTP's own border
        return Reading(Kind.UNAVAILABLE, detail=f"HTTP {status}")
    return Reading(_BY_STATUS.get(status, Kind.UNKNOWN), detail=f"HTTP {status}")


def _read_verdicts(body: bytes, sent: int) -> Reading:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Reading(Kind.UNKNOWN, detail="the reply is not JSON, or was cut off")
    responses = document.get("responses") if isinstance(document, dict) else None
    if not isinstance(responses, list) or not all(isinstance(element, dict) for element in responses):
        return Reading(Kind.UNKNOWN, detail="the reply has no list of responses")
    batch_id = str(document.get("batchId", ""))
    if len(responses) != sent:
        detail = f"{len(responses)} responses to {sent} messages"
        return Reading(Kind.UNATTRIBUTABLE, detail=detail, batch_id=batch_id)
    if _permuted(responses):
        return Reading(Kind.UNATTRIBUTABLE, detail="the responses are in another order", batch_id=batch_id)
    return Reading(Kind.VERDICTS, tuple([_verdict(element) for element in responses]), batch_id=batch_id)


def _permuted(responses: list[dict[str, object]]) -> bool:
    """Whether every `xactionId` ends in an index below the count, and these are not 0 to n-1 in order."""
    ordered = True
    for position, element in enumerate(responses):
        index = _index(element.get("xactionId"))
        if index is None or index >= len(responses):
            return False
        ordered = ordered and index == position
    return not ordered


def _index(xaction_id: object) -> int | None:
    """The integer behind the last ':' or '-' of an `xactionId`."""
    if not isinstance(xaction_id, str):
        return None
    tail = xaction_id[max(xaction_id.rfind(":"), xaction_id.rfind("-")) + 1 :]
    is_index = len(tail) < len(xaction_id) and tail.isascii() and tail.isdigit() and len(tail) < 10  # noqa: PLR2004
    return int(tail) if is_index else None


def _verdict(element: dict[str, object]) -> Verdict:
    if "status" not in element and "statusCode" not in element:
        accepted = isinstance(xaction_id := element.get("xactionId"), str) and xaction_id
        return ACCEPTED if accepted else Verdict(0, "neither a status nor an xactionId")
    codes = [element[name] for name in ("status", "statusCode") if name in element]
    try:
        statuses = [int(str(code)) for code in codes]
    except ValueError:
        return Verdict(0, "the status is not a number")
    if all(200 <= status < 300 for status in statuses):  # noqa: PLR2004 - HTTP's own border
        return ACCEPTED
    status = max(statuses)
    if status < 400:  # noqa: PLR2004 - HTTP's own border
        return Verdict(0, f"status {status} is no error, and not all that it says is success")
    return Verdict(status, str(element.get("message", ""))[:500])
