import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.commands import predict
from pipeline.files import images
from pipeline.predict import bundle


def results(config, capsys, *paths, out=None):
    code = predict.run(config, list(paths), out, as_json=True)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.reliability(
    "one bad file among those of `predict`", "a fault of that file; the others get their finding; exit code 1"
)
def test_a_faulty_file_costs_the_others_nothing(config, work, draw, capsys):
    good = draw(work / "in", [1, 2])
    bad = work / "in/cut.png"
    bad.write_bytes(good[0].read_bytes()[:-200])
    code, found = results(config, capsys, good[0], bad, work / "in/gone.png", good[1])
    assert code == 1
    assert [result["error"]["reason"] for result in found if "error" in result] == ["truncated", "vanished"]
    for result in (found[0], found[3]):
        assert set(result) == {"path", "probability", "decision", "body_part", "regions"}
        assert 0 <= result["probability"] <= 1
        assert result["decision"] == "needs review"


def test_nothing_but_json_goes_to_standard_output(work, draw, models):
    draw(work / "in", [1])
    (work / "in/bad.png").write_bytes(b"no image")
    params = yaml.safe_load((work / "params.yaml").read_text())
    params["paths"]["models"] = str(models)
    (work / "params.yaml").write_text(yaml.safe_dump(params))
    command = [sys.executable, "-m", "pipeline", "predict", "in", "--json"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert [sorted(result) for result in json.loads(ended.stdout)] == [
        ["body_part", "decision", "path", "probability", "regions"],
        ["error", "path"],
    ]
    assert "predict: 1 examined, 1 refused" in ended.stderr


def test_findings_are_the_bundles_own_and_boxes_lie_inside(config, work, draw, capsys, models):
    paths = draw(work / "in", range(3))
    code, found = results(config, capsys, *paths)
    own = bundle.load(models).predict([images.read(path).pixels for path in paths])
    assert code == 0
    assert [result["probability"] for result in found] == pytest.approx(
        [f.probability for f in own], abs=1e-5
    )
    boxes = [region["bbox"] for result in found for region in result["regions"]]
    assert boxes
    for left, top, width, height in boxes:
        assert 0 <= left < left + width <= 96
        assert 0 <= top < top + height <= 120


def test_each_region_is_described(config, work, draw, capsys):
    _, (found,) = results(config, capsys, *draw(work / "in", [1]))
    region = found["regions"][0]
    assert set(region) == {
        "bbox", "score", "operating_point", "peak", "area_share", "contour", "position",
    }  # fmt: skip
    left, top, width, height = region["bbox"]
    for column, row in [region["peak"], *region["contour"]]:
        assert left <= column < left + width
        assert top <= row < top + height
    assert region["operating_point"] == "high_specificity"
    assert 0 < region["area_share"] <= width * height / (96 * 120)
    assert region["position"]["side"] in region["position"]["words"].replace("midline", "centre")


def test_folders_are_searched_and_what_is_no_picture_is_passed_over(config, work, draw, capsys):
    draw(work / "in/a/b", [1])
    draw(work / "in", [2])
    draw(work / "in/.hidden", [3])
    (work / "in/labels.csv").write_text("path\n")
    _, found = results(config, capsys, Path("in"), Path("in/2.png"))
    assert [result["path"] for result in found] == ["in/2.png", "in/a/b/1.png"]


def test_equal_names_keep_their_own_overlays(config, work, draw, capsys):
    draw(work / "in/a", [1])
    draw(work / "in/b", [1])
    draw(work / "in/b", [1], ".jpg")
    assert results(config, capsys, Path("in"), out=work / "out")[0] == 0
    drawn = sorted(path.relative_to(work / "out").as_posix() for path in (work / "out").rglob("*.jpg"))
    assert drawn == ["overlays/a/1.png.jpg", "overlays/b/1.jpg.jpg", "overlays/b/1.png.jpg"]
    table = pd.read_csv(work / "out/predictions.csv")
    assert list(table["path"]) == ["in/a/1.png", "in/b/1.jpg", "in/b/1.png"]
    assert json.loads((work / "out/predictions.json").read_text())[0]["path"] == "in/a/1.png"


def test_an_earlier_result_is_replaced_whole(config, work, draw, capsys):
    first, second = draw(work / "in", [1, 2])
    results(config, capsys, first, out=work / "out")
    results(config, capsys, second, out=work / "out")
    assert [path.name for path in (work / "out/overlays").iterdir()] == ["2.png.jpg"]


@pytest.mark.parametrize("out", ["in", "in/..", "mine"])
@pytest.mark.reliability("`predict --out` names a folder of the user's", "F, nothing written")
def test_a_users_folder_is_never_written(config, work, draw, out):
    draw(work / "in", [1])
    draw(work / "mine", [2])
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="--out must"):
        predict.run(config, [work / "in"], work / out, as_json=True)
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before


def test_piped_output_is_one_line_a_file(config, work, draw, capsys):
    (path,) = draw(work / "in", [1])
    predict.run(config, [path, work / "gone.png"], None, as_json=False)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [[str(path), "needs review"], [str(work / "gone.png"), "refused"]]
    assert lines[1][5].startswith("vanished: ")


def test_more_files_than_a_batch_keep_their_order(config, work, draw, capsys):
    paths = draw(work / "in", range(20))
    paths[5].write_bytes(b"no image")
    _, found = results(config, capsys, *paths)
    assert [result["path"] for result in found] == list(map(str, paths))
    assert [row for row, result in enumerate(found) if "error" in result] == [5]


def test_a_negative_is_shown_set_right(config, work, models):
    loaded = bundle.load(models)
    bone = np.full((200, 160), 20, np.uint8)
    bone[30:170, 60:100] = 180
    bone[:, 75:80] += 20
    finding, inverse = loaded.predict([bone, 255 - bone])
    shown = [
        predict.draw(Path("a.png"), pixels, answer, loaded, "cividis")[:100, :100]
        for pixels, answer in ((bone, finding), (255 - bone, inverse))
    ]
    assert abs(shown[0].astype(int) - shown[1]).max() <= 2


def test_no_file_is_an_error(config, work):
    (work / "empty").mkdir()
    with pytest.raises(ValueError, match="predict needs radiographs"):
        predict.run(config, [work / "empty"], None, as_json=True)
