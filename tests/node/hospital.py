"""A hospital of phantoms: studies, devices that send them until each is taken, a node that is killed."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from pydicom import Dataset

from pipeline.phantoms import drawing
from tests.imports import REPOSITORY
from tests.node.made import associate, instance, uid

_SIDE_PX = (128, 160)
_READY_S, _END_S = 180, 90


def studies(number: int) -> dict[str, list[Dataset]]:
    """Each by its UID: one to three phantoms, every other study fractured, every tenth with a slice of CT."""
    made = {}
    for index in range(number):
        name, chance = uid("hospital", index), np.random.default_rng(index)
        views = [
            instance(name, view, _phantom(index, view), BodyPartExamined="HAND")
            for view in range(1, 1 + int(chance.integers(1, 4)))
        ]
        if index % 10 == 0:
            views.append(instance(name, 9, _phantom(index, 9), Modality="CT"))
        made[name] = views
    return made


def _phantom(index: int, view: int) -> np.ndarray:
    fractured = index % 2 == 0 and view == 1
    return drawing.draw(7, "test", 10 * index + view, fractured=fractured, side_px=_SIDE_PX).pixels


class Devices:
    """Two devices that send one study after another, each object until the node says success."""

    def __init__(self, port: int, made: dict[str, list[Dataset]], may_send) -> None:
        self.port, self.accepted, self.statuses = port, set(), Counter()
        self._waiting: queue.Queue[list[Dataset]] = queue.Queue()
        for views in made.values():
            self._waiting.put(views)
        self._may_send, self._over = may_send, threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            with suppress(queue.Empty):
                if not self._may_send(len(self.accepted)):
                    time.sleep(0.1)
                    continue
                views = self._waiting.get_nowait()
                self._deliver(list(views))
                self.accepted.add(views[0].StudyInstanceUID)
                continue
            return

    def _deliver(self, pending: list[Dataset]) -> None:
        while pending and not self._over.is_set():
            association = associate(self.port)
            with suppress(RuntimeError, ValueError):
                while pending and association.is_established:
                    status = association.send_c_store(pending[0]).get("Status")
                    self.statuses[status] += 1
                    if status != 0x0000:
                        break
                    pending.pop(0)
            if association.is_established:
                association.release()
            if pending:
                time.sleep(0.3)


class Process:
    """`fracture node`, started, killed and started again on one port."""

    def __init__(self, folder: Path, spool: Path, models: Path, peer_port: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder, self.log = folder, folder / "node.log"
        self.command = [sys.executable, "-m", "pipeline", "node", "--model", str(models), "--caller", "XRAY1"]
        self.command += ["--peer", f"PACS@127.0.0.1:{peer_port}", "--spool", str(spool)]
        self.command += ["--port", str(self.port)]
        self.start()

    def start(self) -> None:
        around = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        with self.log.open("ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(self.command, cwd=self.folder, env=around, stdout=log, stderr=log)
        end = time.monotonic() + _READY_S
        while b"listens on" not in self.log.read_bytes()[begin:] and time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_END_S)


def fill(folder: Path) -> Path:
    """Leave no byte free on the file system of a folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(2**16)):
            pass
    return filler
