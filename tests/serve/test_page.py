"""The reading page in a browser, before a service whose network says what each test wants."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from pipeline.files import images
from tests.serve import browser, stub
from tests.serve.opened import PHANTOM, PNG, address, answers, chromium, dicom, folder, open_page, page, read

__all__ = ["address", "answers", "chromium", "folder", "open_page", "page", "read"]

WIDTH = PHANTOM.shape[1]


def box_of(page, selector):
    """Where a box of the page lies, in the radiograph's own pixels."""
    whole, box = (page.locator(each).first.bounding_box() for each in (".boxes", selector))
    scale = WIDTH / whole["width"]
    return [
        scale * (box["x"] - whole["x"]),
        scale * (box["y"] - whole["y"]),
        scale * box["width"],
        scale * box["height"],
    ]


def shown(page):
    """The pixels of the middle of the image as they are seen."""
    whole = page.locator(".boxes").bounding_box()
    middle = {
        "x": whole["x"] + whole["width"] / 4,
        "y": whole["y"] + whole["height"] / 4,
        "width": 200,
        "height": 200,
    }
    return np.array(Image.open(io.BytesIO(page.screenshot(clip=middle))).convert("L"), float)


def kept(folder):
    """Readings, the last one last; their names tell them apart by the second alone."""
    paths = sorted((folder / "readings").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(path.read_text()) for path in paths]


def test_a_dropped_phantom_is_answered_with_both_points_and_its_region(read, address):
    text = read.inner_text("#answer")
    for words in (
        "wrist.png",
        "Fracture",
        "98 %",
        "High-sensitivity point, 30 %",
        "High-specificity point, 70 %",
    ):
        assert words in text
    assert "Reached: called a fracture." in text
    assert "Not for diagnosis" in read.inner_text("#caution")
    (result,) = read.request.post(
        f"{address}/predict", multipart={"file": {"name": "a.png", "mimeType": "image/png", "buffer": PNG}}
    ).json()["results"]
    assert box_of(read, ".models rect") == pytest.approx(result["regions"][0]["bbox"], abs=3)
    assert result["regions"][0]["position"]["words"] in read.inner_text(".regions")
    assert "wrist.png: Fracture" in read.inner_text("#status")


def test_the_slider_moves_the_maps_opacity_and_m_switches_it(read):
    opacity = lambda: float(read.eval_on_selector(".map", "map => getComputedStyle(map).opacity"))  # noqa: E731
    assert opacity() == pytest.approx(0.45)
    read.focus("#opacity")
    read.keyboard.press("End")
    assert opacity() == 1
    read.keyboard.press("m")
    assert opacity() == 0


def test_window_level_and_inversion_act_on_what_is_seen(read):
    read.keyboard.press("m")
    read.keyboard.press("x")
    before = shown(read)
    read.click("#invert")
    assert np.abs(shown(read) - (255 - before)).max() < 3
    read.click("#invert")
    for name, value in (("level", 100), ("width", 50)):
        read.eval_on_selector(
            f"#{name}", f"one => {{ one.value = {value}; one.dispatchEvent(new Event('input')); }}"
        )
    expected = np.clip((before - 100) * 255 / 50 + 127.5, 0, 255)
    assert np.abs(shown(read) - expected).max() < 3
    assert ((expected > 0) & (expected < 255)).mean() > 0.1
    read.keyboard.press("w")
    assert np.abs(shown(read) - before).max() < 2


def test_a_region_that_is_looked_at_lights_up_on_the_image(read):
    read.focus(".regions button")
    assert read.locator(".models g.highlit").count() == 1
    read.focus("#open-model")
    assert read.locator(".models g.highlit").count() == 0


def test_zoom_and_pan_keep_the_box_on_its_place(read):
    before = box_of(read, ".models rect")
    size = read.locator(".boxes").bounding_box()["width"]
    read.click("#zoom-in")
    browser.drawn(read)
    assert read.locator(".boxes").bounding_box()["width"] > 1.3 * size
    assert box_of(read, ".models rect") == pytest.approx(before, abs=3)
    read.keyboard.press("0")


def test_a_box_drawn_by_mouse_is_kept_where_it_was_drawn(read, folder):
    whole = read.locator(".boxes").bounding_box()
    scale = whole["width"] / WIDTH
    at = lambda column, row: (whole["x"] + scale * column, whole["y"] + scale * row)  # noqa: E731
    read.click("#draw")
    read.mouse.move(*at(30, 40))
    read.mouse.down()
    read.mouse.move(*at(90, 100), steps=3)
    read.mouse.up()
    read.get_by_role("button", name="Agree", exact=True).click()
    read.fill("#reader", "Dr. <b>A</b>")
    read.click("#save")
    read.wait_for_selector(".saved:has-text('Saved.')")
    values = kept(folder)[-1]
    assert values["annotations"][0]["bbox"] == pytest.approx([30, 40, 60, 60], abs=1)
    assert (values["info"]["verdict"], values["info"]["reader"]) == ("agree", "Dr. <b>A</b>")


