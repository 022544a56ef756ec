"""Propose what a retraining changed: a branch with ``dvc.lock``, a pull request, a comment with the report.

The branch is named by the bundle: the same result, proposed again, is the same branch, and where that holds
it already nothing is done. Outputs: ``ref``, the commit that the next job checks out.

SHOW_MAPS=true in the environment shows the region maps in the comment. They go to a branch of their own,
of one commit without a past, so that radiographs never enter the history; each retraining replaces them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from ci import forge, git, outputs, report
from ci.forge import Forge

log = logging.getLogger("ci")

MAPS_BRANCH = "retrained-maps"
RESULTS = ("dvc.lock", "ledger.jsonl", "reports")  # what .gitignore leaves of them
_HIDDEN = (
    "Region maps: in the run's artifacts, `reports/retrain/comparison.html` and `reports/region_maps/`.\n"
)


def main() -> None:
    """Propose the results of the working folder."""
    submit("Retrain", comment)
    outputs.write({"ref": git.run("rev-parse", "HEAD")})


def submit(did: str, tell: Callable[[Forge], str]) -> None:
    """Commit, push, open the pull request and comment on it; nothing where the origin has it all.

    Parameters
    ----------
    did
        What was done; it heads the commit and the pull request.
    tell
        From the forge to the comment.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    name = bundle()[:12]
    branch = f"retrain/{name}"
    git.run("add", "--update")
    git.run("add", "--", *(path for path in RESULTS if Path(path).exists()))
    if not git.run("diff", "--cached", "--name-only"):
        log.info("nothing to propose: all of it is recorded already")
        return
    git.run("commit", "--quiet", "--message", f"{did}: model {name}")
    if git.remote_tree(branch) == git.run("rev-parse", "HEAD^{tree}"):
        log.info("%s was proposed already", branch)
        return
    git.push("HEAD", branch)
    log.info("%s is pushed", branch)
    if here := forge.here():
        here.comment(here.propose(branch, f"{did}: model {name}"), tell(here))


def bundle() -> str:
    """Return the sha256 of the working folder's bundle."""
    return str(json.loads(Path("models/bundle.json").read_text(encoding="utf-8"))["sha256"])


def comment(here: Forge) -> str:
    """Join report and region maps, as far as these may be shown."""
    text = (report.FOLDER / "comment.md").read_text(encoding="utf-8")
    if os.environ.get("SHOW_MAPS") != "true":
        return f"{text}\n{_HIDDEN}"
    commit = commit_maps()
    git.push(commit, MAPS_BRANCH)
    return f"{text}\n{linked((report.FOLDER / 'maps.md').read_text(encoding='utf-8'), here, commit)}"


def linked(text: str, here: Forge, commit: str) -> str:
    """Point the pictures of a Markdown text at a commit."""
    return re.sub(r"\]\((maps/[^)]+)\)", lambda found: f"]({here.file(commit, found[1])})", text)


def commit_maps() -> str:
    """Make a commit that holds the pictures alone and follows none; the working folder stays as it is."""
    top = git.run("rev-parse", "--absolute-git-dir")
    with TemporaryDirectory() as folder:
        aside = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        there = (f"--git-dir={top}", "--work-tree=.", "-C", str(report.FOLDER))
        git.run(*there, "add", "--force", "--", "maps", environment=aside)
        tree = git.run("write-tree", environment=aside)
    return git.run("commit-tree", tree, "-m", "Region maps of the newest retraining")


if __name__ == "__main__":
    main()
