"""Mutation testing of what decodes and translates: `make mutation`. Each survivor is a change that no test notices.

    make mutation                                              whatever has not been killed yet
    make mutation ARGS="processor/avro"                        a package or module: the beginning of a path or name
    make mutation ARGS="processor.avro.wire:frame_of#3"        mutants by name
    make mutation ARGS="--show processor/avro"                 what has survived, as diffs; runs nothing
    make mutation ARGS="--again --budget 60 --jobs 2 ..."      the killed too; longer; two at a time

`tools/mutants.py` tells what is mutated. A process imports all third parties and forks for each mutant. The child puts
the mutated module in place, imports our code and the tests anew (most tests load every mapping as they are imported, so
nothing of that may be left over) and runs the tests that reach the mutated line, those first that killed others. Which
tests reach a line is measured first, and again whenever our code or a test changes. A verdict stands as long as the
mutated function is the same and the mutant was killed.

Verdicts: killed; timeout, which counts as killed; survived; untested: no test reaches the line.
"""

from __future__ import annotations

import argparse
import ast
import gc
import hashlib
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypedDict, cast

import pytest
from coverage import Coverage

from tools.mutants import Mutation, mutations_of

MUTATED = ("processor/capillary", "processor/translator.py", "processor/avro", "processor/mapping")
TESTS = (
    "avro_*",
    "capillary_*",
    "mapping_*",
    "golden_*",
    "translation_*",
    "absent_never_blanks",
    "bills",
    "brand_mapping",
    "check_mistakes",
    "customers",
    "envelopes",
    "event_tables",
    "event_times",
    "large_events",
    "names",
    "points_events",
    "reward_events",
    "schema_evolution",
    "try_explain",
)
"""Files of tests/unit that speak of these rooms."""

LEFT_OUT = (
    "test_golden_code.py::test_it_is_python_and_the_same_again",  # 9 s
    "test_envelopes.py::test_createdAt_in_seconds_is_the_same_time",  # 12 s
    "test_absent_never_blanks.py::test_a_field_that_the_writer_did_not_know_blanks_nothing_whatever_the_mapping_says",
    "test_translation_options.py::test_the_interpreter_and_the_compiled_code_agree",  # 13 s; test_mapping_golden has it
)
"""Slow ones whose part is with others. test_try.py is left out as a whole: a minute for the command around it."""

ENVIRONMENT = {"CI": "true", "FUZZ": "10", "IDS": "100"}
"""Few examples, always the same ones, and none of them remembered."""

GOAL = 0.9
OVERHEAD = 0.004
"""Seconds that pytest takes for a test that does nothing."""

MOST_TESTS = 400
"""Tests of one file that are remembered for a line; the main paths are on the way of thousands."""

FIRST = 8
"""Tests that are tried before the files of all others are imported."""

