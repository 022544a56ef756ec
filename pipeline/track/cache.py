"""DVC's cache: which of its files no kept revision names; held so that no `dvc repro` writes meanwhile.

`dvc gc` takes one revision; champions have several, and data that only an old commit names are kept, too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.track import dvc_commands

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

_PINNED = "refs/fracture/champions/"  # git keeps what a reference names


class BusyError(ValueError):
    """DVC is at work here."""


@contextmanager
def held(root: Path) -> Iterator[Repo]:
    """Hold DVC's lock, and make sure that no stage runs: while one does, DVC lets its lock go.

    Raises
    ------
    BusyError
        A command of DVC, or a stage, runs here.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        try:
            repo.lock.lock()
        except LockError as error:
            raise _busy("it holds its lock") from error
        try:
            alive = {command.pid for command in dvc_commands.running(Path(str(repo.tmp_dir)) / "rwlock")}
            if others := sorted(alive - {os.getpid()}):
                raise _busy(f"process {others[0]} runs a stage")
            yield repo
        finally:
            repo.lock.unlock()


def standing_in_the_way(repo: Repo, commits: Iterable[str]) -> str:
    """Say why nobody here can tell what the cache is needed for; empty where that is known."""
    root = Path(repo.root_dir)
    if not Path(repo.cache.local.path).resolve().is_relative_to(root.resolve()):
        return "it lies outside this repository, and others may use it: `dvc gc --projects` takes their names"
    if copies := sorted(path.parent for path in (root / ".dvc" / "tmp").glob("**/.dvc")):
        return f"{copies[0]} is a run that is not finished: finish it, or delete that folder"
    if missing := [
        commit for commit in commits if not _git(root, "cat-file", "-e", f"{commit}^{{commit}}")[0]
    ]:
        return f"commit {missing[0][:12]}, of a champion, is not here: fetch it, or keep fewer with --keep"
    return ""


def used(repo: Repo, commits: Iterable[str]) -> set[str]:
    """Return the hashes that are needed.

    They are those of the working folder, of all branches, tags and experiments, and of the commits given; of
    what `dvc add` keeps, those of every commit.
    """
    root = Path(repo.root_dir)
    if repo.config["core"].get("no_scm", False):
        return _hashes(repo.index.stages)
    named = {"all_branches": True, "all_tags": True, "all_experiments": True, "revs": sorted(set(commits))}
    hashes: set[str] = set()
    for _ in repo.brancher(**named):
        hashes |= _hashes(repo.index.stages)
    added = _git(root, "rev-list", "--all", "--full-history", "--", "*.dvc")[1].split()
    for _ in repo.brancher(revs=added) if added else ():
        hashes |= _hashes(stage for stage in repo.index.stages if stage.is_data_source)
    return hashes


def _hashes(stages: Iterable[Stage]) -> set[str]:
    """Return the hashes of all outputs and of what is in them; those that git keeps, too: the run cache's."""
    outs = [out for stage in stages for out in stage.outs]
    inside = (one for out in outs for found in out.get_used_objs().values() for one in found)
    return {str(one.value) for one in (*inside, *(out.hash_info for out in outs if out.hash_info))}


def unused(repo: Repo, needed: set[str]) -> dict[Path, int]:
    """Return the files of the cache that are not needed, with their bytes; of a folder's list, that alone."""
    cache = repo.cache.local
    paths = (Path(cache.oid_to_path(oid)) for oid in cache.all() if oid not in needed)
    return {path: path.stat().st_size for path in paths if path.is_file()}


def pin(root: Path, commits: Iterable[str]) -> None:
    """Let git keep commits that no branch and no tag names."""
    for commit in sorted(set(commits)):
        _git(root, "update-ref", f"{_PINNED}{commit}", commit)


def _git(root: Path, *arguments: str) -> tuple[bool, str]:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout


def _busy(how: str) -> BusyError:
    return BusyError(
        f"`fracture gc` needs a repository in which DVC rests. Received: DVC at work, {how}. Nothing was "
        "removed. Wait until it ends, then run the command again."
    )
