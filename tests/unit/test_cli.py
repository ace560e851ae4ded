"""The command line: what is listed, imported, printed, and the exit codes."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from processor import __version__, commands
from processor.cli import Commands, cli
from processor.commands import CommandFailed, ExitCode, Invocation, KafkaGaveUp, json_option, print_result, simulate
from processor.settings import KafkaSettings, schemas_dir

REQUIRED = {
    "CAPILLARY_AEP_KAFKA__BOOTSTRAP_SERVERS": "kafka:9092",
    "CAPILLARY_AEP_AEP__INLET_URL": "https://dcs.adobedc.net/collection/abc123",
    "CAPILLARY_AEP_AEP__CLIENT_ID": "client",
    "CAPILLARY_AEP_AEP__CLIENT_SECRET": "p-4ss",
    "CAPILLARY_AEP_AEP__ORG_ID": "ABC@AdobeOrg",
    "CAPILLARY_AEP_AEP__TENANT": "acmeinc",
}
FILES = sorted(path for path in Path(commands.__file__).parent.glob("*.py") if not path.stem.startswith("_"))


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither file nor environment of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("CAPILLARY_AEP_"):
            monkeypatch.delenv(name)


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    """Calls the console script in this process."""
    return CliRunner().invoke(cli, arguments, env=env, prog_name="capillary-aep")


def complete() -> dict[str, str]:
    """Settings that `check` has nothing to say about."""
    names = [path.stem.replace("-", "_").upper() for path in (schemas_dir() / "xdm").glob("*.json")]
    schemas = {f"CAPILLARY_AEP_DESTINATIONS__{name}__SCHEMA_ID": "https://ns.adobe.com/a/schemas/1" for name in names}
    return REQUIRED | schemas | {f"CAPILLARY_AEP_DESTINATIONS__{name}__DATASET_ID": "5f" for name in names}


def test_version() -> None:
    assert run("--version").output == f"capillary-aep {__version__}\n"


def test_help_lists_every_command_with_its_line() -> None:
    output = run("--help").output
    for path in FILES:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring, path
        assert f"\n  {path.stem.rstrip('_')} " in output
        assert " ".join(docstring.partition("\n")[0].split()[:4]) in " ".join(output.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_command_can_be_had_and_explains_itself(path: Path) -> None:
    result = run(path.stem.rstrip("_"), "--help")
    assert result.exit_code == ExitCode.DONE
    assert result.output.startswith(f"Usage: capillary-aep {path.stem.rstrip('_')} ")


def test_help_imports_no_command_and_nothing_slow() -> None:
    code = "import sys; from processor.cli import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=schemas_dir().parent
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "processor.commands" in loaded
    slow = {"confluent_kafka", "httpx", "fastavro", "prometheus_client", "rich", "processor.commands.check"}
    assert not loaded & slow


def test_an_unknown_command_and_an_unknown_option_are_usage_errors() -> None:
    assert run("nope").exit_code == ExitCode.USAGE
    assert run("../cli").exit_code == ExitCode.USAGE
    assert run("check", "--nope").exit_code == ExitCode.USAGE
    assert run("--config", "absent.toml", "check").exit_code == ExitCode.USAGE


def test_a_name_that_python_keeps_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`try` lives in `try_.py` and is called `try`."""
    (tmp_path / "try_.py").write_text(
        '"""Tries."""\nimport click\n\n@click.command()\ndef command(): click.echo("tried")\n'
    )
    monkeypatch.setattr("processor.cli._COMMANDS", tmp_path)
    monkeypatch.setattr(commands, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "processor.commands.try_", raising=False)
    group = Commands()
    assert group.list_commands(click.Context(group)) == ["try"]
    assert CliRunner().invoke(group, ["try"]).output == "tried\n"
    assert "try  Tries" in CliRunner().invoke(group, ["--help"]).output
    sys.modules.pop("processor.commands.try_", None)
    importlib.invalidate_caches()


def test_check_names_all_problems_at_once() -> None:
    result = run("check")
    assert result.exit_code == ExitCode.WRONG
    assert result.stdout == ""
    for variable in REQUIRED:
        assert variable in result.stderr
    assert "[destinations.NAME]: all are missing, events, profile-" in result.stderr
    assert "Settings are read from capillary-aep.toml" in result.stderr
    client = run(
        "check", env=REQUIRED | {"CAPILLARY_AEP_KAFKA__CLIENT": '{"group.id": "g"}', "CAPILLARY_AEP_LOG__X": "1"}
    )
    for place in ("LOG__X", "KAFKA__CLIENT): group.id", "[destinations.NAME]"):
        assert place in client.stderr


