"""What the results take over from a radiograph's header: its patient, its study, how it is displayed.

Headers in the wild hold values that the standard does not allow. These are left out, and what must be there
stands empty: so the results are valid whatever their source is.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple
from unicodedata import category

from pydicom import Dataset, config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pydicom.valuerep import DA, DT, IS, TM, DSfloat, PersonName, validate_value

from pipeline.examine.dicom import display
from pipeline.files import complaints, dicom
from pipeline.files.dicom_header import Header
from pipeline.types import UInt8Array

_UTF8 = "ISO_IR 192"
_NEEDED = (  # by the patient and study modules; empty where the source has no value
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_ENUMERATED = {
    "PatientSex": ("M", "F", "O"), "PatientIdentityRemoved": ("YES", "NO"), "Laterality": ("R", "L"),
    "ImageLaterality": ("R", "L"), "PatientSexNeutered": ("ALTERED", "UNALTERED"),
    "QualityControlSubject": ("YES", "NO"),
}  # fmt: skip
_PIXELS, _LAST_GROUP = 0x0028, 0x0040  # the first is for `display`; beyond the last lie overlays and pixels
_DATES = ("Acquisition", "Content", "Series", "Study")
_NO_DATE = ("19700101", "000000")
_UID_LETTERS = 64
# Control characters that texts of several lines may have.
_MARKUP = dict.fromkeys(("LT", "ST", "UT"), "\t\n\f\r")
_PARSED = {"DA": DA, "TM": TM, "DT": DT}


class SourceError(ValueError):
    """A file that no DICOM result can refer to."""


class UnnamedError(SourceError):
    """An image whose header lacks a UID by which results could refer to it."""


class Source(NamedTuple):
    """A radiograph's header, made sound.

    Attributes
    ----------
    identity
        What names patient, study, series and image, and ``Rows`` and ``Columns``; no pixels.
    display
        How its values become grey.
    frames
        ``[1]`` where its class holds several frames, else None.
    taken
        Date and time.
    view
        Its projection, as the header says it; empty where it does not.
    """

    identity: Dataset
    display: display.Display
    frames: list[int] | None
    taken: tuple[str, str]
    view: str

    def reference(self) -> Dataset:
        """Refer to the image, by an item of a sequence."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.identity.SOPClassUID
        item.ReferencedSOPInstanceUID = self.identity.SOPInstanceUID
        if self.frames:
            item.ReferencedFrameNumber = self.frames
        return item


def read(data: bytes, name: str, pixels: UInt8Array | None, max_pixels: int) -> Source:
    """Read the header of a DICOM file.

    Parameters
    ----------
    name
        For messages.
    pixels
        As decoded, (H, W); None where they could not be.

    Raises
    ------
    SourceError
        It is no DICOM file, or lacks what names its image.
    ImageFault
        It cannot be parsed.
    """
    if not dicom.is_dicom(data):
        raise SourceError(f"{name}: DICOM results need a DICOM file. Received: another format.")
    with complaints.heard():
        raw = dicom.parse(data, name, max_pixels)
        header = Header(raw, [])
        if header.is_own:
            raise SourceError(f"{name}: DICOM results refer to radiographs, and not to earlier results.")
        identity = _sound(raw)
        _name(identity, raw, header, name)
        height, width = (header.whole("Rows"), header.whole("Columns")) if pixels is None else pixels.shape
        identity.Rows, identity.Columns = height or 1, width or 1
        shown = display.read(header)
        identity.SamplesPerPixel = 3 if shown.is_colour else 1
        frames = [1] if "Multi-frame" in UID(identity.SOPClassUID).name else None
        for shared in ("Shared", "PerFrame"):  # highdicom reads both, of any newer class
            setattr(identity, f"{shared}FunctionalGroupsSequence", [Dataset()])
        if frames:
            identity.NumberOfFrames = 1
        view = header.text("ViewPosition") or header.text("ImageLaterality")
        return Source(identity, shown, frames, _taken(identity), view[:16] if view.isprintable() else "")


