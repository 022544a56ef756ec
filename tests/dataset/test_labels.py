import logging

import pandas as pd
import pytest

from pipeline.dataset import labels
from pipeline.evaluate import findings
from pipeline.preprocess import shards

PATHS = (
    "train/fractured/ä 1.jpg",
    "train/not fractured/2.JPG",
    "val/fractured/3.jpg",
    "test/fractured/4.png",
)


def read(tmp_path, text, paths=("a.jpg", "b.jpg")):
    (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return labels.read(tmp_path / "labels.csv", set(paths))


def test_user_columns_are_text_by_path(tmp_path):
    table, issues, _ = read(tmp_path, "path,patient_id,hand\nb.jpg,007,1\n")
    assert table.loc["b.jpg"].to_dict() == {"patient_id": "007", "hand": "1"}
    assert table.loc["a.jpg"].to_dict() == {"patient_id": "", "hand": ""}
    assert issues == []


def test_unknown_files_and_reserved_columns_are_issues(tmp_path):
    table, issues, figures = read(tmp_path, "path,split,hand\nc.jpg,train,1\na.jpg,val,1\n")
    assert list(table) == ["hand"]
    assert [issue.issue for issue in issues] == ["label_reserved_column", "label_unknown_file"]
    assert figures == {"labels_rows": 2, "labels_joined": 1}


def test_a_study_is_known_by_its_uid_where_its_order_has_a_number_too(tmp_path):
    rows = "path,AccessionNumber,StudyInstanceUID\na.jpg,17,1.2.3\nb.jpg,17,1.2.4\n"
    table, _, _ = read(tmp_path, rows)
    assert table.to_dict("list") == {"AccessionNumber": ["17", "17"], "study_id": ["1.2.3", "1.2.4"]}
    table, _, _ = read(
        tmp_path, rows.replace(",StudyInstanceUID", "").replace(",1.2.3", "").replace(",1.2.4", "")
    )
    assert table.to_dict("list") == {"study_id": ["17", "17"]}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "column `path`.*empty"),
        ("name\na\n", r"\(data\.labels, or --labels\).* column `path`"),
        ("path,x\na.jpg,1\na.jpg,2\n", r"once.*a\.jpg: in line 2 {'x': '1'}, in line 3 {'x': '2'}"),
        ("path,x\na.jpg,1\nb.jpg\n", r"labels\.csv, line 3: a row must have 2 cells"),
        ("path,x\na.jpg,1\nb.jpg,1,2\n", r"labels\.csv, line 3: a row must have 2 cells"),
        ('path,x\na.jpg,"1\n', r"labels\.csv, line 2: .*quotes"),
        ("path,x,x\na.jpg,1,2\n", "a column once.*'x'"),
        ("path,patient_id,Patient ID\na.jpg,1,2\n", "one column for patient_id.*'Patient ID'"),
        ("file_name,image\na.jpg,1\n", "one column for path.*'file_name' and 'image'"),
        (b"path\na\0.jpg\n", "NUL bytes"),
        ("path\na.jpg\n".encode("utf-16-le"), "NUL bytes"),
        ("path,x\na.jpg,\u043a\u043e\u0441\u0442\u044c\n".encode("cp1251"), r"line 2.*UTF-8"),
        ("path,x\na.jpg,\u624b\u9996\n".encode("shift-jis"), r"line 2.*UTF-8"),
        ("path,x\nc.jpg,1\nd.jpg,2\n", r"0 of 2 rows matched.*'c\.jpg'; a file without one: 'a\.jpg'"),
    ],
)
@pytest.mark.reliability(
    "a table of labels that is torn, or names no file", "an error with file, line and mend"
)
def test_other_tables_are_refused(tmp_path, text, rule):
    with pytest.raises(ValueError, match=rule) as refused:
        read(tmp_path, text)
    assert "labels.csv" in str(refused.value)


def test_a_missing_file_or_a_folder_is_refused_with_advice(tmp_path):
    for path, cause in ((tmp_path / "labels.csv", "Received"), (tmp_path, "a folder")):
        with pytest.raises(ValueError, match=rf"{cause}.*none\.csv"):
            labels.read(path, set())


