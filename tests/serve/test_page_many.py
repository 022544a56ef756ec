"""Several radiographs on the reading page, one after the other and at once: each keeps what is its own."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipeline.files import images
from pipeline.phantoms import drawing
from tests.serve import browser
from tests.serve.opened import PHANTOM, PNG, address, answers, chromium, folder, open_page, page

__all__ = ["address", "answers", "chromium", "folder", "open_page", "page"]

BROKEN = "data:image/png;base64,iVBORw0KGgo="
WIDE = drawing.draw(3, "val", 2, fractured=True, side_px=(200, 260)).pixels[:120]
TALL = drawing.draw(3, "val", 3, fractured=True, side_px=(200, 260)).pixels[:, :120]
# The pictures that the viewer asks for from here on come when a test lets them.
HOLD = """() => {
    const kind = OpenSeadragon.ImageTileSource.prototype, load = kind.getImageInfo;
    window.held = [];
    kind.getImageInfo = function (url) { window.held.push(() => load.call(this, url)); };
}"""
NEXT = "new KeyboardEvent('keydown', {key: 'n', bubbles: true})"


def files(**pixels):
    return [
        {"name": f"{name}.png", "mimeType": "", "buffer": images.encode_png(each)}
        for name, each in pixels.items()
    ]


def let(page, at):
    """Let the picture come that was asked for so many requests ago."""
    page.wait_for_function("at => window.held.length > at", arg=at)
    page.evaluate("at => window.held[at]()", at)


def laid_out(page):
    """The size of the radiograph that boxes and map are laid over, as the SVG has it and as it is seen."""
    viewed = [float(each) for each in page.get_attribute(".boxes", "viewBox").split()]
    whole = page.locator(".boxes").bounding_box()
    return viewed[2:], whole["height"] / whole["width"]


def seen(page, shape):
    """The pixels beneath the boxes, without these, in the radiograph's own size."""
    whole = page.locator(".boxes").bounding_box()
    for key in "mx":
        page.keyboard.press(key)
    picture = Image.open(io.BytesIO(page.screenshot(clip=whole))).convert("L")
    for key in "mx":
        page.keyboard.press(key)
    return np.array(picture.resize(shape[::-1], Image.Resampling.BOX), float)


def assert_stands(page, pixels):
    height, width = pixels.shape
    viewed, ratio = laid_out(page)
    assert viewed == [width, height]
    assert ratio == pytest.approx(height / width, rel=0.02)
    assert page.locator(".map").count() == 1
    assert np.abs(seen(page, pixels.shape) - pixels).mean() < 12
    page.keyboard.press("b")
    box = page.eval_on_selector(".own rect", "one => [...one.attributes].map(({ value }) => Number(value))")
    assert box[0] + box[2] / 2 == pytest.approx(width / 2, rel=0.05)
    assert box[1] + box[3] / 2 == pytest.approx(height / 2, rel=0.05)


def test_a_picture_that_comes_late_is_not_laid_under_the_next_ones_boxes(page):
    page.set_input_files("#files", files(first=PHANTOM, wide=WIDE, tall=TALL))
    browser.settled(page)
    page.evaluate(HOLD)
    page.keyboard.press("n")
    page.keyboard.press("n")
    let(page, 1)
    page.wait_for_selector("body[data-shown]", state="attached")
    browser.drawn(page)
    let(page, 0)
    page.wait_for_timeout(300)
    assert page.inner_text("#answer h2") == "tall.png"
    assert_stands(page, TALL)


def test_a_picture_that_is_passed_by_before_it_is_decoded_leaves_nothing(page):
    page.set_input_files("#files", files(first=PHANTOM, wide=WIDE, tall=TALL))
    browser.settled(page)
    page.evaluate(f"[{NEXT}, {NEXT}].forEach((key) => document.body.dispatchEvent(key))")
    page.wait_for_selector("body[data-shown]", state="attached")
    page.wait_for_timeout(300)
    assert_stands(page, TALL)


def test_a_picture_that_comes_after_a_refused_file_was_shown_leaves_nothing(page):
    some = files(first=PHANTOM, wide=WIDE, cut=PHANTOM, tall=TALL)
    some[2]["buffer"] = PNG[:-60]
    page.set_input_files("#files", some)
    browser.settled(page)
    page.evaluate(HOLD)
    page.keyboard.press("n")
    page.keyboard.press("n")
    let(page, 0)
    page.wait_for_timeout(300)
    assert page.locator(".boxes").count() == 0
    page.keyboard.press("n")
    let(page, 1)
    page.wait_for_selector("body[data-shown]", state="attached")
    assert_stands(page, TALL)


def test_a_picture_that_is_being_opened_when_a_refused_file_comes_is_not_shown(page):
    some = files(first=PHANTOM, wide=WIDE, cut=PHANTOM)
    some[2]["buffer"] = PNG[:-60]
    page.set_input_files("#files", some)
    browser.settled(page)
    page.evaluate(
        """() => {
        const kind = OpenSeadragon.Viewer.prototype, open = kind.open;
        const next = () => document.body.dispatchEvent(NEXT);
        kind.open = function (...all) { open.apply(this, all); queueMicrotask(next); };
    }""".replace("NEXT", NEXT)
    )
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    assert page.inner_text("#answer h2") == "cut.png"
    beneath = np.array(Image.open(io.BytesIO(page.locator("#image").screenshot())).convert("L"))
    assert np.ptp(beneath[100:-100]) < 5


@pytest.mark.parametrize("what", ["image", "region_map"])
def test_a_picture_that_the_browser_cannot_decode_is_told_and_stops_no_other(page, what):
    def broken(route):
        answer = route.fetch().json()
        if answer["results"][0]["path"] == "broken.png":
            answer["results"][0][what] = BROKEN
        route.fulfill(json=answer)

    page.route("**/predict?*", broken)
    page.set_input_files("#files", files(broken=PHANTOM, wide=WIDE))
    browser.settled(page)
    assert page.locator("#film-list .badge").all_inner_texts() == ["Fracture"] * 2
    assert "Fracture" in page.inner_text("#answer")
    told = {"image": "the picture", "region_map": "the map"}[what]
    assert f"cannot show {told}" in page.inner_text("#unshown")
    page.keyboard.press("n")
    page.wait_for_selector("body[data-shown]", state="attached")
    assert page.inner_text("#unshown") == ""
    assert_stands(page, WIDE)


def test_a_box_cannot_be_begun_before_the_picture_stands(page):
    page.set_input_files("#files", files(first=PHANTOM, wide=WIDE))
    browser.settled(page)
    page.evaluate(HOLD)
    page.keyboard.press("n")
    page.keyboard.press("b")
    let(page, 0)
    page.wait_for_selector("body[data-shown]", state="attached")
    assert page.locator(".own rect").count() == 0


def test_a_box_that_is_being_drawn_when_another_radiograph_comes_belongs_to_none(page):
    page.set_input_files("#files", files(first=PHANTOM, wide=WIDE))
    browser.settled(page)
    whole = page.locator(".boxes").bounding_box()
    page.click("#draw")
    page.mouse.move(whole["x"] + 30, whole["y"] + 30)
    page.mouse.down()
    page.mouse.move(whole["x"] + 90, whole["y"] + 90, steps=3)
    page.keyboard.press("n")
    page.wait_for_selector("body[data-shown]", state="attached")
    page.mouse.move(whole["x"] + 120, whole["y"] + 120, steps=3)
    page.mouse.up()
    assert page.locator(".own rect").count() == 0
    page.keyboard.press("p")
    page.wait_for_selector("body[data-shown]", state="attached")
    assert page.locator(".own rect").count() == 0
