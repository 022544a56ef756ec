"""Training radiographs in another one's style: what is where stays, how strong it is changes.

References
----------
Q. Xu, R. Zhang, Y. Zhang, Y. Wang, Q. Tian, "A Fourier-based framework for domain generalization", CVPR 2021,
doi 10.1109/CVPR46437.2021.01415.
"""

from __future__ import annotations

import tensorflow as tf

from pipeline.train.draws import Draw

_MOST = 0.4  # of the amplitudes; more leaves ghosts of the other radiograph
_BRIGHTEST = 255.0


def restyle(canvases: tf.Tensor, share: float, draw: Draw) -> tf.Tensor:
    """Give a share of a batch (B, H, W, 1) up to 0.4 of another radiograph's amplitudes of frequencies."""
    if not share:
        return canvases
    n = tf.shape(canvases)[0]
    spectrum = tf.signal.rfft2d(tf.cast(canvases[..., 0], tf.float32))
    amplitude = tf.abs(spectrum)
    phase = spectrum / tf.cast(tf.maximum(amplitude, 1e-6), tf.complex64)
    chosen = tf.cast(draw.uniform(n, 0.0, 1.0) < share, tf.float32)
    taken = (chosen * draw.uniform(n, 0.0, _MOST))[:, None, None]
    mixed = (1 - taken) * amplitude + taken * draw.partners(amplitude)
    shown = tf.signal.irfft2d(tf.cast(mixed, tf.complex64) * phase, tf.shape(canvases)[1:3])
    return tf.ensure_shape(tf.clip_by_value(shown, 0.0, _BRIGHTEST)[..., None], canvases.shape)
