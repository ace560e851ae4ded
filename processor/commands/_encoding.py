"""Canonical events -> Kafka values, in either wire format."""

from __future__ import annotations

from collections.abc import Callable

from processor.avro.wire import confluent_frame, fingerprint, single_object_frame
from processor.capillary import CanonicalEvent, Contract, Contracts, encode

Frame = Callable[[Contract], bytes]
"""What stands in front of the Avro data of one contract."""


class Encoder:
    """Writes events with their contracts. `frame` is asked once for each contract that comes by."""

    def __init__(self, contracts: Contracts, frame: Frame) -> None:
        self._contracts, self._frame = contracts, frame
        self._frames: dict[str, bytes] = {}

    def __call__(self, event: CanonicalEvent) -> bytes:
        """The value for Kafka. Raises what `frame` raises."""
        frame = self._frames.get(event.event)
        if frame is None:
            frame = self._frames[event.event] = self._frame(self._contracts[event.event])
        return frame + encode(event, self._contracts)


def single_object(contract: Contract) -> bytes:
    """Avro single-object encoding: needs no registry."""
    return single_object_frame(fingerprint(contract.schema), b"")


def confluent(register: Callable[[Contract], int]) -> Frame:
    """The Confluent wire format; `register` gives the id of a contract's schema in the registry."""
    return lambda contract: confluent_frame(register(contract), b"")
