"""`dvc repro` killed without warning at random moments: run again, it ends as if nothing had been.

KILLS says how often (50), KILLS_SEED repeats a run, KILLS_LOCK names a file that is locked for a round.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
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
        Where each run takes place; beside it the snapshots.
    seconds
        For each stage, seconds of `dvc repro STAGE` until the stage begins, and until all is over.
    """

    folder: Path
    seconds: dict[str, tuple[float, float]]
    outputs: dict[str, str]
    temporary: list[str]

    def before(self, stage: str) -> Path:
        """Snapshot in which all stages before this one have run."""
        return self.folder.with_name(f"before-{stage}")


class Blow(NamedTuple):
    """When, on whom, and whether under another setting than that of the rerun."""

    moment: Moment
    whole_group: bool
    other_setting: bool


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """Run one stage after another, and keep what was there before each."""
    made = Clean(tmp_path_factory.mktemp("kills") / "run", {}, {}, [])
    cloning.copy(made.folder, rounds.SETTINGS)
    with turn():
        for stage in rounds.OTHER:
            shutil.copytree(made.folder, made.before(stage), symlinks=True)
            made.seconds[stage] = Repro(made.folder, stage).last()
    made.outputs.update(rounds.outputs(made.folder))
    made.temporary.extend(rounds.temporary(made.folder))
    tell(f"clean: {made.seconds}, {len(made.outputs)} files, in TMPDIR {made.temporary}")
    return made


def blows(clean: Clean, count: int) -> list[Blow]:
    """Spread over the time of all stages, and at least one a stage; a third under another setting."""
    chance, ends = random.Random(SEED), list(accumulate(whole for _, whole in clean.seconds.values()))
    spread = [(place + chance.random()) / count * ends[-1] for place in range(count)]
    each = [
        end - chance.random() * clean.seconds[stage][1]
        for end, stage in zip(ends, clean.seconds, strict=True)
    ]
    drawn = []
    for at in [*spread[len(each) :], *each] if count > len(each) else spread:
        stage, end = next((name, end) for name, end in zip(clean.seconds, ends, strict=True) if at <= end)
        begins, whole = clean.seconds[stage]
        since = at - (end - whole)
        moment = Moment(stage, since - begins if since > begins else since, since > begins)
        drawn.append(Blow(moment, chance.random() < 0.5, chance.random() < 1 / 3))
    chance.shuffle(drawn)
    return drawn


@pytest.mark.slow
@pytest.mark.reliability(
    "kill -9 at 50 random moments of dvc repro", "the rerun equals a clean run byte for byte"
)
def test_runs_that_were_killed_end_as_if_nothing_had_been(clean: Clean) -> None:
    failures, struck = [], []
    for number, blow in enumerate(blows(clean, KILLS)):
        with turn():
            stage, wrong = round_of(clean, blow)
        struck.append(stage)
        tell(f"{number}: {blow} hit {stage or 'nothing'}: {wrong or 'as a clean run'}")
        failures += [f"KILLS={KILLS} KILLS_SEED={SEED}, {number}: {blow}: {what}" for what in wrong]
    assert not failures, "\n".join(failures)
    assert len(set(struck) & set(rounds.OTHER)) >= min(len(rounds.OTHER), KILLS // 8)


def round_of(clean: Clean, blow: Blow) -> tuple[str, list[str]]:
    """Kill one run and start another; the stage that was hit, and what is not as after a clean run."""
    folder, stage = clean.folder, blow.moment.stage
    rounds.lay(clean.before(stage), folder)
    params = (folder / "params.yaml").read_text(encoding="utf-8")
    if blow.other_setting:
        rounds.change(folder, *rounds.OTHER[stage])
    hit = Repro(folder).strike(blow.moment, blow.whole_group)
    wrong = [f"still running: {process}" for process in rounds.orphans(folder)]
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    again = Repro(folder)
    if again.process.wait():
        return hit, [*wrong, f"the rerun failed: {again.said()[-1500:]}"]
    return hit, [*wrong, *differences(clean, folder)]


def differences(clean: Clean, folder: Path) -> Iterator[str]:
    made = rounds.outputs(folder)
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
