"""Which radiographs a release learnt from, told by hashes alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pipeline.phantoms.drawing import draw
from pipeline.validate import learnt_hashes, pyramid
from pipeline.validate.copies import spill_cache


def radiograph(number):
    return draw(7, "train", number, fractured=False, side_px=(320, 400)).pixels


def digest(pixels):
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def thumbnails(*pixels):
    return np.stack([pyramid.build(each).thumbnail for each in pixels])


@pytest.fixture(scope="module")
def known():
    return [radiograph(number) for number in range(6)]


@pytest.fixture(scope="module")
def learnt(known):
    return learnt_hashes.build([digest(each) for each in known], thumbnails(*known))


def test_equal_bytes_are_certain_and_copies_are_suspected(known, learnt):
    given = [known[2], np.ascontiguousarray(known[4][:, ::-1]), np.rot90(known[1]).copy(), radiograph(40)]
    found = learnt_hashes.match(learnt, [digest(each) for each in given], thumbnails(*given))
    assert found.certain.tolist() == [True, False, False, False]
    assert found.suspected.tolist() == [True, True, True, False]


def test_where_pixels_are_at_hand_a_pair_must_agree(known, learnt):
    given = [np.ascontiguousarray(known[4][:, ::-1]), radiograph(40)]
    wide = learnt_hashes.match(learnt, ["0" * 64] * 2, thumbnails(*given), distance=64)
    assert wide.suspected.all()
    order = np.argsort([int(digest(each)[:16], 16) for each in known])
    own = {row: spill_cache.extract(pyramid.medium(known[place])) for row, place in enumerate(order)}
    features = [spill_cache.extract(pyramid.medium(each)) for each in given]
    assert learnt_hashes.confirmed(wide, features, own, 0.82).tolist() == [True, False]
    assert not learnt_hashes.confirmed(wide, features, {}, 0.82).any()


def test_the_file_holds_16_bytes_a_radiograph_in_no_order_of_theirs(known, learnt, tmp_path):
    learnt_hashes.write(tmp_path / "a.npy", learnt)
    turned = learnt_hashes.build([digest(each) for each in known[::-1]], thumbnails(*known[::-1]))
    learnt_hashes.write(tmp_path / "b.npy", turned)
    data = (tmp_path / "a.npy").read_bytes()
    assert data == (tmp_path / "b.npy").read_bytes()
    assert len(data) <= 16 * len(known) + 128
    assert all(map(np.array_equal, learnt_hashes.read(tmp_path / "a.npy"), learnt))


def test_what_two_models_learnt_from_is_joined_once_each(known):
    first, second = (
        learnt_hashes.build([digest(each) for each in part], thumbnails(*part))
        for part in (known[:4], known[2:])
    )
    joined, whole = learnt_hashes.union(first, second), learnt_hashes.union(first, first)
    assert len(joined.digests) == 6
    assert learnt_hashes.certain(joined, [digest(each) for each in known]).all()
    assert all(map(np.array_equal, whole, first))


@pytest.mark.parametrize("data", [b"", b"no array", b"\x93NUMPY"])
@pytest.mark.reliability("a damaged `learnt.npy` of a release", "refused, naming the file")
def test_a_damaged_file_is_refused(data, tmp_path):
    (tmp_path / "learnt.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"learnt\.npy must be"):
        learnt_hashes.read(tmp_path / "learnt.npy")
