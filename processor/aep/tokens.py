"""The access token, kept fresh by a thread of its own: one question to IMS at a time, however many want a token.

The state is one immutable value. Only the thread replaces it; the others read it. A rejected token is told by its
number, a plain integer that only the loop's thread writes.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from processor.aep.token_state import ImsAnswer, Token, TokenState, Unavailable
from processor.model import TokenStatus

_LOG = logging.getLogger(__name__)


class Tokens:
    """Renews before the token dies, and when AEP rejects it. Its thread starts at once.

    Args:
        ask: one question to IMS.
        clock: monotonic seconds.
        chance: 0 to 1, for jitter.
    """

    def __init__(
        self,
        ask: Callable[[], ImsAnswer],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._chance = chance
        self._known = TokenState()
        self._rejected = -1
        self._stopped = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tokens", daemon=True)
        self._thread.start()

    def current(self) -> Token | None:
        """A token that may be good; None while there is none."""
        return self._known.usable_token(self._clock(), self._rejected)

    def renew(self, number: int) -> None:
        """AEP refused the token of that number. Nothing happens when a newer one is there, or is on its way."""
        if self._rejected < number == self._known.number:
            self._rejected = number
            self._wake.set()

    def state(self) -> TokenStatus:
        """How things stand, without the token."""
        return self._known.status(self._clock(), self._rejected)

    def close(self, timeout: float = 0.0) -> None:
        """Ends the thread; waits for it up to `timeout` seconds."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped:
            wait = self._known.next_question(self._rejected) - self._clock()
            if wait > 0:
                self._wake.wait(wait)
                self._wake.clear()
            else:
                self._take(self._answer())

    def _answer(self) -> ImsAnswer:
        try:
            return self._ask()
        except Exception as error:  # noqa: BLE001 - without this thread nothing would ever be sent again
            return Unavailable(f"IMS: {type(error).__name__}")

    def _take(self, answer: ImsAnswer) -> None:
        before, self._known = self._known, self._known.after(answer, self._clock(), self._chance())
        problem = self._known.problem
        if problem and problem != before.problem:
            _LOG.warning("no new access token: %s", problem)
