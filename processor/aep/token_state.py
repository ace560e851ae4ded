"""What is known about the access token, and when to ask for the next one. Pure: clock and dice are arguments.

IMS says how long a token lives in two units (seconds from `/ims/token/v3`, milliseconds from `/ims/token`) and, inside
the token, in milliseconds. Sources: Adobe's server-to-server guide, Adobe's Capillary page, aio-lib-ims.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from processor.model import TokenStatus

_MILLISECONDS_ABOVE = 1_000_000
"""In seconds 11.6 days, in milliseconds 17 minutes: no token lives so long, and none so short."""

_WEEK = 7 * 86_400.0
_UNSTATED = 3_600.0
_CLOSEST = 0.2  # seconds between two questions, however short a token lives: IMS throttles who asks too often
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0


class Token(NamedTuple):
    """An access token. `number` counts up; `usable_until` is in monotonic seconds. Its value is not in its repr."""

    value: str
    number: int
    usable_until: float

    def __repr__(self) -> str:
        return f"Token(number={self.number})"


class Granted(NamedTuple):
    """IMS gave a token that lives for `life` seconds from its receipt."""

    value: str
    life: float

    def __repr__(self) -> str:
        return f"Granted(life={self.life:.0f})"


class Refused(NamedTuple):
    """IMS says that the credential is wrong; only a person can mend that."""

    detail: str


class Unavailable(NamedTuple):
    """IMS cannot answer for now. `retry_after` is in seconds."""

    detail: str
    retry_after: float | None = None


ImsAnswer = Granted | Refused | Unavailable


def life_seconds(token: str, expires_in: object, now_ms: int) -> float:
    """How long a token lives from its receipt, in seconds.

    The claims in the token come first, where they are plausible: their duration, or what is left of it by our clock,
    whichever is shorter. Else `expires_in`, whose unit shows in its size. Without either, an hour.
    """
    claims = _claims(token)
    created, duration = _number(claims.get("created_at")), _number(claims.get("expires_in"))
    if created and duration and 0 < (left := created + duration - now_ms) <= _WEEK * 1000:
        return min(duration, left) / 1000
    stated = _number(expires_in)
    if stated is None:
        return _UNSTATED
    return min(stated / 1000 if stated > _MILLISECONDS_ABOVE else stated, _WEEK)


def _number(value: object) -> float | None:
    """A positive number, also where it is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _claims(token: str) -> dict[str, object]:
    """What a JWT says, unverified: it is only asked for its age. Empty where the token is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def renew_after(life: float, chance: float) -> float:
    """Seconds from receipt to the renewal: after 80 % of the life, 5 minutes before its end, after half of a short one.

    Up to 5 % earlier by chance (0 to 1), so that workers started together do not ask together.
    """
    margin = max(0.2 * life, min(300.0, 0.5 * life))
    return (life - margin) * (1 - 0.05 * chance)


def usable(life: float) -> float:
    """Seconds from receipt for which a token is sent: one that dies on its way would be refused."""
    return life - min(10.0, 0.05 * life)


@dataclass(frozen=True, slots=True)
class TokenState:
    """All that is known. Each answer of IMS makes the next state.

    `due` is the monotonic time of the next question to IMS, `problem` why the last one gave no token, `final` whether
    that is for a person to mend. `not_before` is when IMS may be asked at all.
    """

    token: Token | None = None
    due: float = -math.inf
    not_before: float = -math.inf
    failures: int = 0
    problem: str | None = None
    final: bool = False

    @property
    def number(self) -> int:
        """The number of the last token, 0 before the first."""
        return self.token.number if self.token else 0

    def next_question(self, rejected: int) -> float:
        """When IMS is to be asked. A token that AEP rejected is to be replaced at once."""
        due = -math.inf if rejected == self.number else self.due
        return max(due, self.not_before)

    def after(self, answer: ImsAnswer, now: float, chance: float) -> TokenState:
        """The state once IMS has answered. A failure leaves the token as it is."""
        if isinstance(answer, Granted):
            token = Token(answer.value, self.number + 1, now + usable(answer.life))
            return TokenState(token, due=now + renew_after(answer.life, chance), not_before=now + _CLOSEST)
        final = isinstance(answer, Refused)
        wait = _wait(self.failures, chance, answer.retry_after if isinstance(answer, Unavailable) else None)
        return replace(self, not_before=now + wait, failures=self.failures + 1, problem=answer.detail, final=final)

    def usable_token(self, now: float, rejected: int) -> Token | None:
        """The token, unless it is too old or AEP rejected it."""
        token = self.token
        return token if token and now < token.usable_until and token.number > rejected else None

    def status(self, now: float, rejected: int) -> TokenStatus:
        """The state without the token. A renewal that fails is no outage while the old token lives."""
        if self.usable_token(now, rejected):
            return TokenStatus(self.number, ready=True)
        if self.final:
            return TokenStatus(self.number, refused=self.problem)
        return TokenStatus(self.number, failing=self.problem)


def _wait(failures: int, chance: float, retry_after: float | None) -> float:
    """Seconds to the next question: what IMS asked for, never less than the backoff, and some jitter."""
    backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(failures, 16)) * (0.5 + 0.5 * chance)
    return backoff if retry_after is None else max(backoff, retry_after * (1 + 0.1 * chance))
