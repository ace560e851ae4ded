"""The access token: from IMS, one question at a time, however many want one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import SimpleQueue

import pytest

from processor.aep.http import Http
from processor.aep.ims import Ims, token_url
from processor.aep.token_state import Granted, ImsAnswer, Refused, Unavailable
from processor.aep.tokens import Tokens
from processor.model import TokenStatus
from processor.simulator.account import Account
from processor.simulator.faults import HTML, Fault
from processor.simulator.http import Cut
from processor.simulator.simulator import Simulator

HOSTILE = "p8e-&a=b+c%20d/é\"'"


class FakeIms:
    """Answers when it is told to, and counts the questions."""

    def __init__(self) -> None:
        self.answers: SimpleQueue[ImsAnswer] = SimpleQueue()
        self.questions = 0

    def ask(self) -> ImsAnswer:
        """Waits for the next answer."""
        self.questions += 1
        return self.answers.get()


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.002)


@pytest.fixture
def ims() -> FakeIms:
    return FakeIms()


@pytest.fixture
def tokens(ims: FakeIms) -> Iterator[Tokens]:
    tokens = Tokens(ims.ask)
    yield tokens
    tokens.close()
    ims.answers.put(Unavailable("over"))


# ---- the thread ------------------------------------------------------------------------------------------------------


def test_the_first_token_is_fetched_unasked(ims: FakeIms, tokens: Tokens) -> None:
    assert tokens.current() is None
    assert tokens.state() == TokenStatus()
    ims.answers.put(Granted("one", 100))
    eventually(lambda: tokens.state().ready)
    token = tokens.current()
    assert token is not None
    assert (token.value, token.number) == ("one", 1)


def test_a_thousand_refusals_at_once_are_one_renewal(ims: FakeIms, tokens: Tokens) -> None:
    """And those that come late, about the old token, are none."""
    ims.answers.put(Granted("one", 100))
    eventually(lambda: tokens.state().ready)
    barrier = threading.Barrier(20)

    def refuse() -> None:
        barrier.wait()
        for _ in range(50):
            tokens.renew(1)

    threads = [threading.Thread(target=refuse) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.current() is None
    assert not tokens.state().ready
    ims.answers.put(Granted("two", 100))
    eventually(lambda: tokens.state() == TokenStatus(2, ready=True))
    tokens.renew(1)
    tokens.renew(0)
    tokens.renew(3)
    time.sleep(0.02)
    assert ims.questions == 2
    assert tokens.state() == TokenStatus(2, ready=True)


def test_a_refusal_while_a_renewal_is_under_way_is_not_a_second_one(ims: FakeIms, tokens: Tokens) -> None:
    ims.answers.put(Granted("one", 0.1))  # its renewal is due after 50 ms
    eventually(lambda: ims.questions == 2)
    tokens.renew(1)
    ims.answers.put(Granted("two", 100))
    eventually(lambda: tokens.state() == TokenStatus(2, ready=True))
    time.sleep(0.02)
    assert ims.questions == 2


def test_an_outage_is_named_and_waited_out(ims: FakeIms, tokens: Tokens, caplog: pytest.LogCaptureFixture) -> None:
    ims.answers.put(Unavailable("IMS: HTTP 503"))
    eventually(lambda: tokens.state().failing is not None)
    assert tokens.state() == TokenStatus(failing="IMS: HTTP 503")
    ims.answers.put(Granted("one", 100))
    eventually(lambda: tokens.state().ready)
    assert "IMS: HTTP 503" in caplog.text


def test_a_refusal_by_ims_is_final_until_somebody_mends_it(ims: FakeIms, tokens: Tokens) -> None:
    ims.answers.put(Refused("check AEP__CLIENT_ID"))
    eventually(lambda: tokens.state().refused is not None)
    assert tokens.state() == TokenStatus(refused="check AEP__CLIENT_ID")


def test_closing_wakes_every_wait(ims: FakeIms) -> None:
    """Also that of a day until the next renewal."""
    tokens = Tokens(ims.ask)
    ims.answers.put(Granted("one", 86_400))
    eventually(lambda: tokens.state().ready)
    began = time.monotonic()
    tokens.close(5)
    assert time.monotonic() - began < 0.5


def test_an_error_of_ours_does_not_end_the_thread() -> None:
    answers: list[object] = [RuntimeError("s3cret"), Granted("one", 100)]

    def ask() -> ImsAnswer:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Granted)
        return answer

    tokens = Tokens(ask, chance=lambda: 0.0)
    eventually(lambda: tokens.state().failing == "IMS: RuntimeError")
    eventually(lambda: tokens.state().ready)
    tokens.close()


# ---- IMS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    http = Http(connections=2)
    yield http
    http.close()


@pytest.fixture
def stand_in() -> Iterator[Simulator]:
    with Simulator({}, replace(Account(), client_secret=HOSTILE)) as simulator:
        yield simulator


def asker(
    stand_in: Simulator,
    http: Http,
    path: str = "",
    *,
    timeout: float = 5.0,
    client_id: str | None = None,
    client_secret: str = HOSTILE,
) -> Ims:
    """Asks the stand-in with its own credential, or with something changed."""
    client_id = client_id or stand_in.account.client_id
    return Ims(stand_in.url + path, http, timeout=timeout, client_id=client_id, client_secret=client_secret)


@pytest.mark.parametrize("path", ["", "/", "/ims/token/v3", "/ims/token/v2", "/ims/token"])
@pytest.mark.parametrize("jwt", [True, False])
@pytest.mark.parametrize("life", [3_599.0, 86_399.0])
def test_a_token_of_each_endpoint_lives_as_long(http: Http, path: str, *, jwt: bool, life: float) -> None:
    """Seconds or milliseconds, with claims or without; and a secret full of signs arrives whole."""
    with Simulator({}, replace(Account(), client_secret=HOSTILE), token_life=life, jwt=jwt) as stand_in:
        answer = asker(stand_in, http, path).ask()
    assert isinstance(answer, Granted)
    assert answer.life == pytest.approx(life, abs=1)


def test_a_base_gets_the_documented_path() -> None:
    assert token_url("https://ims-na1.adobelogin.com/") == "https://ims-na1.adobelogin.com/ims/token/v3"
    assert token_url("https://h/ims/token") == "https://h/ims/token"


def test_a_refused_credential_names_the_setting(stand_in: Simulator, http: Http) -> None:
    for ims, setting in (
        (asker(stand_in, http, client_id="somebody"), "AEP__CLIENT_ID"),
        (asker(stand_in, http, client_secret="something"), "AEP__CLIENT_SECRET"),
    ):
        assert ims.ask() == Refused(f"IMS refuses the credential (invalid_client): check {setting}")


@pytest.mark.parametrize(
    "error", ["invalid_client", "invalid_scope", "invalid_scopes", "invalid_request", "unauthorized_client"]
)
@pytest.mark.parametrize("status", [400, 401])
def test_each_final_error_is_final(stand_in: Simulator, http: Http, error: str, status: int) -> None:
    """Without repeating what IMS says about the request."""
    stand_in.script(Fault(status, body=f'{{"error":"{error}","error_description":"you sent s3cret"}}', where="ims"))
    answer = asker(stand_in, http).ask()
    assert isinstance(answer, Refused)
    assert "AEP__CLIENT_ID" in answer.detail
    assert "s3cret" not in answer.detail


@pytest.mark.parametrize(
    "fault",
    [
        Fault(429, retry_after="3"),
        Fault(503, body=HTML, retry_after="3"),
        Fault(500),
        Fault(404),
        Fault(307, location="http://127.0.0.1:9/"),
        Fault(200, body=HTML),
        Fault(200, body='{"access_token":""}'),
        Fault(200, body='{"access_token":"two\\nlines"}'),
        Fault(200, body="[" * 100_000),
        Fault(400, body="rubbish"),
        Fault(cut=Cut.FIN),
        Fault(cut=Cut.RST),
        Fault(cut=Cut.HALF),
        Fault(drip=0.1),
        Fault(cut=Cut.HANG),
    ],
    ids=lambda fault: str(fault.status or fault.cut or "drip")[:12],
)
def test_all_else_is_an_outage(stand_in: Simulator, http: Http, fault: Fault) -> None:
    stand_in.script(replace(fault, where="ims"))
    answer = asker(stand_in, http, timeout=0.2 if fault.drip or fault.cut is Cut.HANG else 5).ask()
    assert isinstance(answer, Unavailable)
    assert answer.detail.startswith("IMS: ")
    assert answer.retry_after == (3.0 if fault.retry_after else None)


def test_ims_that_is_not_there_is_an_outage(http: Http) -> None:
    answer = Ims("http://127.0.0.1:9", http, client_id="c", client_secret="s").ask()
    assert isinstance(answer, Unavailable)
    assert "ConnectError" in answer.detail


def test_a_secret_is_not_sent_in_the_clear(http: Http) -> None:
    with pytest.raises(ValueError, match="AEP__IMS_URL"):
        Ims("http://ims-na1.adobelogin.com", http, client_id="c", client_secret="s")


def test_short_tokens_are_renewed_before_they_die(http: Http) -> None:
    """Over a few lives of half a second there is a good token at every look."""
    with Simulator({}, replace(Account(), client_secret=HOSTILE), token_life=0.5) as stand_in:
        tokens = Tokens(asker(stand_in, http).ask)
        eventually(lambda: tokens.state().ready)
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            token = tokens.current()
            assert token is not None
            assert stand_in.ims.refusal(f"Bearer {token.value}") is None
            time.sleep(0.01)
        tokens.close(1)
        assert 3 <= stand_in.ims.issued <= 7


def test_no_secret_and_no_token_in_a_log_line_or_a_repr(
    stand_in: Simulator, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        ims = asker(stand_in, http)
        stand_in.script(Fault(503, where="ims"))
        tokens = Tokens(ims.ask)
        eventually(lambda: tokens.state().ready)
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    token = tokens.current()
    assert token is not None
    said = caplog.text + repr((ims, tokens, token, tokens.state(), tokens._known))
    tokens.close()
    assert "IMS: HTTP 503" in caplog.text
    for secret in (HOSTILE, "p8e-", stand_in.account.client_id, token.value):
        assert secret not in said
