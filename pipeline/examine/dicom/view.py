"""A view of a study as the results see it: its header, its finding and its picture, without its pixels."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.examine.dicom.source import Source
from pipeline.predict.bundle import Finding
from pipeline.types import UInt8Array


class View(NamedTuple):
    """One view.

    Attributes
    ----------
    number
        From 1, in the order of the study's files.
    source
        Its header.
    finding
        Without its map; None where the file was refused.
    picture
        The overlay, RGB, (H, W, 3); None where the file was refused.
    reason
        Why the file was refused; empty where it was not.
    """

    number: int
    source: Source
    finding: Finding | None
    picture: UInt8Array | None
    reason: str = ""

    @property
    def title(self) -> str:
        """Name it without a name of the patient's: by number and projection."""
        projection = self.source.view
        return f"view {self.number}{projection and f' ({projection})'}"


class Unnamed(NamedTuple):
    """A view that no object can refer to: its header does not name it, or not alone.

    Attributes
    ----------
    number, finding
        As of a `View`.
    patient
        PatientID; empty where there is none.
    """

    number: int
    finding: Finding | None
    patient: str

    @property
    def title(self) -> str:
        """Name it by its number."""
        return f"view {self.number}"
