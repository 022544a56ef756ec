"""Fit and measure the score of ``pipeline/validate/not_radiograph.py``.

    python benchmarks/not_radiograph.py ../shared/data/fracatlas EXAMPLES

The first folder holds radiographs, the second pictures that are none, in one folder a kind; see
``benchmarks/not_radiograph_examples.py``. Every picture is also judged as it comes to people: compressed,
shrunk to 224 x 224, in grey; and every fourth radiograph inverted, turned, framed, tinted, marked and so on.
All of it counts in the fit, which learns that these are radiographs still.

Writes ``pipeline/validate/not_radiograph.json``, then prints what the score finds by cross-validation over
the sources: no fold holds a picture, or a slice of a head, of which another was learnt from.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from pipeline.files import colour
from pipeline.validate import not_radiograph, pyramid

KINDS = {
    "photograph": ("photo", "grey_photo", "wallpaper"),
    "drawing": ("screenshot", "diagram", "drawing", "document", "dicom_ot", "dicom_seg"),
    "cross_section": ("mri_head", "dicom_ct", "dicom_mr", "dicom_us", "dicom_nm"),
}
CLASS = {"radiograph": 0} | {
    kind: 1 + not_radiograph.KINDS.index(name) for name, kinds in KINDS.items() for kind in kinds
}
RADIOGRAPH_WEIGHT = 0.15
KIND_WEIGHT = 25.0  # of all pictures of one kind and one variant together
N_FOLDS = 4
LISTED, QUARANTINED = 0.9, 0.99
Pixels = np.ndarray


def variants(picture: Pixels) -> Iterator[tuple[str, Pixels]]:
    """Yield a picture as it comes to people."""
    yield "as is", picture
    yield "jpeg", jpeg(picture, 60)
    yield "224", shrunk(picture)
    if picture.ndim == 3:
        yield "grey", grey(picture)
        yield "grey 224", shrunk(grey(picture))


def disguises(radiograph: Pixels) -> Iterator[tuple[str, Pixels]]:
    """Change a radiograph as people and programs do; it is one still."""
    height, width = radiograph.shape
    image = Image.fromarray(radiograph)
    unit = radiograph / 255
    low, high = np.percentile(radiograph, (2, 98))
    yield "224", shrunk(radiograph)
    yield "negative", 255 - radiograph
    yield "jpeg", jpeg(radiograph, 40)
    yield "clahe", cv2.createCLAHE(2, (8, 8)).apply(radiograph)
    yield "brighter", (255 * np.sqrt(unit)).astype(np.uint8)
    yield "darker", (255 * unit**2).astype(np.uint8)
    windowed = np.clip((radiograph - low) / (high - low + 1) * 255, 0, 255).astype(np.uint8)
    yield "windowed", windowed
    lettered = windowed.copy()
    cv2.putText(lettered, "R", (width - 70, 60), 0, 1.6, 255, 5)
    paper = cv2.copyMakeBorder(255 - lettered, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=255)
    yield "negative on paper", paper
    yield "negative thumbnail", shrunk(paper)
    yield "32 levels", np.asarray(image.quantize(32).convert("L"))
    yield "dithered", np.asarray(image.convert("RGB").convert("P").convert("L"))  # six greys, as in old GIFs
    blurred = cv2.GaussianBlur(radiograph, (0, 0), 2)
    yield "sharpened", cv2.addWeighted(radiograph, 2, blurred, -1, 0)
    noise = np.random.default_rng(0).normal(0, 8, radiograph.shape)
    yield "noisy", np.clip(radiograph + noise, 0, 255).astype(np.uint8)
    yield "turned 12", np.asarray(image.rotate(12, Image.Resampling.BILINEAR))
    yield "turned 40", np.asarray(image.rotate(40, Image.Resampling.BILINEAR, expand=True))
    again = image.resize((224, 224))
    for _ in range(5):
        again = again.rotate(13, Image.Resampling.BILINEAR)
    yield "turned again", jpeg(np.asarray(again), 80)
    yield "cropped", radiograph[height // 8 : -height // 8, width // 8 : -width // 8].copy()
    side = max(height, width) + 60
    for name, level in (("on black", 0), ("on white", 255)):
        framed = np.full((side, side), level, np.uint8)
        top, left = (side - height) // 2, (side - width) // 2
        framed[top : top + height, left : left + width] = radiograph
        yield name, framed
    for name, tint in (("blue", (0.75, 0.85, 1)), ("sepia", (1, 0.9, 0.7))):
        yield name, jpeg((radiograph[..., None] * np.array(tint)).astype(np.uint8), 60)
    across = np.linspace(0.8, 1, width)[None, :, None] * np.array([1, 1, 0])
    downwards = np.linspace(1, 0.8, height)[:, None, None] * np.array([0, 0, 1])
    yield "light box", jpeg((radiograph[..., None] * (across + downwards)).astype(np.uint8), 80)
    marked = radiograph.copy()
    cv2.putText(marked, "L 12-03", (10, 40), 0, 1.0, 255, 2)
    cv2.arrowedLine(marked, (20, height - 20), (width // 2, height // 2), 255, 4)
    yield "white marks", marked
    coloured = np.stack([radiograph] * 3, axis=-1)
    cv2.arrowedLine(coloured, (20, height - 20), (width // 2, height // 2), (255, 0, 0), 6)
    cv2.circle(coloured, (width // 2, height // 2), width // 5, (255, 255, 0), 6)
    yield "coloured marks", jpeg(coloured, 70)


def measure(radiographs: Path, examples: Path) -> pd.DataFrame:
    """One row a picture: kind, source, variant, and its features."""
    rows = []
    for number, path in enumerate(sorted(radiographs.glob("*/*/*.jpg"))):
        picture = np.asarray(Image.open(path).convert("L"))
        rows.append(("radiograph", path.stem, "as is", *features(picture)))
        if number % 4 == 0:
            rows += [("radiograph", path.stem, name, *features(other)) for name, other in disguises(picture)]
    for path in sorted(examples.glob("*/*.png")):
        if (kind := path.parent.name) not in CLASS:
            continue
        picture = np.asarray(Image.open(path))
        source = path.stem.split("_")[0] if kind == "mri_head" else path.stem
        if grey(picture).std() >= 1:  # what is blank is refused before
            rows += [(kind, source, name, *features(other)) for name, other in variants(picture)]
    return pd.DataFrame(rows, columns=["kind", "source", "variant", *not_radiograph.FEATURES])


def features(picture: Pixels) -> Pixels:
    """Measure a grey or colour picture."""
    departure = colour.departure(picture) if picture.ndim == 3 else 0.0
    return not_radiograph.features(pyramid.build(np.ascontiguousarray(grey(picture))), departure)


def grey(picture: Pixels) -> Pixels:
    """Drop the colours as the decoder does."""
    return picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))


def shrunk(picture: Pixels) -> Pixels:
    """Make it a thumbnail, its aspect not kept."""
    return jpeg(np.asarray(Image.fromarray(picture).resize((224, 224), Image.Resampling.BICUBIC)), 80)


def jpeg(picture: Pixels, quality: int) -> Pixels:
    """Compress and decode."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def weights(table: pd.DataFrame) -> Pixels:
    """Let every kind of picture, in every variant, weigh as one."""
    alike = table.groupby(
        ["kind", table["variant"].str.contains("224"), table["variant"].str.contains("grey")]
    )
    each = KIND_WEIGHT / alike["kind"].transform("size")
    return each.where(table["kind"] != "radiograph", RADIOGRAPH_WEIGHT).to_numpy()


