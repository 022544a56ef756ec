"""The served model and `predict`, asked about the same files."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import predict
from pipeline.files import images
from tests.commands.conftest import config, draw, learnt, models, work
from tests.conftest import _shared

__all__ = ["config", "draw", "learnt", "models", "work"]

FOLDERS = ("pictures", "png-tiff-16bit", "jpeg-flips", "dicom-aborts-run", "hidden-folders")


@pytest.fixture
def model(models):
    with warnings.catch_warnings(action="ignore"):  # MLflow's, of its own type hints
        from pipeline.track import serving
    served = serving.FractureModel()
    served.load_context(SimpleNamespace(artifacts={serving.ARTIFACT: str(models)}))
    return served


def both(config, capsys, model, folder, files):
    """Each file's answer by `predict` and by the served model, in that order."""
    predict.run(config, files, None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    names = [path.relative_to(folder).as_posix() for path in files]
    answers = model.predict(None, pd.DataFrame({"image": names}), {"region_map": False})
    return zip(told, answers.to_dict("records"), strict=True)


def agree(told, answer):
    if "error" in told:
        assert (answer["decision"], answer["probability"]) == ("refused", None)
        assert (answer["reason"], answer["detail"]) == (told["error"]["reason"], told["error"]["detail"])
    else:
        assert answer["probability"] == pytest.approx(told["probability"], abs=2e-6)
        assert (answer["decision"], answer["reason"]) == (told["decision"], "")
        assert json.loads(answer["notes"]) == told["notes"]
        assert json.loads(answer["scope"]).keys() == told["scope"].keys()


@pytest.mark.reliability(
    "sound, noisy, cut and empty files, sent to `predict` and a server", "the same answers"
)
def test_the_served_model_answers_as_predict_does(config, work, draw, capsys, model, monkeypatch):
    monkeypatch.setenv("FRACTURE_IMAGES", str(work / "in"))
    files = draw(work / "in", range(3)) + draw(work / "in", [4], ".jpg")
    odd = {"cut.png": files[0].read_bytes()[:-200], "empty.png": b"", "named.jpg": files[1].read_bytes()}
    for name, data in odd.items():
        (work / "in" / name).write_bytes(data)
    images.write(
        work / "in/noise.png", np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    )
    pairs = list(both(config, capsys, model, work / "in", sorted((work / "in").iterdir())))
    assert sum("error" in told for told, _ in pairs) == 3
    for told, answer in pairs:
        agree(told, answer)


@pytest.mark.parametrize("name", FOLDERS)
def test_odd_files_get_the_same_answer_from_predict_and_the_served_model(
    config, capsys, model, monkeypatch, name
):
    folder = _shared("odd") / name
    monkeypatch.setenv("FRACTURE_IMAGES", str(folder))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for told, answer in both(config, capsys, model, folder, files):
        agree(told, answer)
