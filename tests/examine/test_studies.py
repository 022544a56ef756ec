"""Studies: which files belong together, and one answer to all of their views."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy.special import expit, logit

from pipeline.examine import studies
from pipeline.files.limits import DEFAULTS
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Fit
from pipeline.predict.studies import OF_STUDIES, OF_VIEW
from tests.examine import views

PIXELS = np.zeros((240, 180), np.uint8)


def findings(*answers: tuple[float, str]):
    return [views.finding(PIXELS, *answer) for answer in answers]


@pytest.mark.reliability(
    "DICOM files of a study in several folders; files without a study", "one study; each its own"
)
def test_files_of_one_study_are_grouped_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = {
        "a.dcm": views.dicom(0), "other.dcm": views.dicom(1, StudyInstanceUID="1.2.9"), "b/c": views.dicom(2),
        "x.png": b"no image", "none1": views.dicom(3, StudyInstanceUID=None),
        "none2": views.dicom(4, StudyInstanceUID=None), "ct.dcm": views.dicom(5, Modality="CT"),
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [tmp_path / name for name in (*files, "gone.dcm")]
    found = studies.group(paths, DEFAULTS, workers=1)
    assert [[path.relative_to(tmp_path).as_posix() for path in group] for group in found] == [
        ["a.dcm", "b/c", "ct.dcm"], ["other.dcm"], ["x.png"], ["none1"], ["none2"], ["gone.dcm"],
    ]  # fmt: skip


def test_what_names_no_study_joins_nothing_and_neither_do_two_patients(tmp_path: Path) -> None:
    tags = [{"StudyInstanceUID": "UNKNOWN"}, {"StudyInstanceUID": "UNKNOWN"}, {}, {"PatientID": "another"}]
    with pydicom.config.disable_value_validation():
        data = [views.dicom(number, **each) for number, each in enumerate(tags)]
    paths = [tmp_path / f"{number}.dcm" for number in range(len(data))]
    for path, content in zip(paths, data, strict=True):
        path.write_bytes(content)
    assert studies.group(paths, DEFAULTS, workers=1) == [[path] for path in paths]


def test_the_highest_view_in_scope_answers_for_the_study() -> None:
    own = findings((0.1, "no finding"), (0.4, "needs review"), (0.9, "out of scope"))
    assert studies.answer(own, views.BUNDLE) == (0.4, "needs review", 1, OF_VIEW)
    assert studies.answer(own[2:], views.BUNDLE).decision == "out of scope"


def test_several_views_have_the_calibration_and_the_thresholds_of_studies() -> None:
    of_studies = Fit(Calibration(0.8, -1.0), OperatingPoints(0.3, 0.6))
    loaded = replace(views.BUNDLE, studies=of_studies)
    own = findings((0.7, "needs review"), (0.2, "needs review"))
    expected = expit(0.8 * logit(0.7) - 1)
    answer = studies.answer(own, loaded)
    assert answer.probability == pytest.approx(expected)
    assert answer[1:] == ("needs review", 0, OF_STUDIES)
    assert studies.answer(own[:1], loaded) == (0.7, "needs review", 0, OF_VIEW)
    assert studies.answer(findings((1.0, "fracture"), (1.0, "fracture")), loaded).decision == "fracture"
