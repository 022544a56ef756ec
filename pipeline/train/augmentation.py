"""Random changes of training radiographs, the same again for the same seed, epoch and batch.

A radiograph is resampled once, whatever turns, zooms and shifts it: each resampling blurs, and a
fracture line is often a pixel wide.

References
----------
H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond empirical risk minimization",
ICLR 2018, arXiv:1710.09412.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.config import Augment
from pipeline.preprocess import perturbations
from pipeline.train import acquisition, closeups, style
from pipeline.train.closeups import CloseUps
from pipeline.train.draws import Draw, ShareDraw
from pipeline.train.sharing import Share

_BRIGHTEST = 255.0
_SEEDS = 2.0**24  # what a float32 can tell apart
_OUTLINES = 3  # place of the outlines in a batch, where it has them
_BATCHES_PER_EPOCH = 1_000_000  # more than there can be: each (epoch, batch) has a number of its own


class Augmentation:
    """Random flips, rotations, zooms, shifts, close-ups, grey, masked markers, other devices and mixtures.

    Parameters
    ----------
    settings
        How much of each; 0 leaves it out.
    seed
        Together with epoch and batch it decides every change.
    drawn_share
        Share of the fractured radiographs whose fractures are drawn, 0..1: of the others, as many become
        close-ups, so that being one tells nothing.
    """

    def __init__(self, settings: Augment, seed: int, drawn_share: float = 1.0) -> None:
        self._settings, self._seed, self._drawn_share = settings, seed, drawn_share

    def apply(self, batches: tf.data.Dataset, epoch: int) -> tf.data.Dataset:
        """Change the batches of ``shards.dataset``; wrap them in ``engine.ahead``.

        Returns
        -------
        tf.data.Dataset
            Of float32 (B, H, W, 1) in 0..255 and what came with it; masks and outlines are moved along, and
            labels and masks are mixed as the radiographs are. Of two radiographs that are mixed, the outlines
            are those of the one that shows more.
        """
        first = epoch * _BATCHES_PER_EPOCH

        def change(batch: tf.Tensor, parts: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            return self._change(parts, Draw(self._seed, first + batch))

        return batches.enumerate().map(change, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def apply_to_shares(self, shares: tf.data.Dataset, epoch: int, each: int) -> tf.data.Dataset:
        """Change shares of batches as the whole batches would be changed.

        Parameters
        ----------
        shares
            Of what ``shards.dataset`` gives, and the :class:`pipeline.train.sharing.Share` that it is.
        each
            How many shares of a batch there are in turn.

        Returns
        -------
        tf.data.Dataset
            Of what :meth:`apply` gives, and the share.
        """
        first = epoch * _BATCHES_PER_EPOCH

        def change(n: tf.Tensor, both: tuple[tuple[tf.Tensor, ...], Share]) -> tuple[tf.Tensor, ...]:
            parts, share = both
            draw = ShareDraw(self._seed, first + n // each, Share(*share))
            return self._change(parts, draw), share

        return shares.enumerate().map(change, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def _change(self, parts: tuple[tf.Tensor, ...], draw: Draw) -> tuple[tf.Tensor, ...]:
        canvases, fractured, *drawn = parts
        nearer = None
        if self._settings.closeup and drawn:
            shares = closeups.Shares(self._settings.closeup, self._settings.closeup * self._drawn_share)
            nearer = closeups.choose(canvases, fractured, drawn[0], shares, draw)
        changed, *moved = self(canvases, *drawn, draw=draw, nearer=nearer)
        return tuple(_mix([changed, fractured, *moved], self._settings.mixup, draw))

    def __call__(
        self, canvases: tf.Tensor, *drawn: tf.Tensor, draw: Draw, nearer: CloseUps | None = None
    ) -> list[tf.Tensor]:
        """Change one batch (B, H, W, 1) in 0..255, and move mask and outlines as its pixels move; float32."""
        masks, outlines = drawn[:1], drawn[1:]
        bare = _mask_markers(canvases, self._settings.marker_cutout, draw)
        retaken = _retake(bare, self._settings.acquisition, draw)
        stacked = tf.concat([tf.cast(part, tf.float32) for part in (retaken, *masks)], axis=-1)
        transforms = _transforms(tf.shape(stacked), self._settings, draw, nearer)
        changed, *others = tf.split(_move(stacked, transforms), 1 + len(masks), axis=-1)
        moved = [_carry(points, transforms) for points in outlines]
        restyled = style.restyle(changed, self._settings.style, draw)
        return [_colour(restyled, self._settings, draw), *others, *moved]


def _transforms(shape: tf.Tensor, settings: Augment, draw: Draw, nearer: CloseUps | None) -> tf.Tensor | None:
    """Draw how each of a batch of ``shape`` (B, H, W, C) is flipped, turned, zoomed and shifted: (B, 8).

    As TensorFlow's projective transforms, from a pixel of the result to the pixel that it shows. None where
    nothing moves.
    """
    amounts = (settings.flip, settings.rotation_deg, settings.zoom, settings.aspect, settings.shift)
    if not any(amounts) and nearer is None:
        return None
    n, height, width = (shape[axis] for axis in range(3))
    angle = draw.uniform(n, -1.0, 1.0) * math.radians(settings.rotation_deg)
    scale = 1 + draw.uniform(n, -settings.zoom, settings.zoom)
    if nearer is not None:
        scale *= nearer.scale
    sides = tf.cast(tf.stack([width, height]), tf.float32)
    shift = tf.stack([draw.uniform(n, -settings.shift, settings.shift) for _ in range(2)], -1) * sides
    mirror = [_mirror(draw.uniform(n, 0.0, 1.0), settings.flip) for _ in range(2)]
    widen = _widen(n, settings.aspect, draw)
    # About the centre, column before row.
    cosine, sine = tf.cos(angle) / scale, tf.sin(angle) / scale
    columns = tf.stack([mirror[0] * cosine, mirror[0] * -sine], -1) / widen
    rows = tf.stack([mirror[1] * sine, mirror[1] * cosine], -1) * widen
    centre = (sides - 1) / 2
    if nearer is not None:
        from_centre = tf.stack([tf.reduce_sum(part * nearer.shown, -1) for part in (columns, rows)], -1)
        shift = tf.where(nearer.chosen[:, None], nearer.place - centre - from_centre, shift)
    offset = centre + shift - tf.stack([tf.linalg.matvec(part, centre) for part in (columns, rows)], -1)
    zeros = tf.zeros([n, 2])
    return tf.concat([columns, offset[:, :1], rows, offset[:, 1:], zeros], axis=1)


def _move(stacked: tf.Tensor, transforms: tf.Tensor | None) -> tf.Tensor:
    """Resample (B, H, W, C); what comes from outside is 0."""
    if transforms is None:
        return stacked
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=stacked,
        transforms=transforms,
        output_shape=tf.shape(stacked)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _carry(outlines: tf.Tensor, transforms: tf.Tensor | None) -> tf.Tensor:
    """Move points (B, K, P, 2), row before column, to where the result shows them."""
    if transforms is None:
        return outlines
    columns, rows = transforms[:, None, 0:3], transforms[:, None, 3:6]
    to_shown = tf.stack([rows[..., 1::-1], columns[..., 1::-1]], axis=-2)  # row before column
    offset = tf.stack([rows[..., 2], columns[..., 2]], axis=-1)[:, :, None]
    pixels = outlines - 0.5 - offset  # these transforms count from the first pixel's centre
    return tf.matmul(pixels, tf.linalg.inv(to_shown), transpose_b=True) + 0.5


def _mirror(chance: tf.Tensor, flip: bool) -> tf.Tensor:
    """Minus one for a half of the radiographs, if they are flipped at all."""
    return tf.where((chance < 0.5) & flip, -1.0, 1.0)


def _widen(n: tf.Tensor, most: float, draw: Draw) -> tf.Tensor:
    """Draw by how much each radiograph is made wider and less high, (n, 1); one number, 1, for none."""
    if not most:
        return tf.ones([1, 1])
    return tf.exp(draw.uniform(n, -most, most)[:, None] / 2)


def _colour(canvases: tf.Tensor, settings: Augment, draw: Draw) -> tf.Tensor:
    """Change contrast about each radiograph's mean, and brightness."""
    if not (settings.contrast or settings.brightness):
        return canvases
    n = tf.shape(canvases)[0]
    contrast = 1 + draw.uniform(n, -settings.contrast, settings.contrast)
    brightness = draw.uniform(n, -settings.brightness, settings.brightness) * _BRIGHTEST
    mean = tf.reduce_mean(canvases, axis=(1, 2, 3), keepdims=True)
    changed = (canvases - mean) * _each(contrast) + mean + _each(brightness)
    return tf.clip_by_value(changed, 0.0, _BRIGHTEST)


