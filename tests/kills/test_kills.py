"""`dvc repro` killed without warning at random moments: run again, it ends as if nothing had been.

DVC writes its own files in place, and a blow may tear one: then `fracture doctor --mend` comes first.

KILLS says how often (50), KILLS_SEED repeats a run, KILLS_LOCK names a file that is locked for a series.
"""

from __future__ import annotations

import fcntl
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import cloning
from tests.kills import rounds
from tests.kills.rounds import Moment, Repro

KILLS = int(os.environ.get("KILLS", "50"))
SEED = int(os.environ.get("KILLS_SEED", "20"))


class Clean(NamedTuple):
    """What an unbroken run makes, and how it gets there.

    Attributes
    ----------
    folder
        Where each run takes place; `pristine` beside it has never run.
    seconds
        That each stage takes, and DVC before the first one.
    """

    folder: Path
    pristine: Path
    seconds: dict[str, float]
    outputs: dict[str, str]
    temporary: list[str]


class Blow(NamedTuple):
    """When, on whom, and whether under another setting than that of the rerun."""

    moment: Moment
    whole_group: bool
    other_setting: bool


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    folder = tmp_path_factory.mktemp("kills") / "run"
    pristine = cloning.copy(folder.with_name("pristine"), rounds.SETTINGS)
    with turn():
        rounds.lay(pristine, folder)
        seconds = Repro(folder).durations()
    made = Clean(folder, pristine, seconds, rounds.outputs(folder), rounds.temporary(folder))
    tell(f"clean: {seconds}, {len(made.outputs)} files, in TMPDIR {made.temporary}")
    return made


def series(clean: Clean) -> Iterator[list[Blow]]:
    """Draw KILLS blows; those of a series go from stage to stage, a random moment of each."""
    chance, left = random.Random(SEED), KILLS
    while left:
        stages = list(clean.seconds)
        chosen = sorted(chance.sample(range(len(stages)), min(left, len(stages))))
        yield [
            Blow(
                Moment(stages[place], chance.random() * clean.seconds[stages[place]]),
                chance.random() < 0.5,
                chance.random() < 1 / 3,
            )
            for place in chosen
        ]
        left -= len(chosen)


@pytest.mark.slow
@pytest.mark.reliability(
    "kill -9 at 50 random moments of dvc repro",
    "the rerun equals a clean run byte for byte; where one of DVC's is torn, after `fracture doctor --mend`",
)
def test_runs_that_were_killed_end_as_if_nothing_had_been(clean: Clean) -> None:
    failures: list[str] = []
    struck: set[str] = set()
    for number, blows in enumerate(series(clean)):
        with turn():
            hit, wrong = one_series(clean, blows)
        struck |= hit
        tell(f"{number}: {wrong or 'as a clean run'}")
        failures += [f"KILLS={KILLS} KILLS_SEED={SEED}, series {number}: {what}" for what in wrong]
    assert not failures, "\n".join(failures)
    assert 2 * len(rounds.OTHER) > KILLS or set(rounds.OTHER) <= struck


def one_series(clean: Clean, blows: list[Blow]) -> tuple[set[str], list[str]]:
    """Kill a run and each that goes on, then let one end: what was hit, and what is not as it should be."""
    rounds.lay(clean.pristine, clean.folder)
    struck, abandoned = [], set()
    for blow in blows:
        before = rounds.checkpoints(clean.folder)
        struck.append(strike(clean.folder, blow))
        if blow.other_setting:
            abandoned |= rounds.checkpoints(clean.folder) - before
    wrong = [what for _, left in struck for what in left]
    again = Repro(clean.folder)
    if again.process.wait() and (mended := rounds.mend(clean.folder)):
        tell(f"    {mended}")
        again = Repro(clean.folder)
    if again.process.wait():
        return {stage for stage, _ in struck}, [*wrong, f"the rerun failed: {again.said()[-1500:]}"]
    return {stage for stage, _ in struck}, [*wrong, *differences(clean, clean.folder, abandoned)]


def strike(folder: Path, blow: Blow) -> tuple[str, list[str]]:
    """Start a run and kill it, under another setting if so; the stage that was hit, and who lives on."""
    settings = folder / "params.yaml"
    params = settings.read_bytes()
    if blow.other_setting:
        rounds.change(folder, *rounds.OTHER[blow.moment.stage or "phantoms"])
    hit = Repro(folder).strike(blow.moment, blow.whole_group)
    left = [f"still running after {blow}: {process}" for process in rounds.orphans(folder)]
    settings.write_bytes(params)
    tell(f"    {blow} hit {hit or 'nothing'} {left or ''}")
    return hit, left


def differences(clean: Clean, folder: Path, abandoned: set[str]) -> Iterator[str]:
    """Compare with the clean run; a checkpoint under a setting that was given up is there to go on from."""
    made = {name: value for name, value in rounds.outputs(folder).items() if name not in abandoned}
    yield from (f"left over: {name}" for name in sorted(made.keys() - clean.outputs.keys()))
    yield from (f"missing: {name}" for name in sorted(clean.outputs.keys() - made.keys()))
    common = sorted(made.keys() & clean.outputs.keys())
    yield from (f"differs: {name}" for name in common if made[name] != clean.outputs[name])
    yield from (f"torn in the cache: {name}" for name in rounds.torn_in_cache(folder))
    yield from (f"still RUNNING in MLflow: {name}" for name in rounds.unfinished_runs(folder))
    yield from (f"in TMPDIR: {name}" for name in rounds.temporary(folder) if name not in clean.temporary)


@contextmanager
def turn() -> Iterator[None]:
    """Wait for others who compute on this machine, where a file says who does."""
    name = os.environ.get("KILLS_LOCK")
    with Path(name or os.devnull).open("w") as lock:
        if name:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
