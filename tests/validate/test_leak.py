import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import layout
from pipeline.statistics import forests
from pipeline.validate import leak
from pipeline.validate.scan import Fact

N_GROUPS = 60


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch):
    monkeypatch.setattr(forests, "_N_VOTES", 25)
    monkeypatch.setattr(leak, "_N_SAMPLES", 60)


def folder(*, frame=0.0, copies=True):
    """Groups of two radiographs of noise; ``frame`` brightens the border of the fractured ones.

    With ``copies``, each group was published once in train and once in test; here it lies in one split.
    """
    facts, rows, rng = [], [], np.random.default_rng(3)
    for number in range(N_GROUPS):
        fractured = number % 2 == 0
        thumbnail = rng.integers(0, 255, (64, 64)).astype(np.uint8)
        split = layout.SPLITS[number // 2 % 3]
        for copy, published in enumerate(("train", "test")):
            noisy = np.clip(thumbnail + rng.normal(0, 3, (64, 64)), 0, 255).astype(np.uint8)
            border = rng.normal(100 + frame * fractured, 10, 16)
            facts.append(Fact("", "", fractured, thumbnail=noisy, border=border, markers=rng.normal(size=8)))
            rows.append((f"g{number}", published if copies else split, split, fractured, 1000 + copy))
    files = pd.DataFrame(rows, columns=["group", "published_split", "split", "fractured", "n_bytes"])
    return files.assign(
        path=[f"{number}.png" for number in range(len(files))],
        status="kept",
        format="JPEG",
        mode="L",
        height_px=64,
        width_px=64,
        sampling_weight=0.5,
    ), facts


def test_copies_across_splits_are_remembered_by_both_models_and_gone_from_the_clean_split():
    files, facts = folder()
    for figures in (leak.memorisation(files, facts), leak.probes(files, facts, 7)):
        assert figures["published"]["auroc"] > 0.9
        assert figures["clean"]["auroc"] < 0.8


def test_a_clean_split_as_published_is_worth_the_same():
    files, facts = folder(copies=False)
    for figures in (leak.memorisation(files, facts), leak.probes(files, facts, 7)):
        assert figures["published"] == figures["clean"]


def test_files_left_out_are_in_no_clean_figure():
    files, facts = folder()
    files.loc[files["published_split"] == "train", ["status", "split"]] = ["redundant", ""]
    assert leak.memorisation(files, facts)["published"]["auroc"] > 0.9
    assert leak.memorisation(files, facts)["clean"]["auroc"] < 0.8


def test_probes_have_intervals_over_groups():
    files, facts = folder()
    clean = leak.probes(files, facts, 7)["clean"]
    for name in ("accuracy", "auroc"):
        assert clean[f"{name}_low"] <= clean[name] <= clean[f"{name}_high"]


def test_a_frame_that_predicts_the_label_is_found_and_nothing_else():
    figures = leak.shortcut_baselines(*folder(frame=40), 7).figures
    assert set(figures) == {"size", "border", "marker", "histogram"}
    assert set(figures["border"]) == {"auroc", "cv_auroc", "cv_auroc_low", "cv_auroc_high"}
    assert figures["border"]["cv_auroc_low"] > 0.9
    assert figures["border"]["auroc"] > 0.9
    for name in ("size", "marker", "histogram"):
        assert figures[name]["cv_auroc_low"] < 0.6


def test_two_groups_of_a_class_are_enough():
    files, facts = folder(frame=80)
    small = files[files["fractured"] | files["group"].isin(["g1", "g3"])]
    small = small.assign(split=np.where(small["group"].isin(["g0", "g1"]), "test", "train"))
    assert leak.shortcut_baselines(small, facts, 7).figures["border"]["cv_auroc"] > 0.9


def test_one_group_of_a_class_is_refused():
    files, facts = folder()
    with pytest.raises(ValueError, match="both classes"):
        leak.shortcut_baselines(files[files["fractured"] | (files["group"] == "g1")], facts, 7)
