"""What the CI files promise: pinned actions, least permissions, no loops, no logic; and what linters say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci import job, propose, site
from tests.ci.triggers import GITHUB, GITLAB, filters, fits, on, raw, starts
from tests.imports import REPOSITORY

FILES = sorted(GITHUB.glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
MODULE = re.compile(r"python -m (ci\.\w+)")
COMMANDS = ("ci/install", "git ", "make ", "python -m ci.job ", "export PATH=")
MADE = ("make docs", "make test", "make test-slow")  # of the repository alone: who rehearses may be a test
STEPS = ("dvc ", "fracture ", "make ", "python -m ci.")
JOBS: dict[str, Any] = {name: each for file in FILES for name, each in raw(file)["jobs"].items()}


def calls(name: str) -> list[dict[str, Any]]:
    """The steps of a job on GitHub that run a command."""
    return [step for step in JOBS[name]["steps"] if "run" in step]


def gitlab_commands() -> list[str]:
    jobs = raw(GITLAB)
    return [*jobs["default"]["before_script"], *(line for name in JOBS for line in jobs[name]["script"])]


def commands() -> list[str]:
    return [*(step["run"] for name in JOBS for step in calls(name)), *gitlab_commands()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_pinned_by_commit(file: Path) -> None:
    used = [line.strip(" -") for line in file.read_text().splitlines() if "uses:" in line]
    assert [line for line in used if not PINNED.match(line)] == []


def test_one_action_is_pinned_to_one_commit() -> None:
    used = {step["uses"] for each in JOBS.values() for step in each["steps"] if "uses" in step}
    actions = [name.partition("@")[0] for name in used]
    assert len(actions) == len(set(actions))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nobody_may_write_unless_a_job_says_so(file: Path) -> None:
    data = raw(file)
    assert set(data["permissions"].values()) <= {"read"}
    written = {
        name: key for name, each in data["jobs"].items() for key in each.get("permissions", {}).items()
    }
    assert set(written) <= {"retrain", "promote"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_jobs_are_guarded_against_running_twice_and_for_ever(file: Path) -> None:
    data = raw(file)
    for each in data["jobs"].values():
        assert "concurrency" in data or not each["concurrency"]["cancel-in-progress"]
        assert each["timeout-minutes"] <= 360


def test_promotion_waits_for_the_protected_environment() -> None:
    assert JOBS["promote"]["environment"] == "champion"
    promote = raw(GITLAB)["promote"]
    assert promote["environment"] == "champion"
    assert {rule["when"] for rule in promote["rules"]} == {"never", "manual"}


def test_the_files_hold_calls_and_no_logic() -> None:
    assert [line for line in commands() if not line.startswith(COMMANDS)] == []
    assert [line for line in commands() if re.search(r"[;&|\n]|\$\{\{", line)] == []


def test_both_services_make_the_calls_that_the_rehearsal_makes() -> None:
    for name, lists in site.CALLS.items():
        rehearsed = [f"python -m ci.job {each}" for each in lists]
        hosted = [step["run"] for step in calls(name) if step["run"] not in MADE]
        assert hosted == ["ci/install", *rehearsed]
        script = raw(GITLAB)[name]["script"]
        assert [line for line in script if line not in MADE and not line.startswith("git ")] == rehearsed
    assert set(JOBS) == set(site.CALLS)
    assert [name for lists in site.CALLS.values() for name in lists] == list(job.STEPS)


def test_a_pull_request_is_tested_on_both_services() -> None:
    assert calls("check")[-1]["run"] == raw(GITLAB)["check"]["script"][-1] == "make test"


def test_slow_tests_run_every_week_and_hold_up_nothing() -> None:
    assert "schedule" in raw(GITHUB / "slow.yml")[True]
    assert calls("slow")[-1]["run"] == "make test-slow"
    hosted = raw(GITLAB)["slow"]
    assert hosted["script"] == ["make test-slow"]
    assert hosted["needs"] == []
    assert hosted["rules"][0]["allow_failure"]


def test_the_documentation_of_a_pull_request_can_be_read_on_both_services() -> None:
    steps = JOBS["check"]["steps"]
    (upload,) = [step["with"] for step in steps if "upload-artifact" in step.get("uses", "")]
    assert upload["path"] == "site/"
    assert [step["run"] for step in calls("check")][-2] == "make docs"
    assert "make docs" in raw(GITLAB)["check"]["script"]
    assert raw(GITLAB)["check"]["artifacts"]["paths"] == ["site/"]


def test_what_is_locked_is_listed_as_an_artifact_on_both_services() -> None:
    assert job.STEPS["packages"][0] == "make sbom"
    (upload,) = [
        step["with"] for step in JOBS["packages"]["steps"] if "upload-artifact" in step.get("uses", "")
    ]
    assert upload["path"] == "sbom.json"
    assert raw(GITLAB)["packages"]["artifacts"]["paths"] == ["sbom.json"]


def test_each_call_finds_in_its_environment_what_it_finds_in_the_rehearsal() -> None:
    for name, lists in site.CALLS.items():
        install, *others = calls(name)
        assert set(install.get("env", {})) == (
            {"DVC_CONFIG_LOCAL"} if name in ("retrain", "promote") else set()
        )
        given = [set(step.get("env", {})) for step in others if step["run"] not in MADE]
        assert given == [set(alone) for alone in lists.values()]


def test_the_token_of_the_forge_is_given_to_calls_that_need_it_alone() -> None:
    for name, lists in site.CALLS.items():
        assert "FORGE_TOKEN" not in JOBS[name].get("env", {})
        for called, alone in lists.items():
            assert ("FORGE_TOKEN" in alone) == bool(set(job.STEPS[called]) & set(job.TO_FORGE))


def test_what_a_job_tells_is_told_by_calls_with_these_names() -> None:
    told = " ".join(JOBS["retrain"]["outputs"].values())
    ids = {step.get("id") for step in calls("retrain")}
    assert set(re.findall(r"steps\.(\w+)\.outputs", told)) == {"retrain", "propose"} == ids - {None}


def test_steps_are_commands_that_are_there() -> None:
    steps = [step for each in job.STEPS.values() for step in each]
    assert [step for step in steps if not step.startswith(STEPS)] == []
    assert [step for step in steps if re.search(r"[;&|\n$]", step)] == []
    assert set(job.TO_FORGE) <= set(steps)
    modules = {found[1] for line in [*steps, *commands()] if (found := MODULE.match(line))}
    assert modules == {"ci.audit", "ci.gate", "ci.job", "ci.plan", "ci.propose", "ci.report"}
    assert [name for name in modules if not (REPOSITORY / f"{name.replace('.', '/')}.py").is_file()] == []


@pytest.mark.parametrize(
    ("pattern", "file", "expected"),
    [
        ("**.dvc", "Data/radiographs.dvc", True),
        ("**.dvc", "dvc.yaml", False),
        ("**/*.dvc", "radiographs.dvc", True),
        ("pipeline/**", "pipeline/train/training.py", True),
        ("pipeline/*", "pipeline/train/training.py", False),
        ("params.yaml", "params.yaml", True),
        ("params.yaml", "old/params.yaml", False),
        ("params.yaml", "paramsXyaml", False),
    ],
)
def test_filters_of_paths(pattern: str, file: str, expected: bool) -> None:
    assert fits(pattern, file) is expected


@pytest.mark.parametrize("service", ["GitHub", "GitLab"])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["Data/radiographs.dvc"], True),
        (["Data/labels.csv"], True),
        (["Data/radiographs/annotations.coco.json"], True),
        (["params.yaml"], True),
        (["dvc.yaml"], True),
        (["pipeline/train/training.py", "README.md"], True),
        (["README.md", "tests/test_main.py"], False),
        ([*propose.RESULTS, "reports/evaluate/metrics.json", "reports/train/metrics.json"], False),
    ],
)
def test_what_starts_a_retraining_and_that_a_retraining_starts_none(
    service: str, files: list[str], expected: bool
) -> None:
    assert starts(filters()[service], files) is expected


def test_a_schedule_a_click_a_drift_and_a_data_drop_start_one_too() -> None:
    assert set(on()) == {"push", "schedule", "repository_dispatch", "workflow_dispatch"}
    assert on()["push"]["branches"] == ["main"]
    assert on()["repository_dispatch"]["types"] == ["data-drop", "drift"]


def test_nothing_happens_before_a_store_is_named() -> None:
    assert JOBS["retrain"]["if"] == "vars.MLFLOW_TRACKING_URI != ''"
    for name in ("retrain", "promote"):
        assert raw(GITLAB)[name]["rules"][0] == {"if": "$MLFLOW_TRACKING_URI == null", "when": "never"}


def test_a_model_is_promoted_only_where_the_gate_said_so() -> None:
    assert JOBS["promote"]["if"] == "needs.retrain.outputs.promote == 'true'"
    assert JOBS["promote"]["needs"] == "retrain"
    assert JOBS["promote"]["env"]["VERSION"] == "${{ needs.retrain.outputs.version }}"
    assert JOBS["promote"]["steps"][0]["with"]["ref"] == "${{ needs.retrain.outputs.ref }}"


def test_a_pull_request_reads_no_secret() -> None:
    assert "secrets." not in (GITHUB / "check.yml").read_text()


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
