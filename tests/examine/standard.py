"""The standard's tables for dicom-validator, which would fetch them: made of those that highdicom brings.

They hold modules, types and nesting, and no conditions: those dciodvfy checks, and the contents of reports.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dicom_validator.validator.dicom_info import DicomInfo
from dicom_validator.validator.error_handler import NullValidationResultHandler
from dicom_validator.validator.iod_validator import IODValidator
from highdicom import _standard_utils as tables
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword


def faults(dataset: Dataset) -> list[str]:
    """What dicom-validator says of an object."""
    validator = IODValidator(
        dataset, _info(str(dataset.SOPClassUID)), error_handler=NullValidationResultHandler()
    )
    result = validator.validate()
    return [
        f"{module}: {tag} {error.code.name}"
        for module, errors in result.module_errors.items()
        for tag, error in errors.items()
    ]


@cache
def _info(sop_class: str) -> DicomInfo:
    modules = tables.get_iod_module_map()[tables.get_sop_class_iod_map()[sop_class]]
    used = {each["key"]: {"ref": each["key"], "use": each["usage"][0]} for each in modules}
    every = {key: _attributes(tables.get_module_attribute_map()[key]) for key in used}
    if content := every.get("sr-document-content"):  # what an item must hold hangs on its type
        every["sr-document-content"] = {tag: {"type": "3"} for tag in content}
    return DicomInfo({}, {sop_class: {"title": sop_class, "modules": used, "group_macros": {}}}, every)


def _attributes(rows: Any) -> dict[str, Any]:
    """Nest the rows of a module: each names the sequences that it stands in."""
    top: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: len(row["path"])):
        place = top
        for parent in row["path"]:
            place = place[_tag(parent)].setdefault("items", {})
        place.setdefault(_tag(row["keyword"]), {"name": row["keyword"], "type": row["type"]})
    return top


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword) or 0
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
