import json
import os
import subprocess
import sys

import numpy as np
import pytest

from pipeline import config as settings
from pipeline.commands import drift
from pipeline.dataset import profile
from pipeline.drift import served
from pipeline.files import images
from tests.commands.conftest import radiograph


@pytest.fixture
def config(work):
    return settings.read()


@pytest.fixture
def models(learnt, work):
    """A folder with no more of a bundle than the profile."""
    (work / "models").mkdir()
    profile.write(learnt, work / "models/profile.json")
    return work / "models"


def run(config, capsys, *paths, against, described=None, out=None):
    code = drift.run(config, list(paths), described, str(against), out, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def darken(folder):
    for path in folder.rglob("*.png"):
        images.write(path, images.read(path).pixels // 2)


def test_radiographs_of_the_same_source_are_no_drift(config, work, draw, models, capsys):
    draw(work / "new", range(30))
    code, found = run(config, capsys, work / "new", against=models)
    assert (code, found["drift"]["detected"], found["drift"]["score"]) == (0, False, 0.0)
    assert (found["current"]["groups"], found["reference"]["groups"]) == (30, 40)


@pytest.mark.parametrize(("number", "words"), [(2, "2 are too few"), (30, "with 30, a distance below about")])
def test_what_no_drift_means_is_told(config, work, draw, models, capsys, caplog, number, words):
    draw(work / "new", range(number))
    with caplog.at_level("INFO", "pipeline.commands.drift"):
        code, found = run(config, capsys, work / "new", against=models)
    assert (code, found["drift"]["detected"]) == (0, False)
    assert words in caplog.text


def test_darker_radiographs_are_drift(config, work, draw, models, capsys):
    draw(work / "new", range(30))
    darken(work / "new")
    code, found = run(config, capsys, work / "new", against=models)
    assert code == drift.DRIFTED == 3
    assert found["drift"]["score"] == found["drift"]["properties"]["brightness"]["distance"] == 1.0


def test_many_copies_of_few_radiographs_count_as_few(config, work, draw, models, capsys):
    for original in draw(work / "new", range(2)):
        for copy in range(12):
            pixels = images.read(original).pixels
            images.write(
                original.with_name(f"{original.stem}-{copy}.png"),
                np.rot90(pixels, copy).copy() + np.uint8(copy % 3),
            )
    code, found = run(config, capsys, work / "new", against=models)
    assert (found["current"]["files"], found["current"]["groups"], code) == (24, 2, 0)  # two of 26 in bytes


def test_two_radiographs_are_too_few_to_tell(config, work, draw, models, capsys):
    draw(work / "new", range(2))
    assert drift.run(config, [work / "new"], None, str(models), None, as_json=False) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("too few to tell")


def test_labels_are_compared_where_folders_give_them(config, work, draw, models, capsys):
    draw(work / "new/fractured", range(20))
    draw(work / "new/test/not fractured", range(20, 25))
    _, found = run(config, capsys, work / "new", against=models)
    assert found["current"]["fractured_share"] == 0.8
    assert found["reference"]["fractured_share"] == 0.5
    assert found["drift"]["properties"]["fractured"]["distance"] == pytest.approx(0.3)
    _, found = run(config, capsys, work / "new/fractured", against=models)
    assert "fractured" not in found["drift"]["properties"]


def test_a_profile_stands_for_its_radiographs(config, work, models, capsys):
    code, found = run(config, capsys, described=models / "profile.json", against=models / "profile.json")
    assert (code, found["drift"]["score"], found["current"]["refused"]) == (0, 0.0, 0)


def test_what_a_server_has_seen_stands_for_its_radiographs(config, work, draw, models, capsys):
    for number in range(12):
        pixels = radiograph(number) // 2
        data = images.encode_png(pixels)
        served.note(work / "seen", images.decode(data, "x.png"), len(data))
    for record in (work / "seen", next((work / "seen").iterdir())):
        code, found = run(config, capsys, described=record, against=models)
        assert (code, found["current"]["groups"]) == (drift.DRIFTED, 12)
        assert found["drift"]["properties"]["brightness"]["distance"] == 1.0


def test_faulty_files_are_counted_and_left_out(config, work, draw, models, capsys):
    path = draw(work / "new", range(12))[0]
    path.write_bytes(path.read_bytes()[:-100])
    _, found = run(config, capsys, work / "new", against=models)
    assert (found["current"]["groups"], found["current"]["refused"]) == (11, 1)


def test_the_report_shows_what_differs_and_is_repeatable(config, work, draw, models, capsys):
    draw(work / "new", range(30))
    darken(work / "new")
    _, found = run(config, capsys, work / "new", against=models, out=work / "out")
    page = (work / "out/report.html").read_bytes()
    assert json.loads((work / "out/drift.json").read_text())["drift"]["score"] == found["drift"]["score"]
    assert b"Brightness (grey levels): mostly" in page
    assert page.count(b"<img ") == 8
    assert str(work).encode() not in page
    run(config, capsys, work / "new", against=models, out=work / "out")
    assert (work / "out/report.html").read_bytes() == page


@pytest.mark.parametrize("against", ["nowhere", "new"])
def test_what_is_no_reference_is_refused(config, work, draw, against):
    draw(work / "new", [1])
    with pytest.raises(ValueError, match="--against must be"):
        drift.run(config, [work / "new"], None, against, None, as_json=True)


def test_no_file_is_an_error(config, work, models):
    (work / "empty").mkdir()
    with pytest.raises(ValueError, match="drift needs radiographs"):
        drift.run(config, [work / "empty"], None, str(models), None, as_json=True)


def test_a_profile_that_is_missing_is_told_as_such(config, work, models):
    with pytest.raises(ValueError, match=r"serve --seen.* Received: .*gone, which is missing"):
        drift.run(config, [], work / "gone", str(models), None, as_json=True)


def fracture(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "drift", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_exit_codes_tell_drift_from_errors(work, draw, models, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(drift.__file__).removesuffix("/pipeline/commands/drift.py"))
    draw(work / "new", range(12))
    darken(work / "new")
    found = fracture("new", "--against", models, "--json")
    assert (found.returncode, json.loads(found.stdout)["drift"]["detected"]) == (3, True)
    assert fracture("new", "--against", "nowhere").returncode == 1
    assert fracture().returncode == 2


@pytest.mark.reliability(
    "one bad file and a pipe among those that drift compares", "named; the others compared"
)
def test_refused_files_are_named_with_their_reasons_and_the_others_compared(
    config, work, draw, models, capsys, caplog
):
    draw(work / "new", range(30))
    (work / "new/cut.png").write_bytes((work / "new/1.png").read_bytes()[:-200])
    os.mkfifo(work / "new/pipe.png")
    code, found = run(config, capsys, work / "new", against=models)
    assert (code, found["current"]["groups"]) == (0, 30)
    assert [(each["path"].split("/")[-1], each["reason"]) for each in found["refused"]] == [
        ("pipe.png", "not_a_file"),
        ("cut.png", "truncated"),
    ]
    assert found["notes"]["tiny"] == 30
    assert "refused cut.png: truncated: " in caplog.text
