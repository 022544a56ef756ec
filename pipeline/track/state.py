"""The pipeline's state in DVC's own terms, and the keys by which its runs are found.

Nothing here reads a file: `repository` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


class NoPipelineError(RuntimeError):
    """Here is no ``dvc.yaml`` under DVC, or it does not name the stage."""


@dataclass(frozen=True)
class Recipe:
    """What decides the outputs of a stage: its command, what it reads, its settings.

    Attributes
    ----------
    command
        As the shell gets it, templates resolved.
    dependencies
        Path to md5; "" where nobody knows it.
    params
        Parameter file to the values that the stage depends on, keyed as ``dvc.yaml`` names them.
    """

    command: str | list[str]
    dependencies: Mapping[str, str]
    params: Mapping[str, Mapping[str, Any]]

    @property
    def key(self) -> str:
        """Address of every execution of this recipe: a sha256 in hexadecimal."""
        return _sha256({"cmd": self.command, "deps": self.dependencies, "params": self.params})

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters of all files under dotted names."""
        return {name: value for values in self.params.values() for name, value in flatten(values)}


@dataclass(frozen=True)
class Stage:
    """A stage as it stands now, beside what ``dvc.lock`` recorded of it.

    Attributes
    ----------
    now
        The recipe that a run started at this moment would follow.
    recorded
        The recipe in ``dvc.lock``; None where the stage never ended well.
    outputs
        Path to md5 of the outputs in ``dvc.lock``.
    leaves
        Those dependencies that no stage makes.
    upstream
        The stages that make the other dependencies.
    """

    name: str
    now: Recipe
    recorded: Recipe | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    leaves: frozenset[str] = frozenset()
    upstream: frozenset[str] = frozenset()

    @property
    def matches_lock(self) -> bool:
        """Whether ``dvc.lock`` describes this very recipe."""
        return self.recorded is not None and self.recorded.key == self.now.key


@dataclass(frozen=True)
class Pipeline:
    """All stages in the order of ``dvc.yaml``, and the repository that keeps their runs.

    Attributes
    ----------
    root
        The main repository, even inside the temporary one of ``dvc exp run --temp``.
    """

    root: Path
    stages: Mapping[str, Stage]

    @property
    def key(self) -> str:
        """Address of this state: all commands, and the settings and files that stages read and none makes."""
        state = {
            stage.name: {
                "cmd": stage.now.command,
                "params": stage.now.params,
                "leaves": {path: stage.now.dependencies[path] for path in stage.leaves},
            }
            for stage in self.stages.values()
        }
        return _sha256(state)

    def folds_key(self, n_folds: int, release: str = "") -> str:
        """Address of this state with every fold of so many tested in turn, however it is split now.

        ``release`` is the sha256 of the release that training starts from, which no dependency names.
        """
        start = {"release": release} if release else {}
        return _sha256({"folds": n_folds, "state": replace(self, stages=dict(self._unsplit())).key, **start})

    def _unsplit(self) -> Iterator[tuple[str, Stage]]:
        for name, stage in self.stages.items():
            params = {file: _without_split(values) for file, values in stage.now.params.items()}
            yield name, replace(stage, now=replace(stage.now, params=params))

    @property
    def settings(self) -> dict[str, Any]:
        """The parameters that belong to the state, under dotted names; equal for an equal key."""
        return {name: value for s in self.stages.values() for name, value in s.now.settings.items()}

    def __getitem__(self, name: str) -> Stage:
        """Return the stage of that name."""
        if name not in self.stages:
            raise NoPipelineError(f"dvc.yaml has no such stage. Received: {name!r}.")
        return self.stages[name]

    def checkpoints(self, name: str) -> Path:
        """Folder for what a stage has done so far: no output, which DVC would delete before it runs.

        It is named by the recipe: another command, code, input or setting never finds it.
        """
        return self.root / ".checkpoints" / self[name].now.key[:16]

    def downstream(self, name: str) -> frozenset[str]:
        """Return the stages that read, directly or not, what this one makes."""
        below: set[str] = set()
        while grown := {s.name for s in self.stages.values() if s.upstream & {name, *below}} - below:
            below |= grown
        return frozenset(below)

    def current(self, excluding: Collection[str] = ()) -> list[Stage]:
        """Return the stages whose entry in ``dvc.lock`` holds for the state as it is.

        An entry holds when it matches the recipe of now and the entries of all stages
        upstream hold too. A running stage excludes itself and all downstream: what they
        read is about to change.
        """
        holds: dict[str, bool] = {}

        def check(name: str) -> bool:
            if name not in holds:
                stage = self.stages[name]
                holds[name] = name not in excluding and stage.matches_lock and all(map(check, stage.upstream))
            return holds[name]

        return [stage for name, stage in self.stages.items() if check(name)]


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) for every value of nested mappings that is no mapping."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _without_split(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out which fold is tested, and of how many."""
    left_out = ("validate.split", "validate.folds", "validate.fold")
    return {name: value for name, value in flatten(values) if name not in left_out}


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