MEMORY = 4 << 30
STATE = Path(".mutation")
UNIT = Path("tests/unit")
CODE = ("processor", "tests", "schemas", "tools")
PYTEST = ("-q", "-x", "--timeout=0", "-p", "no:cacheprovider", "--no-header", "--tb=short", "-W", "error")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: of which text of its function, by which test, in how many milliseconds."""

    name: str
    of: str
    verdict: str
    by: str = ""
    ms: int = 0

    @property
    def killed(self) -> bool:
        """One that loops for ever is noticed too."""
        return self.verdict in ("killed", "timeout")


class Reached(TypedDict):
    """What a file of tests reaches, with seconds.

    `lines` by source and line, as places in `tests`; `loaded` are lines that are run as the file is imported, or for
    all of its tests.
    """

    seconds: float
    tests: dict[str, float]
    lines: dict[str, dict[str, list[int]]]
    loaded: dict[str, list[int]]


class Reach:
    """Which tests reach a line, in the order to try them: the quickest of each file, then the second of each.

    Tests that run the line themselves come before those of files that do so once, as they load all mappings.
    """

    def __init__(self, files: Mapping[str, Reached]) -> None:
        self.files = files
        self.seconds = {test: seconds for file in files.values() for test, seconds in file["tests"].items()}
        self._tests = {name: list(file["tests"]) for name, file in files.items()}

    def of(self, source: Path, lines: Sequence[int]) -> list[str]:
        """The tests that reach one of these lines; without lines, any line of the source."""
        turns: list[tuple[bool, int, float, str]] = []
        for name, file in self.files.items():
            reached, tests = file["lines"].get(str(source), {}), self._tests[name]
            own = {place for key in (map(str, lines) if lines else reached) for place in reached.get(key, ())}
            loaded = file["loaded"].get(str(source), [])
            whole = any(line in loaded for line in lines) if lines else bool(loaded)
            rest = [place for place in range(len(tests)) if place not in own] if whole else []
            for loads, places in ((False, sorted(own)), (True, rest)):
                for turn, place in enumerate(places):
                    turns.append((loads, turn, file["seconds"] + self.seconds[tests[place]], tests[place]))
        return [test for *_, test in sorted(turns)]

    def cost(self, test: str) -> float:
        """Seconds until a test has run, if it is the first."""
        return 0.3 + self.files[_file_of(test)]["seconds"] + self.seconds[test]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutation with the module that it is in."""

    name: str
    file: Path
    tree: ast.Module
    mutation: Mutation
    of: str


# ---- in the child ----


class _Put(MetaPathFinder):
    """Puts the mutated code in the place of a module."""

    def __init__(self, file: Path, code: CodeType) -> None:
        self.file, self.code = file, code
        self.module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")

    def find_spec(self, name: str, _path: object, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.module:
            return None
        loader = SourceFileLoader(name, str(self.file.absolute()))
        loader.get_code = lambda _: self.code  # type: ignore[method-assign, assignment]
        return spec_from_file_location(name, self.file.absolute(), loader=loader)


class _Chosen:
    """Runs the chosen tests only, in their order, and remembers which failed."""

    def __init__(self, tests: Iterable[str]) -> None:
        self.rank = {test: rank for rank, test in enumerate(tests)}
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.rank), key=lambda i: self.rank[i.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def _attempt(mutant: Mutant | None, stages: Iterable[Sequence[str]]) -> tuple[str, str]:
    """Verdict and killer. Changes this process for good."""
    try:
        if mutant is not None:
            mutant.mutation.apply()
            sys.meta_path.insert(0, _Put(mutant.file, compile(mutant.tree, str(mutant.file.absolute()), "exec")))
        _load_once()
    except (Exception, SystemExit):  # noqa: BLE001 - whatever a mutant raises
        return "killed", "import"
    for tests in filter(None, stages):
        chosen = _Chosen(tests)
        ended = _pytest(dict.fromkeys(_file_of(test) for test in tests), chosen)
        if ended != pytest.ExitCode.OK:
            return "killed", chosen.failed or f"pytest: {ended}"
    return "survived", ""


def _load_once() -> None:
    """Lets all tests share what the same arguments load from the repository: a third of a second each time."""
    for room, name in (("capillary", "load_contracts"), ("translator", "load_mappings")):
        module = importlib.import_module(f"processor.{room}")
        setattr(module, name, partial(_loaded, getattr(module, name), {}))


def _loaded(load: Callable[..., object], known: dict[object, object], directory: Path, *more: object) -> object:
    if not directory.is_relative_to(Path.cwd()) or any(not isinstance(item, str | None) for item in more):
        return load(directory, *more)
    key = (directory, *more)
    if key not in known:
        known[key] = load(directory, *more)
    return known[key]


def _pytest(arguments: Iterable[str], *plugins: object) -> int:
    left_out = [f"--deselect=tests/unit/{test}" for test in LEFT_OUT]
    return int(pytest.main([*PYTEST, *left_out, *arguments], plugins=list(plugins)))


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


# ---- which tests reach which lines ----


class _Recorder:
    """Tells coverage which test runs. What a file does as it is imported, or for all its tests, counts for the file."""

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, object, object]:
        began = time.process_time()
        if isinstance(collector, pytest.Module):
            self.coverage.switch_context(collector.nodeid)
        try:
            return (yield)
        finally:
            self.seconds[collector.nodeid] += time.process_time() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        if nextitem is None or nextitem.path != item.path:
            gc.collect()  # between files only: some tests look at the clock
        self.coverage.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        test = request.node.nodeid if "::" in request.node.nodeid else ""
        self.coverage.switch_context(_file_of(test or request.node.nodeid))
        try:
            return (yield)
        finally:
            self.coverage.switch_context(test)


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def _measure(files: Sequence[str]) -> dict[str, Reached] | None:
    """Runs the tests of these files; None if one fails."""
    coverage = Coverage(data_file=None, source=["processor"], config_file=False)
    recorder = _Recorder(coverage)
    gc.disable()
    coverage.start()
    ended = _pytest(files, recorder)
    coverage.stop()
    if ended != pytest.ExitCode.OK:
        return None
    tests: dict[str, list[str]] = {file: [] for file in files}
    for test in sorted(recorder.seconds, key=recorder.seconds.__getitem__):
        if "::" in test:
            tests[_file_of(test)].append(test)
    place = {test: place for listed in tests.values() for place, test in enumerate(listed)}
    found: dict[str, Reached] = {
        file: {
            "seconds": recorder.seconds[file],
            "tests": {test: recorder.seconds[test] for test in listed},
            "lines": {},
            "loaded": {},
        }
        for file, listed in tests.items()
    }
    data = coverage.get_data()
    for source in _sources():
        for line, contexts in data.contexts_by_lineno(str(source.absolute())).items():
            for context in sorted(contexts, key=lambda context: place.get(context, -1)):
                reached = found.get(_file_of(context))
                if reached is not None and context in place:
                    places = reached["lines"].setdefault(str(source), {}).setdefault(str(line), [])
                    places += [place[context]] if len(places) < MOST_TESTS else []
                elif reached is not None:
                    reached["loaded"].setdefault(str(source), []).append(line)
    return found


