"""The plain loop of an afternoon: consume 1000, fastavro, a mapping by hand, orjson, httpx, commit.

It makes the same XDM as our mappings do for the two events of the bench (`python -m bench` compares them before it
measures), so that only the way there differs. It does none of what this package promises: one request at a time, no
verdicts per message, no retries but the whole batch, no order across partitions, commit after each batch.

    python -m bench.plain_loop BOOTSTRAP TOPIC GROUP INLET_URL TOKEN_URL EVENTS
"""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import fastavro
import httpx
import orjson
from confluent_kafka import Consumer

from processor.avro import admit
from processor.simulator.account import Account, load_datasets

ROOT = Path(__file__).parent.parent
MAX_BYTES = 1_000_000
MAX_MESSAGES = 1000
HEADER = 10  # bytes of Avro's single-object encoding before the payload


def main(bootstrap: str, topic: str, group: str, inlet_url: str, token_url: str, *, events: int) -> None:
    """Reads and sends until so many events are delivered."""
    account = Account()
    schemas = writer_schemas()
    envelopes = _envelopes(account)
    form = {
        "grant_type": "client_credentials",
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "scope": "openid,AdobeID,read_organizations,additional_info.projectedProductContext,session",
    }
    client = httpx.Client(timeout=30)
    token = client.post(token_url, data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "x-api-key": account.client_id}
    url = inlet_url.replace("/collection/", "/collection/batch/")
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 16_384,
            "fetch.queue.backoff.ms": 100,
        }
    )
    consumer.subscribe([topic])
    done = 0
    while done < events:
        records = consumer.consume(1000, 0.2)
        if not records:
            continue
        messages: list[dict[str, Any]] = []
        for record in records:
            for destination, entity in translate(decode(record.value(), schemas)):
                messages.append(
                    {**envelopes[destination], "body": {**envelopes[destination]["body"], "xdmEntity": entity}}
                )
        for body in _bodies(messages):
            while True:
                reply = client.post(url, content=body, headers=headers)
                if reply.status_code == 207 and not any("status" in one for one in reply.json()["responses"]):
                    break
        consumer.commit(asynchronous=False)
        done += len(records)
    consumer.close()


def writer_schemas() -> dict[bytes, Any]:
    """The writer's schemas by fingerprint."""
    schemas = {}
    for name in ("pointsIssued", "transactionAdded"):
        schema = fastavro.parse_schema(json.loads((ROOT / "schemas" / "capillary" / f"{name}.avsc").read_bytes()))
        schemas[admit(schema).fingerprint] = schema
    return schemas


def decode(value: bytes, schemas: dict[bytes, Any]) -> dict[str, Any]:
    """An event out of Avro's single-object encoding."""
    event = fastavro.schemaless_reader(io.BytesIO(value[HEADER:]), schemas[value[2:HEADER]], None)
    return cast("dict[str, Any]", event)


def _envelopes(account: Account) -> dict[str, dict[str, Any]]:
    envelopes = {}
    for dataset in load_datasets(ROOT / "schemas" / "xdm", account).values():
        reference = {"id": dataset.schema_id, "contentType": "application/vnd.adobe.xed-full+json;version=1"}
        envelopes[dataset.name] = {
            "header": {
                "schemaRef": reference,
                "imsOrgId": account.org_id,
                "datasetId": dataset.dataset_id,
                "source": {"name": "capillary"},
            },
            "body": {"xdmMeta": {"schemaRef": reference}},
        }
    return envelopes


def _bodies(messages: list[dict[str, Any]]) -> list[bytes]:
    """Requests below the limit."""
    bodies: list[bytes] = []
    batch: list[bytes] = []
    size = 14
    for message in messages:
        encoded = orjson.dumps(message)
        if batch and (size + len(encoded) + 1 > MAX_BYTES or len(batch) == MAX_MESSAGES):
            bodies.append(b'{"messages":[' + b",".join(batch) + b"]}")
            batch, size = [], 14
        batch.append(encoded)
        size += len(encoded) + 1
    bodies.append(b'{"messages":[' + b",".join(batch) + b"]}")
    return bodies


# ---- the mapping by hand ---------------------------------------------------------------------------------------------


