import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.files import images
from pipeline.validate import overprint

ROWS, COLUMNS = np.mgrid[:500, :400]
LIMB = 120 * np.exp(-(((COLUMNS - 200) / 60) ** 2)) + 60 * np.exp(-(((COLUMNS - 200) / 110) ** 2))
FILM = np.clip(LIMB + np.random.default_rng(0).normal(12, 3, LIMB.shape), 0, 255).astype(np.uint8)


def drawn(draw):
    film = FILM.copy()
    draw(film)
    return film


MARKS = {
    "an arrow": lambda film: cv2.arrowedLine(
        film, (300, 400), (220, 300), 255, 4, cv2.LINE_AA, tipLength=0.3
    ),
    "a circle": lambda film: cv2.circle(film, (210, 250), 50, 255, 4, cv2.LINE_AA),
    "a frame": lambda film: cv2.rectangle(film, (160, 200), (260, 260), 255, 3),
}
NO_MARKS = {
    "nothing": lambda film: None,
    "a side marker": lambda film: cv2.putText(film, "R", (330, 60), 0, 0.8, 255, 3, cv2.LINE_AA),
    "a wide plate": lambda film: cv2.rectangle(film, (180, 150), (220, 350), 255, -1),
    "a bare strip": lambda film: cv2.rectangle(film, (0, 0), (400, 8), 255, -1),
    "an air gap's rim": lambda film: cv2.line(film, (10, 0), (10, 499), 255, 3),
}


@pytest.mark.parametrize("draw", MARKS.values(), ids=MARKS.keys())
def test_white_lines_are_marks(draw):
    assert overprint.has_marks(drawn(draw))


@pytest.mark.parametrize("draw", NO_MARKS.values(), ids=NO_MARKS.keys())
def test_what_belongs_to_radiographs_is_no_mark(draw):
    assert not overprint.has_marks(drawn(draw))


def test_a_soft_wire_is_no_mark():
    wire = drawn(lambda film: cv2.line(film, (200, 120), (230, 330), 255, 6))
    assert not overprint.has_marks(cv2.GaussianBlur(wire, (0, 0), 3))


def lettered(opacity, step_px=90):
    layer = Image.new("L", (800, 900))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(size=24)
    for row in range(0, 900, 60):
        for column in range(row % 120 // 2, 800, step_px):
            draw.text((column, row), "stock", 255, font=font)
    ink = np.asarray(layer.rotate(25).crop((200, 200, 600, 700))) / 255 * opacity
    return (FILM * (1 - ink) + 255 * ink).astype(np.uint8)


@pytest.mark.parametrize("opacity", [0.15, 0.3])
def test_lettering_in_rows_is_a_watermark(opacity):
    assert overprint.has_watermark(lettered(opacity))


def test_a_thumbnail_shows_no_watermark():
    assert not overprint.has_watermark(cv2.resize(lettered(0.3), (224, 280), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("shape", [(2, 2), (40, 700), (700, 40)])
def test_a_flat_picture_repeats_nothing(shape):
    assert abs(overprint.repetition(np.full(shape, 7, np.uint8))) < 0.01


def test_few_real_radiographs_are_flagged(fracatlas):
    films = [images.read(path).pixels for path in sorted(fracatlas.glob("test/*/*.jpg"))[::3]]
    assert len(films) > 70
    assert sum(map(overprint.has_marks, films)) <= 1
    assert sum(map(overprint.has_watermark, films)) == 0
