"""Names of backbones and of their weights, known without TensorFlow."""

from __future__ import annotations

LITE = {  # EfficientNet-Lite: width, depth
    "efficientnet-lite0": (1.0, 1.0),
    "efficientnet-lite1": (1.0, 1.1),
    "efficientnet-lite2": (1.1, 1.2),
}


def no_such_backbone(name: str) -> ValueError:
    """Say which there are."""
    return ValueError(
        f"train.backbone must be one of {', '.join(LITE)}, or a class of keras.applications. "
        f"Received: {name!r}."
    )


def require_weights(backbone: str, weights: str) -> None:
    """Refuse weights that do not exist for a backbone; those of a file are for its reader to check.

    Raises
    ------
    ValueError
        ``package`` for another than EfficientNet-Lite, or ``imagenet`` for one of these.
    """
    fitting = "package" if backbone in LITE else "imagenet"
    if weights in {"package", "imagenet"} - {fitting}:
        raise ValueError(
            f"train.weights: {backbone} has no {weights!r} weights. Received: {weights!r}. "
            f"Set it to {fitting}, random or a file."
        )
