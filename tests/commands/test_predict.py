import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.commands import predict
from pipeline.dataset import names
from pipeline.examine import picture
from pipeline.files import images
from pipeline.files.limits import Limits
from pipeline.predict import bundle, bundle_files, sealing
from pipeline.validate import intake


def results(config, capsys, *paths, out=None):
    code = predict.run(config, list(paths), out, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def admitted(pixels, *issues):
    return intake.Admitted(images.Radiograph(pixels, "PNG", "L", ()), issues)


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
        assert set(result) == {
            "path", "probability", "decision", "body_part", "regions", "region_stands_out", "notes", "scope",
            "model",
        }  # fmt: skip
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
        [
            "body_part", "decision", "model", "notes", "path", "probability", "region_stands_out", "regions",
            "scope",
        ],
        ["error", "path"],
    ]  # fmt: skip
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


def test_a_radiograph_in_which_no_region_stands_out_says_so(config, work, draw, capsys, models):
    folder = work / "asks-much"
    shutil.copytree(models, folder)
    kept, views = bundle_files.read_region_settings(folder / names.REGION_MAPS)
    bundle_files.write_region_settings(folder / names.REGION_MAPS, replace(kept, min_score=1.0), views)
    sealing.seal(folder)
    asking = config.model_copy(update={"paths": config.paths.model_copy(update={"models": folder})})
    (path,) = draw(work / "in", [1])
    _, (found,) = results(config, capsys, path)
    _, (bare,) = results(asking, capsys, path)
    assert found["region_stands_out"] is True
    assert (bare["decision"], bare["regions"], bare["region_stands_out"]) == ("needs review", [], False)
    predict.run(asking, [path], None, as_json=False)
    assert "no region stands out" in capsys.readouterr().out


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
        picture.draw(Path("a.png"), admitted(pixels), answer, loaded, "cividis")[:100, :100]
        for pixels, answer in ((bone, finding), (255 - bone, inverse))
    ]
    assert abs(shown[0].astype(int) - shown[1]).max() <= 2


def test_no_file_is_an_error(config, work):
    (work / "empty").mkdir()
    with pytest.raises(ValueError, match="predict needs radiographs"):
        predict.run(config, [work / "empty"], None, as_json=True)


def test_what_is_odd_about_a_file_reaches_json_tables_the_terminal_and_the_overlay(
    config, work, draw, capsys, models
):
    (path,) = draw(work / "in", [1])
    path = path.rename(path.with_suffix(".jpg"))
    path.write_bytes(path.read_bytes() + b"left behind")
    _, (found,) = results(config, capsys, path, out=work / "out")
    assert [note["code"] for note in found["notes"]][:2] == ["extension_mismatch", "trailing_bytes"]
    assert json.loads(pd.read_csv(work / "out/predictions.csv")["notes"][0]) == found["notes"]
    predict.run(config, [path], None, as_json=False)
    assert "trailing_bytes: 11 bytes behind the end" in capsys.readouterr().out.split("\t")[6]
    pixels, loaded = images.read(path).pixels, bundle.load(models)
    (finding,) = loaded.predict([pixels])
    odd = intake.admit(path.read_bytes(), "a.jpg", Limits()).issues
    plain, told = (
        picture.draw(path, admitted(pixels, *issues), finding, loaded, "cividis") for issues in ((), odd)
    )
    assert len(told) > len(plain)


LONG = "\N{CJK UNIFIED IDEOGRAPH-9AA8}" * 82


@pytest.mark.reliability("a name of 252 bytes, in `predict --out`", "an overlay under a shortened name")
def test_a_name_too_long_for_a_suffix_gets_a_shortened_overlay_of_its_own(config, work, draw, capsys):
    first, second = draw(work / "in/a", [1]) + draw(work / "in/b", [2])
    long = [path.rename(path.with_name(f"{LONG}.png")) for path in (first, second)]
    code, found = results(config, capsys, *long, out=work / "out")
    assert code == 0
    overlays = [result["overlay"] for result in found]
    assert len(set(overlays)) == 2
    assert all((work / "out" / overlay).is_file() for overlay in overlays)
    assert list(pd.read_csv(work / "out/predictions.csv")["overlay"]) == overlays


@pytest.mark.reliability("an overlay that cannot be written", "null in its place, all else is written")
def test_an_overlay_that_cannot_be_written_costs_nothing_else(config, work, draw, capsys, monkeypatch):
    paths = draw(work / "in", [1, 2])

    def refuse(path, pixels):
        if path.name.startswith("1"):
            raise OSError(22, "Invalid argument")
        path.write_bytes(images.encode_jpeg(pixels))

    monkeypatch.setattr(images, "write", refuse)
    code, found = results(config, capsys, *paths, out=work / "out")
    assert (code, [result["overlay"] for result in found]) == (0, [None, "overlays/2.png.jpg"])


@pytest.mark.reliability("names that begin like a formula, in tables", "`./` before them: the same file")
def test_a_name_that_begins_like_a_formula_is_none_in_the_table(config, work, draw, capsys):
    (path,) = draw(work, [1])
    path.rename(work / "=1+1.png")
    _, (found,) = results(config, capsys, Path("=1+1.png"), out=work / "out")
    assert found["path"] == "=1+1.png"
    (shown,) = pd.read_csv(work / "out/predictions.csv")["path"]
    assert (shown, Path(shown)) == ("./=1+1.png", Path("=1+1.png"))


@pytest.mark.reliability("a console that cannot print a name; terminal codes in a name", "written out")
def test_names_that_a_console_cannot_print_or_that_act_on_it_are_written_out(work, draw, models):
    (path,) = draw(work / "in", [1])
    path.rename(path.with_name("\x1b[31m\N{LATIN SMALL LETTER E WITH ACUTE}\n.png"))
    params = yaml.safe_load((work / "params.yaml").read_text())
    params["paths"]["models"] = str(models)
    (work / "params.yaml").write_text(yaml.safe_dump(params))
    command = [sys.executable, "-m", "pipeline", "predict", "in", "gone\x1b.png"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    lines = ended.stdout.decode("ascii").splitlines()
    assert [line.split("\t")[0] for line in lines] == [r"in/\x1b[31m\xe9\n.png", r"gone\x1b.png"]
    assert b"\x1b" not in ended.stdout + ended.stderr.replace(b"\x1b[?25", b"")


@pytest.mark.reliability(
    "a pipe, a loop of links, an unreadable folder among good files", "those are answered"
)
def test_what_is_no_file_costs_the_others_nothing(config, work, draw, capsys, monkeypatch, caplog):
    draw(work / "in", [1])
    os.mkfifo(work / "in/pipe.png")
    (work / "in/loop.png").symlink_to("loop.png")
    (work / "in/up").symlink_to(work)
    (work / "in/@eaDir").mkdir()
    (work / "in/archive.zip").touch()
    with caplog.at_level("INFO"):
        code, found = results(config, capsys, Path("in"), Path("in/loop.png"), out=work / "out")
    assert code == 1
    assert [result.get("error", {}).get("reason") for result in found] == [None, "unreadable", "not_a_file"]
    for passed_over in (
        "in/@eaDir (a folder that is hidden, or a system's own)",
        "in/loop.png (a link in a circle)",
        "in/up (a link to a folder that it lies in)",
        "in (no pictures by their names: archive.zip)",
    ):
        assert passed_over in caplog.text
