"""Mutation testing of what decodes and translates: `make mutation`. Each survivor is a change that no test notices.

    make mutation                                              whatever has not been killed yet
    make mutation ARGS="processor/avro"                        a package or module: the beginning of a path or name
    make mutation ARGS="processor.avro.wire:frame_of#3"        mutants by name
    make mutation ARGS="--show processor/avro"                 what has survived, as diffs; runs nothing
    make mutation ARGS="--again --budget 60 --jobs 2 ..."      the killed too; longer; two at a time

`tools/mutants.py` tells what is mutated, `tools/reach.py` which tests may notice. A process imports all third parties
and forks for each mutant. The child puts the mutated module in place, imports our code and the tests anew (most tests
load every mapping as they are imported, so nothing of that may be left over) and runs the tests that reach the mutated
line, those first that killed others. Which tests reach a line is measured first, and again whenever our code or a test
changes. A verdict stands as long as the mutated function is the same and the mutant was killed.

Tools such as mutmut keep what tests hold at their tops across mutants. Here that is every mapping, loaded and compiled
without the mutant, and mutants of loader and compiler would survive that any test notices.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tools.mutants import Mutation, mutations_of
from tools.reach import ENVIRONMENT, OVERHEAD, STATE, UNIT, Reach, file_of, measured, run_pytest

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
    "documented_values",
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

GOAL = 0.9
FIRST = 8
"""Tests that are tried before the files of all others are imported."""

MEMORY = 4 << 30
OURS = ("tools", "tools.mutants", "tools.mutation", "tools.reach")


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
        ended = run_pytest(dict.fromkeys(file_of(test) for test in tests), chosen)
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


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


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
            file = file_of(test)
            cost = OVERHEAD + self.reach.seconds[test] + (0 if file in files else self.reach.files[file]["seconds"])
            if not chosen or seconds + cost <= self.budget:
                chosen.append(test)
                files.add(file)
                seconds += cost
        return chosen, seconds

    def _worth(self, test: str) -> float:
        return (self.kills[test] + self.kills[file_of(test)]) / self.reach.cost(test)


def _verdicts() -> dict[str, Verdict]:
    kept = STATE / "verdicts.jsonl"
    if not kept.exists():
        return {}
    listed = [Verdict(**json.loads(line)) for line in kept.read_text(encoding="utf-8").splitlines()]
    return {verdict.name: verdict for verdict in listed}


def _run(mutants: Sequence[Mutant], known: dict[str, Verdict], jobs: int, budget: float) -> None:
    files = sorted(str(file) for name in TESTS for file in UNIT.glob(f"test_{name}.py"))
    reach = measured(files, _sources())
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
    run_pytest(["--collect-only", *files])
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
    words = ("killed", "timeout", "survived", "untested", "open")
    print(f"{'':36}" + "".join(f"{word:>10}" for word in words) + f"{'ratio':>10}")
    ratio = 0.0
    for file, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
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
