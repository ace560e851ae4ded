"""Starts that are refused: what is wrong, where, and what to do, without a traceback; of settings all at once."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from processor.commands.produce import KEYLESS
from processor.kafka.mock_cluster import MockCluster
from processor.settings import schemas_dir
from tests.plugins.brokers import free_port
from tests.plugins.workers import COMMAND, PREFIX, QUICK

NAMES = [path.stem.replace("-", "_").upper() for path in (schemas_dir() / "xdm").glob("*.json")]
GOOD = {
    "KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody listens there
    "AEP__INLET_URL": "http://127.0.0.1:1/collection/an-inlet",
    "AEP__IMS_URL": "http://127.0.0.1:1",
    "AEP__CLIENT_ID": "a-client",
    "AEP__CLIENT_SECRET": "p-4ss",
    "AEP__ORG_ID": "ABC@AdobeOrg",
    "AEP__TENANT": "example",
    **{f"DESTINATIONS__{name}__SCHEMA_ID": "https://ns.adobe.com/example/schemas/1" for name in NAMES},
    **{f"DESTINATIONS__{name}__DATASET_ID": "5f" for name in NAMES},
}
WRONG_PATH = '"loyalty.points" = { from = "data.programCurrent', '"loyalty.points" = { from = "data.programmeCurrent'
WRONG_TARGET = '"_tenant.capillary.accountId"', '"_tenant.capillary.acountId"'


def outcome(command: str, settings: Mapping[str, str], directory: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a command that must have nothing to say on standard output."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = subprocess.run(
        [*COMMAND, command, *arguments],
        env={**outside, **{PREFIX + name: value for name, value in settings.items()}},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def brand_with(tmp_path: Path, event: str, right: str, wrong: str) -> tuple[Path, int]:
    """A brand's mapping that is ours but for one mistake; returns the file and the line of the mistake."""
    text = (schemas_dir() / "mappings" / f"{event}.toml").read_text(encoding="utf-8")
    assert text.count(right) == 1
    file = tmp_path / "brand" / f"{event}.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    return file, text[: text.index(right)].count("\n") + 1


def assert_named(errors: str, file: Path, line: int, field: str, nearest: str) -> None:
    """One line says it all."""
    assert [
        said for said in errors.splitlines() if f"{file}:{line}: " in said and field in said and f'"{nearest}"' in said
    ], errors


@pytest.mark.parametrize("command", ["check", "run"])
def test_all_problems_of_settings_and_mappings_at_once(tmp_path: Path, command: str) -> None:
    points, points_line = brand_with(tmp_path, "pointsIssued", *WRONG_PATH)
    joined, joined_line = brand_with(tmp_path, "customerAdded", *WRONG_TARGET)
    wrong = {
        "AEP__CLIENT_SECRET": "",
        "AEP__INLET_URL": "http://inlet.example.com/collection/an-inlet",
        "AEP__ORG_ID": "not-an-org",
        "AEP__TENANT": "no tenant",
        "KAFKA__TOPIC": "capillary.events",
        "KAFKA__START": "yesterday",
        "KAFKA__ORG_IDS": "12,none",
        "DELIVERY__MAX_BATCH_BYTES": "2000000",
        "DELIVERY__ATTEMPT_TIMEOUT_S": "30",
        "REGISTRY__URL": "registry",
        "LOG__FORMAT": "xml",
        "MAPPINGS__DIR": str(points.parent),
    }
    code, errors = outcome(command, GOOD | wrong, tmp_path)
    assert code == 1
    for name in wrong.keys() - {"KAFKA__TOPIC", "MAPPINGS__DIR"}:
        assert name in errors
    assert f"{PREFIX}KAFKA__TOPIC): no setting has this name; the nearest is {PREFIX}KAFKA__TOPICS" in errors
    assert_named(errors, points, points_line, "loyalty.points", "data.programCurrentPoints")
    assert_named(errors, joined, joined_line, "_tenant.capillary.acountId", "_tenant.capillary.accountId")
    assert f"{len(wrong) + 1} problems" in errors
    assert "Traceback" not in errors
    for value in ("not-an-org", "yesterday", "inlet.example.com"):
        assert value not in errors, "what is set wrongly may be a secret"


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_mapping_alone_is_reason_enough(tmp_path: Path, command: str) -> None:
    file, line = brand_with(tmp_path, "pointsIssued", *WRONG_PATH)
    code, errors = outcome(command, GOOD | {"MAPPINGS__DIR": str(file.parent)}, tmp_path)
    assert code == 1
    assert_named(errors, file, line, "loyalty.points", "data.programCurrentPoints")
    assert "1 problem\n" in errors


