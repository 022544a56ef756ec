"""The pipeline read from the repository, through DVC itself, known to this module, `revisions` and `cache`.

DVC resolves the templates of ``dvc.yaml`` and hashes the files, and finds most hashes in the
database where it noted them a moment ago: 10,000 radiographs cost a walk over their names (0.1 s)
and no second reading. Nothing here takes DVC's lock, so a running stage may ask. A tracked
pipeline is one ``dvc.yaml`` in the folder where one works.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import addresses
from pipeline.files.walk import above
from pipeline.track.state import NoPipelineError, Pipeline, Recipe, Stage

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import PipelineStage

PIPELINE_FILE = Path("dvc.yaml")
LOCK_FILE = Path("dvc.lock")


def read() -> Pipeline:
    """Read the pipeline of the working folder, hashing what it reads.

    Raises
    ------
    NoPipelineError
        No ``dvc.yaml`` here, or no DVC repository.
    """
    with _repository() as repo:
        stages, entries = _load(repo)
        root = Path(os.environ.get("DVC_ROOT") or repo.root_dir)
        hashes = _hashes(stages, entries)
    makers = {output.fs_path: stage.name for stage in stages for output in stage.outs}
    return Pipeline(root, {s.name: _stage(s, entries.get(s.name), hashes, makers) for s in stages})


def root() -> Path:
    """Return the folder that holds ``.dvc``: the working folder, or one above it."""
    return above(".dvc") or Path.cwd()


def configure_copy(folder: Path, root: Path) -> None:
    """Let DVC work in a copy of the repository without git, on its cache and with its secrets."""
    from configobj import ConfigObj

    local = root / ".dvc" / "config.local"
    config = ConfigObj(str(local) if local.exists() else None, list_values=False)
    with _repository() as repo:
        config.setdefault("cache", {})["dir"] = str(repo.cache.local_cache_dir)
    config.setdefault("core", {})["no_scm"] = "true"
    config.filename = str(folder / ".dvc" / "config.local")
    config.write()


def outputs_hold(stage: Stage, *folders: Path) -> bool:
    """Whether every output of the stage under the folders is on disk just as ``dvc.lock`` records it."""
    with _repository() as repo:
        loaded = next(candidate for candidate in _load(repo)[0] if candidate.name == stage.name)
        inside = [o for o in loaded.outs if any(Path(o.def_path).is_relative_to(f) for f in folders)]
        return all(o.exists and o.get_hash().value == stage.outputs.get(o.def_path) for o in inside)


def _repository() -> Repo:
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    if not PIPELINE_FILE.exists():
        raise NoPipelineError(f"no {PIPELINE_FILE} in the working folder")
    try:
        return Repo()
    except NotDvcRepoError as error:
        raise NoPipelineError(str(error)) from error


def _load(repo: Repo) -> tuple[list[PipelineStage], Mapping[str, Any]]:
    """Load the stages of ``dvc.yaml``, templates resolved, and the entries of ``dvc.lock``.

    Both as DVC itself reads them: to PyYAML, the `1e-05` that DVC writes is a string.
    """
    from dvc.dvcfile import load_file
    from dvc.utils.strictyaml import YAMLSyntaxError, YAMLValidationError

    try:
        project = load_file(repo, str(PIPELINE_FILE))
        stages = [stage for stage in project.stages.values() if stage.cmd]
        return stages, project.lockfile_contents.get("stages", {})
    except (YAMLValidationError, YAMLSyntaxError) as error:
        first = str(error).partition("\n")[0]
        raise NoPipelineError(f"{first}. `fracture doctor --mend` brings {LOCK_FILE} back.") from error


def _hashes(stages: Iterable[PipelineStage], entries: Mapping[str, Any]) -> dict[str, str]:
    """Return path to md5: as on disk or, where absent (a clone before `dvc pull`), as recorded."""
    hashes: dict[str, str] = {}
    for kind in ("deps", "outs"):
        for entry in entries.values():
            hashes |= _md5s(entry.get(kind, ()))
    paths = {dependency.def_path: dependency for stage in stages for dependency in _files(stage)}
    return hashes | {path: md5 for path, dependency in paths.items() if (md5 := _md5(path, dependency))}


def _md5(path: str, dependency: Output) -> str:
    """Hash what a stage reads as DVC does, an address by what is listed there; empty where it is absent."""
    try:
        return str(dependency.get_hash().value) if dependency.exists else ""
    except Exception as error:
        if not addresses.is_address(path):
            raise
        raise NoPipelineError(f"{path} must answer. Received: {type(error).__name__}: {error}.") from error


def _files(stage: PipelineStage) -> list[Output]:
    from dvc.dependency import ParamsDependency

    return [dependency for dependency in stage.deps if not isinstance(dependency, ParamsDependency)]


def _stage(
    stage: PipelineStage,
    entry: Mapping[str, Any] | None,
    hashes: Mapping[str, str],
    makers: Mapping[str, str],
) -> Stage:
    upstream = {d.def_path: _makers_of(d.fs_path, makers) for d in _files(stage)}
    return Stage(
        name=stage.name,
        now=Recipe(
            command=stage.cmd,
            dependencies={path: hashes.get(path, "") for path in upstream},
            params={params.def_path: params.read_params() for params in stage.params},
        ),
        recorded=recorded(entry) if entry else None,
        outputs=outputs(entry) if entry else {},
        leaves=frozenset(path for path, stages in upstream.items() if not stages),
        upstream=frozenset().union(*upstream.values()),
    )


def recorded(entry: Mapping[str, Any]) -> Recipe:
    """Return the recipe that an entry of ``dvc.lock`` records."""
    return Recipe(entry["cmd"], _md5s(entry.get("deps", ())), entry.get("params", {}))


def outputs(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs that an entry of ``dvc.lock`` records: path to md5."""
    return _md5s(entry.get("outs", ()))


def _md5s(records: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {record["path"]: record.get("md5", "") for record in records}


def _makers_of(path: str, makers: Mapping[str, str]) -> set[str]:
    """Find the stages with an output that is ``path``, lies in it or holds it."""
    return {stage for output, stage in makers.items() if _holds(output, path) or _holds(path, output)}


def _holds(folder: str, path: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it; both are absolute, as DVC writes them."""
    return path == folder or path.startswith(folder + os.sep)
