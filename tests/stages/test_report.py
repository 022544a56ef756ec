"""The stage that makes all pages, on small report folders made by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.dataset.names import PAGES
from pipeline.stages import report
from pipeline.track.runs import StageRecord
from tests.imports import REPOSITORY
from tests.report import folders


@pytest.fixture
def config(tmp_path: Path, params: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)  # no dvc.yaml here: nothing is tracked
    two = {stage: report.DOCUMENTS[stage] for stage in ("evaluate", "region_maps")}
    monkeypatch.setattr(report, "DOCUMENTS", two)
    made = folders.config(tmp_path, params)
    folders.write_evaluation(made, folders.found())
    folders.write_region_maps(made.paths.report("region_maps"), folders.CASE)
    return made


def pages(config: Config) -> dict[Path, bytes]:
    """All that stands where pages belong."""
    places = [config.paths.report(stage) / name for stage in report.DOCUMENTS for name in PAGES[stage]]
    files = [file for place in places for file in (sorted(place.iterdir()) if place.is_dir() else [place])]
    return {file: file.read_bytes() for file in files}


def test_every_stage_with_pages_has_them_made() -> None:
    assert report.DOCUMENTS.keys() == PAGES.keys()


def test_every_page_is_written_and_a_second_run_writes_the_same(config: Config) -> None:
    report.run(config)
    first = pages(config)
    assert all(first.values())
    report.run(config)
    assert pages(config) == first


@pytest.mark.parametrize("content", ["{}", '{"test": {}}'])
def test_results_of_other_code_are_refused_with_the_cure(config: Config, content: str) -> None:
    (config.paths.report("evaluate") / "metrics.json").write_text(content)
    with pytest.raises(ValueError, match=r"pages of evaluate .*Run `dvc repro`"):
        report.run(config)


def test_pages_and_their_bytes_are_counted(config: Config) -> None:
    report.run(config)
    figures = json.loads((config.paths.report("report") / "metrics.json").read_text())
    sizes = [len(data) for file, data in pages(config).items() if file.suffix == ".html"]
    assert figures == {"pages": len(sizes), "bytes": sum(sizes)}


def test_the_record_is_given_the_pages_of_each_stage(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, list[Path]] = {}
    monkeypatch.setattr(StageRecord, "pages", lambda _, stage, files: given.update({stage: list(files)}))
    report.run(config)
    assert list(given) == list(report.DOCUMENTS)
    assert sorted(file for files in given.values() for file in files) == sorted(pages(config))


def test_pages_stand_only_where_dvc_expects_them(config: Config) -> None:
    for stage, documents in report.DOCUMENTS.items():
        assert {name.split("/")[0] for name in documents(config)} == set(PAGES[stage])


def test_a_page_is_made_without_tensorflow() -> None:
    """A changed template costs seconds, not the start of a network."""
    code = "import sys, pipeline.stages.report; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
