import pandas as pd
import pytest

from pipeline.report import map_charts
from tests.report.test_pages import FAITHFULNESS, LOCALIZATION, TABLES

EMPTY = {name: table.iloc[:0] for name, table in TABLES.items()}


def test_all_charts_are_drawn_where_all_was_measured():
    drawn = map_charts.draw(FAITHFULNESS | LOCALIZATION, TABLES)
    assert list(drawn) == ["localization", "froc", "methods", "deletion", "erase", "randomization"]
    assert all(svg.startswith("<svg role") for svg in drawn.values())
    assert "Brightest bone" in drawn["localization"]
    assert "Grad-CAM++" in drawn["methods"]


def test_what_was_not_measured_is_not_drawn():
    undefined = FAITHFULNESS | {"erase_drop_control": float("nan")}
    assert set(map_charts.draw(undefined, EMPTY).values()) == {None}


@pytest.mark.parametrize("name", ["froc", "deletion", "randomization"])
def test_a_curve_needs_its_table_alone(name):
    drawn = map_charts.draw(FAITHFULNESS | LOCALIZATION, EMPTY | {name: TABLES[name]})
    assert drawn[name] is not None
    assert drawn["methods"] is None


def test_methods_without_annotations_have_no_pointing_game():
    table = TABLES["methods"].assign(pointing_game=float("nan"))
    assert map_charts.methods(pd.DataFrame(table)) is None
