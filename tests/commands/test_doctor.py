import json
import sys

import pytest
import yaml

from pipeline.commands import checks, doctor
from pipeline.commands.checks import machine


@pytest.fixture
def found(work, monkeypatch, capsys):
    """Return a function that runs the doctor, without starting TensorFlow, and gives its checks by name."""
    monkeypatch.setattr(machine, "tensorflow", lambda: checks.Check("tensorflow", checks.OK, "not asked"))
    monkeypatch.setattr(machine, "packages", lambda: checks.Check("packages", checks.OK, "not asked"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (work / ".dvc").mkdir()

    def run():
        code = doctor.run(as_json=True)
        return code, {check["name"]: check for check in json.loads(capsys.readouterr().out)}

    return run


def change(work, section, **values):
    params = yaml.safe_load((work / "params.yaml").read_text())
    params[section] |= values
    (work / "params.yaml").write_text(yaml.safe_dump(params))


def test_a_fresh_repository_has_warnings_that_name_the_way(found):
    _, checks_by_name = found()
    assert {name: checks_by_name[name]["mend"] for name in ("radiographs", "bundle")} == {
        "radiographs": "dvc repro",
        "bundle": "dvc repro",
    }
    assert checks_by_name["params.yaml"]["status"] == "ok"
    assert checks_by_name["mlflow"]["status"] == "ok"


def test_a_bad_setting_is_named(found, work):
    change(work, "train", bacth_size=3)
    code, checks_by_name = found()
    assert code == 1
    assert "train.bacth_size is no setting" in checks_by_name["params.yaml"]["detail"]
    assert "bundle" not in checks_by_name


def test_a_lost_bundle_is_a_problem(found, work):
    (work / "dvc.lock").write_text("stages: {region_maps: {outs: [{path: models/bundle.json}]}}")
    code, checks_by_name = found()
    assert (code, checks_by_name["bundle"]["status"]) == (1, "problem")
    assert checks_by_name["bundle"]["mend"] == "dvc checkout, or dvc repro"


def test_a_changed_bundle_is_a_problem(found, work, models):
    (work / "copy").mkdir()
    for path in models.iterdir():
        (work / "copy" / path.name).write_bytes(path.read_bytes())
    change(work, "paths", models="copy")
    assert found()[1]["bundle"]["status"] == "ok"
    (work / "copy/region_maps.json").write_text("{}")
    assert "region_maps.json" in found()[1]["bundle"]["detail"]


def test_empty_class_folders_are_named(found, work, draw):
    draw(work / "mine/train/fractured", [1])
    change(work, "data", root="mine")
    check = found()[1]["radiographs"]
    assert check["status"] == "problem"
    assert "test/fractured" in check["detail"].partition("without")[2]
    assert "train/fractured" not in check["detail"].partition("without")[2].split(", ")


def test_nobody_is_told_to_put_radiographs_among_phantoms(found, work):
    (work / ".phantoms").mkdir(parents=True)
    assert found()[1]["radiographs"]["mend"] == "dvc repro"


def test_missing_labels_are_named(found, work):
    change(work, "data", root="mine", labels="mine.csv")
    assert "mine.csv" in found()[1]["annotations and labels"]["detail"]


@pytest.mark.parametrize(
    ("weights", "status"), [("package", "ok"), ("gone.pth", "problem"), ("random", "warning")]
)
def test_weights_are_looked_for(found, work, weights, status):
    change(work, "train", weights=weights)
    assert found()[1]["weights"]["status"] == status


def test_a_store_that_is_no_database_is_a_warning(found, work):
    (work / "mlflow.db").write_text("no database at all, whatever its name says")
    assert found()[1]["mlflow"]["status"] == "warning"


def test_a_check_that_breaks_costs_one_line(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    code, checks_by_name = found()
    assert code == 1
    assert "could not be checked" in checks_by_name["memory"]["detail"]
    assert checks_by_name["memory"]["mend"].startswith("Install again: pip")
    assert checks_by_name["disk"]["status"] != "problem"


def test_packages_below_their_floor_are_named(work):
    text = '[project]\ndependencies = ["numpy>=99", "no-such-package>=1", "pydantic>=2"]\n'
    (work / "pyproject.toml").write_text(text)
    check = machine.packages()
    assert check.status == "problem"
    assert "numpy>=99" in check.detail
    assert "no-such-package>=1 (here: none)" in check.detail
    assert "pydantic" not in check.detail


def test_a_reader_gets_a_line_a_check(found, capsys):
    doctor.run()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.split("\t")[0] in ("ok", "warning", "problem") for line in lines)
    assert len(lines) == 22
