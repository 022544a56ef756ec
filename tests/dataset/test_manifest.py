import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.dataset import manifest

KEPT = {
    "path": "train/fractured/a.jpg",
    "published_split": "train",
    "split": "val",
    "fractured": True,
    "status": "kept",
    "reason": "",
    "group": "g-0123456789ab",
    "sha256": "0" * 64,
    "format": "JPEG",
    "mode": "L",
    "height_px": 40,
    "width_px": 50,
    "sampling_weight": 0.5,
}
LEFT_OUT = KEPT | {
    "path": "test/not fractured/b.jpg",
    "split": "",
    "fractured": False,
    "status": "quarantined",
    "reason": "truncated",
    "height_px": None,
    "width_px": None,
    "sampling_weight": 0.0,
}


def frame(*rows):
    sizes = {"height_px": "Int64", "width_px": "Int64"}
    return pd.DataFrame(list(rows)).astype(sizes)


def test_what_is_written_is_read(tmp_path):
    written = frame(KEPT, LEFT_OUT).assign(hand=["1", ""])
    manifest.write(written, tmp_path / "manifest.csv")
    expected = written.sort_values("path").reset_index(drop=True)
    pd.testing.assert_frame_equal(manifest.read(tmp_path / "manifest.csv"), expected)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.reliability(18)
def test_every_name_survives(tmp_path, name):
    manifest.write(frame(KEPT | {"path": name}), tmp_path / "manifest.csv")
    assert manifest.read(tmp_path / "manifest.csv")["path"].tolist() == [name]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"split": "training"}, "split"),
        ({"split": ""}, "split"),
        ({"sampling_weight": 0.0}, "sampling_weight"),
        ({"status": "lost"}, "status"),
        ({"sha256": "abc"}, "sha256"),
        ({"height_px": 0}, "height_px"),
        ({"path": LEFT_OUT["path"]}, "path"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(tmp_path, change, named):
    with pytest.raises(ValueError, match=named):
        manifest.write(frame(KEPT | change, LEFT_OUT), tmp_path / "manifest.csv")
    assert not (tmp_path / "manifest.csv").exists()


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "manifest.csv").write_text("path,split\na.jpg,train\n")
    with pytest.raises(ValueError, match="published_split"):
        manifest.read(tmp_path / "manifest.csv")


def written(tmp_path, change):
    """Write a manifest, and change its text as another program would."""
    path = tmp_path / "manifest.csv"
    manifest.write(frame(KEPT, LEFT_OUT), path)
    path.write_bytes(change(path.read_text()).encode())
    return manifest.read(path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda text: text[:-9], "whole line"),
        (lambda text: text.replace(",40,", ",4O,"), "row 1, height_px: must be a number.*'4O'"),
        (lambda text: text.replace("True", "yes"), "row 1, fractured: must be True or False.*'yes'"),
        (lambda text: text.replace("train,", "train,,,,,", 1), "more cells than the header"),
        (lambda text: text + '"', "EOF|whole"),
        (lambda text: "", "empty"),
        (lambda text: "\0" + text, "NUL"),
    ],
)
@pytest.mark.reliability(
    "a manifest that is torn, or was edited", "an error with the file, the row and the mend"
)
def test_a_broken_manifest_is_named(tmp_path, change, named):
    with pytest.raises(ValueError, match=named) as refused:
        written(tmp_path, change)
    assert "manifest.csv" in str(refused.value)


@pytest.mark.reliability("a manifest saved by a spreadsheet", "read as it was")
def test_a_manifest_saved_by_a_spreadsheet_is_read(tmp_path):
    changed = written(tmp_path, lambda text: text.replace("True", "TRUE").replace("\n", "\r\n"))
    pd.testing.assert_frame_equal(changed, written(tmp_path, str))


def test_rows_are_kept_rows_of_the_split():
    files = frame(KEPT, LEFT_OUT, KEPT | {"path": "c.jpg", "split": "test"})
    assert manifest.rows(files, "val")["path"].tolist() == ["train/fractured/a.jpg"]
    assert manifest.rows(files, ["val", "test"])["path"].tolist() == ["train/fractured/a.jpg", "c.jpg"]
