"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: uniform between 0 and `base * 2^(failures-1)`, at most `cap`; in seconds.

    `random` gives numbers in [0, 1). Full jitter keeps workers that failed together from coming back together.
    """

    random: Callable[[], float]
    base: float = 0.5
    cap: float = 60.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row (1 or more)."""
        exponent = min(failures - 1, 32)  # beyond it any cap is reached
        return float(self.random() * min(self.cap, self.base * 2.0**exponent))
