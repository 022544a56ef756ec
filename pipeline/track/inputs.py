"""The data that a state or a stage reads, as MLflow shows them: name, real path, and DVC's md5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.config import Config
from pipeline.track import state

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_RADIOGRAPHS = "radiographs"


class Input(NamedTuple):
    """Data that are read; ``md5`` is DVC's, of a folder with ``.dir`` at its end."""

    name: str
    path: Path
    md5: str


def of_state(pipeline: state.Pipeline, config: Config) -> list[Input]:
    """Return the user's data; what stages make of them follows from the state."""
    read = {path: md5 for s in pipeline.stages.values() for path, md5 in s.now.dependencies.items()}
    return _find(read, _sources(config))


def of_stage(stage: state.Stage, config: Config) -> list[Input]:
    """Return the data that a stage reads: the user's, and what earlier stages made of them."""
    made = {
        config.paths.manifest: "manifest",
        config.paths.annotations: "checked annotations",
        config.paths.shards: "shards",
    }
    return _find(stage.now.dependencies, _sources(config) | made)


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
            Dataset(name, md5, source_type="local", source=f'{{"uri": "{path.resolve().as_posix()}"}}'),
            [InputTag("mlflow.data.context", context)],
        )
        for name, path, md5 in inputs
    ]


def tags(inputs: Sequence[Input]) -> dict[str, str]:
    """Name the md5 of the radiographs, where they are among the inputs."""
    radiographs = [found.md5 for found in inputs if found.name == _RADIOGRAPHS]
    return {"data.md5": radiographs[0]} if radiographs else {}


def _sources(config: Config) -> dict[Path, str]:
    data = config.data
    return {data.root: _RADIOGRAPHS, data.annotations: "annotations", data.labels: "labels"}


def _find(read: Mapping[str, str], known: Mapping[Path, str]) -> list[Input]:
    """Return the known data among the dependencies; without an md5, nobody can say which they are."""
    pairs = ((Path(path), md5) for path, md5 in read.items() if md5)
    return [Input(known[path], path, md5) for path, md5 in pairs if path in known]
