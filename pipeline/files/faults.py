"""What can be wrong with a file: codes with their severity and meaning, an error, rows of ``issues.csv``."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["quarantined", "warning", "note"]

_LEFT_OUT = {  # an annotation is left out, while its radiograph stays
    "blank": "Nothing is to be seen on it",
    "broken": "The file is damaged; get it anew from its source",
    "changed": "The file was changed between two readings; run the command again",
    "cross_section": "Looks like a slice of MRI, CT or ultrasound, not like a radiograph",
    "drawing": "Looks like a screenshot, a diagram or a drawing, not like a radiograph",
    "empty_file": "The file holds no bytes",
    "fully_transparent": "Every pixel is transparent",
    "half_grey": "A third of it or more is one even grey: it was once truncated, and saved again",
    "label_conflict": "Copies of one radiograph lie under both labels; someone has to look which is right",
    "multi_frame": "More than one picture in the file; save the one you mean on its own",
    "name_not_utf8": "The file's name is no UTF-8; rename it",
    "no_decoder": "Compressed in a way that no installed decoder reads",
    "no_pixels": "A DICOM file without a picture",
    "not_base64": "Sent to a server as no file: neither bytes in base64 nor a name that it may read",
    "not_a_file": "A pipe, socket or device; only files are opened",
    "not_a_radiograph": "Its DICOM header names another kind of examination",
    "not_an_image": "No picture of a kind that is read, whatever its name says",
    "not_finite": "Some pixels are no numbers",
    "outside_root": "A link out of the data folder, neither into DVC's cache nor into data.trusted_links",
    "photograph": "Looks like a photograph, not like a radiograph",
    "too_large": "Larger than validate.max_pixels allows, over 1 GiB, or a side over 32,000 pixels",
    "too_small": "Smaller than validate.min_side_px allows",
    "truncated": "The file breaks off before its end; a lenient decoder would fill the rest with grey",
    "unreadable": "The file or folder could not be opened",
    "vanished": "The file was gone when it was to be read",
    "annotation_ambiguous_image": "An annotation whose image id several files have; it is left out",
    "annotation_malformed": "An annotation that is no region inside its radiograph; it is left out",
    "annotation_on_not_fractured": "A fracture is drawn where the label says none; the drawing is left out",
    "annotation_size": "Drawn on a picture of another size; the drawing is left out",
}
_WARNINGS = {  # used, but worth a look
    "annotation_cropped": "Drawn where preprocessing crops an empty border away; no map can mark it",
    "annotation_unknown_file": "An annotation for a file that is not used",
    "annotation_without_image": "An annotation that names no file",
    "colour": "A colour picture, perhaps no radiograph",
    "colour_marks": "A coloured arrow, circle or stamp; where it marks fractures, a network learns the mark",
    "header_nonsense": "A value of the file's header makes no sense; read without it, as viewers do",
    "crosses_splits": "Has a copy in another published split; the whole group now lies in one",
    "decoder_warning": "Decoded, but the decoder complained",
    "drawn_marks": "A white arrow, circle or frame is drawn on it; a network may learn that",
    "extension_mismatch": "Named as one format, and of another; read as what it is",
    "faint": "Hardly any contrast",
    "fitted_on": "A radiograph that calibration and thresholds were fitted to; its answer flatters",
    "grey_band": "The last rows are filled in: it was once truncated, and saved again",
    "knows_phantoms_only": "The model learnt from drawn phantoms alone; it knows no radiograph",
    "label_encoding": "The table of labels is no UTF-8; check letters with accents",
    "label_id_of_many": "Most files bear one patient's or study's id; they form one group",
    "label_reserved_column": "A column of the labels that bears a name of the manifest; it is not carried",
    "label_unknown_file": "A row of the labels that names no file",
    "learnt_by_release": "The release that training starts from learnt from it, or from a copy; not tested",
    "link_followed": "A link to a folder: DVC sees no change behind it; after one, dvc repro -f validate",
    "link_skipped": "A link to nothing, in a circle, or to a folder; it is not followed",
    "seen_before": "A copy of a radiograph that the model was made from",
    "stretched": "Its pixels are no squares; it was examined as if they were, and looks squeezed",
    "thresholds_estimated": "The thresholds were moved without labels; labels have not confirmed them yet",
    "thresholds_not_fitted_here": "The thresholds come from another place; nothing shows that they hold here",
    "tiny": "Very few pixels; fine fractures cannot be seen",
    "torn": "Grey values jump from one block of the picture on, as behind damaged bytes; look at it",
    "trailing_bytes": "Bytes behind the end of the picture, as some programs leave them",
    "unknown_folder": "A folder that is neither `fractured` nor `not fractured`; its pictures are not read",
    "watermark": "Faint lettering all over it",
}
_NOTES = {  # put right, or for information
    "annotation_no_size": "The annotations name no size of their picture; the radiograph's own is taken",
    "annotation_normalised": "Drawn in shares of the radiograph, 0 to 1; turned into pixels",
    "annotation_other_category": "Annotations of other things than fractures; they are left out",
    "byte_copy": "The same bytes as another file; one of them is used",
    "decimal_comma": "A number of the DICOM header is written with a comma; read as a decimal",
    "exif_orientation": "Turned upright as its EXIF says",
    "label_column": "A column of the labels that is read under the name it has here",
    "label_suspect": "Likely labelled wrongly, by models that did not see it; look at it",
    "label_study_number": "Studies that are numbered within each patient; they join within the patient",
    "label_unknown_id": "Ids that say that nothing is known; they join nothing",
    "large": "Many pixels; it takes longer",
    "negative": "Bright air around darker bone; turned back in preprocessing",
    "passed_over": "Hidden, unfinished, no picture by its suffix, or left by a system; no data",
    "padding": "Has a filling outside the exposed field; left out of the window and shown black",
    "preview": "Holds smaller pictures beside the one that is read, such as a preview; passed over",
    "transparency": "Has transparent pixels; they are read as black",
    "windowed": "More than 8 bits; windowed between two percentiles",
}
MEANINGS: dict[Severity, dict[str, str]] = {"quarantined": _LEFT_OUT, "warning": _WARNINGS, "note": _NOTES}
_SEVERITIES = {code: severity for severity, meanings in MEANINGS.items() for code in meanings}


def severity(code: str) -> Severity:
    """Return how grave an issue is.

    Raises
    ------
    ValueError
        No issue has this code.
    """
    if code not in _SEVERITIES:
        rule = "an issue must have a code of pipeline.files.faults.MEANINGS"
        raise ValueError(f"{rule}. Received: {code!r}. Add it there.")
    return _SEVERITIES[code]


def meaning(code: str) -> str:
    """Explain a code to whoever meets it for the first time; a ValueError as in `severity`."""
    return MEANINGS[severity(code)][code]


class ImageFault(ValueError):
    """A file that is no sound radiograph; its ``reason`` is a code: ``truncated``, ``too_large``, ..."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)  # both, so that it survives the way between processes
        severity(reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class Note(NamedTuple):
    """What was odd about a file that is used all the same: a code, and what was seen and done."""

    code: str
    detail: str


class Issue(NamedTuple):
    """An issue with one file, in the column order of ``issues.csv``."""

    path: str
    issue: str
    severity: Severity
    detail: str

    @classmethod
    def of(cls, path: str, code: str, detail: str) -> Issue:
        """Make an issue with the severity of its code."""
        return cls(path, code, severity(code), detail)
