"""The record of a radiograph as a ``tf.train.Example``, written and parsed.

Its feature keys are those of TensorFlow's detection models: ``image/encoded``, ``image/class/label``,
``image/object/bbox/ymin``, ...
"""

from __future__ import annotations

import tensorflow as tf

from pipeline.preprocess import outlines
from pipeline.preprocess.preparation import Record

_LABELLED = {
    "image/encoded": tf.io.FixedLenFeature((), tf.string),
    "image/class/label": tf.io.FixedLenFeature((), tf.int64),
}
_MASKED = _LABELLED | {"image/object/mask": tf.io.VarLenFeature(tf.string)}


def encode(record: Record) -> bytes:
    """Write the message of a radiograph."""
    height, width = record.shape
    features = {
        "image/encoded": _bytes(record.encoded),
        "image/format": _bytes(b"png"),
        "image/filename": _bytes(record.row["path"].encode()),
        "image/source_id": _bytes(record.row["group"].encode()),
        "image/height": _ints(height),
        "image/width": _ints(width),
        "image/class/label": _ints(int(record.row["fractured"])),
        "image/class/text": _bytes(b"fractured" if record.row["fractured"] else b"not fractured"),
        "image/object/mask": _bytes(*record.masks),
        "image/object/class/label": _ints(*[1] * len(record.masks)),
    }
    for column, side in enumerate(("ymin", "xmin", "ymax", "xmax")):
        features[f"image/object/bbox/{side}"] = _floats(*record.boxes[:, column])
    return bytes(
        tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)
    )


def canvas_shape(message: bytes) -> tuple[int, int]:
    """Height and width of a radiograph's canvas in pixels, without starting TensorFlow's runtime."""
    features = tf.train.Example.FromString(message).features.feature
    height, width = (features[f"image/{side}"].int64_list.value[0] for side in ("height", "width"))
    return height, width


def _bytes(*values: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _ints(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(*values: float) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def labelled(message: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Parse canvas, uint8 (M, N, 1), and label, float32 (1,)."""
    example = tf.io.parse_single_example(message, _LABELLED)
    return _png(example["image/encoded"]), _label(example)


def with_mask(message: tf.Tensor, instead: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Parse the union of the masks, too, float32 (M, N, 1), or of the one PNG that stands in for them."""
    example = tf.io.parse_single_example(message, _MASKED)
    canvas = _png(example["image/encoded"])
    drawn = tf.sparse.to_dense(example["image/object/mask"])
    encoded = tf.cond(tf.strings.length(instead) > 0, lambda: instead[None], lambda: drawn)
    union = tf.foldl(lambda joined, mask: tf.maximum(joined, _png(mask)), encoded, tf.zeros_like(canvas))
    return canvas, _label(example), tf.cast(union, tf.float32) / 255


def with_outlines(message: tf.Tensor, instead: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Parse the outlines of its own masks, too, float32 (K, 32, 2); of none, one that lies nowhere."""
    canvas, label, union = with_mask(message, instead)
    drawn = tf.sparse.to_dense(tf.io.parse_single_example(message, _MASKED)["image/object/mask"])
    own = tf.cond(tf.strings.length(instead) > 0, lambda: drawn[:0], lambda: drawn)
    found = tf.map_fn(_outline, own, fn_output_signature=tf.TensorSpec((outlines.N_POINTS, 2)))
    n_missing = tf.maximum(1 - tf.shape(found)[0], 0)
    return (
        canvas,
        label,
        union,
        tf.pad(found, [[0, n_missing], [0, 0], [0, 0]], constant_values=outlines.NOWHERE),
    )


def _outline(mask: tf.Tensor) -> tf.Tensor:
    found = tf.numpy_function(outlines.of_mask, [_png(mask)], tf.float32, stateful=False)
    return tf.ensure_shape(found, (outlines.N_POINTS, 2))


def _png(encoded: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_png(encoded, channels=1)


def _label(example: dict[str, tf.Tensor]) -> tf.Tensor:
    return tf.cast(example["image/class/label"], tf.float32)[None]
