"""The data that a state or a stage reads, as MLflow shows them: name, real path, and DVC's md5."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline import addresses
from pipeline.config import Config
from pipeline.dataset.layout import SPLITS
from pipeline.track import state

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_RADIOGRAPHS = "radiographs"


class Input(NamedTuple):
    """Data that are read.

    ``md5`` is DVC's, of a folder with ``.dir`` at its end; of the radiographs it is the md5 of the three that
    DVC knows, of train, val and test, one a line.
    """

    name: str
    path: Path
    md5: str


def of_state(pipeline: state.Pipeline, config: Config) -> list[Input]:
    """Return the user's data; what stages make of them follows from the state."""
    dependencies = {path: md5 for s in pipeline.stages.values() for path, md5 in s.now.dependencies.items()}
    return _radiographs(dependencies, config.data.root) + _named(dependencies, _beside(config))


def of_stage(stage: state.Stage, config: Config) -> list[Input]:
    """Return the data that a stage reads: the user's, and what earlier stages made of them."""
    outputs = {
        config.paths.manifest: "manifest",
        config.paths.annotations: "checked annotations",
        config.paths.shards: "shards",
    }
    dependencies = stage.now.dependencies
    return _radiographs(dependencies, config.data.root) + _named(dependencies, _beside(config) | outputs)


def entities(inputs: Sequence[Input], context: str) -> list[DatasetInput]:
    """Describe inputs by MLflow's entities: ``mlflow.data`` would read the files for that.

    Parameters
    ----------
    context
        What the data are read for.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return [
        DatasetInput(
            Dataset(name, md5, source_type=_kind(path), source=json.dumps({"uri": _uri(path)})),
            [InputTag("mlflow.data.context", context)],
        )
        for name, path, md5 in inputs
    ]


def _kind(path: Path) -> str:
    return addresses.of(path).partition(":")[0] or "local"


def _uri(path: Path) -> str:
    return addresses.of(path) or path.resolve().as_posix()


def tags(inputs: Sequence[Input]) -> dict[str, str]:
    """Name the md5 of the radiographs, where they are among the inputs."""
    radiographs = [one.md5 for one in inputs if one.name == _RADIOGRAPHS]
    return {"data.md5": radiographs[0]} if radiographs else {}


def _beside(config: Config) -> dict[Path, str]:
    return {config.data.annotations: "annotations", config.data.labels: "labels"}


def _radiographs(dependencies: Mapping[str, str], root: Path) -> list[Input]:
    """Return the radiographs as one input, where all their splits are among the dependencies."""
    by_path = {Path(path): md5 for path, md5 in dependencies.items()}
    md5s = [by_path.get(Path(addresses.shown(root / split)), "") for split in SPLITS]
    if not all(md5s):
        return []
    joined = "\n".join(md5s).encode()
    return [Input(_RADIOGRAPHS, root, hashlib.md5(joined, usedforsecurity=False).hexdigest())]


def _named(dependencies: Mapping[str, str], names: Mapping[Path, str]) -> list[Input]:
    """Return the data among the dependencies that have a name; without an md5, nobody can tell which."""
    pairs = ((Path(path), md5) for path, md5 in dependencies.items() if md5)
    return [Input(names[path], path, md5) for path, md5 in pairs if path in names]
