"""`capillary-aep` whose long patience is short: a minute of the policy takes two seconds here, waits end below one.

For tests of what the worker does after a minute. What counts stays as it is: ten refusals, successes of others, the
order of things. A program of its own, because a worker is a process and no setting may shorten its patience.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from processor import app
from processor.cli import main
from processor.delivery import delivery
from processor.delivery.backoff import Backoff
from processor.delivery.policy import Policy
from processor.kafka import backoff, registry
from processor.settings import Settings

MINUTE = 2.0  # seconds
LONGEST_WAIT = 0.4  # seconds between two tries of anything

_policy = app.policy


def policy(settings: Settings) -> Policy:
    """The product's, but for the minutes."""
    return replace(_policy(settings), poison_seconds=MINUTE, unauthorized_seconds=MINUTE)


if __name__ == "__main__":
    for module, name, short in (
        (app, "policy", policy),
        (delivery, "Backoff", partial(Backoff, base=LONGEST_WAIT / 8, cap=LONGEST_WAIT)),
        (backoff, "CAP", LONGEST_WAIT),
        (registry, "GRACE", MINUTE),
        (registry, "ASK_AGAIN", MINUTE),
        (registry, "ASK_DURING_GRACE", LONGEST_WAIT),
    ):
        assert hasattr(module, name), f"{module.__name__}.{name} is gone: nothing would be shortened"
        setattr(module, name, short)
    main()
