"""Pull requests and comments on GitHub and GitLab, through their REST interfaces.

The CI service says in the environment where its interface is, on servers of one's own too; FORGE_TOKEN
opens it.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_TIMEOUT_S = 30
_LONGEST = 65_000  # characters of a comment; GitHub takes 65,536
_CUT = "\n\nCut here; the whole text is in the run's artifacts.\n"


class GitHub:
    """GitHub, or a GitHub Enterprise Server, as the environment of a job describes it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.owner, _, name = env["GITHUB_REPOSITORY"].partition("/")
        self.api = f"{env['GITHUB_API_URL']}/repos/{self.owner}/{name}"
        self.page = f"{env['GITHUB_SERVER_URL']}/{self.owner}/{name}"
        self.run, self.base, self.actor = env["GITHUB_RUN_ID"], env["BASE"], env["GITHUB_ACTOR"]
        token = env.get("FORGE_TOKEN", "")
        self.headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}

    def propose(self, branch: str, title: str) -> str:
        """Find or open the pull request of a branch into the default branch; return its number."""
        sought = urlencode({"state": "open", "head": f"{self.owner}:{branch}"})
        body = {"head": branch, "base": self.base, "title": title}
        return str(_first_or_new(f"{self.api}/pulls", sought, self.headers, body)["number"])

    def comment(self, number: str, text: str) -> None:
        """Comment on a pull request."""
        send(f"{self.api}/issues/{number}/comments", self.headers, {"body": shortened(text)})

    def file(self, commit: str, path: str) -> str:
        """Return the address under which a file of a commit is shown to those who may see the repository."""
        return f"{self.page}/raw/{commit}/{quote(path)}"

    def approver(self) -> str:
        """Return who let this job run: who reviewed the deployment, else who caused the run."""
        reviews = send(f"{self.api}/actions/runs/{self.run}/approvals", self.headers)
        approved = [review["user"]["login"] for review in reviews if review["state"] == "approved"]
        return approved[-1] if approved else self.actor


class GitLab:
    """The same on GitLab: its pull requests are merge requests, and who starts a job by hand approves it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.api = f"{env['CI_API_V4_URL']}/projects/{env['CI_PROJECT_ID']}/merge_requests"
        self.page, self.base = env["CI_PROJECT_URL"], env["CI_DEFAULT_BRANCH"]
        self.actor, self.headers = env["GITLAB_USER_LOGIN"], {"PRIVATE-TOKEN": env.get("FORGE_TOKEN", "")}

    def propose(self, branch: str, title: str) -> str:
        """See :class:`GitHub`."""
        sought = urlencode({"state": "opened", "source_branch": branch})
        body = {"source_branch": branch, "target_branch": self.base, "title": title}
        return str(_first_or_new(self.api, sought, self.headers, body)["iid"])

    def comment(self, number: str, text: str) -> None:
        """See :class:`GitHub`."""
        send(f"{self.api}/{number}/notes", self.headers, {"body": shortened(text)})

    def file(self, commit: str, path: str) -> str:
        """See :class:`GitHub`."""
        return f"{self.page}/-/raw/{commit}/{quote(path)}"

    def approver(self) -> str:
        """See :class:`GitHub`."""
        return self.actor


Forge = GitHub | GitLab


def here() -> Forge | None:
    """Return the forge whose CI runs this; None on any other machine."""
    if "GITHUB_REPOSITORY" in os.environ:
        return GitHub(os.environ)
    return GitLab(os.environ) if "CI_PROJECT_ID" in os.environ else None


def send(address: str, headers: Mapping[str, str], body: Mapping[str, str] | None = None) -> Any:
    """Send one request, with a body as POST, and read the JSON that comes back; HTTPError where refused."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {**headers, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        return json.load(response)


def shortened(text: str) -> str:
    """Return a text that fits into a comment."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - len(_CUT)] + _CUT


def _first_or_new(address: str, sought: str, headers: Mapping[str, str], body: Mapping[str, str]) -> Any:
    matches = send(f"{address}?{sought}", headers)
    return matches[0] if matches else send(address, headers, body)