def _mask_markers(canvases: tf.Tensor, share: float, draw: Draw) -> tf.Tensor:
    """Paint over letters and lead plates in a share of the radiographs: a network can read, too."""
    if not share:
        return canvases
    chosen = draw.uniform(tf.shape(canvases)[0], 0.0, 1.0) < share
    masked = tf.numpy_function(_without_markers, [canvases, chosen], tf.uint8, stateful=False)
    return tf.ensure_shape(masked, canvases.shape)


def _without_markers(canvases: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    masked = canvases.copy()
    for position in np.flatnonzero(chosen):
        masked[position, ..., 0] = perturbations.mask_markers(canvases[position, ..., 0])
    return masked


def _retake(canvases: tf.Tensor, share: float, draw: Draw) -> tf.Tensor:
    """Show a share of the radiographs as other devices would have."""
    if not share:
        return canvases
    n = tf.shape(canvases)[0]
    chosen = draw.uniform(n, 0.0, 1.0) < share
    seeds = tf.cast(draw.uniform(n, 0.0, 1.0) * _SEEDS, tf.int64)
    retaken = tf.numpy_function(acquisition.retake, [canvases, chosen, seeds], tf.uint8, stateful=False)
    return tf.ensure_shape(retaken, canvases.shape)


def _mix(parts: list[tf.Tensor], alpha: float, draw: Draw) -> list[tf.Tensor]:
    """Lay each radiograph of a batch over another one, labels and masks alike; choose outlines."""
    if not alpha:
        return parts
    share = draw.beta(tf.shape(parts[0])[0], alpha)
    mixed = []
    for place, part in enumerate(parts):
        own = tf.reshape(share, [-1, *[1] * (part.shape.rank - 1)])
        own = tf.round(own) if place == _OUTLINES else own
        mixed.append(own * part + (1 - own) * draw.partners(part))
    return mixed


def _each(values: tf.Tensor) -> tf.Tensor:
    """Shape one number a radiograph so that it meets (B, H, W, 1)."""
    return tf.reshape(values, [-1, 1, 1, 1])
