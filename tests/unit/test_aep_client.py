"""One POST against a real server on this machine: each way in which it can end, and what is said about it."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from processor.aep import deadline
from processor.aep.client import Inlet, batch_url, body_of
from processor.aep.http import LARGEST_REPLY, Http, Lost, Reply, check_url
from processor.aep.token_state import Token
from processor.model import Answer, Destination, Failure, Message, Request
from processor.settings import schemas_dir
from processor.simulator.account import Account, load_datasets
from processor.simulator.faults import HTML, Fault, Twist
from processor.simulator.http import Cut, HttpServer, Incoming, Outgoing
from processor.simulator.simulator import Simulator

TOKEN = Token("t0ken-value", 7, float("inf"))
ENTITY = (
    b'{"_id":"1","timestamp":"2025-07-14T12:00:00.000Z","identityMap":{"CapillaryId":[{"id":"c1","primary":true}]}}'
)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    account = Account()
    datasets = load_datasets(schemas_dir() / "xdm", account)
    with Simulator(datasets, account, authentication=False) as running:
        yield running


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    http = Http(connections=4)
    yield http
    http.close()


@pytest.fixture
def post(simulator: Simulator, http: Http) -> Callable[..., Answer]:
    """Posts some messages to the stand-in."""
    inlet = inlet_at(simulator.inlet_url, http)
    events = simulator.destinations()["events"]

    def post(count: int = 1, seconds: float = 5.0, not_after: float = 5.0) -> Answer:
        now = time.monotonic()
        return inlet.post(Request(3, (Message(events, ENTITY),) * count, now + not_after, now + seconds), TOKEN)

    return post


def inlet_at(url: str, http: Http) -> Inlet:
    """An inlet with some ids."""
    return Inlet(url, http, org_id="A@AdobeOrg", client_id="the-client", sandbox="dev")


def request(seconds: float = 5.0) -> Request:
    """A request of one message."""
    now = time.monotonic()
    return Request(
        3, (Message(Destination("d", profile=False, prefix=b"", suffix=b""), b"{}"),), now + 5, now + seconds
    )


class Listener:
    """A server that does with a connection what a test says, and counts what it read."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/collection/abc"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # the client may have gone
                self._behave(connection)

    def close(self) -> None:
        """Stops listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


# ---- address, headers, body ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/collection/abc-1", "/collection/batch/abc-1", "/collection/abc-1/"])
def test_the_batch_address_is_made_once(path: str) -> None:
    url = batch_url(f"https://dcs.example{path}")
    assert url == "https://dcs.example/collection/batch/abc-1"
    assert batch_url(url) == url


def test_a_prefix_before_collection_stays() -> None:
    """Adobe also has inlets under platform.adobe.io/data/foundation/import/."""
    assert batch_url("https://h/data/collection/x") == "https://h/data/collection/batch/x"


@pytest.mark.parametrize(
    "url", ["https://h/", "https://h/collection/batch/", "https://h/collection/a?b=1", "https://h/x"]
)
def test_other_addresses_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError, match="AEP__INLET_URL") as error:
        batch_url(url)
    assert url not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://dcs.adobedc.net/collection/secret1", "ftp://h/collection/secret1", "https:///x"]
)
def test_a_token_is_not_sent_in_the_clear(url: str, http: Http) -> None:
    with pytest.raises(ValueError, match="https://") as error:
        inlet_at(url, http)
    assert "secret1" not in str(error.value)


def test_http_is_for_this_machine_unless_allowed() -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        check_url(f"http://{host}:1/x", "X")
    check_url("http://stand-in:1/x", "X", allow_http=True)


@given(st.lists(st.tuples(st.sampled_from([b"", b'{"p":']), st.binary(), st.sampled_from([b"", b"}"])), min_size=1))
def test_the_body_is_its_parts_joined(parts: list[tuple[bytes, bytes, bytes]]) -> None:
    messages = [
        Message(Destination("d", profile=False, prefix=prefix, suffix=suffix), entity)
        for prefix, entity, suffix in parts
    ]
    body = body_of(messages)
    assert body == b'{"messages":[' + b",".join(b"".join(part) for part in parts) + b"]}"
    assert len(body) == sum(message.size + 1 for message in messages) + len(b'{"messages":[]}') - 1


def test_an_empty_batch_is_still_json() -> None:
    assert orjson.loads(body_of([])) == {"messages": []}


def test_headers(http: Http) -> None:
    """What Adobe asks for, both spellings of the sandbox, no compression."""
    seen: list[Incoming] = []

    def answer(incoming: Incoming) -> Outgoing:
        seen.append(incoming)
        return Outgoing(207)

    server = HttpServer(answer)
    server.start()
    inlet_at(f"http://127.0.0.1:{server.port}/collection/abc", http).post(request(), TOKEN)
    server.stop()
    headers = seen[0].headers
    assert (seen[0].method, seen[0].path) == ("POST", "/collection/batch/abc")
    assert headers["authorization"] == "Bearer t0ken-value"
    assert headers["x-api-key"] == "the-client"
    assert headers["x-gw-ims-org-id"] == "A@AdobeOrg"
    assert headers["sandbox-name"] == headers["x-sandbox-name"] == "dev"
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert "cookie" not in headers


# ---- how an attempt can end ------------------------------------------------------------------------------------------


def test_207(post: Callable[..., Answer], simulator: Simulator) -> None:
    answer = post(3)
    assert (answer.ticket, answer.status, answer.failure, answer.token) == (3, 207, None, 7)
    assert len(orjson.loads(answer.body)["responses"]) == 3
    assert 0 < answer.seconds < 5
    assert simulator.ledger.counts().accepted == 3


@pytest.mark.parametrize("status", [200, 307, 400, 401, 403, 404, 413, 429, 500, 503, 504])
@pytest.mark.parametrize("body", ["", HTML])
def test_every_status_is_an_answer(post: Callable[..., Answer], simulator: Simulator, status: int, body: str) -> None:
    """Whatever the body is. A redirect is not followed: it would carry the token away."""
    simulator.script(Fault(status, body=body, location="http://127.0.0.1:9/elsewhere"))
    answer = post()
    assert (answer.status, answer.body.decode(), answer.failure) == (status, body, None)
    assert sum(simulator.answered().values()) == 1


@pytest.mark.parametrize("cut", [Cut.FIN, Cut.RST, Cut.HALF, Cut.GARBAGE])
def test_a_lost_reply_is_unknown(post: Callable[..., Answer], simulator: Simulator, cut: Cut) -> None:
    """The server has accepted all of it, and nobody can know: neither success nor "not sent"."""
    for _ in range(2):  # on a fresh connection, and on one that was used before
        simulator.script(Fault(cut=cut))
        answer = post(2)
        assert (answer.status, answer.failure) == (None, Failure.BROKEN)
        assert post().status == 207
    assert simulator.ledger.counts().hidden == 4


def test_silence_ends_at_the_deadline(post: Callable[..., Answer], simulator: Simulator) -> None:
    simulator.script(Fault(cut=Cut.HANG))
    answer = post(seconds=0.2)
    assert answer.failure is Failure.TIMEOUT
    assert 0.2 <= answer.seconds < 2


@pytest.mark.parametrize("drip", [0.01, 0.1])
def test_a_dripping_server_ends_at_the_deadline(post: Callable[..., Answer], simulator: Simulator, drip: float) -> None:
    """The timeout of httpx begins again with each byte; ours does not."""
    simulator.script(Fault(drip=drip))
    answer = post(seconds=0.3)
    assert answer.failure is Failure.TIMEOUT
    assert 0.3 <= answer.seconds < 2


def test_a_status_counts_even_if_its_text_is_cut_off(post: Callable[..., Answer], simulator: Simulator) -> None:
    simulator.script(Fault(503, body=HTML, cut=Cut.HALF, retry_after="4"))
    answer = post()
    assert (answer.status, answer.retry_after) == (503, 4.0)


def test_a_server_that_does_not_read_ends_at_the_deadline(http: Http) -> None:
    """A body that fills the buffers of both sides cannot be written."""

    def read_one_byte(connection: socket.socket) -> None:
        connection.recv(1)
        time.sleep(1)

    listener = Listener(read_one_byte)
    entity = b"x" * 20_000_000
    message = Message(Destination("d", profile=False, prefix=b"", suffix=b""), entity)
    now = time.monotonic()
    answer = inlet_at(listener.url, http).post(Request(1, (message,), now + 5, now + 0.3), TOKEN)
    listener.close()
    assert answer.failure is Failure.TIMEOUT
    assert answer.seconds < 0.9


def test_no_connection(http: Http) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer = inlet_at(f"http://127.0.0.1:{port}/collection/abc", http).post(request(), TOKEN)
    assert answer.failure is Failure.NO_CONNECTION
    assert "ConnectError" in answer.detail


def test_a_host_without_an_address_is_no_connection(http: Http) -> None:
    answer = inlet_at("https://nowhere.invalid/collection/abc", http).post(request(), TOKEN)
    assert answer.failure is Failure.NO_CONNECTION


def test_a_full_pool_is_no_connection() -> None:
    """It cannot happen with as many connections as threads; if it does, nothing was sent."""
    http = Http(connections=1, connect_timeout=0.1)
    listener = Listener(lambda connection: time.sleep(0.5))
    inlet = inlet_at(listener.url, http)
    first = threading.Thread(target=inlet.post, args=(request(0.4), TOKEN))
    first.start()
    time.sleep(0.05)
    assert inlet.post(request(), TOKEN).failure is Failure.NO_CONNECTION
    first.join()
    listener.close()


def test_connections_that_the_server_closed_are_not_used(post: Callable[..., Answer], simulator: Simulator) -> None:
    """An idle connection may end at any time; that is no failure."""
    for _ in range(3):
        assert post().status == 207
        simulator.drop_connections()
        time.sleep(0.02)


@pytest.mark.parametrize(("age", "connections"), [(300.0, 1), (0.0, 3)])
def test_a_connection_has_a_longest_age(
    monkeypatch: pytest.MonkeyPatch, http: Http, age: float, connections: int
) -> None:
    """However busy it is: its address may have been given up."""
    monkeypatch.setattr(deadline, "_LONGEST_AGE", age)
    opened: list[int] = []

    def answer(connection: socket.socket) -> None:
        opened.append(1)
        read = b""
        while more := connection.recv(10_000):  # head and body may come in two; one answer to each request
            read += more
            if read.endswith(b"}]}"):
                connection.sendall(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 0\r\n\r\n")
                read = b""

    listener = Listener(answer)
    inlet = inlet_at(listener.url, http)
    message = Message(Destination("d", profile=False, prefix=b"", suffix=b""), b"{}")
    assert {inlet.post(request()._replace(messages=(message,)), TOKEN).status for _ in range(3)} == {207}
    listener.close()
    assert len(opened) == connections


def test_a_long_reply_is_cut(http: Http) -> None:
    """A bomb of 64 MB costs 4 MiB at most, and a batch's answer is never taken from a part of it."""
    for status, expected in ((207, Failure.BROKEN), (500, None)):
        server = HttpServer(lambda _, status=status: Outgoing(status, b"x" * (64 << 20)))  # type: ignore[misc]
        server.start()
        answer = inlet_at(f"http://127.0.0.1:{server.port}/collection/abc", http).post(request(), TOKEN)
        server.stop()
        assert answer.failure is expected
        assert len(answer.body) <= LARGEST_REPLY


