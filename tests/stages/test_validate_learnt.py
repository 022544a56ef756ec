"""A training that starts from a release, on the stage: what the release learnt from is not tested."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import manifest, released
from pipeline.files import images
from pipeline.stages import validate
from pipeline.validate import pyramid
from tests import releases
from tests.imports import REPOSITORY
from tests.stages import test_validate as stage
from tests.stages.test_validate import config

__all__ = ["config"]

KNOWN = [f"test/fractured/{row}.png" for row in range(3)] + ["val/fractured/0.png", "train/fractured/0.png"]


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch):
    monkeypatch.setattr(released, "SHIPPED", ())


def learn(config, *names):
    """Make a release that learnt from these files of the folder."""
    files = [config.data.root / name for name in names]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    thumbnails = np.stack([pyramid.build(images.read(file).pixels).thumbnail for file in files])
    return releases.make(config.paths.models / "released/known", digests, thumbnails)


def starting(config, *, weights="released", **validation):
    train = config.train.model_copy(update={"weights": weights})
    changed = config.validation.model_copy(update=validation)
    return config.model_copy(update={"train": train, "validation": changed})


def split_of(config):
    return manifest.read(config.paths.manifest).set_index("path")["split"]


def test_what_the_release_learnt_from_leaves_test_and_is_listed(config, caplog):
    sha256 = learn(config, *KNOWN)
    validate.run(starting(config))
    told = stage.figures_of(config)["learnt_by_release"]
    assert told == {
        "release": "known", "sha256": sha256, "certain": 3, "by_hash": 0, "moved": 3, "moved_groups": 3,
        "val": 1,
    }  # fmt: skip
    listed = stage.issues_of(config).set_index("issue").loc["learnt_by_release"]
    assert list(listed["path"]) == KNOWN[:3]
    assert listed["detail"].str.startswith("known learnt from the same bytes; g-").all()
    splits = split_of(config)
    assert (splits[KNOWN[:3]] == "train").all()
    assert splits[KNOWN[3]] == "val"
    assert (splits == "test").sum() == 21
    assert "learnt from 3 radiographs of test for certain and from 0 by" in caplog.text
    assert "learnt from or was chosen on 1 radiographs of val: thresholds" in caplog.text
    page = stage.page_of(config)
    assert "learnt from 3 radiographs of test for certain" in page
    assert "knows 1 radiograph of val" in page


def test_a_copy_of_a_known_radiograph_leaves_test_with_its_group(config):
    learn(config, "train/fractured/0.png")
    mirrored = images.read(config.data.root / "train/fractured/0.png").pixels[:, ::-1]
    (config.data.root / "train/fractured/0.png").unlink()  # another hospital's, which is not here
    images.write(config.data.root / "test/fractured/0.png", np.ascontiguousarray(mirrored))
    labels = config.data.root.with_name("labels.csv")
    labels.write_text("path,patient_id\ntest/fractured/0.png,p\ntest/not fractured/4.png,p\n")
    data = config.data.model_copy(update={"labels": labels})
    validate.run(starting(config.model_copy(update={"data": data})))
    told = stage.figures_of(config)["learnt_by_release"]
    assert (told["certain"], told["by_hash"], told["moved"], told["moved_groups"]) == (0, 1, 2, 1)
    assert set(split_of(config)[["test/fractured/0.png", "test/not fractured/4.png"]]) == {"train"}
    listed = stage.issues_of(config).query("issue == 'learnt_by_release'")
    assert list(listed["path"]) == ["test/fractured/0.png"]
    assert "whose hash differs by 4 bits or fewer" in listed["detail"].item()


@pytest.mark.reliability(
    "`test` holds what the released model learnt from, and it may not be moved", "refused, with a list"
)
@pytest.mark.parametrize(
    ("validation", "mend"),
    [
        ({"learnt_in_test": "fail"}, "set validate.learnt_in_test: move"),
        ({"split": "keep"}, "set validate.split: regroup"),
        ({"split": "kfold", "learnt_in_test": "fail"}, "set validate.learnt_in_test: move"),
    ],
)
def test_what_may_not_be_moved_is_refused_with_a_list(config, validation, mend):
    learn(config, *KNOWN[:3])
    with pytest.raises(ValueError, match="test must hold no radiograph") as raised:
        validate.run(starting(config, **validation))
    assert mend in str(raised.value)
    assert all(f"  {name}" in str(raised.value).splitlines() for name in KNOWN[:3])
    assert not config.paths.manifest.exists()


def test_a_pinned_test_radiograph_leaves_test_all_the_same(config):
    validate.run(config)
    pinned = config.paths.manifest.with_name("pinned.csv")
    config.paths.manifest.rename(pinned)
    learn(config, *KNOWN)
    validate.run(starting(config, pinned_manifest=pinned))
    assert (split_of(config)[KNOWN[:3]] == "train").all()
    config.paths.manifest.rename(pinned)
    validate.run(starting(config, weights="package", pinned_manifest=pinned))  # trained on since
    assert (split_of(config)[KNOWN[:3]] == "train").all()


def test_in_kfold_it_lies_in_no_fold_and_the_others_are_dealt_evenly(config):
    learn(config, *KNOWN)
    validate.run(starting(config, split="kfold", folds=3, fold=1))
    table = manifest.read(config.paths.manifest).set_index("path")
    assert (table.loc[KNOWN, "split"] == "train").all()
    assert (table.loc[KNOWN, "fold"] == "").all()
    dealt = table.drop(KNOWN)
    counts = pd.crosstab(dealt["fold"], dealt["fractured"])
    assert counts.shape == (3, 2)
    assert (counts.max() - counts.min() <= 1).all()
    assert set(dealt.index[dealt["split"] == "test"]) == set(dealt.index[dealt["fold"] == "1"])
    assert stage.figures_of(config)["learnt_by_release"]["certain"] == 5


@pytest.mark.reliability("the released model learnt from all of `test`", "refused; it says why test is empty")
@pytest.mark.parametrize("split", ["regroup", "kfold"])
def test_nothing_left_to_test_is_told_with_the_reason(config, split):
    root = config.data.root
    learn(config, *(path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))))
    with pytest.raises(ValueError, match=r"needs (groups|a group) of both classes.* released model learnt"):
        validate.run(starting(config, split=split))


def test_with_other_weights_a_release_changes_no_byte(config):
    def written():
        files = [config.paths.manifest, *sorted(config.paths.report("validate").rglob("*.*"))]
        return {file: file.read_bytes() for file in files}

    validate.run(config)
    before = written()
    learn(config, *KNOWN)
    validate.run(starting(config, weights="random"))
    assert written() == before
    assert "learnt_by_release" not in stage.figures_of(config)


@pytest.mark.reliability("`learnt.npy` of a release was changed since it was sealed", "refused")
def test_hashes_that_were_changed_are_refused(config):
    learn(config, *KNOWN)
    file = config.paths.models / "released/known/learnt.npy"
    file.write_bytes(file.read_bytes()[:-16])
    with pytest.raises(released.ReleaseError, match=r"learnt\.npy must be the file that bundle\.json names"):
        validate.run(starting(config))


def test_the_stage_imports_no_tensorflow():
    code = "import sys, pipeline.stages.validate; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
