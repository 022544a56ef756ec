import ast
import re

import pytest

from pipeline.report.meanings import MEANINGS, meaning
from pipeline.validate import content, not_radiograph
from tests.imports import REPOSITORY

SOURCES = sorted((REPOSITORY / "pipeline").rglob("*.py"))
RAISERS = {"ImageFault", "Issue", "_issue"}


def codes() -> set[str]:
    """Words that files of the package make faults and issues of."""
    calls = [
        node
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    ]
    words = {
        constant.value
        for call in calls
        if ast.unparse(call.func) in RAISERS
        for argument in call.args
        for constant in ast.walk(argument)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    return {word for word in words if re.fullmatch("[a-z0-9_]+", word)} - {"quarantined", "warning", "note"}


CODES = codes() | set(content._DETAILS) | set(not_radiograph.KINDS)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_meaning(code):
    assert meaning(code) == MEANINGS[code]


def test_no_meaning_is_of_a_code_that_nothing_gives():
    assert set(MEANINGS) - CODES == set()


def test_an_unknown_code_stands_for_itself():
    assert meaning("some_new_fault") == "some new fault"
