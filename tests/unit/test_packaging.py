"""What is shipped and what the project promises of itself: wheel, image, compose file, size of the loop."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import processor
from processor.commands.run import GRACE
from processor.configuration import load
from processor.settings import schemas_dir
from processor.simulator.account import Account, load_datasets

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LOOP_LINES = 300
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md"), *ROOT.glob("deploy/**/*.md")]


def test_the_loop_stays_readable() -> None:
    lines = (ROOT / "processor/pipeline.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < LOOP_LINES


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel as `pip install .` would build it, without the network."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (built,) = directory.glob("*.whl")
    return zipfile.Path(built)


def test_schemas_travel_in_the_wheel(wheel: zipfile.Path, tmp_path: Path) -> None:
    names = set(wheel.root.namelist())
    for path in (ROOT / "schemas").rglob("*"):
        if path.is_file():
            assert f"processor/_schemas/{path.relative_to(ROOT / 'schemas').as_posix()}" in names
    assert "processor/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"processor", "capillary_aep"}
    wheel.root.extractall(tmp_path)
    code = "import processor.settings as s; print(s.__file__, s.schemas_dir(), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
    )
    module, directory = map(Path, done.stdout.splitlines())
    assert module.is_relative_to(tmp_path)
    assert directory == tmp_path / "processor/_schemas"
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        path.name for path in schemas_dir().iterdir() if any(path.rglob("*.*"))
    )


def test_the_wheel_names_the_command_and_the_licence(wheel: zipfile.Path) -> None:
    (info,) = {name.partition("/")[0] for name in wheel.root.namelist() if ".dist-info/" in name}
    assert "capillary-aep = processor.cli:main" in wheel.joinpath(info, "entry_points.txt").read_text(encoding="utf-8")
    metadata = wheel.joinpath(info, "METADATA").read_text(encoding="utf-8")
    assert f"Version: {processor.__version__}" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert wheel.joinpath(info, "licenses", "LICENSE").exists()


@pytest.mark.parametrize(
    ("name", "least"), [("requirements.lock", 21), ("requirements-dev.lock", 21), ("requirements-mutation.lock", 1)]
)
def test_locks_have_hashes_and_no_addresses(name: str, least: int) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pinned = re.findall(r"^\S+==", text, re.MULTILINE)
    assert len(pinned) >= least
    assert len(re.findall(r"^\S+==[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) == len(pinned)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_every_dependency_is_locked_and_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
    names = {re.split(r"[\[><=]", dependency)[0] for dependency in project["dependencies"]}
    assert names <= locked


def test_continuous_integration_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & stat.S_IXUSR
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line.startswith("make ")]
    assert commands == ["make check", "make test"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"$ {command} " in readme for command in commands)


def test_the_changelog_begins_with_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)[0] == "Unreleased"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_what_is_there(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("https://", "http://")):
            name, _, fragment = target.partition("#")
            linked = path.parent / name if name else path
            assert linked.exists(), target
            assert not fragment or fragment in anchors(linked), target


def anchors(path: Path) -> set[str]:
    """The names that a page's headings have, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_lists_rooms_commands_and_targets_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rooms = readme.partition("## Find your way")[2].partition("\n## ")[0]
    room = "."
    for name in re.findall(
        r"`([\w./]+)`", "\n".join(line.split("|")[1] for line in rooms.splitlines() if "| `" in line)
    ):
        room = str(Path(name).parent) if name.startswith("processor/") else room
        assert (ROOT / name).exists() or (ROOT / room / name).exists(), name
    commands = {path.stem.rstrip("_") for path in (ROOT / "processor/commands").glob("[a-z]*.py")}
    assert set(re.findall(r"^\| `([a-z]+)[ A-Z]*` \|", readme, re.MULTILINE)) == commands
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"^\$ make ([a-z-]+)", readme, re.MULTILINE)) <= set(targets)


# ---- containers ------------------------------------------------------------------------------------------------------


def test_the_image_is_small_locked_and_not_root() -> None:
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert stages == ["python:3.13-slim"] * 2
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "pip install" not in final
    for line in DOCKERFILE.replace("\\\n", " ").splitlines():
        for install in re.findall(r"pip install ([^&]*)", line):
            assert "--require-hashes" in install or "--no-deps" in install


def test_what_the_image_copies_gets_past_dockerignore() -> None:
    allowed = {
        line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    build = DOCKERFILE.rpartition("\nFROM ")[0]
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", build, re.MULTILINE) for name in line.split()}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def services() -> dict[str, str]:
    """The text of each service in the compose file."""
    body = COMPOSE.partition("\nservices:\n")[2]
    parts = re.split(r"^  ([a-z-]+):\n", body, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_compose_file_has_its_services() -> None:
    assert set(services()) == {"kafka", "topics", "stand-in", "worker"}
    for text in services().values():
        for name in re.findall(r"^      ([a-z-]+):\n        condition:", text, re.MULTILINE):
            assert name in services()
    assert "network_mode: service:stand-in" in services()["worker"]


def test_the_compose_file_is_what_docker_takes(tmp_path: Path) -> None:
    """The client needs no engine for this. Its older schema lacks conditions of `depends_on`, which are taken out."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no docker client")
    file = tmp_path / "docker-compose.yml"
    file.write_text(re.sub(r"^    depends_on:\n(^ {6,}.*\n)+", "", COMPOSE, flags=re.MULTILINE))
    command = [docker, "stack", "config", "-c", str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PWD": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr


def test_the_compose_file_waits_longer_than_a_drain() -> None:
    grace = re.search(r"stop_grace_period: (\d+)s", services()["worker"])
    config = ROOT / "deploy/capillary-aep.example.toml"
    assert grace is not None
    assert int(grace[1]) > load(config, {}).delivery.drain_timeout_s + GRACE, "the program ends itself before"


def test_what_image_and_compose_file_set_is_taken() -> None:
    given = dict(re.findall(r"(CAPILLARY_AEP_\w+)[=:] ?(\S+)", DOCKERFILE.partition("\nENV ")[2].partition("\n#")[0]))
    given |= dict(re.findall(r"^      (CAPILLARY_AEP_\w+): (\S+)$", services()["worker"], re.MULTILINE))
    settings = load(ROOT / "deploy/capillary-aep.example.toml", given)
    assert (settings.health.host, settings.kafka.bootstrap_servers) == ("0.0.0.0", "kafka:9092")
    for topic in (*settings.kafka.topics, settings.kafka.dlq_topic):
        assert f" {topic}:" in services()["topics"]
    assert f":{settings.health.port}:{settings.health.port}" in services()["stand-in"]


def test_compose_and_example_agree_on_the_stand_in() -> None:
    port = re.search(r'"simulate", "--port", "(\d+)"', services()["stand-in"])
    assert port is not None
    account, settings = Account(), load(ROOT / "deploy/capillary-aep.example.toml", {})
    aep, base = settings.aep, f"http://127.0.0.1:{port[1]}"
    assert aep.ims_url == aep.platform_url == base
    assert aep.inlet_url.get_secret_value() == f"{base}/collection/{account.inlet_id}"
    assert (aep.client_id, aep.client_secret.get_secret_value()) == (account.client_id, account.client_secret)
    assert (aep.org_id, aep.tenant, aep.sandbox) == (account.org_id, account.tenant, account.sandbox)
    datasets = load_datasets(schemas_dir() / "xdm", account).values()
    assert {name: (to.schema_id, to.dataset_id) for name, to in settings.destinations.items()} == {
        dataset.name: (dataset.schema_id, dataset.dataset_id) for dataset in datasets
    }


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}
    assert pages == {page for page in pages if f"({page})" in index}
