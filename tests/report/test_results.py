from pathlib import Path

import pandas as pd

from pipeline.report import results


def test_text_that_looks_like_a_number_or_like_nothing_stays_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("attribute,value,auroc\n(all),,0.5\nage,070,\npart,NA,1\n")
    table = results.table(tmp_path / "t.csv")
    assert table["attribute"].tolist() == ["(all)", "age", "part"]
    assert table["value"].tolist() == ["", "070", "NA"]
    assert table["auroc"].isna().tolist() == [False, True, False]


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("attribute,value,auroc\n")
    assert results.table(tmp_path / "t.csv").columns.tolist() == ["attribute", "value", "auroc"]


def test_a_column_without_a_figure_holds_numbers_that_are_not_defined(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("method,pointing_game\nregion_map,\n")
    assert pd.api.types.is_float_dtype(results.table(tmp_path / "t.csv")["pointing_game"])
