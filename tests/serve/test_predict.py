"""What the service answers, against what `predict` says of the same files."""

from __future__ import annotations

import base64
import io
import json

import cv2
import numpy as np
import pytest

from pipeline.commands import predict
from pipeline.files import images
from pipeline.serve import sent
from tests.commands.conftest import radiograph
from tests.conftest import _shared
from tests.reliability import made
from tests.reliability.made import KINDS

EXTRA = ("width_px", "height_px", "spacing_mm")


def posted(client, files, **params):
    parts = [("file", (path.name, path.read_bytes())) for path in files]
    return client.post("/predict", files=parts, params=params)


def predicted(config, capsys, files):
    predict.run(config, files, None, as_json=True)
    return json.loads(capsys.readouterr().out)


def same(config, capsys, client, files):
    """Whether both say the same of each file, but for its folder and for digits that batches change."""
    answers = []
    for start in range(0, len(files), 32):
        answers += posted(client, files[start : start + 32]).json()["results"]
    for told, answer in zip(predicted(config, capsys, files), answers, strict=True):
        assert answer["path"] == told["path"].rpartition("/")[2]
        if "error" in told:
            assert answer["error"] == told["error"]
            continue
        assert answer["probability"] == pytest.approx(told["probability"], abs=2e-6)
        for key in ("decision", "body_part", "region_stands_out", "notes"):
            assert answer[key] == told[key]
        assert len(answer["regions"]) == len(told["regions"])
    return answers


@pytest.mark.reliability(
    "sound, cut, empty, misnamed and noisy files, sent to `fracture serve` and to `predict`",
    "the same answers and reasons",
)
def test_the_service_answers_as_predict_does(config, work, draw, capsys, client):
    files = draw(work / "in", range(2)) + draw(work / "in", [4], ".jpg")
    odd = {"cut.png": files[0].read_bytes()[:-200], "empty.png": b"", "named.jpg": files[1].read_bytes()}
    for name, data in odd.items():
        (work / "in" / name).write_bytes(data)
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    images.write(work / "in/noise.png", noise)
    answers = same(config, capsys, client, sorted((work / "in").iterdir()))
    assert sum("error" in answer for answer in answers) == 3


@pytest.mark.reliability(
    "each row of the fault matrix that is a file, sent to `fracture serve`",
    "refused with its reason, or noted",
)
def test_each_row_of_the_matrix_that_is_a_file_gets_its_verdict(client):
    files = [("file", (kind.name, kind.make(made.radiograph(1000 + row)))) for row, kind in enumerate(KINDS)]
    answers = []
    for start in range(0, len(files), 16):
        answers += client.post("/predict", files=files[start : start + 16]).json()["results"]
    for kind, answer in zip(KINDS, answers, strict=True):
        assert answer.get("error", {}).get("reason", "") == kind.reason
        assert {kind.note} - {""} <= {note["code"] for note in answer.get("notes", [])}


@pytest.mark.slow
@pytest.mark.reliability(
    "every faulty and odd file, sent to `fracture serve`", "the reason that `predict` gives"
)
@pytest.mark.parametrize("name", ["faulty", "odd"])
def test_every_faulty_and_odd_file_gets_the_reason_of_predict(config, capsys, client, name):
    files = sorted(
        path for path in _shared(name).rglob("*") if path.is_file() and path.stat().st_size < 2**22
    )
    answers = same(config, capsys, client, [path for path in files if path.suffix not in (".md", ".csv")])
    assert any("error" in answer for answer in answers)


def test_bytes_come_in_base64_in_any_wrapping_and_alone(draw, work, client):
    (path,) = draw(work, [1])
    data = path.read_bytes()
    plain, broken = base64.b64encode(data).decode(), base64.encodebytes(data).decode()
    wrapped = [plain, broken, f"data:image/png;base64,{plain}", plain.replace("+", "-").replace("/", "_")]
    sent = {"images": [{"name": "a.png", "data": each} for each in wrapped]}
    results = client.post("/predict", json=sent).json()["results"]
    alone = client.post("/predict", content=data, headers={"Content-Type": "image/png"}).json()["results"]
    probabilities = [result["probability"] for result in results + alone]
    assert probabilities == pytest.approx([probabilities[0]] * 5, abs=2e-6)
    assert alone[0]["path"] == "file 1"


