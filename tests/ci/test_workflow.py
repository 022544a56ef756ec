"""How GitHub's files are read: filters of paths, expressions, conditions."""

from __future__ import annotations

import pytest

from ci import workflow


@pytest.mark.parametrize(
    ("pattern", "file", "fits"),
    [
        ("**.dvc", "Data/radiographs.dvc", True),
        ("**.dvc", "dvc.yaml", False),
        ("pipeline/**", "pipeline/train/training.py", True),
        ("pipeline/*", "pipeline/train/training.py", False),
        ("params.yaml", "params.yaml", True),
        ("params.yaml", "old/params.yaml", False),
        ("params.yaml", "paramsXyaml", False),
    ],
)
def test_filters_of_paths(pattern: str, file: str, fits: bool) -> None:
    assert workflow.fits(pattern, file) is fits


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${{ github.token }}", "t"),
        ("${{ secrets.OWN || github.token }}", "t"),
        ("${{ vars.UNSET }}", ""),
        ("group-${{ github.ref }}", "group-main"),
    ],
)
def test_expressions(text: str, value: str) -> None:
    assert workflow.resolve(text, {"github.token": "t", "github.ref": "main"}) == value


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match=r"github\.actor"):
        workflow.resolve("${{ github.actor }}", {})


def test_conditions() -> None:
    known = {"needs.retrain.outputs.promote": "true"}
    assert workflow.holds("", {})
    assert workflow.holds("needs.retrain.outputs.promote == 'true'", known)
    assert not workflow.holds("needs.retrain.outputs.promote != 'true'", known)