def test_of_a_file_that_cannot_be_read_nothing_is_called_missing() -> None:
    Path("capillary-aep.toml").write_text("[kafka\n", encoding="utf-8")
    result = run("check", env={"CAPILLARY_AEP_KAFKA__TOPIC": "t"})
    assert [line.partition(" is ")[0] for line in result.stderr.splitlines()[:2]] == [
        "2 problems",
        "  capillary-aep.toml:",
    ]
    assert "nearest is CAPILLARY_AEP_KAFKA__TOPICS" in result.stderr
    assert len(result.stderr.splitlines()) == 3


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_the_stand_in_takes_no_port_that_cannot_be(port: str) -> None:
    assert run("simulate", "--port", port).exit_code == ExitCode.USAGE


def test_check_says_so_in_json_on_the_last_line() -> None:
    result = run("check", "--json", env={"CAPILLARY_AEP_LOG__FORMAT": "xml"} | REQUIRED)
    assert result.exit_code == ExitCode.WRONG
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["ok"] is False
    assert found["problems"][0] == {
        "setting": "[log] format",
        "variable": "CAPILLARY_AEP_LOG__FORMAT",
        "message": "must be 'console' or 'json'",
    }


def test_check_with_nothing_to_say() -> None:
    result = run("check", "--json", env=complete())
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, '{"ok":true,"problems":[]}\n'), result.stderr


def test_check_knows_the_destinations() -> None:
    env = complete() | {
        "CAPILLARY_AEP_DESTINATIONS__NOWHERE__SCHEMA_ID": "https://ns.adobe.com/a/schemas/1",
        "CAPILLARY_AEP_DESTINATIONS__NOWHERE__DATASET_ID": "5f",
    }
    result = run("check", env=env)
    assert result.exit_code == ExitCode.WRONG
    assert "[destinations.nowhere]: no destination has this name" in result.stderr


def test_what_is_hidden_beside_schemas_is_no_destination(tmp_path: Path) -> None:
    """Such as what macOS leaves beside every file that it copies."""
    (tmp_path / "xdm").mkdir()
    (tmp_path / "xdm/._events.json").write_bytes(b"\0")
    result = run("check", env=complete() | {"CAPILLARY_AEP_MAPPINGS__DIR": str(tmp_path)})
    assert result.exit_code == ExitCode.DONE, result.stderr


def test_check_reads_the_mappings_also_without_usable_settings(tmp_path: Path) -> None:
    (tmp_path / "pointsIssued.toml").write_text('event = "pointsIssued"\n[[output]]\nto = "event"\n', encoding="utf-8")
    env = {"CAPILLARY_AEP_MAPPINGS__DIR": str(tmp_path)}
    expected = f'{tmp_path}/pointsIssued.toml:2: to: there is no XDM schema of the destination "event"; the nearest is'
    for given in (env, complete() | env):
        result = run("check", "--json", env=given)
        assert result.exit_code == ExitCode.WRONG
        assert expected in result.stderr
    places = {(problem.get("file"), problem.get("line")) for problem in json.loads(result.stdout)["problems"]}
    assert (f"{tmp_path}/pointsIssued.toml", 2) in places


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"event = 'caf\xe9'", "file: is not UTF-8 text"),
        (b"event = ", "TOML: Invalid value"),
        (b"event = " + b"[" * 5_000, "TOML: tables or lists hold each other too deep"),
        (b"", "event: is missing"),
        (None, "file: cannot be read: Is a directory"),
    ],
)
def test_check_names_a_mapping_that_cannot_be_read_beside_the_others(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "pointsIssued.toml").mkdir() if content is None else (brand / "pointsIssued.toml").write_bytes(content)
    (brand / "customerAdded.toml").write_text('event = "customer"\n', encoding="utf-8")
    result = run("check", env=complete() | {"CAPILLARY_AEP_MAPPINGS__DIR": str(brand), "CAPILLARY_AEP_KAFKA__X": "1"})
    assert result.exit_code == ExitCode.WRONG
    assert f"{brand}/pointsIssued.toml:" in result.stderr
    assert said in result.stderr
    assert f'{brand}/customerAdded.toml:1: event: "customer" does not agree' in result.stderr
    assert "CAPILLARY_AEP_KAFKA__X): no setting has this name" in result.stderr


