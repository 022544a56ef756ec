"""Batches, a change of model, metrics, and what is told of the model."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from pipeline.files import images
from pipeline.serve.batching import Batches
from pipeline.serve.model import Model
from tests.commands.conftest import radiograph
from tests.serve.conftest import TOLD

PNG = {"Content-Type": "image/png"}


class Stub:
    """A model that notes its batches, and fails on dark radiographs."""

    def __init__(self):
        self.batches, self.free = [], threading.Event()

    def predict(self, radiographs):
        self.free.wait(10)
        self.batches.append(len(radiographs))
        if any(pixels.max() == 0 for pixels in radiographs):
            raise ValueError("dark")
        return [pixels.max() for pixels in radiographs]


def ask(batches, model, values):
    return [batches.ask(model, np.full((4, 4), value, np.uint8)) for value in values]


def test_radiographs_that_wait_are_asked_together_and_by_one_model_each():
    first, second, sizes = Stub(), Stub(), []
    batches = Batches(sizes.append)
    waiting = ask(batches, first, [1])
    time.sleep(0.05)  # the first is alone in its batch
    waiting += ask(batches, first, range(2, 20)) + ask(batches, second, [20, 21])
    first.free.set()
    second.free.set()
    assert [answer.result(10) for answer in waiting] == list(range(1, 22))
    batches.close()
    assert (first.batches, second.batches) == ([1, 16, 2], [2])
    assert sizes == [1, 16, 2, 2]


@pytest.mark.reliability(
    "a radiograph on which the network fails, in a batch with others", "they get their answer"
)
def test_one_that_fails_costs_the_others_of_its_batch_nothing():
    model, batches = Stub(), Batches(lambda size: None)
    model.free.set()
    answers = ask(batches, model, [1, 0, 2])
    assert [answers[0].result(10), answers[2].result(10)] == [1, 2]
    with pytest.raises(ValueError, match="dark"):
        answers[1].result(10)
    batches.close()


def test_requests_at_once_share_the_network(loaded, serve):
    calls, inside = [], threading.Event()

    def network(canvases):
        calls.append(len(canvases))
        inside.wait(1)
        return loaded.network(canvases)

    client = serve(replace(loaded, network=network))
    sent = [images.encode_png(radiograph(seed)) for seed in range(6)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda data: client.post("/predict", content=data, headers=PNG), sent))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len(calls) < 6
    assert sum(calls) == 6


@pytest.mark.reliability("a radiograph that takes longer than `serve.timeout_s`", "503; the next is answered")
def test_an_answer_that_takes_too_long_is_given_up(loaded, serve):
    free = threading.Event()

    def network(canvases):
        free.wait(10)
        return loaded.network(canvases)

    client = serve(replace(loaded, network=network), timeout_s=0.5)
    data = images.encode_png(radiograph(1))
    answer = client.post("/predict", content=data, headers=PNG)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "busy")
    free.set()
    assert client.post("/predict", content=data, headers=PNG).status_code == 200


def test_a_request_is_answered_whole_by_the_model_that_it_began_with(loaded, serve):
    client = serve()
    service = client.app.state.service

    def network(canvases):
        service.take(Model(loaded, TOLD | {"name": "champion, version 2"}))
        return loaded.network(canvases)

    service.take(Model(replace(loaded, network=network), TOLD | {"name": "champion, version 1"}))
    data = images.encode_png(radiograph(1))
    names = [client.post("/predict", content=data, headers=PNG).json()["model"]["name"] for _ in range(2)]
    assert names == ["champion, version 1", "champion, version 2"]
    assert 'name="champion, version 2"' in client.get("/metrics").text
    assert 'name="champion, version 1"' not in client.get("/metrics").text


def test_prometheus_reads_decisions_reasons_and_seconds_by_part_and_no_name(client):
    files = [("file", ("Doe_Jane.png", images.encode_png(radiograph(1)))), ("file", ("b.png", b""))]
    client.post("/predict", files=files, headers={"X-Patient": "Doe"})
    client.get("/page/Doe_Jane.html")
    text = client.get("/metrics").text
    assert 'fracture_radiographs_total{decision="needs review"} 1.0' in text
    assert 'fracture_refusals_total{reason="empty_file"} 1.0' in text
    assert 'fracture_requests_total{code="200",route="/predict"} 1.0' in text
    for part, times in {"read": 2.0, "preprocess": 1.0, "network": 1.0, "regions": 1.0}.items():
        assert f'fracture_part_seconds_count{{part="{part}"}} {times}' in text
    assert 'sha256="0123456789ab"' in text
    assert "Doe" not in text


def test_the_model_tells_its_points_its_scope_and_its_card(serve):
    told = serve(card="# Card").get("/model").json()
    assert told["model"] == TOLD
    assert told["operating_points"]["high_specificity"]["threshold"] == 1.0
    assert "no finding" in told["operating_points"]["high_sensitivity"]["meaning"]
    assert told["scope"] == {"threshold": 2.0, "body_parts": ["hand"], "phantoms_only": False}
    assert told["card"] == "# Card"


def test_what_is_seen_is_described_where_that_is_asked_for(serve, work):
    client = serve(seen=work / "seen")
    client.post("/predict", content=images.encode_png(radiograph(1)), headers=PNG)
    client.post("/predict", content=b"no picture", headers=PNG)
    (day,) = (work / "seen").iterdir()
    assert len(day.read_text().splitlines()) == 1
