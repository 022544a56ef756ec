"""GitHub's workflow files, as far as ours go: triggers, jobs, steps, and expressions without functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_OPTIONAL = ("secrets.", "vars.", "inputs.")  # empty where nobody set them


@dataclass(frozen=True)
class Step:
    """One step: a command, or an action (``uses``) with its inputs."""

    name: str
    id: str
    run: str
    uses: str
    inputs: Mapping[str, str]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """One job; expressions stand in it as written."""

    condition: str
    env: Mapping[str, str]
    outputs: Mapping[str, str]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Workflow:
    """A file: what starts it, what holds for all jobs, and the jobs in order."""

    triggers: Mapping[str, Any]
    env: Mapping[str, str]
    jobs: Mapping[str, Job]

    def starts(self, event: str, files: Iterable[str] = ()) -> bool:
        """Whether an event starts it; a push to the default branch does by the files that it changes."""
        if event not in self.triggers or event != "push":
            return event in self.triggers
        return any(fits(pattern, file) for pattern in self.triggers["push"]["paths"] for file in files)


def read(path: Path) -> Workflow:
    """Read a workflow file."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    triggers = data[True]  # to YAML 1.1, `on` is a truth value
    return Workflow(triggers, data.get("env", {}), {name: _job(job) for name, job in data["jobs"].items()})


def _job(job: Mapping[str, Any]) -> Job:
    steps = tuple(
        Step(
            name=step.get("name", step.get("uses", "")),
            id=step.get("id", ""),
            run=step.get("run", ""),
            uses=step.get("uses", ""),
            inputs=step.get("with", {}),
            env=step.get("env", {}),
        )
        for step in job["steps"]
    )
    return Job(job.get("if", ""), job.get("env", {}), job.get("outputs", {}), steps)


def fits(pattern: str, file: str) -> bool:
    """Whether a path fits a filter: ``*`` stands for anything but a slash, ``**`` for that too."""
    parts = re.split(r"(\*\*|\*)", pattern)
    meaning = {"**": ".*", "*": "[^/]*"}
    return re.fullmatch("".join(meaning.get(part, re.escape(part)) for part in parts), file) is not None


def resolve(text: str, known: Mapping[str, str]) -> str:
    """Fill in ``${{ a }}`` and ``${{ a || b }}``, the first that is not empty.

    Raises
    ------
    KeyError
        An expression names what is not known.
    """

    def value(found: re.Match[str]) -> str:
        return next(filter(None, (lookup(name.strip(), known) for name in found[1].split("||"))), "")

    return re.sub(r"\$\{\{(.+?)\}\}", value, str(text))


def holds(condition: str, known: Mapping[str, str]) -> bool:
    """Whether a job's condition holds: none, ``a == 'text'`` or ``a != 'text'``."""
    if not condition:
        return True
    name, sign, text = condition.split(maxsplit=2)
    return (lookup(name, known) == text.strip("'")) == (sign == "==")


def lookup(name: str, known: Mapping[str, str]) -> str:
    """Return what a name stands for; empty for a secret, a variable or an input that nobody set."""
    return known.get(name, "") if name.startswith(_OPTIONAL) else known[name]