def test_check_knows_the_lookup_tables() -> None:
    result = run("check", "--json", env=complete() | {"CAPILLARY_AEP_LOOKUPS": '{"tier": {"a": "b"}}'})
    assert result.exit_code == ExitCode.WRONG
    assert "[lookups.tier]: tier: no mapping has this table" in result.stderr
    assert run("check", env=complete() | {"CAPILLARY_AEP_TIERS": '{"2649:1": "Silver"}'}).exit_code == ExitCode.DONE
    broken = run("check", env={"CAPILLARY_AEP_LOOKUPS": '{"tier": {"a": "b"}}'})
    assert "KAFKA__BOOTSTRAP_SERVERS" in broken.stderr
    assert "[lookups.tier]" in broken.stderr


@pytest.mark.parametrize("fields", ["2025", "2026"])
def test_check_takes_either_generation_of_loyalty_fields(fields: str) -> None:
    assert run("check", env=complete() | {"CAPILLARY_AEP_PROFILE__LOYALTY_FIELDS": fields}).exit_code == ExitCode.DONE


@pytest.mark.parametrize(("fields", "place"), [("2026", "loyalty"), ("2025", "_example")])
def test_the_stand_in_has_the_schemas_of_its_settings(fields: str, place: str) -> None:
    invocation = Invocation(None, {"CAPILLARY_AEP_PROFILE__LOYALTY_FIELDS": fields})
    datasets = {dataset.name: dataset for dataset in simulate.account_and_datasets(invocation)[1].values()}
    points = {"lifetimePoints": 1.0}
    entities = {"loyalty": {"loyalty": points}, "_example": {"_example": {"capillary": {"loyalty": points}}}}
    accepted = {name for name, entity in entities.items() if datasets["profile-lifetime"].validator.is_valid(entity)}
    assert accepted == {place}


def test_check_knows_what_librdkafka_must_not_be_told() -> None:
    result = run("check", env=complete() | {"CAPILLARY_AEP_KAFKA__CLIENT": '{"auto.offset.reset": "latest"}'})
    assert result.exit_code == ExitCode.WRONG
    assert "[kafka] client (CAPILLARY_AEP_KAFKA__CLIENT): auto.offset.reset" in result.stderr


def test_another_file_is_read() -> None:
    Path("other.toml").write_text('[log]\nformat = "xml"\n')
    result = run("--config", "other.toml", "check", env=complete())
    assert "[log] format (CAPILLARY_AEP_LOG__FORMAT): must be" in result.stderr


def test_no_value_is_repeated() -> None:
    env = REQUIRED | {
        "CAPILLARY_AEP_AEP__INLET_URL": "https://secret.example.com/x",
        "CAPILLARY_AEP_AEP__ORG_ID": "p-4ss",
    }
    result = run("check", "--json", env=env)
    assert result.exit_code == ExitCode.WRONG
    assert "p-4ss" not in result.output
    assert "secret.example.com" not in result.output


def test_what_commands_get() -> None:
    invocation = Invocation(None, REQUIRED | {"CAPILLARY_AEP_KAFKA__GROUP_ID": "g"})
    assert invocation.settings().kafka.group_id == "g"
    assert invocation.section(KafkaSettings).group_id == "g"
    assert invocation.raw("kafka", "group_id") == "g"
    assert invocation.raw("kafka", "start") is None
    assert "p-4ss" not in repr(invocation)
    empty = Invocation(None, {"CAPILLARY_AEP_X": "1"})
    for ask in (empty.settings, lambda: empty.section(KafkaSettings), lambda: empty.raw("kafka", "start")):
        with pytest.raises(CommandFailed, match="problem"):
            ask()


@pytest.mark.parametrize(("error", "code"), [(CommandFailed, ExitCode.WRONG), (KafkaGaveUp, ExitCode.KAFKA)])
def test_exit_codes_of_failures(error: type[CommandFailed], code: ExitCode) -> None:
    @click.command()
    def command() -> None:
        raise error("no answer from Kafka")

    result = CliRunner().invoke(command)
    assert (result.exit_code, result.stderr) == (code, "Error: no answer from Kafka\n")


def test_json_is_one_line() -> None:
    @click.command()
    @json_option
    def command(*, as_json: bool) -> None:
        click.echo("progress")
        if as_json:
            print_result({"path": Path("a"), "text": "two\nlines"})

    lines = CliRunner().invoke(command, ["--json"]).stdout.splitlines()
    assert [lines[0], json.loads(lines[1])] == ["progress", {"path": "a", "text": "two\nlines"}]
