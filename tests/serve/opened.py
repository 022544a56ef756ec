"""The reading page, opened in a browser before a service whose network says what a test wants: fixtures."""

from __future__ import annotations

import pytest

from pipeline.files import images
from pipeline.serve import app as apps
from tests.fuzz import seeds
from tests.serve import browser, stub

__all__ = ["PHANTOM", "PNG", "address", "answers", "chromium", "dicom", "folder", "open_page", "page", "read"]

PHANTOM = stub.phantom()
PNG = images.encode_png(PHANTOM)


@pytest.fixture(scope="module")
def answers():
    return stub.Answers()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("service") / "feedback"


@pytest.fixture(scope="module")
def address(params, answers, folder):
    changes = {
        "feedback": params.feedback.model_copy(update={"folder": folder}),
        "run": params.run.model_copy(update={"workers": 1}),
        "serve": params.serve.model_copy(update={"canary_s": 0, "follow_s": 0}),
    }
    config = params.model_copy(update=changes)
    card = "# A card\n\nSome **words** about `it`, and <b>no markup</b>.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    with browser.running(apps.create(config, stub.bundle(config, answers), stub.TOLD, card=card)) as found:
        yield found


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as found:
        yield found


@pytest.fixture
def open_page(chromium, address):
    """Open the page at some size; at the end, nothing was asked of others and nothing complained."""
    contexts, asked, said = [], [], []

    def opened(width=1280, height=800, **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(address)
        page.wait_for_selector("body.ready")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((address, "data:", f"blob:{address}"))] == []
    assert [text for text in said if "the server responded with a status of" not in text] == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def read(page):
    browser.drop(page, "wrist.png", PNG)
    return page


def dicom(pixels, study="1.2.3"):
    height, width = pixels.shape
    bits = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    return seeds.dicom(pixels, Rows=height, Columns=width, StudyInstanceUID=study, **bits)
