"""The gate, run twice: `python -m ci.gate ask` before somebody approves, `python -m ci.gate promote` after.

A refusal to `ask` is a result and no failure: it is reported, and nothing is promoted. It writes
``reports/promote/gate.json`` beside ``gate.md``, and tells the next job ``promote``, whether a champion is to
be made, and ``version``. That one makes VERSION champion, unless the gate has changed its mind: another
champion may have come. With REASON in the environment, which only a person gives, a version that was rolled
back may come back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ci import forge, job

REPORT = Path("reports/promote")
_REFUSED = 4  # exit code of `fracture promote`


def decide() -> int:
    """Run the gate on the registered candidate; return the exit code where it fails, else 0."""
    process = subprocess.run(
        [*_command(), "--dry-run", "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if process.returncode not in (0, _REFUSED):
        return process.returncode
    decision = json.loads(process.stdout)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "gate.json").write_text(process.stdout, encoding="utf-8")
    due = decision["promoted"] and decision["champion"] != decision["candidate"]
    job.pass_on({"promote": "true" if due else "false", "version": decision["candidate"]})
    return 0


def promote() -> int:
    """Promote in the name of whoever let this job run; return the command's exit code."""
    service = forge.here()
    actor = ["--actor", service.approver()] if service else []
    return subprocess.run([*_command(), "--version", os.environ["VERSION"], *actor], check=False).returncode


def _command() -> list[str]:
    return ["fracture", "promote", "--reason", os.environ.get("REASON", "")]


if __name__ == "__main__":
    sys.exit({"ask": decide, "promote": promote}[sys.argv[1]]())