def test_the_models_boxes_can_be_corrected(read, folder):
    read.click("#take")
    read.keyboard.press("Shift+ArrowRight")
    read.keyboard.press("a")
    read.click("#save")
    read.wait_for_selector(".saved:has-text('Saved.')")
    (drawn,) = kept(folder)[-1]["annotations"]
    assert drawn["origin"] == "corrected"
    before, after = box_of(read, ".models rect"), drawn["bbox"]
    assert after[:2] == pytest.approx(before[:2], abs=3)
    assert after[2] > before[2]


def test_everything_can_be_done_by_keyboard_alone(page, folder):
    """From the start of the page to a saved reading with a box, and each stop on the way is seen."""

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none' || "
                                 "document.activeElement.closest('#drop, .own') !== null")  # fmt: skip
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    tab_to("#files")
    tab_to("summary")
    page.keyboard.press("Enter")
    tab_to("#example-list button")
    page.keyboard.press("Enter")
    browser.settled(page)
    assert "Fracture" in page.inner_text("#status")
    for key in ("i", "+", "b", "ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert page.get_attribute("#invert", "aria-pressed") == "true"
    page.keyboard.press("d")
    tab_to("[name=fractured]:checked")
    page.keyboard.press("ArrowUp")  # from "no fracture" to "fracture"
    tab_to("#save")
    page.keyboard.press("Enter")
    page.wait_for_selector(".saved:has-text('Saved.')")
    values = kept(folder)[-1]
    assert (values["info"]["verdict"], len(values["annotations"])) == ("agree", 1)


def test_keys_are_listed_and_can_be_switched_off(read):
    read.keyboard.press("?")
    assert "agree, disagree" in read.inner_text("#keys")
    read.uncheck("#keys-on")
    read.keyboard.press("Escape")
    read.keyboard.press("i")
    assert read.get_attribute("#invert", "aria-pressed") == "false"


@pytest.mark.reliability(
    "a radiograph out of scope, on the reading page", "the reason, and nothing else of the answer"
)
def test_out_of_scope_shows_the_reason_and_nothing_else(page, answers):
    with answers.saying("out of scope"):
        browser.drop(page, "spine.png", PNG)
    text = page.inner_text("#answer")
    assert "Out of scope" in text
    assert "urther from the training radiographs" in text
    assert "Probability" not in text
    assert " point" not in text
    assert page.locator(".map, .models rect, .regions").count() == 0
    assert not page.is_visible("#opacity")


def test_needs_review_is_shown_as_such(page, answers):
    with answers.saying("needs review"):
        browser.drop(page, "a.png", PNG)
    text = page.inner_text("#answer")
    assert "Needs review" in text
    assert "Reached: the radiograph is not cleared." in text
    assert "Not reached: not called a fracture." in text
    assert page.get_by_role("button", name="Agree", exact=True).count() == 0  # with what?
    assert page.locator("[name=fractured]").count() == 3


@pytest.mark.reliability(
    "a photograph, a cut file and one that is no image, dropped on the reading page",
    "each is shown as refused, with the reason and what to do",
)
def test_refused_files_are_shown_with_reason_and_advice(page):
    photograph = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    refused = {
        "photo.png": (images.encode_png(photograph), "Not a radiograph"),
        "cut.png": (PNG[:-60], "Cut off"),
        "text.png": (b"words", "Not an image"),
    }
    for name, (data, title) in refused.items():
        browser.drop(page, name, data)
        page.locator("#film-list button", has_text=name).click()
        text = page.inner_text("#answer")
        assert title in text
        assert "Send" in text or "Get the file anew" in text
        assert page.locator("#film-list button", has_text=name).inner_text().endswith(title)
        assert not page.is_visible("#feedback")


@pytest.mark.reliability(
    "a file whose name is markup, dropped on the reading page", "shown as text; nothing of it runs"
)
def test_names_of_files_are_text(page):
    name = "<img src=x onerror=document.title='hit'>.png"
    browser.drop(page, name, PNG)
    assert name in page.inner_text("#answer")
    assert page.locator("#answer img, #film-list img[src=x]").count() == 0
    assert page.title() == "Reading room"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (413, "Too large to send"),
        (415, "Not a kind of file"),
        (503, "not ready"),
        (500, "The service failed"),
    ],
)
def test_refusals_of_the_service_are_told_in_words(page, status, words):
    body = json.dumps({"error": {"reason": "x", "detail": "the rule of the service"}})
    page.route("**/predict?*", lambda route: route.fulfill(status=status, body=body))
    browser.drop(page, "a.png", PNG)
    text = page.inner_text("#answer")
    assert words in text
    assert "the rule of the service" in text


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(page, status):
    tries = []

    def busy(route):
        tries.append(route.request.url)
        headers = {"Retry-After": "0.1"}
        route.fulfill(status=status, headers=headers, body="{}") if len(tries) == 1 else route.continue_()

    page.route("**/predict?*", busy)
    browser.drop(page, "a.png", PNG)
    assert len(tries) == 2
    assert "Fracture" in page.inner_text("#answer")


