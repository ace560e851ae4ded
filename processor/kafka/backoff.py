"""How long to wait before asking Kafka or the registry again. With jitter: many workers must not return together."""

from __future__ import annotations

from collections.abc import Callable

BASE = 0.5  # seconds
CAP = 30.0  # seconds


def pause(tries: int, random: Callable[[], float]) -> float:
    """Seconds to wait after the `tries`-th failure in a row (from 1); `random` gives numbers in [0, 1)."""
    longest = min(CAP, BASE * 2.0 ** min(tries, 16))
    return float(BASE / 2 + random() * (longest - BASE / 2))  # never zero: a tight loop helps nobody