def _reach(files: Sequence[str]) -> Reach:
    """What was measured and still holds, and the rest measured now."""
    kept = STATE / "reach.json"
    known: dict[str, dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    digests = _digests(files)
    stale = [file for file in files if known.get(file, {}).get("digest") != digests[file]]
    if stale:
        print(f"running {len(stale)} files of tests to see which lines they reach ...", flush=True)
        new = STATE / "reach.new.json"
        pid = os.fork()
        if pid == 0:
            found = _measure(stale)
            new.write_text(json.dumps(found), encoding="utf-8")
            os._exit(found is None)
        if os.waitpid(pid, 0)[1]:
            sys.exit("a test fails without any mutant")
        for file, reached in json.loads(new.read_text(encoding="utf-8")).items():
            known[file] = {**reached, "digest": digests[file]}
        kept.write_text(json.dumps(known), encoding="utf-8")
        new.unlink()
    return Reach({file: cast("Reached", known[file]) for file in files})


def _digests(files: Sequence[str]) -> dict[str, str]:
    """Of each file of tests with all that it may use: our code, schemas, golden files and what tests share."""
    common = hashlib.sha256(repr((LEFT_OUT, ENVIRONMENT)).encode())
    for file in sorted(file for folder in CODE for file in Path(folder).rglob("*") if file.is_file()):
        if file.suffix != ".pyc" and file.parent != UNIT and file.name not in ("mutation.py", "mutants.py"):
            common.update(f"{file}\0".encode() + file.read_bytes())
    digests = {}
    for name in files:
        own = common.copy()
        own.update(Path(name).read_bytes())
        digests[name] = own.hexdigest()
    return digests


# ---- the campaign ----


def _sources() -> list[Path]:
    found = [Path(name) for name in MUTATED]
    return [file for path in found for file in ([path] if path.is_file() else sorted(path.glob("*.py")))]


def _mutants(wanted: Sequence[str]) -> list[Mutant]:
    mutants = []
    for file in _sources():
        tree, found = mutations_of(Path(), file)
        texts: dict[int, str] = {}
        for name, mutation in found.items():
            if wanted and not any(_begins(name, file, part) for part in wanted):
                continue
            top = id(mutation.top)
            if top not in texts:
                texts[top] = hashlib.sha256(ast.unparse(mutation.top).encode()).hexdigest()[:12]
            mutants.append(Mutant(name, file, tree, mutation, texts[top]))
    return mutants


def _begins(name: str, file: Path, part: str) -> bool:
    return name == part if "#" in part else name.startswith(part) or str(file).startswith(part)


class Campaign:
    """Runs mutants, and learns which tests kill."""

    def __init__(self, reach: Reach, budget: float) -> None:
        self.reach = reach
        self.budget = budget
        self.kills: Counter[str] = Counter()
        self.running: dict[int, tuple[Mutant, int, float]] = {}

    def start(self, mutant: Mutant) -> Verdict | None:
        """Forks for a mutant, or tells at once that no test reaches it."""
        mutation = mutant.mutation
        reaching = self.reach.of(mutant.file, mutation.lines)
        if not reaching:
            return Verdict(mutant.name, mutant.of, "untested")
        tests, seconds = self._chosen(reaching)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            limit = int(5 + 3 * seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(10 * limit)
            _silence()
            os.write(write, "\0".join(_attempt(mutant, (tests[:FIRST], tests[FIRST:]))).encode())
            os._exit(0)
        os.close(write)
        self.running[pid] = (mutant, read, time.monotonic())
        return None

    def ended(self) -> Verdict:
        """Waits for one to end."""
        pid, status = os.waitpid(-1, 0)
        mutant, read, began = self.running.pop(pid)
        with os.fdopen(read) as pipe:
            verdict, _, killer = pipe.read().partition("\0")
        if not verdict:
            late = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM)
            verdict, killer = ("timeout", "") if late else ("killed", f"crash: {status}")
        self.kills[killer] += 1
        return Verdict(mutant.name, mutant.of, verdict, killer, round(1000 * (time.monotonic() - began)))

    def _chosen(self, reaching: Sequence[str]) -> tuple[list[str], float]:
        """Tests within the budget, those first that kill much in little time, and their seconds."""
        chosen: list[str] = []
        files: set[str] = set()
        seconds = 0.0
        for test in sorted(reaching, key=self._worth, reverse=True):
            file = _file_of(test)
            cost = OVERHEAD + self.reach.seconds[test] + (0 if file in files else self.reach.files[file]["seconds"])
            if not chosen or seconds + cost <= self.budget:
                chosen.append(test)
                files.add(file)
                seconds += cost
        return chosen, seconds

    def _worth(self, test: str) -> float:
        return (self.kills[test] + self.kills[_file_of(test)]) / self.reach.cost(test)


def _verdicts() -> dict[str, Verdict]:
    kept = STATE / "verdicts.jsonl"
    if not kept.exists():
        return {}
    listed = [Verdict(**json.loads(line)) for line in kept.read_text(encoding="utf-8").splitlines()]
    return {verdict.name: verdict for verdict in listed}


def _run(mutants: Sequence[Mutant], known: dict[str, Verdict], jobs: int, budget: float) -> None:
    files = sorted(str(file) for name in TESTS for file in UNIT.glob(f"test_{name}.py"))
    reach = _reach(files)
    _import_third_parties(files)
    _check_that_nothing_dies_by_itself(reach)
    campaign = Campaign(reach, budget)
    with (STATE / "verdicts.jsonl").open("a", encoding="utf-8") as kept:

        def note(verdict: Verdict) -> None:
            known[verdict.name] = verdict
            kept.write(json.dumps(asdict(verdict)) + "\n")
            kept.flush()
            print(f"{verdict.ms:6} ms  {verdict.verdict:8}  {verdict.name}  {verdict.by}", flush=True)

        for mutant in mutants:
            if len(campaign.running) == jobs:
                note(campaign.ended())
            at_once = campaign.start(mutant)
            if at_once is not None:
                note(at_once)
        while campaign.running:
            note(campaign.ended())


def _import_third_parties(files: Sequence[str]) -> None:
    """Imports all that the tests need, then forgets what is ours: it is imported anew for every mutant."""
    before = os.dup(1), os.dup(2)
    _silence()
    _pytest(["--collect-only", *files])
    os.dup2(before[0], 1)
    os.dup2(before[1], 2)
    for name in [name for name in sys.modules if _is_ours(name)]:
        del sys.modules[name]
    gc.collect()
    gc.disable()
    gc.freeze()


def _check_that_nothing_dies_by_itself(reach: Reach) -> None:
    """What every mutant goes through, without a mutant: all files, the quickest tests of each."""
    pid = os.fork()
    if pid == 0:
        os._exit(
            _attempt(None, [[test for file in reach.files.values() for test in [*file["tests"]][:3]]])[0] == "killed"
        )
    if os.waitpid(pid, 0)[1]:
        sys.exit("tests that pass by themselves fail in a process of a mutant")


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in ("processor", "tests", "tools") and name not in (
        __name__,
        "tools",
        "tools.mutants",
    )


def _table(mutants: Iterable[Mutant], known: Mapping[str, Verdict]) -> float:
    """Prints what became of the mutants of each module, and returns the part of all that is killed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in mutants:
        verdict = known.get(mutant.name)
        word = verdict.verdict if verdict is not None and verdict.of == mutant.of else "open"
        counts[str(mutant.file)][word] += 1
        counts["all"][word] += 1
    words = ("killed", "timeout", "survived", "untested", "open")
    print(f"{'':36}" + "".join(f"{word:>10}" for word in words) + f"{'ratio':>10}")
    ratio = 0.0
    for file, count in counts.items():
        judged = count.total() - count["open"]
        ratio = (count["killed"] + count["timeout"]) / judged if judged else 0.0
        print(f"{file:36}" + "".join(f"{count[word]:10}" for word in words) + f"{ratio:10.1%}")
    return ratio


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if at least nine of ten mutants are killed."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("wanted", nargs="*", help="beginnings of paths or names, or names of mutants; all without")
    parser.add_argument("--show", action="store_true", help="show what has survived, run nothing")
    parser.add_argument("--again", action="store_true", help="also those that were killed before")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of tests for a mutant that nothing kills")
    options = parser.parse_args(arguments)
    os.environ.update(ENVIRONMENT)
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(STATE.absolute() / "compiled")
    STATE.mkdir(exist_ok=True)
    mutants, known = _mutants(options.wanted), _verdicts()
    if options.show:
        for mutant in mutants:
            verdict = known.get(mutant.name)
            if verdict is not None and verdict.of == mutant.of and not verdict.killed:
                print(f"\n{mutant.name}: {verdict.verdict}\n{mutant.mutation.diff(str(mutant.file))}")
    else:
        named = set(options.wanted)
        todo = [m for m in mutants if options.again or m.name in named or not _stands(known.get(m.name), m)]
        _run(todo, known, options.jobs, options.budget)
    print()
    return int(_table(mutants, known) < GOAL)


def _stands(verdict: Verdict | None, mutant: Mutant) -> bool:
    return verdict is not None and verdict.killed and verdict.of == mutant.of


if __name__ == "__main__":
    sys.exit(main())
