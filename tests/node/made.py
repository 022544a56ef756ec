"""DICOM objects, a node in a thread, and a peer that counts what it gets."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from pipeline.config import Node
from pipeline.files import dicom, dicom_out
from pipeline.node import running
from pipeline.node.working import Answer

NAME = "PLANTED^PATIENT"
ROOT = "1.2.826.0.1.3680043.10.999."


def uid(*parts: object) -> str:
    return generate_uid(prefix=ROOT, entropy_srcs=[str(part) for part in parts])


def instance(study: str, number: int, pixels: np.ndarray | None = None, **tags: Any) -> Dataset:
    """An image of a study."""
    made = Dataset()
    made.SOPClassUID = DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = uid(study, number)
    made.StudyInstanceUID, made.SeriesInstanceUID = study, uid(study, "series")
    made.PatientName, made.PatientID, made.Modality = NAME, "PLANTED-ID", "DX"
    made.PatientBirthDate, made.PatientSex, made.StudyID, made.AccessionNumber = "19700101", "O", "1", "7"
    made.StudyDate, made.StudyTime, made.ReferringPhysicianName = "20260101", "120000", ""
    made.SeriesNumber, made.InstanceNumber = 1, number
    _show(made, np.full((40, 40), 7 * number % 256, np.uint8) if pixels is None else pixels)
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def _show(made: Dataset, pixels: np.ndarray) -> None:
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.PixelData = pixels.tobytes()


def echoing(files: list[Path]) -> Answer:
    """A stub of the network: a result a study, whose UID tells which images it answers."""
    images = [dicom.load(path) for path in files]
    study = images[0].StudyInstanceUID
    return Answer([dicom_out.encode(result(study, sorted(each.SOPInstanceUID for each in images)))], {})


def result(study: str, images: list[str]) -> Dataset:
    return instance(
        study, 900, SOPInstanceUID=uid("result", *images), NumberOfStudyRelatedInstances=len(images)
    )


class Peer:
    """A DICOM node that takes results; `statuses` come first, then success."""

    def __init__(self, port: int = 0, statuses: tuple[int, ...] = (), **server: Any) -> None:
        self.came: Counter[str] = Counter()
        self.objects: dict[str, Dataset] = {}
        self.bytes: dict[str, set[str]] = {}
        self._statuses = list(statuses)
        entity = AE("PACS")
        entity.add_supported_context(DigitalXRayImageStorageForPresentation)
        entity.add_supported_context(Verification)
        for context in server.pop("contexts", ()):
            entity.add_supported_context(context)
        handlers = [(evt.EVT_C_STORE, self._store)]
        self.entity = entity
        self.server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers, **server)
        self.port = self.server.server_address[1]

    def _store(self, event: Any) -> int:
        status = self._statuses.pop(0) if self._statuses else 0x0000
        if status == 0x0000:
            instance_uid, dataset = event.request.AffectedSOPInstanceUID, event.dataset
            dataset.file_meta = event.file_meta
            self.came[instance_uid] += 1
            self.objects[instance_uid] = dataset
            digest = hashlib.sha256(event.encoded_dataset()).hexdigest()
            self.bytes.setdefault(instance_uid, set()).add(digest)
        return status

    def close(self) -> None:
        self.entity.shutdown()

    def open_again(self) -> None:
        address = ("127.0.0.1", self.port)
        self.server = self.entity.start_server(
            address, block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )


@contextmanager
def peering(**given: Any) -> Iterator[Peer]:
    peer = Peer(**given)
    try:
        yield peer
    finally:
        peer.close()


@contextmanager
def node(settings: Node, answer: Any = echoing, peer: Any = None) -> Iterator[SimpleNamespace]:
    """A node in a thread, until the block ends."""
    stop, ready, failed = threading.Event(), threading.Event(), []
    running_node = SimpleNamespace(port=0)

    def started(port: int) -> None:
        running_node.port = port
        ready.set()

    def run() -> None:
        try:
            running.run(settings, answer, peer or Nobody(), stop, started=started)
        except Exception as error:
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20)
        if failed:
            raise failed[0]
        yield running_node
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


class Nobody:
    """Takes nothing, and is asked for nothing."""

    def send(self, files: Any) -> Iterator[Any]:
        raise AssertionError("there was nothing to send")


def associate(port: int, title: str = "XRAY1", called: str = "FRACTURE", **more: Any) -> Any:
    entity = AE(title)
    entity.add_requested_context(Verification)
    entity.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
    entity.acse_timeout = entity.dimse_timeout = 20
    return entity.associate("127.0.0.1", port, ae_title=called, **more)


def store(port: int, *objects: Dataset) -> list[int | None]:
    """Send objects; the status of each."""
    association = associate(port)
    assert association.is_established
    try:
        return [association.send_c_store(each).get("Status") for each in objects]
    finally:
        association.release() if association.is_established else association.abort()


def lines(settings: Node) -> list[dict[str, Any]]:
    """The audit trail."""
    text = (settings.spool / "audit.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def kept(settings: Node) -> list[Path]:
    """All files of studies, and what is unfinished."""
    each = [*settings.spool.glob("studies/**/*"), *settings.spool.glob("incoming/*")]
    return [path for path in each if path.is_file()]
