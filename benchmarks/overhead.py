"""Time what tracking costs: an executed stage, a skipped one, and a server that does not answer.

    python benchmarks/overhead.py [FOLDER] [--rounds 5] [--stages validate,preprocess,evaluate]

All is done in a copy of this repository, with few and small phantoms: in FOLDER, where it is found again, or
in a temporary one. A stage is run as DVC would run it, tracked and untracked in turns; what tracking adds is
the median of the rounds' differences, in seconds by the clock, of the processor, and of waiting for the store
to answer: where others work, too, only the latter two mean anything. A repro without change is timed against
the same `dvc.yaml` whose commands are empty. Servers are dead (nobody listens), silent (one who takes every
question and answers none), or stopped once the stage has begun.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import bars
import psutil
import yaml

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))  # for `ci`, which is not installed

_SMALL = {
    "phantoms": {"train": 24, "val": 12, "test": 12, "min_side_px": 160, "max_side_px": 224},
    "preprocess": {"height_px": 96, "width_px": 96},
    "train": {"head_epochs": 1, "max_epochs": 2, "batch_size": 8, "pyramid_channels": 16},
    "evaluate": {"bootstrap_samples": 50, "robustness_radiographs": 0},
    "region_maps": {"faithfulness_radiographs": 2, "faithfulness_steps": 2, "gallery": 4},
}
_EXECUTED_BAR_S, _NO_OP_BAR, _DEAD_BAR_S = 6, 1.5, 15
# The command line of a stage, which says at its end how long it waited for answers.
_TRACKED = """
import atexit, time
from pipeline.__main__ import main
from pipeline.track.store import Client
call, waited = Client.call, []
def timed(*arguments, **named):
    started = time.monotonic()
    try:
        return call(*arguments, **named)
    finally:
        waited.append(time.monotonic() - started)
Client.call = timed
atexit.register(lambda: print(sum(waited)))
main()
"""
# Before it, where nothing shall be found to be tracked.
_UNTRACKED = """
from pipeline.track import runs, state
def nothing(*_):
    raise state.NoPipelineError("timed without tracking")
runs._open = nothing
"""

# Before it, too: a bundle that is registered already is not registered again.
_FORGET = """
from mlflow import MlflowClient
client = MlflowClient("sqlite:///mlflow.db")
for model in client.search_registered_models():
    client.delete_registered_model(model.name)
"""


class Timing(NamedTuple):
    """Seconds by the clock, of the processor (of all that ended), and of waiting for answers."""

    clock: float
    processor: float
    waited: float = 0.0


def main() -> None:
    """Reproduce once, measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stages", default="validate,preprocess,evaluate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as name:
        work = Work((options.folder or Path(name) / "repository").resolve())
        work.dvc("repro")
        costs = ["adds, s", "of processor", "of waiting"]
        print(f"load of the machine: {os.getloadavg()[0]:.0f}\n")
        table(["executed stage", "untracked, s", *costs], executed(work, options))
        table(
            ["repro without change, s", "empty commands, s", "ratio", "of processor"],
            no_op(work, options.rounds),
        )
        table(["server", "stage", *costs], dead(work, Path(name), options.rounds))
        print("after the dead servers, `fracture sync`:", work.fracture("sync"))


