"""Put the new champion's line of the ledger onto the branch that proposed it, and tell its pull request.

Reads VERSION from the environment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ci import propose
from ci.forge import Forge


def main() -> None:
    """Record the promotion."""
    propose.submit("Promote", told)


def told(_: Forge) -> str:
    """Say in one line who made which version champion, when and instead of which."""
    last = json.loads(Path("ledger.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    replaced = f" instead of version {last['replaced']['version']}" if last["replaced"] else ""
    return (
        f"Version {os.environ['VERSION']} is champion{replaced}: {last['actor']}, {last['at']}. "
        "Merge this to keep its line of `ledger.jsonl`. `fracture rollback --reason …` undoes it.\n"
    )


if __name__ == "__main__":
    main()
