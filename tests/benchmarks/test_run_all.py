from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks import bars, page, run_all
from benchmarks.page import Outcome
from benchmarks.run_all import Benchmark
from pipeline.dataset.layout import CLASS_FOLDERS
from pipeline.files import images
from pipeline.phantoms import drawing
from tests.imports import REPOSITORY


def test_every_script_is_run_or_left_out_for_a_reason() -> None:
    scripts = {file.stem for file in (REPOSITORY / "benchmarks").glob("*.py")}
    assert {each.script for each in run_all.BENCHMARKS} | set(run_all.LEFT_OUT) == scripts


def test_a_quick_run_leaves_its_table_and_its_bar_on_the_page(tmp_path: Path) -> None:
    phantom = drawing.draw(7, "train", 1, fractured=True, side_px=(160, 200))
    for kind in CLASS_FOLDERS:
        (tmp_path / "train" / kind).mkdir(parents=True)
        images.write(tmp_path / "train" / kind / "1.png", phantom.pixels)
    arguments = (str(tmp_path), "--files", "2", "--sets", "64", "--rounds", "1")
    done = run_all.run(Benchmark("preprocess", quick=arguments), quick=True)
    assert done.is_sound, done.said
    written = page.written([done], "1234567")
    assert f"\n\n{done.said}\n" in written
    assert "| preprocess | 64, all / decoding: " in written


def test_figures_with_a_bar_stand_together_above() -> None:
    table = f"| size | ratio |\n|---|---|\n| 224 | {bars.at_most(1.2, 2)} |"
    said = f"{table}\n\nspeed x {bars.at_least(3, 4)}, more"
    written = page.written([Outcome("python -m benchmarks.other 7", said, True, 3.0)], "1234567")
    assert "1 of 2 were" in written
    assert "| other | 224, ratio: 1.20 | at most 2.00 | yes |" in written
    assert "| other | speed x 3.00 | at least 4.00 | no |" in written


def test_what_was_not_run_is_named() -> None:
    written = page.written([], "1234567", ["python -m benchmarks.other"])
    assert "| `python -m benchmarks.other` |  | not run |" in written


def test_each_benchmark_is_introduced_by_what_it_says_of_itself() -> None:
    written = page.written([Outcome("python -m benchmarks.bars", "said", True, 3.0)], "1234567")
    assert "## bars\n\nWrite a measured figure beside its bar" in written


def test_what_lacks_its_data_is_named_and_not_run() -> None:
    done = run_all.run(Benchmark("torn", needs=(REPOSITORY / "nowhere",)))
    assert "Not run" in done.said
    assert not done.is_sound


def test_a_benchmark_that_fails_says_why_on_the_page() -> None:
    done = run_all.run(Benchmark("folders_that_are_not_there"))
    assert "No module named" in page.written([done], "1234567")


def test_what_ended_well_at_this_commit_is_not_run_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    assert run_all.earlier(kept, "1234567") == {}
    kept.write_text(
        json.dumps({"commit": "1234567", "outcomes": [Outcome("python -m x", "fast", True, 3.0)]})
    )
    assert run_all.earlier(kept, "1234567") == {"python -m x": Outcome("python -m x", "fast", True, 3.0)}
    assert run_all.earlier(kept, "another") == {}


def test_lines_without_a_table_stay_lines() -> None:
    assert page.shown("one\ntwo") == "```text\none\ntwo\n```"
    assert page.shown("| a |\n|---|\n| 1 |") == "| a |\n|---|\n| 1 |"
    assert page.shown("|  a |\n|---:|\n|  1 |").startswith("| ")


def test_the_page_names_commit_and_machine() -> None:
    written = page.written([], page.commit())
    assert f"commit {page.commit()}, {os.cpu_count()} cores of " in written
    assert "GiB of memory" in written
