"""What the drift page says: sentences, a table and charts from two samples and their distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.drift import distance
from pipeline.files import images, resize
from pipeline.report.pages import count, counted, data_uri, decimals, percent
from pipeline.report.svg import LINES, SERIES, drawing

_NAMES = {
    "height_px": "Height (pixels)",
    "width_px": "Width (pixels)",
    "aspect": "Height by width",
    "bytes_per_pixel": "Bytes a pixel",
    "brightness": "Brightness (grey levels)",
    "contrast": "Contrast (grey levels)",
    "sharpness": "Sharpness (grey levels a step)",
    "format": "File format",
    "mode": "Pixel mode",
    "fractured": "Fractured",
    "picture": "Picture at 8 x 8 pixels",
}
_MAX_SENTENCES = 3  # properties named in sentences; the table has all
_PICTURE_PX = 220
_BINS = 24
_ENDS = (0.005, 0.995)  # quantiles: what lies beyond them is drawn in the last bins

Sample = Mapping[str, NDArray[Any]]


def context(
    figures: Mapping[str, Any], reference: Sample, current: Sample, pictures: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Gather what ``drift.html`` needs.

    Parameters
    ----------
    figures
        As in ``drift.json``.
    reference, current
        The two samples; see `profile.Profile`.
    pictures
        Of the new radiographs least like the reference; see `picture`.
    """
    properties = figures["drift"]["properties"]
    widest = sorted(
        properties,
        key=lambda name: (properties[name]["p_value"] > figures["alpha"], -properties[name]["distance"]),
    )
    return {
        "figures": figures,
        "findings": _findings(figures, reference, current, widest),
        "properties": [
            [
                _NAMES.get(name, name),
                *(typical(sample[name]) for sample in (reference, current)),
                *(decimals(properties[name][key]) for key in ("distance", "p_value", "psi")),
            ]
            for name in widest
        ],
        "charts": [
            histogram(_NAMES.get(name, name), reference[name], current[name])
            for name in widest
            if reference[name].ndim == 1 and reference[name].dtype.kind == "f"
        ],
        "pictures": pictures,
    }


def picture(name: str, pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """Make a picture for the page of a radiograph, uint8 (height_px, width_px)."""
    return {
        "src": data_uri(images.encode_jpeg(resize.within(pixels, _PICTURE_PX))),
        "alt": name,
        "title": None,
        "caption": name,
    }


def typical(values: NDArray[Any]) -> str | None:
    """Say what a property mostly is: the median, the most frequent kind, the share that is true."""
    if values.ndim > 1:
        return None
    if values.dtype.kind == "b":
        return percent(float(values.mean()), 0)
    if values.dtype.kind == "f":
        return f"{np.median(values):.3g}"
    kinds, counts = np.unique(values, return_counts=True)
    return f"{kinds[counts.argmax()]} {percent(counts.max() / len(values), 0)}"


def histogram(name: str, reference: NDArray[np.float64], current: NDArray[np.float64]) -> str:
    """Draw the shares of two samples over common bins; one ``<svg>`` element."""
    low, high = np.quantile(np.concatenate([reference, current]), _ENDS)
    edges = np.linspace(low, max(high, low + 1e-6), _BINS + 1)
    with drawing(f"drift_{name}", f"{name}: reference and new.", (4.5, 2.6)) as chart:
        (axes,) = chart.axes
        for values, label, style in ((reference, "reference", 1), (current, "new", 0)):
            shares = np.histogram(np.clip(values, low, edges[-1]), edges)[0] / len(values)
            axes.stairs(100 * shares, edges, color=SERIES[style], ls=LINES[style], lw=1.8, label=label)
        axes.set(xlabel=name, ylabel="Share (%)")
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2)
    return chart.svg


def _findings(
    figures: Mapping[str, Any], reference: Sample, current: Sample, widest: Sequence[str]
) -> list[dict[str, str]]:
    """Sentences: the verdict, then the properties that differ most, and by more than chance explains."""
    properties, alpha = figures["drift"]["properties"], figures["alpha"]
    certain = [name for name in widest if properties[name]["p_value"] <= alpha]
    if distance.verdict(figures["drift"], figures["noticed_from"]) == distance.TOO_FEW:
        text = (
            f"{counted(figures['current']['groups'], 'independent radiograph')} could show no difference, "
            "however large: nothing can be said. Compare more."
        )
        return [{"kind": "warning", "text": text}]
    if not certain:
        text = (
            f"Chance explains every difference that {count(figures['current']['groups'])} independent "
            "radiographs show. With so many, a distance below about "
            f"{decimals(figures['noticed_from'], 2)} goes unnoticed."
        )
        return [{"kind": "good", "text": text}]
    if figures["drift"]["detected"]:
        text = (
            "These radiographs are not like those that the model learnt from: its figures may not hold for "
            "them. Label some and score the model on them (fracture assess) before it is relied on."
        )
    else:
        text = (
            f"What differs is certain, but below {decimals(figures['threshold'], 2)}: too little to matter."
        )
    verdict = {"kind": "bad" if figures["drift"]["detected"] else "good", "text": text}
    named = certain[:_MAX_SENTENCES]
    return [verdict, *(_finding(name, reference[name], current[name], properties[name]) for name in named)]


def _finding(
    name: str, reference: NDArray[Any], current: NDArray[Any], difference: Mapping[str, Any]
) -> dict[str, str]:
    before, after = typical(reference), typical(current)
    change = "" if before is None or before == after else f" mostly {before} before, {after} now;"
    text = f"{_NAMES.get(name, name)}:{change} distance {decimals(difference['distance'], 2)}."
    return {"kind": "warning", "text": text}
