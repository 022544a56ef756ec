"""Each record of a decision has one head, and the index lists them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.imports import REPOSITORY

FOLDER = REPOSITORY / "docs/decisions"
RECORDS = sorted(FOLDER.glob("0*.md"))
HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>\S.*)\n\n"
    r"- Status: (?P<status>accepted|superseded by \[(?P<later>\d{4})\]\((?P=later)-[\w-]+\.md\))\n"
    r"- Date: (?P<date>\d{4}-\d\d-\d\d)\n"
)
PARTS = ["Context", "Decision", "Consequences"]


def head(record: Path) -> re.Match[str]:
    found = HEAD.match(record.read_text(encoding="utf-8"))
    assert found, f"{record.name} begins otherwise than with '# N. Title', '- Status: ...', '- Date: ...'"
    return found


def row(record: Path) -> str:
    number, title, status, date = head(record).group("number", "title", "status", "date")
    return f"| [{number}]({record.name}) | {title} | {status} | {date} |"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_a_head_and_says_context_decision_and_consequences(record: Path) -> None:
    begins = head(record)
    assert int(record.name[:4]) == int(begins["number"])
    assert begins["later"] is None or [*FOLDER.glob(f"{begins['later']}-*.md")]
    assert re.findall(r"^## (.*)", record.read_text(encoding="utf-8"), re.MULTILINE) == PARTS


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == [*range(1, len(RECORDS) + 1)]


def test_the_index_lists_every_decision_as_its_head_says() -> None:
    index = (FOLDER / "index.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in index if line.startswith("| [")] == [row(record) for record in RECORDS]
