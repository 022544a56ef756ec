"""A secondary capture: the overlay as a picture of its own, which every viewer shows."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from highdicom.sc import SCImage
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from pipeline.examine.dicom import head
from pipeline.examine.dicom.view import View

_SIDES = set("LRAPHF")
_ANY_ORIENTATION = ("L", "F")  # the class asks for one; the source's own, or none, replaces it


def make(view: View, told: Mapping[str, str]) -> Dataset:
    """Make the capture of one answered view.

    Its pixels are those of the overlay, resampled: it tells no size of a pixel, and is not for measuring.
    """
    if view.picture is None:
        raise ValueError(f"a capture needs an answered view. Received: {view.reason}")
    source = view.source
    given = head.arguments(head.CAPTURE, view.number, [view], told)
    made = SCImage.from_ref_dataset(
        source.identity,
        view.picture,
        "RGB",
        8,
        "PATIENT",
        patient_orientation=_ANY_ORIENTATION,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **given,
    )
    made.copy_patient_and_study_information(source.identity)
    if (shape := _shape(source.display.area)) != (1, 1):
        made.PixelAspectRatio = list(shape)
    sides: Any = source.identity.get("PatientOrientation", "")
    made.PatientOrientation = sides if set("".join(sides)) <= _SIDES else []
    made.BurnedInAnnotation, made.ImageComments = "YES", f"{head.DISCLAIMER} Model: {head.line(told)}"
    made.DerivationDescription = f"Overlay of {view.title}. {head.DISCLAIMER}"
    made.SourceImageSequence = [source.reference()]
    return head.finish(made, [view])


def _shape(area: Dataset) -> tuple[int, int]:
    """Say how high and how wide a pixel is, in small whole numbers."""
    height, width = area.get("PresentationPixelSpacing") or area.PresentationPixelAspectRatio
    return Fraction(float(height) / float(width)).limit_denominator(1000).as_integer_ratio()
