"""A process that tries inputs of one target until its time is over, and lists the kinds of failure.

    python -m tests.fuzz.worker TARGET SEED SECONDS FOLDER

The folder holds `current-NAME`, the input that is being tried, and one input for each kind of failure.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
import warnings
from itertools import count, takewhile
from pathlib import Path
from random import Random

import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from tests.fuzz import guard
from tests.fuzz.targets import KNOWN, TARGETS, Fuzzed

_BYTES_A_ROUND, _EXAMPLES = 100, 50
_LEAST = 20  # inputs, however slow the machine


class Trial:
    """The inputs of one target in one folder."""

    def __init__(self, target: Fuzzed, folder: Path, end: float) -> None:
        self.target, self.folder, self.end = target, folder, end
        self.failures: dict[str, dict[str, str]] = {}
        self.tried = 0

    def warm_up(self) -> None:
        """Open a sound file: what is imported, built and traced at first is no input's cost."""
        self.target.open(*self.target.sound(), self.folder)

    def known(self, cases: list[bytes]) -> None:
        """Try what chance would not find; of a bundle, as its seal."""
        for data in cases:
            self.attempt(self.target.sound()[0], data)

    def goes_on(self) -> bool:
        return self.tried < _LEAST or time.time() < self.end

    def attempt(self, name: str, data: bytes) -> None:
        """Try one input: no error, or one of ours."""
        self.remember(name, data)
        self.tried += 1
        try:
            with guard.watched():
                self.target.open(name, data, self.folder)
        except Exception as error:
            if not self.target.is_ours(error, name):
                self._keep(error, name, data)

    def remember(self, name: str, data: bytes) -> None:
        """Keep what is being tried, should this process die of it."""
        for former in self.folder.glob("current-*"):
            former.unlink()
        (self.folder / f"current-{plain(name)}").write_bytes(data)

    def mutants(self, random: Random) -> None:
        for _ in range(_BYTES_A_ROUND):
            if self.goes_on():
                self.attempt(*self.target.drawn(random))

    def structures(self, seed: int) -> None:
        if self.target.structures is None:
            return

        @seeded(seed)
        @settings(
            max_examples=_EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @given(self.target.structures())
        def attempt(case: tuple[str, bytes]) -> None:
            if self.goes_on():
                self.attempt(*case)

        attempt()

    def _keep(self, error: Exception, name: str, data: bytes) -> None:
        """Keep the smallest input of each kind."""
        kind = f"{type(error).__name__} at {_place(error)}"
        known = self.failures.get(kind)
        if known is None or len(data) < Path(known["file"]).stat().st_size:
            file = (
                self.folder / f"{len(self.failures)}-{plain(name)}" if known is None else Path(known["file"])
            )
            file.write_bytes(data)
            self.failures[kind] = {"message": str(error)[:300], "file": str(file), "name": name}


def plain(name: str) -> str:
    """Name of a file without what parts the names of kept ones."""
    return name.replace("-", "_").replace(" ", "_")


def _place(error: Exception) -> str:
    """Where an error arose: the last line of ours, and the last one of all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in frames if "/pipeline/" in frame.filename and "site-packages" not in frame.filename
    ]
    return " in ".join(
        f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in (frames[-1], *ours[-1:])
    )


def main(target: str, seed: str, seconds: str, folder: str) -> None:
    end = psutil.Process().create_time() + float(seconds)  # what it imports counts
    warnings.filterwarnings("error", module=r"pipeline\.")
    trial = Trial(TARGETS[target], Path(folder), end)
    trial.warm_up()
    guard.limit_memory()
    trial.known(KNOWN.get(target, []))
    for number in takewhile(lambda _: trial.goes_on(), count()):
        trial.mutants(Random(f"{seed}-{number}"))
        trial.structures(int(seed) * 10_000 + number)
    sys.stdout.write(json.dumps({"tried": trial.tried, "failures": trial.failures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
