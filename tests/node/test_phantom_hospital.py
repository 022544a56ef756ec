"""A hospital's studies through a real node that is killed, to a peer that is away, with a disk that fills.

HOSPITAL_STUDIES says how many (200), HOSPITAL_KILLS how often the node is killed (10), HOSPITAL_SEED when.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from pynetdicom import AllStoragePresentationContexts

from pipeline.node import exams
from tests.imports import REPOSITORY
from tests.node import hospital
from tests.node.made import NAME, Peer, peering

STUDIES = int(os.environ.get("HOSPITAL_STUDIES", "200"))
KILLS = int(os.environ.get("HOSPITAL_KILLS", "10"))
SEED = int(os.environ.get("HOSPITAL_SEED", "7"))
_BACKLOG = min(25, STUDIES // 4)  # studies that devices are ahead of the results
_AWAY_S, _FULL_S, _PATIENCE_S = 8, 6, 1200
SETTINGS = {
    "quiet_s": 2.0, "retry_first_s": 0.5, "retry_most_s": 2.0, "retry_tries": 1000, "min_free_mb": 0,
}  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1g,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here, so no disk can be filled")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    values["node"] |= SETTINGS
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return tmp_path


def seen(peer: Peer) -> int:
    """Studies of which the peer has a report."""
    return len({each.StudyInstanceUID for each in [*peer.objects.values()] if each.Modality == "SR"})


def wait(condition, seconds: float = _PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


class Gate:
    """Lets devices be ahead of the results by the backlog; by any number while nothing is taken anyway."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.wide = peer, threading.Event()

    def __call__(self, accepted: int) -> bool:
        return self.wide.is_set() or accepted - seen(self.peer) < _BACKLOG


def plague(node: hospital.Process, peer: Peer, disk: Path, gate: Gate) -> None:
    """Kill the node, take its peer away and fill its disk, as the results come in."""
    chance = random.Random(SEED)
    misfortunes = [(chance.uniform(0.02, 0.9), kill) for _ in range(KILLS)]
    misfortunes += [(0.3, take_away), (0.6, fill)]
    for share, befall in sorted(misfortunes, key=lambda each: each[0]):
        wait(lambda share=share: seen(peer) >= share * STUDIES)
        time.sleep(chance.random())
        befall(node, peer, disk, gate)
        sys.stderr.write(f"{befall.__name__} at {seen(peer)} of {STUDIES}\n")


def kill(node: hospital.Process, *_: object) -> None:
    node.kill()
    node.start()


def take_away(node: hospital.Process, peer: Peer, *_: object) -> None:
    peer.close()
    time.sleep(_AWAY_S)
    peer.open_again()


def fill(node: hospital.Process, peer: Peer, disk: Path, gate: Gate) -> None:
    filler = hospital.fill(disk)
    gate.wide.set()
    time.sleep(_FULL_S)
    gate.wide.clear()
    filler.unlink()


@pytest.mark.slow
@pytest.mark.reliability(
    "200 studies through a node that is killed ten times, its peer away and its disk full once",
    "every accepted study is answered exactly once, the results are valid, nothing is lost",
)
def test_every_study_that_was_accepted_is_answered_exactly_once(place, disk, models):
    made, started = hospital.studies(STUDIES), time.monotonic()
    classes = [context.abstract_syntax for context in AllStoragePresentationContexts]
    with peering(contexts=classes) as peer:
        node = hospital.Process(place, disk / "spool", models, peer.port)
        try:
            gate = Gate(peer)
            with hospital.Devices(node.port, made, gate) as devices:
                plague(node, peer, disk, gate)
                wait(lambda: seen(peer) == STUDIES)
                wait(lambda: all(state == "sent" for state in states(disk / "spool")))
            assert node.end() == 0
        finally:
            node.kill()
    told = f"{STUDIES} studies, {len(peer.objects)} results in {time.monotonic() - started:.0f} s, "
    twice = sum(count > 1 for count in peer.came.values())
    sys.stderr.write(f"{told}{twice} sent twice; statuses {dict(devices.statuses)}\n")
    assert devices.accepted == set(made)
    assert set(states(disk / "spool")) == {"sent"}
    assert len(states(disk / "spool")) == STUDIES  # one exam each
    assert devices.statuses[0xA700] > 0  # the disk was full for them, too
    for study, views in made.items():
        check(study, [each.SOPInstanceUID for each in views if each.Modality == "DX"], peer)
    assert all(len(variants) == 1 for variants in peer.bytes.values())
    assert max(peer.came.values()) <= 1 + KILLS
    check_trail(disk / "spool", made)
    assert invalid(peer, place) == []


def states(spool: Path) -> list[str]:
    return [exam.state for study in (spool / "studies").iterdir() for exam in exams.of(study)]


def check(study: str, sound: list[str], peer: Peer) -> None:
    """A report and a picture a sound view, all of this study, and the report names these views."""
    results = [each for each in peer.objects.values() if each.StudyInstanceUID == study]
    kinds = Counter(each.Modality for each in results)
    assert kinds["SR"] == 1, (study, kinds)
    assert kinds["OT"] == len(sound), (study, kinds)
    (report,) = [each for each in results if each.Modality == "SR"]
    named = {
        item.ReferencedSOPInstanceUID
        for evidence in report.CurrentRequestedProcedureEvidenceSequence
        for series in evidence.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert set(sound) <= named


def check_trail(spool: Path, made) -> None:
    text = (spool / "audit.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    answered = Counter(line["study"] for line in lines if line["hop"] == "sent")
    assert len(answered) == len(made)
    assert NAME not in text
    assert not any(study in text for study in made)


def invalid(peer: Peer, folder: Path) -> list[str]:
    """What `dciodvfy` finds wrong with the results."""

    def faults(numbered) -> list[str]:
        path = folder / f"result{numbered[0]}.dcm"
        numbered[1].save_as(path, enforce_file_format=True)
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        return [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")]

    with ThreadPoolExecutor(2) as pool:
        return [line for lines in pool.map(faults, enumerate(peer.objects.values())) for line in lines]
