"""What a model warns of stands with every answer: in JSON, in the table, on the overlay, and in `assess`."""

import json
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import assess, predict
from pipeline.examine import picture
from pipeline.files import images
from pipeline.files.faults import Note
from pipeline.predict import bundle, sealing
from pipeline.validate import intake

DETAIL = "learnt from phantoms alone"


@pytest.fixture
def warned(models, monkeypatch):
    """The bundle with a note of its own, wherever it is loaded."""
    loaded = replace(bundle.load(models), notes=(Note("knows_phantoms_only", DETAIL),))
    monkeypatch.setattr(bundle, "load", lambda *_: loaded)
    return loaded


def test_predict_and_the_served_model_say_it_with_every_answer(config, work, draw, capsys, warned, models):
    paths = draw(work / "in", [1, 2])
    predict.run(config, paths, work / "out", as_json=True)
    told = [result["notes"] for result in json.loads(capsys.readouterr().out)]
    assert [notes[-1] for notes in told] == [{"code": "knows_phantoms_only", "detail": DETAIL}] * 2
    with warnings.catch_warnings(action="ignore"):  # MLflow's, of its own type hints
        from pipeline.track import serving
    served = serving.FractureModel()
    served.load_context(SimpleNamespace(artifacts={serving.ARTIFACT: str(models)}))
    answers = served.predict(None, pd.DataFrame({"image": [path.read_bytes() for path in paths]}))
    assert [json.loads(notes) for notes in answers["notes"]] == told


def test_every_answer_names_the_model_and_what_it_learnt_from(config, work, draw, capsys, models, caplog):
    caplog.set_level("INFO")
    predict.run(config, draw(work / "in", [1]), work / "out", as_json=True)
    told = {"name": "current", "sha256": sealing.check(models)[:12], "learnt_from": "40 radiographs"}
    assert [result["model"] for result in json.loads(capsys.readouterr().out)] == [told]
    (row,) = pd.read_csv(work / "out/predictions.csv")["model"]
    assert json.loads(row) == told
    assert f"current (bundle {told['sha256']}), learnt from 40 radiographs" in caplog.text


def test_the_overlay_and_the_terminal_say_it_the_detail_once(config, work, draw, capsys, caplog, warned):
    path, other = draw(work / "in", [1, 2])
    predict.run(config, [path, other], None, as_json=False)
    rows = capsys.readouterr().out.splitlines()
    assert [row.endswith("; knows_phantoms_only") for row in rows] == [True, True]
    assert caplog.text.count(f"knows_phantoms_only: {DETAIL}") == 1
    pixels = images.read(path).pixels
    admitted, (finding,) = (
        intake.Admitted(images.Radiograph(pixels, "PNG", "L", ()), ()),
        warned.predict([pixels]),
    )
    told, plain = (
        picture.draw(path, admitted, finding, each, "cividis") for each in (warned, replace(warned, notes=()))
    )
    named = picture.draw(path, admitted, finding, replace(warned, notes=()), "cividis", "current")
    assert len(told) == len(named) > len(plain)
    assert np.array_equal(told[:400], plain[:400])


def test_assess_says_it_on_its_page_and_in_its_figures(config, work, draw, warned, capsys):
    draw(work / "in/fractured", range(6))
    draw(work / "in/not fractured", range(10, 16))
    assess.run(config, work / "in", None, work / "out", as_json=False)
    assert f"knows_phantoms_only\t{DETAIL}" in capsys.readouterr().out
    assert json.loads((work / "out/metrics.json").read_text())["notes"][0]["detail"] == DETAIL
    page = (work / "out/report.html").read_text()
    assert DETAIL in page
    assert "came with the model: current (bundle" in page
