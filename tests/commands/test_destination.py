import pytest

from pipeline.commands import destination

MADE = ("a.csv", "overlays")


@pytest.mark.parametrize("names", [None, [], MADE])
def test_a_folder_that_is_new_empty_or_our_own_is_taken(tmp_path, names):
    out = tmp_path / "out"
    for name in names or ():
        (out / name).mkdir(parents=True)
    if names == []:
        out.mkdir()
    assert destination.check(out, MADE, []) == out.resolve()


@pytest.mark.parametrize("names", [["overlays"], ["a.csv", "overlays", "mine.png"], ["mine.png"]])
def test_any_other_folder_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(ValueError, match="new, empty or an earlier result"):
        destination.check(tmp_path / "out", MADE, [])


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ValueError, match="new, empty or an earlier result"):
        destination.check(tmp_path / "out", MADE, [])


def test_what_is_read_never_lies_in_what_is_written(tmp_path):
    with pytest.raises(ValueError, match="apart from what is read"):
        destination.check(tmp_path / "out", MADE, [tmp_path / "out" / "overlays" / "1.png"])
