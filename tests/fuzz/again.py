"""Try one kept input once more, and show what it raises.

python -m tests.fuzz.again TARGET FILE
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz import guard
from tests.fuzz.targets import TARGETS


def main(target: str, file: str) -> None:
    kept, fuzzed = Path(file), TARGETS[target]
    name = kept.name.rpartition("-")[2]
    with tempfile.TemporaryDirectory() as folder:
        fuzzed.open(*fuzzed.sound(), Path(folder))
        with guard.watched():
            fuzzed.open(name, kept.read_bytes(), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
