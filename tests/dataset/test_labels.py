import pandas as pd
import pytest

from pipeline.dataset import labels


def read(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    return labels.read(tmp_path / "labels.csv", {"a.jpg", "b.jpg"})


def test_user_columns_are_text_by_path(tmp_path):
    table, issues = read(tmp_path, "path,patient_id,hand\nb.jpg,007,1\n")
    assert table.loc["b.jpg"].to_dict() == {"patient_id": "007", "hand": "1"}
    assert table.loc["a.jpg"].to_dict() == {"patient_id": "", "hand": ""}
    assert issues == []


def test_unknown_files_and_reserved_columns_are_issues(tmp_path):
    table, issues = read(tmp_path, "path,split,hand\nc.jpg,train,1\n")
    assert list(table) == ["hand"]
    assert [issue.issue for issue in issues] == ["label_reserved_column", "label_unknown_file"]


@pytest.mark.parametrize(
    ("text", "rule"), [("", "column `path`"), ("name\na\n", "column `path`"), ("path\na\na\n", "once")]
)
def test_other_tables_are_refused(tmp_path, text, rule):
    with pytest.raises(ValueError, match=rule):
        read(tmp_path, text)


def test_a_missing_file_is_refused_with_advice(tmp_path):
    with pytest.raises(ValueError, match=r"none\.csv"):
        labels.read(tmp_path / "labels.csv", set())


def test_a_table_without_rows_means_none(tmp_path):
    assert read(tmp_path, "path\n")[0].shape == (2, 0)


def test_user_columns_are_found_again():
    frame = pd.DataFrame(
        {"path": ["a"], "split": ["test"], "hand": [1], "patient_id": ["007"], "shard": ["s"]}
    )
    columns = labels.user_columns(frame, besides=["shard"])
    assert columns.to_dict("list") == {"hand": ["1"]}