def translate(event: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The XDM entities of an event, with their destinations."""
    return _points_issued(event) if event["eventName"] == "pointsIssued" else _transaction_added(event)


def _points_issued(event: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    data = event["data"]
    program = data["loyaltyProgramDetails"] or {}
    activity = data["triggeringActivity"] or {}
    pairs = activity.get("identifiers") or []
    by_key = {pair["key"].lower(): pair["value"] for pair in reversed(pairs) if pair["value"] not in ("-1", "null")}
    bill = by_key.get("billid") or by_key.get("transactionid") or event["loyaltyEventId"]
    entity = data["entityInformation"] or {}
    entered_by = activity.get("enteredBy") or {}
    program_id = _text(data["loyaltyProgramId"] if data["loyaltyProgramId"] is not None else program.get("id"))
    capillary = _capillary(event) | {
        "programId": program_id,
        "programName": program.get("name"),
        "isDefaultProgram": program.get("isDefault"),
        "triggeringActivity": activity.get("name"),
        "triggeringIdentifiers": {pair["key"]: pair["value"] for pair in pairs if pair["value"] != "null"},
        "billNumber": by_key.get("billnumber"),
        "enteredById": _text(entered_by.get("id")),
        "storeCode": (entered_by.get("store") or {}).get("code"),
        "tillCode": (entered_by.get("till") or {}).get("code"),
        "entityType": _lower(entity.get("entityType")),
        "entityId": _text(entity.get("entityId")),
        "pointsToCurrencyRatio": program.get("pointsToCurrencyRatio"),
        "totalPoints": data["totalPointsIssued"],
        "regularPoints": data["regularPointsIssued"],
        "currentPoints": data["programCurrentPoints"],
        "lifetimePoints": data["programLifetimePoints"],
        "availablePoints": data["availablePointsBalance"],
        "pointsLots": [
            _present({"points": lot["points"], "expiresOn": lot["expiryAt"]})
            for lot in data["regularPointsBreakup"] or []
        ],
        "promotionalPoints": [
            _present(
                {
                    "points": promotion["promotionPoints"],
                    "promotionId": promotion["promotionIdentifier"],
                    "promotionName": promotion["promotionName"],
                    "promotionType": promotion["promotionType"],
                    "expiresOn": promotion["promotionPointsExpiryDate"],
                }
            )
            for promotion in data["promotionalPointsIssued"] or []
        ],
        "promisedPoints": [
            _present(
                {
                    "points": promise["promisedPoints"],
                    "promotionId": promise["promotionIdentifier"],
                    "convertsOn": promise["promisedPointsConversionDate"],
                    "externallyTriggered": promise["isExternalTriggerBased"],
                }
            )
            for promise in data["promisedPointsIssued"] or []
        ],
    }
    gained = [_present({"value": data["regularPointsIssued"], "loyaltyProgramId": program_id, "transactionId": bill})]
    gained += [
        _present(
            {
                "value": promotion["promotionPoints"],
                "promotionId": promotion["promotionIdentifier"],
                "loyaltyProgramId": program_id,
                "transactionId": bill,
            }
        )
        for promotion in data["promotionalPointsIssued"] or []
    ]
    entities = [
        (
            "events",
            {
                "_id": _id(event, "events"),
                "timestamp": _time(event["createdAt"]),
                "producedBy": "system",
                "eventType": "loyalty.pointsIssued",
                "identityMap": _identities(event),
                "loyalty": {"pointsGained": gained},
                "_example": {"capillary": _present(capillary)},
            },
        )
    ]
    if program.get("isDefault"):
        for name, field, value in (
            ("profile-balance", "points", data["programCurrentPoints"]),
            ("profile-lifetime", "lifetimePoints", data["programLifetimePoints"]),
        ):
            if value is not None:
                entities.append((name, _profile(event) | {"loyalty": {field: value}}))
    return entities


def _transaction_added(event: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    data = event["data"]
    entered_by = data["enteredBy"] or {}
    store, till = entered_by.get("store") or {}, entered_by.get("till") or {}
    created = data["billDate"] if data["billDate"] is not None else data["enteredAt"]
    capillary = _capillary(event) | {
        "transactionId": _text(data["transactionId"]),
        "billNumber": data["billNumber"],
        "billDate": _time(data["billDate"]),
        "billClientId": data["billClientId"],
        "billType": _upper(data["billType"]),
        "deliveryStatus": _upper(data["deliveryStatus"]),
        "outlierStatus": _upper(data["outlierStatus"]),
        "amount": data["amount"],
        "grossAmount": data["grossAmount"],
        "discount": data["discount"] if data["billType"] == "RETURN" else None,
        "lineItemCount": data["lineItemCount"],
        "enteredAt": _time(data["enteredAt"]),
        "enteredById": _text(entered_by.get("id")),
        "storeCode": store.get("code"),
        "storeName": store.get("name"),
        "storeExternalId": store.get("externalId"),
        "tillCode": till.get("code"),
        "tillName": till.get("name"),
        "customFields": {pair["key"]: pair["value"] for pair in data["customFields"] or []},
        "extendedFields": {pair["key"]: pair["value"] for pair in data["extendedFields"] or []},
    }
    currency = (data["currencyCode"] or "").strip() or None
    order = {
        "priceTotal": data["amount"],
        "currencyCode": currency,
        "createdDate": _time(created),
    }
    commerce: dict[str, Any] = {"commerceScope": _present({"storeCode": store.get("code")})}
    if data["billType"] == "RETURN":
        refund = {
            "refundAmount": abs(data["amount"]),
            "refundReason": "return",
            "transactionID": _text(data["transactionId"]),
        }
        del order["priceTotal"]
        order |= {
            "refundTotal": abs(data["amount"]),
            "returns": {"returnID": _text(data["transactionId"])},
            "refunds": [_present(refund | {"currencyCode": currency})],
        }
        name, kind = "events-return", "commerce.backofficeCreditMemoIssued"
    else:
        order |= {"purchaseID": _text(data["transactionId"]), "discountAmount": data["discount"]}
        commerce["purchases"] = {"value": 1}
        name, kind = "events", "commerce.purchases"
    commerce["order"] = _present(order)
    times = [time for time in (data["billDate"], data["enteredAt"]) if time is not None and time <= event["createdAt"]]
    entity = {
        "_id": _id(event, name),
        "timestamp": _time(times[0] if times else event["createdAt"]),
        "producedBy": "system",
        "eventType": kind,
        "identityMap": _identities(event),
        "commerce": _present(commerce),
        "_example": {"capillary": _present(capillary)},
    }
    return [("events", entity)]


def _capillary(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "orgId": str(event["orgId"]),
        "eventName": event["eventName"],
        "eventId": event["eventId"],
        "eventLogId": _text(event["eventLogId"]),
        "refId": event["refId"],
        "apiRequestId": event["apiRequestId"],
        "loyaltyEventId": event["loyaltyEventId"],
        "customerId": _text(event["data"]["customerIdentifiers"]["customerId"]),
        "loyaltyType": _lower(event["data"]["customerIdentifiers"]["loyaltyType"]),
    }


def _profile(event: dict[str, Any]) -> dict[str, Any]:
    customer = event["data"]["customerIdentifiers"]["customerId"]
    return {
        "identityMap": {"CapillaryId": [{"id": f"{event['orgId']}:{customer}", "primary": True}]},
        "extSourceSystemAudit": {"lastUpdatedDate": _time(event["createdAt"])},
    }


def _identities(event: dict[str, Any]) -> dict[str, Any]:
    identifiers = event["data"]["customerIdentifiers"]
    instore = identifiers["instore"] or {}
    identities = {"CapillaryId": [{"id": f"{event['orgId']}:{identifiers['customerId']}", "primary": True}]}
    if instore.get("email") and "@" in instore["email"]:
        identities["Email"] = [{"id": instore["email"].strip().lower()}]
    if instore.get("mobile"):
        identities["Phone"] = [{"id": "+" + instore["mobile"].strip().lstrip("+")}]
    return identities


def _id(event: dict[str, Any], output: str) -> str:
    key = [event["orgId"], event["eventName"], output, None, event["eventId"]]
    return sha256(orjson.dumps(key)).hexdigest()[:32]


def _time(value: Any) -> str | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _lower(value: str | None) -> str | None:
    return value.strip().lower() or None if value else None


def _upper(value: str | None) -> str | None:
    return None if value is None else value.strip().upper()


if __name__ == "__main__":
    main(*sys.argv[1:6], events=int(sys.argv[6]))