def test_a_table_without_rows_means_none(tmp_path):
    assert read(tmp_path, "path\n").table.shape == (2, 0)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(PATHS, id="as given"),
        pytest.param([f"./{path}".replace("/", "\\") for path in PATHS], id="backslashes"),
        pytest.param([f"C:\\My Data\\{path}".replace("/", "\\") for path in PATHS], id="drive"),
        pytest.param([f"/home/x/{path}" for path in PATHS], id="absolute"),
        pytest.param([path.replace("ä ", "a\u0308%20") for path in PATHS], id="percent and unicode"),
        pytest.param([path.upper() for path in PATHS], id="letter case"),
        pytest.param([path.rsplit(".", 1)[0] for path in PATHS], id="no suffix"),
        pytest.param([path.rsplit(".", 1)[0] + ".dcm" for path in PATHS], id="another suffix"),
        pytest.param([path.rsplit("/", 1)[1] for path in PATHS], id="base names"),
        pytest.param([path.split("/", 1)[1] for path in PATHS], id="below the split"),
    ],
)
@pytest.mark.reliability("paths of labels written in other ways", "joined by one rule")
def test_paths_in_other_words_join(tmp_path, names):
    rows = "".join(f'"{name}",{row}\n' for row, name in enumerate(names))
    table = read(tmp_path, f"path,row\n{rows}", PATHS).table
    assert table.loc[list(PATHS), "row"].tolist() == ["0", "1", "2", "3"]


@pytest.mark.reliability("base names that two files share", "never guessed; told apart by split and class")
def test_names_of_several_files_are_not_guessed(tmp_path):
    paths = (
        "train/fractured/1.png",
        "test/fractured/1.png",
        "test/fractured/2.png",
        "test/not fractured/3.png",
    )
    table, issues, _ = read(tmp_path, "path,x\n1.png,a\n2.png,b\n3.png,c\n", paths)
    assert table["x"].to_dict() == dict(zip(sorted(paths), ["", "b", "c", ""], strict=True))
    assert [issue.path for issue in issues] == ["1.png"]
    told = "image,split,fractured,x\n1.png,train,1,a\n1.png,test,1,d\n2.png,test,1,b\n3.png,test,0,c\n"
    assert read(tmp_path, told, paths).table.loc[list(paths), "x"].tolist() == ["a", "d", "b", "c"]


def test_a_plainer_rule_that_joins_nearly_all_goes_first(tmp_path):
    paths = [f"train/fractured/{n}.png" for n in range(20)]
    rows = "".join(f"{path},\n" for path in [*paths[:19], "test/fractured/19.png"])
    assert read(tmp_path, f"path,x\n{rows}", paths).figures["labels_joined"] == 19


