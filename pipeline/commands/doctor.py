"""Say what is missing on this machine and in this repository, and how to mend it.

Every check stands alone and imports what it needs itself, so that one broken package costs one line.
``python -m pipeline.commands.doctor`` needs no package at all. Exit code 1 when there is a problem.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

from pipeline.commands import checks, terminal
from pipeline.commands.checks import lock
from pipeline.track import dvc_commands
from pipeline.track.secrets import without_password


def run(*, as_json: bool = False, quick: bool = False, mend: bool = False) -> int:
    """Make all checks, print them, and return the exit code.

    Parameters
    ----------
    as_json
        Print them as JSON.
    quick
        Make those alone that `dvc repro` needs before it starts, and print what it does not mend itself.
    mend
        Mend DVC's own files first, where a kill spoilt them: see `dvc_commands` and `lock`.
    """
    for done in (dvc_commands.forget_dead(), lock.mend()) if mend else ():
        sys.stderr.write(f"{done}\n" if done else "")
    made = checks.quick() if quick else checks.run()
    results = [replace(check, detail=without_password(check.detail)) for check in made]
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in results], indent=1) + "\n")
    else:
        shown = [check for check in results if not quick or check.stands_in_the_way]
        rows = [(check.status, check.name, check.detail, check.mend) for check in shown]
        terminal.show(("Status", "Checked", "Found", "How to mend it"), rows)
    return int(any(check.status == checks.PROBLEM for check in results))


if __name__ == "__main__":
    sys.exit(
        run(**{word: f"--{word}" in sys.argv for word in ("quick", "mend")}, as_json="--json" in sys.argv)
    )
