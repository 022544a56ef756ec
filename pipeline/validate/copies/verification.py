"""Whether a candidate pair are copies: lay one over the other, and compare. Arrays in, a verdict out.

What a copy must reach was chosen on 1,420 radiographs of FracAtlas, 3,600 altered copies of 150 of them,
and phantoms; see docs/decisions/0005.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.validate.copies import alignment
from pipeline.validate.copies.agreement import NOTHING, Agreement, agreement
from pipeline.validate.copies.alignment import Transform
from pipeline.validate.copies.spill_cache import CopyFeatures, Spilled, load

MIN_OVERLAP = 0.65  # two crops to 80 % of the sides share 0.56 to 1; a straight bone on another's end less
MIN_STRUCTURE = 0.05  # of the frame: a marker is not enough
MIN_CORNERS = 0.03  # of the frame: where bones end, meet or cross; one bare shaft lies well on another
MIN_COMMON = 0.6  # of the structure: what one patient's plate and screws share in two exposures is less
MIN_SPREAD = 0.8  # one hospital's stamp in two radiographs reaches 0.56, one patient's plate 0.79

_FEW_CORNERS = 0.08  # of the frame: below, and below half of the structure, there is hardly more than a shaft
_LEAST = 0.75  # correlation of copies that are aligned: below, nothing else is measured, whatever the setting
_BARE_COMMON, _BARE_LIKENESS = 0.98, 0.94  # what a bare shaft must reach; hardly any other one does
_IN_FRAME_PX = 5.0  # of the corners, from a turn within the frame; no false candidate came below 7
_LARGE_IN_FRAME = (0.5, 0.03, 0.02)  # overlap, structure and corners that are enough then
_COMMON_IN_FRAME = 0.8
_BARE_IN_FRAME = (0.94, 0.9)  # common and likeness of a bare shaft
_PROMISING = (0.25, 0.4)  # score that is worth a first and a second refinement
_SURE = 0.8  # score at which nothing is left to refine
_COARSE = 0.5  # scale of the thumbnail on which alignments are sought first
_HOPELESS = 0.58  # likeness less the shift on the coarse thumbnail: below, the fine one is not compared


class Pair(NamedTuple):
    """A candidate pair, how it may lie by the votes of its keypoints, and frame on frame by its hashes.

    The second may be a long radiograph as a square shows it: then the first may be turned within its frame.
    """

    first: CopyFeatures | Spilled
    second: CopyFeatures | Spilled
    voted: tuple[Transform, ...] = ()
    framed: tuple[Transform, ...] = ()
    is_squared: bool = False


class Verdict(NamedTuple):
    """How a pair agrees at the best alignment found.

    Attributes
    ----------
    agreement
        See `Agreement`.
    transform
        float64, shape (2, 3): from the first thumbnail's (column, row) to the second's.
    in_frame
        Whether the whole of the second was forced into the first's frame and turned about its middle: which
        radiographs of two patients are not, but by chance.
    """

    agreement: Agreement
    transform: Transform
    in_frame: bool = False

    def is_copy(self, min_score: float) -> bool:
        """Whether they are copies: they agree everywhere, over enough of both and on enough structure.

        Of a bare shaft everything must agree, since it lies well on many others. Elsewhere a lower score is
        enough where nearly all structure agrees: turning a radiograph again and again blurs it, and noise
        that is amplified may seem to have moved. Less is enough, too, of what lies whole within the frame.
        """
        measured = self.agreement
        if self.in_frame and _agrees_in_frame(measured, min_score):
            return True
        enough = measured.overlap >= MIN_OVERLAP and measured.structure >= MIN_STRUCTURE
        shaped = measured.corners >= MIN_CORNERS and measured.spread >= MIN_SPREAD
        if not (enough and shaped):
            return False
        if measured.corners < min(_FEW_CORNERS, measured.structure / 2):
            agrees = measured.common >= _BARE_COMMON and measured.likeness >= _BARE_LIKENESS
            return agrees and measured.score >= min_score
        blurred = measured.common >= 0.9 and measured.score >= min_score - 0.1
        framed = measured.overlap >= 0.9 and measured.moved_px <= 0.5
        noisy = framed and measured.common >= 0.95 and measured.likeness >= 0.94
        return blurred or noisy or (measured.common >= MIN_COMMON and measured.score >= min_score)


def _agrees_in_frame(measured: Agreement, min_score: float) -> bool:
    shown = (measured.overlap, measured.structure, measured.corners)
    if any(map(operator.lt, shown, _LARGE_IN_FRAME)) or measured.spread < MIN_SPREAD:
        return False
    is_bare = measured.corners < min(_FEW_CORNERS, measured.structure / 2)
    common, likeness = _BARE_IN_FRAME if is_bare else (_COMMON_IN_FRAME, _LEAST)
    agrees = measured.common >= common and measured.likeness >= likeness
    return agrees and measured.score >= min_score - 0.1


_NONE = Verdict(NOTHING, np.eye(2, 3))


def verify(pair: Pair) -> Verdict:
    """Find the alignment at which a pair agrees best, and whether it is a turn within the frame."""
    verdict = _best(pair)
    return verdict._replace(in_frame=pair.is_squared and _is_in_frame(pair, verdict.transform))


def _is_in_frame(pair: Pair, transform: Transform) -> bool:
    turned = alignment.turned_in_frame(transform, pair.first.shape, pair.second.shape)
    return alignment.apart_px(transform, turned, pair.first.shape) <= _IN_FRAME_PX


def _best(pair: Pair) -> Verdict:
    """Find the alignment at which a pair agrees best.

    Alignments are refined on half-size thumbnails, the best of them on the thumbnails. Where those show too
    little fine structure to be compared, the coarse ones decide.
    """
    first, second = load(pair.first), load(pair.second)
    coarse = _NONE
    for transform in _alignments(first, second, pair):
        verdict = _refine(first.coarse, second.coarse, alignment.scaled(transform, _COARSE))
        coarse = max(coarse, verdict, key=lambda each: each.agreement.score)
        if coarse.agreement.score >= _SURE:
            break
    transform = alignment.scaled(coarse.transform, 1 / _COARSE)
    if coarse.agreement.likeness - coarse.agreement.moved_px < _HOPELESS:
        return coarse._replace(transform=transform)
    fine = _refine(first.fine, second.fine, transform)
    return fine if fine.agreement.structure >= MIN_STRUCTURE else coarse._replace(transform=transform)


def _alignments(first: CopyFeatures, second: CopyFeatures, pair: Pair) -> Iterator[Transform]:
    """Fit the guesses to the keypoints; and take those of the frames as they are, too."""
    for guess in (*pair.voted, *pair.framed):
        fitted = alignment.by_keypoints(
            (first.keypoints, first.invariants), (second.keypoints, second.invariants), guess
        )
        if fitted is not None:
            yield fitted
    yield from pair.framed


def _refine(first: alignment.Detail, second: alignment.Detail, guess: Transform) -> Verdict:
    """Refine a guess on what agrees already, as long as that brings the two into better agreement."""
    transform = guess
    best, roughly = agreement(first, second, transform, least_correlation=_LEAST)
    for promising in _PROMISING:
        if not promising <= best.score < _SURE:
            break
        where = (first[0], roughly)
        moved = alignment.refined(where, second, transform, inverted=best.inverted)
        then, roughly = agreement(first, second, moved, least_correlation=_LEAST)
        if then.score <= best.score:
            break
        transform, best = moved, then
    return Verdict(best, transform)
