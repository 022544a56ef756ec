from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import assess_figures
from pipeline.dataset import manifest
from pipeline.dataset.annotations import Annotations
from pipeline.files.faults import Issue
from pipeline.predict import site
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Targets
from pipeline.validate import external

LOADED = SimpleNamespace(points=OperatingPoints(0.3, 0.7), targets=Targets(0.95, 0.90))


def answers(group):
    """Four views of each of 30 fractured and 40 other patients; one patient of either class is missed."""
    patient = np.repeat(np.arange(70), 4)
    fractured = patient < 30
    called = fractured ^ np.isin(patient, (0, 30))
    names = [f"{number}.png" for number in range(280)]
    score = np.where(called, 0.9, 0.1)
    group = names if group == "file" else [f"p{number}" for number in patient]
    return pd.DataFrame({"path": names, "fractured": fractured, "y_score": score, "group": group})


@pytest.mark.parametrize(("group", "holds"), [("file", True), ("patient", False)])
def test_views_of_one_patient_do_not_show_that_thresholds_hold(config, group, holds):
    assert assess_figures.thresholds_hold(config, LOADED, answers(group)) is holds


def checked(files, seen):
    """A folder of which some files were learnt from."""
    issues = [Issue.of(path, "seen_before", "") for path in seen]
    return external.Folder(Path(), files.assign(status=manifest.KEPT), Annotations(), issues)


def of_single_views(wrong):
    """One radiograph each of 200 patients, half of them fractured."""
    fractured = np.arange(200) < 100
    called = fractured ^ np.isin(np.arange(200), wrong)
    names = [f"{number}.png" for number in range(200)]
    score = np.where(called, 0.9, 0.1)
    own = {"path": names, "fractured": fractured, "y_score": score, "group": names}
    return pd.DataFrame(own | {"in_scope": True})


def test_what_was_learnt_from_does_not_show_that_thresholds_hold(config):
    table = of_single_views(wrong=[0, 1, 2, 3])
    figures = {}
    for name, seen in (("none", []), ("sound answers", range(10, 60)), ("a class", range(100))):
        learnt = [f"{number}.png" for number in seen]
        figures[name] = assess_figures.unseen(config, LOADED, table, checked(table, learnt))
    assert {name: found["thresholds_hold"] for name, found in figures.items()} == {
        "none": True,
        "sound answers": False,
        "a class": False,
    }
    assert [found["seen_before"] for found in figures.values()] == [0, 50, 100]
    assert figures["sound answers"]["test_unseen"]["radiographs"] == 150
    assert all("test_unseen" not in figures[name] for name in ("none", "a class"))


def test_a_group_of_which_a_radiograph_was_learnt_from_is_left_out_whole(config):
    table = answers("patient").assign(in_scope=True)
    found = assess_figures.unseen(config, LOADED, table, checked(table, ["4.png"]))
    assert (found["seen_before"], found["test_unseen"]["radiographs"]) == (1, 276)


def test_what_fitted_the_thresholds_or_may_have_does_not_show_that_they_hold(config, monkeypatch):
    table = of_single_views(wrong=[0, 1, 2, 3])
    here = table.assign(sha256=[f"{number:016x}" * 4 for number in range(200)])
    fitted = frozenset(site.digits(here["sha256"][:100]))
    folder = checked(here, [])
    shown = {}
    for known in (fitted, None, frozenset()):
        monkeypatch.setattr(site, "fitted_on", lambda *_, known=known: known)
        whole = folder._replace(issues=assess_figures.fitted(config, folder))
        found = assess_figures.unseen(config, LOADED, table, whole)
        shown[known] = (found["fitted_on"], found["thresholds_hold"])
    assert shown == {fitted: (100, False), None: (None, False), frozenset(): (0, True)}
