"""Threads that make one attempt each: exactly one answer per request, whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from processor.aep.client import Inlet
from processor.aep.http import Http
from processor.aep.ims import Ims
from processor.aep.senders import Senders
from processor.aep.token_state import Token
from processor.aep.tokens import Tokens
from processor.model import Answer, Failure, Message, Request, TokenStatus
from processor.settings import schemas_dir
from processor.simulator.account import Account, load_datasets
from processor.simulator.faults import Fault
from processor.simulator.simulator import Simulator

ENTITY = (
    b'{"_id":"1","timestamp":"2025-07-14T12:00:00.000Z","identityMap":{"CapillaryId":[{"id":"c1","primary":true}]}}'
)


class FakeTokens:
    """One token, or none."""

    def __init__(self, token: Token | None = None) -> None:
        self.token = token
        self.refused: list[int] = []

    def current(self) -> Token | None:
        """The token."""
        return self.token

    def renew(self, number: int) -> None:
        """Remembers it."""
        self.refused.append(number)

    def state(self) -> TokenStatus:
        """Ready when there is one."""
        return TokenStatus(1, ready=self.token is not None)


class FakeInlet:
    """Waits for a gate, then does what the ticket says."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def post(self, request: Request, token: Token | None) -> Answer:
        """Ticket 13 fails in a way that nobody thought of."""
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(5)
        with self._lock:
            self.running -= 1
        if request.ticket == 13:
            raise ZeroDivisionError("with a payload in it")
        if token is None:
            return Answer(request.ticket, failure=Failure.NOT_SENT)
        return Answer(request.ticket, 207, token=token.number)


def collect(senders: Senders, count: int) -> list[Answer]:
    """Waits for so many answers."""
    landed: list[Answer] = []
    deadline = time.monotonic() + 10
    while len(landed) < count:
        assert time.monotonic() < deadline, f"{len(landed)} of {count} answers"
        landed += senders.answers()
        time.sleep(0.001)
    return landed


def request(ticket: int) -> Request:
    """A request without messages."""
    return Request(ticket, (), float("inf"), float("inf"))


def test_every_request_has_one_answer_and_start_does_not_block() -> None:
    inlet = FakeInlet()
    senders = Senders(inlet, FakeTokens(Token("v", 4, 0)), threads=3)
    for ticket in range(50):
        senders.start(request(ticket))
    assert senders.answers() == []
    while inlet.running < 3:
        time.sleep(0.001)
    inlet.gate.set()
    landed = collect(senders, 50)
    assert sorted(answer.ticket for answer in landed) == list(range(50))
    assert inlet.most == 3
    assert {answer.token for answer in landed if answer.ticket != 13} == {4}
    senders.close(1)
    assert senders.answers() == []


def test_an_unexpected_error_is_an_unknown_outcome() -> None:
    """It may have happened after writing; and its text may hold a payload."""
    inlet = FakeInlet()
    inlet.gate.set()
    senders = Senders(inlet, FakeTokens(Token("v", 1, 0)), threads=1)
    senders.start(request(13))
    senders.start(request(14))
    broken, fine = collect(senders, 2)
    assert (broken.ticket, broken.failure, broken.detail) == (13, Failure.BROKEN, "ZeroDivisionError")
    assert fine.status == 207
    senders.close(1)


def test_closing_ends_the_threads_and_keeps_to_its_time() -> None:
    inlet = FakeInlet()
    senders = Senders(inlet, FakeTokens(), threads=2)
    senders.start(request(1))
    began = time.monotonic()
    senders.close(0.05)
    assert time.monotonic() - began < 0.5
    inlet.gate.set()
    assert collect(senders, 1)[0].failure is Failure.NOT_SENT
    senders.close(1)
    assert not any(thread.is_alive() for thread in senders._threads)


def test_the_token_is_asked_through_the_senders() -> None:
    tokens = FakeTokens()
    senders = Senders(FakeInlet(), tokens, threads=1)
    assert senders.token() == TokenStatus(1)
    senders.renew(1)
    assert tokens.refused == [1]
    senders.close(1)


# ---- all of it, against the stand-in ---------------------------------------------------------------------------------


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    account = Account()
    with Simulator(load_datasets(schemas_dir() / "xdm", account), account) as running:
        yield running


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    http = Http(connections=5)
    yield http
    http.close()


@pytest.fixture
def senders(simulator: Simulator, http: Http) -> Iterator[Senders]:
    account = simulator.account
    ims = Ims(simulator.url, http, client_id=account.client_id, client_secret=account.client_secret)
    inlet = Inlet(simulator.inlet_url, http, org_id=account.org_id, client_id=account.client_id, sandbox="prod")
    tokens = Tokens(ims.ask)
    senders = Senders(inlet, tokens, threads=4)
    yield senders
    senders.close(2)
    tokens.close(2)


@pytest.fixture
def send(simulator: Simulator, senders: Senders) -> Callable[[int], list[Answer]]:
    """Sends so many requests at once, as soon as there is a token, and waits for the answers."""
    events = simulator.destinations()["events"]

    def send(count: int) -> list[Answer]:
        deadline = time.monotonic() + 10
        while not senders.token().ready:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        for ticket in range(count):
            senders.start(Request(ticket, (Message(events, ENTITY),), deadline, deadline))
        return collect(senders, count)

    return send


def test_from_credential_to_acceptance(simulator: Simulator, send: Callable[[int], list[Answer]]) -> None:
    assert {answer.status for answer in send(20)} == {207}
    assert simulator.ledger.counts().accepted == 20
    assert simulator.ims.issued == 1


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_is_renewed_once(
    simulator: Simulator, senders: Senders, send: Callable[[int], list[Answer]], status: int
) -> None:
    """Many attempts are refused at once; one renewal follows, and all is well."""
    simulator.ims._expired_status = status
    send(1)
    simulator.ims.expire()
    refused = send(100)
    assert {(answer.status, answer.token) for answer in refused} == {(status, 1)}
    for answer in refused:
        senders.renew(answer.token)
    assert {(answer.status, answer.token) for answer in send(10)} == {(207, 2)}
    for answer in refused:
        senders.renew(answer.token)
    assert simulator.ims.issued == 2


def test_no_token_while_ims_is_out_and_the_old_one_is_rejected(
    simulator: Simulator, senders: Senders, send: Callable[[int], list[Answer]]
) -> None:
    """A request that is started then is not sent, and says so."""
    send(1)
    simulator.script(*[Fault(503, where="ims")] * 2)
    senders.renew(1)
    senders.start(Request(9, (), float("inf"), float("inf")))
    answer = collect(senders, 1)[0]
    assert (answer.failure, answer.token) == (Failure.NOT_SENT, 0)
    assert {answer.token for answer in send(1)} == {2}
