"""`fracture feedback` on readings as the service keeps them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from pipeline import __main__ as command_line
from pipeline import config as settings
from pipeline.dataset import annotations, manifest
from pipeline.feedback import store
from pipeline.feedback.reading import Box, Reading
from pipeline.files import images
from pipeline.stages import validate
from tests.commands.conftest import radiograph
from tests.imports import REPOSITORY

MODEL = {"name": "current", "sha256": "0123456789ab", "learnt_from": "phantoms"}
START = datetime(2026, 11, 23, tzinfo=UTC)
SIZE = radiograph(0).shape
BOX = Box((10.0, 20.0, 30.0, 40.0), "drawn")


def said(image, fractured, *, reader="", boxes=(), decision="fracture"):
    """Keep a reading, each a minute after the one before, and return its file."""
    said.minutes += 1
    time = START + timedelta(minutes=said.minutes)
    reading = Reading(time, "", "", SIZE, MODEL, decision, 0.9, fractured, tuple(boxes), reader)
    return store.write(settings.read().feedback.folder, reading, images.encode_png(radiograph(image)))


said.minutes = 0


@pytest.fixture
def call(work):
    def run(*arguments, code=0):
        result = CliRunner().invoke(command_line.app, ["feedback", *arguments])
        assert result.exit_code == code, result.output
        return result

    return run


def settled(work, params):
    """Settings with the lines that the command prints."""
    values = yaml.safe_load((work / "params.yaml").read_text())
    values["data"] |= params
    values["validate"]["pinned_manifest"] = str(REPOSITORY / "Data/none.manifest.csv")
    (work / "params.yaml").write_text(yaml.safe_dump(values))
    return settings.read()


def left_out(folder):
    return dict(pd.read_csv(folder / "left_out.csv")[["cause", "detail"]].to_numpy().tolist())


def test_readings_become_class_folders_and_boxes(work, call):
    for image in range(14):
        said(image, image % 2 == 0, reader="A", boxes=[BOX] if image % 2 == 0 else [])
    written = json.loads(call("--out", "Data/next", "--json").stdout)["written"]
    assert written["used"] == {"radiographs": 14, "fractured": 7, "not_fractured": 7, "regions": 7}
    assert {split for split, n in written["splits"].items() if n["radiographs"]} == {"train", "val", "test"}
    drawn = annotations.read(work / "Data/next/annotations.coco.json")
    assert {regions[0].bbox for regions in drawn.regions.values()} == {BOX.bbox}
    assert all("/fractured/" in path and (work / "Data/next" / path).is_file() for path in drawn.regions)


@pytest.mark.slow
def test_validate_takes_what_is_written(work, call):
    for image in range(40):
        said(image, image % 2 == 0, reader="A", boxes=[BOX] if image % 2 == 0 else [])
    written = json.loads(call("--out", "Data/next", "--json").stdout)["written"]
    validate.run(settled(work, written["params"]))
    assert len(manifest.read(work / "Data/manifest.csv")) == 40
    assert len(annotations.read(work / "Data/annotations.coco.json").regions) == 20


@pytest.mark.reliability("two readers who differ on one radiograph", "it is left out, and both are named")
def test_a_radiograph_on_which_readers_differ_is_left_out_and_listed(work, call):
    said(0, True, reader="A")
    said(0, False, reader="B")
    said(1, True, reader="A")
    said(2, None, reader="A")
    call("--out", "next", "--train-only")
    causes = left_out(work / "next")
    assert causes["two labels or splits"] == "A: fracture, 0 boxes; B: no fracture, 0 boxes"
    assert set(causes) == {"two labels or splits", "no label"}
    assert (
        len(list((work / "next").glob("*/*/*.png")))
        == len(list((work / "next/train/fractured").iterdir()))
        == 1
    )


def test_a_reader_may_think_again(work, call):
    said(0, True, reader="A", boxes=[BOX])
    said(0, False, reader="A")
    call("--out", "next", "--train-only")
    assert len(list((work / "next/train/not fractured").iterdir())) == 1
    assert json.loads((work / "next/annotations.coco.json").read_text())["annotations"] == []


def test_boxes_on_which_readers_differ_are_left_out_and_the_label_stays(work, call):
    near, far = Box((12.0, 20.0, 30.0, 40.0), "corrected"), Box((60.0, 60.0, 20.0, 20.0), "drawn")
    for image, other in enumerate((near, far)):
        said(image, True, reader="A", boxes=[BOX])
        said(image, True, reader="B", boxes=[other])
    call("--out", "next", "--train-only")
    drawn = json.loads((work / "next/annotations.coco.json").read_text())["annotations"]
    assert [each["bbox"] for each in drawn] == [list(near.bbox)]
    assert set(left_out(work / "next")) == {"readers' boxes differ"}
    assert len(list((work / "next/train/fractured").iterdir())) == 2


@pytest.mark.reliability(
    "readings that are torn, name a file elsewhere, or whose radiograph is gone or changed",
    "each is left out with its reason; the others are used",
)
def test_a_damaged_reading_costs_the_others_nothing(work, call):
    paths = [said(image, True, reader="A") for image in range(5)]
    paths[0].write_text(paths[0].read_text()[:80])
    elsewhere = json.loads(paths[1].read_text())
    elsewhere["images"][0]["file_name"] = "/etc/hostname"
    paths[1].write_text(json.dumps(elsewhere))
    kept = [json.loads(path.read_text())["images"][0]["file_name"] for path in paths[2:]]
    (work / "feedback" / kept[0]).unlink()
    (work / "feedback" / kept[1]).write_bytes(images.encode_png(radiograph(99)))
    call("--out", "next", "--train-only")
    table = pd.read_csv(work / "next/left_out.csv")
    causes = table.loc[table["cause"] != "no label", "cause"]
    assert sorted(causes) == ["broken label file"] * 2 + ["missing file"] * 2
    assert len(list((work / "next/train/fractured").iterdir())) == 1


def test_readings_stay_as_they_are_and_a_folder_of_the_users_is_refused(work, call):
    said(0, True)
    before = {path: path.read_bytes() for path in (work / "feedback").rglob("*") if path.is_file()}
    call("--out", "next", "--train-only")
    call("--out", "next", "--train-only")  # an earlier result is replaced
    (work / "next/mine.txt").write_text("mine")
    result = CliRunner().invoke(command_line.app, ["feedback", "--out", "next"])
    assert isinstance(result.exception, ValueError)
    assert (work / "next/mine.txt").read_text() == "mine"
    assert {path: path.read_bytes() for path in (work / "feedback").rglob("*") if path.is_file()} == before


def test_without_out_it_shows_agreement_alone(work, call):
    said(0, True)
    said(1, False)
    (row,) = call().stdout.splitlines()
    assert row.split("\t") == [
        "2026-W48",
        "current 0123456789ab",
        "2",
        "2",
        "0.500",
        "0.013 to 0.987",
        "0.000",
    ]
    assert not (work / "next").exists()


def test_without_readings_it_says_where_they_come_from(work):
    result = CliRunner().invoke(command_line.app, ["feedback"])
    assert isinstance(result.exception, ValueError)
    assert "fracture serve" in str(result.exception)


def test_a_reading_that_cannot_be_opened_costs_the_others_nothing(work, call, caplog):
    said(1, True)
    folder = settings.read().feedback.folder / store.READINGS
    (folder / "20261130T000000Z-a.json").mkdir()
    (folder / "20261130T000001Z-b.json").symlink_to("nowhere")
    assert "1.000" in call().output
    for name, why in (("a", "Is a directory"), ("b", "No such file")):
        assert f"{name}.json: no sound reading: {why}" in caplog.text


def test_readings_that_say_nothing_are_told_and_none_is_an_error(work, call, caplog):
    said(1, True, decision="needs review")
    with caplog.at_level("INFO", "pipeline.commands.feedback"):
        call()
    assert "1 readings; none of an answer on which model and reader both commit" in caplog.text
    (path,) = (settings.read().feedback.folder / store.READINGS).iterdir()
    path.unlink()
    assert "needs readings" in str(call(code=1).exception)
