import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline import config as settings
from pipeline.dataset import layout, manifest, released
from pipeline.files import images
from pipeline.validate import external
from tests import manifests, releases

TOP = Path(__file__).parents[2]
NAMES = [f"{folder}/{seed}.png" for folder in layout.CLASS_FOLDERS for seed in (1, 2)]


def radiograph(seed):
    coarse = np.random.default_rng(seed).normal(size=(10, 8)).astype(np.float32)
    smooth = cv2.resize(coarse, (96, 120), interpolation=cv2.INTER_CUBIC)
    return np.clip(110 + 50 * smooth, 0, 255).astype(np.uint8)


@pytest.fixture
def config(tmp_path):
    whole = settings.read(TOP / "params.yaml")
    paths = whole.paths.model_copy(update={"manifest": tmp_path / "manifest.csv"})
    run = whole.run.model_copy(update={"workers": 1})
    return whole.model_copy(update={"paths": paths, "run": run})


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "elsewhere"
    for seed, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(folder / name, radiograph(seed))
    return folder


def coco(path, name):
    picture = {"id": 70, "file_name": name, "height": 120, "width": 96}
    box = {"id": 1, "image_id": 70, "bbox": [10, 20, 30, 40]}
    path.write_text(json.dumps({"images": [picture], "annotations": [box]}))
    return path


def test_class_folders_may_lie_at_the_top(config, root):
    checked = external.check(config, root, None)
    assert list(checked.kept["path"]) == sorted(NAMES)
    assert list(checked.kept["fractured"]) == [True, True, False, False]
    assert checked.annotations.sizes == dict.fromkeys(NAMES, (120, 96))


def test_one_split_is_enough(config, root, tmp_path):
    (tmp_path / "split").mkdir()
    root.rename(tmp_path / "split/test")
    checked = external.check(config, tmp_path / "split", None)
    assert list(checked.kept["path"]) == sorted(f"test/{name}" for name in NAMES)


def test_copies_count_once_or_share_a_group(config, root):
    (root / "fractured/same.png").write_bytes((root / NAMES[0]).read_bytes())
    images.write(root / "fractured/mirrored.png", np.ascontiguousarray(radiograph(1)[:, ::-1]))
    checked = external.check(config, root, None)
    groups = checked.kept.set_index("path")["group"]
    assert "fractured/same.png" not in groups
    assert groups["fractured/mirrored.png"] == groups[NAMES[1]]
    assert groups.nunique() == 4


def test_radiographs_of_one_patient_or_exam_share_a_group(config, root, tmp_path):
    named = {"path": NAMES, "patient_id": ["p1", "p1", "p2", ""], "study_id": ["", "", "s1", "s1"]}
    pd.DataFrame(named).to_csv(tmp_path / "labels.csv", index=False)
    checked = external.check(config, root, None, tmp_path / "labels.csv")
    groups = checked.kept.set_index("path")["group"]
    assert groups[NAMES[0]] == groups[NAMES[1]]
    assert groups[NAMES[2]] == groups[NAMES[3]]
    assert (groups.nunique(), checked.without_patient) == (2, 0)


def test_it_is_said_how_many_count_as_a_patient_of_their_own(config, root, tmp_path, caplog):
    assert external.check(config, root, None).without_patient == 4
    assert "no patient_id or study_id is known of 4 of 4 radiographs" in caplog.text
    images.write(root / "fractured/mirrored.png", np.ascontiguousarray(radiograph(0)[:, ::-1]))
    named = pd.DataFrame({"path": NAMES[:3], "patient_id": ["p1", "unknown", ""], "body_part": "hand"})
    named.to_csv(tmp_path / "labels.csv", index=False)
    caplog.clear()
    assert external.check(config, root, None, tmp_path / "labels.csv").without_patient == 3
    assert "is known of 3 of 5 radiographs" in caplog.text


def test_annotations_are_checked(config, root, tmp_path):
    checked = external.check(config, root, coco(tmp_path / "drawn.json", NAMES[0]))
    assert [region.bbox for region in checked.annotations.for_path(NAMES[0])] == [(10, 20, 30, 40)]


def test_annotations_that_name_nothing_are_refused(config, root, tmp_path):
    drawn = coco(tmp_path / "drawn.json", "test/fractured/9.png")
    with pytest.raises(ValueError, match=r"0 of 1 annotated images.*test/fractured/9\.png.*fractured/1\.png"):
        external.check(config, root, drawn)


def test_annotations_of_which_none_is_sound_are_refused(config, root, tmp_path):
    drawn = coco(tmp_path / "drawn.json", NAMES[-1])
    with pytest.raises(ValueError, match=r"--annotations must name radiographs.*labelled not fractured"):
        external.check(config, root, drawn)


def test_radiographs_that_were_learnt_are_named(config, root, caplog):
    sha256 = external.check(config, root, None).kept["sha256"].iloc[0]
    row = dict.fromkeys(manifest.COLUMNS, "") | {
        "path": "a", "published_split": "train", "split": "train", "fractured": True, "status": "kept",
        "sha256": sha256, "height_px": 1, "width_px": 1, "sampling_weight": 1.0,
    }  # fmt: skip
    manifest.write(pd.DataFrame([row]).astype(manifest.COLUMNS), config.paths.manifest)
    issues = external.check(config, root, None).issues
    assert [issue.path for issue in issues if issue.issue == "seen_before"] == [NAMES[0]]
    assert "the figures flatter" in caplog.text


@pytest.mark.reliability(26)
def test_one_class_is_refused(config, root):
    for path in (root / "not fractured").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"of both classes.*no file in 'not fractured'"):
        external.check(config, root, None)


def test_a_class_without_a_sound_file_is_refused(config, root):
    for path in (root / "not fractured").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match="sound radiographs of both classes"):
        external.check(config, root, None)


def test_what_the_release_learnt_from_that_training_started_from_is_seen_before(
    config, root, tmp_path, monkeypatch
):
    monkeypatch.setattr(released, "SHIPPED", ())
    digest = hashlib.sha256((root / NAMES[2]).read_bytes()).hexdigest()
    releases.make(tmp_path / "models/released/one", [digest], np.zeros((1, 64, 64), np.uint8))
    manifests.write(config.paths.manifest)
    paths = config.paths.model_copy(update={"models": tmp_path / "models"})
    for weights, expected in (("package", []), ("released", [NAMES[2]])):
        train = config.train.model_copy(update={"weights": weights})
        begun = config.model_copy(update={"paths": paths, "train": train})
        issues = external.check(begun, root, None).issues
        assert [issue.path for issue in issues if issue.issue == "seen_before"] == expected
