"""The way from files to pages on three machines, of which one after the other is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pipeline.commands import predict
from pipeline.config import Config
from pipeline.files import engine
from pipeline.network import interface
from pipeline.stages import evaluate, preprocess, region_maps, report, train, validate
from pipeline.statistics import forests
from tests import clusters
from tests.cluster import stages

pytestmark = pytest.mark.slow
BATCH = 3  # so that there are more batches than machines


@pytest.fixture
def here(tmp_path: Path, params: Config, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What all stages and `predict` write without a cluster."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forests, "_N_VOTES", 20)
    pipeline = SimpleNamespace(root=tmp_path, checkpoints=lambda _: tmp_path / ".checkpoints" / "recipe")
    monkeypatch.setattr(train, "repository", SimpleNamespace(read=lambda: pipeline))
    stages.draw(params)
    config = stages.small(params, Path("here"), 1)
    with monkeypatch.context() as patch:
        patch.setattr(interface, "BATCH", BATCH)
        for stage in (validate, preprocess, train, evaluate, region_maps, report):
            stage.run(config)
    predict.run(config, [stages.DRAWN], Path("here/answers"), as_json=False, model="here/models")
    return stages.written(Path("here"))


@pytest.mark.reliability("one of three machines of a Ray cluster is lost amid a stage", "the same bytes")
def test_each_stage_writes_the_same_bytes_though_a_machine_is_lost_amid_it(
    here: dict[str, bytes], params: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = stages.small(params, Path("cluster"), 0)
    shutil.copytree("here/reports/train", "cluster/reports/train")
    with clusters.machines(3) as three, engine.chosen(clusters.joining(config.run, three)):

        def lose() -> None:
            three.remove_node(next(iter(three.worker_nodes)), allow_graceful=False)

        def asked() -> None:
            predict.run(config, [stages.DRAWN], Path("cluster/answers"), as_json=False, model="here/models")

        for run, spread in _ways(config, asked):
            with monkeypatch.context() as patch:
                patch.setattr(interface, "BATCH", BATCH if run is not asked else interface.BATCH)
                lost = _amid(patch, spread, lose)
                run()
            assert lost, spread
            clusters.add(three)
            shutil.copytree("here/models", "cluster/models", dirs_exist_ok=True)
        report.run(config)
    assert stages.written(Path("cluster")) == here


def _ways(config: Config, asked: Callable[[], None]) -> list[tuple[Callable[[], None], str]]:
    """Each stage, and the function of the engine that spreads its work."""
    of: list[tuple[ModuleType, str]] = [
        (validate, "track"), (preprocess, "track"), (evaluate, "on_machines"), (region_maps, "on_machines"),
    ]  # fmt: skip
    return [
        *((lambda stage=stage: stage.run(config), spread) for stage, spread in of),
        (asked, "on_machines"),
    ]


def _amid(patch: pytest.MonkeyPatch, spread: str, lose: Callable[[], None]) -> list[bool]:
    """Lose a machine after the first results that come from the cluster."""
    original, lost = getattr(engine, spread), list[bool]()

    def losing(*arguments: Any, **named: Any) -> Iterator[Any]:
        results: Iterable[Any] = original(*arguments, **named)
        for place, result in enumerate(results):
            if place == 1 and not lost:
                lost.append(True)
                lose()
            yield result

    patch.setattr(engine, spread, losing)
    return lost
