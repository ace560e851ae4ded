"""The access token, as far as AEP's answers tell about it."""

from __future__ import annotations

from processor.delivery.policy import Policy
from processor.model import TokenStatus


class Credentials:
    """Which token may be good, and how many AEP has refused in a row.

    `refused` is the number of the newest token that AEP answered with 401 or 403, `tries` how many of them there were
    since the last success.
    """

    def __init__(self, policy: Policy) -> None:
        self.ready = False
        self.refused = 0
        self._policy = policy
        self._refused_at: list[float] = []

    @property
    def tries(self) -> int:
        """How many tokens were refused since the last success."""
        return len(self._refused_at)

    @property
    def hopeless(self) -> bool:
        """Whether new tokens were refused so often, and for so long, that another one will not help."""
        times, policy = self._refused_at, self._policy
        return len(times) >= policy.unauthorized_after and times[-1] - times[0] >= policy.unauthorized_seconds

    def update(self, status: TokenStatus) -> None:
        """Takes the state of the token that senders would use."""
        self.ready = status.ready and status.number > self.refused

    def refuse(self, token: int, now: float) -> bool:
        """Notes a 401 or 403. Returns whether it is news: it tells about the token it was sent with and no other."""
        if token <= self.refused:
            return False
        self.refused, self.ready = token, False
        self._refused_at.append(now)
        return True

    def succeeded(self) -> None:
        """AEP took a token."""
        self._refused_at.clear()
