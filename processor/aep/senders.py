"""Threads that each make one attempt at a time. Requests go in, answers come out, through queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from processor.aep.token_state import Token
from processor.model import Answer, Failure, Request, TokenStatus


class _Inlet(Protocol):
    def post(self, request: Request, token: Token | None) -> Answer: ...


class _Tokens(Protocol):
    def current(self) -> Token | None: ...
    def renew(self, number: int) -> None: ...
    def state(self) -> TokenStatus: ...


class Senders:
    """A fixed number of threads, started at once. All methods belong to one thread, the loop's; none blocks.

    Args:
        inlet: makes an attempt.
        tokens: has the access token at hand.
        threads: how many attempts can run at the same time; further requests wait for a thread.
    """

    def __init__(self, inlet: _Inlet, tokens: _Tokens, threads: int) -> None:
        self._inlet = inlet
        self._tokens = tokens
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"sender-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def start(self, request: Request) -> None:
        """Hands a request to a thread. Exactly one answer will come."""
        self._requests.put(request)

    def answers(self) -> list[Answer]:
        """What has come back since the last call."""
        landed: list[Answer] = []
        take: Callable[[], Answer] = self._answers.get_nowait
        try:
            while True:
                landed.append(take())
        except Empty:
            return landed

    def token(self) -> TokenStatus:
        """The state of the access token."""
        return self._tokens.state()

    def renew(self, number: int) -> None:
        """AEP refused the token of that number: get another one, once."""
        self._tokens.renew(number)

    def close(self, timeout: float) -> None:
        """Ends the threads once they have made the attempts handed to them; waits `timeout` seconds for all of them."""
        deadline = time.monotonic() + timeout
        for _ in self._threads:
            self._requests.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            self._answers.put(self._attempt(request))

    def _attempt(self, request: Request) -> Answer:
        began = time.monotonic()
        try:
            return self._inlet.post(request, self._tokens.current())
        except Exception as error:  # noqa: BLE001 - a request without an answer would hold its lanes for ever
            # it may have been written before that, so nothing better than "unknown" can be said
            seconds = time.monotonic() - began
            return Answer(request.ticket, failure=Failure.BROKEN, seconds=seconds, detail=type(error).__name__)
