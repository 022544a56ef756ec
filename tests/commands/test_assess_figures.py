from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.commands import assess_figures
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Targets

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
