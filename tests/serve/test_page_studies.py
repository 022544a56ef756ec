"""DICOM files dropped on the reading page: what goes together, and what is said where it cannot."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from pydicom import uid

from tests.fuzz import seeds
from tests.serve import browser, stub
from tests.serve.opened import address, answers, chromium, dicom, folder, open_page, page

__all__ = ["address", "answers", "chromium", "folder", "open_page", "page"]

STUDIES = "**/studies?*"


def views(study, n=2):
    return [
        {"name": f"{study}-{at}", "mimeType": "", "buffer": dicom(stub.phantom(at), f"1.2.{study}")}
        for at in range(n)
    ]


def drop(page, *some):
    page.set_input_files("#files", [view for study in some for view in study])
    browser.settled(page)


def headings(page):
    return page.locator("#film-list .study").all_inner_texts()


def listed(page):
    """Names of the list, and the headings between them."""
    return [text.partition("\n")[0] for text in page.locator("#film-list li").all_inner_texts()]


def refuse(page, status, most=0):
    """Refuse requests of more than so many files, 0: cut them off; gives how many files each request held."""
    held = []

    def refused(route):
        held.append(route.request.post_data_buffer.count(b"filename="))
        if held[-1] <= most:
            route.continue_()
        else:
            route.fulfill(status=status or 599, headers={"Retry-After": "0.01"}, body="{}")

    page.evaluate("""() => {
        const ask = window.fetch;
        window.fetch = async (...all) => {
            const response = await ask(...all);
            if (response.status === 599) throw new TypeError("cut off");
            return response;
        };
    }""")
    page.route(STUDIES, refused)
    return held


def test_two_drops_are_two_studies(page, answers):
    with answers.saying("no finding"):
        drop(page, views(1))
    drop(page, views(2))
    assert listed(page) == ["Study of 2: no finding", "1-0", "1-1", "Study of 2: fracture", "2-0", "2-1"]


def test_a_file_alone_stays_where_it_stands_among_studies(page):
    alone, another, (first, second) = views(1, 1), views(2, 1), views(3)
    drop(page, alone, [first], another, [second])
    assert listed(page) == ["1-0", "Study of 2: fracture", "3-0", "3-1", "2-0"]


def test_many_studies_go_in_several_requests_and_none_is_parted(page):
    held = refuse(page, 413, most=16)
    drop(page, *(views(study, 3) for study in range(8)))
    assert held == [15, 9]
    assert headings(page) == ["Study of 3: fracture"] * 8


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        (uid.ExplicitVRLittleEndian, "1.2.840.77"),
        (uid.ImplicitVRLittleEndian, "1.2.840.77"),
        (uid.DeflatedExplicitVRLittleEndian, ""),
    ],
)
def test_the_study_is_read_from_the_head_of_a_file(page, syntax, expected):
    grey = np.asarray(seeds.picture("I;16"))
    data = seeds.dicom(grey, syntax, StudyInstanceUID="1.2.840.77", StudyID="5")
    found = page.evaluate(
        """async (data) => {
        const { studyOf } = await import("/page/files.js");
        return studyOf(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], "a"));
    }""",
        base64.b64encode(data).decode(),
    )
    assert found == expected


def test_files_whose_study_cannot_be_told_here_go_together(page):
    deflated = [view | {"buffer": view["buffer"].replace(b"\x20\x00\x0d\x00UI", b"\x20\x00\x0d\x00UT")}
                for view in views(1)]  # fmt: skip
    held = refuse(page, 413, most=16)
    drop(page, deflated)
    assert held == [2]


@pytest.mark.parametrize("status", [0, 408, 413, 500, 503, 504])
def test_studies_that_cannot_be_sent_together_are_sent_one_by_one(page, status):
    held = refuse(page, status, most=2)
    drop(page, views(1), views(2))
    assert held[-2:] == [2, 2]
    assert headings(page) == ["Study of 2: fracture"] * 2


@pytest.mark.parametrize(
    ("status", "words"), [(0, "The service cannot be reached"), (408, "Too slow"), (413, "Too large to send")]
)
def test_views_that_cannot_be_sent_together_are_read_one_by_one_and_the_page_says_so(page, status, words):
    refuse(page, status)
    drop(page, views(1))
    assert page.locator("#film-list .badge").all_inner_texts() == ["Fracture"] * 2
    assert headings(page) == [f"2 files read one by one, no study formed. Together: {words}"]


def test_a_study_that_had_no_room_beside_others_is_asked_again_alone(page):
    def full(route):
        answer = route.fetch().json()
        if len(answer["studies"]) > 1:
            view = answer["studies"][1]["views"][0]
            error = {"reason": "too_large", "detail": "a request may hold 9 pixels in all. Send fewer files."}
            answer["studies"][1]["views"][0] = {"path": view["path"], "error": error}
        route.fulfill(json=answer)

    page.route(STUDIES, full)
    drop(page, views(1), views(2))
    assert page.locator("#film-list .badge").all_inner_texts() == ["Fracture"] * 4
    assert headings(page) == ["Study of 2: fracture"] * 2


def test_a_picture_that_cannot_be_decoded_stops_no_other_of_its_study(page):
    def broken(route):
        answer = route.fetch().json()
        answer["studies"][0]["views"][0]["image"] = "data:image/png;base64,iVBORw0KGgo="
        route.fulfill(json=answer)

    page.route(STUDIES, broken)
    drop(page, views(1))
    assert page.locator("#film-list .badge").all_inner_texts() == ["Fracture"] * 2
    assert page.locator("#film-list img").count() == 1
    assert headings(page) == ["Study of 2: fracture"]


def test_a_missing_token_is_asked_for_once(page):
    asked = []
    page.route(STUDIES, lambda route: (asked.append(1), route.fulfill(status=401, body="{}")))
    page.set_input_files("#files", views(1))
    page.wait_for_selector("#token[open]")
    page.keyboard.press("Escape")
    browser.settled(page)
    assert asked == [1]
    assert page.locator("#film-list .badge").all_inner_texts() == ["A token is needed"] * 2


def as_told_by_another(route, times, tries):
    """Let the first answers name another model."""
    answer = route.fetch().json()
    tries.append(route.request.url)
    if len(tries) <= times:
        answer["model"] |= {"name": "another", "sha256": "ffffffffffff"}
    route.fulfill(status=200, body=json.dumps(answer))


@pytest.mark.parametrize("path", ["predict", "studies"])
def test_an_answer_of_a_model_that_was_replaced_is_asked_for_again(page, path):
    tries = []
    page.route(f"**/{path}?*", lambda route: as_told_by_another(route, 1, tries))
    drop(page, views(1, 1 if path == "predict" else 2))
    assert len(tries) == 2
    assert "Answered by stub" in page.inner_text("#answer")


def test_an_answer_whose_model_nobody_describes_is_not_shown(page):
    page.route("**/predict?*", lambda route: as_told_by_another(route, 9, []))
    drop(page, views(1, 1))
    assert "The model has changed" in page.inner_text("#answer")


def test_a_reading_names_the_model_whose_answer_was_read(page):
    """Another model takes over between answer and saving: the page has met it, and this reading has not."""
    sent = []
    page.route("**/feedback", lambda route: (sent.append(route.request.post_data), route.continue_()))
    drop(page, views(1, 1))
    page.keyboard.press("a")
    told = page.request.get(f"{page.url}model").json()
    told["model"] |= {"name": "another", "sha256": "ffffffffffff"}
    page.route("**/model", lambda route: route.fulfill(json=told))
    page.route("**/predict?*", lambda route: as_told_by_another(route, 9, []))
    drop(page, views(2, 1))
    assert page.inner_text("#open-model") == "Model: another"
    page.click("#save")
    page.wait_for_selector(".saved:has-text('Saved.')")
    assert '"model":"0123456789ab"' in sent[0]
