"""The set of planted faults with its key: `predict` and the served model say what `validate` says."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pipeline.files import outputs
from tests.reliability import injection
from tests.reliability.injection import Answer, Done, answer

SOUND = 20  # of those without a fault
FAULTS = {  # how the key begins: the reason or the note, and what is tried
    "truncated": ("truncated", "JPEGs that FracAtlas published truncated"),
    "PNG bytes named": ("extension_mismatch", "planted PNGs named .jpg"),
    "JPEG bytes named": ("extension_mismatch", "planted JPEGs named .png"),
    "GIF bytes named": ("extension_mismatch", "planted GIFs named .jpg"),
    "red arrow": ("colour_marks", "planted red arrows"),
    "100x100": ("tiny", "planted radiographs of 100 x 100"),
    "2320x2920": ("large", "planted radiographs of 2320 x 2920"),
}


@pytest.fixture(scope="module")
def key(faulty: Path) -> dict[str, str]:
    """The fault of each planted file, and of some that have none."""
    with (faulty / "faults.csv").open(encoding="utf-8") as file:
        rows = {row["path"]: row["fault"] for row in csv.DictReader(file)}
    none = [path for path, fault in rows.items() if fault == "none"][:SOUND]
    return {path: fault for path, fault in rows.items() if fault.startswith(tuple(FAULTS)) or path in none}


@pytest.fixture(scope="module")
def answers(
    faulty: Path, key: dict[str, str], models: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, dict[str, Answer]], Done]:
    folder = tmp_path_factory.mktemp("planted")
    config = injection.settle(folder / "work", models, faulty)
    files = [faulty / path for path in key]
    before = {path: outputs.sha256(path) for path in files}
    done = injection.command(folder / "work", "predict", *map(str, files), "--json")
    rows = injection.ask(injection.served_model(config, folder), files)
    assert {path: outputs.sha256(path) for path in files} == before
    predicted = [answer(record) for record in json.loads(done.out)]
    served = [answer(record) for record in rows]
    return {
        "predict": dict(zip(key, predicted, strict=True)),
        "served": dict(zip(key, served, strict=True)),
    }, done


PLANTED = [
    pytest.param(fault, code, way, marks=pytest.mark.reliability(tried, code))
    for fault, (code, tried) in FAULTS.items()
    for way in (["predict"] if code == "extension_mismatch" else ["predict", "served"])  # no name is sent
]


@pytest.mark.parametrize(("fault", "code", "way"), PLANTED)
def test_every_planted_fault_is_told(answers, key: dict[str, str], fault: str, code: str, way: str) -> None:
    found = [answers[0][way][path] for path, planted in key.items() if planted.startswith(fault)]
    assert found
    assert {code in each.notes or code == each.reason for each in found} == {True}


@pytest.mark.reliability(
    "radiographs among planted faults", "each has its result; exit code 1 says that one lacks"
)
@pytest.mark.parametrize("way", ["predict", "served"])
def test_what_has_no_fault_has_its_result(answers, key: dict[str, str], way: str) -> None:
    by_way, done = answers
    assert {by_way[way][path].reason for path, fault in key.items() if fault == "none"} == {""}
    assert done.code == 1
