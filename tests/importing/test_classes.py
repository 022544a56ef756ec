"""Which classes of a source are fractures, and what is said of it."""

import logging
from pathlib import Path

import pytest

from pipeline.importing import classes
from pipeline.importing.record import Options

ROBOFLOW = "bone-fracture-7fylg"  # the project, which its exports declare as a class of their own


def choose(named, used, **options):
    return classes.choose(named, used, Options(**options), Path("source"))


@pytest.mark.parametrize(
    ("named", "used", "expected", "is_warned"),
    [
        (["metal", "fracture"], ["metal", "fracture"], {"fracture"}, False),
        (["elbow", "fracture"], ["elbow", "fracture"], {"fracture"}, True),
        (["angle", "fracture", "line"], ["angle", "fracture", "line"], {"fracture"}, True),
        (["hand", "wrist"], ["hand", "hand"], {"hand"}, True),
        ([ROBOFLOW, "fracture"], ["fracture"], {"fracture"}, False),
        (["metal", "fracture"], ["metal"], {"fracture"}, False),
    ],
)
def test_a_warning_says_where_names_leave_it_open(named, used, expected, is_warned, caplog):
    caplog.set_level(logging.INFO)
    assert choose(named, used) == expected
    assert ("--fractured NAME" in caplog.text) is is_warned
    assert all(repr(name) in caplog.text for name in used)


def test_what_the_user_names_needs_no_warning(caplog):
    caplog.set_level(logging.INFO)
    assert choose(["angle", "line"], ["angle", "line"], fractured=("angle", "line")) == {"angle", "line"}
    assert [row.levelname for row in caplog.records] == ["INFO"]


@pytest.mark.reliability(
    "import: a class that says fracture is declared and drawn nowhere",
    "an error asks which of the drawn ones are",
)
@pytest.mark.parametrize("used", [["angle", "line"], ["line"]])
def test_a_class_that_is_never_drawn_decides_nothing_about_others(used):
    with pytest.raises(ValueError, match="--fractured NAME"):
        choose([ROBOFLOW, "angle", "line"], used)
