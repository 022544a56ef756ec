"""What stages write on two machines of a Ray cluster is what they write here, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.files import engine
from pipeline.stages import preprocess, validate
from pipeline.statistics import forests
from tests.cluster import stages


@pytest.mark.slow
@pytest.mark.usefixtures("two_machines")
def test_stages_write_the_same_bytes_on_a_cluster(
    tmp_path: Path, params: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no dvc.yaml here: nothing is tracked
    monkeypatch.setattr(forests, "_N_VOTES", 20)
    stages.draw(params)
    for stage in (validate, preprocess):
        stage.run(stages.small(params, Path("cluster"), 0))
    monkeypatch.setattr(engine, "_cluster", None)
    for stage in (validate, preprocess):
        stage.run(stages.small(params, Path("here"), 1))
    here = stages.written(Path("here"))
    assert len(here["reports/validate/copies.csv"].splitlines()) > 1
    assert stages.written(Path("cluster")) == here
