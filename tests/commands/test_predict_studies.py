"""`predict --by study` and `--dicom`: views answered together, and nothing of the patient in what is told."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pydicom
import pytest
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.commands import predict
from pipeline.predict import bundle
from pipeline.registry import loading
from tests.examine import views

PLANTED = {
    **views.PATIENT,
    "InstitutionName": "St. Ambrosius Krankenhaus",
    "InstitutionAddress": "Lindenweg 77",
    "PerformingPhysicianName": "Zwetschgenbaum^Ida",
    "OperatorsName": "Hollerbusch^Emil",
    "OtherPatientIDs": "OPID-313233",
    "PatientComments": "Comment-Geheimnis",
    "StationName": "STATION-XR9",
}


@pytest.fixture(scope="module")
def answering(models):
    """The model, loaded once for all tests of this file."""
    return bundle.load(models), {"name": "small", "sha256": "0123456789ab", "learnt_from": "noise"}


@pytest.fixture(autouse=True)
def _loaded(monkeypatch, answering):
    monkeypatch.setattr(loading, "load", lambda config, model=None: answering)


def results(config, capsys, *paths, out=None, **options):
    code = predict.run(config, list(paths), out, as_json=True, **options)
    return code, json.loads(capsys.readouterr().out)


def exam(folder: Path) -> Path:
    """Two views of one study, one of another, a refused view of the first, and a picture."""
    folder.mkdir()
    files = {
        "1.dcm": views.dicom(0, **PLANTED),
        "2.dcm": views.dicom(1, StudyInstanceUID="1.2.826.0.1.99", **PLANTED),
        "3.dcm": views.dicom(2, ViewPosition="LATERAL", **PLANTED),
        "4.dcm": views.dicom(3, NumberOfFrames=2, PixelData=2 * views.noise(3).tobytes(), **PLANTED),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_views_of_a_study_get_one_answer_that_names_its_view_and_region(config, work, capsys):
    code, found = results(config, capsys, exam(work / "in"), by="study")
    assert code == 1
    assert [[Path(view["path"]).name for view in study["views"]] for study in found] == [
        ["1.dcm", "3.dcm", "4.dcm"],
        ["2.dcm"],
    ]
    first = found[0]
    answered = [view for view in first["views"] if "error" not in view]
    highest = max(answered, key=lambda view: view["probability"])
    (decides,) = [view for view in answered if view["path"] == first["view"]]
    assert first["probability"] == decides["probability"] == highest["probability"]
    assert first["region"]["bbox"] == decides["regions"][0]["bbox"]
    assert first["calibrated_on"] == "highest view"
    assert [view["study"] for study in found for view in study["views"]] == [1, 1, 1, 2]
    assert first["views"][2]["error"]["reason"] == "multi_frame"


def test_the_terminal_has_a_line_a_study(config, work, capsys):
    predict.run(config, [exam(work / "in"), work / "gone.dcm"], None, as_json=False, by="study")
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert [line[3] for line in lines] == ["2 of 3 answered", "1 of 1 answered", "0 of 1 answered"]
    assert "row" in lines[0][5]
    assert (lines[2][1], lines[2][5][:8]) == ("refused", "vanished")


def test_tables_and_records_by_image_are_as_before_but_for_the_number_of_the_study(
    config, work, draw, capsys
):
    folder = exam(work / "in")
    draw(folder, [7])
    _, plain = results(config, capsys, folder, out=work / "plain")
    _, beside = results(config, capsys, folder, out=work / "beside", with_dicom=True)
    assert [{**each, "study": None} for each in beside] == [{**each, "study": None} for each in plain]
    first, second = (pd.read_csv(work / name / "predictions.csv") for name in ("plain", "beside"))
    pd.testing.assert_frame_equal(first.drop(columns="study"), second.drop(columns="study"))
    assert first["study"].isna().all()
    assert second["study"].tolist() == [1, 2, 1, 1, 3]


def test_results_in_dicom_are_written_a_folder_a_study(config, work, draw, capsys):
    folder = exam(work / "in")
    draw(folder, [7])
    _, found = results(config, capsys, folder, out=work / "out", by="study", with_dicom=True)
    assert found[0]["dicom"] == [
        f"dicom/study-1/{name}.dcm"
        for name in (
            "presentation-state-1",
            "secondary-capture-1",
            "secondary-capture-2",
            "structured-report-1",
        )
    ]
    assert found[2]["dicom"] == []
    written = sorted(path.relative_to(work / "out").as_posix() for path in (work / "out").rglob("*.dcm"))
    assert written == sorted(name for study in found for name in study["dicom"])
    report = pydicom.dcmread(work / "out" / found[0]["dicom"][-1])
    assert report.PatientID == PLANTED["PatientID"]
    first = {path: path.read_bytes() for path in (work / "out").rglob("*") if path.is_file()}
    results(config, capsys, folder, out=work / "out", by="study", with_dicom=True)
    assert {path: path.read_bytes() for path in (work / "out").rglob("*") if path.is_file()} == first
    results(config, capsys, folder, out=work / "out")
    assert not (work / "out/dicom").exists()


def test_results_in_dicom_need_a_folder():
    ended = CliRunner().invoke(app, ["predict", "a.dcm", "--dicom"])
    assert ended.exit_code == 2
    assert "--out" in ended.output


@pytest.mark.reliability("names, ids, dates and places of a patient in headers", "in DICOM results alone")
def test_nothing_of_the_patient_is_told_outside_of_dicom_results(config, work, capsys, caplog):
    folder = exam(work / "in")
    odd = views.header(8, SOPInstanceUID="", **PLANTED)
    odd.PatientName = "Vonderhagen"
    odd.save_as(folder / "odd.dcm")
    torn = views.dicom(9, **PLANTED)
    (folder / "torn.dcm").write_bytes(torn[:-1000])
    letters = views.dicom(10, SpecificCharacterSet="ISO_IR 100", **PLANTED)
    (folder / "letters.dcm").write_bytes(letters.replace(b"ISO_IR 100", b"ISO_IR 999"))
    with caplog.at_level("DEBUG"):
        results(config, capsys, folder, out=work / "out", by="study", with_dicom=True)
        predict.run(config, [folder], None, as_json=False, by="study")
    told = {path: path.read_bytes() for path in (work / "out").rglob("*") if path.is_file()}
    kept = [data for path, data in told.items() if "dicom" in path.parts]
    told = {path: data for path, data in told.items() if "dicom" not in path.parts}
    told[Path("terminal")] = "".join((*capsys.readouterr(), caplog.text)).encode()
    parts = {part for value in PLANTED.values() for part in value.split("^") if len(part) > 1}
    secrets = {each for each in (*parts, *PLANTED.values(), "1.2.826.0.1.") if len(each) > 5}
    assert len(told) == 3 + 5
    assert b"odd.dcm: DICOM results need a sound SOPInstanceUID" in told[Path("terminal")]
    found = {
        (path.name, secret) for path, data in told.items() for secret in secrets if secret.encode() in data
    }
    assert found == set()
    assert any(PLANTED["PatientID"].encode() in data for data in kept)
