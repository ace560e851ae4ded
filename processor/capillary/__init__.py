"""Capillary's JSON events in any of their envelopes -> records of our canonical Avro contracts.

This room mends shape and primitive types and nothing else: what a value means (blank, hash, placeholder, plausible
time) is judged by the mapping functions, because Avro may come from others too. Only where a value stands at two places
does it ask which of them says something. It knows no event by name: an event is what its `.avsc` says.
"""

from __future__ import annotations

from processor.capillary.contracts import Contract, Contracts, load_contracts
from processor.capillary.errors import CapillaryError, ContractError, IgnoredEventError
from processor.capillary.ignored import UNDOCUMENTED, Ignored, load_ignored
from processor.capillary.names import fold
from processor.capillary.nothing import NO_VALUE, says_nothing
from processor.capillary.reading import CanonicalEvent, encode, read_event

__all__ = [
    "NO_VALUE",
    "UNDOCUMENTED",
    "CanonicalEvent",
    "CapillaryError",
    "Contract",
    "ContractError",
    "Contracts",
    "Ignored",
    "IgnoredEventError",
    "encode",
    "fold",
    "load_contracts",
    "load_ignored",
    "read_event",
    "says_nothing",
]
