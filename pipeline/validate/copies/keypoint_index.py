"""The nearest keypoints of each among all: arrays in, arrays out.

References
----------
H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search", IEEE Transactions on
Pattern Analysis and Machine Intelligence 33 (2011), doi 10.1109/TPAMI.2010.57.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.types import AnyArray, Float32Array, Int8Array, Int64Array
from pipeline.validate.copies.keypoints import invariants

AT_ONCE = 1 << 14  # keypoints: bounds memory

_N_COMPONENTS = 48  # of the description: those that vary most
_FEW = 20_000  # keypoints: up to here, all are compared with all
_PER_CELL = 1000  # keypoints to a cell of the index
_CELLS_SEARCHED = 4
_SAMPLE = 64  # keypoints a cell, from which the cells are learnt
_ROUNDS = 4  # of k-means: more find no more matches, and take as long as the search


class KeypointIndex:
    """Keypoints indexed by what a rotation, a mirror image and a negative leave alone.

    Parameters
    ----------
    patches
        int8, shape (n_keypoints, 6, 16), one at least; see `keypoints.Keypoints`.
    """

    def __init__(self, patches: Int8Array) -> None:
        # Threads in step cost more than they save here, and many times that where others use the cores.
        with threadpool_limits(1):
            self._build(patches)

    def _build(self, patches: Int8Array) -> None:
        n_cells = max(1, len(patches) // _PER_CELL)
        sample = patches[:: max(1, len(patches) // (_SAMPLE * n_cells))]
        self._describe = _described(invariants(sample))
        kind = "Flat" if len(patches) <= _FEW else f"IVF{n_cells},PQ{_N_COMPONENTS // 2}x4fs"
        self._index = faiss.index_factory(_N_COMPONENTS, kind, faiss.METRIC_INNER_PRODUCT)
        if not self._index.is_trained:
            cells = faiss.extract_index_ivf(self._index)
            cells.cp.niter, cells.nprobe = _ROUNDS, _CELLS_SEARCHED
            self._index.train(self._describe(sample))
        for part in parts(patches):
            self._index.add(self._describe(part))

    def nearest(self, patches: Int8Array, n_neighbours: int) -> Int64Array:
        """Look keypoints up.

        Returns
        -------
        ndarray of int64, shape (n_asked, n_neighbours)
            Rows of the indexed patches; -1 where a cell held too few.
        """
        with threadpool_limits(1, "blas"):
            described = self._describe(patches)
        found: Int64Array = self._index.search(described, n_neighbours)[1]
        return found


def parts(values: AnyArray) -> Iterator[AnyArray]:
    """Cut rows into pieces that fit into memory with all that is computed from them."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _described(sample: Float32Array) -> Callable[[Int8Array], Float32Array]:
    """Learn what varies most; what varies much counts less than it varies, or it would drown the rest."""
    centre = sample.mean(axis=0)
    variances, axes = np.linalg.eigh((sample - centre).T @ (sample - centre) / len(sample))
    most = np.arange(len(variances))[: -_N_COMPONENTS - 1 : -1]
    weights = (axes[:, most] / np.maximum(variances[most], 1e-9) ** 0.25).astype(np.float32)

    def describe(patches: Int8Array) -> Float32Array:
        values = (invariants(patches) - centre) @ weights
        normed: Float32Array = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
        return normed

    return describe
