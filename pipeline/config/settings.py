"""All settings, read from ``params.yaml``: this module is its only reader.

Every section forbids unknown keys, so that a misspelt key is an error and never a silent default.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from pipeline.config.kinds import Section
from pipeline.config.params_file import explained, load
from pipeline.config.places import Data, Paths, Run, Track
from pipeline.config.services import Feedback, Node, Serve
from pipeline.config.stages import (
    Drift,
    Evaluate,
    Phantoms,
    Predict,
    Preprocess,
    Promote,
    RegionMaps,
    Train,
    Validate,
)

PARAMS_FILE = Path("params.yaml")
# In a wheel, the file that came with it; an editable install has the repository's.
_PACKAGED = Path(__file__).parents[1] / "params.yaml"


class ConfigError(ValueError):
    """``params.yaml`` is missing, is not YAML, or holds a value that is not allowed."""


class Config(Section):
    """All settings of the pipeline."""

    paths: Paths
    data: Data
    run: Run
    track: Track
    phantoms: Phantoms
    validation: Validate = Field(alias="validate")
    preprocess: Preprocess
    train: Train
    predict: Predict
    evaluate: Evaluate
    region_maps: RegionMaps
    promote: Promote
    drift: Drift
    serve: Serve
    feedback: Feedback
    node: Node

    @field_validator("data", "validation")
    @classmethod
    def _is_no_result(cls, section: Section, info: ValidationInfo) -> Section:
        """Keep what is the user's out of what DVC deletes before a stage runs."""
        paths = info.data.get("paths")
        deleted = {paths.manifest, paths.annotations, paths.shards} if paths else set()
        for key, path in section:
            if isinstance(path, Path) and not deleted.isdisjoint((path, *path.parents)):
                raise ValueError(f"{key} is a result under `paths`, which DVC deletes before a stage: {path}")
        return section

    def with_models(self, folder: Path | None) -> Config:
        """Take the bundle of another folder; None for that of the settings."""
        if folder is None:
            return self
        return self.model_copy(update={"paths": self.paths.model_copy(update={"models": folder})})

    def listening(self, host: str | None, port: int | None) -> Config:
        """Let the service listen elsewhere; None for where the settings say."""
        asked = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
        serve = Serve.model_validate(self.serve.model_dump() | asked)
        return self.model_copy(update={"serve": serve})

    def with_node(self, changes: Mapping[str, Any]) -> Config:
        """Take other settings of the node, checked as those of the file are.

        Raises
        ------
        ConfigError
            One is not allowed.
        """
        try:
            node = Node.model_validate(self.node.model_dump() | dict(changes))
        except ValidationError as error:
            raise ConfigError(_explained(Path("node"), error)) from None
        return self.model_copy(update={"node": node})


def read_anywhere() -> Config:
    """Read the settings of the working folder; outside a repository, those that came with the package.

    Raises
    ------
    ConfigError
        As for :func:`read`.
    """
    if in_repository():
        return read()
    return read(_PACKAGED if _PACKAGED.is_file() else _PACKAGED.parents[1] / PARAMS_FILE)


def in_repository() -> bool:
    """Whether the working folder has settings of its own."""
    return PARAMS_FILE.exists()


def read(path: Path = PARAMS_FILE) -> Config:
    """Read and check the settings.

    Raises
    ------
    ConfigError
        The file is missing or is not YAML, or a key is unknown, missing, of the wrong type
        or out of range. The message names each such key, what was received and what is allowed.
    """
    try:
        return Config.model_validate(load(path))
    except ValidationError as error:
        raise ConfigError(_explained(path, error)) from None
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from None


def _explained(path: Path, error: ValidationError) -> str:
    problems = {".".join(map(str, problem["loc"])): problem for problem in error.errors()}
    return explained(path, problems)
