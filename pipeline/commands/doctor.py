"""Say what is missing on this machine and in this repository, and how to mend it.

Every check stands alone and imports what it needs itself, so that one broken package costs one line.
``python -m pipeline.commands.doctor`` needs no package at all. Exit code 1 when there is a problem.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

from pipeline.commands import checks, terminal
from pipeline.track.secrets import without_password


def run(*, as_json: bool = False) -> int:
    """Make all checks, print them, and return the exit code."""
    results = [replace(check, detail=without_password(check.detail)) for check in checks.run()]
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in results], indent=1) + "\n")
    else:
        rows = [(check.status, check.name, check.detail, check.mend) for check in results]
        terminal.show(("Status", "Checked", "Found", "How to mend it"), rows)
    return int(any(check.status == checks.PROBLEM for check in results))


if __name__ == "__main__":
    sys.exit(run(as_json="--json" in sys.argv))
