"""Which folders of a path label a file, in `import folders` and `import dicom`."""

import itertools

import pytest

from pipeline.importing import record
from tests.importing import sources


def draw(root, *folders):
    """Draw a radiograph into each folder, named by its number."""
    for seed, folder in enumerate(folders):
        sources.draw(root / folder / f"{seed}.png", seed)


def labelled(done):
    """Class folder of each picture that was used, by its number."""
    return {path.rsplit("/", 1)[1].removesuffix(".png"): path.split("/")[1] for path in done.paths}


@pytest.mark.parametrize("names", ["0123", ("yes", "no"), ("Y", "n"), ("true", "FALSE"), ("1.0", "(0)")])
def test_folders_that_are_counted_or_answer_something_else_are_no_classes(root, bring, names):
    folders = [f"{kind}/{name}" for kind in ("fractured", "not fractured") for name in names]
    draw(root, *folders, *(f"{name}/{kind}" for kind in ("broken", "normal") for name in names))
    done = bring("folders")
    classes = [*["fractured"] * len(names), *["not fractured"] * len(names)] * 2
    assert labelled(done) == {str(seed): name for seed, name in enumerate(classes)}
    assert done.left_out == set()


def test_a_patient_and_a_series_by_number_are_no_classes_of_dicom(root, bring):
    for seed, (kind, patient, series) in enumerate(itertools.product(("Fraktur", "normal"), "0123", "12")):
        place = root / kind / patient / series
        place.mkdir(parents=True)
        sources.write_dicom(place / "IM0001", seed, f"{kind}-{patient}")
    used = bring("dicom", fractured=("Fraktur",)).figures["used"]
    assert (used["fractured"], used["not_fractured"]) == (8, 8)


@pytest.mark.parametrize("kind", ["folders", "dicom"])
@pytest.mark.parametrize("odd", ["normal/fractured", "Bruch/normal", "normal/views/Bruch"])
def test_a_file_whose_folders_mean_both_classes_is_left_out(root, bring, kind, odd):
    for seed, folder in enumerate(("Bruch", "Bruch/left", "normal", "normal/right", odd)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        if kind == "dicom":
            sources.write_dicom(root / folder / f"{seed}.dcm", seed, "P")
        else:
            sources.draw(root / folder / f"{seed}.png", seed)
    done = bring(kind, fractured=("Bruch",))
    suffix = {"dicom": "dcm"}.get(kind, "png")
    assert done.left_out == {(f"{odd}/4.{suffix}", record.TWO_LABELS)}
    assert done.figures["used"]["radiographs"] == 4


def test_a_folder_that_is_called_fracture_and_holds_both_classes_is_no_class(root, bring):
    draw(
        root,
        "fracture/train/fractured",
        "fracture/train/normal",
        "fracture/test/fractured",
        "fracture/test/normal",
    )
    done = bring("folders")
    assert labelled(done) == {"0": "fractured", "1": "not fractured", "2": "fractured", "3": "not fractured"}
    assert done.left_out == set()


@pytest.mark.parametrize("kind", ["folders", "dicom"])
def test_where_all_folders_mean_both_classes_it_is_said(root, bring, kind):
    (root / "fracture/normal").mkdir(parents=True)
    sources.write_dicom(root / "fracture/normal/a.dcm", 1, "P")
    with pytest.raises(ValueError, match=r"Received: .* with 1 pictures: two labels or splits 1"):
        bring(kind)


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("yes", "no"), ("Y", "N")])
def test_numbers_and_answers_are_classes_where_they_are_named(root, bring, yes, no):
    draw(root, yes, no, f"{yes}/left", f"{no}/left")
    with pytest.raises(ValueError, match=r"import folders needs .*only where they are named.*which holds"):
        bring("folders")
    done = bring("folders", fractured=(yes,), not_fractured=(no,))
    assert labelled(done) == {"0": "fractured", "1": "not fractured", "2": "fractured", "3": "not fractured"}


def test_a_heading_of_both_classes_is_no_class(root, bring, tmp_path):
    draw(root, "fracture/yes", "fracture/no", "normal")
    with pytest.raises(
        ValueError, match=r"must mean one class. Received: fracture/no, of which no may .*--not-fractured"
    ):
        bring("folders")
    with pytest.raises(ValueError, match="must mean one class"):
        bring("folders", fractured=("yes",))
    assert not (tmp_path / "ours").exists()
    done = bring("folders", fractured=("yes",), not_fractured=("no",))
    assert labelled(done) == {"0": "fractured", "1": "not fractured", "2": "not fractured"}
    done = bring("folders", fractured=("fracture",))
    assert labelled(done) == {"0": "fractured", "1": "fractured", "2": "not fractured"}
