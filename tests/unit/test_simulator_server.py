"""The stand-in as a whole, over its port: with the standard library's client, which shares no code with ours."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest

from processor.settings import Settings, schemas_dir
from processor.simulator.account import Account, load_datasets
from processor.simulator.faults import HTML, PRESETS, Fault, FaultPlan, Faults, Twist
from processor.simulator.http import Cut
from processor.simulator.simulator import Simulator

ACCOUNT = Account()
DATASETS = load_datasets(schemas_dir() / "xdm", ACCOUNT)
BATCH = f"/collection/batch/{ACCOUNT.inlet_id}"
SINGLE = f"/collection/{ACCOUNT.inlet_id}"


class Client:
    """One connection to the stand-in, with a token."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=5)
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token()}"}

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of one reply."""
        self.connection.request(method, path, body, dict(self.headers if headers is None else headers))
        reply = self.connection.getresponse()
        return reply.status, reply.read(), {name.lower(): value for name, value in reply.getheaders()}

    def token(self, path: str = "/ims/token/v3") -> str:
        """An access token."""
        form = {
            "grant_type": "client_credentials",
            "client_id": ACCOUNT.client_id,
            "client_secret": ACCOUNT.client_secret,
            "scope": "openid",
        }
        status, body, _ = self.ask("POST", path, urlencode(form).encode(), {})
        assert status == 200
        token: str = orjson.loads(body)["access_token"]
        return token

    def send(self, *entities: bytes, to: str = "events") -> tuple[int, Any]:
        """A batch of entities for one destination; the answer as JSON where it is."""
        destination = self.simulator.destinations()[to]
        messages = b",".join(destination.prefix + entity + destination.suffix for entity in entities)
        status, body, headers = self.ask("POST", BATCH, b'{"messages":[' + messages + b"]}")
        return status, orjson.loads(body) if body and "json" in headers["content-type"] else body

    def admin(self, method: str, path: str, document: object = None) -> Any:
        """What the admin surface says."""
        status, body, _ = self.ask(method, f"/_stand-in/{path}", orjson.dumps(document), {})
        assert status == 200, body
        return orjson.loads(body)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(DATASETS, ACCOUNT, state=tmp_path) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    client = Client(simulator)
    yield client
    client.connection.close()


def event(its_id: str = "e1", customer: str = "c1") -> bytes:
    """An event of a customer."""
    return orjson.dumps(
        {
            "_id": its_id,
            "timestamp": "2025-07-14T12:00:00.000Z",
            "eventType": "loyalty.pointsIssued",
            "identityMap": {"CapillaryId": [{"id": customer, "primary": True}]},
        }
    )


def balance(points: int, customer: str = "c1") -> bytes:
    """A Profile write."""
    return orjson.dumps(
        {
            "identityMap": {"CapillaryId": [{"id": customer, "primary": True}]},
            "loyalty": {"points": points},
            "extSourceSystemAudit": {"lastUpdatedDate": "2025-07-14T12:00:00.000Z"},
        }
    )


# ---- IMS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"client_id": "x"}, "invalid_client", "invalid client_id parameter"),
        ({"client_secret": "x"}, "invalid_client", "invalid client_secret parameter"),
        ({"scope": ""}, "invalid_scope", None),
        ({"grant_type": "password"}, "unsupported_grant_type", None),
        ({"grant_type": ""}, "invalid_request", None),
    ],
)
def test_ims_refuses_as_adobe_does(
    client: Client, changes: Mapping[str, str], error: str, description: str | None
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": ACCOUNT.client_id,
        "client_secret": ACCOUNT.client_secret,
        "scope": "openid",
    }
    status, body, _ = client.ask("POST", "/ims/token/v3", urlencode(form | changes).encode(), {})
    assert status == 400
    document = orjson.loads(body)
    assert (document["error"], document.get("error_description")) == (error, description)


def test_the_unit_of_expires_in_is_that_of_the_endpoint(client: Client) -> None:
    form = urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": ACCOUNT.client_id,
            "client_secret": ACCOUNT.client_secret,
            "scope": "openid",
        }
    )
    for path, expires_in in (("v3", 86_400), ("v2", 86_400), ("", 86_400_000)):
        _, body, _ = client.ask("POST", f"/ims/token/{path}".rstrip("/"), form.encode(), {})
        assert orjson.loads(body)["expires_in"] == expires_in


@pytest.mark.parametrize(
    ("authorization", "text"), [(None, "empty"), ("Bearer ", "empty"), ("Basic eA==", "empty"), ("Bearer x", "invalid")]
)
def test_a_message_without_a_good_token_is_401(client: Client, authorization: str | None, text: str) -> None:
    client.headers.pop("Authorization")
    if authorization is not None:
        client.headers["Authorization"] = authorization
    status, document = client.send(event())
    assert status == 401
    assert document["status"] == "401"
    assert document["report"]["message"] == f"[id] Ims service token is {text}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_has_expired(status: int) -> None:
    with Simulator(DATASETS, ACCOUNT, token_life=0.05, expired_status=status) as simulator:
        client = Client(simulator)
        time.sleep(0.06)
        assert client.send(event())[0] == status
        client.connection.close()


# ---- the inlet -------------------------------------------------------------------------------------------------------


def test_a_batch_is_207_and_in_the_ledger(client: Client, simulator: Simulator, tmp_path: Path) -> None:
    status, document = client.send(event("e1"), b'{"_id":1}', event("e2", "c2"), event("e1"))
    assert status == 207
    assert ["xactionId" in each for each in document["responses"]] == [True, False, True, True]
    accepted = simulator.ledger.accepted()
    assert [(each.number, each.id, each.identity, each.duplicate) for each in accepted] == [
        (0, "e1", "CapillaryId:c1", False),
        (1, "e2", "CapillaryId:c2", False),
        (2, "e1", "CapillaryId:c1", True),
    ]
    assert (accepted[0].dataset, accepted[0].kind) == ("events", "loyalty.pointsIssued")
    assert accepted[0].time == "2025-07-14T12:00:00.000Z"
    counts = simulator.ledger.counts()
    assert (counts.accepted, counts.duplicates, counts.hidden) == (3, 1, 0)
    lines = (tmp_path / "accepted.ndjson").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == [each._asdict() for each in accepted]


def test_profile_keeps_the_last_write(client: Client, simulator: Simulator) -> None:
    client.send(balance(1), balance(2, "c2"), balance(3), to="profile-balance")
    entity = simulator.ledger.profile("profile-balance", "CapillaryId:c1")
    assert entity is not None
    assert entity["loyalty"] == {"points": 3}
    assert len(simulator.ledger.profiles()) == 2
    assert simulator.ledger.profile("profile-balance", "CapillaryId:c3") is None


def test_a_profile_write_that_comes_twice_is_a_duplicate(client: Client, simulator: Simulator) -> None:
    client.send(balance(1), balance(2), balance(1), to="profile-balance")
    assert simulator.ledger.counts().duplicates == 1


def test_what_profile_would_drop_silently_is_counted(client: Client, simulator: Simulator) -> None:
    large = orjson.dumps(orjson.loads(event()) | {"eventType": "x" * 10_000})
    nobody = orjson.dumps({name: value for name, value in orjson.loads(event("e3")).items() if name != "identityMap"})
    assert client.send(large, nobody)[0] == 207
    counts = simulator.ledger.counts()
    assert (counts.accepted, counts.dropped_large, counts.without_identity) == (2, 1, 1)


def test_a_single_message(client: Client, simulator: Simulator) -> None:
    destination = simulator.destinations()["events"]
    body = destination.prefix + event() + destination.suffix
    assert client.ask("POST", SINGLE, body)[0] == 200
    assert client.ask("POST", SINGLE, body.replace(b"timestamp", b"time"))[0] == 400
    assert simulator.ledger.counts().accepted == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/collection/batch/other", b"{}", 404),
        ("POST", "/collection/other", b"{}", 404),
        ("POST", "/elsewhere", b"{}", 404),
        ("GET", BATCH, b"", 405),
        ("POST", BATCH, b"not json", 400),
        ("POST", BATCH, b"\xff\xfe", 400),
        ("POST", BATCH, b"[]", 400),
        ("POST", BATCH, b'{"messages":[]}', 400),
        ("POST", BATCH, b'{"messages":{}}', 400),
        ("POST", BATCH, b" " * 1_000_001, 413),
        ("POST", BATCH, b" " * 1_000_000, 400),
    ],
)
def test_requests_that_are_refused_as_a_whole(client: Client, method: str, path: str, body: bytes, status: int) -> None:
    assert client.ask(method, path, body)[0] == status


def test_the_content_type_must_be_json(client: Client) -> None:
    assert client.ask("POST", BATCH, b"{}", client.headers | {"Content-Type": "text/plain"})[0] == 400


# ---- faults ----------------------------------------------------------------------------------------------------------


def test_a_scripted_fault_happens_once(client: Client, simulator: Simulator) -> None:
    simulator.script(Fault(503, retry_after="7"), Fault(429))
    assert [client.send(event())[0] for _ in range(3)] == [503, 429, 207]
    assert simulator.answered() == {"ims 200": 1, "inlet 503": 1, "inlet 429": 1, "inlet 207": 1}


def test_a_fault_may_wait_for_its_request(client: Client, simulator: Simulator) -> None:
    simulator.script(Fault(500, holding="e2"))
    assert [client.send(event(each))[0] for each in ("e1", "e2", "e2")] == [207, 500, 207]


def test_items_that_are_refused_for_now(client: Client, simulator: Simulator) -> None:
    simulator.script(Fault(items={1: 429, 9: 500}))
    _, document = client.send(event("e1"), event("e2"))
    assert [each.get("status") for each in document["responses"]] == [None, 429]
    assert [each.id for each in simulator.ledger.accepted()] == ["e1"]


@pytest.mark.parametrize("cut", [Cut.FIN, Cut.RST, Cut.HALF, Cut.GARBAGE])
def test_a_hidden_success(client: Client, simulator: Simulator, cut: Cut) -> None:
    """Accepted, known to the ledger as hidden, and a repetition is counted as its consequence."""
    simulator.script(Fault(cut=cut))
    with pytest.raises((http.client.HTTPException, OSError)):
        client.send(event())
    client.connection.close()
    assert client.send(event())[0] == 207
    counts = simulator.ledger.counts()
    assert (counts.accepted, counts.hidden, counts.duplicates_after_hidden) == (2, 1, 1)


def test_a_twisted_answer_hides_too(client: Client, simulator: Simulator) -> None:
    simulator.script(Fault(twist=Twist.SHORT))
    assert client.send(event("e1"), event("e2"))[1]["responses"][1:] == []
    assert simulator.ledger.counts().hidden == 2


def test_a_portal_accepts_nothing(client: Client, simulator: Simulator) -> None:
    simulator.script(Fault(200, body=HTML))
    assert client.send(event()) == (200, HTML.encode())
    assert simulator.ledger.counts().accepted == 0


def test_a_poisonous_message_fails_its_request_for_ever(client: Client, simulator: Simulator) -> None:
    simulator.faults.poison(lambda entity: entity.get("_id") == "bad")
    assert [client.send(event("good"), event("bad"))[0] for _ in range(3)] == [500, 500, 500]
    assert client.send(event("good"))[0] == 207
    simulator.faults.poison(None)
    assert client.send(event("bad"))[0] == 207


def test_a_late_answer(client: Client, simulator: Simulator) -> None:
    simulator.script(Fault(delay=0.1))
    began = time.monotonic()
    assert client.send(event())[0] == 207
    assert time.monotonic() - began >= 0.1


def test_equal_seeds_throw_equal_dice() -> None:
    plan = FaultPlan(seed=5, refused=0.2, items=0.1, hidden=0.1, twisted=0.1, unauthorized=0.1, ims=0.3)

    def throw() -> list[object]:
        faults = Faults(plan)
        return [(faults.next("inlet", b""), faults.next("ims", b""), faults.items(5)) for _ in range(200)]

    assert throw() == throw()
    other = Faults(FaultPlan(seed=6, refused=0.2))
    assert throw() != [(other.next("inlet", b""), other.next("ims", b""), other.items(5)) for _ in range(200)]


def test_rates_are_kept_on_the_whole() -> None:
    faults = Faults(FaultPlan(seed=1, refused=0.2, hidden=0.1, items=0.25, ims=0.5))
    thrown = [faults.next("inlet", b"") for _ in range(4_000)]
    assert 700 < sum(fault is not None and fault.status is not None for fault in thrown) < 900
    assert 320 < sum(fault is not None and fault.cut is not None for fault in thrown) < 480
    assert 900 < len(faults.items(4_000)) < 1_100
    assert 450 < sum(faults.next("ims", b"") is not None for _ in range(1_000)) < 550


def test_nothing_goes_wrong_by_itself(client: Client, simulator: Simulator) -> None:
    assert simulator.faults.plan == PRESETS["none"]
    assert {client.send(event(str(number)))[0] for number in range(50)} == {207}


# ---- the admin surface -----------------------------------------------------------------------------------------------


def test_the_surface_explains_itself(client: Client) -> None:
    status, body, headers = client.ask("GET", "/_stand-in/", headers={})
    assert status == 200
    assert "/_stand-in/counts" in body.decode()
    assert headers["content-type"].startswith("text/markdown")


def test_an_auditor_in_another_process_sees_the_ledger(client: Client, simulator: Simulator) -> None:
    client.send(event("e1"), event("e2"))
    client.send(balance(5), to="profile-balance")
    counts = client.admin("GET", "counts")
    assert (counts["accepted"], counts["by_dataset"]) == (3, {"events": 2, "profile-balance": 1})
    assert counts["answered"]["inlet 207"] == 2
    assert [each["id"] for each in client.admin("GET", "accepted?since=1&limit=1")] == ["e2"]
    query = f"profile?dataset=profile-balance&identity={quote('CapillaryId:c1')}"
    assert client.admin("GET", query)["loyalty"] == {"points": 5}
    assert client.ask("GET", "/_stand-in/profile?dataset=x&identity=y")[0] == 404
    assert client.admin("GET", "settings") == simulator.settings()
    client.admin("POST", "reset")
    assert client.admin("GET", "counts")["accepted"] == 0


def test_a_secret_that_is_not_the_stand_ins_own_is_masked() -> None:
    """It came out of somebody's settings, and may be a real one."""
    with Simulator({}, Account(client_secret="s3cret")) as simulator:
        connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=5)
        connection.request("GET", "/_stand-in/settings")
        assert b"s3cret" not in connection.getresponse().read()
        connection.close()


