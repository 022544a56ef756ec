import ast
import re

import pytest

from pipeline.files import channels
from pipeline.files.faults import MEANINGS, ImageFault, Issue, meaning, severity
from pipeline.validate import not_radiograph
from tests.house import SOURCES

CODES = [code for meanings in MEANINGS.values() for code in meanings]


def codes() -> set[str]:
    """Words that the package makes faults and issues of."""
    calls = [
        node
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    ]
    words = {
        constant.value
        for call in calls
        if ast.unparse(call.func).split(".")[-1] in ("ImageFault", "Note")
        or ast.unparse(call.func) == "Issue.of"
        for argument in call.args[:2]
        for constant in ast.walk(argument)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    return {word for word in words if re.fullmatch("[a-z0-9_]+", word)}


def test_every_code_has_one_severity_and_meaning():
    made = codes() | set(channels._COLOUR_DETAILS) | set(not_radiograph.KINDS)
    assert len(made) > 40
    assert made <= set(CODES)
    assert len(CODES) == len(set(CODES))


def test_an_unknown_code_is_an_error():
    for use in (severity, meaning, lambda code: ImageFault(code, ""), lambda code: Issue.of("", code, "")):
        with pytest.raises(ValueError, match=r"must have a code .* Received: 'some_new_fault'"):
            use("some_new_fault")


def test_an_issue_is_as_grave_as_its_code():
    assert Issue.of("a.png", "tiny", "9 x 9 pixels") == ("a.png", "tiny", "warning", "9 x 9 pixels")