@pytest.mark.reliability(
    "a path, an address and nonsense in place of base64", "`not_base64`; nothing is read"
)
def test_no_path_and_no_address_of_a_client_is_read(draw, work, client):
    (path,) = draw(work, [1])
    sent = [str(path), path.as_uri(), "http://127.0.0.1:1/a.png", "../1.png", ""]
    answer = client.post("/predict", json={"images": [{"name": str(path), "data": each} for each in sent]})
    assert answer.status_code == 422
    reasons = [result["error"]["reason"] for result in answer.json()["results"]]
    assert reasons == ["not_base64"] * 4 + ["empty_file"]


def test_the_map_and_the_radiograph_are_added_in_its_own_pixels(draw, work, client):
    (path,) = draw(work, [3])
    (result,) = posted(client, [path], map=True, image=True).json()["results"]
    assert [result[key] for key in EXTRA] == [96, 120, None]
    for key in ("region_map", "image"):
        kind, _, text = result[key].partition(",")
        pixels = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_UNCHANGED)
        assert (kind, pixels.shape) == ("data:image/png;base64", (120, 96))
    np.testing.assert_array_equal(pixels, radiograph(3))
    assert not {"region_map", "image"} & set(posted(client, [path]).json()["results"][0])


def test_an_answer_of_many_pictures_is_sent_file_by_file(draw, work, client):
    files = [("file", (path.name, path.read_bytes())) for path in draw(work, range(3))]
    for route, key in (("/predict", "results"), ("/studies", "studies")):
        with client.stream("POST", f"{route}?image=true", files=files) as answer:
            pieces = list(answer.iter_raw())
        told = json.loads(b"".join(pieces))
        assert list(told) == ["model", key]
        assert len(told[key]) == 3
        assert max(map(len, pieces)) < sum(map(len, pieces)) / 2


def test_a_file_that_is_refused_costs_the_others_nothing_and_all_refused_is_422(draw, work, client):
    (path,) = draw(work, [1])
    sound, cut = ("file", ("a.png", path.read_bytes())), ("file", ("b.png", path.read_bytes()[:-200]))
    both = client.post("/predict", files=[cut, sound])
    assert [list(result)[1] for result in both.json()["results"]] == ["error", "probability"]
    assert (both.status_code, client.post("/predict", files=[cut]).status_code) == (200, 422)
    assert both.json()["model"]["learnt_from"] == "40 radiographs"


BODIES = [
    ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
    ({"json": {"images": []}}, 400, "bad_request"),
    ({"json": {"images": [{"name": "a", "path": "/etc/passwd"}]}}, 400, "bad_request"),
    ({"content": b"[" * 10_000, "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
    ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "bad_request"),
    ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}, 400, "bad_request"),
    ({"json": {"images": [{"data": ""}] * 65}}, 413, "request_too_large"),
    ({"json": {"images": [{"name": "," * 70_000, "data": ""}]}}, 413, "request_too_large"),
    ({"content": b"x", "headers": {"Content-Type": "application/dicom+json"}}, 415, "wrong_content_type"),
    ({"data": {"file": "no file"}, "files": []}, 415, "wrong_content_type"),
    ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "wrong_content_type"),
    ({"content": b"x"}, 415, "wrong_content_type"),
]


@pytest.mark.reliability("bodies that are no request", "400 or 415 with a reason")
@pytest.mark.parametrize(("body", "status", "reason"), BODIES)
def test_a_body_that_cannot_be_read_says_why(client, body, status, reason):
    answer = client.post("/predict", **body)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)


def part(data, name='; filename="a.png"'):
    return f'--x\r\nContent-Disposition: form-data; name="file"{name}\r\n\r\n'.encode() + data + b"\r\n"


@pytest.mark.reliability(
    "a form that is cut, or a part of it that is no file",
    "refused; says why",
)
@pytest.mark.parametrize(
    ("more", "why"),
    [
        (part(b"rest")[:-3], "It ends before its last boundary."),
        (b"", "It ends before its last boundary."),
        (part(b"text", "") + b"--x--", "A part 'file' came without `filename`, so as text and no file."),
        (b"--x\r\nX: y\r\n\r\n\r\n--x--", 'The Content-Disposition header field "name" must be provided.'),
    ],
)
def test_no_file_of_a_form_is_left_out_without_a_word(draw, work, client, more, why):
    (path,) = draw(work, [1])
    told = {"Content-Type": "multipart/form-data; boundary=x"}
    sound = part(path.read_bytes())
    answer = client.post("/predict", content=sound + more, headers=told)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (400, "bad_request")
    assert answer.json()["error"]["detail"].endswith(f"multipart/form-data. {why}")
    assert client.post("/predict", content=sound + b"--x--", headers=told).status_code == 200


