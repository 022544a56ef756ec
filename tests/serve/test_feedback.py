"""Readings sent to the service: kept as they were meant, or refused with a reason and no trace."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

from pipeline.feedback import reading as readings
from pipeline.feedback import store
from pipeline.files import images
from pipeline.serve import app as apps
from tests.serve import stub

with warnings.catch_warnings(action="ignore"):  # Starlette's, of the httpx that it still takes
    from starlette.testclient import TestClient

PNG = images.encode_png(stub.phantom())
BOX = {"bbox": [20.0, 30.5, 40.0, 25.0], "origin": "drawn"}
SEEN = {"decision": "fracture", "model": stub.TOLD["sha256"]}
READING = {"fractured": True, "boxes": [BOX], "reader": "Dr. A", **SEEN}


@pytest.fixture(scope="module")
def answers():
    return stub.Answers()


def client_of(params, answers, **values):
    changes = {"feedback": params.feedback.model_copy(update=values)}
    changes["run"] = params.run.model_copy(update={"workers": 1})
    config = params.model_copy(update=changes)
    app = apps.create(config, stub.bundle(params, answers), stub.TOLD)
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def client(params, answers, place):
    made = client_of(params, answers, folder=place / "feedback")
    yield made
    made.app.state.service.examiner.close()


@pytest.fixture
def folder(place):
    """Where readings are kept; nothing is there yet."""
    shutil.rmtree(place / "feedback", ignore_errors=True)
    return place / "feedback"


def send(client, values, data=PNG, name="a.png"):
    text = values if isinstance(values, str) else json.dumps(values)
    return client.post("/feedback", files={"file": (name, data)}, data={"reading": text})


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_reading_is_kept_as_coco_with_the_bytes_that_were_sent(client, folder):
    answer = send(client, READING)
    assert answer.status_code == 201
    values = json.loads((folder / f"readings/{answer.json()['stored']}.json").read_text())
    digest = hashlib.sha256(PNG).hexdigest()
    (image,), (drawn,) = values["images"], values["annotations"]
    height, width = stub.phantom().shape
    assert image == {
        "id": 1,
        "file_name": f"images/{digest}.png",
        "height": height,
        "width": width,
        "sha256": digest,
    }
    assert (folder / image["file_name"]).read_bytes() == PNG
    assert (drawn["bbox"], drawn["area"], drawn["origin"], drawn["image_id"]) == (
        BOX["bbox"],
        1000.0,
        "drawn",
        1,
    )
    info = values["info"]
    assert (info["reader"], info["verdict"], info["decision"], info["model"]) == (
        "Dr. A",
        "agree",
        "fracture",
        stub.TOLD,
    )
    assert info["probability"] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-6)


@pytest.mark.parametrize(
    ("decision", "fractured", "verdict"),
    [
        ("fracture", False, "disagree"),
        ("no finding", False, "agree"),
        ("no finding", True, "disagree"),
        ("no finding", None, ""),
        ("needs review", True, ""),
        ("out of scope", False, ""),
    ],
)
def test_the_verdict_follows_from_what_both_say(client, folder, answers, decision, fractured, verdict):
    with answers.saying(decision):
        answer = send(client, READING | {"decision": decision, "fractured": fractured, "boxes": []})
    ((_, kept),) = store.read(folder)
    assert answer.status_code == 201
    assert (kept.verdict, kept.fractured) == (verdict, fractured)


def test_what_is_written_reads_back_equal(client, folder):
    send(client, READING)
    ((path, kept),) = store.read(folder)
    assert json.loads(path.read_text()) == readings.as_coco(kept)


def test_the_folder_of_patients_pictures_is_for_its_user_alone_where_the_service_makes_it(client, folder):
    assert send(client, READING).status_code == 201
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o750)
    assert send(client, READING).status_code == 201
    assert folder.stat().st_mode & 0o777 == 0o750


@pytest.mark.reliability(
    "a name that is a path, and a reader's name with control characters, sent to `/feedback`",
    "the file is named by its hash, inside the folder; the characters are dropped",
)
def test_no_name_of_a_client_becomes_a_path(client, folder, place):
    send(client, READING | {"reader": "../x\n\x1b[2J"}, name="../../evil.png")
    assert {path.split("/")[0] for path in files(place)} == {"feedback"}
    assert [path.split("/")[0] for path in files(folder)] == ["images", "readings"]
    ((_, kept),) = store.read(folder)
    assert kept.reader == "../x[2J"


def test_one_radiograph_read_twice_is_kept_once(client, folder):
    for fractured in (True, False):
        send(client, READING | {"fractured": fractured, "boxes": []})
    assert [path.split("/")[0] for path in files(folder)] == ["images", "readings", "readings"]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"model": "another"}, 409, "model_changed"),
        ({"decision": "no finding"}, 409, "answer_changed"),
        ({"fractured": False}, 400, "bad_request"),
        ({"fractured": "yes"}, 400, "bad_request"),
        ({"more": 1}, 400, "bad_request"),
        ({"reader": "a" * 101}, 400, "bad_request"),
        ({"boxes": [BOX] * 51}, 400, "bad_request"),
        ({"boxes": [BOX | {"bbox": [190, 0, 300, 5]}]}, 400, "bad_request"),
        ({"boxes": [BOX | {"bbox": [0, 0, -1, 5]}]}, 400, "bad_request"),
        ({"boxes": [BOX | {"bbox": [0, 0, float("inf"), 5]}]}, 400, "bad_request"),
        ({"boxes": [BOX | {"bbox": [0, 0, 1e308, 1e308]}]}, 400, "bad_request"),
        ({"boxes": [BOX | {"bbox": [10, 10, 1e-320, 5]}]}, 400, "bad_request"),
        ({"boxes": [BOX | {"bbox": [-1, 20, 1.5, 5]}]}, 400, "bad_request"),
        ({"boxes": [BOX | {"origin": "elsewhere"}]}, 400, "bad_request"),
    ],
)
@pytest.mark.reliability(
    "a reading with wrong values, or of another model's answer", "refused; nothing is kept"
)
def test_a_wrong_reading_leaves_nothing(client, folder, change, status, reason):
    answer = send(client, READING | change)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
    assert not folder.exists()


def test_a_box_that_passes_the_edge_by_rounding_is_cut_there(client, folder):
    height, width = stub.phantom().shape
    boxes = [BOX | {"bbox": [-0.5, -1.0, width + 1, height + 2]}]
    assert send(client, READING | {"boxes": boxes}).status_code == 201
    ((_, kept),) = store.read(folder)
    assert [box.bbox for box in kept.boxes] == [(0.0, 0.0, width, height)]


def test_a_reading_may_come_as_a_file_of_its_own(client, folder):
    parts = {"file": ("a.png", PNG), "reading": ("reading.json", json.dumps(READING))}
    assert client.post("/feedback", files=parts).status_code == 201
    twice = [("file", ("a.png", PNG)), *parts.items()]
    assert client.post("/feedback", files=twice).status_code == 413
    twice = [("file", ("a.png", PNG)), ("file", ("b.png", PNG))]
    assert client.post("/feedback", files=twice, data={"reading": "{}"}).status_code == 400
    assert len(files(folder)) == 2


@pytest.mark.parametrize(("data", "reason"), [(PNG[:-60], "truncated"), (b"no picture", "not_an_image")])
def test_a_file_that_is_no_radiograph_is_not_kept(client, folder, data, reason):
    answer = send(client, READING, data)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, reason)
    assert not folder.exists()


def test_a_form_without_a_file_or_a_reading_is_refused(client, folder):
    for parts in (
        {"files": {"file": ("a.png", PNG)}},
        {"files": {"other": b""}},
        {"data": {"reading": "{}"}},
    ):
        assert client.post("/feedback", **parts).status_code == 400
    assert send(client, "{").status_code == 400
    assert not folder.exists()


@pytest.mark.reliability("a full disk while a reading is kept", "refused as such; neither file stays")
def test_a_reading_is_kept_whole_or_not_at_all(client, folder, monkeypatch):
    def full(path, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.outputs, "write_exact_json", full)
    assert send(client, READING).json()["error"]["reason"] == "no_space"
    assert files(folder) == []


def test_a_service_that_keeps_nothing_says_so(params, answers, folder):
    client = client_of(params, answers, folder=folder, store=False)
    assert client.get("/feedback").json() == {"stored": False}
    assert send(client, READING).status_code == 403
    assert not folder.exists()


def test_examples_are_drawn_alike_each_time_and_are_radiographs_to_the_service(client):
    listed = client.get("/examples").json()["examples"]
    assert all(each["drawn"] for each in listed)
    for each in listed:
        data = client.get(f"/examples/{each['name']}").content
        assert Image.open(io.BytesIO(data)).format == "PNG"
        (result,) = client.post("/predict", files={"file": (each["name"], data)}).json()["results"]
        assert "decision" in result
    assert client.get("/examples/none.png").status_code == 404
