"""How things stand, in numbers."""

from __future__ import annotations

from collections.abc import Collection

from processor.delivery.delivery import Delivery
from processor.events import Gauges
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
