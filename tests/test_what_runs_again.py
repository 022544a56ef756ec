"""Which stages DVC runs after a change of code: real DVC, our `dvc.yaml`, and commands that only write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import cloning

# Writes each output anew, with all that its stage reads in it: whatever changes goes on to the stages behind.
WRITER = """
import hashlib, json, shutil, sys
from pathlib import Path

stage = json.loads(Path("stages.json").read_text())[sys.argv[1]]
digest = hashlib.sha256()
for dep in stage["deps"]:
    for file in sorted(p for p in [Path(dep), *Path(dep).rglob("*")] if p.is_file()):
        digest.update(file.read_bytes())
for out, inside in stage["outs"].items():
    for path in [Path(out, name) for name in inside] or [Path(out)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(digest.hexdigest())
with Path("ran.txt").open("a") as log:
    log.write(sys.argv[1] + "\\n")
"""

PHANTOMS = ["train/a.png", "val/a.png", "test/a.png", "annotations.coco.json"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which every stage has run once."""
    folder = cloning.copy(tmp_path_factory.mktemp("clone"), {})
    cloning.run(folder, "dvc", "init", "--quiet", "--force")
    text = (folder / "dvc.yaml").read_text(encoding="utf-8")
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for section in ("paths", "data", "validate"):
        for key, value in params[section].items():
            text = text.replace(f"${{{section}.{key}}}", str(value))
    pipeline = yaml.safe_load(text)
    for name, stage in pipeline["stages"].items():
        stage["cmd"] = f"python writer.py {name}"
    stages = {name: described(stage) for name, stage in pipeline["stages"].items()}
    (folder / "stages.json").write_text(json.dumps(stages), encoding="utf-8")
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    (folder / "writer.py").write_text(WRITER, encoding="utf-8")
    assert len(ran(folder)) == len(stages)
    return folder


def described(stage: dict[str, Any]) -> dict[str, Any]:
    """What a stage reads, and each path that it writes, with the files inside where that is a folder."""
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    paths = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
    inside = {path: [] if Path(path).suffix else PHANTOMS for path in paths}
    return {"deps": stage["deps"], "outs": inside}


def ran(folder: Path) -> list[str]:
    """Run what is to be run; return the stages, in their order."""
    log = folder / "ran.txt"
    log.write_text("")
    cloning.run(folder, "dvc", "repro", "--quiet")
    return log.read_text().split()


@pytest.mark.parametrize(
    ("touched", "stages"),
    [
        ("pipeline/report/templates/style.css", "report"),
        ("pipeline/region_maps/overlays.py", "region_maps report"),
        ("pipeline/evaluate/net_benefit.py", "evaluate region_maps report"),
        ("pipeline/preprocess/canvas.py", "preprocess train evaluate region_maps report"),
        ("pipeline/track/store.py", ""),
        ("README.md", ""),
    ],
)
def test_a_change_runs_the_stages_that_it_can_change(clone: Path, touched: str, stages: str) -> None:
    with (clone / touched).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert ran(clone) == stages.split()