def test_a_table_of_many_more_files_joins(tmp_path):
    rows = "".join(f"{n}.jpg,{n}\n" for n in range(100))
    assert read(tmp_path, f"path,x\n{rows}a.jpg,yes\nb.jpg,no\n").figures["labels_joined"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\npath;x\na.jpg;1,5;;\n",
        "path;x\r\na.jpg;1,5\r\n",
        "\ufeffpath\tx\ra.jpg\t1,5\r",
        'path , "x"\na.jpg, "1,5"\n,\n\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.reliability("separators, line ends and marks of spreadsheets", "read")
def test_tables_of_spreadsheets_are_read(tmp_path, text, encoding):
    assert read(tmp_path, text.encode(encoding)).table.loc["a.jpg"].to_dict() == {"x": "1,5"}


def test_a_carriage_return_within_a_cell_stays(tmp_path):
    table = read(tmp_path, 'path,x\n"a\rb.jpg","1\r2"\n', ["a\rb.jpg"]).table
    assert table.loc["a\rb.jpg", "x"] == "1\r2"


def test_rows_that_say_the_same_are_one(tmp_path):
    table = read(tmp_path, "path,study,PatientID\na.jpg,1,P \na.jpg,1.0,P\n").table
    assert table.loc["a.jpg"].to_dict() == {"study_id": "1", "patient_id": "P"}


@pytest.mark.parametrize(
    "name",
    [
        "NA",
        "n/a",
        "nan",
        "None",
        "null",
        "unknown",
        "-",
        "?",
        "  ",
        "-1",
        "1.2E+11",
        "(unknown)",
        "n.n.",
        "-999",
        "[redacted]",
    ],
)
@pytest.mark.reliability("ids that say that nothing is known", "join nobody, with a count")
def test_ids_that_name_nobody_join_nobody(tmp_path, name, caplog):
    table, issues, _ = read(tmp_path, f"path,patient_id\na.jpg,{name}\nb.jpg,{name}\n")
    assert set(table["patient_id"]) == {""}
    assert [issue.issue for issue in issues] == ["label_unknown_id"] * bool(name.strip())
    assert ("is not known in 2 of 2 rows" in caplog.text) == bool(name.strip())


def test_what_is_no_id_keeps_its_words(tmp_path):
    table = read(tmp_path, "path,hardware,patient_id\na.jpg,none,0\nb.jpg,plate,0042\n").table
    assert table["hardware"].tolist() == ["none", "plate"]
    assert table["patient_id"].tolist() == ["0", "0042"]


@pytest.mark.reliability("studies numbered within each patient", "join nobody across patients, with a note")
def test_studies_that_are_counted_for_each_patient_join_within_it(tmp_path):
    rows = "".join(f"{n}.png,P{n % 4},study{n // 4},\n" for n in range(8)) + "8.png,,study1,\n9.png,P9,own,\n"
    table, issues, _ = read(tmp_path, f"path,patient,study,x\n{rows}", [f"{n}.png" for n in range(10)])
    assert table["study_id"].tolist() == [f"P{n % 4}/study{n // 4}" for n in range(8)] + ["", "own"]
    assert "label_study_number" in {issue.issue for issue in issues}


@pytest.mark.reliability("one id for most files", "a warning")
def test_an_id_of_most_files_is_a_warning(tmp_path, caplog):
    rows = "".join(f"{n}.png,{'X' if n else 'P1'}\n" for n in range(9))
    issues = read(tmp_path, f"path,patient_id\n{rows}", [f"{n}.png" for n in range(9)]).issues
    assert [(issue.issue, issue.severity) for issue in issues] == [("label_id_of_many", "warning")]
    assert "patient_id 'X' stands for 8 of 9 files" in caplog.text


@pytest.mark.reliability("one id for far more files than others have", "a warning")
def test_an_id_of_far_more_files_than_others_is_a_warning(tmp_path):
    names = [f"{n}.png" for n in range(60)]
    rows = "".join(f"{name},{'9999' if n < 12 else n}\n" for n, name in enumerate(names))
    issues = read(tmp_path, f"path,patient_id\n{rows}", names).issues
    assert [issue.detail[:30] for issue in issues] == ["patient_id '9999' stands for 1"]


def test_addresses_join_by_their_path(tmp_path):
    table = read(tmp_path, "path,x\nhttps://a.org/s/b%20c.jpg?sig=1,yes\n", ["b c.jpg"]).table
    assert table.loc["b c.jpg", "x"] == "yes"


@pytest.mark.reliability("one table whose paths are written in several ways", "every row joins")
def test_rows_written_in_several_ways_all_join(tmp_path):
    paths = [f"train/fractured/{n:02}.png" for n in range(20)]
    odd = [paths[0].replace("/", "\\"), f"./{paths[1]}", paths[2].upper(), "Train/Fractured/03.PNG"]
    names = [*odd, *paths[4:]]
    table = read(tmp_path, "path,x\n" + "".join(f"{name},{n}\n" for n, name in enumerate(names)), paths).table
    assert table.loc[paths, "x"].tolist() == [str(n) for n in range(20)]


@pytest.mark.parametrize("written", ["{n}", "{n}.0", '="{n:04}"', "'{n:04}"])
@pytest.mark.reliability(
    "names of digits as spreadsheets save them", "joined: 7, 7.0 and '0007 name 0007.png"
)
def test_numbers_that_a_spreadsheet_cut_short_join(tmp_path, written):
    paths = [f"train/fractured/{n:04}.png" for n in range(12)]
    rows = "".join(f"{written.format(n=n)},{n}\n" for n in range(12))
    assert read(tmp_path, f"image_id,x\n{rows}", paths).table.loc[paths, "x"].tolist() == [
        *map(str, range(12))
    ]


def test_signs_that_keep_a_number_as_text_are_no_part_of_an_id(tmp_path):
    table = read(tmp_path, 'path,patient_id\na.jpg,\'0042\nb.jpg,="0042"\n').table
    assert table["patient_id"].tolist() == ["0042", "0042"]
    assert read(tmp_path, "path\n'1.jpg\n", ["'1.jpg"]).figures["labels_joined"] == 1


def test_what_joined_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    read(tmp_path, "path\na.jpg\nc.jpg\n")
    assert "labels: 1 of 2 files have a row (0.50), as given; 1 of 2 rows name no file" in caplog.text


def test_no_column_of_a_stage_is_free_for_users():
    added = {*shards.PLACE, findings.PREDICTED_PART, *findings._PREDICTIONS} - {"path"}
    assert added <= labels.RESERVED


def test_user_columns_are_found_again():
    frame = pd.DataFrame(
        {"path": ["a"], "split": ["test"], "hand": [1], "patient_id": ["007"], "not_radiograph": [0.1]}
    )
    columns = labels.user_columns(frame)
    assert columns.to_dict("list") == {"hand": ["1"]}