def test_faults_can_be_set_from_outside(client: Client, simulator: Simulator) -> None:
    client.admin("PUT", "faults", {"preset": "storm", "seed": 3, "items": 0.5})
    assert client.admin("GET", "faults")["items"] == 0.5
    assert (simulator.faults.plan.seed, simulator.faults.plan.refused) == (3, PRESETS["storm"].refused)
    client.admin("PUT", "faults", {})
    client.admin("POST", "script", [{"status": 503}, {"cut": "fin"}, {"twist": "short", "items": {"0": 429}}])
    assert client.send(event())[0] == 503
    assert client.admin("GET", "faults")["scripted"] == 2
    client.admin("POST", "expire")
    client.admin("POST", "reset")
    assert client.send(event())[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("PUT", "faults", {"preset": "hail"}),
        ("PUT", "faults", {"refuse": 1}),
        ("PUT", "faults", {"refused": "often"}),
        ("PUT", "faults", []),
        ("POST", "script", {"status": 500, "colour": 1}),
        ("POST", "script", {"cut": "slice"}),
        ("POST", "script", {"status": "503"}),
        ("POST", "script", {"items": [429]}),
        ("POST", "script", {"items": {"first": 429}}),
        ("POST", "script", [1]),
        ("GET", "accepted?since=-1", None),
        ("GET", "profile", None),
    ],
)
def test_what_it_does_not_know_is_400(client: Client, method: str, path: str, document: object) -> None:
    status, body, _ = client.ask(method, f"/_stand-in/{path}", orjson.dumps(document), {})
    assert status == 400
    assert "error" in orjson.loads(body)


