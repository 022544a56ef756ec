"""A tree of DICOM files, with the label in the folders' names or in a table.

Files are recognised by their bytes, whatever their names. Ids of patients and studies become salted hashes
(HMAC-SHA256), and so do the files' names, which are often made of them. The files themselves stay as they
are: their headers still name the patient.
https://dicom.nema.org/medical/dicom/current/output/html/part03.html
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pipeline.dataset import body_part, headers, tables
from pipeline.dataset.ids import says_nothing
from pipeline.files import complaints, dicom, engine, images
from pipeline.files.dicom_header import Header
from pipeline.files.faults import ImageFault
from pipeline.files.limits import DEFAULTS
from pipeline.importing import csv_table, folders, meaning
from pipeline.importing.record import (
    BAD_ROW,
    MISSING,
    NOT_UNDERSTOOD,
    TWO_LABELS,
    UNREADABLE,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
    Record,
)
from pipeline.importing.source import Source
from pipeline.validate import intake

_COLUMNS = {  # none of them names a person
    body_part.COLUMN: ("BodyPartExamined",), "view": ("ViewPosition",), "sex": ("PatientSex",),
    "laterality": ("ImageLaterality", "Laterality"), "manufacturer": ("Manufacturer",),
}  # fmt: skip
_KEYS = {  # of the table of labels, the narrowest first
    "sopinstanceuid": "SOPInstanceUID", "accessionnumber": "AccessionNumber", "accession": "AccessionNumber",
    "studyinstanceuid": "StudyInstanceUID", "studyid": "StudyInstanceUID",
}  # fmt: skip
_NAME_LENGTH = 20
_OLDEST = 90


class Described(NamedTuple):
    """What a header says, with ids in the clear; they go no further than this module."""

    patient: str
    study: str
    keys: Mapping[str, str]
    columns: Mapping[str, str]


def read(path: Path, options: Options) -> Found:
    """Read a tree of DICOM files."""
    source = Source(path, options.without)
    table = options.labels.absolute() if options.labels else None
    files = [file for file in source.files if file != table]
    described = dict(zip(files, engine.process(_describe, files, workers=0, label="headers"), strict=True))
    ours = {file: one for file, one in described.items() if isinstance(one, Described)}
    if not ours:
        raise NotThisKindError("dicom", path, "DICOM files with a picture", source.top())
    labels, lines = _labels(ours, source, options)
    if not labels and not lines and options.labels is None:
        raise ValueError(
            f"import dicom needs labels. Received: {path}, with {len(ours)} radiographs and no folder "
            "that means a class. Name folders with --fractured and --not-fractured, or a table with --labels."
        )
    lines += [
        LeftOut(source.shown(file), UNREADABLE, fault)
        for file, fault in described.items()
        if isinstance(fault, str) and fault
    ]
    salt = options.salt.encode() or secrets.token_bytes(32)
    records = [_record(file, ours[file], salt, source, fractured=label) for file, label in labels.items()]
    remark = "the files' own headers still name their patients; labels.csv holds salted hashes of the ids"
    if not options.salt:
        remark += ". The salt was drawn for this call and is gone: with --salt, calls give equal hashes"
    pictures = [file for file, one in described.items() if one]
    return Found(records, [*source.left_out, *lines], pictures, (remark,))


def _describe(file: Path) -> Described | str:
    """Read a header; why it is no radiograph, or nothing where it lies beside some by its name."""
    try:
        data = images.read_bytes(file)
        with complaints.heard():  # the decoder repeats them when `validate` reads the file
            return _described(dicom.read_header(data, str(file), DEFAULTS.max_pixels))
    except ImageFault as fault:
        if fault.reason != "not_an_image":
            return f"{fault.reason}: {str(fault).removeprefix(f'{file}: ')}"
    if intake.is_beside(file):
        return ""
    if not data:
        return "empty_file: the file holds no bytes"
    return "a picture and no DICOM file: another kind reads it" if images.begins(file) else "no DICOM file"


def _described(header: Header) -> Described:
    columns = {
        name: next(filter(None, map(header.text, keywords)), "").lower()
        for name, keywords in _COLUMNS.items()
    }
    columns["age"] = _years(header.text("PatientAge"))
    issuer, patient = header.text("IssuerOfPatientID"), header.text("PatientID")
    keys = {keyword: header.text(keyword) for keyword in _KEYS.values()}
    known = f"{issuer}/{patient}" if not says_nothing(patient) else ""  # else all would be one patient
    return Described(known, keys["StudyInstanceUID"], keys, columns)


def _years(age: str) -> str:
    """Write 045Y as 45; from 90 on, ages point at persons."""
    return str(min(int(age[:3]), _OLDEST)) if re.fullmatch(r"\d{3}Y", age) else ""


def _labels(
    ours: Mapping[Path, Described], source: Source, options: Options
) -> tuple[dict[Path, bool], list[LeftOut]]:
    """Label files by the table, where one is given, else by the folders that mean a class."""
    if options.labels is not None:
        return _by_table(options.labels, ours, source, options)
    return folders.by_folder(ours, source, options)


def _by_table(
    path: Path, ours: Mapping[Path, Described], source: Source, options: Options
) -> tuple[dict[Path, bool], list[LeftOut]]:
    """Label files by a table whose rows name an instance, an accession, a study, or a path."""
    ragged: list[str] = []
    table = tables.given(path, ragged).table
    column = csv_table.label_column(table, path, options)
    files = _files(table, path, ours, source)
    says, labels = meaning.reader(options), dict[Path, bool]()
    lines = [LeftOut(path.name, BAD_ROW, fault) for fault in ragged]
    twice: set[Path] = set()
    for line, value, named in zip(table.index, table[column], files, strict=True):
        where, said = f"{path.name}, line {line}", says(value)
        if not named:
            lines.append(LeftOut(where, MISSING, "no file is of this row"))
        elif said is None:
            lines.append(LeftOut(where, NOT_UNDERSTOOD, f"{column} is {value[:80]!r}"))
        else:
            twice |= {file for file in named if labels.setdefault(file, said) != said}
    lines += [LeftOut(source.shown(file), TWO_LABELS, f"{path.name} says both") for file in sorted(twice)]
    return {file: label for file, label in labels.items() if file not in twice}, lines


def _files(
    table: pd.DataFrame, path: Path, ours: Mapping[Path, Described], source: Source
) -> list[list[Path]]:
    """List the files of each row."""
    plain = {headers.plain(column): column for column in table}
    key = next((key for key in _KEYS if key in plain), None)
    if key is None:
        names = csv_table.named(table, path)["path"]
        of_name = source.find(names, among=[*ours])
        return [[of_name[name]] if name in of_name else [] for name in names]
    by_value: dict[str, list[Path]] = {}
    for file, one in ours.items():
        by_value.setdefault(one.keys[_KEYS[key]], []).append(file)
    return [by_value.get(value.upper(), []) if value else [] for value in table[plain[key]]]


def _record(file: Path, one: Described, salt: bytes, source: Source, *, fractured: bool) -> Record:
    def hashed(text: str) -> str:
        return hmac.new(salt, os.fsencode(text), hashlib.sha256).hexdigest()[:_NAME_LENGTH] if text else ""

    return Record(
        file,
        fractured,
        source.split_of(file),
        hashed(one.patient),
        hashed(one.study),
        one.columns,
        group=one.patient or one.study,
        name=f"{hashed(one.keys['SOPInstanceUID'] + '/' + source.shown(file))}.dcm",
    )
