"""Results as DICOM objects: valid by two judges, where the regions are, and for odd sources, too."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import KeyObjectSelectionDocumentStorage

from pipeline.examine.dicom import outline, results
from pipeline.files.faults import ImageFault
from pipeline.files.limits import DEFAULTS
from pipeline.validate import intake
from tests.examine import standard, views

KINDS = {
    "plain": views.dicom(),
    "MONOCHROME1": views.dicom(PhotometricInterpretation="MONOCHROME1"),
    "no PixelSpacing, no window": views.dicom(PixelSpacing=None, WindowCenter=None, WindowWidth=None),
    "unequal pixels": views.dicom(PixelSpacing=None, PixelAspectRatio=[2, 1]),
    "JPEG": views.jpeg(),
    "colours": views.colour(),
    "one frame of many": views.one_frame(),
    "rotated": views.dicom(PatientOrientation=["F", "R"]),
    "no patient": views.dicom(**dict.fromkeys(views.PATIENT)),
    "letters": views.dicom(SpecificCharacterSet="ISO_IR 100", PatientName="Gr\xf6\xdfer^J\xfcrgen"),
    "laterality": views.dicom(ImageLaterality="L", BodyPartExamined="HAND"),
}


def dciodvfy(dataset: pydicom.Dataset, folder: Path) -> list[str]:
    (folder / "made.dcm").write_bytes(views.packed(dataset))
    command = [Path(sys.executable).parent / "dciodvfy", folder / "made.dcm"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.reliability(
    "a DICOM view of an odd kind, and its results", "valid for dciodvfy and dicom-validator"
)
def test_two_judges_find_no_fault_in_any_result(kind: str, tmp_path: Path) -> None:
    made = views.make(KINDS[kind])
    assert [one.Modality for one in made] == ["PR", "OT", "SR"]
    assert [dciodvfy(one, tmp_path) for one in made] == [[], [], []]
    assert [standard.faults(one) for one in made] == [[], [], []]


def test_the_judges_do_find_faults(tmp_path: Path) -> None:
    state, capture, report = views.make(views.dicom())
    del state.DisplayedAreaSelectionSequence, capture.Rows, report.CompletionFlag
    for broken in (state, capture, report):
        assert dciodvfy(broken, tmp_path)
    assert standard.faults(state) == ["displayed-area: (0070,005A) TagMissing"]


def test_results_stand_in_the_source_s_study_and_refer_to_it() -> None:
    source = views.header()
    made = views.make(views.dicom())
    state, capture, report = made
    for one in made:
        assert one.StudyInstanceUID == source.StudyInstanceUID
        assert {keyword: str(one[keyword].value) for keyword in views.PATIENT} == views.PATIENT
        assert one.SeriesInstanceUID != source.SeriesInstanceUID
    assert len({one.SeriesInstanceUID for one in made}) == len({one.SOPInstanceUID for one in made}) == 3
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    for item in (
        state.ReferencedSeriesSequence[0].ReferencedImageSequence[0],
        capture.SourceImageSequence[0],
    ):
        assert item.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert evidence.SeriesInstanceUID == source.SeriesInstanceUID


def test_a_report_s_outlines_are_those_of_the_regions() -> None:
    own = views.answered(views.dicom()).finding.regions
    report = highdicom.sr.ComprehensiveSR.from_dataset(views.make(views.dicom())[2])
    groups = report.content.get_planar_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == [
        "view 1 (AP), region 1",
        "view 1 (AP), region 2",
    ]
    for group, region in zip(groups, own, strict=True):
        points = group.roi.value
        np.testing.assert_array_equal(points, outline.closed(region))
        assert points.min(axis=0).tolist() >= [region.column, region.row]
        limit = [region.column + region.width_px, region.row + region.height_px]
        assert (points.max(axis=0) <= limit).all()
        assert float(group.get_measurements()[0].value) == pytest.approx(region.score, abs=1e-6)
    certainty = [group.get_qualitative_evaluations()[0].value.value for group in groups]
    assert certainty == ["SURE", "POSSIBLE"]


def test_sure_regions_are_solid_and_possible_ones_dotted() -> None:
    state = views.make(views.dicom())[0]
    layers = {item.GraphicLayer: item for item in state.GraphicAnnotationSequence}
    sure, possible = views.answered(views.dicom()).finding.regions
    (solid,) = layers["SURE"].GraphicObjectSequence
    np.testing.assert_allclose(np.reshape(solid.GraphicData, (-1, 2)), outline.closed(sure), atol=1e-4)
    dashes = [np.reshape(one.GraphicData, (-1, 2)) for one in layers["POSSIBLE"].GraphicObjectSequence]
    drawn = sum(np.abs(np.diff(dash, axis=0)).sum() for dash in dashes)
    around = 2 * (possible.height_px + possible.width_px)
    assert len(dashes) > 20
    assert drawn == pytest.approx(around / 2, rel=0.01)
    corner = [possible.column, possible.row]
    assert np.concatenate(dashes).min(axis=0).tolist() == corner
    assert {one.GraphicAnnotationUnits for one in layers["POSSIBLE"].GraphicObjectSequence} == {"PIXEL"}


def test_every_object_says_that_an_algorithm_made_it_and_which() -> None:
    state, capture, report = views.make(views.dicom())
    words = [item for item in state.GraphicAnnotationSequence if item.GraphicLayer == "WORDS"]
    text = words[0].TextObjectSequence[0].UnformattedTextValue
    assert "not for diagnosis" in text
    assert "model: fracatlas, bundle 0123456789ab" in text
    assert "not for diagnosis" in capture.DerivationDescription
    assert "fracatlas (bundle 0123456789ab)" in capture.ImageComments
    said = [item.TextValue for item in report.ContentSequence if item.ValueType == "TEXT"]
    assert any("not for diagnosis" in line and "bundle 0123456789ab" in line for line in said)
    for one in (state, capture, report):
        assert (one.ManufacturerModelName, one.ContentQualification) == ("fracatlas", "RESEARCH")


@pytest.mark.reliability("a study answered twice, as after a crash", "equal instances, byte for byte")
def test_results_made_again_are_the_same_instances() -> None:
    first, again, other = (
        results.make([views.answered(views.dicom())], views.BUNDLE, views.TOLD | changed)
        for changed in ({}, {}, {"sha256": "ba9876543210"})
    )
    assert [views.packed(one) for one in first] == [views.packed(one) for one in again]
    assert not {one.SOPInstanceUID for one in first} & {one.SOPInstanceUID for one in other}
    assert {str(one.SeriesDate) for one in first} == {"20240102"}


def test_what_differs_in_anything_is_another_instance() -> None:
    def composed(number: int = 1, colormap: str = "cividis", **changes: str) -> list[pydicom.Dataset]:
        told = views.TOLD | changes
        view = results.see(views.answered(views.dicom()), number, views.BUNDLE, told, colormap)
        return results.compose([view], views.BUNDLE, told)

    one = [views.answered(views.dicom()), views.answered(views.dicom(1))]
    every = [
        composed(), composed(number=2), composed(colormap="magma"), composed(name="champion, version 4"),
        composed(learnt_from="others"), views.make(views.dicom(PatientName="Vonderhagen^Otto")),
        views.make(views.dicom(ViewPosition="PA")), views.make(views.dicom(0), views.dicom(1)),
        results.make([views.answered(views.dicom(), 0.85)], views.BUNDLE, views.TOLD),
        results.make(one, views.BUNDLE, views.TOLD), results.make(one[::-1], views.BUNDLE, views.TOLD),
    ]  # fmt: skip
    contents: dict[str, set[bytes]] = {}
    for made in (each for results_ in every for each in results_):
        assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
        contents.setdefault(made.SOPInstanceUID, set()).add(views.packed(made))
    assert {len(bytes_) for bytes_ in contents.values()} == {1}
    captures = [made for results_ in every[:4] for made in results_ if made.Modality == "OT"]
    assert len({made.SOPInstanceUID for made in captures}) == 4
    assert len({made.SeriesInstanceUID for made in captures}) == 2  # a series is of one device


def test_views_are_numbered_by_their_place_whether_or_not_they_are_answered() -> None:
    sound = [views.answered(views.dicom(seed)) for seed in (1, 3)]
    none = results.Refused(b"a note", "note.txt", "not_an_image")
    refused = results.Refused(views.dicom(0), "a.dcm", "truncated")
    made = results.make([refused, sound[0], none, sound[1]], views.BUNDLE, views.TOLD)
    captures = [each for each in made if each.Modality == "OT"]
    assert [each.InstanceNumber for each in captures] == [2, 4]
    assert captures[1].DerivationDescription.startswith("Overlay of view 4 (AP).")
    text = views.packed(made[-1]).decode("utf-8", "replace")
    for words in ("view 1 (AP) is not answered: refused", "view 2 (AP) decides", "view 4 (AP), region 1"):
        assert words in text
    before = results.make([refused, sound[0]], views.BUNDLE, views.TOLD)
    assert [views.packed(each) for each in before if each.Modality == "OT"] == [views.packed(captures[0])]


def test_a_state_serves_the_views_of_a_series_that_are_displayed_alike() -> None:
    alike = [views.dicom(0), views.dicom(1, WindowCenter="1400")]
    others = [
        views.dicom(2, PhotometricInterpretation="MONOCHROME1"),
        views.dicom(3, SeriesInstanceUID="1.2.9"),
    ]
    states = [one for one in views.make(*alike, *others) if one.Modality == "PR"]
    images = [one.ReferencedSeriesSequence[0].ReferencedImageSequence for one in states]
    assert [len(each) for each in images] == [2, 1, 1]
    centres = {
        item.ReferencedImageSequence[0].ReferencedSOPInstanceUID: item.WindowCenter
        for item in states[0].SoftcopyVOILUTSequence
    }
    assert centres == {"1.2.826.0.1.10": 1500, "1.2.826.0.1.11": 1400}
    assert [one.PresentationLUTShape for one in states] == ["IDENTITY", "INVERSE", "IDENTITY"]


def lut(bits: int) -> pydicom.Dataset:
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, bits], np.arange(4096, dtype="<u2").tobytes()
    table["LUTData"].VR = "OW"
    return table


def test_what_makes_grey_of_values_goes_along() -> None:
    table = lut(12)
    modality = lut(16)
    modality.ModalityLUTType = "HU"
    state = views.make(views.dicom(ModalityLUTSequence=[modality]))[0]
    assert state.ModalityLUTSequence[0].LUTData == table.LUTData
    tags = {"RescaleSlope": "2", "RescaleIntercept": "-5", "VOILUTSequence": [table]}
    state = views.make(views.dicom(**tags))[0]
    assert (state.RescaleSlope, state.RescaleIntercept, state.RescaleType) == (2, -5, "US")
    (item,) = state.SoftcopyVOILUTSequence
    assert item.VOILUTSequence[0].LUTDescriptor == [4096, 0, 12]
    assert item.VOILUTSequence[0].LUTData == table.LUTData
    assert state.DisplayedAreaSelectionSequence[0].PresentationPixelSpacing == [0.1, 0.1]


def test_tables_and_windows_that_make_no_sense_stay_behind() -> None:
    state = views.make(views.dicom(VOILUTSequence=[lut(99)], WindowWidth="0", RescaleSlope="0"))[0]
    assert "SoftcopyVOILUTSequence" not in state
    assert "RescaleSlope" not in state


def test_decisions_without_regions_and_refused_views_stand_in_the_report(tmp_path: Path) -> None:
    given = [
        views.answered(views.dicom(0), 0.1, "no finding"),
        views.answered(views.dicom(1), 0.9, "out of scope"),
    ]
    given[1] = given[1]._replace(
        finding=views.finding(given[1].admitted.radiograph.pixels, 0.9, "out of scope", regions=False)
    )
    refused = [results.Refused(views.dicom(2), "c.dcm", "too_small")]
    made = results.make([*given, *refused], views.BUNDLE, views.TOLD)
    (report,) = [one for one in made if one.Modality == "SR"]
    assert dciodvfy(report, tmp_path) == []
    text = views.packed(report).decode("utf-8", "replace")
    for words in ("no finding", "out of scope", "refused: too small", "view 3 (AP) is not answered: refused"):
        assert words in text
    only = results.make(refused, views.BUNDLE, views.TOLD)
    assert [one.Modality for one in only] == ["SR"]


HOSTILE = {
    "StudyInstanceUID": None, "SeriesInstanceUID": "not a uid", "SOPInstanceUID": "",
    "SOPClassUID": "1.3.46.670589.11.0.0.12.2",
}  # fmt: skip


@pytest.mark.parametrize("keyword", HOSTILE)
@pytest.mark.reliability(
    "a view whose header names no study, series, image or class", "a line that says so; the others' results"
)
def test_a_view_that_none_can_refer_to_costs_the_others_nothing(
    keyword: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = views.header(1)
    for place in (broken, broken.file_meta):
        if keyword in place:
            delattr(place, keyword)
    if HOSTILE[keyword]:
        broken.add(
            pydicom.DataElement(keyword, "UI", HOSTILE[keyword], validation_mode=pydicom.config.IGNORE)
        )
    buffer = io.BytesIO()
    broken.save_as(buffer)
    odd = results.Answered(buffer.getvalue(), "odd.dcm", *views.answered(views.dicom(1))[2:])
    made = results.make([views.answered(views.dicom(0)), odd], views.BUNDLE, views.TOLD)
    assert [one.Modality for one in made] == ["PR", "OT", "SR"]
    assert "odd.dcm: DICOM results need" in caplog.text
    assert keyword in caplog.text


@pytest.mark.reliability(
    "patient fields that the standard does not allow", "left empty in the results, which are valid"
)
def test_values_that_the_standard_does_not_allow_stay_behind(tmp_path: Path) -> None:
    source = views.header(SpecificCharacterSet="ISO_IR 100")
    bad = {
        "PatientBirthDate": ("DA", "17 July"),
        "PatientSex": ("CS", "FEMALE"),
        "StudyTime": ("TM", "99:99"),
        "AccessionNumber": ("SH", "x" * 40),
        "PatientAge": ("AS", "old"),
        "StudyDate": ("DA", "20241399"),
        "StudyID": ("SH", "one\x08"),
        "StudyDescription": ("LO", "wrist\rleft"),
        "PatientWeight": ("DS", "9" * 20),
        "PatientIdentityRemoved": ("CS", "PERHAPS"),
        "ImageLaterality": ("CS", "U"),
        "PatientOrientation": ("CS", "P\\2"),
        "ViewPosition": ("CS", "A\x1a"),
    }
    for keyword, (vr, value) in bad.items():
        source.add(pydicom.DataElement(keyword, vr, value, validation_mode=pydicom.config.IGNORE))
    data = views.packed(source).replace(b"ISO_IR 100", b"ISO_IR 999")
    made = results.make([views.answered(data)], views.BUNDLE, views.TOLD)
    assert [one.Modality for one in made] == ["PR", "OT", "SR"]
    assert [dciodvfy(one, tmp_path) for one in made] == [[], [], []]
    assert made[0].PatientName == views.PATIENT["PatientName"]
    assert "PatientAge" not in made[0]


def test_blanks_that_fill_names_up_and_several_names_are_no_faults(tmp_path: Path) -> None:
    physicians = ["A^B", "C^D"]
    odd = views.dicom(
        PatientName="Vonderhagen^Ottilie\0", PatientID="7 \0", ConsultingPhysicianName=physicians
    )
    made = views.make(odd)
    assert [dciodvfy(one, tmp_path) for one in made] == [[], [], []]
    for one in made:
        assert (one.PatientName, one.PatientID) == ("Vonderhagen^Ottilie", "7")
        assert [str(name) for name in one.ConsultingPhysicianName] == physicians


def test_a_picture_that_is_no_dicom_file_has_no_results(caplog: pytest.LogCaptureFixture) -> None:
    given = views.answered(views.dicom())
    assert results.make([given._replace(data=b"\xff\xd8\xff", name="a.jpg")], views.BUNDLE, views.TOLD) == []
    assert "a.jpg: DICOM results need a DICOM file" in caplog.text


def test_libraries_quote_no_header_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    odd = views.dicom(PatientName="Vonderhagen", StudyDate="20240102")
    with caplog.at_level("DEBUG"):
        views.make(odd)
    assert not [
        value for value in (*views.PATIENT.values(), "1.2.826") if len(value) > 1 and value in caplog.text
    ]


@pytest.mark.reliability("a damaged DICOM header", "a fault of that file that quotes nothing of the header")
def test_a_fault_of_a_damaged_header_does_not_quote_it() -> None:
    data = bytearray(views.dicom())
    data[138:140] = (190).to_bytes(2, "little")  # the first element takes the next ones for its value
    with pytest.raises(ImageFault) as raised:
        intake.admit(bytes(data), "view.dcm", DEFAULTS)
    assert str(raised.value) == "view.dcm: BytesLengthException"


def test_admitted_pixels_have_the_size_that_results_refer_to() -> None:
    state, capture, _ = views.make(views.dicom())
    area = state.DisplayedAreaSelectionSequence[0]
    assert area.DisplayedAreaBottomRightHandCorner == [180, 240]
    assert capture.pixel_array.shape == (capture.Rows, capture.Columns, 3)
    assert isinstance(views.answered(views.dicom()).admitted, intake.Admitted)


@pytest.mark.reliability(
    "two files with one SOPInstanceUID",
    "the first counts, and a line names the second",
)
def test_a_second_file_of_an_image_has_no_results_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    again = views.dicom(1, SOPInstanceUID=views.header(0).SOPInstanceUID)
    made = views.make(views.dicom(0), again)
    assert [one.Modality for one in made] == ["PR", "OT", "SR"]
    assert len({one.SOPInstanceUID for one in made}) == 3
    assert len(made[0].ReferencedSeriesSequence[0].ReferencedImageSequence) == 1
    assert "view 2 (AP) bears the SOPInstanceUID of view 1 (AP)" in caplog.text


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "SOPInstanceUID"])
def test_the_answer_of_a_study_is_that_of_all_its_views_whether_or_not_a_uid_names_them(
    keyword: str, tmp_path: Path
) -> None:
    own = {"SeriesInstanceUID": None, "SOPInstanceUID": views.header(0).SOPInstanceUID}
    sound = views.answered(views.dicom(0), 0.1, "no finding")
    one = views.answered(views.dicom(1, **{keyword: own[keyword]}), 0.9)
    report = results.make([sound, one], views.BUNDLE, views.TOLD)[-1]
    alone = results.make([sound], views.BUNDLE, views.TOLD)[-1]
    assert report.SOPInstanceUID != alone.SOPInstanceUID
    assert dciodvfy(report, tmp_path) == []
    of_study = report.ContentSequence[8].ContentSequence[0]
    assert "'FRACTURE'" in str(of_study)
    words = of_study.ContentSequence[-1].TextValue
    assert words.startswith("view 2 decides")
    assert "view 2 has no object, as its header does not name it: fracture" in words


def test_a_refused_view_without_a_name_stands_in_the_report_and_what_is_no_image_does_not() -> None:
    sound = [views.answered(views.dicom(0), 0.1, "no finding")]
    others = [
        views.dicom(1, SeriesInstanceUID=None),
        views.dicom(2, SOPClassUID=KeyObjectSelectionDocumentStorage),
    ]
    refused = [results.Refused(data, "a.dcm", "truncated") for data in others]
    report = results.make([*sound, *refused], views.BUNDLE, views.TOLD)[-1]
    words = report.ContentSequence[8].ContentSequence[0].ContentSequence[-1].TextValue
    assert words.endswith("view 2 has no object, as its header does not name it: refused")


def test_a_view_without_a_name_gives_no_answer_to_another_patient(caplog: pytest.LogCaptureFixture) -> None:
    other = views.dicom(1, SeriesInstanceUID=None, PatientID="another")
    assert views.make(views.dicom(0), other) == []
    assert "its views name different patients" in caplog.text
    assert "another" not in caplog.text


@pytest.mark.reliability(
    "two patients under one StudyInstanceUID",
    "each gets an answer of its own; no DICOM result under one name",
)
def test_two_patients_in_one_study_get_no_results_under_one_name(caplog: pytest.LogCaptureFixture) -> None:
    assert views.make(views.dicom(0), views.dicom(1, PatientID="another")) == []
    assert "its views name different patients" in caplog.text
    assert "another" not in caplog.text
    assert len(views.make(views.dicom(0), views.dicom(1, PatientID=""))) == 4


def test_values_that_must_stand_alone_stay_behind_where_there_are_several(tmp_path: Path) -> None:
    several = {"PatientName": ["A^B", "C^D"], "PatientID": ["1", "2"], "StudyDate": ["20240102", "20240103"]}
    made = views.make(views.dicom(**several))
    assert [one.Modality for one in made] == ["PR", "OT", "SR"]
    assert [dciodvfy(one, tmp_path) for one in made] == [[], [], []]
    assert {str(one[keyword].value or "") for one in made for keyword in several} == {""}


@pytest.mark.reliability(
    "a UID that is none, such as 1..2",
    "no DICOM result refers to it; a line says so",
)
@pytest.mark.parametrize("uid", [".1.2", "1..2", "1.2.", "7"])
def test_what_only_looks_like_a_uid_is_not_referred_to(uid: str, caplog: pytest.LogCaptureFixture) -> None:
    with pydicom.config.disable_value_validation():
        odd = views.dicom(1, SOPInstanceUID=uid)
        assert len(views.make(views.dicom(0), odd)) == 3
    assert "DICOM results need a sound SOPInstanceUID" in caplog.text


@pytest.mark.reliability(
    "our own DICOM results, sent back to us",
    "not examined as radiographs, and no result refers to them",
)
def test_our_own_results_are_neither_examined_nor_referred_to(caplog: pytest.LogCaptureFixture) -> None:
    state, capture, report = map(views.packed, views.make(views.dicom()))
    for own in (state, capture, report):
        with pytest.raises(ImageFault, match="it is a result that this program made"):
            intake.admit(own, "own.dcm", DEFAULTS)
    refused = [results.Refused(own, "own.dcm", "not_a_radiograph") for own in (state, capture, report)]
    again = results.make([views.answered(views.dicom()), *refused], views.BUNDLE, views.TOLD)
    assert [views.packed(one) for one in again] == [state, capture, report]
    assert "not to earlier results" in caplog.text


def test_windows_below_one_go_along_as_they_are_read(tmp_path: Path) -> None:
    given = {"RescaleSlope": "0.00025", "RescaleIntercept": "0", "WindowCenter": "0.4", "WindowWidth": "0.8"}
    state = views.make(views.dicom(**given))[0]
    assert dciodvfy(state, tmp_path) == []
    (item,) = state.SoftcopyVOILUTSequence
    assert (item.WindowWidth, item.VOILUTFunction) == (0.8, "LINEAR_EXACT")


@pytest.mark.parametrize(
    "shape", [{"PixelSpacing": ["0.3", "0.15"]}, {"PixelSpacing": None, "PixelAspectRatio": [2, 1]}]
)
def test_pixels_that_are_no_squares_are_told_and_drawn_in_their_shape(
    shape: dict[str, object], tmp_path: Path
) -> None:
    odd = views.dicom(**shape)
    _, capture, _ = views.make(odd)
    assert dciodvfy(capture, tmp_path) == []
    assert capture.PixelAspectRatio == [2, 1]
    assert "stretched" in views.answered(odd).admitted.radiograph.codes
    assert "stretched" not in views.answered(views.dicom()).admitted.radiograph.codes
    assert "PixelAspectRatio" not in views.make(views.dicom())[1]
