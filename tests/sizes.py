"""How much a property test tries: little by default, more where FUZZ says so (`make fuzz`)."""

from __future__ import annotations

import os


def examples(usual: int) -> int:
    """Examples for each event: FUZZ if it is set, else the usual number."""
    return int(os.environ.get("FUZZ", usual))
