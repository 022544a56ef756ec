"""What every result says of itself: who made it, when, for what, and names that a repetition finds again.

An instance's UID follows from all that it holds: sent twice, a result is the same instance, and no other
bears its UID.
https://dicom.nema.org/medical/dicom/current/output/chtml/part05/sect_B.2.html
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID

from pipeline.examine.dicom.view import View
from pipeline.files import dicom_out
from pipeline.files.printable import one_line

DISCLAIMER = "Made by an algorithm. Research software, not for diagnosis."
SHORT_DISCLAIMER = "By an algorithm, not for diagnosis"
PRESENTATION, CAPTURE, REPORT = "presentation state", "secondary capture", "structured report"
_SERIES = {PRESENTATION: 9001, CAPTURE: 9002, REPORT: 9003}
_LAYOUT = "2"  # to be raised where UIDs follow from something else
_TO_BE_NAMED = UID("2.25.0")  # until `finish` knows all that an instance holds
_LO, _UC = 64, 1024  # letters


def uid(*parts: str) -> UID:
    """Make the UID that these parts name: a name-based UUID (RFC 9562, version 5) under 2.25."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, chr(0).join((_LAYOUT, *parts))).int}")


def arguments(kind: str, number: int, views: Sequence[View], told: Mapping[str, str]) -> dict[str, Any]:
    """Give the arguments that highdicom's classes share.

    Parameters
    ----------
    kind
        `PRESENTATION`, `CAPTURE` or `REPORT`.
    number
        Of the instance in its series.
    views
        That the object refers to.
    """
    study = views[0].source.identity.StudyInstanceUID
    date, time = max(view.source.taken for view in views)
    return {
        "series_instance_uid": uid("series", kind, study, told["sha256"], model(told)),
        "series_number": _SERIES[kind],
        "sop_instance_uid": _TO_BE_NAMED,
        "instance_number": number,
        "manufacturer": dicom_out.MANUFACTURER,
        "manufacturer_model_name": model(told),
        "software_versions": version(told),
        "device_serial_number": told["sha256"],
        "series_description": f"Fracture {kind}, not for diagnosis",
        "content_qualification": "RESEARCH",
        "series_date": date,
        "series_time": time,
    } | ({} if kind == PRESENTATION else {"content_date": date, "content_time": time})


def finish(made: Dataset, views: Sequence[View]) -> Dataset:
    """Put the date of the views in place of today's, so that it has equal bytes when it is made again.

    Beside it, say which part of the body its series shows, as far as the headers do. Then give it its UID.
    """
    date, time = max(view.source.taken for view in views)
    for word in ("InstanceCreation", "PresentationCreation"):
        if f"{word}Date" in made:
            setattr(made, f"{word}Date", date)
            setattr(made, f"{word}Time", time)
    if "DateOfSecondaryCapture" in made:
        made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = date, time
    for item in made.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = date + time
    if made.Modality != "SR":
        identity = views[0].source.identity
        made.Laterality = identity.get("Laterality") or identity.get("ImageLaterality") or ""
        made.BodyPartExamined = identity.get("BodyPartExamined", "")
    made.SOPInstanceUID = uid("instance", hashlib.sha256(dicom_out.encode(made)).hexdigest())
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def model(told: Mapping[str, str]) -> str:
    """Name the model, as a long string may."""
    return one_line(told["name"], " ").replace("\\", "/")[:_LO]


def version(told: Mapping[str, str]) -> str:
    """Name its version."""
    return f"bundle {told['sha256']}"


def line(told: Mapping[str, str]) -> str:
    """Name the model and what it learnt from, in one line."""
    return one_line(f"{told['name']} (bundle {told['sha256']}), learnt from {told['learnt_from']}", " ")[:_UC]
