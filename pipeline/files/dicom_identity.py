"""What a DICOM file says it is: which study and which instance; the rest of it may be rubbish."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.files import dicom, pictures
from pipeline.files.dicom_header import Header
from pipeline.files.faults import ImageFault


class Identity(NamedTuple):
    """The UIDs of the study and of the instance, and whether we made it."""

    study: str
    instance: str
    is_own: bool


def study(data: bytes, name: str, max_pixels: int) -> str:
    """Name the study of a file, sound or not, by its UID and its patient; empty where it has no sound UID.

    Some devices give one UID to several patients, whose radiographs must not get one answer.
    """
    if not dicom.is_dicom(data):
        return ""
    try:
        with pictures.faults_of(name, quoted=False):
            header = Header(dicom.parse(data, name, max_pixels), [])
            uid = header.uid("StudyInstanceUID")
            return uid and f"{uid} {header.text('PatientID')}"
    except ImageFault:
        return ""


def read(data: bytes) -> Identity:
    """Read what names an object that was received.

    Raises
    ------
    Exception
        Of any kind, where it does not say.
    """
    dataset = dicom.some(data, ("StudyInstanceUID", "SOPInstanceUID", "Manufacturer"))
    own = Header(dataset, []).is_own
    return Identity(str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID), own)
