"""What the CI files promise: pinned actions, least permissions, no loops, no logic; and what linters say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci import propose, workflow
from tests.imports import REPOSITORY

FOLDER = REPOSITORY / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yml"))
GITLAB = REPOSITORY / ".gitlab-ci.yml"
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
MODULE = re.compile(r"python -m (ci\.\w+)$")
COMMANDS = ("ci/install", "dvc ", "fracture ", "git ", "make ", "python -m ci.", "export PATH=")
RETRAIN = workflow.read(FOLDER / "retrain.yml")


def raw(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def gitlab_commands() -> list[str]:
    jobs = raw(GITLAB)
    shared = jobs["default"]["before_script"]
    return [*shared, *(line for name in ("check", "retrain", "promote") for line in jobs[name]["script"])]


def commands() -> list[str]:
    steps = [step for file in FILES for job in workflow.read(file).jobs.values() for step in job.steps]
    return [*(step.run for step in steps if step.run), *gitlab_commands()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_pinned_by_commit(file: Path) -> None:
    used = [line.strip(" -") for line in file.read_text().splitlines() if "uses:" in line]
    assert [line for line in used if not PINNED.match(line)] == []


def test_one_action_is_pinned_to_one_commit() -> None:
    used = {step.uses for file in FILES for job in workflow.read(file).jobs.values() for step in job.steps}
    actions = [name.partition("@")[0] for name in used if name]
    assert len(actions) == len(set(actions))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nobody_may_write_unless_a_job_says_so(file: Path) -> None:
    data = raw(file)
    assert set(data["permissions"].values()) <= {"read"}
    written = {name: key for name, job in data["jobs"].items() for key in job.get("permissions", {}).items()}
    assert set(written) <= {"retrain", "promote"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_jobs_are_guarded_against_running_twice_and_for_ever(file: Path) -> None:
    data = raw(file)
    for job in data["jobs"].values():
        assert "concurrency" in data or not job["concurrency"]["cancel-in-progress"]
        assert job["timeout-minutes"] <= 360


def test_promotion_waits_for_the_protected_environment() -> None:
    assert raw(FOLDER / "retrain.yml")["jobs"]["promote"]["environment"] == "champion"
    promote = raw(GITLAB)["promote"]
    assert promote["environment"] == "champion"
    assert {rule["when"] for rule in promote["rules"]} == {"never", "manual"}


def test_every_step_is_one_known_command() -> None:
    assert [line for line in commands() if not line.startswith(COMMANDS)] == []
    assert [line for line in commands() if re.search(r"[;&|\n]|\$\{\{", line)] == []


def test_the_modules_that_steps_call_are_there() -> None:
    modules = {found[1] for line in commands() if (found := MODULE.match(line))}
    assert modules == {"ci.gate", "ci.plan", "ci.promote", "ci.propose", "ci.record", "ci.report"}
    assert [name for name in modules if not (REPOSITORY / f"{name.replace('.', '/')}.py").is_file()] == []


def test_both_services_take_the_same_steps() -> None:
    for name in ("retrain", "promote"):
        hosted = [step.run for step in RETRAIN.jobs[name].steps if step.run and step.run != "ci/install"]
        assert [line for line in raw(GITLAB)[name]["script"] if not line.startswith("git ")] == hosted


@pytest.mark.parametrize(
    ("event", "files", "starts"),
    [
        ("push", ["Data/radiographs.dvc"], True),
        ("push", ["params.yaml"], True),
        ("push", ["pipeline/train/training.py", "README.md"], True),
        ("push", ["README.md", "tests/test_main.py"], False),
        ("schedule", [], True),
        ("repository_dispatch", [], True),
        ("workflow_dispatch", [], True),
        ("pull_request", [], False),
    ],
)
def test_what_starts_a_retraining(event: str, files: list[str], starts: bool) -> None:
    assert RETRAIN.starts(event, files) is starts


def test_a_retraining_starts_none() -> None:
    written = [*propose.RESULTS, "reports/evaluate/metrics.json", "reports/train/metrics.json"]
    assert not RETRAIN.starts("push", written)
    assert raw(FOLDER / "retrain.yml")[True]["push"]["branches"] == ["main"]


def test_a_drift_and_a_data_drop_can_be_reported() -> None:
    assert RETRAIN.triggers["repository_dispatch"]["types"] == ["data-drop", "drift"]


def test_nothing_happens_before_a_store_is_named() -> None:
    assert not workflow.holds(RETRAIN.jobs["retrain"].condition, {})
    assert workflow.holds(RETRAIN.jobs["retrain"].condition, {"vars.MLFLOW_TRACKING_URI": "http://mlflow"})


def test_a_pull_request_reads_no_secret() -> None:
    assert "secrets." not in (FOLDER / "check.yml").read_text()


def lint(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{program} is not installed")
    return subprocess.run([found, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing() -> None:
    done = lint("zizmor", "--offline", "--no-progress", "--persona=pedantic", ".github")
    assert done.returncode == 0, done.stdout


def test_the_files_fit_their_schemas() -> None:
    hosted = lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES))
    assert hosted.returncode == 0, hosted.stdout
    transform = ("--data-transform", "gitlab-ci")
    done = lint("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", *transform, str(GITLAB))
    assert done.returncode == 0, done.stdout
