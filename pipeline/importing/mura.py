"""MURA as it is published: studies of the upper extremity, normal or abnormal.

``MURA-v1.1/{train,valid}/XR_WRIST/patient00001/study1_positive/image1.png``, with ``train_image_paths.csv``
and ``train_labeled_studies.csv``, which have no header. A patient lies in one split, with any body parts.
https://stanfordmlgroup.github.io/competitions/mura/ and https://arxiv.org/abs/1712.06957
"""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.dataset import body_part
from pipeline.importing.record import (
    BAD_ROW,
    MISSING,
    TWO_LABELS,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
    Record,
)
from pipeline.importing.source import Source, split_of

_STUDY = re.compile(
    r"(?:.*/)?(?P<split>train|val(?:id)?)/XR_(?P<part>[A-Z]+)/(?P<patient>patient\d+)/"
    r"(?P<study>study\d+)_(?P<label>positive|negative)/?",
    re.IGNORECASE,
)
MEANING = "abnormal (MURA): fracture, hardware, degeneration and other findings, not told apart"
REMARK = (
    "MURA's positive studies are ABNORMAL, not fractured: hardware, degeneration and other findings count, "
    "too. A model of them finds what is abnormal; its figures are not about fractures. labels.csv says so."
)


def read(path: Path, options: Options) -> Found:
    """Read MURA."""
    source = Source(path, options.without)
    studies = {file: study for file in source.pictures if (study := _STUDY.fullmatch(file.parent.as_posix()))}
    if not studies:
        looked = "{train,valid}/XR_WRIST/patient00001/study1_positive/image1.png and the like"
        raise NotThisKindError("mura", path, looked, source.top())
    labels, lines = _labels(source)
    records = []
    for file, study in studies.items():
        label = _is_positive(study)
        if labels.get(_key(study), label) != label:
            detail = f"in {file.parent.name}, and labeled_studies.csv says {int(not label)}"
            lines.append(LeftOut(source.shown(file), TWO_LABELS, detail))
        else:
            records.append(_record(file, study))
    return Found(
        records, [*source.left_out, *lines, *_missing(source, {*studies})], source.pictures, (REMARK,)
    )


def _record(file: Path, study: re.Match[str]) -> Record:
    part = study["part"].lower()
    return Record(
        file,
        _is_positive(study),
        split_of([study["split"]]),
        study["patient"],
        f"{study['patient']}/{part}/{study['study']}",
        {body_part.COLUMN: part, "label_means": MEANING},
    )


def _labels(source: Source) -> tuple[dict[str, bool], list[LeftOut]]:
    """Read the labels of studies, where the tables are there."""
    labels, lines = {}, []
    for file, line, row in _lines(source, "_labeled_studies.csv"):
        name, _, value = row.replace(";", ",").rpartition(",")
        study = _STUDY.fullmatch(name.strip())
        if study is None or value.strip() not in {"0", "1"}:
            lines.append(
                LeftOut(f"{source.shown(file)}, line {line}", BAD_ROW, f"no study and label: {row[:80]!r}")
            )
        else:
            labels[_key(study)] = value.strip() == "1"
    return labels, lines


def _missing(source: Source, files: set[Path]) -> list[LeftOut]:
    """Name pictures that the tables list and the folders lack."""
    names = {_end(file.as_posix()) for file in files}
    return [
        LeftOut(row, MISSING, f"{source.shown(file)} names it, and no such picture is there")
        for file, _, row in _lines(source, "_image_paths.csv")
        if _end(row) not in names
    ]


def _lines(source: Source, end: str) -> list[tuple[Path, int, str]]:
    files = [file for file in source.named(".csv") if file.name.endswith(end)]
    return [
        (file, line, row.replace("\\", "/"))
        for file in files
        for line, row in enumerate(source.lines(file), start=1)
    ]


def _is_positive(study: re.Match[str]) -> bool:
    return study["label"].casefold() == "positive"


def _key(study: re.Match[str]) -> str:
    return "/".join((split_of([study["split"]]), *study.group("part", "patient", "study"))).casefold()


def _end(path: str) -> str:
    """Return the split and what follows it, in small letters."""
    split, *rest = path.casefold().split("/")[-5:]
    return "/".join([split_of([split]), *rest])
