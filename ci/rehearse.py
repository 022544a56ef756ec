"""Walk the retraining that CI would do, on this machine: from a data drop to a promoted model, twice.

    make rehearse-ci        or        python -m ci.rehearse [FOLDER]

The steps are read from `.github/workflows/retrain.yml` and run in fresh clones, with a folder as DVC's
remote, MLflow's server on SQLite and a stub forge, all of them on this machine. Radiographs are few, and
small; the gate keeps its bars but for two, which so few radiographs cannot reach. The second drop meets a
champion: it is compared and promoted instead of it. At the end a run that a schedule would start finds
nothing to do.

FOLDER keeps everything, each step's output too; without it a temporary folder is used and deleted.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ci import drops, site, workflow
from ci.runner import Runner, StepError
from ci.servers import StubForge, mlflow_server, serving
from ci.site import Developer
from ci.workflow import Workflow

log = logging.getLogger("ci")

WORKFLOWS = site.REPOSITORY / ".github/workflows"
# As little work as still trains a network that beats the null baselines, which no setting excuses it from.
SETTINGS: dict[str, dict[str, Any]] = {
    "data": {
        "root": str(drops.RADIOGRAPHS),
        "annotations": str(drops.RADIOGRAPHS / drops.ANNOTATIONS),
        "labels": str(drops.RADIOGRAPHS / drops.LABELS),
    },
    "phantoms": {"train": 8, "val": 8, "test": 8, "min_side_px": 160, "max_side_px": 224},
    "preprocess": {"height_px": 128, "width_px": 128},
    "train": {"head_epochs": 3, "max_epochs": 10, "pyramid_channels": 32},
    "evaluate": {"bootstrap_samples": 100, "robustness_radiographs": 0},
    "region_maps": {
        "faithfulness_radiographs": 2,
        "faithfulness_steps": 2,
        "methods_radiographs": 2,
        "gallery": 8,
    },
    "promote": {"max_ece": 0.25, "non_inferiority_margin": 0.2, "bootstrap_samples": 200},
}
FIRST = {"train": 120, "val": 48, "test": 72}
SECOND = {"train": 40, "val": 16, "test": 24}


class RehearsalError(AssertionError):
    """CI would not have done what it is for."""


@dataclass
class Rehearsal:
    """The stage: who pushes, who runs, who remembers."""

    developer: Developer
    runner: Runner
    forge: StubForge
    flow: Workflow

    def retrain(self, event: str, files: Iterable[str] = ()) -> dict[str, str]:
        """Start the workflow by an event, walk its first job, and return its outputs."""
        expect(self.flow.starts(event, files), f"{event} of {list(files)} must start a retraining")
        return self._walk("retrain", {})

    def promote(self, told: Mapping[str, str]) -> None:
        """Walk the second job, as after the approval."""
        self._walk("promote", {f"needs.retrain.outputs.{name}": value for name, value in told.items()})

    def _walk(self, name: str, known: Mapping[str, str]) -> dict[str, str]:
        job, runner = self.flow.jobs[name], self.runner
        whole = replace(runner, known={**runner.known, **known})
        expect(workflow.holds(job.condition, whole.known), f"{name} must run. Its condition: {job.condition}")
        return whole.walk(name, job, self.flow.env)


def main() -> None:
    """Rehearse in the folder that was named, or in a temporary one."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("pipeline").setLevel(logging.WARNING)
    try:
        if len(sys.argv) > 1:
            Path(sys.argv[1]).mkdir(parents=True)
            rehearse(Path(sys.argv[1]).resolve())
        else:
            with TemporaryDirectory(prefix="rehearsal-") as folder:
                rehearse(Path(folder))
    except (StepError, RehearsalError) as error:
        log.error("%s", error)
        sys.exit(1)


def rehearse(folder: Path) -> None:
    """Walk the whole way in an empty folder.

    Raises
    ------
    StepError
        A step of a job failed.
    RehearsalError
        All steps succeeded, and yet it did not come to what CI is for.
    """
    started = time.monotonic()
    origin, developer = site.found(folder, SETTINGS)
    forge = StubForge()
    with mlflow_server(folder) as store, serving(forge) as address:
        known = {
            "vars.MLFLOW_TRACKING_URI": store,
            "vars.SHOW_MAPS": "true",
            "github.token": "no secret",
        }
        env = {
            "GITHUB_REPOSITORY": "hospital/fractures", "GITHUB_API_URL": address, "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://forge.invalid", "GITHUB_ACTOR": "ada",
        }  # fmt: skip
        stage = Rehearsal(
            developer, Runner(origin, folder, known, env), forge, workflow.read(WORKFLOWS / "retrain.yml")
        )
        play(stage)
    log.info(
        "%5.0f s  in all: two data drops, two models promoted, nothing left to do", time.monotonic() - started
    )


def play(stage: Rehearsal) -> None:
    """Drop, retrain, promote and merge, twice; then look whether anything would run again."""
    for number, counts in enumerate((FIRST, SECOND), start=1):
        files = drops.drop(stage.developer, counts, seed=number)
        told = stage.retrain("push", files)
        expect(told["promote"] == "true", f"model {number} must pass the gate. Received: {told}")
        stage.promote(told)
        check_proposal(stage, number)
        merged = stage.developer.merge(stage.forge.requests[-1]["head"])
        expect(not stage.flow.starts("push", merged), f"a merge must start nothing. Received: {merged}")
        check_champion(stage, str(number))
        check(stage.runner)
    told = stage.retrain("schedule")
    expect(told["promote"] == "false", f"the champion must not be promoted again. Received: {told}")
    expect(len(stage.forge.requests) == 2, f"nothing must be proposed. Received: {stage.forge.requests[-1]}")


def check(runner: Runner) -> list[str]:
    """Walk the cheap checks of a pull request on ``main``, without the tests; return the steps."""
    flow = workflow.read(WORKFLOWS / "check.yml")
    job = flow.jobs["check"]
    steps = tuple(step for step in job.steps if step.run != "make test")  # whoever calls this may be one
    runner.walk("check", replace(job, steps=steps), flow.env)
    return [step.run for step in steps if step.run]


def check_proposal(stage: Rehearsal, number: int) -> None:
    """Expect one pull request more, with a report, region maps and the promotion in its comments."""
    expect(len(stage.forge.requests) == number, f"{number} pull requests. Received: {stage.forge.requests}")
    report, promoted = (text for request, text in stage.forge.comments if request == str(number))
    wanted = ["passes the gate", "## Region maps", "/raw/", *(["# Comparison"] if number > 1 else [])]
    missing = [words for words in wanted if words not in report]
    expect(not missing, f"the comment must hold {missing}. Received: {report}")
    expect(f"{stage.forge.approver}" in promoted, f"who approved must be told. Received: {promoted}")


def check_champion(stage: Rehearsal, version: str) -> None:
    """Expect the version as champion in the ledger that was merged."""
    lines = (stage.developer.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    expect(last["champion"]["version"] == version, f"version {version} must be champion. Received: {last}")
    expect(last["actor"] == stage.forge.approver, f"who approved must stand in the ledger. Received: {last}")


def expect(holds: bool, rule: str) -> None:
    """Raise where something does not hold."""
    if not holds:
        raise RehearsalError(rule)


if __name__ == "__main__":
    main()
