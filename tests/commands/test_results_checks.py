"""What lies in folders that DVC deletes before a stage runs, and whose it is."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from pipeline import config
from pipeline.commands import doctor
from pipeline.commands.checks import OK, PROBLEM, results
from pipeline.report import charts
from tests.imports import REPOSITORY

MADE = [
    "Data/shards/train-00000.tfrecord", "Data/shards/index.csv",
    "reports/validate/thumbnails/000.png", "reports/validate/thumbnails/1000.png",
    "reports/preprocess/examples/0-before.jpg", "reports/preprocess/examples/0-after.jpg",
    "reports/region_maps/overlays/confident_errors-01.jpg", "reports/region_maps/overlays/plain/hits-12.jpg",
    "reports/evaluate/figures/confusion_high_sensitivity.svg",
]  # fmt: skip
INDEXES = {
    "Data/shards/shards.json": '{\n  "index.csv": "ab",\n  "train-00000.tfrecord": "cd"\n}\n',
    "reports/validate/thumbnails/index.csv": "path,file\ntrain/not fractured/7.png,000.png\na.png,1000.png\n",
    "reports/preprocess/examples/index.csv": "path,before,after\na.jpg,0-before.jpg,0-after.jpg\n",
    "reports/region_maps/overlays/index.csv": "file,path\nconfident_errors-01.jpg,a\nhits-12.jpg,b\n",
}
FOREIGN = [
    "Data/shards/a.jpg", "Data/shards/train/fractured/a.jpg", "Data/shards/val-00003.tfrecord",
    "reports/validate/thumbnails/777.png", "reports/validate/thumbnails/7.png",
    "reports/validate/thumbnails/.mine",
    "reports/preprocess/examples/notes.md", "reports/region_maps/overlays/plain/mine.jpg",
    "reports/region_maps/overlays/hits-02.jpg", "reports/evaluate/figures/mine/roc.svg",
    "reports/evaluate/figures/Figure 1.png", "reports/evaluate/figures/mine.svg",
]  # fmt: skip


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Results of all stages, as a run leaves them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    for name in ("params.yaml", ".dvcignore"):
        put(name, (REPOSITORY / name).read_text())
    for name, content in (dict.fromkeys(MADE, "a") | INDEXES).items():
        put(name, content)
    return tmp_path


def put(name, content="a"):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content)


def found():
    return results.others(config.read())


def test_the_folders_are_those_that_dvc_removes():
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"].values()
    paths = config.read(REPOSITORY / "params.yaml").paths.model_dump()
    outs = [out for stage in stages for out in stage["outs"] if isinstance(out, str)]
    named = [Path(re.sub(r"\$\{paths\.(\w+)\}", lambda key: str(paths[key[1]]), out)) for out in outs]
    folders = {folder.path for folder in folders_of_defaults()}
    assert folders == {path for path in named if not path.suffix}


def folders_of_defaults():
    return results.folders(config.read(REPOSITORY / "params.yaml"))


def test_what_stages_wrote_is_nobody_elses(work):
    assert found().status == OK


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.reliability(
    "a file of yours in a folder of results, before make repro", "doctor refuses, names it"
)
def test_a_file_of_another_is_named_before_dvc_deletes_it(name, work, capsys):
    put(name)
    assert found().status == PROBLEM
    assert f", 1 that no stage wrote: {name}" in found().detail
    assert "radiographs into Data/{train,val,test}" in found().mend
    assert doctor.run(quick=True) == 1
    assert name in capsys.readouterr().out


def test_five_are_named_and_the_others_counted(work):
    for number in range(7):
        put(f"Data/shards/mine/{number}.jpg")
    assert found().detail.endswith(", ".join(f"Data/shards/mine/{n}.jpg" for n in range(5)) + " and 2 more")


def test_links_and_a_file_in_a_folders_place_are_told(work):
    Path("Data/shards/link").symlink_to("/etc")
    put("elsewhere/a.jpg")
    Path("reports/evaluate/figures").rename("figures")
    put("reports/evaluate/figures")
    assert found().detail.endswith("2 that no stage wrote: Data/shards/link, reports/evaluate/figures")


def test_a_link_in_a_folders_place_is_all_that_dvc_deletes(work):
    put("elsewhere/a.jpg")
    Path("reports/evaluate/figures").rename("figures")
    Path("reports/evaluate/figures").symlink_to(work / "elsewhere")
    assert found().status == OK


def test_a_fresh_clone_holds_nothing(work):
    Path("Data").rename("gone")
    Path("reports").rename("gone too")
    assert found().status == OK


@pytest.mark.reliability("folders of results after a kill: half removed, half written", "no alarm")
def test_what_kills_and_systems_leave_is_no_alarm(work):
    for index in INDEXES:
        Path(index).unlink()  # a removal began with it
    for name in (
        f".{os.getpid()}-roc.svg",
        ".4194305-old-roc.svg",
        ".gitignore",
        ".DS_Store",
        "@eaDir/roc.svg",
    ):
        put(f"reports/evaluate/figures/{name}")
    assert found().status == OK


def record(name, listed):
    """Write what DVC records of an output: its entry in the lock, and the listing in its cache."""
    out = {"path": name, "md5": "abcdef.dir"}
    put("dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": {"validate": {"outs": [out]}}}))
    put(".dvc/cache/files/md5/ab/cdef.dir", json.dumps([{"md5": "a", "relpath": each} for each in listed]))


def test_names_of_another_version_are_known_by_dvcs_listing_while_its_cache_holds_it(work):
    put("reports/validate/thumbnails/old name.png")
    record("reports/validate/thumbnails", ["000.png", "old name.png"])
    assert found().status == OK
    put("reports/validate/thumbnails/mine.png")
    assert found().detail.endswith("1 that no stage wrote: reports/validate/thumbnails/mine.png")
    Path(".dvc/cache/files/md5/ab/cdef.dir").unlink()
    assert "2 that no stage wrote" in found().detail


@pytest.mark.parametrize("lock", ["", "a: [", "stages: 3", "stages: {a: {outs: [3]}}"])
def test_a_lock_that_says_nothing_hides_nothing(lock, work):
    put("dvc.lock", lock)
    put("Data/shards/a.jpg")
    assert found().status == PROBLEM


def test_charts_are_called_as_the_stage_calls_them():
    names = charts.flat({"roc": "<svg>", "robustness": "<svg>", "confusion": ["<svg>", "<svg>"]})
    figures = results.Folder(Path("figures"), folders_of_defaults()[-1].names)
    assert all(results._is_own(Path(f"figures/{name}.svg"), figures, None) for name in names)