def patient(data: bytes, name: str, max_pixels: int) -> str:
    """Give the PatientID of a file, sound or not; empty where it has none."""
    with complaints.heard(), suppress(Exception):  # conversions of hostile bytes raise anything
        return str(_sound(dicom.parse(data, name, max_pixels)).get("PatientID", ""))
    return ""


def _name(identity: Dataset, raw: Any, header: Header, name: str) -> None:
    """Fill in what the standard needs, and refuse a file that cannot be referred to."""
    meta = Header(getattr(raw, "file_meta", Dataset()), [])
    sop_class = header.text("SOPClassUID") or meta.text("MediaStorageSOPClassUID")
    instance = header.uid("SOPInstanceUID") or meta.uid("MediaStorageSOPInstanceUID")
    series, study = header.uid("SeriesInstanceUID"), header.uid("StudyInstanceUID")
    uids = {"SOPInstanceUID": instance, "SeriesInstanceUID": series, "StudyInstanceUID": study}
    if "Image Storage" not in UID(sop_class).name:
        raise SourceError(f"{name}: DICOM results need the class of an image of the standard (SOPClassUID).")
    for keyword, uid in uids.items():
        if not uid or len(uid) > _UID_LETTERS:
            raise UnnamedError(f"{name}: DICOM results need a sound {keyword} to refer to, and it has none.")
        identity.add(_unchecked(keyword, "UI", UID(uid)))
    identity.SOPClassUID = UID(sop_class)
    for keyword in _NEEDED:
        if keyword not in identity:
            setattr(identity, keyword, "")
    identity.SpecificCharacterSet = _UTF8


def _unchecked(keyword: str, vr: str, value: Any) -> DataElement:
    """Make an element that names what is there, even where the standard would not allow the name."""
    return DataElement(keyword, vr, value, validation_mode=config.IGNORE)


def _sound(raw: Any) -> Dataset:
    """Keep the elements whose values the standard allows; those of vendors, and pixels, are left behind."""
    kept = Dataset()
    for tag in list(raw.keys()):
        if tag.is_private or tag.group == _PIXELS or not 0x0008 <= tag.group <= _LAST_GROUP:
            continue
        with suppress(Exception):  # conversions of hostile bytes raise anything
            element = DataElement(tag, raw[tag].VR, _plain(raw[tag].value))
            if _is_sound(element):
                kept.add(element)
    for keyword, allowed in _ENUMERATED.items():
        if keyword in kept and kept[keyword].value not in allowed:
            del kept[keyword]
    return kept


def _plain(value: Any) -> Any:
    """Leave out the blanks and zeros that fill a text up; names become texts."""
    if isinstance(value, MultiValue):
        return [_plain(one) for one in value]
    return str(value).rstrip(" \0") if isinstance(value, str | PersonName) else value


def _is_sound(element: DataElement) -> bool:
    if element.VR not in dictionary_VR(element.tag).split(" or "):
        return False
    if element.VR == "SQ":
        return all(_is_sound(inner) for item in element.value for inner in item)
    if element.VM > 1 and dictionary_VM(element.tag) == "1":  # also a name torn at a letter's second byte
        return False
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        if isinstance(value, str | PersonName | DSfloat | IS):
            text = str(value)
            if any(category(letter) == "Cc" for letter in text if letter not in _MARKUP.get(element.VR, "")):
                return False
            text.encode("utf-8")
            validate_value(element.VR, text, config.RAISE)
            _PARSED.get(element.VR, str)(text)
    return True


def _taken(identity: Dataset) -> tuple[str, str]:
    """Give the date and time of the radiograph; of one that says none, a day that is surely not its own."""
    for step in _DATES:
        if date := str(identity.get(f"{step}Date") or ""):
            return date, str(identity.get(f"{step}Time") or "") or _NO_DATE[1]
    return _NO_DATE
