import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.validate import hamming


def brute_force(codes, distance):
    """All (first, second, variant), through a product of the bits as numbers."""
    bits = np.unpackbits(codes.view(np.uint8), axis=1).reshape(*codes.shape, 64).astype(np.float32)
    plain, found = bits[:, 0], set()
    for variant in range(codes.shape[1]):
        turned = bits[:, variant]
        apart = turned @ (1 - plain.T) + (1 - turned) @ plain.T
        found |= {(i, j, variant) for i, j in np.argwhere(apart <= distance).tolist() if i < j}
    return found


def search(codes, distance):
    """All pieces together; a pair that is reported twice is an error."""
    listed = [tuple(row) for piece in hamming.near_pairs(codes, distance) for row in piece.tolist()]
    assert len(listed) == len(set(listed))
    return set(listed)


def relatives(seed, n_rows, n_variants=3, n_flips=14):
    """Descendants of few ancestors: pairs at all distances, and equal codes."""
    rng = np.random.default_rng(seed)
    ancestors = rng.integers(0, 2**64, size=(9, n_variants), dtype=np.uint64)
    codes = ancestors[rng.integers(len(ancestors), size=n_rows)]
    for _ in range(n_flips):
        flipped = codes ^ (np.uint64(1) << rng.integers(64, size=codes.shape, dtype=np.uint64))
        codes = np.where(rng.random((n_rows, 1)) < 0.6, flipped, codes)
    return codes


@given(seed=st.integers(0, 10**6), n_rows=st.integers(0, 120), distance=st.integers(0, 24))
def test_few_rows_give_what_brute_force_gives(seed, n_rows, distance):
    codes = relatives(seed, n_rows)
    assert search(codes, distance) == brute_force(codes, distance)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), distance=st.integers(0, 10), n_variants=st.integers(1, 4))
def test_tables_give_what_brute_force_gives(seed, distance, n_variants):
    codes = relatives(seed, 450, n_variants)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "_BLOCK", 100)  # several blocks, and pieces smaller than a range
        patch.setattr(hamming, "_AT_ONCE", 1000)
        patch.setattr(hamming, "_compare_all", None)
        found = search(codes, distance)
    assert found == brute_force(codes, distance)


def test_codes_as_far_apart_as_allowed_are_found_and_one_bit_further_are_not():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 2**64, size=(500, 1), dtype=np.uint64)
    flips = [sum(1 << int(bit) for bit in rng.choice(64, n_bits, replace=False)) for n_bits in (10, 11)]
    codes[[400, 401]] = codes[7] ^ np.array(flips, dtype=np.uint64)[:, None]
    assert search(codes, 10) & {(7, 400, 0), (7, 401, 0)} == {(7, 400, 0)}


def test_equal_codes_cost_time_but_no_memory():
    codes = np.zeros((3000, 1), np.uint64)  # 4,498,500 pairs: 108 MB at once
    tracemalloc.start()
    n_found = sum(len(piece) for piece in hamming.near_pairs(codes, 2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_found == 3000 * 2999 // 2
    assert peak < 60e6
