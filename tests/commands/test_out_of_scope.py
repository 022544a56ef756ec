"""What a model warns of, and that a radiograph is out of scope, in JSON, on the overlay, and in `assess`."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import assess, predict
from pipeline.examine import picture
from pipeline.files import images
from pipeline.predict import bundle, scope
from pipeline.preprocess import canvas
from pipeline.validate import intake


@pytest.fixture
def narrow(models, monkeypatch):
    """The bundle to which everything is out of scope."""
    loaded = bundle.load(models)
    loaded = replace(loaded, scope=replace(loaded.scope, threshold=0.5))
    monkeypatch.setattr(bundle, "load", lambda *_: loaded)
    return loaded


@pytest.mark.reliability(
    "a radiograph unlike the training data", "`out of scope` with the reason, no regions"
)
def test_out_of_scope_stands_in_the_answer_with_its_reason(config, work, draw, capsys, narrow):
    (path,) = draw(work / "in", [1])
    predict.run(config, [path], work / "out", as_json=True)
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["decision"], found["regions"], found["scope"]["in_scope"]) == ("out of scope", [], False)
    assert found["scope"]["score"] > found["scope"]["threshold"] == 0.5
    assert isinstance(found["probability"], float)
    assert json.loads(pd.read_csv(work / "out/predictions.csv")["scope"][0]) == found["scope"]
    predict.run(config, [path], None, as_json=False)
    assert "\tout of scope\t" in (line := capsys.readouterr().out)
    assert "further from the training radiographs than 98% of validation's" in line
    assert "the nearest of these show: hand" in line


def test_an_overlay_out_of_scope_shows_the_bare_radiograph_and_says_so(draw, work, narrow):
    pixels = images.read(draw(work / "in", [1])[0]).pixels
    (finding,) = narrow.predict([pixels])
    admitted = intake.Admitted(images.Radiograph(pixels, "PNG", "L", ()), ())
    drawn = picture.draw(work / "1.png", admitted, finding, narrow, "cividis")
    shown = drawn[200:480, :384].astype(int)
    assert np.ptp(shown, axis=2).max() == 0  # grey, without colours of evidence or regions
    told = [
        picture.draw(work / "1.png", admitted, replace(finding, decision=each), narrow, "cividis")[:60]
        for each in ("needs review", "out of scope")
    ]
    assert not np.array_equal(*told)


def test_assess_gives_figures_over_those_in_scope_beside_all(config, work, draw, models, monkeypatch):
    draw(work / "in/fractured", range(6))
    draw(work / "in/not fractured", range(10, 16))
    loaded = bundle.load(models)
    every = [images.read(path).pixels for path in sorted((work / "in").rglob("*.png"))]
    bank = loaded.network(np.stack([canvas.place(pixels, loaded.preprocess)[0] for pixels in every])).features
    own = scope.fit(bank, np.full(12, ""), bank, np.ones(12))
    distance = own.score(bank)
    half = replace(loaded, scope=replace(own, threshold=float(np.sort(distance)[7:9].mean())))
    monkeypatch.setattr(bundle, "load", lambda *_: half)
    assess.run(config, work / "in", None, work / "out", as_json=True)
    figures = json.loads((work / "out/metrics.json").read_text())
    assert figures["scope"] == {"out_of_scope": pytest.approx(1 / 3), "radiographs_in_scope": 8}
    assert (figures["test"]["radiographs"], figures["test_in_scope"]["radiographs"]) == (12, 8)
    table = pd.read_csv(work / "out/predictions.csv")
    assert ((table["decision"] == "out of scope") == ~table["in_scope"]).all()
    drawn = pd.read_csv(work / "out/overlays/index.csv")
    assert "out of scope" not in set(drawn["decision"])
