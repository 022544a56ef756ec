"""The page of reliability: what is tried, what is expected, and what the marked tests saw.

A test is marked by a row of the fault matrix, ``@pytest.mark.reliability(28)``, or by words of its own,
``@pytest.mark.reliability("what is tried", "what is expected")``; it may say what it saw by
``record_property("seen", "...")``. ``--reliability-page FILE`` writes the page at the end of a run.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.imports import REPOSITORY

COMMITTED = REPOSITORY / "docs/reliability.md"
HEAD = """# What bad input and bad luck get

Made by `make reliability` from the tests that are marked `reliability`; a test holds it to their marks.
**Q**: the file is left out with path and reason, and the run goes on. **F**: it fails with one line that
names file or key, and nothing is lost. **W**: a warning. **N**: put right, and noted. Nobody's files are
rewritten, moved or deleted.
"""
_MATRIX = Path(__file__).with_name("matrix.csv")
_COLUMNS = "| tried | expected | seen | tests |\n|---|---|---|---|\n"
_SLOW = "not run by `make test`: `make test-slow`"


class Case(NamedTuple):
    """A marked test, and one thing that it tries; a row of the matrix goes by its number."""

    test: str
    tried: str
    expected: str
    slow: bool


class Result(NamedTuple):
    """What became of a test, and what it recorded."""

    outcome: str
    seen: str


CASES = pytest.StashKey[list[Case]]()
FILES = pytest.StashKey[set[Path]]()


def matrix() -> dict[str, tuple[str, str]]:
    """What is tried and expected, by the number of the row."""
    with _MATRIX.open(encoding="utf-8") as file:
        return {row["row"]: (row["tried"], row["expected"]) for row in csv.DictReader(file)}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability-page", type=Path, help="write what marked tests saw into this file")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--reliability-page")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(path))


@pytest.hookimpl(tryfirst=True)  # before `-m "not slow"` takes its part
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    config.stash[CASES] = [case for item in items for case in cases(item)]
    config.stash[FILES] = {item.path for item in items}
    if hasattr(config, "workeroutput"):
        config.workeroutput["reliability"] = [tuple(case) for case in config.stash[CASES]]


def cases(item: pytest.Item) -> Iterable[Case]:
    """All that a test is marked with."""
    for mark in item.iter_markers("reliability"):
        tried, expected = (*map(str, mark.args), "")[:2]
        if mark.kwargs or len(mark.args) not in (1, 2) or (len(mark.args) == 1) != (tried in matrix()):
            raise pytest.UsageError(f"{item.nodeid}: reliability takes a row of 1 to 43, or two texts")
        yield Case(item.nodeid, tried, expected, item.get_closest_marker("slow") is not None)


class Recorder:
    """Gathers cases and reports, of all of xdist's workers, and writes the page."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cases: list[Case] = []
        self._results: dict[str, Result] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get("reliability", [])
        self._cases = [Case(*case) for case in told] or self._cases

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        seen = "; ".join(text for name, text in report.user_properties if name == "seen")
        if report.skipped and isinstance(report.longrepr, tuple):
            seen = report.longrepr[2].removeprefix("Skipped: ").replace(str(REPOSITORY.parent), "..")
        self._results[report.nodeid] = Result(report.outcome, seen)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        found = self._cases or session.config.stash.get(CASES, [])
        self._path.write_text(page(found, self._results), encoding="utf-8")


def page(found: Sequence[Case], results: Mapping[str, Result]) -> str:
    """Write the page in Markdown: the rows of the matrix, then all other kinds by their words."""
    grouped = defaultdict(list)
    for case in found:
        grouped[case.tried, case.expected].append(case)
    rows = [
        _line(f"{row}. {tried}", expected, grouped.pop((row, ""), []), results)
        for row, (tried, expected) in matrix().items()
    ]
    kinds = [_line(*words, cases, results) for words, cases in sorted(grouped.items())]
    parts = (HEAD, "## Fault matrix\n", _COLUMNS + "".join(rows), "## Odd inputs and other bad luck\n")
    return "\n".join((*parts, _COLUMNS + "".join(kinds)))


def _line(tried: str, expected: str, found: Sequence[Case], results: Mapping[str, Result]) -> str:
    tests = ", ".join(sorted({_short(case.test) for case in found}))
    cells = (tried, expected, _seen(found, results), tests)
    return f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |\n"


def _short(test: str) -> str:
    return f"`{test.partition('[')[0].removeprefix('tests/')}`"


def _seen(found: Sequence[Case], results: Mapping[str, Result]) -> str:
    if not found:
        return "**no test**"
    return "; ".join(sorted({_outcome(case, results.get(case.test)) for case in found}))


def _outcome(case: Case, result: Result | None) -> str:
    if result is None:
        return _SLOW if case.slow else "**not run**"
    if result.outcome == "passed":
        return result.seen or "as expected"
    return f"**{result.outcome}**" + (f": {result.seen}" if result.seen else "")
