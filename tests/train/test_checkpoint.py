from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.train import checkpoint
from pipeline.train.checkpoint import Progress


def variables(value: float, shape: tuple[int, ...] = (2, 3)) -> list[keras.Variable]:
    return [keras.Variable(np.full(shape, value, np.float32)), keras.Variable(int(value), dtype="int64")]


def progress() -> Progress:
    history = [{"epoch": 0, "val_auroc": 0.5}, {"epoch": 1, "val_auroc": 0.1 + 0.2}]
    return Progress(history, 1, [np.arange(3.0), np.array(7)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    checkpoint.save(tmp_path / "new" / "training.npz", variables(5), progress())
    return tmp_path / "new" / "training.npz"


def test_everything_comes_back_exactly(path: Path) -> None:
    own = variables(0)
    found = checkpoint.restore(path, own)
    assert (own[0].numpy() == 5).all()
    assert int(own[1]) == 5
    assert found.history == progress().history
    assert found.selected_epoch == 1
    assert [weight.tolist() for weight in found.selected_weights] == [[0.0, 1.0, 2.0], 7]


def test_without_a_checkpoint_training_starts_anew(tmp_path: Path) -> None:
    assert checkpoint.restore(tmp_path / "none.npz", variables(0)) == Progress()


def refused(path: Path, own: list[keras.Variable], caplog: pytest.LogCaptureFixture) -> bool:
    """Whether the checkpoint is dropped with a warning, and the variables left alone."""
    with caplog.at_level(logging.WARNING):
        found = checkpoint.restore(path, own)
    warned = "training.npz cannot be used" in caplog.text and "starts anew" in caplog.text
    return warned and found == Progress() and not path.exists() and not own[0].numpy().any()


@pytest.mark.reliability(35)
@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 junk", bytes(200)])
@pytest.mark.reliability(35)
def test_what_is_no_checkpoint_is_discarded(
    path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path.write_bytes(content)
    assert refused(path, variables(0), caplog)


@pytest.mark.reliability("a checkpoint cut short", "discarded with a warning; training starts anew")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.reliability(35)
def test_a_checkpoint_cut_short_is_discarded(
    path: Path, caplog: pytest.LogCaptureFixture, share: float
) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert refused(path, variables(0), caplog)


@pytest.mark.reliability(35)
def test_a_flipped_bit_anywhere_is_discarded_or_harmless(path: Path) -> None:
    whole = path.read_bytes()
    for position in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        own = variables(0)
        found = checkpoint.restore(path, own)
        assert found.history in ([], progress().history)
        assert (own[0].numpy() == (5 if found.history else 0)).all()


@pytest.mark.reliability("a checkpoint of another network", "discarded with a warning; training starts anew")
@pytest.mark.parametrize("other", [variables(0, (3, 2)), variables(0)[:1], variables(0) * 2])
def test_a_checkpoint_of_another_network_is_discarded(
    path: Path, caplog: pytest.LogCaptureFixture, other: list[keras.Variable]
) -> None:
    assert refused(path, other, caplog)


@pytest.fixture
def full_disk(path: Path) -> Iterator[None]:
    """As on a full disk, no file grows beyond what is there of the checkpoint."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 2, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.reliability(
    "a disk that is full when a checkpoint is written", "training goes on; the last one is whole"
)
@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_costs_the_checkpoint_and_not_the_training(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = path.read_bytes()
    checkpoint.try_to_save(path, variables(6), progress())
    assert "Free space on its disk: training goes on" in caplog.text
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == whole


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.files import outputs
with outputs.staged(Path(sys.argv[1])) as private:
    private.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.reliability(34)
def test_a_kill_inside_a_save_leaves_the_old_file_whole(path: Path) -> None:
    whole = path.read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == -9
    assert path.read_bytes() == whole
    checkpoint.save(path, variables(6), progress())
    own = variables(0)
    assert checkpoint.restore(path, own).history == progress().history
    assert (own[0].numpy() == 6).all()


@pytest.mark.reliability(
    "a training was killed and its settings given up", "its checkpoint goes after a week"
)
def test_what_other_settings_left_is_kept_for_a_week(tmp_path: Path) -> None:
    now = time.time()
    for name, days in {"ours": 0, "young": 6, "old": 8, "of-a-release/nested": 8}.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "training.npz").touch()
        os.utime(tmp_path / name / "training.npz", (now - days * 86_400,) * 2)
    (tmp_path / "last-good").mkdir()
    (tmp_path / "last-good/classifier.keras").touch()
    os.utime(tmp_path / "last-good/classifier.keras", (0, 0))
    checkpoint.clear(tmp_path / "ours")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last-good", "young"]


def test_nothing_to_clear_is_no_fault(tmp_path: Path) -> None:
    checkpoint.clear(tmp_path / "none/ours")
    assert list(tmp_path.iterdir()) == []