class Work:
    """A copy of this repository, and commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if (folder / "dvc.lock").exists():
            return
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (REPOSITORY / name).is_file() and not name.startswith(("reports/", "dvc.lock")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, folder / name)
        params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
        for section, values in _SMALL.items():
            params[section] |= values
        (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)

    def environment(self, **more: str) -> dict[str, str]:
        """Return that of this process, with the copy's code and without what is set for MLflow or DVC."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DVC_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
        return own | {"PATH": path, "PYTHONPATH": str(self.folder)} | more

    def run(self, *command: str, **more: str) -> str:
        """Run a command; return what it prints."""
        around = self.environment(**more)
        done = subprocess.run(
            command, cwd=self.folder, env=around, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout.strip()

    def dvc(self, *arguments: str) -> None:
        """Run DVC."""
        self.run("dvc", *arguments)

    def fracture(self, *arguments: str) -> str:
        """Run a command of ours."""
        return self.run(sys.executable, "-m", "pipeline", *arguments)

    def stage(self, name: str, *, tracked: bool, uri: str = "") -> Timing:
        """Run a stage as DVC would."""
        code = _TRACKED if tracked else _UNTRACKED + _TRACKED
        more = {"DVC_STAGE": f"dvc.yaml:{name}", "DVC_ROOT": str(self.folder), "MLFLOW_TRACKING_URI": uri}
        if name == "region_maps" and tracked:
            self.run(sys.executable, "-c", _FORGET)
        timing, said = timed(lambda: self.run(sys.executable, "-c", code, name.replace("_", "-"), **more))
        return timing._replace(waited=float(said.splitlines()[-1]))


def executed(work: Work, options: argparse.Namespace) -> Iterator[list[str]]:
    """Time stages tracked and untracked, in turns."""
    for name in options.stages.split(","):
        pairs = [
            (work.stage(name, tracked=False), work.stage(name, tracked=True)) for _ in range(options.rounds)
        ]
        yield [name, seconds(one for one, _ in pairs), *added(pairs, _EXECUTED_BAR_S)]


def no_op(work: Work, rounds: int) -> Iterator[list[str]]:
    """Time a repro without change against one of empty commands."""
    work.dvc("repro")  # the stages above were run by nobody DVC knows
    empty = work.folder.with_name(f"{work.folder.name}-empty")
    shutil.rmtree(empty, ignore_errors=True)
    shutil.copytree(work.folder, empty, symlinks=True)
    pipeline = yaml.safe_load((empty / "dvc.yaml").read_text(encoding="utf-8"))
    for stage in pipeline["stages"].values():
        stage["cmd"] = ":"
    (empty / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    work.run("dvc", "--cd", str(empty), "commit", "--force", "--quiet")
    pairs = [(_repro(work, empty), _repro(work, work.folder)) for _ in range(rounds)]
    ratios = [
        statistics.median(getattr(ours, kind) / getattr(theirs, kind) for theirs, ours in pairs)
        for kind in ("clock", "processor")
    ]
    written = [f"{ratios[0]:.2f}", bars.at_most(ratios[1], _NO_OP_BAR)]
    yield [seconds(ours for _, ours in pairs), seconds(one for one, _ in pairs), *written]


def _repro(work: Work, folder: Path) -> Timing:
    timing, said = timed(lambda: work.run("dvc", "--cd", str(folder), "repro"))
    if "Running stage" in said:
        raise SystemExit(f"a repro without change must run nothing. Received: {said}")
    return timing


def dead(work: Work, folder: Path, rounds: int, name: str = "preprocess") -> Iterator[list[str]]:
    """Time a stage with servers that do not answer against the untracked stage, in turns."""
    for kind, server in {"dead": closed, "silent": silent}.items():
        with server() as uri:
            pairs = [
                (work.stage(name, tracked=False), work.stage(name, tracked=True, uri=uri))
                for _ in range(rounds)
            ]
        yield [kind, name, *added(pairs, _DEAD_BAR_S)]
    pairs = [(work.stage(name, tracked=False), stopped(work, folder, name)) for _ in range(rounds)]
    yield ["stopped in the middle", name, *added(pairs, _DEAD_BAR_S)]


@contextmanager
def closed() -> Iterator[str]:
    """Hold a port that nobody listens on; yield its address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """Take connections and answer none; yield the address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def stopped(work: Work, folder: Path, name: str) -> Timing:
    """Run a stage whose server falls silent once the run is open."""
    from ci.servers import mlflow_server
    from pipeline.track.store import Client

    place = Path(tempfile.mkdtemp(dir=folder))
    with mlflow_server(place) as uri, ThreadPoolExecutor(1) as pool:
        client = Client(uri, timeout_s=60)
        client.create_experiment("fracture")
        servers = psutil.Process().children(recursive=True)  # before the stage: nobody else
        stage = pool.submit(work.stage, name, tracked=True, uri=uri)
        while not client.search_runs(["1"], "tags.`pipeline.role` = 'stage'"):
            time.sleep(0.05)
        _signal(servers, signal.SIGSTOP)
        took = stage.result()
        _signal(servers, signal.SIGCONT)
    return took


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)


def timed(run: Callable[[], str]) -> tuple[Timing, str]:
    """Run something; return its times, and what it says."""
    started, used = time.monotonic(), _processor()
    said = run()
    return Timing(time.monotonic() - started, _processor() - used), said


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def seconds(values: Iterable[Timing]) -> str:
    """Write the medians: by the clock, and of the processor."""
    clock, processor, _ = (statistics.median(each) for each in zip(*values, strict=True))
    return f"{clock:.1f} ({processor:.1f} of processor)"


def added(pairs: Sequence[tuple[Timing, Timing]], bar_s: float) -> list[str]:
    """Write medians and ranges of the rounds' differences: the clock beside its bar, processor, waiting."""
    written = []
    for kind in Timing._fields:
        apart = [getattr(second, kind) - getattr(first, kind) for first, second in pairs]
        median = statistics.median(apart)
        said = bars.at_most(median, bar_s, "{:.1f}") if kind == "clock" else f"{median:.1f}"
        written.append(f"{said}, {min(apart):.1f} to {max(apart):.1f}")
    return written


def table(head: Sequence[str], rows: Iterator[list[str]]) -> None:
    """Print a table in Markdown, row by row."""
    for row in (head, ["---"] * len(head)):
        print(f"| {' | '.join(row)} |")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


if __name__ == "__main__":
    main()
