"""Whether a radiograph is like those that the model learnt from, by its nearest neighbours among them.

The score is the mean Euclidean distance to the nearest of a bank of training radiographs, between features
that have length one. Farther than a threshold, an answer of the network means nothing. After Sun, Ming, Zhu
and Li, Out-of-distribution detection with deep nearest neighbors, ICML 2022, https://arxiv.org/abs/2204.06507.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from pipeline.dataset import body_part
from pipeline.files import outputs
from pipeline.files.faults import Note
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray, StrArray

NEIGHBOURS = 5  # docs/explanation/scope.md: few, since a part of the body may have few radiographs
EXCEEDING = 0.02  # share of val that lies out of scope
BANK = 2048  # training radiographs that travel in the bundle, at most: 2.6 MB for EfficientNet-Lite0

_PHANTOMS_ONLY = Note(
    "knows_phantoms_only",
    "learnt from drawn phantoms alone: what it says of a radiograph of a patient means nothing",
)


@dataclass(frozen=True)
class Verdict:
    """How far one radiograph lies from those of training.

    Attributes
    ----------
    score
        Mean distance to the nearest of them, 0..2.
    threshold
        Score above which it is out of scope.
    reason
        In plain words, why it is out of scope; empty where it is in scope.
    """

    score: float
    threshold: float
    reason: str = ""

    @property
    def in_scope(self) -> bool:
        """Whether an answer of the network means anything here."""
        return not self.reason

    def record(self) -> dict[str, object]:
        """Return the verdict for JSON."""
        rounded = {"score": round(self.score, 6), "threshold": round(self.threshold, 6)}
        return {**rounded, "in_scope": self.in_scope, "reason": self.reason}


@dataclass(frozen=True)
class Scope:
    """What a model learnt from.

    Attributes
    ----------
    bank
        (N, F) float16, features of training radiographs, each of length one.
    parts
        (N,), the part of the body that each shows; empty where that is not known.
    threshold
        Score above which a radiograph is out of scope.
    phantoms_only
        Whether the bank holds drawn phantoms alone.
    """

    bank: AnyArray
    parts: StrArray
    threshold: float
    phantoms_only: bool = False

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the model warns of with every answer."""
        return (_PHANTOMS_ONLY,) if self.phantoms_only else ()

    def score(self, features: FloatArray) -> Float64Array:
        """Score radiographs by their features (B, F), as the network gives them: (B,)."""
        return self._nearest(features)[0]

    def holds(self, scores: ArrayLike) -> BoolArray:
        """Say which scores (B,) are those of radiographs in scope: (B,)."""
        return np.asarray(np.asarray(scores) <= self.threshold)

    def judge(self, features: FloatArray) -> list[Verdict]:
        """Say of each of B radiographs whether it is in scope, and why not."""
        return [self._verdict(*each) for each in zip(*self._nearest(features), strict=True)]

    def _nearest(self, features: FloatArray) -> tuple[Float64Array, StrArray]:
        """Mean distance to the nearest of the bank (B,), and the parts of the body that these show (B, K)."""
        distance = cdist(_unit(features), self.bank.astype(np.float64))
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
        return np.take_along_axis(distance, nearest, axis=1).mean(axis=1), self.parts[nearest]

    def _verdict(self, score: float, parts: StrArray) -> Verdict:
        if self.holds(score):
            return Verdict(float(score), self.threshold)
        shown = dict.fromkeys(part for part in parts.tolist() if part != body_part.UNKNOWN)
        nearest = f"; the nearest of these show: {', '.join(shown)}" if shown else ""
        return Verdict(
            float(score),
            self.threshold,
            f"further from the training {'phantoms' if self.phantoms_only else 'radiographs'} than "
            f"{1 - EXCEEDING:.0%} of validation's: {score:.3f}, of at most {self.threshold:.3f}{nearest}",
        )


def chosen(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Choose the index rows whose features make the bank: all, or so many that a bundle stays small.

    Groups are drawn alike, however many radiographs they hold.
    """
    if len(train) <= BANK:
        return train
    return train.sample(BANK, weights="sampling_weight", random_state=seed).sort_index()


def fit(
    features: FloatArray,
    parts: StrArray,
    held_out: FloatArray,
    sample_weight: FloatArray,
    *,
    phantoms_only: bool = False,
) -> Scope:
    """Make the bank and choose the threshold that 2 % of held-out radiographs exceed.

    Parameters
    ----------
    features
        (N, F), of training radiographs.
    parts
        (N,), the part of the body that each shows, or "".
    held_out, sample_weight
        (M, F) and (M,): of ``val``, each group weighing as one.
    phantoms_only
        Whether all of them are drawn.
    """
    bank = _unit(features).astype(np.float16)
    score = Scope(bank, parts, np.inf).score(held_out)
    threshold = np.quantile(score, 1 - EXCEEDING, weights=sample_weight, method="inverted_cdf")
    return Scope(bank, parts, float(threshold), phantoms_only)


def write(path: Path, scope: Scope) -> None:
    """Write the bank and the threshold; equal content gives equal bytes."""
    buffer = BytesIO()
    np.savez(buffer, **{name: np.asarray(value) for name, value in vars(scope).items()})  # type: ignore[arg-type]
    outputs.write_bytes(path, buffer.getvalue())


def read(path: Path) -> Scope:
    """Read what :func:`write` wrote.

    Raises
    ------
    ValueError
        The file is damaged, or holds something else.
    """
    data = path.read_bytes()
    try:
        with np.load(BytesIO(data), allow_pickle=False) as archive:
            values = {name: archive[name] for name in ("bank", "parts", "threshold", "phantoms_only")}
    except Exception as error:  # zipfile raises whatever an odd archive runs it into
        raise ValueError(f"must be an archive of arrays. Received: {error!r}") from error
    if values["bank"].ndim != 2 or len(values["bank"]) != len(values["parts"]):
        raise ValueError(f"bank {values['bank'].shape} and parts {values['parts'].shape} do not fit")
    return Scope(values["bank"], values["parts"], float(values["threshold"]), bool(values["phantoms_only"]))


def _unit(features: FloatArray) -> Float64Array:
    """Features of length one."""
    values = np.asarray(features, np.float64)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12))