def test_a_service_that_stays_busy_is_said_to_be_busy(page):
    error = json.dumps({"error": {"reason": "busy", "detail": "the memory is full"}})
    page.route("**/predict?*", lambda r: r.fulfill(status=503, headers={"Retry-After": "0.01"}, body=error))
    browser.drop(page, "a.png", PNG)
    text = page.inner_text("#answer")
    assert "The service is busy" in text
    assert "the memory is full" in text


def test_studies_that_take_too_long_together_are_read_one_by_one(page):
    page.route("**/studies?*", lambda r: r.fulfill(status=503, headers={"Retry-After": "0.01"}, body="{}"))
    views = [{"name": f"IM{at}", "mimeType": "", "buffer": dicom(stub.phantom(at))} for at in (1, 2)]
    page.set_input_files("#files", views)
    browser.settled(page)
    assert page.locator("#film-list .badge").all_inner_texts() == ["Fracture"] * 2


def test_the_list_follows_the_radiograph_that_is_shown(open_page):
    page = open_page(360, 640)
    files = [{"name": f"{at}.png", "mimeType": "", "buffer": PNG[:-60]} for at in range(8)]
    page.set_input_files("#files", files)
    browser.settled(page)
    for _ in range(7):
        page.keyboard.press("n")
    here = page.locator("#film-list [aria-current]").bounding_box()
    assert page.inner_text("#answer h2") == "7.png"
    assert here["x"] >= 0
    assert here["x"] + here["width"] <= 360


def test_what_a_note_tells_to_run_is_shown_as_code(page):
    def noted(route):
        answer = route.fetch().json()
        answer["results"][0]["notes"] = [{"code": "far_away", "detail": "run `fracture <assess>` there"}]
        route.fulfill(json=answer)

    page.route("**/predict?*", noted)
    browser.drop(page, "a.png", PNG)
    assert page.inner_text("#answer .notes") == "far away: run fracture <assess> there"
    assert page.inner_text("#answer .notes code") == "fracture <assess>"


def test_files_that_cannot_be_read_are_told(page):
    page.evaluate("""() => {
        const broken = {isFile: true, name: "gone.dcm", file: (take, fail) => fail(new Error())};
        const reader = {readEntries: (take, fail) => fail(new Error())};
        const closed = {isFile: false, name: "closed", createReader: () => reader};
        const items = [broken, closed].map((entry) => ({webkitGetAsEntry: () => entry}));
        const event = new Event("drop", {cancelable: true});
        event.dataTransfer = {items, files: []};
        document.dispatchEvent(event);
    }""")
    browser.settled(page)
    assert page.locator("#film-list button").all_inner_texts() == ["gone.dcm\nEmpty"]


def test_a_token_is_asked_for_and_sent(page):
    sent = []

    def guarded(route):
        token = route.request.headers.get("authorization")
        sent.append(token)
        route.fulfill(status=401, body="{}") if token != "Bearer secret" else route.continue_()

    page.route("**/predict?*", guarded)
    page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": PNG})
    page.wait_for_selector("#token[open]")
    page.fill("#token-value", "secret")
    page.keyboard.press("Enter")
    browser.settled(page)
    assert sent == [None, "Bearer secret"]
    assert "Fracture" in page.inner_text("#answer")


def test_on_a_phone_nothing_is_wider_than_the_screen(open_page):
    page = open_page(360, 640, has_touch=True)
    browser.drop(page, "wrist.png", PNG)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for selector in ("#image", "#answer .decision", "#feedback", "#caution", "#opacity"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.locator("#caution").bounding_box()["y"] < 640
    assert page.locator("#caution").bounding_box()["y"] >= 0
    buttons = page.locator("button:visible").all()
    assert min(button.bounding_box()["height"] for button in buttons) >= 24  # WCAG 2.2, target size


def test_every_text_on_the_page_keeps_the_contrast_of_wcag_aa(page, answers):
    for decision in stub.LOGITS:
        with answers.saying(decision):
            browser.drop(page, f"{decision}.png", PNG)
    browser.drop(page, "cut.png", PNG[:-60])
    for at in range(5):
        page.locator("#film-list button").nth(at).click()
        contrasts = page.evaluate(browser.CONTRASTS)
        assert [pair for pair in contrasts if pair[1] < 4.5] == []
    assert len(contrasts) > 20


def test_the_models_card_is_shown_and_its_markup_is_text(page):
    page.click("#open-model")
    text = page.inner_text("#model")
    assert "stub (bundle 0123456789ab), learnt from 3 radiographs" in text
    assert "<b>no markup</b>" in text
    assert page.locator("#model th").all_inner_texts() == ["a", "b"]
    assert page.locator("#model b").count() == 0


def test_dicom_files_of_one_study_stand_together(page):
    views = [{"name": f"IM{at}", "mimeType": "", "buffer": dicom(stub.phantom(at))} for at in (1, 2)]
    page.set_input_files("#files", views)
    browser.settled(page)
    assert page.locator("#film-list .study").all_inner_texts() == ["Study of 2: fracture"]
    assert page.locator("#film-list button").count() == 2
