"""Draw marks and watermarks on radiographs, and see how many `pipeline.validate.overprint` finds.

    python benchmarks/overprint.py ../shared/data/fracatlas

Every radiograph is tried as it is; every fortieth is drawn on. Marks are tried after JPEG at quality 80, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.files import images
from pipeline.validate import overprint

EVERY = 40
WORDS = {"a": 0.06, "alamy": 0.22, "dreams": 0.25, "stock": 0.3, "shutterstock": 0.4}  # width, as a share
OPACITIES = (0.15, 0.3)
Pixels = np.ndarray
RNG = np.random.default_rng(1)


def arrow(film: Pixels, side: int, centre: Pixels) -> None:
    """Draw an arrow of lines."""
    angle, length = RNG.uniform(0, 2 * np.pi), side * RNG.uniform(0.1, 0.25)
    start = centre - length * np.array([np.cos(angle), np.sin(angle)])
    cv2.arrowedLine(film, start.astype(int), centre.astype(int), 255, line(side), cv2.LINE_AA, tipLength=0.3)


def filled_arrow(film: Pixels, side: int, centre: Pixels) -> None:
    """Draw a filled arrow."""
    angle = RNG.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = [(0, 0), (-5, 3), (-5, 1), (-12, 1), (-12, -1), (-5, -1), (-5, -3)]
    cv2.fillPoly(film, [(np.array(corners) * 0.009 * side @ turn.T + centre).astype(int)], 255, cv2.LINE_AA)


def circle(film: Pixels, side: int, centre: Pixels) -> None:
    """Draw a circle."""
    cv2.circle(film, centre.astype(int), int(side * RNG.uniform(0.06, 0.15)), 255, line(side), cv2.LINE_AA)


def frame(film: Pixels, side: int, centre: Pixels) -> None:
    """Draw a rectangle."""
    cv2.rectangle(
        film, centre.astype(int), (centre + np.array([0.15, 0.1]) * side).astype(int), 255, line(side)
    )


def line(side: int) -> int:
    """Give the width of a drawn line."""
    return max(2, int(0.008 * side))


def marked(film: Pixels, draw: Callable[[Pixels, int, Pixels], None]) -> Pixels:
    """Draw one mark somewhere in the middle."""
    copy = film.copy()
    draw(copy, max(film.shape), RNG.uniform(0.3, 0.7, 2) * film.shape[::-1])
    return copy


def watermarked(film: Pixels, word: str, opacity: float) -> Pixels:
    """Lay a word over a radiograph, in rows, at an angle of up to 45 degrees."""
    height, width = film.shape
    side, wide = int(1.6 * max(film.shape)), WORDS[word] * width
    font = ImageFont.load_default(size=max(10, int(1.6 * wide / len(word))))
    layer = Image.new("L", (side, side))
    step = int(1.5 * wide)
    for number, row in enumerate(range(0, side, int(0.7 * step))):
        for column in range(-(number % 2) * step // 2, side, step):
            ImageDraw.Draw(layer).text((column, row), word, 255, font=font)
    left, top = (side - width) // 2, (side - height) // 2
    turned = layer.rotate(RNG.uniform(0, 45), Image.Resampling.BILINEAR)
    ink = np.asarray(turned.crop((left, top, left + width, top + height))) / 255 * opacity
    return (film * (1 - ink) + 255 * ink).astype(np.uint8)


def compressed(film: Pixels) -> Pixels:
    """Encode as JPEG and decode."""
    return images.decode(images.encode_jpeg(film, 80), "a.jpg").pixels


def main(root: Path) -> None:
    """Print what is flagged, drawn on or not."""
    films = {path: images.read(path).pixels for path in sorted(root.glob("*/*/*.jpg"))}
    marks = [path.stem for path, film in films.items() if overprint.has_marks(film)]
    watermarks = [path.stem for path, film in films.items() if overprint.has_watermark(film)]
    highest = max(overprint.repetition(film) for film in films.values())
    print(
        f"as they are: {len(films)} radiographs, marks {marks}, watermarks {watermarks}, repeat {highest:.3f}"
    )
    few = list(films.values())[::EVERY]
    for draw in (arrow, filled_arrow, circle, frame):
        drawn = [marked(film, draw) for film in few]
        found = [
            np.mean([overprint.has_marks(film) for film in tried])
            for tried in (drawn, map(compressed, drawn))
        ]
        print(f"{draw.__name__}: {found[0]:.2f}, after JPEG {found[1]:.2f} of {len(few)}")
    for word in WORDS:
        for opacity in OPACITIES:
            found = np.mean([overprint.has_watermark(watermarked(film, word, opacity)) for film in few])
            print(f"watermark {word!r}, opacity {opacity}: {found:.2f} of {len(few)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
