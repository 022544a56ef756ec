"""Saving a reading on the page: what is said to be saved is what was sent."""

from __future__ import annotations

import pytest

from tests.serve import browser
from tests.serve.opened import PNG, address, answers, chromium, folder, open_page, page, read

__all__ = ["address", "answers", "chromium", "folder", "open_page", "page", "read"]

EARLIER = ".saved:has-text('before your last change')"


@pytest.fixture
def held(read):
    """Readings on their way, which a test lets arrive."""
    routes = []
    read.route("**/feedback", lambda route: routes.append(route))
    return routes


def save(page, held):
    with page.expect_request("**/feedback"):
        page.click("#save")
    browser.drawn(page)
    assert len(held) == 1


def test_a_reading_that_was_changed_while_it_was_saved_is_not_said_to_be_saved(read, held):
    read.keyboard.press("a")
    save(read, held)
    read.keyboard.press("d")
    assert read.is_disabled("#save")  # the first one is on its way
    held.pop().continue_()
    read.wait_for_selector(EARLIER)
    assert read.is_enabled("#save")
    save(read, held)
    held.pop().continue_()
    read.wait_for_selector(".saved:text-is('Saved.')")


@pytest.mark.parametrize("key", ["b", "Escape"])
def test_a_box_or_a_name_that_came_meanwhile_is_not_said_to_be_saved(read, held, key):
    read.keyboard.press("a")
    save(read, held)
    if key == "b":
        read.keyboard.press("b")
    else:
        read.fill("#reader", "Dr. B")
    held.pop().continue_()
    read.wait_for_selector(EARLIER)
    assert read.input_value("#reader") == ("" if key == "b" else "Dr. B")


def test_a_change_that_was_taken_back_changes_nothing(read, held):
    read.keyboard.press("a")
    save(read, held)
    read.keyboard.press("d")
    read.keyboard.press("a")
    held.pop().continue_()
    read.wait_for_selector(".saved:text-is('Saved.')")


def test_a_failure_leaves_the_changed_reading_to_be_saved(read, held):
    read.keyboard.press("a")
    save(read, held)
    read.keyboard.press("d")
    held.pop().fulfill(status=507, body="{}")
    read.wait_for_selector(".saved:has-text('Not saved.')")
    assert read.is_enabled("#save")


def test_another_radiograph_can_be_saved_meanwhile(read, held):
    browser.drop(read, "second.png", PNG)
    read.keyboard.press("a")
    save(read, held)
    read.keyboard.press("n")
    read.keyboard.press("a")
    assert read.is_enabled("#save")
    held.pop().continue_()
    read.keyboard.press("p")
    read.wait_for_selector(".saved:text-is('Saved.')")
