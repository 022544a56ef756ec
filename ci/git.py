"""Git, as a CI job uses it: with an author of its own, and a token that no command line shows."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping

_AUTHOR = ("-c", "user.name=Retraining", "-c", "user.email=retraining@localhost")
# Git asks this for the password; FORGE_TOKEN never stands in an address or in a list of processes.
_HELPED = ("-c", 'credential.helper=!f() { echo username=x-access-token; echo "password=$FORGE_TOKEN"; }; f')


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git and return what it prints.

    Raises
    ------
    CalledProcessError
        It fails; its own message stands on standard error.
    """
    around = {**os.environ, **(environment or {})}
    done = subprocess.run(
        ["git", *_AUTHOR, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=around
    )
    return done.stdout.strip()


def push(source: str, branch: str) -> None:
    """Push a commit as a branch, over what the branch was."""
    run(*_HELPED, "push", "--quiet", "--force", _origin(), f"{source}:refs/heads/{branch}")


def remote_tree(branch: str) -> str:
    """Return the tree that the branch holds at the origin; empty where there is no such branch."""
    if not run(*_HELPED, "ls-remote", _origin(), f"refs/heads/{branch}"):
        return ""
    run(*_HELPED, "fetch", "--quiet", _origin(), f"refs/heads/{branch}")
    return run("rev-parse", "FETCH_HEAD^{tree}")


def _origin() -> str:
    """Return the origin's address without a user: what a CI service puts there may read only."""
    return re.sub(r"(?<=://)[^/@]*@", "", run("remote", "get-url", "origin"))
