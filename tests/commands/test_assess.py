import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipeline import __main__ as command_line
from pipeline.commands import assess, folder_prediction, report_folder
from pipeline.dataset import manifest
from pipeline.files import images, outputs
from pipeline.predict import bundle
from pipeline.predict.recalibration import Targets
from pipeline.validate import external


@pytest.fixture
def folder(work, draw):
    """Six radiographs of either class, a faulty one, a byte copy and a mirror image."""
    root = work / "elsewhere"
    fractured, _ = draw(root / "fractured", range(6)), draw(root / "not fractured", range(10, 16))
    (root / "fractured/cut.png").write_bytes(fractured[0].read_bytes()[:-200])
    (root / "fractured/same.png").write_bytes(fractured[1].read_bytes())
    mirrored = np.ascontiguousarray(images.read(fractured[2]).pixels[:, ::-1])
    images.write(root / "fractured/mirrored.png", mirrored)
    return root


def coco(path, *names):
    pictures = [{"id": 70 + n, "file_name": name, "height": 120, "width": 96} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": 70 + n, "bbox": [10, 20, 30, 40]} for n in range(len(names))]
    path.write_text(json.dumps({"images": pictures, "annotations": boxes}))
    return path


def test_metrics_have_the_keys_of_evaluate_and_region_maps(config, work, folder, capsys):
    drawn = coco(work / "drawn.json", "fractured/0.png", "fractured/3.png")
    assess.run(config, folder, drawn, work / "out", as_json=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads((work / "out/metrics.json").read_text())
    assert [figures[name] for name in ("files", "kept", "redundant", "quarantined")] == [15, 13, 1, 1]
    assert [figures["test"][name] for name in ("radiographs", "groups", "fractured")] == [13, 12, 7]
    names = ("auroc", "average_precision", "brier_score", "ece", "accuracy", "loss", "group_auroc")
    assert {f"{name}{end}" for name in names for end in ("", "_low", "_high")} <= set(figures["test"])
    assert set(figures["test"]["high_sensitivity"]) == {
        "threshold",
        "sensitivity",
        "specificity",
        "ppv",
        "npv",
        "target",
        "groups",
        "groups_correct",
        "guaranteed_sensitivity",
        "more_groups_needed",
    }
    located = {"annotated", "pointing_game", "pointing_game_center", "energy_in_box", "max_box_acc"}
    asked = {"deletion_auc", "insertion_auc", "erase_drop", "alone_auroc", "randomization_correlation"}
    assert located | asked | {"calibration", "map_threshold"} <= set(figures)
    assert figures["annotated"] == 2


def test_radiographs_of_one_patient_count_together_and_others_are_said_to_stand_alone(
    config, work, folder, capsys
):
    named = {f"fractured/{n}.png": "p1" for n in range(5)} | {f"not fractured/{n}.png": "" for n in (10, 11)}
    table = pd.DataFrame({"path": [*named], "patient_id": [*named.values()]})
    table.to_csv(work / "labels.csv", index=False)
    assess.run(config, folder, None, work / "out", as_json=False, table=work / "labels.csv")
    figures = json.loads((work / "out/metrics.json").read_text())
    assert [figures["test"][name] for name in ("radiographs", "groups")] == [13, 8]
    assert figures["test"]["high_sensitivity"]["groups"] == 2
    assert figures["without_patient"] == 7
    assert "without_patient\t7 of 13: each counts as a patient of its own" in capsys.readouterr().out
    assert "No label tells the patient or exam of 7 of these" in (work / "out/report.html").read_text()


def test_radiographs_that_were_learnt_from_are_told_on_page_and_terminal(config, work, folder, capsys):
    data = (folder / "fractured/2.png").read_bytes()
    row = dict.fromkeys(manifest.COLUMNS, "") | {
        "path": "a", "published_split": "val", "split": "val", "fractured": True, "status": "kept",
        "sha256": hashlib.sha256(data).hexdigest(), "height_px": 1, "width_px": 1, "sampling_weight": 1.0,
    }  # fmt: skip
    manifest.write(pd.DataFrame([row]).astype(manifest.COLUMNS), config.paths.manifest)
    assess.run(config, folder, None, work / "out", as_json=False)
    figures = json.loads((work / "out/metrics.json").read_text())
    assert (figures["seen_before"], figures["thresholds_hold"]) == (1, False)
    assert [figures[part]["radiographs"] for part in ("test", "test_unseen")] == [13, 11]
    assert "seen_before\t1 of 13: the figures flatter; " in capsys.readouterr().out
    page = (work / "out/report.html").read_text()
    assert "The model learnt from <strong>1</strong> of them" in page
    assert "Nothing was chosen" not in page


def test_the_command_takes_a_table_of_labels(work, folder, monkeypatch):
    given = {}
    monkeypatch.setattr(assess, "run", lambda *_, **named: given.update(named))
    result = CliRunner().invoke(command_line.app, ["assess", str(folder), "--labels", "labels.csv"])
    assert (result.exit_code, given["table"]) == (0, Path("labels.csv"))


def test_what_is_guaranteed_is_held_against_the_targets_of_the_bundle(
    config, work, folder, models, monkeypatch
):
    asked = {}
    for told in (Targets(0.8, 0.7), None):
        loaded = replace(bundle.load(models), targets=told)
        monkeypatch.setattr(bundle, "load", lambda *_, loaded=loaded: loaded)
        assess.run(config, folder, None, work / f"out-{told is None}", as_json=True)
        test = json.loads((work / f"out-{told is None}/metrics.json").read_text())["test"]
        asked[told] = (test["high_sensitivity"]["target"], test["high_specificity"]["target"])
    own = (config.evaluate.high_sensitivity, config.evaluate.high_specificity)
    assert asked == {Targets(0.8, 0.7): (0.8, 0.7), None: own}


def test_the_report_is_complete_and_the_folder_is_left_alone(config, work, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assess.run(config, folder, None, None, as_json=False)
    report = work / "reports/assess/elsewhere"
    assert {path.name for path in report.iterdir()} == set(assess._OUTPUTS)
    assert "elsewhere" in (report / "report.html").read_text()
    issues = pd.read_csv(report / "issues.csv").query("severity == 'quarantined' or issue == 'byte_copy'")
    assert sorted(zip(issues["path"], issues["issue"], strict=True)) == [
        ("fractured/cut.png", "truncated"),
        ("fractured/same.png", "byte_copy"),
    ]
    assert "pointing_game" not in json.loads((report / "metrics.json").read_text())
    known = {image["id"] for image in json.loads((report / "annotations.coco.json").read_text())["images"]}
    found = json.loads((report / "regions.coco.json").read_text())
    assert found
    assert {result["image_id"] for result in found} <= known
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.reliability(
    "`assess` of a second folder of the same name", "a report of its own, and it is said"
)
@pytest.mark.reliability("a file vanishes in mid-`assess`", "left out by name; the others are scored")
def test_a_file_that_vanishes_is_left_out(config, work, folder, monkeypatch):
    check = external.check

    def then_lose(*arguments):
        checked = check(*arguments)
        (folder / "not fractured/11.png").unlink()
        return checked

    monkeypatch.setattr(external, "check", then_lose)
    assess.run(config, folder, None, work / "out", as_json=True)
    figures = json.loads((work / "out/metrics.json").read_text())
    assert [figures[name] for name in ("kept", "quarantined")] == [12, 2]
    issues = pd.read_csv(work / "out/issues.csv")[["path", "issue"]].to_numpy().tolist()
    assert ["not fractured/11.png", "vanished"] in issues


@pytest.mark.reliability(
    "all files vanish after `assess` has read them", "the same figures; overlays are told"
)
def test_what_was_read_once_may_vanish(config, work, folder, monkeypatch, caplog):
    drawn = coco(work / "drawn.json", "fractured/0.png", "fractured/3.png")
    assess.run(config, folder, drawn, work / "before", as_json=True)
    predict = folder_prediction.predict_folder

    def then_lose(*arguments):
        found = predict(*arguments)
        shutil.rmtree(folder)
        return found

    monkeypatch.setattr(folder_prediction, "predict_folder", then_lose)
    assess.run(config, folder, drawn, work / "out", as_json=True)
    for name in ("metrics.json", "predictions.csv", "methods.csv", "issues.csv"):
        assert (work / "out" / name).read_bytes() == (work / "before" / name).read_bytes()
    assert pd.read_csv(work / "out/overlays/index.csv").empty
    assert "overlays: not drawn: " in caplog.text
    assert (work / "out/report.html").is_file()


def test_another_folder_of_the_same_name_keeps_the_first_report(config, work, folder, caplog):
    (work / "b").mkdir()
    other = shutil.copytree(folder, work / "b" / folder.name)
    (config.paths.report("assess") / folder.name).mkdir(parents=True)
    own = [report_folder.of_assessment(config, folder)]
    outputs.write_json(own[0] / report_folder.SOURCE, {"sha256": report_folder.digest(folder)})
    with caplog.at_level("INFO"):
        own += [report_folder.of_assessment(config, root) for root in (other, folder)]
    assert [path.name for path in own] == ["elsewhere", "elsewhere-2", "elsewhere"]
    assert "holds the report of another folder" in caplog.text
