"""The classifier: a network that draws its own evidence map.

Backbone, a feature pyramid down to stride 8, one channel of evidence, a pooling, one logit.
The evidence map needs no second pass and no gradient.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras
from keras import layers

from pipeline.config import Train
from pipeline.network import archive, backbones, box_head, pooling
from pipeline.network.body_part_head import BODY_PART_HEAD
from pipeline.network.box_head import BOX_HEAD
from pipeline.network.interface import STRIDE

_LEVELS = (32, 16, 8)
_EXACT = "float32"  # whatever the precision of the layers before: see pipeline/train/precision.py
_HEADS = ("pyramid", "evidence", "attention", "logit", BODY_PART_HEAD, BOX_HEAD)
_PRIOR_LOGIT = -2.0  # evidence starts low: most of a radiograph is no fracture


def build(settings: Train, canvas_shape: tuple[int, int], *, with_boxes: bool = False) -> keras.Model:
    """Build the network with its backbone's weights loaded.

    Parameters
    ----------
    settings
        Backbone, weights, pyramid and pooling.
    canvas_shape
        Height and width of the canvas in pixels, multiples of 32.
    with_boxes
        Whether it has a head for the boxes of fractures (:mod:`pipeline.network.box_head`).

    Returns
    -------
    keras.Model
        From ``image`` (B, H, W, 1), 0..255, to ``logit`` (B, 1) and ``evidence`` (B, H/8, W/8, 1), and
        ``box`` (B, H/8, W/8, 4) with that head.
    """
    image = keras.Input((*canvas_shape, 1), name="image")
    maps = backbones.features(settings.backbone, image)
    missing = [stride for stride in _LEVELS if stride not in maps]
    if missing:
        raise ValueError(
            f"train.backbone {settings.backbone!r} has no feature map at stride {missing} for a canvas of "
            f"{canvas_shape[0]} x {canvas_shape[1]} pixels. Choose another backbone or canvas size."
        )
    pyramid = _pyramid([maps[stride] for stride in _LEVELS], settings)
    evidence = _evidence(pyramid, maps, settings)
    logit = _pool(evidence, pyramid, settings)
    outputs = {"logit": logit, "evidence": evidence}
    if with_boxes:
        levels = {stride: maps[stride] for stride in _LEVELS}
        outputs[BOX_HEAD] = box_head.distances(pyramid, levels, settings.pyramid_channels)
    model = keras.Model(image, outputs, name="fracture_classifier")
    backbones.load_weights(model, settings.backbone, settings.weights)
    freeze(model, settings.frozen_fraction)
    return model


def freeze(model: keras.Model, share: float) -> None:
    """Fix the first ``share`` of the backbone's weighted layers, and all batch statistics."""
    backbone = [layer for layer in model.layers if layer.weights and not is_head(layer)]
    for layer in backbone[: round(share * len(backbone))]:
        layer.trainable = False
    for layer in backbone:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


def is_head(layer: keras.layers.Layer) -> bool:
    """Whether a layer was added after the backbone, and so starts from random weights."""
    return bool(layer.name.startswith(_HEADS))


def save(model: keras.Model, path: Path) -> None:
    """Write a ``.keras`` file whose bytes depend on the weights alone."""
    model.save(path)
    archive.make_repeatable(path)


def load(path: Path, canvas_shape: tuple[int, int] | None = None) -> keras.Model:
    """Load a classifier, of canvases of a height and width if these are given.

    Raises
    ------
    ValueError
        The file is damaged, holds code (unsafe layers are never loaded), or sees other canvases.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is missing, cut short or no .keras file. Run `dvc repro`.")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever an odd archive runs it into
        raise ValueError(f"{path} is not a classifier that can be loaded safely: {error}") from error
    if canvas_shape not in (None, model.input_shape[1:3]):
        raise ValueError(
            f"{path} must see canvases of {canvas_shape}, as preprocess.height_px and width_px say. "
            f"Received: {model.input_shape[1:3]}. Run `dvc repro`."
        )
    return model


def coarsest(model: keras.Model) -> keras.KerasTensor:
    """Return the backbone's last features in a classifier, (B, H/32, W/32, C)."""
    return model.get_layer(f"pyramid{_LEVELS[0]}_lateral").input


def with_random_weights(model: keras.Model, seed: int) -> keras.Model:
    """Copy the architecture with freshly drawn weights: what the map would show of an untrained network."""
    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(model)


def _pyramid(maps: list[keras.KerasTensor], settings: Train) -> keras.KerasTensor:
    """Merge maps from coarse to fine into one map at the finest stride."""
    merged = None
    for stride, level in zip(_LEVELS, maps, strict=True):
        lateral = layers.Conv2D(settings.pyramid_channels, 1, name=f"pyramid{stride}_lateral")(level)
        if merged is not None:
            merged = layers.UpSampling2D(2, interpolation="bilinear", name=f"pyramid{stride}_up")(merged)
            lateral = layers.Add(name=f"pyramid{stride}_add")([lateral, merged])
        merged = layers.SeparableConv2D(
            settings.pyramid_channels, 3, padding="same", activation="relu", name=f"pyramid{stride}_smooth"
        )(lateral)
    return layers.SpatialDropout2D(settings.dropout, name="pyramid_dropout")(merged)


def _pool(evidence: keras.KerasTensor, pyramid: keras.KerasTensor, settings: Train) -> keras.KerasTensor:
    if settings.pooling == "lse":
        return pooling.LogSumExpPooling(settings.lse_sharpness, dtype=_EXACT, name="logit")(evidence)
    if settings.pooling == "pcam":
        return pooling.ProbabilisticPooling(dtype=_EXACT, name="logit")(evidence)
    if settings.pooling == "attention":
        attention = pooling.gated_attention(pyramid, max(1, settings.pyramid_channels // 2))
        return pooling.AttentionPooling(dtype=_EXACT, name="logit")([evidence, attention])
    mean = layers.GlobalAveragePooling2D(keepdims=True, dtype=_EXACT, name="logit_mean")(evidence)
    return layers.Flatten(dtype=_EXACT, name="logit")(mean)


def _evidence(
    pyramid: keras.KerasTensor, maps: dict[int, keras.KerasTensor], settings: Train
) -> keras.KerasTensor:
    """Add the pyramid's evidence to a term of each level's own.

    The levels' own terms are linear and start at zero: they learn in an epoch what a linear probe
    of the backbone would, and leave the localization to the pyramid.
    """
    prior = keras.initializers.Constant(_PRIOR_LOGIT)
    terms = [layers.Conv2D(1, 1, bias_initializer=prior, dtype=_EXACT, name="evidence_pyramid")(pyramid)]
    for stride in _LEVELS:
        level = layers.SpatialDropout2D(settings.dropout, name=f"evidence{stride}_dropout")(maps[stride])
        term = layers.Conv2D(
            1, 1, use_bias=False, kernel_initializer="zeros", dtype=_EXACT, name=f"evidence{stride}"
        )(level)
        if stride > STRIDE:
            up = f"evidence{stride}_up"
            term = layers.UpSampling2D(stride // STRIDE, interpolation="bilinear", dtype=_EXACT, name=up)(
                term
            )
        terms.append(term)
    return layers.Add(dtype=_EXACT, name="evidence")(terms)
