"""Rows 1 to 15 and 28 of the matrix, each among sound radiographs: nobody else's result is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from tests.reliability import injection, made
from tests.reliability.injection import WAYS, Tried
from tests.reliability.made import KINDS, Kind

Record = Callable[[str, str], None]


@pytest.fixture(scope="module")
def tried(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    files = {kind.name: kind.make(made.radiograph(1000 + row)) for row, kind in enumerate(KINDS)}
    return injection.try_all(tmp_path_factory.mktemp("faulty"), models, files)


def marked(kind: Kind) -> object:
    return pytest.param(kind, marks=pytest.mark.reliability(kind.row), id=kind.name)


@pytest.mark.parametrize("kind", [marked(kind) for kind in KINDS])
@pytest.mark.parametrize("way", WAYS)
def test_each_kind_gets_its_verdict(tried: Tried, kind: Kind, way: str, record_property: Record) -> None:
    record_property("seen", kind.seen)
    reason, notes = tried.answers[way][f"train/fractured/{kind.name}"]
    expected = {kind.note} - {""}
    if way == "served":
        expected -= {"extension_mismatch"}  # what is sent has no name
    assert reason == kind.reason
    assert expected <= notes


SOUND = "bad files among sound ones, in `validate`, `predict` and the served model"


@pytest.mark.reliability(SOUND, "each sound one has its result")
@pytest.mark.parametrize("way", WAYS)
def test_every_sound_file_has_its_result(tried: Tried, way: str) -> None:
    assert len(tried.good) == 36
    assert {name: tried.answers[way][name].reason for name in tried.good} == dict.fromkeys(tried.good, "")


@pytest.mark.reliability(
    SOUND, "`validate` ends with 0, `predict` with 1; each refused file with path and reason"
)
def test_exit_codes_say_whether_an_answer_is_missing(tried: Tried) -> None:
    refused = {f"train/fractured/{kind.name}" for kind in KINDS if kind.reason}
    assert {way: done.code for way, done in tried.done.items()} == {"validate": 0, "predict": 1}
    errors = {name: found["error"] for name, found in tried.found["predict"].items() if "error" in found}
    assert errors.keys() == refused
    assert all(set(error) == {"reason", "detail"} and error["detail"] for error in errors.values())
    assert (
        f"predict: {len(tried.before) - len(refused)} examined, {len(refused)} refused"
        in tried.done["predict"].log
    )


@pytest.mark.reliability(SOUND, "the user's files keep their sha256")
def test_no_file_of_the_user_is_changed(tried: Tried) -> None:
    assert tried.after == tried.before
    assert len(tried.before) == 36 + len(KINDS)


@pytest.mark.reliability(11)
def test_maps_of_a_turned_radiograph_lie_in_its_upright_frame(
    tried: Tried, models: Path, tmp_path: Path
) -> None:
    names = [kind.name for kind in KINDS if kind.row == 11]
    for name in names:
        stored = Image.open(tried.root / "train/fractured" / name)
        ImageOps.exif_transpose(stored).save(tmp_path / f"{name}.png")
    injection.settle(tmp_path / "work", models, tmp_path)
    upright = json.loads(injection.command(tmp_path / "work", "predict", str(tmp_path), "--json").out)
    turned = [tried.found["predict"][f"train/fractured/{name}"] for name in names]
    assert len(upright) == len(names) == 7
    assert list(map(findings, turned)) == list(map(findings, upright))
    assert all(record["regions"] for record in turned)


def findings(record: dict[str, Any]) -> tuple[Any, ...]:
    boxes = [(region["bbox"], region["peak"]) for region in record["regions"]]
    return round(record["probability"], 4), record["decision"], boxes