@pytest.mark.reliability(
    "JSON of millions of small values, sent to `/predict`",
    "413 at once; others are answered meanwhile",
)
def test_json_of_countless_small_values_is_refused_before_it_is_read(client, monkeypatch):
    monkeypatch.setattr(sent.Images, "model_validate_json", None)
    body = b'{"images": [' + b'{"data": ""}, ' * 100_000 + b'{"data": ""}]}'
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "request_too_large")


def test_json_may_begin_with_a_byte_order_mark(client):
    body = b'\xef\xbb\xbf{"images": [{"data": "data:image/png;base64"}]}'
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["results"][0]["error"] == {
        "reason": "not_base64",
        "detail": "a file in base64 is needed. Received: 'data:image/png;base64'",
    }


def test_names_that_no_record_can_hold_are_mended(draw, work, client):
    (path,) = draw(work, [1])
    data = base64.b64encode(path.read_bytes()).decode()
    names = ["", None, "../../a.png", "a\0b.png", "x" * 5000 + ".png", "Bein,\n links.png"]
    answer = client.post("/predict", json={"images": [{"name": name, "data": data} for name in names]})
    paths = [result["path"] for result in answer.json()["results"]]
    assert paths == ["file 1", "file 2", "../../a.png", "a\0b.png", "x" * 196 + ".png", "Bein,\n links.png"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("filename*=UTF-8''R%C3%B6ntgen.png", "Röntgen.png"),
        ("filename=\"=?utf-8?B?UsO2bnRnZW4ucG5n?=\"; filename*=utf-8'de'R%C3%B6ntgen.png", "Röntgen.png"),
        ("filename*=iso-8859-1''R%F6nt%22gen%5C.png; filename=a.png", 'Rönt"gen\\.png'),
        ("filename*=nonsense''b.png; filename=a.png", "a.png"),
    ],
)
def test_a_name_beyond_ascii_may_come_in_either_form(client, disposition, name):
    head = f'--X\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\n'
    body = f"{head}no picture\r\n--X--\r\n".encode()
    answer = client.post(
        "/predict", content=body, headers={"Content-Type": "multipart/form-data; boundary=X"}
    )
    assert [result["path"] for result in answer.json()["results"]] == [name]


@pytest.mark.reliability("a request of more pixels or files than allowed", "the rest is refused; 413")
def test_a_request_holds_so_many_files_and_pixels(draw, work, serve):
    files = draw(work, [1, 2])
    few = serve(max_files=1, max_pixels=12_000)
    assert posted(few, files).status_code == 413
    assert few.post("/predict", json={"images": [{"data": ""}] * 2}).status_code == 413
    two = posted(serve(max_pixels=20_000), files).json()["results"]
    assert sorted(result.get("error", {}).get("reason", "") for result in two) == ["", "too_large"]


def dicom(pixels, study="1.2.3", **more):
    import pydicom
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    made = pydicom.Dataset()
    made.SOPClassUID, made.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    made.StudyInstanceUID, made.PatientName, made.Modality = study, "Doe^Jane", "DX"
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation, made.SamplesPerPixel = 7, 0, 1
    made.PhotometricInterpretation, made.PixelData = "MONOCHROME2", pixels.tobytes()
    for name, value in more.items():
        setattr(made, name, value)
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_a_dicom_file_tells_its_spacing_and_its_study(client):
    of_one = [dicom(radiograph(1), PixelSpacing=["0.15", "0.14"]), dicom(radiograph(2))]
    files = [
        ("file", (f"{place}.dcm", data)) for place, data in enumerate([*of_one, dicom(radiograph(3), "9")])
    ]
    told = client.post("/studies", files=files)
    assert told.status_code == 200
    first, second = told.json()["studies"]
    assert [len(first["views"]), len(second["views"])] == [2, 1]
    assert [view["spacing_mm"] for view in first["views"]] == [[0.15, 0.14], None]
    assert first["probability"] == max(view["probability"] for view in first["views"])
    assert [study["study"] for study in (first, second)] == [1, 2]
    assert not [word for word in ("Doe", "1.2.3") if word in told.text]


def test_a_file_of_a_study_that_is_refused_stands_with_it(client):
    sound, torn = dicom(radiograph(1)), dicom(radiograph(2))[:-5000]
    files = [("file", ("a.dcm", torn)), ("file", ("b.dcm", sound))]
    (study,) = client.post("/studies", files=files).json()["studies"]
    assert (study["view"], study["calibrated_on"]) == ("b.dcm", "highest view")
    assert study["views"][0]["error"]["reason"] == "truncated"
    alone = client.post("/studies", files=files[:1])
    assert (alone.status_code, alone.json()["studies"][0]["decision"]) == (422, None)
