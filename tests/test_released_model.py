"""The model in models/released answers as it did when it was released, and says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset import names, released
from pipeline.files import images
from pipeline.predict import sealing
from tests.imports import REPOSITORY
from tests.test_main import run

MODELS = REPOSITORY / "models"
ROWS, COLUMNS = np.mgrid[:480, :400]
NOISE = np.random.default_rng(5).normal(0, 3, ROWS.shape)


def shaft(middle: float, half: float, lean: float = 0.0) -> np.ndarray:
    """A tube with a bright rim and two ends, twice ``half`` wide; ``lean`` columns to the right a row."""
    off = np.abs(COLUMNS - middle - lean * (ROWS - 240)) / half
    return np.where((off < 1) & (np.abs(ROWS - 240) < 190), 0.45 + 0.55 * off**4, 0.0)


def film(*tubes: np.ndarray) -> np.ndarray:
    """Tubes within soft tissue on a dark ground, with noise: uint8 (480, 400)."""
    tissue = 50 * np.exp(-(((COLUMNS - 200) / 130) ** 2))
    return (12 + tissue + 150 * np.maximum.reduce(tubes) + NOISE).clip(0, 255).astype(np.uint8)


def without(tube: np.ndarray, slope: float) -> np.ndarray:
    """The same with a dark line across it."""
    return np.where(np.abs(ROWS - 240 - slope * (COLUMNS - 200)) < 4, 0.0, tube)


PICTURES = {
    "shaft": film(shaft(200, 40)),
    "broken": film(without(shaft(200, 40), 0.4)),
    "two": film(shaft(150, 26), shaft(250, 30)),
    "one_of_two_broken": film(shaft(150, 26), without(shaft(250, 30), -0.3)),
    "leaning": film(shaft(200, 34, 0.3)),
}
# Probability and distance from what it learnt from, of this release. Another brings its own.
SEAL = "5d828695f975"
EXPECTED = {
    "shaft": (0.0293, 0.6052),
    "broken": (0.0410, 0.5773),
    "two": (0.0319, 0.5620),
    "one_of_two_broken": (0.0486, 0.5425),
    "leaning": (0.0344, 0.5658),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tmp_path_factory.mktemp("pictures")
    for name, pixels in PICTURES.items():
        images.write(folder / f"{name}.png", pixels)
    files = [f"{name}.png" for name in PICTURES]
    done = run(folder, "predict", *files, "--model", "released", "--json")
    assert done.returncode == 0, done.stderr
    return {Path(answer["path"]).stem: answer for answer in json.loads(done.stdout)}


def test_it_answers_as_when_it_was_released(answers) -> None:
    assert sealing.check(release())[:12] == SEAL
    for name, (probability, distance) in EXPECTED.items():
        assert answers[name]["probability"] == pytest.approx(probability, abs=0.002), name
        assert answers[name]["scope"]["score"] == pytest.approx(distance, abs=0.002), name


def test_what_is_said_of_it_is_said_of_this_seal() -> None:
    points = json.loads((release() / names.OPERATING_POINTS).read_text())
    evaluated = json.loads((release() / names.FIGURES).read_text())["evaluate"]
    for split in ("val", "test", "test_in_scope"):
        for point in ("high_sensitivity", "high_specificity"):
            assert evaluated[split][point]["threshold"] == round(points[point], 6), (split, point)
    assert SEAL in (REPOSITORY / "docs/reference/models.md").read_text()


def test_each_answer_names_it_and_drawings_get_no_decision(answers) -> None:
    for answer in answers.values():
        assert answer["model"] == {
            "name": "released fracatlas",
            "sha256": SEAL,
            "learnt_from": "1,577 radiographs of FracAtlas",
        }
        assert "thresholds_not_fitted_here" in [note["code"] for note in answer["notes"]]
        assert (answer["decision"], answer["regions"]) == ("out of scope", [])


def test_a_radiograph_of_its_test_is_answered_with_its_place(fracatlas: Path, tmp_path: Path) -> None:
    path = fracatlas / "test/fractured/IMG0002585.jpg"
    done = run(tmp_path, "predict", str(path), "--model", "released", "--json", "--out", "out")
    (answer,) = json.loads(done.stdout)
    likely = [region for region in answer["regions"] if region["score"] > 0.5]
    assert (answer["decision"], len(likely), likely) == ("fracture", 2, answer["regions"][:2])
    assert {region["operating_point"] for region in likely} == {"high_specificity"}
    assert answer["probability"] == pytest.approx(0.988, abs=0.002)
    assert (tmp_path / "out" / answer["overlay"]).is_file()


def test_it_carries_its_figures_its_making_and_its_attribution() -> None:
    folder = release()
    figures = json.loads((folder / names.FIGURES).read_text())
    made = json.loads((folder / names.RELEASE).read_text())
    auroc = figures["evaluate"]["test"]
    assert 0.5 < auroc["auroc_low"] < auroc["auroc"] < auroc["auroc_high"] < 1
    assert f"{auroc['auroc']:.3f}" in (folder / names.CARD).read_text()
    assert len(made["commit"]) == 40
    assert len(made["data.md5"]) == 32
    assert made["params"]["train"]["mask_source"] == "annotations"
    text = (folder / names.ATTRIBUTION).read_text()
    assert all(words in text for words in ("Abedeen", "10.1038/s41597-023-02432-4", "CC BY 4.0", "Changes"))
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 16 * 2**20


def test_readme_quotes_its_figures() -> None:
    figures = json.loads((release() / names.FIGURES).read_text())
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    places = [("evaluate", "test", "auroc"), ("evaluate", "test", "ece")]
    places += [
        ("region_maps", name) for name in ("pointing_game", "froc_sensitivity_1", "coco_ap_50", "coco_ap_30")
    ]
    for *above, name in places:
        values = figures
        for key in above:
            values = values[key]
        low, high = values[f"{name}_low"], values[f"{name}_high"]
        assert f"{values[name]:.3f} ({low:.3f} to {high:.3f})" in readme, name


def release() -> Path:
    folder = released.find(MODELS)
    assert folder is not None
    return folder
