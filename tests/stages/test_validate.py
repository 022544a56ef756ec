import contextlib
import csv
import json
import re
import shutil
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline import config as settings
from pipeline.dataset import annotations, labels, layout, manifest
from pipeline.files import images, outputs
from pipeline.report import validation
from pipeline.stages import validate
from pipeline.statistics import associations, forests
from pipeline.validate import listing, pinned_splits

REPOSITORY = Path(__file__).parents[2]
FAULTY = (REPOSITORY / "../shared/data/faulty").resolve()


def radiograph(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(10, 8)).astype(np.float32)
    smooth = cv2.resize(coarse, (160, 200), interpolation=cv2.INTER_CUBIC)
    return np.clip(110 + 50 * smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Settings for a folder with twelve radiographs in every split and class."""
    monkeypatch.chdir(tmp_path)  # no dvc.yaml here: nothing is tracked
    monkeypatch.setattr(forests, "_N_VOTES", 20)
    root = tmp_path / "data"
    for number, folder in enumerate(f"{s}/{c}" for s in layout.SPLITS for c in layout.CLASS_FOLDERS):
        (root / folder).mkdir(parents=True)
        for row in range(12):
            images.write(root / folder / f"{row}.png", radiograph(100 * number + row))
    return settings_for(root, tmp_path)


def settings_for(root: Path, out: Path) -> settings.Config:
    whole = settings.read(REPOSITORY / "params.yaml")
    nothing = {"annotations": REPOSITORY / "Data/none.coco.json", "labels": REPOSITORY / "Data/none.csv"}
    paths = {"manifest": out / "m.csv", "annotations": out / "a.json", "reports": out / "reports"}
    return whole.model_copy(
        update={
            "paths": whole.paths.model_copy(update=paths),
            "data": whole.data.model_copy(update=nothing | {"root": root}),
            "run": whole.run.model_copy(update={"workers": 1}),
            "validation": whole.validation.model_copy(
                update={"copy_agreement": 0.82, "pinned_manifest": REPOSITORY / "Data/none.manifest.csv"}
            ),
        }
    )


def figures_of(config):
    return json.loads((config.paths.report("validate") / "metrics.json").read_text())


def issues_of(config):
    return pd.read_csv(config.paths.report("validate") / "issues.csv", keep_default_na=False)


def page_of(config):
    """Make the page, as `report` does after `preprocess` found no negatives."""
    none = pd.DataFrame(columns=associations.COLUMNS).to_csv(index=False)
    outputs.write_text(config.paths.report("preprocess") / "attributes.csv", none)
    return validation.documents(config)["report.html"]


def test_a_sound_folder_is_kept_whole(config):
    validate.run(config)
    figures = figures_of(config)
    assert (figures["files"], figures["kept"], figures["groups"]) == (72, 72, 72)
    assert (figures["groups_crossing_splits"], figures["label_conflicts"]) == (0, 0)
    assert set(figures["null"]) == {"size", "border", "marker", "histogram"}
    assert set(figures["probe"]) == set(figures["memorisation"]) == {"published", "clean"}
    assert len(manifest.rows(manifest.read(config.paths.manifest), "test")) == 24
    assert annotations.read(config.paths.annotations).regions == {}
    assert "72</strong> independent groups" in page_of(config)


@pytest.mark.reliability(22)
@pytest.mark.reliability(23)
def test_copies_across_splits_are_remembered_until_they_are_regrouped(config):
    root = config.data.root
    for name in layout.CLASS_FOLDERS:
        for row in range(12):
            copy = images.read(root / f"test/{name}/{row}.png").pixels[:, ::-1]
            images.write(root / f"train/{name}/copy {row}.jpg", np.ascontiguousarray(copy))
            images.write(root / f"train/{name}/same {row}.png", copy[:, ::-1])
    validate.run(config)
    figures = figures_of(config)
    assert figures["groups_crossing_published_splits"] == 24
    assert figures["redundant"] == 24
    assert figures["memorisation"]["published"] == {"accuracy": 1.0, "auroc": 1.0}
    assert figures["memorisation"]["clean"]["accuracy"] < 0.9


def test_attributes_that_the_label_follows_are_tabulated(config):
    for path in (config.data.root / "train/fractured").iterdir():
        images.write(path.with_suffix(".jpg"), images.read(path).pixels)
        path.unlink()
    validate.run(config)
    followed = pd.read_csv(config.paths.report("validate") / "attributes.csv").set_index("attribute")
    row = followed.loc["format"]
    assert (row["value"], row["groups"], row["fractured_share"]) == ("JPEG", 12, 1.0)
    assert row["difference"] == pytest.approx(1 - 24 / 60)
    assert "format JPEG: 100" in page_of(config)


def test_kfold_tests_on_the_chosen_fold_and_the_manifest_says_which(config):
    changes = {"split": "kfold", "folds": 3, "fold": 2}
    validate.run(config.model_copy(update={"validation": config.validation.model_copy(update=changes)}))
    kept = manifest.read(config.paths.manifest)
    assert kept.groupby("split")["fold"].unique().map(list).to_dict() == {
        "test": ["2"],
        "train": ["1"],
        "val": ["0"],
    }


@pytest.mark.reliability(
    "a test split of a dozen groups of either class", "a warning with the widths to expect"
)
def test_a_small_test_split_is_told_with_what_its_figures_will_be_worth(config, caplog):
    validate.run(config)
    size = figures_of(config)["test_size"]
    assert (size["fractured_groups"], size["other_groups"], size["too_few"]) == (12, 12, True)
    assert 0.2 < size["auroc_width"] < 0.3 < size["sensitivity_width"] < 0.4
    told = f"interval of an AUROC of 0.9 will be {size['auroc_width']:.2f} wide on them"
    for text in (caplog.text, page_of(config)):
        assert told in text
        assert "fracture folds" in text


def test_one_of_several_folds_is_never_too_small(config, caplog):
    changes = {"split": "kfold", "folds": 3}
    validate.run(config.model_copy(update={"validation": config.validation.model_copy(update=changes)}))
    assert not figures_of(config)["test_size"]["too_few"]
    assert "fracture folds" not in caplog.text + page_of(config)


def test_growing_data_keep_the_splits_of_an_earlier_manifest(config):
    validate.run(config)
    first = manifest.read(config.paths.manifest).set_index("path")
    pinned = config.paths.manifest.with_name("pinned.csv")
    pinned.write_bytes(config.paths.manifest.read_bytes())
    for row in range(12):  # new copies, published elsewhere
        copy = np.ascontiguousarray(
            images.read(config.data.root / f"test/fractured/{row}.png").pixels[:, ::-1]
        )
        images.write(config.data.root / f"train/fractured/copy {row}.png", copy)
    changes = {"pinned_manifest": pinned}
    validate.run(config.model_copy(update={"validation": config.validation.model_copy(update=changes)}))
    second = manifest.read(config.paths.manifest).set_index("path")
    assert second.loc[first.index, "split"].equals(first["split"])
    assert set(second["split"][lambda split: split.index.str.contains("copy")]) == {"test"}


def test_faults_are_quarantined_and_the_annotations_of_sound_files_pass(config):
    root = config.data.root
    cut = (root / "train/fractured/0.png").read_bytes()[:-400]
    (root / "train/fractured/0.png").write_bytes(cut)
    drawn = config.paths.reports.parent / "drawn.json"
    images_drawn = [
        {"id": row, "file_name": f"train/fractured/{row}.png", "height": 200, "width": 160}
        for row in range(2)
    ]
    boxes = [{"id": row, "image_id": row, "bbox": [10, 10, 20, 20]} for row in range(2)]
    drawn.write_text(json.dumps({"images": images_drawn, "annotations": boxes}))
    validate.run(with_data(config, annotations=drawn))
    found = issues_of(config)
    assert found[["path", "issue", "severity"]].to_numpy().tolist() == [
        ["train/fractured/0.png", "annotation_unknown_file", "warning"],
        ["train/fractured/0.png", "truncated", "quarantined"],
    ]
    assert list(annotations.read(config.paths.annotations).regions) == ["train/fractured/1.png"]


@pytest.mark.reliability(24)
def test_a_mirrored_jpeg_under_the_other_label_is_a_contradiction(config):
    root = config.data.root
    mirrored = np.ascontiguousarray(images.read(root / "train/fractured/0.png").pixels[:, ::-1])
    images.write(root / "val/not fractured/mirrored.jpg", mirrored)
    validate.run(config)
    files = manifest.read(config.paths.manifest)
    contradicting = files.loc[files["reason"] == "label_conflict", ["path", "status"]].to_numpy().tolist()
    assert contradicting == [
        ["train/fractured/0.png", "quarantined"],
        ["val/not fractured/mirrored.jpg", "quarantined"],
    ]
    assert figures_of(config)["label_conflicts"] == 1


def test_what_is_no_radiograph_is_left_out_and_shown(config):
    page = np.full((300, 300), 255, np.uint8)
    page[40:260:12, 30:270] = np.random.default_rng(0).integers(0, 2, 240) * 255
    images.write(config.data.root / "train/fractured/page.png", page)
    validate.run(config)
    files = manifest.read(config.paths.manifest).set_index("path")
    assert tuple(files.loc["train/fractured/page.png", ["status", "reason"]]) == ("quarantined", "drawing")
    assert files["not_radiograph"].astype(float).idxmax() == "train/fractured/page.png"
    picture = r'<img src="data:image/jpeg[^"]*" alt="Left out: train/fractured/page.png"'
    assert re.search(picture, page_of(config))


def test_equal_radiographs_give_equal_bytes_wherever_they_lie_and_in_whatever_order(
    config, tmp_path, monkeypatch
):
    def made(one):
        validate.run(one)
        files = [one.paths.manifest, one.paths.annotations, *one.paths.report("validate").rglob("*")]
        return {path.name: path.read_bytes() for path in files if path.is_file()}

    shutil.copytree(config.data.root, tmp_path / "elsewhere/data")
    first, walk = made(config), listing.walk
    monkeypatch.setattr(listing, "walk", lambda *folder: (walk(*folder)[0][::-1], walk(*folder)[1]))
    assert made(settings_for(tmp_path / "elsewhere/data", tmp_path / "elsewhere")) == first
    assert first.keys() >= {"m.csv", "a.json", "metrics.json", "issues.csv"}
    assert all(str(tmp_path).encode() not in data for data in first.values())


@pytest.mark.reliability(26)
def test_what_fails_leaves_no_manifest(config):
    for path in (config.data.root / "val/fractured").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match="every split needs groups of both classes"):
        validate.run(config)
    assert not config.paths.manifest.exists()


def with_data(config, **changes):
    return config.model_copy(update={"data": config.data.model_copy(update=changes)})


@pytest.mark.reliability("labels of other files", "refused, with rows matched and both sides")
def test_labels_that_name_no_file_stop_the_run(config, tmp_path):
    (tmp_path / "labels.csv").write_text(
        "path,patient_id\n" + "".join(f"x/{n}.tif,P\n" for n in range(99, 140))
    )
    with pytest.raises(
        ValueError, match=r"labels\.csv.*`path`.*0 of 41 rows.*'x/100\.tif'.*'test/fractured/0\.png'"
    ):
        validate.run(with_data(config, labels=tmp_path / "labels.csv"))
    assert not config.paths.manifest.exists()


@pytest.mark.reliability("columns of labels with the pipeline's own names", "not carried, with a warning")
def test_columns_with_names_of_ours_are_not_carried(config, tmp_path):
    names = sorted(labels.RESERVED)
    row = ",".join("1" for _ in names)
    (tmp_path / "labels.csv").write_text(f"path,hand,{','.join(names)}\ntrain/fractured/0.png,left,{row}\n")
    validate.run(with_data(config, labels=tmp_path / "labels.csv"))
    told = issues_of(config).query("issue == 'label_reserved_column'")["detail"]
    assert sum(name in " ".join(told) for name in names) == len(names)
    assert labels.user_columns(manifest.read(config.paths.manifest)).columns.tolist() == ["hand"]


@pytest.mark.reliability("a carriage return in a file's name", "kept, labelled and shown")
def test_a_carriage_return_in_a_name_goes_through_every_table(config, tmp_path):
    name = "train/fractured/a\rb.png"
    images.write(config.data.root / name, radiograph(0)[::-1])
    (tmp_path / "labels.csv").write_bytes(f'path,hand\n"{name}",left\n'.encode())
    validate.run(with_data(config, labels=tmp_path / "labels.csv"))
    assert manifest.read(config.paths.manifest).set_index("path").loc[name, "hand"] == "left"
    assert pinned_splits.read(config.paths.manifest).index.size == figures_of(config)["kept"]
    assert "73</strong>" in page_of(config)


def test_what_joined_stands_in_the_figures_and_on_the_page(config, tmp_path):
    (tmp_path / "labels.csv").write_text("path,hand\ntrain/fractured/0.png,left\ntrain/fractured/1.png,\n")
    image = {"id": 1, "file_name": "train/fractured/0.png", "height": 200, "width": 160}
    boxes = [{"id": n, "image_id": 1, "bbox": [10, 10, 20, side]} for n, side in enumerate((20, 900))]
    (tmp_path / "drawn.json").write_text(json.dumps({"images": [image], "annotations": boxes}))
    validate.run(with_data(config, labels=tmp_path / "labels.csv", annotations=tmp_path / "drawn.json"))
    figures = figures_of(config)
    assert (figures["labels_rows"], figures["labels_joined"]) == (2, 2)
    assert (figures["annotations_given"], figures["annotations_used"]) == (2, 1)
    assert "Labels and annotations that joined" in page_of(config)


@pytest.mark.reliability("a class of which no file is sound", "an error that says what was left out, and why")
def test_what_was_left_out_stands_in_the_error(config):
    for path in (config.data.root / "val/fractured").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"12 not_an_image: No picture.*: val/fractured/0\.png"):
        validate.run(config)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Validate the set of planted faults; its answer key, the manifest, and the issues by path."""
    if not FAULTY.exists():
        pytest.skip("the developers' set of faults is not here")
    out = tmp_path_factory.mktemp("faulty")
    config = settings_for(FAULTY, out)
    with contextlib.chdir(out):  # no dvc.yaml there: nothing is tracked
        validate.run(config)
    with (FAULTY / "faults.csv").open(encoding="utf-8") as handle:
        key = list(csv.DictReader(handle))
    issues = defaultdict(set)
    for issue in issues_of(config).itertuples():
        issues[issue.path].add(issue.issue)
    return key, manifest.read(config.paths.manifest).set_index("path"), issues


EXPECTED = {
    "truncated": "truncated",
    "PNG bytes named": "extension_mismatch",
    "JPEG bytes named": "extension_mismatch",
    "GIF bytes named": "extension_mismatch",
    "red arrow": "colour_marks",
    "100x100": "tiny",
    "2320x2920": "large",
}


@pytest.mark.parametrize(("fault", "issue"), EXPECTED.items())
def test_every_planted_fault_is_found(faulty, fault, issue):
    key, _, issues = faulty
    planted = [row["path"] for row in key if row["fault"].startswith(fault)]
    assert planted
    assert [path for path in planted if issue not in issues[path]] == []


def test_planted_modes_are_read(faulty):
    key, files, _ = faulty
    planted = [row["path"] for row in key if row["fault"] in {"RGBA png", "palette png"}]
    assert set(files.loc[planted, "mode"]) == {"RGBA", "P"}
    assert set(files.loc[planted, "status"]) == {"kept"}


@pytest.mark.reliability(22)
def test_of_planted_byte_copies_one_is_kept(faulty):
    key, files, _ = faulty
    by_bytes = defaultdict(list)
    for row in key:
        by_bytes[row["sha1"]].append(row["path"])
    assert max(map(len, by_bytes.values())) > 1
    for paths in by_bytes.values():
        assert (files.loc[paths, "status"] == "kept").sum() <= 1
        assert len(set(files.loc[paths, "group"])) == 1


@pytest.mark.reliability(23)
def test_every_rotation_joins_its_family(faulty):
    key, files, _ = faulty
    families = defaultdict(set)
    for row in key:
        if row["fault"] in {"rotated copy", "resized original of a rotation family"}:
            families[row["group"]].add(files.loc[row["path"], "group"])
    assert len(families) == 10
    assert {len(groups) for groups in families.values()} == {1}


def test_independent_radiographs_are_never_joined(faulty):
    key, files, _ = faulty
    sources = pd.Series({row["path"]: row["group"] for row in key})
    readable = files[files["group"] != ""]
    joined = sources[readable.index].groupby(readable["group"]).nunique()
    assert joined[joined > 1].empty


@pytest.mark.reliability("radiographs in Data while data.root names phantoms", "validate says so")
def test_radiographs_that_nobody_reads_are_told(config, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Data/train/fractured").mkdir(parents=True)
    (tmp_path / "Data/train/fractured/a.png").write_bytes(b"mine")
    paths = config.paths.model_copy(update={"phantoms": config.data.root})
    validate.run(config.model_copy(update={"paths": paths}))
    assert "Data holds radiographs, but data.root names phantoms: set data.root: Data" in caplog.text
