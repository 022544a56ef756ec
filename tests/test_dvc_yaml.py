"""`dvc.yaml` names all that a stage reads: its code, its data and its settings."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.config import Config
from tests.imports import PACKAGE, REPOSITORY, closure

STAGES = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
# What changes no output: pages (but of the stage that makes them), records, array types, and the settings,
# which have no defaults: docs/decisions/0018.
UNLISTED = {"addresses.py", "config", "registry", "report", "track", "types.py"}
PERFORMANCE = {"run.workers", "run.engine", "run.ray_address"}  # how fast and where, not what


def stage_file(stage: str) -> Path:
    return REPOSITORY / "pipeline" / "stages" / f"{stage}.py"


def code_deps(stage: str) -> set[str]:
    return {dep for dep in STAGES[stage]["deps"] if dep.startswith("pipeline/")}


def rooms(stage: str) -> set[str]:
    """Rooms that a stage reaches by its imports, its own file among them."""
    reached = closure(stage_file(stage), without=UNLISTED - {stage})
    places = {path.relative_to(PACKAGE).parts for path in reached}
    return {f"pipeline/{'/'.join(parts) if parts[0] == 'stages' else parts[0]}" for parts in places}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_rooms_that_a_stage_imports(stage: str) -> None:
    assert code_deps(stage) == rooms(stage)


def settings_read(file: Path) -> set[str]:
    """Dotted settings that a stage reads from its `config`; of a section passed on whole, all keys."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    chains = [dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    read = {chain for chain in chains if chain and chain.startswith("config.")}
    ends = {chain for chain in read if not any(other.startswith(f"{chain}.") for other in read)}
    passed_on = {
        f"config.{name}" for name in re.findall(r"config\.(\w+)[,)]", file.read_text(encoding="utf-8"))
    }
    keys = (keys_of(chain.split(".")[1:]) for chain in ends | passed_on)
    return set().union(*keys) - PERFORMANCE


def keys_of(chain: list[str]) -> set[str]:
    section, *rest = chain
    fields = Config.model_fields[section].annotation.model_fields
    name = section.replace("validation", "validate")
    if rest and rest[0] in fields:
        return {f"{name}.{rest[0]}"}
    return {f"{name}.{field}" for field in fields}


def dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (parent := dotted(node.value)):
        return f"{parent}.{node.attr}"
    return None


def readers(stage: str) -> list[Path]:
    """Files that read a stage's settings: its own, and those of the room that makes the pages."""
    return [stage_file(stage), *sorted((PACKAGE / "report").glob("*.py") if stage == "report" else [])]


@pytest.mark.parametrize("stage", STAGES)
def test_params_cover_the_settings_read(stage: str) -> None:
    listed = STAGES[stage]["params"]
    keys = set().union(*map(settings_read, readers(stage)))
    read = {key for key in keys if not key.startswith(("paths.", "track."))}
    assert read, "every stage reads some setting"
    assert {key for key in read if key not in listed and key.split(".")[0] not in listed} == set()


def test_what_no_setting_names_is_no_dependency_of_training() -> None:
    """DVC has none under one setting only: a changed release must not train anew what started elsewhere."""
    assert "train.weights" in STAGES["validate"]["params"]
    assert [dep for stage in STAGES.values() for dep in stage["deps"] if "released" in dep] == []


@pytest.mark.parametrize("stage", STAGES)
def test_no_path_is_written_twice(stage: str) -> None:
    entries = [*STAGES[stage]["deps"], *outputs(stage)]
    assert [path for path in entries if not path.startswith(("${", "pipeline/"))] == []


def outputs(stage: str) -> dict[str, dict[str, object]]:
    """What a stage writes, each with what dvc.yaml says of it."""
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in STAGES[stage].get(kind, [])]
    return {
        path: options
        for entry in entries
        for path, options in ({entry: {}} if isinstance(entry, str) else entry).items()
    }


@pytest.mark.parametrize("stage", STAGES)
def test_what_dvc_keeps_is_ignored_by_git_in_the_words_that_dvc_would_add(stage: str, params: Config) -> None:
    """Else a first `dvc repro` changes files of the repository."""
    listed = outputs(stage).items()
    cached = [path for path, options in listed if options.get("cache", True) or options.get("persist")]
    kept = [REPOSITORY / placed(path, params) for path in cached]
    lines = {path: (path.parent / ".gitignore").read_text(encoding="utf-8").splitlines() for path in kept}
    assert kept
    assert [path for path in kept if f"/{path.name}" not in lines[path]] == []


def placed(path: str, params: Config) -> str:
    """Put the settings' paths in, as DVC does."""
    return re.sub(r"\$\{paths\.(\w+)\}", lambda found: str(getattr(params.paths, found[1])), path)


@pytest.mark.parametrize("root", ["Data", "Data/radiographs"])
def test_radiographs_may_lie_beside_what_stages_make(root: str, tmp_path: Path) -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["data"]["root"] = root
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copy(REPOSITORY / "dvc.yaml", tmp_path)
    for command in ("init --no-scm --quiet", "dag"):  # refuses outputs inside what their stage reads
        done = subprocess.run(["dvc", *command.split()], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_person_can_read_it_to_the_end() -> None:
    assert len((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 200
