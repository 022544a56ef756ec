"""The steps of CI: the lists that GitHub, GitLab and the rehearsal call, and what a job tells the next.

    python -m ci.job check|packages|retrain|propose|promote|record

Steps run one after another; the first that fails ends the call with its exit code. FORGE_TOKEN goes on to
those steps alone that talk to the forge, wherever the service set it.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.track.secrets import relay

STEPS: dict[str, tuple[str, ...]] = {
    "check": (
        "dvc status",  # what differs from dvc.lock
        "python -m ci.plan",
    ),
    "packages": ("make sbom", "python -m ci.audit"),  # what is locked, and its known holes
    "retrain": (
        "dvc pull --run-cache --allow-missing",
        "dvc repro",
        "fracture sync",  # MLflow's record, up to dvc.lock
        "fracture register",
        "python -m ci.gate ask",
        "dvc push --run-cache",
    ),
    "propose": ("python -m ci.report", "python -m ci.propose retrained"),
    # The model, and what it was tested on: phantoms are no file that is pulled.
    "promote": ("dvc pull", "dvc repro phantoms", "python -m ci.gate promote"),
    "record": ("python -m ci.propose promoted",),
}
TO_FORGE = ("python -m ci.propose retrained", "python -m ci.gate promote", "python -m ci.propose promoted")
END = "== after "  # begins the line that follows each step
_DOTENV = "retrain.env"  # the file that .gitlab-ci.yml names


def main() -> int:
    """Run the list that the command line names; return the exit code of the step that failed, else 0."""
    if len(sys.argv) != 2 or sys.argv[1] not in STEPS:
        sys.stderr.write(f"One of {', '.join(STEPS)} must be named. Received: {sys.argv[1:]}\n")
        return 2
    return run(STEPS[sys.argv[1]])


def run(steps: Iterable[str]) -> int:
    """Run steps, each under its heading, until one fails; return its exit code, else 0."""
    head, foot = ("::group::", "::endgroup::\n") if "GITHUB_ACTIONS" in os.environ else ("== ", "")
    for step in steps:
        _write(f"{head}{step}")
        started = time.monotonic()
        code = relay(shlex.split(step), environment(step), lambda line: _write(line.rstrip("\n")))
        _write(f"{foot}{END}{time.monotonic() - started:.0f} s, exit code {code}: {step}")
        if code:
            return code
    return 0


def environment(step: str) -> dict[str, str]:
    """Return what a step may see of the environment."""
    hidden = () if step in TO_FORGE else ("FORGE_TOKEN",)
    return {name: value for name, value in os.environ.items() if name not in hidden}


def pass_on(values: Mapping[str, str]) -> None:
    """Pass values to the next job: by GitHub's outputs of this call, elsewhere by variables in capitals."""
    github = os.environ.get("GITHUB_OUTPUT")
    lines = [f"{name if github else name.upper()}={value}\n" for name, value in values.items()]
    with Path(github or _DOTENV).open("a", encoding="utf-8") as file:
        file.writelines(lines)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # before the step itself says anything


if __name__ == "__main__":
    sys.exit(main())
