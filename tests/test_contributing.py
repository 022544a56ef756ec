"""What a contributor is told holds: the hooks are CI's, the forms fit, the commands are there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests import cloning
from tests.imports import REPOSITORY

FORMS = REPOSITORY / ".github/ISSUE_TEMPLATE"
HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that is committed or would be, as a repository of its own, with what is installed here."""
    folder = cloning.copy(tmp_path_factory.mktemp("clone"), {})
    (folder / ".venv").symlink_to(sys.prefix)
    cloning.run(folder, "git", "add", "--all", ":!.venv")
    return folder


def commit_check(clone: Path) -> subprocess.CompletedProcess[str]:
    """What a commit would say; mypy takes a minute, and `make lint` runs it."""
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    env = cloning.ENVIRONMENT | nowhere | {"PRE_COMMIT_HOME": str(clone.parent / "kept"), "SKIP": "mypy"}
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
    return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=False)


def test_hooks_are_local_and_run_what_lint_runs() -> None:
    (repo,) = HOOKS
    linted = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert linted is not None
    commands = [hook["entry"] for hook in repo["hooks"] if hook["language"] == "system"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system", "pygrep"}
    assert [command.removeprefix(".venv/bin/") for command in commands] == linted[1].strip().split("\n\t")


def test_hooks_pass_what_is_committed_and_ask_no_host(clone: Path) -> None:
    done = commit_check(clone)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Passed") == 3


def test_hooks_stop_a_fault_and_a_notebook_with_output(clone: Path) -> None:
    notebook = json.loads((REPOSITORY / "notebooks/first_answer.ipynb").read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell["execution_count"] = 3
    faults = {"fault.py": "import os\n", "run.ipynb": json.dumps(notebook, indent=1)}
    for name, text in faults.items():
        (clone / name).write_text(text, encoding="utf-8")
    cloning.run(clone, "git", "add", *faults)
    said = commit_check(clone).stdout
    cloning.run(clone, "git", "rm", "--quiet", "--force", *faults)
    assert re.search(r"ruff check\.+Failed", said)
    assert re.search(r"notebooks hold no output\.+Failed", said)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-issue-forms", sorted(file for file in FORMS.glob("*.yml") if file.stem != "config")),
        ("github-issue-config", [FORMS / "config.yml"]),
        ("dependabot", [REPOSITORY / ".github/dependabot.yml"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_forge_understands_forms_and_updates(schema: str, files: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert files
    assert done.returncode == 0, done.stdout


def test_commands_that_contributors_are_told_are_there() -> None:
    pages = ["CONTRIBUTING.md", ".github/pull_request_template.md", "docs/how-to/release.md", "SECURITY.md"]
    call = re.compile(r"(?:^|`)make ([\w.-]+(?:/\w+)?)", re.MULTILINE)
    told = {target for page in pages for target in call.findall(read(page))}
    made = set(re.findall(r"^([\w./-]+):", MAKEFILE, re.MULTILINE))
    assert {"lock", "test", ".venv/ready"} <= told
    assert told <= made


def test_the_changelog_names_the_version_and_can_be_scanned() -> None:
    lines = read("CHANGELOG.md").splitlines()
    named = [found[1] for line in lines if (found := re.match(r"## \[(.+?)\]", line))]
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert next(name for name in named if name != "Unreleased") == version
    shown = [re.sub(r"\]\([^)]*\)", "]", line) for line in lines if line.startswith("- ")]
    assert [line for line in shown if len(re.findall(r"\S*\w\S*", line)) > 20] == []
    assert len(lines) < 120


def test_pages_for_contributors_link_to_files_that_are_there() -> None:
    for page in ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "CHANGELOG.md"):
        targets = re.findall(r"\]\((?!https?://)([^)#]+)", read(page))
        assert [target for target in targets if not (REPOSITORY / target).exists()] == [], page


def read(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")
