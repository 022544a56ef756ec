"""Put the registered candidate before the gate, and tell the jobs that follow what it said.

A refusal is an answer and no failure: it is reported, and nothing is promoted. Writes
``reports/promote/gate.json`` beside ``gate.md``. Outputs: ``promote``, whether a champion is to be made, and
``version``. With REASON in the environment, which only a person gives, a version that was rolled back may
come back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ci import outputs

REPORT = Path("reports/promote")
_REFUSED = 4  # exit code of `fracture promote`


def main() -> int:
    """Ask the gate; return the command's exit code where it could not answer, else 0."""
    command = ["fracture", "promote", "--dry-run", "--json", "--reason", os.environ.get("REASON", "")]
    asked = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if asked.returncode not in (0, _REFUSED):
        return asked.returncode
    decision = json.loads(asked.stdout)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "gate.json").write_text(asked.stdout, encoding="utf-8")
    due = decision["promoted"] and decision["champion"] != decision["candidate"]
    outputs.write({"promote": "true" if due else "false", "version": decision["candidate"]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
