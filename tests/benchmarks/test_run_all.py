from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks import bars, run_all
from benchmarks.run_all import Benchmark, Outcome
from tests.imports import REPOSITORY


def test_every_script_is_run_or_left_out_for_a_reason() -> None:
    scripts = {file.stem for file in (REPOSITORY / "benchmarks").glob("*.py")}
    assert {each.script for each in run_all.BENCHMARKS} | set(run_all.LEFT_OUT) == scripts


def test_a_quick_run_leaves_its_table_and_its_bars_on_the_page() -> None:
    done = run_all.run(Benchmark("preprocess", quick=("--sets",)), quick=True)
    judged = Outcome(
        "python -m benchmarks.other",
        f"| x | {bars.at_most(1.2, 2)} |\n\nspeed {bars.at_least(3, 4)}",
        True,
        3.0,
    )
    page = run_all.page([done, judged], "1234567")
    assert done.is_sound, done.said
    assert "| `python -m benchmarks.other` | 3 | 1 | 1 | yes |" in page


def test_what_lacks_its_data_is_named_and_not_run() -> None:
    done = run_all.run(Benchmark("torn", needs=(REPOSITORY / "nowhere",)))
    assert "Not run" in done.said
    assert not done.is_sound


def test_a_benchmark_that_fails_says_why_on_the_page() -> None:
    done = run_all.run(Benchmark("folders_that_are_not_there"))
    assert "No module named" in run_all.page([done], "1234567")


def test_what_ended_well_at_this_commit_is_not_run_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    assert run_all.earlier(kept, "1234567") == {}
    kept.write_text(
        json.dumps({"commit": "1234567", "outcomes": [Outcome("python -m x", "fast", True, 3.0)]})
    )
    assert run_all.earlier(kept, "1234567") == {"python -m x": Outcome("python -m x", "fast", True, 3.0)}
    assert run_all.earlier(kept, "another") == {}


def test_lines_without_a_table_stay_lines() -> None:
    assert run_all.shown("one\ntwo") == "```text\none\ntwo\n```"
    assert run_all.shown("| a |\n|---|\n| 1 |") == "| a |\n|---|\n| 1 |"
    assert run_all.shown("|  a |\n|---:|\n|  1 |").startswith("| ")


def test_the_page_names_commit_and_machine() -> None:
    page = run_all.page([], run_all.commit())
    assert f"commit {run_all.commit()}, {os.cpu_count()} cores of " in page
    assert "GiB of memory" in page
