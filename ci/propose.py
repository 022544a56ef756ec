"""Propose what a job changed: a branch, a pull request, a comment.

`python -m ci.propose retrained` proposes results, with the report as comment, and tells the next job ``ref``,
the commit to check out. `python -m ci.propose promoted` adds the ledger's line about VERSION. The branch is
named by the bundle: the same result, proposed again, is the same branch, and where that holds it already
nothing is done.

SHOW_MAPS=true in the environment shows the region maps in the comment. They go to a branch of their own,
of one commit without a past, so that radiographs never enter the history; each retraining replaces them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from ci import forge, job, report
from ci.forge import Forge

log = logging.getLogger("ci")

_AUTHOR = ("-c", "user.name=Retraining", "-c", "user.email=retraining@localhost")
# Git asks this for the password: FORGE_TOKEN stands neither in an address nor in a list of processes.
_HELPED = ("-c", 'credential.helper=!f() { echo username=x-access-token; echo "password=$FORGE_TOKEN"; }; f')
MAPS_BRANCH = "retrained-maps"
RESULTS = ("dvc.lock", "ledger.jsonl", "reports")  # what .gitignore leaves of them
_HIDDEN = "Region maps: in the run's artifacts, `retrain/comparison.html` and `region_maps/`.\n"


def retrained() -> None:
    """Propose the results of the working folder."""
    job.pass_on({"ref": submit("Retrain", comment)})


def promoted() -> None:
    """Put the new champion's line of the ledger onto the branch that proposed it, and say so there."""
    submit("Promote", lambda _: recorded())


def submit(did: str, comment: Callable[[Forge], str]) -> str:
    """Commit, push, open the pull request and comment on it; nothing where the origin has it all.

    Returns
    -------
    str
        The commit that holds the results, as the origin has it.
    """
    name = json.loads(Path("models/bundle.json").read_text(encoding="utf-8"))["sha256"][:12]
    branch = f"retrain/{name}"
    git("add", "--update")
    git("add", "--", *(path for path in RESULTS if Path(path).exists()))
    if not git("diff", "--cached", "--name-only"):
        log.info("nothing to propose: all of it is recorded already")
        return git("rev-parse", "HEAD")
    git("commit", "--quiet", "--message", f"{did}: model {name}")
    if remote_tree(branch) == git("rev-parse", "HEAD^{tree}"):
        log.info("%s was proposed already", branch)
        return git("rev-parse", "FETCH_HEAD")  # the commit of this job is not pushed
    push("HEAD", branch)
    log.info("%s is pushed", branch)
    if service := forge.here():
        service.comment(service.propose(branch, f"{did}: model {name}"), comment(service))
    return git("rev-parse", "HEAD")


def comment(service: Forge) -> str:
    """Join report and region maps, as far as these may be shown."""
    text = (report.FOLDER / "comment.md").read_text(encoding="utf-8")
    if os.environ.get("SHOW_MAPS") != "true":
        return f"{text}\n{_HIDDEN}"
    commit = commit_maps()
    push(commit, MAPS_BRANCH)
    maps = (report.FOLDER / "maps.md").read_text(encoding="utf-8")
    gallery = re.sub(r"\]\((maps/[^)]+)\)", lambda link: f"]({service.file(commit, link[1])})", maps)
    return f"{text}\n{gallery}"


def recorded() -> str:
    """Say in one line who made which version champion, when and instead of which."""
    last = json.loads(Path("ledger.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    replaced = f" instead of version {last['replaced']['version']}" if last["replaced"] else ""
    return (
        f"Version {os.environ['VERSION']} is champion{replaced}: {last['actor']}, {last['at']}. "
        "Merge this to keep its line of `ledger.jsonl`. `fracture rollback --reason …` undoes it.\n"
    )


def commit_maps() -> str:
    """Make a commit that holds the pictures alone and follows none; the working folder stays as it is."""
    top = git("rev-parse", "--absolute-git-dir")
    with TemporaryDirectory() as folder:
        aside = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        options = (f"--git-dir={top}", "--work-tree=.", "-C", str(report.FOLDER))
        git(*options, "add", "--force", "--", "maps", environment=aside)
        tree = git("write-tree", environment=aside)
    return git("commit-tree", tree, "-m", "Region maps of the newest retraining")


def git(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git and return what it prints; where it fails, its own message stands on standard error."""
    around = {**os.environ, **(environment or {})}
    command = ["git", *_AUTHOR, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=around).stdout.strip()


def push(source: str, branch: str) -> None:
    """Push a commit as a branch, over what the branch was."""
    git(*_HELPED, "push", "--quiet", "--force", origin(), f"{source}:refs/heads/{branch}")


def remote_tree(branch: str) -> str:
    """Return the tree that the branch holds at the origin; empty where there is no such branch."""
    if not git(*_HELPED, "ls-remote", origin(), f"refs/heads/{branch}"):
        return ""
    git(*_HELPED, "fetch", "--quiet", origin(), f"refs/heads/{branch}")
    return git("rev-parse", "FETCH_HEAD^{tree}")


def origin() -> str:
    """Return the origin's address without a user: what a CI service puts there may read only."""
    return re.sub(r"(?<=://)[^/]*@", "", git("remote", "get-url", "origin"))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    {"retrained": retrained, "promoted": promoted}[sys.argv[1]]()
