"""Pull requests and comments on GitHub and GitLab, through their REST interfaces.

The CI service says in the environment where its interface is, on servers of one's own too; FORGE_TOKEN
opens it.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

_TIMEOUT_S = 30
_LONGEST = 65_000  # characters of a comment; GitHub takes 65,536
_CUT = "\n\nCut here; the whole text is in the run's artifacts.\n"


class Forge(Protocol):
    """Where the repository lives."""

    def propose(self, branch: str, title: str) -> str:
        """Find or open the pull request of a branch into the default branch; return its number."""

    def comment(self, number: str, text: str) -> None:
        """Comment on a pull request."""

    def file(self, commit: str, path: str) -> str:
        """Return the address under which a file of a commit is shown to those who may see the repository."""

    def approver(self) -> str:
        """Return who let this job run."""


@dataclass(frozen=True)
class GitHub:
    """GitHub, or a GitHub Enterprise Server.

    Attributes
    ----------
    api, server
        Addresses of the interface and of the pages.
    repository
        ``owner/name``.
    run
        The id of this run of the workflow.
    base
        The branch that pull requests lead to.
    actor
        Who caused the run.
    """

    api: str
    server: str
    repository: str
    run: str
    base: str
    actor: str
    token: str

    def propose(self, branch: str, title: str) -> str:
        """See :class:`Forge`."""
        owner = self.repository.partition("/")[0]
        found = self._ask(f"/pulls?{urlencode({'state': 'open', 'head': f'{owner}:{branch}'})}")
        body = {"head": branch, "base": self.base, "title": title}
        return str((found[0] if found else self._ask("/pulls", body))["number"])

    def comment(self, number: str, text: str) -> None:
        """See :class:`Forge`."""
        self._ask(f"/issues/{number}/comments", {"body": shortened(text)})

    def file(self, commit: str, path: str) -> str:
        """See :class:`Forge`."""
        return f"{self.server}/{self.repository}/raw/{commit}/{quote(path)}"

    def approver(self) -> str:
        """See :class:`Forge`; who reviewed the deployment, else who caused the run."""
        reviews = self._ask(f"/actions/runs/{self.run}/approvals")
        approved = [review["user"]["login"] for review in reviews if review["state"] == "approved"]
        return approved[-1] if approved else self.actor

    def _ask(self, path: str, body: Mapping[str, str] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        return ask(f"{self.api}/repos/{self.repository}{path}", headers, body)


@dataclass(frozen=True)
class GitLab:
    """GitLab; ``project`` is its page, ``api`` its interface with the project's id."""

    api: str
    project: str
    base: str
    actor: str
    token: str

    def propose(self, branch: str, title: str) -> str:
        """See :class:`Forge`."""
        found = self._ask(f"/merge_requests?{urlencode({'state': 'opened', 'source_branch': branch})}")
        body = {"source_branch": branch, "target_branch": self.base, "title": title}
        return str((found[0] if found else self._ask("/merge_requests", body))["iid"])

    def comment(self, number: str, text: str) -> None:
        """See :class:`Forge`."""
        self._ask(f"/merge_requests/{number}/notes", {"body": shortened(text)})

    def file(self, commit: str, path: str) -> str:
        """See :class:`Forge`."""
        return f"{self.project}/-/raw/{commit}/{quote(path)}"

    def approver(self) -> str:
        """See :class:`Forge`; who started the job by hand."""
        return self.actor

    def _ask(self, path: str, body: Mapping[str, str] | None = None) -> Any:
        return ask(f"{self.api}{path}", {"PRIVATE-TOKEN": self.token}, body)


def here() -> Forge | None:
    """Return the forge whose CI runs this; None on any other machine."""
    said = os.environ
    token = said.get("FORGE_TOKEN", "")
    if "GITHUB_REPOSITORY" in said:
        return GitHub(
            api=said["GITHUB_API_URL"],
            server=said["GITHUB_SERVER_URL"],
            repository=said["GITHUB_REPOSITORY"],
            run=said["GITHUB_RUN_ID"],
            base=said["BASE"],
            actor=said["GITHUB_ACTOR"],
            token=token,
        )
    if "CI_PROJECT_ID" in said:
        return GitLab(
            api=f"{said['CI_API_V4_URL']}/projects/{said['CI_PROJECT_ID']}",
            project=said["CI_PROJECT_URL"],
            base=said["CI_DEFAULT_BRANCH"],
            actor=said["GITLAB_USER_LOGIN"],
            token=token,
        )
    return None


def ask(address: str, headers: Mapping[str, str], body: Mapping[str, str] | None) -> Any:
    """Send one question, with a body as POST, and read the JSON that comes back.

    Raises
    ------
    HTTPError
        The forge refuses.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {**headers, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        return json.load(answer)


def shortened(text: str) -> str:
    """Return a text that fits into a comment."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - len(_CUT)] + _CUT
