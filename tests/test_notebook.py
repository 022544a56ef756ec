"""The notebook runs from its first cell to its last, and is kept without what it said."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbclient import NotebookClient

from tests.imports import REPOSITORY

NOTEBOOK = REPOSITORY / "notebooks/first_answer.ipynb"
SECONDS = 300  # of one cell, where cores are shared; on free ones all take half a minute


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook as it is after a run in an empty folder outside of the repository."""
    folder = tmp_path_factory.mktemp("work")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
        client.execute()
    return notebook


def test_it_is_kept_without_output() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}


def test_it_answers_draws_and_scores(ran: nbformat.NotebookNode) -> None:
    name, record, picture, regions, answers, figures = [
        output.data
        for cell in ran.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    assert "released fracatlas" in name["text/plain"]
    assert "'decision': 'out of scope'" in record["text/plain"]
    assert len(picture["image/jpeg"]) > 10_000
    assert "high_specificity" in regions["text/plain"]
    assert answers["text/plain"].count(".png") == 14
    assert "auroc_low" in figures["text/plain"]


def test_nothing_in_it_warns(ran: nbformat.NotebookNode) -> None:
    said = [out.text for cell in ran.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
    assert [text for text in said if re.search(r"warning|^[IWE]\d{4} ", text, re.IGNORECASE)] == []
