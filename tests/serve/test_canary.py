"""Phantoms of which the right answer is known, sent through a service."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.serve import canary, watch
from pipeline.serve.canary import Phantom
from tests.serve.test_following import eventually

PHANTOMS = [Phantom(np.zeros((1, 1), np.uint8), fractured) for fractured in (True, True, False, False)]


def judged(config, *decisions, own=None, phantoms_only=True):
    records = [{"decision": decision, "probability": 0.5} for decision in decisions]
    return canary.judge(config.serve, PHANTOMS, records, own, phantoms_only=phantoms_only)


def test_a_model_of_phantoms_is_held_to_floors(config):
    passed = judged(config, "fracture", "needs review", "needs review", "fracture")
    assert passed.figures == {"sensitivity": 1.0, "specificity": 0.5, "agreement": None}
    assert passed.failures == []
    missed = judged(config, "fracture", "out of scope", "fracture", "fracture")
    assert missed.failures == [
        "sensitivity 0.50, must be 0.75 at least",
        "specificity 0.00, must be 0.5 at least",
    ]


def test_a_canary_that_is_refused_is_missed_and_says_why(config):
    records = [{"error": {"reason": "broken"}}] * 2 + [{"decision": "no finding"}] * 2
    outcome = canary.judge(config.serve, PHANTOMS, records, None, phantoms_only=True)
    assert outcome.failures == ["sensitivity 0.00, must be 0.75 at least; refused: broken"]


def test_a_model_of_radiographs_is_held_to_its_own_answers(config):
    own = [SimpleNamespace(probability=0.5004, decision="out of scope")] * 4
    said = judged(config, *["out of scope"] * 4, own=own, phantoms_only=False)
    assert said.figures == {"sensitivity": None, "specificity": None, "agreement": 1.0}
    other = judged(config, *["out of scope"] * 3, "fracture", own=own, phantoms_only=False)
    assert other.failures == ["agreement 0.75, must be 1 at least"]
    far = [SimpleNamespace(probability=0.502, decision="out of scope")] * 4
    assert judged(config, *["out of scope"] * 4, own=far, phantoms_only=False).figures["agreement"] == 0


def test_the_same_seed_draws_the_same_canaries_half_of_them_fractured():
    first, again, other = canary.draw(2), canary.draw(2), canary.draw(1, seed=5)
    assert [phantom.fractured for phantom in first] == [False, True] * 2
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.pixels, same.pixels)
    assert not np.array_equal(first[0].pixels, other[0].pixels)


@pytest.mark.reliability(
    "a network that answers otherwise than at its start", "`/ready` 503, which says why; again ready"
)
def test_a_service_that_answers_otherwise_than_at_its_start_is_not_ready(loaded, serve):
    moved = []

    def network(canvases):
        output = loaded.network(canvases)
        return output._replace(logits=output.logits + sum(moved))

    client = serve(replace(loaded, network=network), begin=True, canary_s=0.1, canary_radiographs=2)
    eventually(lambda: client.get("/ready").status_code, 200)
    moved.append(3.0)
    eventually(lambda: client.get("/ready").status_code, 503)
    told = client.get("/ready").json()["error"]
    assert (told["reason"], "agreement 0.00" in told["detail"]) == ("not_ready", True)
    assert 'fracture_canary{figure="agreement"} 0.0' in client.get("/metrics").text
    moved.clear()
    eventually(lambda: client.get("/ready").status_code, 200)


@pytest.mark.parametrize("limits", [{"max_files": 1}, {"max_pixels": 250_000}, {"max_bytes": 500_000}])
def test_canaries_keep_within_the_limits_and_use_up_no_rate(serve, limits):
    client = serve(begin=True, canary_s=3600, canary_radiographs=5, burst=1, rate_per_s=1e-6, **limits)
    eventually(lambda: client.get("/ready").status_code, 200)
    assert 'fracture_canary{figure="agreement"} 1.0' in client.get("/metrics").text


def test_after_a_canary_that_failed_the_next_comes_soon(serve, monkeypatch):
    outcomes = [canary.Outcome({}, ["/predict answered 503: busy"]), canary.Outcome({})]

    async def once(watcher):
        return outcomes.pop(0)

    monkeypatch.setattr(watch.Watcher, "once", once)
    monkeypatch.setattr(watch, "_AGAIN_S", 0.05)
    client = serve(begin=True, canary_s=3600, canary_radiographs=2)
    eventually(lambda: client.get("/ready").status_code, 200)
    assert outcomes == []


@pytest.mark.reliability(
    "canaries of `fracture serve`",
    "counted among no radiographs, and not noted for `drift`",
)
def test_a_canary_is_no_radiograph_that_was_seen(serve, work):
    client = serve(begin=True, canary_s=60, canary_radiographs=2, seen=work / "seen")
    eventually(lambda: client.get("/ready").status_code, 200)
    assert not (work / "seen").exists()
    assert "fracture_radiographs_total{" not in client.get("/metrics").text


@pytest.mark.reliability("a canary that a request's limits refuse", "`/ready` 503, which says why")
def test_canaries_go_through_the_limits_of_a_client(serve, monkeypatch):
    monkeypatch.setenv("FRACTURE_TOKEN", "long and random")
    client = serve(begin=True, canary_s=60, canary_radiographs=2, max_bytes=1000)

    def why():
        return client.get("/ready").json().get("error", {}).get("detail")

    eventually(why, "canary: /predict answered 413: request_too_large")


def test_a_service_is_ready_after_its_first_canary_alone(loaded, serve):
    def network(canvases):
        time.sleep(0.2)
        return loaded.network(canvases)

    client = serve(replace(loaded, network=network), begin=True, canary_s=60, canary_radiographs=2)
    assert client.get("/ready").json()["error"]["detail"] == "canary: the first one is under way"
    assert client.get("/health").status_code == 200
    eventually(lambda: client.get("/ready").status_code, 200)
