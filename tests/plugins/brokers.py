"""Kafka for tests, the first of: a given cluster, Docker, Apache Kafka on this machine's Java, librdkafka's mock.

A test that the mock will not do for is marked `real_kafka`; where there is only the mock it is skipped with the reason.
No process outlives pytest: fixtures end them, `atexit` does after Ctrl-C, the kernel does if pytest itself is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from processor.kafka.admin import Admin
from processor.kafka.config import admin_properties
from processor.kafka.mock_cluster import MockCluster

POM = Path(__file__).parents[1] / "kafka" / "pom.xml"
REGISTRY_ARTIFACT = "io.apicurio:apicurio-registry-app:2.6.13.Final:tar.gz:all"
DOCKER_IMAGE = "apache/kafka:4.3.0"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"  # any 16 bytes in base64url; a random one may begin with "-", an option to Java
START_TIMEOUT = 60.0  # seconds; 2 are usual

QUICK_START = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # for Java that lives for seconds

FOR_TESTS: Mapping[str, str] = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",  # otherwise each first join waits 3 s
    "group.min.session.timeout.ms": "3000",
    "group.consumer.min.session.timeout.ms": "5000",  # under KIP-848 these are the broker's
    "group.consumer.session.timeout.ms": "10000",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
}


class CannotStartError(Exception):
    """This kind of broker or registry is not to be had here; the text says why."""


@dataclass
class Broker:
    """A cluster that all tests share. `missing` says why it is only the mock."""

    bootstrap_servers: str
    kind: str
    missing: str = ""
    stop: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def real(self) -> bool:
        """Whether it is Apache Kafka itself."""
        return not self.missing


# ---- processes -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


class JavaProcess:
    """A Java server that ends with us, at the latest."""

    def __init__(self, arguments: Sequence[str], directory: Path, log: Path) -> None:
        # Its own session, so that Ctrl-C ends the tests first and the server after them.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*guard, "java", *arguments],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._log = log
        atexit.register(self.kill)

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Waits for the server to answer. Raises CannotStartError, with the end of its log."""
        deadline = time.monotonic() + START_TIMEOUT
        while not ready():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise CannotStartError(f"it did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        """Sends a signal, if the process is still there."""
        if self.running:
            self._process.send_signal(number)

    def stop(self, timeout: float = 15.0) -> None:
        """A clean stop, and a hard one when that takes too long."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """SIGKILL: a crash."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        atexit.unregister(self.kill)


class KafkaNode:
    """One node of Apache Kafka (broker and controller) that a test may crash, freeze and start again on its data."""

    def __init__(self, directory: Path, jars: Path, settings: Mapping[str, str] | None = None) -> None:
        self._directory, self._jars = directory, jars
        self.port = free_port()
        self.bootstrap_servers = f"127.0.0.1:{self.port}"
        self._process: JavaProcess | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._properties = directory / "server.properties"
        self._properties.write_text(_server_properties(self.port, free_port(), directory / "data", settings or {}))
        self._format()
        self.start()

    def start(self) -> None:
        """Starts it, on the data that are there, and waits until it answers (2 s)."""
        arguments = [*QUICK_START, "-cp", f"{self._jars}/*", "kafka.Kafka"]
        self._process = JavaProcess([*arguments, str(self._properties)], self._directory, self._directory / "log")
        self._process.wait_until(self._answers)

    def kill(self) -> None:
        """A crash."""
        self._running().kill()

    def stop(self) -> None:
        """A clean stop; nothing happens if it does not run."""
        if self._process is not None:
            self._process.stop()

    def freeze(self) -> None:
        """Connections stay open, nothing answers."""
        self._running().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Goes on after `freeze`."""
        self._running().signal(signal.SIGCONT)

    def _running(self) -> JavaProcess:
        assert self._process is not None
        return self._process

    def _format(self) -> None:
        command = ["java", "-cp", f"{self._jars}/*", "kafka.tools.StorageTool", "format", "--standalone"]
        done = subprocess.run(
            [*command, "-t", CLUSTER_ID, "-c", str(self._properties)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CannotStartError(f"its storage cannot be formatted:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return _lists_a_broker(self.bootstrap_servers)
        return False


def _lists_a_broker(bootstrap_servers: str, timeout: float = 2.0) -> bool:
    try:
        client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        return bool(client.list_topics(timeout=timeout).brokers)
    except KafkaException:
        return False


def _server_properties(port: int, controller: int, data: Path, settings: Mapping[str, str]) -> str:
    node = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "log.dirs": str(data),
        # After a crash the controller fences its broker for as long as the old session lasts.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
    }
    return "".join(f"{name}={value}\n" for name, value in {**node, **FOR_TESTS, **settings}.items())


# ---- what is downloaded, once per machine ----------------------------------------------------------------------------


def kafka_jars() -> Path:
    """The broker's jars, by Maven, in the user's cache (54 MB). Raises CannotStartError."""
    wanted = sha256(POM.read_bytes()).hexdigest()[:12]
    goal = "dependency:copy-dependencies"
    return _cached(f"kafka-{wanted}", lambda target: _maven("-f", str(POM), goal, f"-DoutputDirectory={target}"))


def _registry_files() -> Path:
    """Apicurio Registry, unpacked, in the user's cache (280 MB). Raises CannotStartError."""

    def fetch(target: Path) -> None:
        _maven("dependency:copy", f"-Dartifact={REGISTRY_ARTIFACT}", f"-DoutputDirectory={target}")
        for archive in target.glob("*.tar.gz"):
            with tarfile.open(archive) as files:
                files.extractall(target, filter="data")
            archive.unlink()

    return _cached("apicurio-2.6.13", fetch)


def _cached(name: str, fetch: Callable[[Path], None]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capillary-aep"
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / name
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs, one download
        if not target.exists():
            part = cache / f"{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            fetch(part)
            part.rename(target)
    return target


def _maven(*arguments: str) -> None:
    if not _java_version_fits() or not shutil.which("mvn"):
        raise CannotStartError("no Java 17 and Maven")
    done = subprocess.run(["mvn", "-q", "-B", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStartError(f"Maven failed: {(done.stdout + done.stderr)[-1000:]}")


def _java_version_fits() -> bool:
    if not shutil.which("java"):
        return False
    text = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    major = text.partition('version "')[2].partition(".")[0].partition('"')[0]
    return major.isdigit() and int(major) >= 17


# ---- which broker ----------------------------------------------------------------------------------------------------


class Brokers:
    """Finds the broker when the first test asks for one, and ends it with the session."""

    def __init__(self, directory: Callable[[str], Path]) -> None:
        self._directory = directory
        self.found: Broker | None = None

    def get(self) -> Broker:
        """The broker of this session."""
        if self.found is None:
            self.found = self._find()
        return self.found

    def node(self, settings: Mapping[str, str]) -> KafkaNode:
        """A node of its own. Raises CannotStartError."""
        return KafkaNode(self._directory("kafka"), kafka_jars(), settings)

    def stop(self) -> None:
        """Ends what was started."""
        if self.found is not None:
            self.found.stop()

    def _find(self) -> Broker:
        given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if given:
            return Broker(given, "given cluster")
        reasons = []
        for start in (_docker, self._java):
            try:
                return start()
            except CannotStartError as error:
                reasons.append(str(error))
        cluster = MockCluster()
        return Broker(cluster.bootstrap_servers, "librdkafka's mock cluster", "; ".join(reasons), cluster.close)

    def _java(self) -> Broker:
        node = self.node({})
        return Broker(node.bootstrap_servers, "Apache Kafka 4.3.0 on this machine's Java", stop=node.stop)


def _docker() -> Broker:
    _find_docker_engine()
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - slow to import and seldom needed

    port = free_port()
    container = DockerContainer(DOCKER_IMAGE).with_bind_ports(9092, port)
    for name, value in {**_container_settings(port), **FOR_TESTS}.items():
        container = container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    container.start()
    atexit.register(container.stop)
    deadline = time.monotonic() + START_TIMEOUT
    while not _lists_a_broker(f"127.0.0.1:{port}"):
        if time.monotonic() > deadline:
            container.stop()
            raise CannotStartError(f"{DOCKER_IMAGE} does not answer")
    return Broker(f"127.0.0.1:{port}", f"{DOCKER_IMAGE} in Docker", stop=container.stop)


def _find_docker_engine() -> None:
    """Docker's own library leaks a socket where nothing answers, which pytest makes an error of; so we knock first."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    scheme, _, address = host.partition("://")
    try:
        if scheme == "unix":
            with socket.socket(socket.AF_UNIX) as engine:
                engine.settimeout(5)
                engine.connect(address)
        else:
            name, _, port = address.partition("/")[0].rpartition(":")
            socket.create_connection((name, int(port)), 5).close()
    except (OSError, ValueError) as error:
        raise CannotStartError("no Docker engine answers") from error


def _container_settings(port: int) -> dict[str, str]:
    """The image takes its defaults only when nothing is set, so a node needs all of these."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.quorum.voters": "1@localhost:9093",
    }


# ---- a schema registry -----------------------------------------------------------------------------------------------


class Registry:
    """Apicurio Registry in memory, with the API of Confluent's. A test may end it and start it again, then empty."""

    def __init__(self, directory: Path, files: Path) -> None:
        self._directory, self._runner = directory, next(files.glob("*-runner.jar"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        self._process: JavaProcess | None = None
        self.start()

    def start(self) -> None:
        """Starts it and waits until it answers (3 s)."""
        options = [*QUICK_START, "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}"]
        arguments = [*options, "-jar", str(self._runner)]
        self._process = JavaProcess(arguments, self._runner.parent, self._directory / "registry.log")
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        """Ends it; what it held is gone."""
        if self._process is not None:
            self._process.stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


# ---- pytest ----------------------------------------------------------------------------------------------------------

BROKERS = pytest.StashKey[Brokers]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is started before a test needs it."""

    def directory(name: str) -> Path:
        # pytest keeps the last three runs' folders, so a broker's log can be read after a failure.
        factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
        return factory.mktemp(name)

    config.stash[BROKERS] = Brokers(directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the session's broker."""
    config.stash[BROKERS].stop()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what the mock will not do for."""
    if item.get_closest_marker("real_kafka") is not None:
        broker = item.config.stash[BROKERS].get()
        if not broker.real:
            pytest.skip(f"needs Apache Kafka, there is only {broker.kind}: {broker.missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names the broker: a green run on the mock is not a green run on Kafka."""
    broker = config.stash[BROKERS].found
    if broker is not None:
        text = f"Kafka: {broker.kind} ({broker.bootstrap_servers})"
        terminalreporter.write_line(text if broker.real else f"{text}, because: {broker.missing}")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Broker:
    """The session's broker."""
    return request.config.stash[BROKERS].get()


@pytest.fixture(scope="session")
def kafka_admin(kafka: Broker) -> Admin:
    """Creates and deletes on the session's broker."""
    return Admin(admin_properties(kafka.bootstrap_servers))


@pytest.fixture
def new_topic(kafka_admin: Admin) -> Iterator[Callable[..., str]]:
    """Makes a topic of a name that no other test has: `new_topic(partitions=1, config={...})`."""
    names: list[str] = []

    def make(partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        names.append(f"test-{uuid.uuid4().hex[:12]}")
        kafka_admin.create_topic(names[-1], partitions, config=config)
        return names[-1]

    yield make
    for name in names:
        kafka_admin.delete_topic(name, missing_ok=True)


@pytest.fixture
def own_node(request: pytest.FixtureRequest) -> Iterator[Callable[..., KafkaNode]]:
    """Starts nodes of Apache Kafka that this test alone has and may crash: `own_node({"name": "value"})`."""
    nodes: list[KafkaNode] = []

    def start(settings: Mapping[str, str] | None = None) -> KafkaNode:
        try:
            nodes.append(request.config.stash[BROKERS].node(settings or {}))
        except CannotStartError as error:
            pytest.skip(f"needs a Kafka broker of its own: {error}")
        return nodes[-1]

    yield start
    for node in nodes:
        node.stop()


@pytest.fixture
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Registry]]:
    """Starts schema registries that this test alone has and may stop."""
    registries: list[Registry] = []

    def start() -> Registry:
        try:
            registries.append(Registry(tmp_path_factory.mktemp("registry"), _registry_files()))
        except CannotStartError as error:
            pytest.skip(f"needs a schema registry: {error}")
        return registries[-1]

    yield start
    for registry in registries:
        registry.stop()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One schema registry for the session."""
    try:
        server = Registry(tmp_path_factory.mktemp("registry"), _registry_files())
    except CannotStartError as error:
        pytest.skip(f"needs a schema registry: {error}")
    yield server
    server.stop()
