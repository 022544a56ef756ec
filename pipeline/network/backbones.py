"""Backbones by name: EfficientNet-Lite, or any class of ``keras.applications``.

A backbone is built flat, onto the caller's own input, and gives its last feature map at each
stride. Flat, because tools that explain networks do not look into nested models.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import keras
from keras import layers

from pipeline.files.printable import first
from pipeline.network import backbone_names, efficientnet_lite

log = logging.getLogger(__name__)

Scaling = Callable[[keras.KerasTensor], keras.KerasTensor]
_MOST = 5  # layers listed in a message


def features(name: str, image: keras.KerasTensor) -> dict[int, keras.KerasTensor]:
    """Add a backbone after ``image`` (B, H, W, 1), 0..255; return its last map at each stride.

    Raises
    ------
    ValueError
        No backbone has this name.
    """
    if name in backbone_names.LITE:
        return efficientnet_lite.features(name, image)
    application, preprocess = _application(name)
    rgb = layers.Concatenate(name="grey_to_rgb")([image, image, image])
    scaled = preprocess(rgb)
    model = application(include_top=False, weights=None, input_tensor=scaled)
    return _last_map_by_stride(model, image.shape[1])


def load_weights(model: keras.Model, name: str, weights: str) -> None:
    """Set the backbone's weights inside ``model``.

    Parameters
    ----------
    model
        A network whose first layers are this backbone.
    name
        The backbone.
    weights
        ``package`` (EfficientNet-Lite), ``imagenet`` (keras.applications; downloads),
        ``random``, or the path of a file: ``.pth`` for EfficientNet-Lite, ``.keras`` or
        ``.weights.h5`` of a network with the same layer names.

    Raises
    ------
    ValueError
        These weights do not exist for this backbone.
    FileNotFoundError
        The file is missing.
    """
    backbone_names.require_weights(name, weights)
    if weights == "package":
        efficientnet_lite.load_weights(model, efficientnet_lite.packaged_weights(name))
    elif weights == "imagenet":
        _copy_weights(_application(name)[0](include_top=False, weights="imagenet"), model)
    elif weights != "random":
        _load_file(model, name, Path(weights))


def _load_file(model: keras.Model, name: str, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"train.weights: no such file. Received: {path}.")
    if path.suffix == ".pth" and name in backbone_names.LITE:
        efficientnet_lite.load_weights(model, path)
    elif path.suffix == ".keras":
        if others := _copy_weights(keras.saving.load_model(path, compile=False), model):
            log.info("%s holds no weights for %s", path, first(others, _MOST))
    elif path.name.endswith(".weights.h5"):
        model.load_weights(path, skip_mismatch=True)
    else:
        raise ValueError(
            f"train.weights must be a .keras or .weights.h5 file, or a .pth file for EfficientNet-Lite. "
            f"Received: {path} for {name}."
        )


def _application(name: str) -> tuple[Callable[..., keras.Model], Scaling]:
    """Find the model class and the module's own input scaling."""
    application = getattr(keras.applications, name, None)
    modules = (getattr(keras.applications, part) for part in dir(keras.applications))
    module = next((m for m in modules if hasattr(m, "preprocess_input") and hasattr(m, name)), None)
    if application is None or module is None:
        raise backbone_names.no_such_backbone(name)
    return application, module.preprocess_input


def _last_map_by_stride(model: keras.Model, side: int) -> dict[int, keras.KerasTensor]:
    maps = {}
    for layer in model.layers:
        shape: tuple[int | None, ...] = getattr(layer.output, "shape", ())
        if len(shape) == 4 and shape[1] and side % shape[1] == 0:
            maps[side // shape[1]] = layer.output
    return maps


def _copy_weights(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy the weights of every layer that both have under one name and shape; name the others."""
    own = {layer.name: layer for layer in target.layers if layer.weights}
    copied = set()
    for layer in source.layers:
        twin = own.get(layer.name)
        if twin is not None and [w.shape for w in twin.weights] == [w.shape for w in layer.weights]:
            twin.set_weights(layer.get_weights())
            copied.add(layer.name)
    if not copied:
        raise ValueError(
            f"train.weights: no layer of {source.name} fits the network. Is it the same backbone?"
        )
    return [name for name in own if name not in copied]
