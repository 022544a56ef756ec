import math

import numpy as np
import pandas as pd
import pytest

from pipeline.files import outputs
from pipeline.report import results


def test_figures_are_read_with_what_stands_for_one_that_is_not_defined(tmp_path):
    outputs.write_json(tmp_path / "metrics.json", {"a": {"auroc": math.nan, "n": 3}, "low": 0.25})
    assert results.figures(tmp_path)["a"] == {"auroc": None, "n": 3}
    read = results.figures(tmp_path, undefined=math.nan)
    assert math.isnan(read["a"].pop("auroc"))
    assert read == {"a": {"n": 3}, "low": 0.25}


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "[1]"])
def test_torn_figures_are_named(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=r"metrics\.json must be as a stage wrote it.*Run `dvc checkout`"):
        results.figures(tmp_path)


def test_text_that_looks_like_something_else_stays_text(tmp_path):
    written = pd.DataFrame(
        {
            "path": ["", "NA", "a\rb", "a\nb", 'q"x,y', "nan"],
            "value": ["1", "True", "None", "-", "é", "1e3"],
            "share": [0.1, 1 / 3, math.nan, 2.0, 1e-9, 5.0],
            "inverted": [True, False] * 3,
        }
    )
    text = written.to_csv(index=False, lineterminator="\n")
    outputs.write_text(tmp_path / "t.csv", text)
    pd.testing.assert_frame_equal(results.table(tmp_path / "t.csv"), written, check_exact=True)


def test_a_transform_is_read_to_the_last_bit(tmp_path):
    outputs.write_text(
        tmp_path / "t.csv", 'path,transform\na,"[[0.1, -0.0, 1e-17], [0.3333333333333333, 1, 2]]"\n'
    )
    (transform,) = results.table(tmp_path / "t.csv")["transform"]
    assert np.array_equal(transform, [[0.1, 0, 1e-17], [1 / 3, 1, 2]])
    assert transform.dtype == np.float64


def test_text_that_looks_like_a_number_or_like_nothing_stays_text(tmp_path):
    (tmp_path / "t.csv").write_text("attribute,value,auroc\n(all),,0.5\nage,070,\npart,NA,1\n")
    table = results.table(tmp_path / "t.csv")
    assert table["attribute"].tolist() == ["(all)", "age", "part"]
    assert table["value"].tolist() == ["", "070", "NA"]
    assert table["auroc"].isna().tolist() == [False, True, False]


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    (tmp_path / "t.csv").write_text("attribute,value,auroc\n")
    assert results.table(tmp_path / "t.csv").columns.tolist() == ["attribute", "value", "auroc"]


def test_a_column_without_a_figure_holds_numbers_that_are_not_defined(tmp_path):
    (tmp_path / "t.csv").write_text("method,pointing_game\nregion_map,\n")
    assert pd.api.types.is_float_dtype(results.table(tmp_path / "t.csv")["pointing_game"])