def test_what_is_well_is_well(tmp_path: Path) -> None:
    assert outcome("check", GOOD, tmp_path) == (0, "all is well\n")


# ---- what only Kafka, or the machine, can say ------------------------------------------------------------------------


def last_line(errors: str) -> str:
    """What is said after the log, in one line."""
    assert "Traceback" not in errors
    return errors.splitlines()[-1]


def test_without_its_dead_letter_topic_a_worker_does_not_start(tmp_path: Path) -> None:
    with MockCluster() as cluster:
        cluster.create_topic("capillary.events")
        settings = GOOD | {"KAFKA__BOOTSTRAP_SERVERS": cluster.bootstrap_servers, "HEALTH__PORT": str(free_port())}
        code, errors = outcome("run", settings, tmp_path)
    assert code == 1
    assert last_line(errors) == ("Error: KAFKA__DLQ_TOPIC: Kafka has no topic capillary.events.dlq; create it first")


def test_a_health_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = outcome("run", GOOD | {"HEALTH__PORT": str(port)}, tmp_path)
    assert code == 1
    assert last_line(errors).startswith(
        f"Error: HEALTH__PORT: cannot listen on 127.0.0.1:{port}: Address already in use"
    )


def test_no_broker_answers(tmp_path: Path) -> None:
    said = "Error: KAFKA__BOOTSTRAP_SERVERS: no answer from Kafka at 127.0.0.1:1: "
    code, errors = outcome("run", GOOD | QUICK | {"HEALTH__PORT": str(free_port())}, tmp_path)
    assert code == 4
    assert last_line(errors).startswith(said)
    events = tmp_path / "events.jsonl"
    events.touch()
    code, errors = outcome("produce", GOOD, tmp_path, str(events))
    assert code == 4
    assert errors.startswith(said)


def test_what_names_no_customer_is_produced_and_said(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text('{"eventName": "pointsIssued", "orgId": 1, "createdAt": 1750000000000, "data": {}}\n', "utf-8")
    with MockCluster() as cluster:
        cluster.create_topic("capillary.events")
        settings = GOOD | {"KAFKA__BOOTSTRAP_SERVERS": cluster.bootstrap_servers}
        code, errors = outcome("produce", settings, tmp_path, str(events))
    assert code == 0
    assert errors.splitlines() == [
        f"line 1: {KEYLESS}",
        "1 produced to capillary.events, 0 refused, 0 ignored",
    ]


def test_what_was_lost_on_the_way_to_avro_is_summed_up(tmp_path: Path) -> None:
    data = '{"customerIdentifiers": {"customerId": 7}, "pointsExpired": "many"}'
    line = f'{{"eventName": "pointsExpired", "orgId": 1, "data": {data}}}\n'
    events = tmp_path / "events.jsonl"
    events.write_text(line * 2, "utf-8")
    with MockCluster() as cluster:
        cluster.create_topic("capillary.events")
        settings = GOOD | {"KAFKA__BOOTSTRAP_SERVERS": cluster.bootstrap_servers}
        code, errors = outcome("produce", settings, tmp_path, str(events))
    assert code == 0
    assert errors.splitlines() == [
        "noted 2 times: data.pointsExpired: text that is no number",
        "2 produced to capillary.events, 0 refused, 0 ignored",
    ]