def test_a_compressed_reply_is_not_unpacked(http: Http) -> None:
    server = HttpServer(lambda _: Outgoing(207, b"\x1f\x8b rubbish", {"Content-Encoding": "gzip"}))
    server.start()
    answer = inlet_at(f"http://127.0.0.1:{server.port}/collection/abc", http).post(request(), TOKEN)
    server.stop()
    assert answer.body == b"\x1f\x8b rubbish"


@pytest.mark.parametrize("value", ["2", "date+2"])
def test_retry_after(post: Callable[..., Answer], simulator: Simulator, value: str) -> None:
    simulator.script(Fault(429, retry_after=value))
    assert post().retry_after == pytest.approx(2.0, abs=1.01)  # dates have whole seconds


@pytest.mark.parametrize("value", ["-1", "soon", ""])
def test_garbage_in_retry_after_is_none(post: Callable[..., Answer], simulator: Simulator, value: str) -> None:
    simulator.script(Fault(503, retry_after=value))
    assert post().retry_after is None


def test_a_twisted_reply_comes_back_as_it_is(post: Callable[..., Answer], simulator: Simulator) -> None:
    """What it means is not decided here."""
    simulator.script(Fault(twist=Twist.SHORT))
    assert len(orjson.loads(post(3).body)["responses"]) == 2


