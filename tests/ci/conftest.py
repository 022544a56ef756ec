"""A job's folder: a clone with results in it, an origin, and a forge that remembers what it is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci.servers import StubForge, serving

BUNDLE = "0123456789abcdef"


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(
        ["git", *author, *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubForge]:
    """A stub of GitHub, and the environment in which its jobs run."""
    stub = StubForge()
    for name in ("SHOW_MAPS", "REASON", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    with serving(stub) as address:
        said = {
            "GITHUB_REPOSITORY": "hospital/fractures", "GITHUB_API_URL": address, "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://forge.invalid", "GITHUB_ACTOR": "ada", "BASE": "main",
            "FORGE_TOKEN": "no secret", "VERSION": "3",
        }  # fmt: skip
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        yield stub


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forge: StubForge) -> Path:
    """A clone in which a retraining ended: results, gate and report, nothing committed yet."""
    origin, folder = tmp_path / "origin.git", tmp_path / "job"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(folder))
    write(folder / ".gitignore", "/models/\n/reports/promote/\n/reports/retrain/\noverlays\n")
    write(folder / "README.md", "Fractures")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Start")
    git(folder, "push", "--quiet", "origin", "HEAD:main")
    write(folder / "models/bundle.json", json.dumps({"sha256": BUNDLE}))
    write(folder / "dvc.lock", "stages: {}\n")
    write(folder / "reports/evaluate/metrics.json", "{}\n")
    write(folder / "reports/promote/gate.md", "# Version 3 passes the gate\n")
    write(folder / "reports/promote/gate.json", json.dumps({"candidate": "3", "champion": None}))
    write(folder / "reports/region_maps/overlays/index.csv", "file,path\nhits-01.jpg,miller.jpg\n")
    write(folder / "reports/region_maps/overlays/hits-01.jpg", "picture")
    write(folder / "reports/region_maps/overlays/plain/hits-01.jpg", "picture without its map")
    write(folder / "stray.txt", "left by somebody")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def outputs(tmp_path: Path) -> Callable[[], dict[str, str]]:
    """What the job told the next one."""

    def read() -> dict[str, str]:
        path = tmp_path / "outputs"
        lines = path.read_text().splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)

    return read


@pytest.fixture
def fracture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Path]:
    """Stand in for `fracture`: print a text, an error's aside, end with a code, and keep every call."""

    def install(printed: str, code: int = 0) -> Path:
        folder, calls = tmp_path / "bin", tmp_path / "calls"
        write(folder / "printed", printed)
        where = ">&2" if code == 1 else ""
        script = f'#!/bin/sh\nprintf "%s|" "$@" >> {calls}; cat {folder}/printed {where}; exit {code}\n'
        write(folder / "fracture", script)
        (folder / "fracture").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return calls

    return install
