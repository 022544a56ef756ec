"""The folder of readings: a JSON file each, and the radiographs read, named by what they hold.

    FOLDER/readings/20261129T193000Z-1f0c9a7d33b2.json
    FOLDER/images/SHA256.png

No name of a client goes into a path. What is kept is whole or absent, and never changed.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock

from pipeline.feedback import reading as readings
from pipeline.feedback.reading import Reading
from pipeline.files import dicom, outputs

log = logging.getLogger(__name__)

IMAGES, READINGS = "images", "readings"
_SUFFIXES = {
    b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp",
    b"II*\0": ".tiff", b"MM\0*": ".tiff",
}  # fmt: skip
_lock = Lock()  # requests come in threads, and two may bring the same radiograph


def write(folder: Path, reading: Reading, data: bytes) -> Path:
    """Keep a reading with the radiograph's bytes, both or none; return the reading's path.

    Parameters
    ----------
    reading
        Its ``sha256`` and ``file_name`` are set here.
    """
    digest = hashlib.sha256(data).hexdigest()
    name = f"{IMAGES}/{digest}{_suffix(data)}"
    kept = replace(reading, sha256=digest, file_name=name)
    path = folder / READINGS / f"{reading.time:%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}.json"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # patients' pictures; one that is there stays
    with _lock:
        is_new = not (folder / name).exists()
        if is_new:
            outputs.write_bytes(folder / name, data)
        try:
            outputs.write_exact_json(path, readings.as_coco(kept))
        except BaseException:
            if is_new:
                (folder / name).unlink()
            raise
    return path


def read(folder: Path) -> Iterator[tuple[Path, Reading | ValueError]]:
    """Read all readings in the order of their time; of a file that is none, why."""
    for path in sorted((folder / READINGS).glob("[!.]*.json")):
        try:
            yield path, readings.read(path)
        except ValueError as error:
            yield path, error


def sound(folder: Path) -> list[Reading]:
    """Read all readings that are sound; the others are logged."""
    kept = []
    for path, reading in read(folder):
        if isinstance(reading, ValueError):
            log.warning("feedback: %s: %s", path.name, reading)
        else:
            kept.append(reading)
    return kept


def _suffix(data: bytes) -> str:
    """Suffix of a file by its first bytes; none where these do not tell."""
    if dicom.is_dicom(data):
        return ".dcm"
    return next((suffix for magic, suffix in _SUFFIXES.items() if data.startswith(magic)), "")
