"""Two records side by side; the records are invented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.commands import compare
from pipeline.track import recorded
from pipeline.track.recorded import Record

N = 40


def table(seed: int, paths=range(N)) -> pd.DataFrame:
    rows = np.array(list(paths))
    fractured = rows % 2 == 0
    y_score = np.clip(
        np.where(fractured, 0.7, 0.3) + np.random.default_rng(seed).normal(0, 0.2, len(rows)), 0, 1
    )
    return pd.DataFrame(
        {
            "path": [f"test/{row}.png" for row in rows],
            "group": [f"g{row}" for row in rows],
            "split": "test",
            "fractured": fractured,
            "y_score": y_score,
            "decision": np.where(y_score > 0.5, "fracture", "no finding"),
        }
    )


def record(name: str, said: pd.DataFrame | None = None, shown=(), **settings) -> Record:
    files = {} if said is None else {"predictions.csv": said.to_csv(index=False).encode()}
    index = pd.DataFrame(
        [(f"hits-{place}.jpg", path) for place, path in enumerate(shown)], columns=["file", "path"]
    )
    files["overlays/index.csv"] = index.to_csv(index=False).encode()
    files |= {f"overlays/{file}": f"{name} {path}".encode() for file, path in index.to_numpy()}
    figures = {
        "evaluate": {"test.auroc": 0.9, "test.auroc_low": 0.8, "test.auroc_high": 0.95, "groups": 40.0}
    }
    return Record(name, f"revision of {name}", settings, figures, lambda stage, file: files.get(file))


def test_only_settings_that_differ_are_shown():
    first = record("a", **{"run.seed": "7", "train.dropout": "0.2"})
    part = compare.settings(first, record("b", **{"run.seed": "8", "train.dropout": "0.2", "new": "1"}))
    assert part.rows == [("new", "(not set)", "1"), ("run.seed", "7", "8")]
    assert part.text.startswith("1 of 3 settings are equal")


def test_intervals_are_of_the_radiographs_that_both_tested():
    one, other = table(1, range(30)), table(2, range(10, N))
    shared = compare.pair(one, other)
    assert (len(shared.rows), shared.tested) == (20, (30, 30))
    part = compare.paired(shared, n_samples=50, seed=0)
    y_true, y_score = shared.rows["fractured"], shared.rows["y_score_2"]
    assert part.rows[0][:1] == ("AUROC",)
    assert part.rows[0][2] == f"{roc_auc_score(y_true, y_score):.3f}"
    assert part.text.startswith("20 radiographs in 20 groups")


def test_a_radiograph_whose_label_was_mended_is_not_compared():
    mended = table(2).assign(
        fractured=lambda rows: rows["fractured"].mask(rows["path"] == "test/3.png", True)
    )
    assert "test/3.png" not in set(compare.pair(table(1), mended).rows["path"])


@pytest.mark.parametrize("tables", [(None, None), (table(1), None), (table(1, [1, 3]), table(1, [1, 3]))])
def test_without_two_tables_of_both_classes_there_are_no_intervals(tables):
    part = compare.paired(compare.pair(*tables), n_samples=50, seed=0)
    assert part.rows == []
    assert "too few are the same" in part.text


def test_figures_carry_their_intervals_and_equal_ones_are_counted():
    better = record("b")
    better.figures["evaluate"] |= {"test.auroc": 0.92, "test.auroc_low": 0.85}
    (part,) = compare.figures(record("a"), better)
    assert part.rows == [("test.auroc", "0.900 (0.800 to 0.950)", "0.920 (0.850 to 0.950)", "+0.020")]
    assert part.text == "1 of 2 figures are equal."


def test_maps_of_the_same_radiograph_stand_beside_each_other_changed_decisions_first():
    said = [table(1), table(1)]
    said[1].loc[4, ["y_score", "decision"]] = [0.1, "no finding"]
    first = record("a", said[0], ["test/2.png", "test/4.png", "test/6.png"])
    second = record("b", said[1], ["test/4.png", "test/9.png", "test/2.png"])
    pairs = compare.maps(first, second, compare.pair(*said))
    assert [(pair.path, pair.first, pair.second) for pair in pairs] == [
        ("test/4.png", b"a test/4.png", b"b test/4.png"),
        ("test/2.png", b"a test/2.png", b"b test/2.png"),
    ]
    assert pairs[0].caption.endswith("B: no finding, 0.10.")


@pytest.fixture
def two(monkeypatch):
    shown = ["test/2.png"]
    known = {"a": record("a", table(1), shown, seed="7"), "b": record("b", table(2), shown, seed="8")}
    monkeypatch.setattr(recorded, "find", lambda config, *names: [known[name] for name in names])


def test_markdown_goes_to_standard_output(two, params, capsys):
    compare.run(params, "a", "b", None)
    told = capsys.readouterr().out
    assert told.startswith("# Comparison\n")
    assert "| seed | 7 | 8 |" in told
    assert "| AUROC |" in told


def test_a_file_is_written_as_its_ending_says(two, params, tmp_path):
    for name in ("out.md", "out.html"):
        compare.run(params, "a", "b", tmp_path / name)
    assert "![A](out_maps/01-a.jpg)" in (tmp_path / "out.md").read_text()
    assert (tmp_path / "out.html").read_text().count("data:image/jpeg") == 2
    with pytest.raises(ValueError, match=r"\.md or \.html"):
        compare.run(params, "a", "b", tmp_path / "out.pdf")
