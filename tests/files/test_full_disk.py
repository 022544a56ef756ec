"""A full disk in the middle of writing: one message, nothing half written, and a rerun that works."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline import __main__ as command_line
from pipeline.files import outputs

MEGABYTE = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by the superuser alone")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def table(path: Path, n_bytes: int) -> None:
    path.write_text("a" * n_bytes)


def folder_of_files(path: Path, n_bytes: int) -> None:
    path.mkdir()
    for number in range(8):
        (path / f"{number}").write_bytes(bytes(n_bytes // 8))


def arrays(path: Path, n_bytes: int) -> None:
    with path.open("wb") as file:
        np.savez(file, values=np.zeros(n_bytes, np.uint8))


def shards(path: Path, n_bytes: int) -> None:
    import tensorflow as tf

    path.mkdir()
    with tf.io.TFRecordWriter(str(path / "0.tfrecord")) as writer:
        for _ in range(64):
            writer.write(bytes(n_bytes // 64))


@pytest.mark.reliability(37)
@pytest.mark.parametrize("write", [table, folder_of_files, arrays, shards])
def test_a_full_disk_is_one_message_and_a_rerun_works(
    write: Callable[[Path, int], None], small_disk: Path
) -> None:
    out, other = small_disk / "out", small_disk / "other"
    table(out, 100)
    table(other, 300_000)
    with pytest.raises(outputs.NoSpaceError, match=message(out)), outputs.staged(out) as private:
        write(private, MEGABYTE)
    assert (out.read_text(), sorted(small_disk.iterdir())) == ("a" * 100, [other, out])
    other.unlink()
    with outputs.staged(out) as private:
        write(private, MEGABYTE // 2)
    assert list(small_disk.iterdir()) == [out]


def message(path: Path) -> str:
    return rf"no space left on the disk for {path}\. Received: .* MB free .* Make room"


@pytest.mark.reliability("a full disk where temporary files lie", "one message, exit code 1")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_elsewhere_ends_with_one_message(code: int, monkeypatch, caplog) -> None:
    def fail() -> None:
        raise OSError(code, os.strerror(code), "/tmp/features.npy")

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 1
    assert "no space left: make room, then run it again" in caplog.text
    assert "features.npy" in caplog.text


class ResourceExhaustedError(Exception):
    """As TensorFlow raises it."""


@pytest.mark.reliability("out of memory in any command", "one message: the settings to lower")
@pytest.mark.parametrize("error", [MemoryError(), ResourceExhaustedError("OOM when allocating\nmore lines")])
def test_out_of_memory_is_one_message_with_advice(error: Exception, monkeypatch, caplog) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 1
    assert "lower train.batch_size and run.workers" in caplog.text
    assert "more lines" not in caplog.text