def fit(values: Pixels, kinds: Pixels, weight: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Return bounds (features, 2), weights (features, kinds) and intercepts, each against a radiograph."""
    bounds = np.percentile(values, (0.1, 99.9), axis=0)
    clipped = np.clip(values, *bounds)
    centre, scale = clipped.mean(axis=0), np.maximum(clipped.std(axis=0), 1e-6)
    model = LogisticRegression(max_iter=1000).fit((clipped - centre) / scale, kinds, sample_weight=weight)
    against = (model.coef_[1:] - model.coef_[0]).T / scale[:, None]
    return bounds.T, against, model.intercept_[1:] - model.intercept_[0] - centre @ against


def score(values: Pixels, bounds: Pixels, against: Pixels, intercepts: Pixels) -> Pixels:
    """Score as `not_radiograph.judge` does."""
    odds = np.exp(np.clip(values, *bounds.T) @ against + intercepts).sum(axis=1)
    return odds / (1 + odds)


def main(radiographs: Path, examples: Path) -> None:
    """Measure, fit, write, print."""
    table = measure(radiographs, examples)
    values, kinds, weight = (
        table[list(not_radiograph.FEATURES)].to_numpy(),
        table["kind"].map(CLASS).to_numpy(),
        weights(table),
    )
    bounds, against, intercepts = fit(values, kinds, weight)
    write(not_radiograph.COEFFICIENTS, np.hstack([bounds, against]), intercepts)
    held_out = np.zeros(len(table))
    for learnt, left in GroupKFold(N_FOLDS).split(values, kinds, table["source"]):
        held_out[left] = score(values[left], *fit(values[learnt], kinds[learnt], weight[learnt]))
    for title, scores in (("fitted", score(values, bounds, against, intercepts)), ("held out", held_out)):
        report(title, table, scores)


def write(path: Path, rows: Pixels, intercepts: Pixels) -> None:
    """Write the file that the module reads, a row a feature."""
    texts = ["[" + ", ".join(f"{value:.6g}" for value in values) + "]" for values in (intercepts, *rows)]
    features = ",\n".join(
        f'  "{name}": {text}' for name, text in zip(not_radiograph.FEATURES, texts[1:], strict=True)
    )
    text = f'{{\n "intercepts": {texts[0]},\n "features": {{\n{features}\n }}\n}}\n'
    path.write_text(text, encoding="utf-8")


def report(title: str, table: pd.DataFrame, scores: Pixels) -> None:
    """Print the share listed and quarantined, by kind, and for radiographs by what was done to them."""
    seen = table.assign(score=scores, listed=scores >= LISTED, quarantined=scores >= QUARANTINED)
    seen["grey"] = seen["variant"].str.contains("grey")
    by = {True: ["kind", "variant"], False: ["kind", "grey"]}
    for of_radiographs, keys in by.items():
        rows = seen[(seen["kind"] == "radiograph") == of_radiographs].groupby(keys)
        summary = rows.agg(
            n=("score", "size"),
            highest=("score", "max"),
            listed=("listed", "mean"),
            quarantined=("quarantined", "mean"),
        )
        print(f"\n{title}\n{summary.round(4).to_string()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
