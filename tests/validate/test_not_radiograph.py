import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw, ImageFont

from pipeline.files import colour, images
from pipeline.phantoms import drawing
from pipeline.validate import not_radiograph, pyramid

LISTED, LEFT_OUT = 0.9, 0.99  # as in `content` and params.yaml


def screenshot(rng):
    page = Image.new("RGB", (1000, 800), (250, 250, 250))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 1000, 60), fill=(30, 60, 110))
    font = ImageFont.load_default(size=20)
    for row in range(80, 780, 30):
        words = "".join(chr(letter) for letter in rng.integers(97, 123, 40))
        draw.text((40, row), words, (20, 20, 20), font=font)
    return np.asarray(page)


def diagram(rng):
    sheet = Image.new("L", (640, 480), 255)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((60, 40, 600, 420), outline=0, width=2)
    heights = rng.integers(60, 360, 9)
    for number, height in enumerate(heights):
        draw.rectangle((80 + 55 * number, 420 - height, 115 + 55 * number, 420), fill=90, outline=0)
    draw.line([(70 + 60 * n, int(y)) for n, y in enumerate(rng.integers(60, 400, 9))], fill=160, width=3)
    return np.asarray(sheet)


def photograph(rng):
    """Leaves of many hues one over another, and the camera's noise."""
    scene = np.full((480, 640, 3), (120, 150, 200), np.uint8)
    for _ in range(500):
        centre, axes = rng.integers(0, 640, 2).tolist(), rng.integers(4, 40, 2).tolist()
        hue = rng.integers(0, 255, 3).tolist()
        cv2.ellipse(scene, centre, axes, int(rng.integers(180)), 0, 360, hue, -1, cv2.LINE_AA)
    return np.clip(scene + rng.normal(0, 6, scene.shape), 0, 255).astype(np.uint8)


def head_slice(rng):
    """A bright rim, folds inside, black around."""
    rows, columns = np.mgrid[-1:1:400j, -1:1:360j]
    radius = np.hypot(rows / 0.85, columns / 0.7)
    folds = cv2.resize(
        rng.normal(size=(40, 36)).astype(np.float32), (360, 400), interpolation=cv2.INTER_CUBIC
    )
    brain = np.where(radius < 0.85, 120 + 70 * np.tanh(3 * folds), 0)
    rim = np.where((radius > 0.9) & (radius < 1), 200, 0)
    return cv2.GaussianBlur(np.clip(brain + rim, 0, 255).astype(np.uint8), (0, 0), 1)


OTHERS = {"drawing": (screenshot, diagram), "photograph": (photograph,), "cross_section": (head_slice,)}


def judge(picture):
    if picture.ndim == 2:
        return not_radiograph.judge(pyramid.build(picture), 0.0)
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    return not_radiograph.judge(pyramid.build(grey), colour.departure(picture))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kind", "draw"),
    [(kind, draw) for kind, draws in OTHERS.items() for draw in draws],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_no_radiograph_is_listed_by_its_kind(kind, draw, seed):
    judgement = judge(draw(np.random.default_rng(seed)))
    assert judgement.score > LISTED
    assert judgement.kind == kind


@pytest.mark.parametrize("index", range(12))
def test_a_phantom_is_left_in(index):
    phantom = drawing.draw(7, "train", index, fractured=index % 2 == 0, side_px=(256, 384))
    assert judge(phantom.pixels).score < LEFT_OUT


def test_no_real_radiograph_is_left_out_and_few_are_listed(fracatlas):
    scores = [judge(images.read(path).pixels).score for path in sorted(fracatlas.glob("*/*/*.jpg"))[::5]]
    assert len(scores) == 284
    assert max(scores) < LEFT_OUT
    assert sum(score > LISTED for score in scores) <= 1


@pytest.mark.parametrize(
    "change",
    [
        lambda film: 255 - film,
        lambda film: cv2.resize(film, (224, 224)),
        lambda film: cv2.createCLAHE(2, (8, 8)).apply(film),
        lambda film: cv2.copyMakeBorder(film, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=255),
        lambda film: np.asarray(Image.fromarray(film).rotate(35, expand=True)),
        lambda film: np.asarray(Image.fromarray(film).convert("RGB").convert("P").convert("L")),
        lambda film: np.stack([film * 0.7, film * 0.85, film], axis=-1).astype(np.uint8),
    ],
    ids=["inverted", "shrunk", "equalised", "on white", "turned", "dithered", "blue"],
)
def test_a_real_radiograph_stays_one_whatever_is_done_to_it(fracatlas, change):
    films = [images.read(path).pixels for path in sorted(fracatlas.glob("val/*/*.jpg"))[::12]]
    assert max(judge(change(film)).score for film in films) < LEFT_OUT


@given(
    pixels=arrays.arrays(np.uint8, st.tuples(st.integers(2, 40), st.integers(2, 40))),
    departure=st.floats(0, 128),
)
def test_any_picture_has_a_score_and_a_kind(pixels, departure):
    judgement = not_radiograph.judge(pyramid.build(pixels), departure)
    assert 0 <= judgement.score <= 1
    assert judgement.kind in not_radiograph.KINDS


def measured(picture, colour=0.0):
    values = not_radiograph.features(pyramid.build(picture), colour)
    return dict(zip(not_radiograph.FEATURES, values, strict=True))


def test_features_stand_in_the_order_of_the_model():
    values = measured(np.zeros((64, 64), np.uint8), colour=99.0)
    assert (values["ring_dark"], values["contrast"], values["flat_white"]) == (1, 0, 0)
    assert values["colour"] == 8


def test_a_checkerboard_is_all_sharp_steps():
    board = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.full((4, 4), 200)).astype(np.uint8)
    values = measured(board)
    assert values["sharp"] == values["very_sharp"] == pytest.approx(1)
    assert values["rough"] == pytest.approx(1 - (48 / 63) ** 2)
