"""Ids of patients and studies in a table of labels: those that say nothing, and those that say too much."""

from __future__ import annotations

import re

import pandas as pd

from pipeline.dataset import body_part
from pipeline.files.faults import Issue

JOINING = ("patient_id", "study_id")  # rows that share one of these lie in one group

_UNKNOWN = {  # without case and signs
    "na", "n a", "nan", "none", "null", "nil", "nat", "n n", "unknown", "unk", "not known", "undefined",
    "missing", "blank", "empty", "not available", "not applicable", "not recorded", "no id", "no patient",
    "no patient id", "unknown patient", "patient unknown", "anon", "anonymous", "anonymized", "anonymised",
    "redacted", "removed", "withheld", "deleted", "tbd", "unbekannt", "inconnu", "desconocido",
}  # fmt: skip
_NEGATIVE = re.compile(r"-\d+")  # a number that says missing: no one counts patients so
_ROUNDED = re.compile(r"\d[.,]?\d*E\+\d+", re.IGNORECASE)  # a spreadsheet dropped digits: several become one
_PATIENTS = 2  # of more of them no study is, which belongs to one, or to two writings of one
_MANY = 0.5  # of the files, under one id: more likely a placeholder than a patient
_OFTEN = 10  # files under one id, and times those of the median id: so, too
_N_NAMED = 3


def known(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Empty the ids and body parts that only say that nothing is known, and count them."""
    issues, values_of = [], {}
    for column in [name for name in (*JOINING, body_part.COLUMN) if name in table]:
        values = table[column].str.replace(r"^(\d+)\.0+$", r"\1", regex=True)  # a number, as tables save it
        nothing = values.map(says_nothing)
        values_of[column] = values.mask(nothing, "")
        if said := sorted(set(values[nothing]) - {""}):
            shown = ", ".join(map(repr, said[:3]))
            detail = f"{column} is not known in {int(nothing.sum())} of {len(table)} rows ({shown})"
            issues.append(Issue.of("", "label_unknown_id", detail))
    return table.assign(**values_of), issues


def within_patients(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Put the patient before studies that are counted anew for each patient: else they join everybody."""
    if not {*JOINING} <= {*table}:
        return table, []
    patient, study = (table[column].mask(table[column] == "") for column in JOINING)
    n_patients = patient.groupby(study).transform("nunique")
    counted = (n_patients > _PATIENTS).fillna(value=False)
    if not counted.any():
        return table, []
    detail = (
        f"study_id {study[counted].iloc[0]!r} is that of {int(n_patients.max())} patients: taken as a number"
    )
    within = (patient.fillna("") + "/" + study).where(patient.notna(), "")
    issue = Issue.of("", "label_study_number", f"{detail} within patient_id")
    return table.assign(study_id=table["study_id"].mask(counted, within)), [issue]


def says_nothing(value: str) -> bool:
    """Whether an id only says that nothing is known."""
    return (
        re.sub(r"[\W_]+", " ", value.casefold()).strip() in {"", *_UNKNOWN}
        or bool(_NEGATIVE.fullmatch(value))
        or bool(_ROUNDED.fullmatch(value))
    )


def shared_by_many(files: pd.DataFrame) -> list[Issue]:
    """Name an id that most files share: they become one group, which lies in one split."""
    issues = []
    for column in [name for name in JOINING if name in files]:
        counts = files.loc[files[column] != "", column].value_counts()
        usual = max(_OFTEN, _OFTEN * counts.median()) if len(counts) else 0
        many = counts[(len(files) > 2) & ((counts > _MANY * len(files)) | (counts >= usual))]
        for name, n_files in many[:_N_NAMED].items():
            detail = (
                f"{column} {name!r} stands for {n_files} of {len(files)} files, which "
                "become one group; where it means that the id is not known, leave it empty"
            )
            issues.append(Issue.of("", "label_id_of_many", detail))
    return issues
