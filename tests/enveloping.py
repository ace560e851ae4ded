"""One event in every envelope that Capillary wraps it in."""

from __future__ import annotations

from typing import Any

from processor.capillary import fold

OUTSIDE = {"eventId", "eventLogId", "traceAttributes"}  # where envelope B has them
DISPATCHED = 1_790_000_000_000

Json = dict[str, Any]


def enveloped(flat: Json) -> dict[str, Json]:
    """A flat event in every envelope; of B with the name inside, and with the name in `eventType` alone."""
    name = next(value for key, value in flat.items() if fold(key) == "eventname")
    org = next(value for key, value in flat.items() if fold(key) == "orgid")
    outside = {key: value for key, value in flat.items() if "".join(key.split()) in OUTSIDE}
    inside = {key: value for key, value in flat.items() if key not in outside}
    nameless = {key: value for key, value in inside.items() if value is not name}
    about = {"timeStamp": DISPATCHED, "consumerGroupId": None, "actionType": "STA RT"}
    return {
        "A": flat,
        "B": {**outside, **about, "eventType": name, "attributes": inside},
        "B, prefixed": {**outside, **about, "eventType": f"{int(float(org))}_{name}", "attributes": inside},
        "B, name outside": {**outside, " event Type": name, "attri butes": nameless},
        "B, prefixed, name outside": {**outside, "eventType": f"{int(float(org))}_{name}", "attributes": nameless},
        "C": {"body": flat},
        "D": {"data": flat, "errors": None, "warnings": None},
        "E": {"event": {"body": flat, "method": "POST", "headers": {}}},
    }
