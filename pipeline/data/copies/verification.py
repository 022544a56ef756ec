"""Whether a candidate pair are copies: lay one over the other, and compare. Arrays in, a verdict out.

What a copy must reach was chosen on 1,420 radiographs of FracAtlas, 3,600 altered copies of 150 of them,
and phantoms; see docs/decisions/0005.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.data.copies import alignment, looks
from pipeline.data.copies.agreement import NOTHING, Agreement, agreement
from pipeline.data.copies.alignment import Transform
from pipeline.data.copies.keypoints import Keypoints

MIN_OVERLAP = 0.65  # two crops to 80 % of the sides share 0.56 to 1; a straight bone on another's end less
MIN_STRUCTURE = 0.05  # of the frame: a marker is not enough
MIN_CORNERS = 0.03  # of the frame: where bones end, meet or cross; one bare shaft lies well on another
MIN_COMMON = 0.6  # of the structure: what one patient's plate and screws share in two exposures is less
MIN_SPREAD = 0.8  # one hospital's stamp in two radiographs reaches 0.56, one patient's plate 0.79

_FEW_CORNERS = 0.08  # of the frame: below, and below half of the structure, a shaft and little else is seen
_PROMISING = (0.1, 0.4)  # score that is worth a first and a second refinement
_SURE = 0.8  # score at which nothing is left to refine
_COARSE = 0.5  # of the look, on which alignments are sought first
_HOPELESS = 0.5  # likeness less the shift on the coarse look: below, no finer look is taken


class Subject(NamedTuple):
    """What of a radiograph is compared."""

    look: looks.UInt8Array
    keypoints: Keypoints


class Pair(NamedTuple):
    """A candidate pair, and how it may lie by its hashes or polar spectra."""

    first: Subject
    second: Subject
    guesses: tuple[Transform, ...] = ()


class Verdict(NamedTuple):
    """How a pair agrees at the best alignment found.

    Attributes
    ----------
    agreement
        See `Agreement`.
    transform
        float64, shape (2, 3): from the first look's (column, row) to the second's.
    """

    agreement: Agreement
    transform: Transform

    def is_copy(self, min_score: float) -> bool:
        """Whether they are copies: they agree everywhere, over enough of both and on enough structure.

        Of a bare shaft everything must agree, since it lies well on many others. Elsewhere less is asked of
        the score where nearly all structure agrees: turning a radiograph again and again blurs it, and noise
        that is amplified may seem to have moved.
        """
        found = self.agreement
        enough = found.overlap >= MIN_OVERLAP and found.structure >= MIN_STRUCTURE
        shaped = found.corners >= MIN_CORNERS and found.spread >= MIN_SPREAD
        if not (enough and shaped):
            return False
        if found.corners < min(_FEW_CORNERS, found.structure / 2):
            return found.common >= 0.99 and found.likeness >= 0.97 and found.score >= min_score
        blurred = found.common >= 0.9 and found.score >= min_score - 0.1
        framed = found.overlap >= 0.9 and found.moved_px <= 0.5
        noisy = framed and found.common >= 0.95 and found.likeness >= 0.92
        return blurred or noisy or (found.common >= MIN_COMMON and found.score >= min_score)


_NONE = Verdict(NOTHING, np.eye(2, 3))


def verify(pair: Pair) -> Verdict:
    """Find the alignment at which a pair agrees best: by its keypoints, then by the guesses.

    Alignments are settled on coarse looks, the best of them on the looks themselves. Where those show too
    little fine structure to be compared, the coarse ones decide.
    """
    by_keypoints, _ = alignment.from_keypoints(pair.first.keypoints, pair.second.keypoints)
    guesses = [guess for guess in (by_keypoints, *pair.guesses) if guess is not None]
    if not guesses:
        return _NONE
    coarse = _best(pair, guesses, _COARSE)
    if coarse.agreement.likeness - coarse.agreement.moved_px < _HOPELESS:
        return coarse
    fine = _best(pair, [coarse.transform], 1.0)
    return fine if fine.agreement.structure >= MIN_STRUCTURE else coarse


def _best(pair: Pair, guesses: Sequence[Transform], size: float) -> Verdict:
    """Settle guesses on looks of a size, until one leaves no doubt."""
    first, second = (looks.detail(looks.shrunk(subject.look, size)) for subject in pair[:2])
    best = _NONE
    for guess in guesses:
        found = _settled(first, second, alignment.scaled(guess, size))
        best = max(best, found, key=lambda verdict: verdict.agreement.score)
        if best.agreement.score >= _SURE:
            break
    return best._replace(transform=alignment.scaled(best.transform, 1 / size))


def _settled(first: alignment.Detail, second: alignment.Detail, guess: Transform) -> Verdict:
    """Refine a guess on what agrees already, as long as that brings the two into better agreement."""
    transform = guess
    found, roughly = agreement(first, second, transform)
    for promising in _PROMISING:
        if not promising <= found.score < _SURE:
            break
        where = (first[0], roughly)
        moved = alignment.refined(where, second, transform, inverted=found.inverted)
        then, roughly = agreement(first, second, moved)
        if then.score <= found.score:
            break
        transform, found = moved, then
    return Verdict(found, transform)
