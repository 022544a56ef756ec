"""Which pushes to the default branch start a retraining: the paths that the two services' files name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.imports import REPOSITORY

GITHUB = REPOSITORY / ".github/workflows"
GITLAB = REPOSITORY / ".gitlab-ci.yml"


def raw(path: Path) -> dict[Any, Any]:
    data: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def on() -> dict[str, Any]:
    triggers: dict[str, Any] = raw(GITHUB / "retrain.yml")[True]  # to YAML 1.1, `on` is a truth value
    return triggers


def filters() -> dict[str, list[str]]:
    """Patterns of paths by service; GitLab's two jobs have one list."""
    rules = [rule for job in ("retrain", "promote") for rule in raw(GITLAB)[job]["rules"]]
    first, second = (rule["changes"] for rule in rules if "changes" in rule)
    assert first == second
    return {"GitHub": on()["push"]["paths"], "GitLab": first}


def starts(patterns: Iterable[str], files: Iterable[str]) -> bool:
    return any(fits(pattern, file) for file in files for pattern in patterns)


def fits(pattern: str, file: str) -> bool:
    """``*`` stands for anything but a slash, ``**`` for that too, ``**/`` for any folders or none."""
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return re.fullmatch("".join(meaning.get(part, re.escape(part)) for part in parts), file) is not None
