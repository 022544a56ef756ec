"""The committed page says what the marks say, and a page is made of marks and results."""

from __future__ import annotations

import pytest

from tests.imports import REPOSITORY
from tests.reliability import page
from tests.reliability.page import Case, Result


def without_seen(text: str) -> list[list[str]]:
    """The lines of the tables but for what was seen: that hangs on the machine."""
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [[*row[:2], *row[3:]] for row in rows]


def test_the_committed_page_lists_what_is_marked(request: pytest.FixtureRequest) -> None:
    stash = request.config.stash
    if stash[page.FILES] != set((REPOSITORY / "tests").rglob("test_*.py")):
        pytest.skip("this needs a run of all tests: only then all marks are known")
    marked = without_seen(page.page(stash[page.CASES], {}))
    assert without_seen(page.COMMITTED.read_text(encoding="utf-8")) == marked, "run `make reliability`"


def test_every_row_of_the_matrix_has_a_test() -> None:
    rows = without_seen(page.COMMITTED.read_text(encoding="utf-8"))
    assert [row for row in rows[1:44] if row[2] == " |"] == []
    assert [int(row[0].removeprefix("| ").partition(".")[0]) for row in rows[1:44]] == list(range(1, 44))


def line(text: str, start: str) -> str:
    (found,) = (each for each in text.splitlines() if each.startswith(f"| {start}"))
    return found


def test_results_of_one_kind_are_folded_into_a_line() -> None:
    cases = [Case("tests/a.py::test_x[1]", "2", "", False), Case("tests/a.py::test_x[2]", "2", "", False)]
    results = {"tests/a.py::test_x[1]": Result("passed", ""), "tests/a.py::test_x[2]": Result("failed", "")}
    assert line(page.page(cases, results), "2.").endswith("| **failed**; as expected | `a.py::test_x` |")
    assert line(page.page([], {}), "2.").endswith("| **no test** |  |")


@pytest.mark.parametrize(
    ("result", "slow", "seen"),
    [
        (Result("passed", "two lines\nhere"), False, "two lines here"),
        (Result("skipped", "no GPU"), False, "**skipped**: no GPU"),
        (None, True, "not run by `make test`: `make test-slow`"),
        (None, False, "**not run**"),
    ],
)
def test_what_was_seen_is_what_the_test_recorded_or_its_outcome(result, slow, seen) -> None:
    cases = [Case("tests/a.py::test_x", "a | b", "no harm", slow)]
    results = {"tests/a.py::test_x": result} if result else {}
    assert line(page.page(cases, results), "a / b") == f"| a / b | no harm | {seen} | `a.py::test_x` |"
