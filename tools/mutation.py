"""Mutation testing of what decodes and translates: `make mutation`. Each survivor is a change that no test notices.

    make mutation                                              whatever has not been killed yet
    make mutation ARGS="processor/avro"                        a package or module: the beginning of a path or name
    make mutation ARGS="processor.avro.wire:frame_of#3"        mutants by name
    make mutation ARGS="--show processor/avro"                 what has survived, as diffs; runs nothing
    make mutation ARGS="--again --budget 60 --jobs 2 ..."      the killed too; longer; two at a time
    make mutation ARGS="--quick --tests test_bills.py -- ..."  only what can be tried in place, by these tests

`tools/mutants.py` tells what is mutated, `tools/reach.py` which tests may notice. Which tests reach a line is measured
first, and again whenever our code or a test changes. Every mutant gets a process of its own, which runs the tests that
reach the mutated line, those first that killed others.

- A line that no file of tests runs as it is imported is changed in place: a process collects all tests and forks for
  each mutant, and the child gives the functions that are alive their mutated code. That takes a tenth of a second. So
  are others tried first, by the tests of those files that do not run them early.
- A line that runs as tests are imported (most load every mapping then) may have left its result anywhere: a process
  that has imported third parties only forks, and the child imports our code and the tests with the mutated module in
  place. That takes a second.

A verdict stands as long as the mutated function is the same and the mutant was killed.

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
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import product, zip_longest
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

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
    "event_ids",
    "event_tables",
    "event_times",
    "large_events",
    "names",
    "nobody",
    "points_events",
    "reward_events",
    "schema_evolution",
    "translator",
    "try_explain",
    "unreadable",
)
"""Files of tests/unit that speak of these rooms."""

GOAL = 0.9
FIRST = 8
"""Tests that are tried before the files of all others are imported."""

MEMORY = 4 << 30
KEPT = STATE / "verdicts.jsonl"
OURS = ("tools", "tools.mutants", "tools.mutation", "tools.reach")


Attempt = Callable[[Sequence[str]], tuple[str, str]]
"""Runs tests with a mutant, in a process of its own: verdict and killer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: of which mutated text, by which test, in how many milliseconds."""

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

    def compiled(self) -> CodeType:
        """The code of the module with the mutation."""
        original = self.mutation.apply()
        try:
            return compile(self.tree, str(self.file.absolute()), "exec")
        finally:
            self.mutation.put(original)


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


def _anew(mutant: Mutant | None, tests: Sequence[str]) -> tuple[str, str]:
    """Verdict and killer, our code and the tests imported now. Changes this process for good."""
    try:
        if mutant is not None:
            sys.meta_path.insert(0, _Put(mutant.file, mutant.compiled()))
        _load_once()
    except (Exception, SystemExit):  # noqa: BLE001 - whatever a mutant raises
        return "killed", "import"
    for some in filter(None, (tests[:FIRST], tests[FIRST:])):
        chosen = _Chosen(some)
        ended = run_pytest(dict.fromkeys(file_of(test) for test in some), chosen)
        if ended != pytest.ExitCode.OK:
            return "killed", chosen.failed or f"pytest: {ended}"
    return "survived", ""


class _InPlace:
    """A pytest plugin that runs mutants where tests would run, all of them collected."""

    def __init__(self, run: Callable[[_InPlace], None]) -> None:
        self.run = run
        self.items: dict[str, pytest.Item] = {}
        self.functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self.codes: dict[Path, dict[tuple[str, str, int], list[CodeType]]] = {}
        self.failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType):
                self.functions[_key(thing.__code__)].append(thing)
        gc.disable()
        gc.freeze()
        self.run(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    def way(self, mutant: Mutant) -> Attempt | None:
        """How to try a mutant: with the functions that are alive changed. None if that cannot be told or done."""
        if mutant.file not in self.codes:
            self.codes[mutant.file] = _codes(compile(mutant.tree, str(mutant.file.absolute()), "exec"))
        before, after = self.codes[mutant.file], _codes(mutant.compiled())
        found: list[tuple[FunctionType, CodeType]] = []
        for key in (key for key in before.keys() | after.keys() if before.get(key) != after.get(key)):
            alive, codes = self.functions.get(key, ()), after.get(key, ())
            if alive and len(codes) != 1:
                return None
            found += [(function, code) for function, code in product(alive, codes)]
        whole = any("<locals>" not in code.co_qualname for _, code in found)
        fitting = all(len(function.__code__.co_freevars) == len(code.co_freevars) for function, code in found)
        return partial(self.attempt, found) if whole and fitting else None

    def attempt(self, changed: Iterable[tuple[FunctionType, CodeType]], tests: Sequence[str]) -> tuple[str, str]:
        """Verdict and killer. Changes this process for good."""
        for function, code in changed:
            function.__code__ = code
        for test, following in zip_longest(tests, tests[1:]):
            item = self.items[test]
            try:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=self.items.get(following))
            except BaseException:  # noqa: BLE001 - whatever a mutant raises
                self.failed = True
            if self.failed:
                return "killed", test
        return "survived", ""


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(module: CodeType) -> dict[tuple[str, str, int], list[CodeType]]:
    """The code of all that is written in a module; some look alike from outside, such as two lambdas on a line."""
    found: dict[tuple[str, str, int], list[CodeType]] = defaultdict(list)
    waiting = [module]
    while waiting:
        inside = [constant for constant in waiting.pop().co_consts if isinstance(constant, CodeType)]
        for code in inside:
            found[_key(code)].append(code)
        waiting += inside
    return dict(found)


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
        for name, mutation in found.items():
            if wanted and not any(_begins(name, file, part) for part in wanted):
                continue
            text = hashlib.sha256(mutation.after().encode()).hexdigest()[:12]
            mutants.append(Mutant(name, file, tree, mutation, text))
    return mutants


def _begins(name: str, file: Path, part: str) -> bool:
    return name == part if "#" in part else name.startswith(part) or str(file).startswith(part)


class Campaign:
    """Runs mutants in one way, and learns which tests kill. `imported` where all tests are by then."""

    def __init__(self, reach: Reach, budget: float, way: Callable[[Mutant], Attempt | None], *, imported: bool) -> None:
        self.reach = reach
        self.budget = budget
        self.way = way
        self.imported = imported
        self.kills: Counter[str] = Counter()
        self.running: dict[int, tuple[Mutant, int, float]] = {}

    def run(self, mutants: Iterable[Mutant], jobs: int, note: Callable[[Verdict], None]) -> None:
        """Tries all mutants that can be tried in this way."""
        for mutant in mutants:
            if len(self.running) == jobs:
                note(self.ended())
            self.start(mutant)
        while self.running:
            note(self.ended())

    def start(self, mutant: Mutant) -> None:
        """Forks for a mutant."""
        reaching = (self.reach.after_import if self.imported else self.reach.of)(mutant.file, mutant.mutation.lines)
        attempt = self.way(mutant) if reaching else None
        if attempt is None:
            return
        tests, seconds = self._chosen(reaching)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            limit = int(5 + 3 * seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(10 * limit)
            _silence()
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_temporary(os.getpid()))
            _temporary(os.getpid()).mkdir()
            os.write(write, "\0".join(attempt(tests)).encode())
            os._exit(0)
        os.close(write)
        self.running[pid] = (mutant, read, time.monotonic())

    def ended(self) -> Verdict:
        """Waits for one to end."""
        pid, status = os.waitpid(-1, 0)
        mutant, read, began = self.running.pop(pid)
        shutil.rmtree(_temporary(pid), ignore_errors=True)
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
            imported = self.imported or file in files
            cost = OVERHEAD + self.reach.seconds[test] + (0 if imported else self.reach.files[file]["seconds"])
            if not chosen or seconds + cost <= self.budget:
                chosen.append(test)
                files.add(file)
                seconds += cost
        return chosen, seconds

    def _worth(self, test: str) -> float:
        return (self.kills[test] + self.kills[file_of(test)]) / self.reach.cost(test)


def _note(verdict: Verdict) -> None:
    with KEPT.open("a", encoding="utf-8") as kept:
        kept.write(json.dumps(asdict(verdict)) + "\n")
    print(f"{verdict.ms:6} ms  {verdict.verdict:8}  {verdict.name}  {verdict.by}", flush=True)


def _kept() -> list[Verdict]:
    """All verdicts ever, later ones last."""
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.exists() else []
    return [Verdict(**json.loads(line)) for line in lines]


def _verdicts() -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in _kept()}


def _temporary(pid: int) -> Path:
    """The directory that a child has for its temporary files: outside of the repository, whose mappings are shared."""
    return Path(tempfile.gettempdir()) / f"mutant-{pid}"


def _run(files: Sequence[str], mutants: Sequence[Mutant], jobs: int, budget: float, *, quick: bool) -> None:
    reach = measured(files, _sources())
    _import_third_parties(files)
    before = len(_kept())
    for mutant in mutants:
        if not reach.of(mutant.file, mutant.mutation.lines):
            _note(Verdict(mutant.name, mutant.of, "untested"))
    _in_a_fork(partial(_run_in_place, files, reach, mutants, jobs, budget))
    if quick:
        return
    judged = {verdict.name for verdict in _kept()[before:]}
    rest = [mutant for mutant in mutants if mutant.name not in judged]
    _check_that_nothing_dies_by_itself(reach, partial(_anew, None))
    Campaign(reach, budget, lambda mutant: partial(_anew, mutant), imported=False).run(rest, jobs, _note)


def _run_in_place(files: Sequence[str], reach: Reach, mutants: Iterable[Mutant], jobs: int, budget: float) -> None:
    """Runs what only tests run; the rest as far as tests kill it whose files did not run it as they were imported.

    Imports our code and the tests.
    """
    early = {mutant.name for mutant in mutants if reach.at_import(mutant.file, mutant.mutation.lines)}

    def note(verdict: Verdict) -> None:
        if verdict.killed or verdict.name not in early:
            _note(verdict)

    def run(place: _InPlace) -> None:
        _check_that_nothing_dies_by_itself(reach, partial(place.attempt, ()))
        for here, seconds in ((False, budget), (True, budget / 3)):
            some = [mutant for mutant in mutants if (mutant.name in early) is here]
            Campaign(reach, seconds, place.way, imported=True).run(some, jobs, note)

    _load_once()
    run_pytest(["--capture=no", *files], _InPlace(run))


def _in_a_fork(work: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit(1)


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


def _check_that_nothing_dies_by_itself(reach: Reach, attempt: Attempt) -> None:
    """What every mutant goes through, without a mutant: the quickest tests of each file."""
    pid = os.fork()
    if pid == 0:
        os._exit(attempt([test for file in reach.files.values() for test in [*file["tests"]][:3]])[0] == "killed")
    if os.waitpid(pid, 0)[1]:
        os.write(2, b"tests that pass by themselves fail in a process of a mutant\n")
        os._exit(1)


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
    parser.add_argument("--quick", action="store_true", help="only mutants that can be tried in place")
    parser.add_argument("--tests", nargs="+", default=[f"test_{name}.py" for name in TESTS], help="files of tests/unit")
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
        files = sorted(str(file) for name in options.tests for file in UNIT.glob(name))
        _run(files, todo, options.jobs, options.budget, quick=options.quick)
    print()
    return int(_table(mutants, _verdicts()) < GOAL)


def _stands(verdict: Verdict | None, mutant: Mutant) -> bool:
    return verdict is not None and verdict.killed and verdict.of == mutant.of


if __name__ == "__main__":
    sys.exit(main())
