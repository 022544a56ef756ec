import pandas as pd
import pytest

from pipeline.validate import pinned_splits
from tests.imports import REPOSITORY


def read(tmp_path, text):
    (tmp_path / "pinned.csv").write_text(text)
    return pinned_splits.read(tmp_path / "pinned.csv")


def test_files_that_were_not_kept_gave_nothing(tmp_path):
    given = read(tmp_path, "path,sha256,split\na,00,test\nb,00,\nc,11,\n")
    assert given.to_dict("index") == {"00": {"split": "test", "fold": ""}}


def test_none_is_a_table_without_rows():
    assert pinned_splits.read(REPOSITORY / "Data/none.manifest.csv").empty


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must name a manifest"),
        ("path,split\na,test\n", "without sha256"),
        ("sha256,split\n00,test\n00,train\n", "Received twice: 00"),
        ("sha256,split\n00,test\n11,tra", r"pinned\.csv must end with a whole line.*'11,tra'"),
        ("sha256,split\n00,test\n1.2E+20,train\n", r"pinned\.csv, line 3, sha256.*'1\.2E\+20'"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, rule):
    with pytest.raises(ValueError, match=rule):
        read(tmp_path, text)


def test_a_carriage_return_in_a_name_stays_in_its_row(tmp_path):
    assert list(read(tmp_path, "path,sha256,split\na\rb.png,00,test\nc.png,11,val\n").index) == ["00", "11"]


@pytest.mark.reliability("a pinned manifest of other files", "a warning")
def test_a_manifest_that_pins_nothing_here_is_told(tmp_path, caplog):
    pinned_splits.say(read(tmp_path, "sha256,split\n00,test\n"), {"11", "22"})
    assert "it pins 0 of 2 files that are here" in caplog.text


def test_a_missing_manifest_is_refused_with_advice(tmp_path):
    with pytest.raises(ValueError, match=r"For none: Data/none\.manifest\.csv"):
        pinned_splits.read(tmp_path / "pinned.csv")


def test_merged_groups_take_the_first_in_order_and_new_ones_nothing():
    files = pd.DataFrame({"group": ["a", "a", "a", "b"], "sha256": ["00", "11", "22", "33"]})
    given = pd.Series({"00": "test", "11": "val", "99": "train"})
    assert pinned_splits.pinned(files, given, ("train", "val", "test")).to_dict() == {"a": "val"}


def test_a_split_of_another_name_is_refused():
    files = pd.DataFrame({"group": ["a"], "sha256": ["00"]})
    with pytest.raises(ValueError, match=r"train, val\. Received: 'dev'"):
        pinned_splits.pinned(files, pd.Series({"00": "dev"}), ("train", "val"))
