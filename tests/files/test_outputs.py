from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline.files import outputs
from tests.imports import REPOSITORY


def test_a_staged_file_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.keras"
    with outputs.staged(path) as private:
        assert private.parent == path.parent
        assert private.suffix == ".keras"
        private.write_text("weights")
        assert not path.exists()
    assert path.read_text() == "weights"
    assert list(path.parent.iterdir()) == [path]


def test_a_staged_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "shards"
    path.mkdir()
    (path / "old.tfrecord").write_text("old")
    put_one_file(path)
    assert [file.name for file in path.iterdir()] == ["new.tfrecord"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.reliability(32)
def test_a_kill_while_the_old_folder_is_removed_leaves_the_new_one(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "shards"
    path.mkdir()
    (path / "old.tfrecord").write_text("old")

    def interrupted(folder: Path) -> None:  # a signal may be switched off where tests run in the background
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put_one_file(path)
    assert [file.name for file in path.iterdir()] == ["new.tfrecord"]


def put_one_file(path: Path) -> None:
    with outputs.staged(path) as private:
        private.mkdir()
        (private / "new.tfrecord").write_text("new")


def fail_after_writing(path: Path, *, folder: bool) -> None:
    with outputs.staged(path) as private:
        target = private / "part" if folder else private
        target.parent.mkdir(exist_ok=True)
        target.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.reliability(37)
def test_after_an_exception_the_old_output_stands(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "out"
    kept = path / "part" if folder else path
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("whole")
    with pytest.raises(OSError, match=r"no space left on the disk for .*out\. Received: .* MB free"):
        fail_after_writing(path, folder=folder)
    assert kept.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_written_is_an_error_and_keeps_the_old_output(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("whole")
    with pytest.raises(FileNotFoundError), outputs.staged(path):
        pass
    assert path.read_text() == "whole"


def test_leavings_of_a_killed_process_with_this_id_are_cleared(tmp_path: Path) -> None:
    (tmp_path / f".{os.getpid()}-out").mkdir()
    outputs.write_text(tmp_path / "out", "text\n")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_leavings_go_of_a_process_that_nobody_waited_for_and_of_one_whose_number_another_has(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead, subprocess.Popen(["sleep", "60"]) as alive:
        while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        for name, pid in (("a", dead.pid), ("b", alive.pid), ("c", alive.pid)):
            (tmp_path / f".{pid}-{name}").touch()
        os.utime(tmp_path / f".{alive.pid}-c", (1, 1))  # before that process began
        assert sorted(outputs.left_over(tmp_path).values()) == ["a", "c"]
        alive.kill()


def test_json_is_sorted_rounded_and_finite(tmp_path: Path) -> None:
    values = {
        "b": np.float32(0.25),
        "a": {"share": 2 / 3, "none": float("nan"), "far": np.inf},
        "c": [np.int64(3), np.bool_(True), (1.0, "x")],
    }
    outputs.write_json(tmp_path / "metrics.json", values)
    text = (tmp_path / "metrics.json").read_text()
    assert list(json.loads(text)) == ["a", "b", "c"]
    assert json.loads(text) == {
        "a": {"far": None, "none": None, "share": 0.666667},
        "b": 0.25,
        "c": [3, True, [1.0, "x"]],
    }
    assert text.endswith("}\n")


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    outputs.write_text(tmp_path / "a", "Größe\n")
    outputs.write_bytes(tmp_path / "b", b"\x00\r\n")
    assert (tmp_path / "a").read_bytes() == "Größe\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\x00\r\n"


CHILD = """
import time
from pipeline.files.outputs import die_with_parent
die_with_parent()
print("ready", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
started = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
started.stdout.readline()
print(started.pid, flush=True)
time.sleep(60)
"""


def late(started: Path, parent: int) -> None:
    """Be a worker that hears of its parent's death only after it."""
    started.write_text(str(os.getpid()))
    while os.getppid() == parent:
        time.sleep(0.01)
    outputs.die_with_parent(parent)
    time.sleep(60)


def start_and_die(started: Path) -> None:
    """Be a parent that dies while its worker starts; a fork keeps its pipes open, as dying threads may."""
    multiprocessing.get_context("spawn").Process(target=late, args=(started, os.getpid())).start()
    while not started.exists() or not started.read_text():
        time.sleep(0.01)
    if not os.fork():
        ends(int(started.read_text()))
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_worker_whose_parent_died_while_it_started_ends(tmp_path: Path) -> None:
    parent = multiprocessing.get_context("spawn").Process(target=start_and_die, args=(tmp_path / "worker",))
    parent.start()
    parent.join()
    assert ends(int((tmp_path / "worker").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
@pytest.mark.reliability(32)
def test_a_child_dies_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    with parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.send_signal(signal.SIGKILL)
    assert ends(child)


def ends(pid: int) -> bool:
    """Whether a process ends within 30 seconds: it has a minute to live."""
    deadline = time.monotonic() + 30
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def dead_pid() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.reliability(
    "what a killed run left beside an output", "removed when that output is next written"
)
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead, alive = dead_pid(), os.getppid()
    (tmp_path / f".{dead}-shards").mkdir()
    (tmp_path / f".{dead}-old-shards").mkdir()
    others = [f".{alive}-shards", f".{dead}-mine", ".7-my-shards", f"{dead}-shards"]
    for name in others:
        (tmp_path / name).write_text("theirs")
    put_one_file(tmp_path / "shards")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["shards", *others])


@pytest.mark.reliability("killed between the two renames of a result", "the old result comes back")
def test_a_result_that_was_moved_aside_comes_back(tmp_path: Path) -> None:
    (tmp_path / f".{dead_pid()}-old-out").write_text("whole")
    with pytest.raises(RuntimeError), outputs.staged(tmp_path / "out"):
        raise RuntimeError
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "whole")]


@pytest.mark.parametrize("text", ["[Errno 28] No space left on device", "database or disk is full"])
def test_a_full_disk_is_known_behind_a_librarys_own_error(text: str) -> None:
    error = RuntimeError("could not save")
    error.__cause__ = RuntimeError(text)
    assert outputs.is_no_space(error)
    assert not outputs.is_no_space(RuntimeError("could not save"))
