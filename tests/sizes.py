"""How much a property test tries: little by default, more where FUZZ says so (`make fuzz`)."""

from __future__ import annotations

import os


def examples(usual: int, share: float = 1.0) -> int:
    """Examples for each event: the usual number, or FUZZ if it is set; of a large FUZZ a share, for slow properties."""
    fuzz = int(os.environ.get("FUZZ", usual))
    return max(min(usual, fuzz), int(fuzz * share))