# ---- what is not sent ------------------------------------------------------------------------------------------------


def test_without_a_token_nothing_is_sent(simulator: Simulator, http: Http) -> None:
    answer = inlet_at(simulator.inlet_url, http).post(request(), None)
    assert (answer.failure, answer.token) == (Failure.NOT_SENT, 0)
    assert "token" in answer.detail
    assert simulator.answered() == {}


@pytest.mark.parametrize("used", [False, True])
def test_past_not_after_nothing_is_sent(post: Callable[..., Answer], simulator: Simulator, *, used: bool) -> None:
    """On a fresh connection and on a used one; the next request is not disturbed by it."""
    if used:
        post()
    assert post(not_after=-0.001).failure is Failure.NOT_SENT
    assert simulator.answered() == ({"inlet 207": 1} if used else {})
    assert post().status == 207


def test_not_after_is_looked_at_after_the_connection_is_there() -> None:
    """A worker that froze while it connected must not write when it wakes."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    read: list[bytes] = []

    def shake_hands_slowly(connection: socket.socket) -> None:
        time.sleep(0.2)
        with context.wrap_socket(connection, server_side=True) as tls:
            read.append(tls.recv(100))

    listener = Listener(shake_hands_slowly)
    with ca.cert_pem.tempfile() as file:
        http = Http(connections=1, ca_file=Path(file))
    now = time.monotonic()
    url = listener.url.replace("http://", "https://")
    answer = inlet_at(url, http).post(request()._replace(not_after=now + 0.1), TOKEN)
    listener.close()
    assert answer.failure is Failure.NOT_SENT
    assert read in ([], [b""])


# ---- TLS and secrets -------------------------------------------------------------------------------------------------


def test_tls_is_verified_always(tmp_path: Path) -> None:
    """A server of an unknown authority gets nothing; with the authority's file it is talked to."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    account = Account()
    datasets = load_datasets(schemas_dir() / "xdm", account)
    with Simulator(datasets, account, authentication=False, tls=context) as simulator:
        answer = inlet_at(simulator.inlet_url, Http(connections=1)).post(request(), TOKEN)
        assert answer.failure is Failure.NO_CONNECTION
        assert "CERTIFICATE_VERIFY_FAILED" in answer.detail
        trusting = Http(connections=1, ca_file=tmp_path / "ca.pem")
        assert inlet_at(simulator.inlet_url, trusting).post(request(), TOKEN).status == 207
        wrong_name = simulator.inlet_url.replace("127.0.0.1", "localhost")
        assert inlet_at(wrong_name, trusting).post(request(), TOKEN).failure is Failure.NO_CONNECTION
        trusting.close()


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, post: Callable[..., Answer]) -> None:
    """A proxy or a certificate file in a variable would be a way around the settings."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    assert post().status == 207
    Http(connections=1).close()


def test_a_proxy_is_used_when_it_is_set() -> None:
    """Here as a server that is asked for a tunnel and refuses: nothing has reached AEP."""
    asked: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        asked.append(connection.recv(1_000))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    listener = Listener(refuse)
    proxy = listener.url.removesuffix("/collection/abc")
    answer = inlet_at("https://dcs.example/collection/abc", Http(connections=1, proxy=proxy)).post(request(), TOKEN)
    listener.close()
    assert answer.failure is Failure.NO_CONNECTION
    assert asked[0].startswith(b"CONNECT dcs.example:443")
    assert b"t0ken" not in asked[0]


def test_no_secret_in_a_log_line_or_a_repr(
    post: Callable[..., Answer], simulator: Simulator, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    """Even with everything logged that can be logged, and for every way in which an attempt can end."""
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        faults = [Fault(), Fault(500), Fault(307, location="/x"), *(Fault(cut=cut) for cut in Cut if cut != Cut.HANG)]
        said = [repr(inlet_at(simulator.inlet_url, http)), repr(http), repr(TOKEN)]
        for fault in faults:
            simulator.script(fault)
            said.append(repr(post()._replace(body=b"")))
        said.append(repr(inlet_at("https://nowhere.invalid/collection/abc", http).post(request(), TOKEN)))
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    everything = caplog.text + "".join(said)
    for secret in ("t0ken-value", simulator.account.inlet_id, "/collection/", "CapillaryId"):
        assert secret not in everything


def test_an_echoing_server_does_not_get_the_token_into_a_detail(http: Http) -> None:
    """h11 quotes a line that it cannot read."""

    def echo(connection: socket.socket) -> None:
        connection.sendall(connection.recv(10_000).partition(b"\r\n")[2])
        time.sleep(0.05)

    listener = Listener(echo)
    answer = inlet_at(listener.url, http).post(request(), TOKEN)
    listener.close()
    assert answer.failure is Failure.BROKEN
    assert "t0ken" not in repr(answer)


def test_threads_have_their_own_deadlines(simulator: Simulator, http: Http) -> None:
    """One thread's short attempt ends early, its neighbour's on the same pool goes on."""
    simulator.script(Fault(delay=0.4, holding="slow"), Fault(delay=0.4, holding="quick"))
    body = {"slow": 2.0, "quick": 0.1}
    replies: dict[str, Reply | Lost] = {}

    def post(text: str) -> None:
        deadline = time.monotonic() + body[text]
        replies[text] = http.post(simulator.inlet_url, {}, text.encode(), deadline=deadline)

    threads = [threading.Thread(target=post, args=(text,)) for text in body]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(replies["slow"], Reply)
    assert replies["quick"] == Lost(Failure.TIMEOUT, "ReadTimeout: timed out")
