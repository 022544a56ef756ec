import json

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline import phantoms
from pipeline.config import Phantoms
from pipeline.dataset import profile
from pipeline.drift import distance
from pipeline.files.limits import Limits
from pipeline.validate import listing, scan

LIMITS = Limits(100_000_000, 32, 1.0)


def table(n, **columns):
    """Radiographs of 100 x 80 pixels, each alone in its group; the hash rises with the row."""
    plain = {
        "group": [f"g{row}" for row in range(n)],
        "sha256": [f"{row:04x}" for row in range(n)],
        "n_bytes": 4000,
        "format": "JPEG",
        "mode": "L",
        "height_px": pd.array([100] * n, dtype="Int64"),
        "width_px": pd.array([80] * n, dtype="Int64"),
    }
    return pd.DataFrame(plain | columns)


def flat(*levels):
    return [np.full((64, 64), level, np.uint8) for level in levels]


def test_a_radiograph_is_described_by_hand():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    found = profile.build(table(1, fractured=[True]), [stripes])
    numbers = {name: float(values[0]) for name, values in found.sample.items() if values.dtype.kind == "f"}
    assert numbers == {
        "height_px": 100, "width_px": 80, "aspect": 1.25, "bytes_per_pixel": 0.5,
        "brightness": 100, "contrast": 100, "sharpness": 100,
    }  # fmt: skip
    assert found.sample["picture"].tolist() == [[100] * 64]
    assert found.sample["fractured"].tolist() == [True]


def test_a_group_is_described_once_by_its_smallest_hash():
    files = table(4, group=["a", "a", "b", "b"], sha256=["3", "1", "4", "2"])
    found = profile.build(files, flat(30, 10, 40, 20))
    assert (found.files, found.groups) == (4, 2)
    assert found.sample["brightness"].tolist() == [10, 20]
    assert profile.choose(files).index.tolist() == [1, 3]


def test_order_and_names_change_nothing(tmp_path):
    files, thumbnails = table(9, group=list("aabbcdefg")), flat(*range(0, 90, 10))
    turned = np.random.default_rng(2).permutation(9)
    profile.write(profile.build(files, thumbnails), tmp_path / "a")
    profile.write(profile.build(files.iloc[turned], [thumbnails[row] for row in turned]), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_large_set_is_described_by_as_many_as_are_needed(monkeypatch):
    monkeypatch.setattr(profile, "MOST", 5)
    found = profile.build(table(8), flat(*range(8)))
    assert (found.groups, len(found.sample["mode"])) == (8, 5)


@pytest.mark.parametrize("labels", [{}, {"fractured": [True, False, True]}], ids=["unknown", "known"])
def test_what_was_written_is_read(tmp_path, labels):
    files = table(3, height_px=pd.array([333, 100, 7], dtype="Int64"), mode=["L", "RGB", "P"], **labels)
    built = profile.build(files, flat(1, 2, 255))
    profile.write(built, tmp_path / "profile.json")
    read = profile.read(tmp_path / "profile.json")
    assert (read.files, read.groups, set(read.sample)) == (3, 3, set(built.sample))
    for name, values in built.sample.items():
        assert read.sample[name].dtype.kind == values.dtype.kind
        np.testing.assert_array_equal(read.sample[name], values)


@pytest.mark.parametrize(
    "text", ["no json", "[]", '{"files": 1, "groups": 1}', '{"files": 1, "groups": 1, "sample": {"mode": 3}}',
             json.dumps({"files": 1, "groups": 1, "sample": {"mode": ["L"], "format": []}})],
)  # fmt: skip
def test_what_is_no_profile_is_refused_by_name(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match=r"other\.json is no profile"):
        profile.read(tmp_path / "other.json")


def test_nothing_has_no_profile():
    with pytest.raises(ValueError, match="a profile needs radiographs"):
        profile.build(table(0), [])


def inspected(found):
    """Facts as a table, each file a group of its own, and the thumbnails."""
    facts = [scan.inspect(each) for each in found]
    rows = [{name: getattr(fact, name) for name in DESCRIBED} for fact in facts]
    return pd.DataFrame(rows).assign(group=[fact.path for fact in facts]), [f.thumbnail for f in facts]


DESCRIBED = ("path", "fractured", "sha256", "n_bytes", "format", "mode", "height_px", "width_px")


@pytest.fixture(scope="module")
def real(fracatlas):
    """Some 300 real radiographs."""
    found, _ = listing.find(fracatlas, LIMITS)
    return inspected([found[row] for row in np.random.default_rng(1).permutation(len(found))[:300]])


@pytest.fixture(scope="module")
def halves(real):
    """Row numbers of two random halves."""
    return np.split(np.random.default_rng(5).permutation(len(real[0])), 2)


def score(reference, current, seed=7, without=()):
    """Compare two pairs of a table and thumbnails."""
    samples = [dict(profile.build(*side).sample) for side in (reference, current)]
    for name in without:
        del samples[0][name]
    return distance.score(distance.compare(*samples, seed=seed), alpha=0.01)


def take(side, rows):
    files, thumbnails = side
    return files.iloc[rows], [thumbnails[row] for row in rows]


def test_random_halves_of_real_radiographs_raise_no_alarm(real):
    scores = []
    for seed in range(20):
        shuffled = np.random.default_rng(seed).permutation(len(real[0]))
        scores.append(score(take(real, shuffled[:150]), take(real, shuffled[150:]), seed))
    assert sum(found >= 0.1 for found in scores) <= 1


GAMMAS = {"darker": 1.25, "brighter": 0.8}


@pytest.mark.parametrize("gamma", GAMMAS.values(), ids=GAMMAS.keys())
def test_another_exposure_is_drift(real, halves, gamma):
    levels = (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    files, thumbnails = take(real, halves[1][:60])
    assert score(take(real, halves[0]), (files, [cv2.LUT(each, levels) for each in thumbnails])) >= 0.1


def test_one_body_region_is_drift(real, halves, fracatlas):
    regions = pd.read_csv(fracatlas / "labels.csv").set_index("path").loc[real[0]["path"]]
    is_hip = np.flatnonzero(regions["hip"].to_numpy() == 1)
    assert len(is_hip) >= 15
    assert score(take(real, np.setdiff1d(halves[0], is_hip)), take(real, is_hip)) >= 0.1


def test_phantoms_look_unlike_real_radiographs(real, tmp_path):
    wanted = Phantoms(
        train=8, val=8, test=8, fractured_share=0.5, min_side_px=130, max_side_px=140, fault_share=0
    )
    phantoms.write(tmp_path, wanted, seed=7, workers=1)
    drawn = inspected(listing.find(tmp_path, LIMITS)[0])
    of_the_file = ("height_px", "width_px", "aspect", "bytes_per_pixel", "format", "mode", "fractured")
    assert score(real, drawn, without=of_the_file) >= 0.1