def test_an_unknown_path_is_404(client: Client) -> None:
    assert client.ask("GET", "/_stand-in/else", headers={})[0] == 404


# ---- the server ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"X" * 70_000, 431),
    ],
)
def test_what_is_no_request_ends_the_connection(simulator: Simulator, text: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), 5) as connection:
        connection.sendall(text)
        assert connection.makefile("rb").readline().split()[1] == str(status).encode()


def test_a_client_that_waits_for_100_continue(simulator: Simulator) -> None:
    """As curl does with a large body."""
    with socket.create_connection(("127.0.0.1", simulator.port), 5) as connection:
        reader = connection.makefile("rb")
        connection.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert b"100" in reader.readline()
        connection.sendall(b"{}")
        reader.readline()
        assert b"404" in reader.readline()


def test_requests_in_one_piece_and_a_body_in_many(simulator: Simulator) -> None:
    request = b"POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    with socket.create_connection(("127.0.0.1", simulator.port), 5) as connection:
        connection.sendall(request + request[:-1])
        connection.sendall(request[-1:])
        reader = connection.makefile("rb")
        assert sum(b"404" in reader.readline() for _ in range(12)) == 2


def test_stopping_ends_every_wait(simulator: Simulator) -> None:
    """A hanging reply, a late one and an idle connection are over at once."""
    clients = [Client(simulator) for _ in range(3)]
    simulator.script(Fault(cut=Cut.HANG), Fault(delay=60))
    ends: list[bool] = []

    def send(client: Client) -> None:
        try:
            client.send(event())
        except (http.client.HTTPException, OSError):
            ends.append(True)
        client.connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients[:2]]
    for thread in threads:
        thread.start()
    while simulator.faults.waiting():
        time.sleep(0.001)
    began = time.monotonic()
    simulator.stop()
    for thread in threads:
        thread.join(5)
    clients[2].connection.close()
    assert ends == [True, True]
    assert time.monotonic() - began < 2


def test_a_port_that_is_taken_is_an_error(simulator: Simulator) -> None:
    with pytest.raises(OSError, match="in use"):
        Simulator({}, port=simulator.port)


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    settings = tmp_path / "settings.toml"
    arguments = ["simulate", "--port", "0", "--state", str(tmp_path / "s"), "--write-settings", str(settings)]
    code = "from processor.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "CAPILLARY_AEP_AEP__TENANT": "acme"},
    ) as process:
        assert process.stdout is not None
        words = process.stdout.readline().decode().split()
        written = tomllib.loads(settings.read_text())
        process.send_signal(number)
        assert process.wait(10) == 0
    assert words[:2] == ["listening", "on"]
    assert written["aep"]["ims_url"] == words[2]
    assert written["aep"]["tenant"] == "acme"
    sections: dict[str, object] = {name: {} for name in Settings.model_fields} | {
        "kafka": {"bootstrap_servers": "localhost:9092"}
    }
    assert Settings.model_validate(sections | written).aep.tenant == "acme"
