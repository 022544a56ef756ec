import numpy as np
import pytest

from pipeline.files.faults import Note
from pipeline.files.images import ImageFault, Radiograph
from pipeline.validate import content, pyramid
from pipeline.validate.not_radiograph import Judgement

RNG = np.random.default_rng(3)
PIXELS = np.clip(RNG.normal(90, 30, (200, 160)) + np.linspace(0, 60, 160), 0, 255).astype(np.uint8)
BLOCK = RNG.integers(100, 150, (8, 8)).astype(np.uint8)


def codes(pixels, *warnings):
    notes = tuple(Note(code, "as seen") for code in warnings)
    radiograph = Radiograph(pixels, "PNG", "L", notes)
    return [issue.issue for issue in content.oddities("a.png", radiograph, pyramid.build(pixels))]


NOTHING = {
    "one pixel": (np.zeros((1, 1), np.uint8), "too_small"),
    "a strip": (np.tile(PIXELS[:2], (1, 32)), "too_small"),
    "all black": (np.zeros((200, 160), np.uint8), "blank"),
    "all grey": (np.full((200, 160), 128, np.uint8), "blank"),
}


@pytest.mark.parametrize(("pixels", "reason"), NOTHING.values(), ids=NOTHING.keys())
@pytest.mark.reliability(14)
def test_what_shows_nothing_is_refused(pixels, reason):
    with pytest.raises(ImageFault) as caught:
        content.check(pixels, "a.png", min_side_px=32)
    assert caught.value.reason == reason


def test_a_plain_radiograph_is_not_odd():
    content.check(PIXELS, "a.png", min_side_px=32)
    assert codes(PIXELS) == []


@pytest.mark.parametrize(
    ("pixels", "code"),
    [(PIXELS[:100, :100], "tiny"), (np.tile(PIXELS, (12, 12)), "large"), (PIXELS // 20, "faint")],
    ids=["tiny", "large", "faint"],
)
def test_oddities_are_named(pixels, code):
    assert code in codes(pixels)


def test_what_the_decoder_put_right_is_passed_on():
    assert codes(PIXELS, "trailing_bytes", "windowed") == ["trailing_bytes", "windowed"]


@pytest.mark.parametrize(
    ("filling", "expected"),
    [
        (np.full((16, 160), 128, np.uint8), ["grey_band"]),
        (np.tile(BLOCK, (2, 20)), ["grey_band"]),
        (np.zeros((16, 160), np.uint8), []),
        (np.full((16, 160), 255, np.uint8), []),
        (np.tile(np.linspace(20, 60, 160), (16, 1)).astype(np.uint8), []),
    ],
    ids=["flat grey", "one block repeated", "collimated", "bare plate", "uneven air"],
)
@pytest.mark.reliability(14)
def test_what_a_decoder_filled_in_is_warned_of(filling, expected):
    filled = PIXELS.copy()
    filled[-16:] = filling
    assert codes(filled) == expected


@pytest.mark.parametrize(
    ("score", "limit", "severity"),
    [(0.5, 0.99, None), (0.95, 0.99, "warning"), (0.995, 0.99, "quarantined"), (1.0, 1.0, "warning"),
     (0.6, 0.5, "quarantined"), (0.5, 0.5, None)],
)  # fmt: skip
def test_the_limit_decides_what_is_left_out_and_high_scores_are_listed(score, limit, severity):
    issue = content.unlike("a.png", Judgement(score, "cross_section"), limit)
    assert (issue and issue.severity) == severity
    assert issue is None or (issue.issue, f"score {score:.3f}" in issue.detail) == ("cross_section", True)


def test_drawn_marks_are_warned_of():
    film = np.zeros((200, 160), np.uint8) + (PIXELS // 3)
    film[60:120, 40:43] = film[60:120, 97:100] = film[60:63, 40:100] = film[117:120, 40:100] = 255
    assert codes(film) == ["drawn_marks"]
