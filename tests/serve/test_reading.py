"""Decoders that die, hang or are too slow, and pixels that lie in memory."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.files import images
from pipeline.files.faults import ImageFault
from pipeline.files.limits import DEFAULTS
from pipeline.serve import reading
from pipeline.serve.reading import Decoders, Item, Read
from tests.commands.conftest import radiograph


def item(seed=1):
    return Item(images.encode_png(radiograph(seed)), f"{seed}.png", DEFAULTS)


def soon(seconds=30.0):
    return time.monotonic() + seconds


def die(item):
    os._exit(1)


def hang(item):
    time.sleep(60)


def die_or_wait(item):
    if item.name == "1.png":
        time.sleep(0.5)  # until the other is under way
        os._exit(1)
    time.sleep(1)
    return Read(ImageFault("blank", "read to its end"))


@pytest.fixture
def decoders():
    made = Decoders(2)
    yield made
    made.close()


@pytest.mark.reliability("a file of which the decoder's process dies", "`broken`; the next file is read")
def test_a_decoder_that_dies_costs_its_file_alone(decoders, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read", die)
        with decoders.decoded(item(), soon()) as found:
            assert isinstance(found.result, ImageFault)
            assert found.result.reason == "broken"
    with decoders.decoded(item(), soon()) as found:
        assert found.n_pixels == 120 * 96


@pytest.mark.reliability(
    "a file of which a decoder dies, beside sound ones",
    "it alone is refused",
)
def test_a_file_beside_one_of_which_a_decoder_dies_is_not_blamed(decoders, monkeypatch):
    monkeypatch.setattr(reading, "read", die_or_wait)

    def reason(seed):
        with decoders.decoded(item(seed), soon()) as found:
            return found.result.reason

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(reason, [1, 2])) == ["broken", "blank"]


@pytest.mark.reliability("a file on which a decoder hangs", "its process is ended; the next file is read")
def test_a_decoder_that_hangs_is_ended(decoders, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read", hang)
        with pytest.raises(TimeoutError), decoders.decoded(item(), soon(3)):
            pass
    with decoders.decoded(item(), soon()) as found:
        assert found.n_pixels == 120 * 96


@pytest.mark.reliability(
    "a file on which a decoder hangs, beside sound ones",
    "it alone is refused, `broken`; the request is answered",
)
def test_a_decoder_that_hangs_costs_its_file_alone(monkeypatch):
    decoders = Decoders(2, most_s=3)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read", hang)
        with decoders.decoded(item(), soon()) as found:
            assert found.result.reason == "broken"
            assert "within 3 seconds" in str(found.result)
    with decoders.decoded(item(), soon()) as found:
        assert found.n_pixels == 120 * 96
    decoders.close()


def test_what_comes_too_late_is_not_begun_and_ends_nothing(decoders, monkeypatch):
    with decoders.decoded(item(), soon()):
        monkeypatch.setattr(reading, "_kill", lambda executor: pytest.fail("processes were ended"))
        with pytest.raises(TimeoutError), decoders.decoded(item(2), time.monotonic() - 1):
            pass
        monkeypatch.undo()


def test_radiographs_wait_for_room_and_one_alone_always_has_it(monkeypatch):
    monkeypatch.setattr(reading, "_MOST_PIXELS", 120 * 96)
    decoders = Decoders(1)
    with (
        decoders.decoded(item(1), soon()),
        pytest.raises(TimeoutError),
        decoders.decoded(item(2), soon(0.2)),
    ):
        pass
    with decoders.decoded(item(2), soon()) as found:
        assert found.seconds > 0
    decoders.close()
