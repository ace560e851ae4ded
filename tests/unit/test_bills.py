"""Bills: what counts as a purchase, what as a refund, and that nothing counts twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.translating import NOW, changed, entities, entity, golden, translate

ADDED = golden("transactionAdded")
UPDATED = golden("transactionUpdated")
RETURNED = golden("transactionUpdated", "returned")
RETURNED_AGAIN = golden("transactionUpdated", "returned-again")
ENRICHED = golden("transactionAdded", "enriched")
MEASURES = ("purchases", "inStorePurchase")
HOUR = 3_600_000


def order(document: object) -> dict[str, Any]:
    found: dict[str, Any] = entity(document)["commerce"]["order"]
    return found


def own(document: object) -> dict[str, Any]:
    return own_of(entity(document))


def own_of(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = event["_acme"]["capillary"]
    return found


def refund_id(document: object, *, received: int = NOW) -> str:
    [found] = [
        event["_id"]
        for event in entities(translate(document, received=received))
        if "refunds" in event["commerce"]["order"]
    ]
    assert isinstance(found, str)
    return found


def test_a_purchase() -> None:
    event = entity(ADDED)
    assert event["eventType"] == "commerce.purchases"
    assert event["commerce"]["purchases"] == {"value": 1}
    assert event["commerce"]["order"] == {
        "purchaseID": "2147864816",
        "priceTotal": 89000.0,
        "discountAmount": 1000.0,
        "currencyCode": "IDR",
        "createdDate": event["timestamp"],
    }
    assert "productListItems" not in event  # lineItemCount says 2, and nothing says which
    assert event["_acme"]["capillary"]["billNumber"] == ADDED["data"]["billNumber"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("IDR", "IDR"),
        (" idr ", "IDR"),
        ("Rp", None),
        ("IDRS", None),
        ("1DR", None),
        (" ", None),
        ("", None),
        (None, None),
    ],
)
def test_a_currency_has_three_letters_or_is_none(text: str | None, code: str | None) -> None:
    for document in (ADDED, UPDATED, changed(ADDED, billType="RETURN"), RETURNED):
        for event in entities(translate(changed(document, currencyCode=text))):
            found = event["commerce"]["order"]
            assert found.get("currencyCode") == code
            assert [refund.get("currencyCode") for refund in found.get("refunds", [])] in ([], [code])
    notes = translate(changed(ADDED, currencyCode=text)).notes
    assert notes == (() if code or not (text or "").strip() else ("commerce.order.currencyCode:pattern",))


@pytest.mark.parametrize("kind", ["RETURN", " return "])
@pytest.mark.parametrize("amount", [45000, -45000, "-45000.000"])
def test_a_return_is_a_positive_refund_and_no_purchase(kind: str, amount: object) -> None:
    event = entity(changed(ADDED, billType=kind, amount=amount))
    assert event["eventType"] == "commerce.backofficeCreditMemoIssued"
    assert not set(MEASURES) & event["commerce"].keys()
    found = event["commerce"]["order"]
    assert found["refunds"] == [
        {"refundAmount": 45000.0, "refundReason": "return", "transactionID": "2147864816", "currencyCode": "IDR"}
    ]
    assert found["refundTotal"] == 45000.0
    assert "priceTotal" not in found
    assert event["_acme"]["capillary"]["amount"] == float(amount)  # type: ignore[arg-type]


def test_a_return_without_an_amount_is_still_told() -> None:
    event = entity(changed(ADDED, billType="RETURN", amount=...))
    assert event["eventType"] == "commerce.backofficeCreditMemoIssued"
    assert "refunds" not in event["commerce"]["order"]


def test_an_exchange_counts_once_and_names_what_was_bought() -> None:
    event = entity(ENRICHED)
    assert event["eventType"] == "commerce.purchases"
    assert event["commerce"]["purchases"] == {"value": 1}
    assert [(item["SKU"], item.get("quantity")) for item in event["productListItems"]] == [
        ("SKU-1", 2),
        ("SKU-2", None),
    ]
    assert event["productListItems"][0]["priceTotal"] == 60000.0
    assert event["productListItems"][0]["discountAmount"] == 5000.0
    [refund] = event["commerce"]["order"]["refunds"]
    assert (refund["refundAmount"], refund["refundReason"]) == (45000.0, "return")
    assert "refundTotal" not in event["commerce"]["order"]
    lines = event["_acme"]["capillary"]["lineItems"]
    assert [(line["sku"], line["quantity"], line["type"]) for line in lines] == [
        ("SKU-1", 2.0, "REGULAR"),
        ("SKU-2", 0.375, "REGULAR"),
        ("SKU-3", 1.0, "RETURN"),
        ("SKU-4", 1.0, "NOT_INTERESTED"),
    ]
    assert translate(ENRICHED).notes == ()  # nothing is wrong with any of this


LINES = ["REGULAR", " regular ", "", None, "null", "RETURN", "NOT_INTERESTED", "RETURNED", "COMBO", "N/A"]


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        (ADDED, LINES[:5]),
        (UPDATED, LINES[:5]),
        (changed(ADDED, billType="RETURN"), LINES[:6]),
        (changed(UPDATED, billType="RETURN"), LINES[:6]),
        (changed(UPDATED, deliveryStatus="RETURNED"), LINES[:6]),
    ],
    ids=["added", "updated", "return", "updated return", "returned"],
)
def test_a_line_of_an_unknown_type_is_no_product_of_anything(document: dict[str, Any], kinds: list[str | None]) -> None:
    lines = [{"itemCode": f"SKU-{number}", "type": kind} for number, kind in enumerate(LINES)]
    translated = translate(changed(document, lineItems=lines))
    for event in entities(translated):
        assert [item["SKU"] for item in event["productListItems"]] == [f"SKU-{n}" for n in range(len(kinds))]
    assert "_acme.capillary.lineItems[].type:unknown" in translated.notes


@pytest.mark.parametrize("unreadable", [["RETURN"], {"type": "RETURN"}, {}, []], ids=str)
@pytest.mark.parametrize(
    ("document", "products"),
    [
        (ADDED, ["SKU-1"]),
        (UPDATED, ["SKU-1"]),
        (changed(ADDED, billType="RETURN"), ["SKU-1", "SKU-2"]),
        (changed(UPDATED, billType="RETURN"), ["SKU-1", "SKU-2"]),
        (changed(UPDATED, deliveryStatus="RETURNED"), ["SKU-1", "SKU-2"]),
    ],
    ids=["added", "updated", "return", "updated return", "returned"],
)
def test_a_line_whose_type_cannot_be_read_is_no_product_of_anything(
    document: dict[str, Any], products: list[str], unreadable: object
) -> None:
    """Nor is a line without a type beside it: nobody can tell which of them it was."""
    kinds = [unreadable, "REGULAR", "RETURN", None, "", "null"]
    lines = [{"itemCode": f"SKU-{number}", "type": kind, "amount": 7} for number, kind in enumerate(kinds)]
    translated = translate(changed(document, lineItems=lines))
    sent = [event for event in entities(translated) if "productListItems" in event]
    assert sent
    assert [[item["SKU"] for item in event["productListItems"]] for event in sent] == [products] * len(sent)
    assert len(own_of(entities(translated)[0])["lineItems"]) == len(lines)
    assert {"data.lineItems[].type:unreadable", "productListItems[].SKU:kind unreadable"} <= set(translated.notes)


A_RETURN = {"itemCode": "A", "type": "RETURN", "amount": 3}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        *(({"itemCode": "B", "type": "RETURN", "amount": amount}, "one unknown") for amount in (None, "")),
        *(({"itemCode": "B", "type": "RETURN", "amount": amount}, "one unreadable") for amount in ("x", [3])),
        ({"itemCode": "B", "type": "RETURN", "amount": 3, "Amount": 4}, "one unreadable"),
        ({"itemCode": "B", "type": ["RETURN"], "amount": 3}, "one unreadable"),
        ({"itemCode": "B", "type": "REGULAR", "Type": "RETURN", "amount": 3}, "one unreadable"),
        ("B", "one unreadable"),
        ({"odd": "B"}, "one unreadable"),
    ],
)
def test_a_refund_of_which_one_part_is_unknown_is_not_told(line: object, reason: str) -> None:
    translated = translate(changed(ADDED, billType="MIXED", lineItems=[A_RETURN, line]))
    assert "refunds" not in entities(translated)[0]["commerce"]["order"]
    assert f"commerce.order.refunds[].refundAmount:{reason}" in translated.notes
    assert order(changed(ADDED, billType="MIXED", lineItems=[A_RETURN]))["refunds"][0]["refundAmount"] == 3.0


def test_a_refund_of_lines_that_came_twice_is_not_told() -> None:
    twice = changed(ADDED, billType="MIXED", lineItems=[A_RETURN], line_items=[A_RETURN | {"amount": 5}])
    assert "refunds" not in order(twice)


@pytest.mark.parametrize(
    "line_type", ["REGULAR", "RETURN", "NOT_INTERESTED", "NOT_INTERESTED_RETURN", "GIFT", None, ["x"]]
)
@pytest.mark.parametrize("status", [None, "RETURNED"])
@pytest.mark.parametrize("bill_type", ["REGULAR", "RETURN", "MIXED", "NOT_INTERESTED", "NOT_INTERESTED_RETURN", "GIFT"])
@pytest.mark.parametrize("document", [ADDED, UPDATED], ids=["added", "updated"])
def test_whatever_a_line_says_stands_at_one_place(
    document: dict[str, Any], bill_type: str, status: str | None, line_type: object
) -> None:
    line = {"itemCode": "A", "description": "Red shoe", "value": 111.25, "discount": 7.75, "amount": 103.5}
    line |= {"imgUrl": "https://e.example.com/a.png", "type": line_type}
    more = {} if document is ADDED else {"deliveryStatus": status}
    translated = translate(changed(document, billType=bill_type, lineItems=[line], **more))
    event = next(event for event in entities(translated) if "lineItems" in event["_acme"]["capillary"])
    [own_line] = own_of(event)["lineItems"]
    [product] = event.get("productListItems", [{}])
    assert own_line["netAmount"] == 103.5
    for product_name, own_name, value in (
        ("name", "name", "Red shoe"),
        ("priceTotal", "grossAmount", 111.25),
        ("discountAmount", "discountAmount", 7.75),
        ("productImageUrl", "imageUrl", "https://e.example.com/a.png"),
    ):
        assert [product.get(product_name), own_line.get(own_name)].count(value) == 1, product_name


def test_an_exchange_without_lines_is_a_purchase() -> None:
    found = order(changed(ENRICHED, lineItems=...))
    assert found["priceTotal"] == 40000.0
    assert "refunds" not in found


@pytest.mark.parametrize("kind", ["NOT_INTERESTED", "not_interested ", "Not_Interested_Return"])
@pytest.mark.parametrize("status", [..., "RETURNED", "SHIPPED"])
def test_where_nobody_was_interested_there_is_no_commerce(kind: str, status: object) -> None:
    types = []
    for document in (ENRICHED, golden("transactionUpdated", "enriched")):
        event = entity(changed(document, billType=kind, deliveryStatus=status))
        assert not {"commerce", "productListItems"} & event.keys()
        assert len(event["_acme"]["capillary"]["lineItems"]) == 4
        types.append(event["eventType"])
    assert types == ["loyalty.notInterestedBillAdded", "loyalty.transactionUpdated"]


@pytest.mark.parametrize("kind", ["RETURNED", "exchange_return", "REGULAR_RETURN", "N/A", 7])
@pytest.mark.parametrize("status", ["PLACED", "RETURNED", None])
@pytest.mark.parametrize("document", [ADDED, UPDATED, ENRICHED], ids=["added", "updated", "enriched"])
def test_a_bill_of_an_unknown_type_counts_as_nothing(document: dict[str, Any], status: object, kind: object) -> None:
    translated = translate(changed(document, billType=kind, deliveryStatus=status, amount=-7))
    [event] = entities(translated)
    assert event["eventType"] == f"loyalty.{document['eventName']}"
    assert not {"commerce", "productListItems"} & event.keys()
    assert (own_of(event)["billType"], own_of(event)["amount"]) == (str(kind).upper(), -7.0)
    assert "_acme.capillary.billType:unknown" in translated.notes


@pytest.mark.parametrize("kind", ["REGULAR", " regular", "Mixed", "", " ", None, "null", ...])
def test_a_bill_of_a_known_type_or_of_none_is_a_purchase(kind: object) -> None:
    translated = translate(changed(ADDED, billType=kind))
    [event] = entities(translated)
    assert (event["eventType"], event["commerce"]["purchases"]) == ("commerce.purchases", {"value": 1.0})
    assert "_acme.capillary.billType:unknown" not in translated.notes


@pytest.mark.parametrize("kind", ["REGULAR", "MIXED", None])
@pytest.mark.parametrize("amount", [-50, -0.01, "-50"])
def test_a_purchase_of_a_negative_amount_is_none(amount: object, kind: str | None) -> None:
    """An exchange may bring money back; what was paid for what cannot be told from the sum."""
    translated = translate(changed(ENRICHED, amount=amount, billType=kind))
    [event] = entities(translated)
    assert event["eventType"] == "loyalty.transactionAdded"
    assert not set(MEASURES) & event["commerce"].keys()
    assert not {"priceTotal", "refundTotal"} & event["commerce"]["order"].keys()
    assert own_of(event)["amount"] == float(amount)  # type: ignore[arg-type]
    assert {"eventType:negative amount", "commerce.order.priceTotal:negative"} <= set(translated.notes)


@pytest.mark.parametrize("amount", [0, -0.0, None, "much"])
def test_a_purchase_of_nothing_or_of_an_unknown_amount_is_one(amount: object) -> None:
    assert entity(changed(ADDED, amount=amount))["commerce"]["purchases"] == {"value": 1.0}


def test_an_update_has_no_negative_total_either() -> None:
    translated = translate(changed(UPDATED, amount=-50))
    assert "priceTotal" not in entities(translated)[0]["commerce"]["order"]
    assert translated.notes == ("commerce.order.priceTotal:negative",)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ({"grossAmount": 0, "amount": 50}, {"amount": 50.0}),
        ({"grossAmount": 40, "amount": 50}, {"amount": 50.0, "grossAmount": 40.0}),
        ({"grossAmount": None, "amount": "50.000"}, {"amount": 50.0}),
    ],
)
def test_a_gross_amount_of_0_is_unknown(amounts: dict[str, object], expected: dict[str, float]) -> None:
    for document in (ADDED, UPDATED, changed(ADDED, billType="RETURN"), changed(ADDED, billType="NOT_INTERESTED")):
        found = own(changed(document, **amounts))
        assert {name: found[name] for name in ("amount", "grossAmount") if name in found} == expected


def test_amounts_that_contradict_each_other_pass_as_they_are() -> None:
    found = order(changed(ADDED, amount=50, discount=70, lineItemCount=0, lineItems=[], paymentModes=[]))
    assert (found["priceTotal"], found["discountAmount"]) == (50.0, 70.0)


@pytest.mark.parametrize(
    ("qty", "whole"), [(2, 2), (2.0, 2), ("3", 3), (0.375, None), (-1, 1), (1e12, None), (None, None)]
)
def test_a_quantity_is_a_whole_number_or_stands_in_our_own_field_alone(qty: object, whole: int | None) -> None:
    line = {"itemCode": "SKU-1", "qty": qty}
    for kind in ("REGULAR", "RETURN"):
        event = entity(changed(ADDED, billType=kind, lineItems=[line]))
        assert event["productListItems"][0].get("quantity") == whole
        exact = None if qty is None else float(qty)  # type: ignore[arg-type]
        assert event["_acme"]["capillary"]["lineItems"][0].get("quantity") == exact


@pytest.mark.parametrize("late", [5_359_911, 8_994_729, 8_998_029])
@pytest.mark.parametrize("field", ["billDate", "enteredAt"])
def test_a_time_of_the_shop_ahead_of_createdat_is_kept_and_not_believed(field: str, late: int) -> None:
    times = {"billDate": None, "enteredAt": None, field: ADDED["createdAt"] + late}
    event = entity(changed(ADDED, **times))
    assert event["timestamp"] == "2025-06-18T05:28:55.593Z"  # createdAt
    assert "createdDate" not in event["commerce"]["order"]
    assert event["_acme"]["capillary"][field] > event["timestamp"]
    assert "timestamp:not plausible" in translate(changed(ADDED, **times)).notes


def test_bills_without_an_event_id_stay_apart() -> None:
    """A batch over the API: one request, one customer, one millisecond, and no refId worth the name."""
    for document in (ADDED, changed(ADDED, billType="RETURN"), UPDATED):
        bare = {**document, "eventId": None, "refId": "150698_null"}
        ids = {entity(changed(bare, transactionId=number))["_id"] for number in (1, 2)}
        assert len(ids) == 2
        assert entity(bare)["_id"] == entity(bare)["_id"]


# ---- updates --------------------------------------------------------------------------------------------------------

STATUSES = {
    "SHIPPED": "commerce.backofficeOrderItemsShipped",
    " shipped ": "commerce.backofficeOrderItemsShipped",
    "Delivered": "commerce.backofficeShipmentCompleted",
    "RETURNED": "commerce.backofficeCreditMemoIssued",
    "PLACED": "loyalty.transactionUpdated",
    "something new": "loyalty.transactionUpdated",
    "  ": "loyalty.transactionUpdated",
    "": "loyalty.transactionUpdated",
    None: "loyalty.transactionUpdated",
}


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_the_status_says_what_an_update_is(status: str | None, kind: str) -> None:
    for bill_type in ("REGULAR", "MIXED", None):
        *update, event = entities(translate(changed(UPDATED, deliveryStatus=status, billType=bill_type)))
        assert event["eventType"] == kind
        assert [other["eventType"] for other in update] == (
            ["loyalty.transactionUpdated"] if status == "RETURNED" else []
        )
        for one in (*update, event):
            assert one["timestamp"] == "2025-06-19T05:28:55.594Z"  # createdAt, not that of the bill
            found = one["commerce"]["order"]
            assert found["lastUpdatedDate"] == one["timestamp"]
            assert found["createdDate"] == "2025-06-18T05:28:20.000Z"
    assert entity(changed(UPDATED, deliveryStatus=status, billType="RETURN"))["eventType"] == STATUSES["RETURNED"]


@pytest.mark.parametrize("bill_type", ["REGULAR", "RETURN", "MIXED", "NOT_INTERESTED", None])
@pytest.mark.parametrize("status", STATUSES)
def test_an_update_counts_no_purchase_and_no_refund_twice(status: str | None, bill_type: str | None) -> None:
    document = changed(golden("transactionUpdated", "enriched"), deliveryStatus=status, billType=bill_type, amount=-7)
    refunds = []
    for event in entities(translate(document)):
        assert event["eventType"] != "commerce.purchases"
        commerce = event.get("commerce", {})
        assert not set(MEASURES) & commerce.keys()
        assert "refundTotal" not in commerce.get("order", {})
        refunds += commerce.get("order", {}).get("refunds", [])
    first_news = status == "RETURNED" and bill_type not in {"RETURN", "NOT_INTERESTED"}
    assert [refund["refundAmount"] for refund in refunds] == ([7.0] if first_news else [])


def test_the_refund_of_a_returned_bill_counts_once_however_often_the_bill_is_updated() -> None:
    """Profile drops a repeated `_id`; what each update says of its own goes out under an `_id` of its own."""
    (update, refund), (again, repeat) = (entities(translate(document)) for document in (RETURNED, RETURNED_AGAIN))
    assert refund["commerce"]["order"]["refunds"] == repeat["commerce"]["order"]["refunds"]
    assert refund["commerce"]["order"]["refunds"][0]["refundAmount"] == 89000.0
    assert refund["_id"] == repeat["_id"]
    assert len({update["_id"], again["_id"], refund["_id"]}) == 3
    assert [own_of(event)["customFields"] for event in (update, again)] == [{"field2": "10"}, {"field2": "too sweet"}]
    assert [own_of(event)["deliveryStatus"] for event in (update, again)] == ["RETURNED", "RETURNED"]
    assert not any("refunds" in event["commerce"]["order"] for event in (update, again))
    kinds = [event["eventType"] for event in (update, refund)]
    assert kinds == ["loyalty.transactionUpdated", "commerce.backofficeCreditMemoIssued"]


def test_a_repeat_of_a_refund_is_told_by_the_bill_alone() -> None:
    """Neither by an eventId nor by a time; another bill, or the bill of another brand, has a refund of its own."""
    first = refund_id(RETURNED)
    bare = {name: value for name, value in RETURNED_AGAIN.items() if name not in {"eventId", "refId", "createdAt"}}
    assert refund_id(bare) == refund_id(bare, received=NOW - 1) == refund_id(changed(RETURNED, amount=-1)) == first
    assert refund_id(changed(RETURNED, transactionId=1)) != first
    assert refund_id({**RETURNED, "orgId": 1}) != first


@pytest.mark.parametrize("number", [..., None, "", 0, -1])
def test_a_refund_of_no_known_bill_is_not_counted_and_its_update_is_told(number: object) -> None:
    """It could not be told from a repeat."""
    translated = translate(changed(RETURNED, transactionId=number))
    [update] = entities(translated)
    assert "refunds" not in update["commerce"]["order"]
    assert (own_of(update)["deliveryStatus"], own_of(update)["amount"]) == ("RETURNED", 89000.0)
    assert [skip.rule for skip in translated.skips] == ["refund of no known bill"]


@pytest.mark.parametrize("amount", [..., None])
def test_a_refund_waits_for_the_update_that_knows_its_amount(amount: object) -> None:
    """Under the `_id` of the bill it would take the place of the one with the amount."""
    translated = translate(changed(RETURNED, amount=amount))
    [update] = entities(translated)
    assert own_of(update)["deliveryStatus"] == "RETURNED"
    assert [skip.rule for skip in translated.skips] == ["refund of no known amount"]


def test_an_update_says_nothing_of_what_it_lacks() -> None:
    """No field of the order is emptied: what is not in the event is not in the message."""
    found = order(golden("transactionUpdated", "sparse"))
    assert found.keys() == {"purchaseID", "priceTotal", "discountAmount", "createdDate", "lastUpdatedDate"}
    assert entities(translate(changed(UPDATED, billNumber=..., currencyCode=...)))[0]["_acme"]["capillary"].keys() >= {
        "transactionId"
    }


@pytest.mark.parametrize("nothing", ["undefined", "(null)", "NULL", "Null", "null", " ", None, ...])
def test_a_type_that_says_nothing_is_no_unknown_type(nothing: object) -> None:
    sent = entity(changed(golden("transactionAdded"), billType=nothing))
    assert sent["eventType"] == "commerce.purchases"
    assert "billType" not in sent["_acme"]["capillary"]
    back = changed(golden("transactionUpdated", "returned"), billType=nothing)
    assert len([one for one in entities(translate(back)) if "refunds" in one["commerce"]["order"]]) == 1


@pytest.mark.parametrize("nothing", ["null", "(null)", "undefined", "", None])
def test_an_entity_that_says_nothing_is_no_group(nothing: object) -> None:
    whole = golden("tierUpgraded")
    said = changed(whole, entityInformation={"entityType": nothing})
    written = [message.to.name for message in translate(said).messages]
    assert written == [message.to.name for message in translate(changed(whole, entityInformation=...)).messages]
    assert "profile-tier" in written
