"""How busy the machine is, told while a stage runs and never after."""

from __future__ import annotations

import time
from threading import Event

import pytest

from pipeline.track import machine


def test_a_short_stage_is_told_of_once():
    told = []
    with machine.watched(lambda figures, step: told.append((step, figures))):
        pass
    ((step, figures),) = told
    assert step == 0
    assert {"cpu_utilization_percentage", "system_memory_usage_megabytes"} <= figures.keys()
    assert figures["system_memory_usage_megabytes"] > 0


def test_a_longer_one_in_steps_and_not_after_its_end():
    told = []
    with machine.watched(lambda figures, step: told.append(step), period_s=0.01):
        while len(told) < 3:
            time.sleep(0.005)
    n_told = len(told)
    time.sleep(0.05)
    assert told == list(range(n_told))


def test_an_error_of_the_stage_goes_on_and_ends_the_watch():
    told = []
    with pytest.raises(ValueError, match="out of films"), machine.watched(lambda *_: told.append(1)):
        raise ValueError("out of films")
    assert told == [1]


def test_a_stage_does_not_wait_for_a_silent_server(monkeypatch):
    monkeypatch.setattr(machine, "_LAST_WORD_S", 0.01)
    answer, asked, given_up = Event(), Event(), Event()

    def ask(*_):
        asked.set()
        answer.wait(60)
        given_up.set()

    with machine.watched(ask, period_s=0.01):
        assert asked.wait(60)
    assert not given_up.is_set()
    answer.set()


def test_a_failure_to_tell_is_a_warning(caplog):
    def fail(*_):
        raise ConnectionError("gone")

    with machine.watched(fail):
        pass
    assert "cannot be said: gone" in caplog.text
