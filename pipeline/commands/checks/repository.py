"""The repository: git, DVC and its lock, the model bundle, MLflow's store, and what killed runs left."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from pipeline.commands.checks.check import OK, PROBLEM, REPRO, WARNING, Check
from pipeline.commands.checks.lock import FILE, fault
from pipeline.files.walk import above
from pipeline.track import dvc_commands

if TYPE_CHECKING:
    from pipeline.config import Config

_N_NAMED = 3


def git() -> Check:
    """Whether this is a git repository."""
    if shutil.which("git") is None:
        return Check("git", WARNING, "git is not installed", "Install git: DVC and MLflow name code by it.")
    if above(".git") is None:
        return Check("git", WARNING, "no repository here", "git init")
    return Check("git", OK, "a repository")


def dvc() -> Check:
    """Whether DVC was initialised here."""
    if above(".dvc") is None:
        return Check("dvc", PROBLEM, "not initialised here", "dvc init, or work in the repository's folder.")
    return Check("dvc", OK, "initialised")


def lock_file() -> Check:
    """Whether DVC can read ``dvc.lock``: a full disk leaves it empty, and then every command of DVC fails."""
    if wrong := fault():
        mend = "`fracture doctor --mend` keeps a copy, and brings back git's version or starts a new one."
        return Check("dvc.lock file", PROBLEM, wrong, mend)
    return Check("dvc.lock file", OK, "whole" if FILE.is_file() else "made by the first `dvc repro`")


def running() -> Check:
    """Whether DVC holds anything for a command that still runs, or for one that was killed."""
    try:
        held, alive = dvc_commands.noted(), dvc_commands.running()
    except ValueError as error:
        return Check("dvc commands", PROBLEM, str(error), "`fracture doctor --mend` removes it.")
    if alive:
        named = sorted({f"{command} (process {pid})" for pid, command in alive})
        mend = f"Wait for its end; if no such command runs, delete {dvc_commands.FILE}."
        return Check("dvc commands", WARNING, f"running: {', '.join(named)}", mend)
    if held:
        return Check(
            "dvc commands", OK, f"{len(set(held))} killed; the next command of DVC, or --mend, forgets it"
        )
    return Check("dvc commands", OK, "none runs")


def left_over(config: Config) -> Check:
    """Whether killed runs left unfinished results beside the finished ones."""
    from pipeline.files import outputs

    paths = config.paths
    beside = {paths.phantoms.parent, paths.manifest.parent, paths.shards.parent, paths.models, paths.reports}
    beside |= {path for path in paths.reports.glob("*") if path.is_dir()}
    found = [str(path) for folder in sorted(beside) for path in outputs.left_over(folder)]
    if found:
        detail = f"{len(found)} of killed runs: {', '.join(found[:_N_NAMED])}"
        mend = "The next run of the stage removes its own; delete what is left then."
        return Check("left over", WARNING, detail, mend)
    return Check("left over", OK, "nothing of killed runs")


def lock(config: Config) -> Check:
    """Whether ``dvc.lock`` describes code, settings and data as they are."""
    if not Path("dvc.yaml").is_file():
        return Check("dvc.lock", PROBLEM, "no dvc.yaml here", "Work in the repository's top folder.")
    from pipeline.track import repository

    pipeline = repository.read()
    holding = {stage.name for stage in pipeline.current()}
    if stale := [name for name in pipeline.stages if name not in holding]:
        return Check("dvc.lock", WARNING, f"to run: {', '.join(stale)}", REPRO)
    return Check("dvc.lock", OK, f"all {len(holding)} stages are up to date")


def bundle(config: Config) -> Check:
    """Whether the model bundle is there and whole."""
    from pipeline.dataset.names import BUNDLE

    folder = config.paths.models
    promised = FILE.is_file() and BUNDLE in FILE.read_text(encoding="utf-8")
    if not (folder / BUNDLE).is_file() and not promised:
        return Check("bundle", WARNING, "there is no model yet", REPRO)
    from pipeline.predict import sealing

    try:
        return Check("bundle", OK, sealing.check(folder)[:12])
    except sealing.BundleError as error:
        return Check("bundle", PROBLEM, str(error), "dvc checkout, or dvc repro")


def store(config: Config) -> Check:
    """Whether MLflow's store answers within ``track.timeout_s``; nothing is made."""
    from pipeline.track.repository import root
    from pipeline.track.secrets import without_password
    from pipeline.track.store import Client, resolve_uri

    uri = resolve_uri(config.track.uri, root())
    shown = without_password(uri)
    try:
        if uri.startswith("sqlite:///"):
            file = Path(unquote(uri.removeprefix("sqlite:///")))
            if not file.exists():
                return Check("mlflow", OK, f"{shown} is made by the first stage")
            address = f"file:{quote(str(file))}?mode=ro"
            with sqlite3.connect(address, uri=True, timeout=config.track.timeout_s) as database:
                n_runs = database.execute("SELECT count(*) FROM runs").fetchone()[0]
            return Check("mlflow", OK, f"{shown}: {n_runs} runs")
        Client(uri, config.track.timeout_s).search_experiments(max_results=1)
    except Exception as error:
        mend = "Start the server or correct track.uri; stages run without it, `fracture sync` repairs."
        return Check("mlflow", WARNING, f"{shown}: {type(error).__name__}", mend)
    return Check("mlflow", OK, f"{shown} answers")
