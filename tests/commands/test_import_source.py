"""`fracture import` as a user calls it: exit codes, the table, the lines for params.yaml."""

import yaml

from tests.importing import sources
from tests.test_main import run


def test_it_ends_with_a_table_and_lines_for_params_yaml(tmp_path):
    sources.folders(tmp_path / "source")
    sources.draw(tmp_path / "source/odd.png", 9)
    words = ["--fractured", "broken", "--not-fractured", "intact bone"]
    done = run(tmp_path, "import", "folders", "source", "--out", "Data/ours", *words)
    table, _, params = done.stdout.partition("\n\n")
    assert done.returncode == 0
    assert [line.split("\t")[:4] for line in table.splitlines()] == [
        ["found", "25", "", ""],
        ["used", "24", "12", "12"],
        ["train", "8", "4", "4"],
        ["val", "8", "4", "4"],
        ["test", "8", "4", "4"],
        ["left out: no label", "1", "", ""],
    ]
    data = {
        "root": "Data/ours",
        "annotations": "Data/ours/annotations.coco.json",
        "labels": "Data/ours/labels.csv",
    }
    assert yaml.safe_load(params) == {"data": data}
    assert "left out odd.png: no label: nothing says what it shows" in done.stderr


def test_nothing_to_use_ends_with_1_and_an_unknown_kind_with_2(tmp_path):
    sources.yolo(tmp_path / "source")
    for path in (tmp_path / "source").glob("*/labels/*.txt"):
        sources.text(path, "9 0.5 0.5 0.1 0.1\n")
    done = run(tmp_path, "import", "yolo", "source", "--out", "ours")
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert "import yolo must find a radiograph that can be used." in last
    assert "with 24 pictures: class unknown 48" in last
    assert not (tmp_path / "ours").exists()
    assert run(tmp_path, "import", "zip", "source", "--out", "ours").returncode == 2
    assert run(tmp_path, "import", "yolo", "gone", "--out", "ours").returncode == 1


def test_an_option_that_a_kind_does_not_know_is_refused(tmp_path):
    sources.folders(tmp_path / "source")
    for option in (["--labels", "table.csv"], ["--background"], ["--label-column", "seen"]):
        done = run(tmp_path, "import", "folders", "source", "--out", "ours", *option)
        assert done.returncode == 2
        assert f"Invalid value for {option[0]}: it acts on" in done.stderr
        assert "Received: folders" in done.stderr
    done = run(tmp_path, "import", "feedback", "source", "--out", "ours", "--fractured", "broken")
    assert (done.returncode, (tmp_path / "ours").exists()) == (2, False)
