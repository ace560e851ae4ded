"""How things stand: in numbers, and what of the world around is out."""

from __future__ import annotations

from collections.abc import Collection

from processor.delivery.delivery import Delivery
from processor.edges import Edges
from processor.events import Gauges, Outage
from processor.partitions.lanes import Lanes
from processor.partitions.partition import Partition


def gauges(partitions: Collection[Partition], delivery: Delivery, lanes: Lanes, now: float) -> Gauges:
    """Reads the state of the loop."""
    oldest = lanes.oldest()
    return Gauges(
        partitions=len(partitions),
        open_records=sum(partition.offsets.open for partition in partitions),
        held_bytes=sum(partition.held for partition in partitions),
        in_flight=delivery.in_flight,
        waiting_retries=delivery.retries,
        window_records=sum(partition.offsets.window for partition in partitions),
        oldest_open_seconds=now - oldest.arrived if oldest else 0.0,
    )


class OutageWatch:
    """Turns "why it fails at present" of what we need into facts about when that began and ended."""

    def __init__(self) -> None:
        self._failing: dict[str, str] = {}

    def changes(self, edges: Edges) -> list[Outage]:
        """The outages that began or ended since the last call; AEP's own are delivery's to tell."""
        failing = {
            "ims": edges.senders.token().failing,
            "registry": edges.schemas.failing(),
            "dead letters": edges.dead_letters.failing(),
        }
        changes = []
        for what, detail in failing.items():
            if detail is not None and what not in self._failing:
                changes.append(Outage(what, began=True, detail=detail))
                self._failing[what] = detail
            elif detail is None and self._failing.pop(what, None) is not None:
                changes.append(Outage(what, began=False, detail="it answers again"))
        return changes
