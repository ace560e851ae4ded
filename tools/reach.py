"""Which tests reach which lines of our code: measured by coverage.py, for `tools/mutation.py`."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import pytest
from coverage import Coverage

LEFT_OUT = (
    "test_golden_code.py::test_it_is_python_and_the_same_again",  # 9 s
    "test_envelopes.py::test_createdAt_in_seconds_is_the_same_time",  # 12 s
    "test_absent_never_blanks.py::test_a_field_that_the_writer_did_not_know_blanks_nothing_whatever_the_mapping_says",
    "test_translation_options.py::test_the_interpreter_and_the_compiled_code_agree",  # 13 s; test_mapping_golden has it
)
"""Slow ones whose part is with others. test_try.py is left out as a whole: a minute for the command around it."""

ENVIRONMENT = {"CI": "true", "FUZZ": "10", "IDS": "100"}
"""Few examples, always the same ones, and none of them remembered."""

MOST_TESTS = 400
"""Tests of one file that are remembered for a line; the main paths are on the way of thousands."""

OVERHEAD = 0.004
"""Seconds that pytest takes for a test that does nothing."""

STATE = Path(".mutation")
UNIT = Path("tests/unit")
CODE = ("processor", "tests", "schemas", "tools")
TOOLS = ("mutation.py", "mutants.py", "reach.py")
PYTEST = ("-q", "-x", "--timeout=0", "-p", "no:cacheprovider", "--no-header", "--tb=short", "-W", "error")


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
    """Which tests reach a line, in the order in which they would end if all files ran side by side, quick tests first.

    So a file of a hundred quick tests has its say before one that takes as long for its first. Tests that run the line
    themselves come before those of files that do so once, as they load all mappings.
    """

    def __init__(self, files: Mapping[str, Reached]) -> None:
        self.files = files
        self.seconds = {test: seconds for file in files.values() for test, seconds in file["tests"].items()}
        self._tests = {name: list(file["tests"]) for name, file in files.items()}

    def of(self, source: Path, lines: Sequence[int]) -> list[str]:
        """The tests that reach one of these lines; without lines, all, those first that reach a line of the source."""
        ends: list[tuple[bool, float, str]] = []
        for name, file in self.files.items():
            reached, tests = file["lines"].get(str(source), {}), self._tests[name]
            own = {place for key in (map(str, lines) if lines else reached) for place in reached.get(key, ())}
            whole = _loads(file, source, lines) if lines else bool(reached)
            rest = [place for place in range(len(tests)) if place not in own] if whole else []
            for loads, places in ((False, sorted(own)), (True, rest)):
                end = file["seconds"]
                for place in places:
                    end += OVERHEAD + self.seconds[tests[place]]
                    ends.append((loads, end, tests[place]))
        return [test for *_, test in sorted(ends)]

    def at_import(self, source: Path, lines: Sequence[int]) -> bool:
        """Whether one of these lines runs as some file of tests is imported, or for all of its tests."""
        return any(_loads(file, source, lines) for file in self.files.values())

    def after_import(self, source: Path, lines: Sequence[int]) -> list[str]:
        """The tests that reach one of these lines, of files that run none as they are imported; quick tests first."""
        found: set[str] = set()
        for name, file in self.files.items():
            if not _loads(file, source, lines):
                reached = file["lines"].get(str(source), {})
                found |= {self._tests[name][place] for line in lines for place in reached.get(str(line), ())}
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def cost(self, test: str) -> float:
        """Seconds until a test has run, if it is the first."""
        return 0.3 + self.files[file_of(test)]["seconds"] + self.seconds[test]


def _loads(file: Reached, source: Path, lines: Sequence[int]) -> bool:
    loaded = file["loaded"].get(str(source), ())
    return any(line in loaded for line in lines)


def run_pytest(arguments: Iterable[str], *plugins: object) -> int:
    """Runs tests but those that are left out, until one fails, and returns how that ended."""
    left_out = [f"--deselect=tests/unit/{test}" for test in LEFT_OUT]
    return int(pytest.main([*PYTEST, *left_out, *arguments], plugins=list(plugins)))


class _Recorder:
    """Tells coverage which test runs. What a file does as it is imported, or for all its tests, counts for the file."""

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self.test = ""
        self.tests: list[str] = []  # classes are collected too, and are none
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
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.test = item.nodeid
        self.tests.append(self.test)
        self.coverage.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        self.coverage.switch_context(file_of(self.test))
        try:
            return (yield)
        finally:
            self.coverage.switch_context(self.test)


def file_of(test: str) -> str:
    """The file of tests that a test is in."""
    return test.partition("::")[0]


def _measure(file: str, sources: Sequence[Path]) -> Reached | None:
    """Runs the tests of a file; None if one fails."""
    coverage = Coverage(data_file=None, source=["processor"], config_file=False)
    recorder = _Recorder(coverage)
    gc.disable()  # some tests look at the clock
    coverage.start()
    ended = run_pytest([file], recorder)
    coverage.stop()
    if ended != pytest.ExitCode.OK:
        return None
    tests = {test: recorder.seconds[test] for test in recorder.tests}
    tests = dict(sorted(tests.items(), key=lambda item: item[1]))
    reached: Reached = {"seconds": recorder.seconds[file], "tests": tests, "lines": {}, "loaded": {}}
    place = {test: place for place, test in enumerate(tests)}
    data = coverage.get_data()
    for source in sources:
        lines = data.contexts_by_lineno(str(source.absolute()))
        reached["loaded"][str(source)] = [line for line, contexts in lines.items() if file in contexts]
        reached["lines"][str(source)] = {
            str(line): sorted(place[context] for context in contexts if context in place)[:MOST_TESTS]
            for line, contexts in lines.items()
        }
    return reached


def measured(files: Sequence[str], sources: Sequence[Path]) -> Reach:
    """What was measured and still holds, and the rest measured now, each file in a process of its own."""
    known: dict[str, Reached] = {}
    for file, digest in _digests(files).items():
        kept = STATE / "reach" / f"{Path(file).stem}-{digest[:12]}.json"
        if not kept.exists():
            print(f"which lines does it reach? {file}", flush=True)
            kept.parent.mkdir(parents=True, exist_ok=True)
            pid = os.fork()
            if pid == 0:
                reached = _measure(file, sources)
                if reached is not None:
                    kept.write_text(json.dumps(reached), encoding="utf-8")
                os._exit(reached is None)
            if os.waitpid(pid, 0)[1]:
                sys.exit("a test fails without any mutant")
        known[file] = json.loads(kept.read_text(encoding="utf-8"))
    return Reach(known)


def _digests(files: Sequence[str]) -> dict[str, str]:
    """Of each file of tests with all that it may use: our code, schemas, golden files and what tests share."""
    common = hashlib.sha256(repr((LEFT_OUT, ENVIRONMENT)).encode())
    for file in sorted(file for folder in CODE for file in Path(folder).rglob("*") if file.is_file()):
        if file.suffix != ".pyc" and file.parent != UNIT and file.name not in TOOLS:
            common.update(f"{file}\0".encode() + file.read_bytes())
    digests = {}
    for name in files:
        own = common.copy()
        own.update(Path(name).read_bytes())
        digests[name] = own.hexdigest()
    return digests
