"""Files put among sound radiographs, and what `validate`, `predict` and the served model say of each."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pandas as pd
import pytest
import yaml

from pipeline import __main__ as command_line
from pipeline.config import Config, read
from pipeline.dataset import layout
from pipeline.files import outputs
from pipeline.registry import versions
from pipeline.statistics import forests
from pipeline.track import models, store
from tests.imports import REPOSITORY
from tests.reliability import made

WAYS = ("validate", "predict", "served")
_PER_FOLDER = 6
_BESIDE = Path("train/fractured")  # where the files are put


class Answer(NamedTuple):
    """Why a file is refused, empty where it is used; and the codes of what is odd about it."""

    reason: str
    notes: frozenset[str]


class Done(NamedTuple):
    """What a command left: exit code, standard output, messages."""

    code: int
    out: str
    log: str


class Tried(NamedTuple):
    """Answers by way and file, what the commands left, and the files' sha256 before and after."""

    answers: dict[str, dict[str, Answer]]
    done: dict[str, Done]
    found: dict[str, dict[str, Any]]
    root: Path
    before: dict[str, str]
    after: dict[str, str]
    manifest: Path
    issues: str

    @property
    def good(self) -> list[str]:
        return [name for name in self.before if Path(name).name.startswith("good ")]


def command(folder: Path, *arguments: str) -> Done:
    """Run a command in a folder as a user would, in this process: TensorFlow need not start again."""
    out, messages = io.StringIO(), io.StringIO()
    handler, root = logging.StreamHandler(messages), logging.getLogger()
    root.addHandler(handler)
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder), contextlib.redirect_stdout(out):
        patch.setattr(sys, "argv", ["fracture", *arguments])
        patch.setattr(forests, "_N_VOTES", 20)  # shortcut baselines: not what is asked here
        try:
            command_line.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            root.removeHandler(handler)
    return Done(code, out.getvalue(), messages.getvalue())


def settle(folder: Path, models: Path, root: Path) -> Config:
    """Write settings that name a bundle and a folder of radiographs, without annotations and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    none = {"annotations": "none.coco.json", "labels": "none.csv", "pinned_manifest": "none.manifest.csv"}
    for name in none.values():
        shutil.copy(REPOSITORY / "Data" / name, folder)
    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    values["validate"]["pinned_manifest"] = none.pop("pinned_manifest")
    values["data"] |= none | {"root": str(root)}
    values["paths"]["models"] = str(models)
    values["run"]["workers"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return read(folder / "params.yaml")


def fill(root: Path, files: Mapping[str, bytes]) -> None:
    """Write 36 sound radiographs into the layout, and the files beside some of them."""
    for number, folder in enumerate(f"{s}/{c}" for s in layout.SPLITS for c in layout.CLASS_FOLDERS):
        (root / folder).mkdir(parents=True)
        for row in range(_PER_FOLDER):
            pixels = made.radiograph(100 * number + row)
            (root / folder / f"good {number} {row}.png").write_bytes(made.png(pixels))
    for name, data in files.items():
        (root / _BESIDE / name).parent.mkdir(parents=True, exist_ok=True)
        (root / _BESIDE / name).write_bytes(data)


def hashes(root: Path) -> dict[str, str]:
    """The sha256 of every file, by its path below the root."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): outputs.sha256(path) for path in files}


def try_all(folder: Path, bundle: Path, files: Mapping[str, bytes]) -> Tried:
    """Put files among sound ones; ask `validate`, `predict` and the served model for every one."""
    root = folder / "data"
    fill(root, files)
    config = settle(folder / "work", bundle, root)
    before = hashes(root)
    done = {way: command(folder / "work", *words) for way, words in _commands(root).items()}
    predicted = {Path(r["path"]).relative_to(root).as_posix(): r for r in json.loads(done["predict"].out)}
    served = dict(
        zip(before, ask(served_model(config, folder), [root / name for name in before]), strict=True)
    )
    listed, issues = folder / "work" / config.paths.manifest, folder / "work/reports/validate/issues.csv"
    answers = {
        "validate": dict(_validated(listed, issues)),
        "predict": {name: answer(record) for name, record in predicted.items()},
        "served": {name: answer(record) for name, record in served.items()},
    }
    found, text = {"predict": predicted, "served": served}, issues.read_text(encoding="utf-8")
    return Tried(answers, done, found, root, before, hashes(root), listed, text)


def _commands(root: Path) -> dict[str, list[str]]:
    return {"validate": ["validate"], "predict": ["predict", str(root), "--json"]}


def _validated(manifest: Path, issues_file: Path) -> Iterator[tuple[str, Answer]]:
    files = pd.read_csv(manifest, keep_default_na=False)
    issues = pd.read_csv(issues_file, keep_default_na=False)
    for row in files.itertuples():
        codes = frozenset(issues.loc[issues["path"] == row.path, "issue"]) - {row.reason}
        yield row.path, Answer(row.reason if row.status == "quarantined" else "", codes)


def answer(record: Mapping[str, Any]) -> Answer:
    """Read the answer of `predict` or of the served model."""
    reason = record.get("reason") or (record.get("error") or {}).get("reason", "")
    notes = record.get("notes") or []
    notes = json.loads(notes) if isinstance(notes, str) else notes
    return Answer(reason, frozenset(note["code"] for note in notes))


def served_model(config: Config, folder: Path) -> mlflow.pyfunc.PyFuncModel:
    """Register the bundle in a store of the folder's own, and load it as MLflow's server does."""
    opened = store.connect(config.track, folder)
    example = pd.DataFrame({"image": [base64.b64encode(made.png(made.radiograph(0))).decode()]})
    bundle = {versions.BUNDLE: str(config.paths.models)}
    with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints
        version = models.log_version(
            opened, "m", None, artifacts=bundle, tags={}, requirements=["numpy"], example=example
        )
        return mlflow.pyfunc.load_model(opened.client.get_model_version_download_uri("m", version))


def ask(model: mlflow.pyfunc.PyFuncModel, files: list[Path]) -> list[dict[str, Any]]:
    """Send all files at once, in base64 as over HTTP; a row each comes back."""
    asked = pd.DataFrame({"image": [base64.b64encode(path.read_bytes()).decode() for path in files]})

    rows: list[dict[str, Any]] = model.predict(asked, params={"region_map": False}).to_dict("records")
    return rows
