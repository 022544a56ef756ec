from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.registry import ledger
from pipeline.registry.ledger import Entry, LedgerError, Model

A, B, C = (Model(name * 64, str(number)) for number, name in enumerate("abc", start=1))


def entry(number: int, action: str, champion: Model, **others) -> Entry:
    values = {"actor": "ada", "reason": "", "previous": None, "replaced": None, "commit": "", "figures": {}}
    values |= {"at": f"2026-11-23T10:00:{number:02d}Z"} | others
    return Entry(number=number, action=action, champion=champion, **values)


PROMOTED = [
    entry(1, "promote", A, figures={"auroc": 0.9, "pointing game": None}),
    entry(2, "promote", B, previous=A, replaced=A),
]
ROLLED_BACK = [*PROMOTED, entry(3, "rollback", A, replaced=B, reason="misses\nwrists, \N{SNOWMAN}")]


def test_lines_are_read_as_written(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger.write(path, ROLLED_BACK)
    assert ledger.read(path) == ROLLED_BACK
    assert len(path.read_text().splitlines()) == 3


def test_no_file_is_no_line(tmp_path):
    assert ledger.read(tmp_path / "ledger.jsonl") == []


def test_a_line_more_leaves_the_others_byte_for_byte(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger.write(path, PROMOTED)
    before = path.read_bytes()
    ledger.write(path, ROLLED_BACK)
    assert path.read_bytes().startswith(before)


@pytest.mark.reliability("a ledger that is torn or was edited by hand", "one message with the line's number")
@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [lines[0], lines[1].replace('"number": 2', '"number": "2"')],
        lambda lines: [lines[0], lines[1].replace('"promote"', '"crown"')],
        lambda lines: [lines[0], lines[1].replace('"champion": {', '"champion": null, "old": {')],
        lambda lines: [lines[0], lines[1].replace("b" * 64, "a" * 64)[:-1] + ', "extra": 1}'],
        lambda lines: [lines[0], lines[1].replace('"promote"', '"rollback"')],
        lambda lines: [lines[0], lines[1].replace('"replaced": {"bundle": "a', '"replaced": {"bundle": "c')],
        lambda lines: [lines[0], "", lines[1]],
        lambda lines: [lines[0], lines[1][:40]],
        lambda lines: [lines[0], "<<<<<<< HEAD"],
        lambda lines: [lines[0], '{"number": 2}'],
        lambda lines: [lines[0], "[]"],
        lambda lines: [lines[0], lines[0]],
    ],
)
def test_a_damaged_line_is_named(tmp_path, damage):
    path = tmp_path / "ledger.jsonl"
    path.write_text("\n".join(damage([ledger.line(one) for one in PROMOTED])))
    with pytest.raises(LedgerError, match="Received in line 2: "):
        ledger.read(path)


@pytest.mark.reliability("a ledger that is not UTF-8", "one message with the file and the line's number")
def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(ledger.line(PROMOTED[0]).encode() + b"\n" + ledger.line(PROMOTED[1]).encode("utf-16"))
    with pytest.raises(LedgerError, match=r"ledger\.jsonl must hold .* Received in line 2: "):
        ledger.read(path)


@pytest.mark.reliability("a ledger saved by an editor of Windows", "read as it was written")
def test_what_an_editor_adds_is_passed_over(tmp_path):
    path = tmp_path / "ledger.jsonl"
    lines = "\r\n".join(ledger.line(one) for one in ROLLED_BACK)
    path.write_bytes(b"\xef\xbb\xbf" + f"{lines}\r\n\r\n".encode())
    assert ledger.read(path) == ROLLED_BACK


def test_a_rollback_needs_somebody_to_go_back_to(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger.write(path, [PROMOTED[0], entry(2, "rollback", A, replaced=A)])
    with pytest.raises(LedgerError, match="Received in line 2: "):
        ledger.read(path)


def test_either_copy_may_lack_the_newest_lines():
    assert ledger.join(ROLLED_BACK[:1], ROLLED_BACK) == ROLLED_BACK
    assert ledger.join(ROLLED_BACK, ROLLED_BACK[:2]) == ROLLED_BACK
    assert ledger.join([], []) == []


def test_copies_that_contradict_are_refused():
    with pytest.raises(LedgerError, match="another line 2"):
        ledger.join(PROMOTED, [PROMOTED[0], entry(2, "promote", C, previous=A, replaced=A)])


def test_a_gap_between_the_copies_is_refused():
    with pytest.raises(LedgerError, match="no line 2"):
        ledger.join(ROLLED_BACK[:1], ROLLED_BACK[2:])


def test_a_rollback_leads_back_and_never_to_the_withdrawn():
    assert ledger.champion_stack(PROMOTED) == [A, B]
    assert ledger.champion_stack(ROLLED_BACK) == [A]
    further = [*ROLLED_BACK, entry(4, "promote", C, previous=A, replaced=A)]
    assert ledger.champion_stack(further) == [A, C]
    assert ledger.champion_stack([*further, entry(5, "rollback", A, replaced=C)]) == [A]


def run(*steps: Model | str) -> list[Entry]:
    """Promote each model, and roll back where a step is a reason."""
    entries: list[Entry] = []
    for step in steps:
        reason, model = (step, None) if isinstance(step, str) else ("", step)
        told = {"at": "2026-11-23T10:00:00Z", "actor": "ada", "commit": "", "figures": {}}
        entries.append(ledger.following(entries, model, reason=reason, **told))
    return entries


@pytest.mark.parametrize(
    ("steps", "stack"),
    [
        ([A, B, A, "A is bad"], [B]),
        ([C, A, B, A, "A is bad", "B is bad"], [C]),
        ([A, B, C, B, "B is bad"], [A, C]),
        ([A, B, A, B, "B is bad"], [A]),
        ([A, B, A, "A is bad", A], [A, B, A]),  # somebody gave a reason: it is withdrawn no more
        ([C, A, B, A, "A is bad", A, "A is bad still", "so is B"], [C]),
    ],
)
def test_no_rollback_leads_to_a_model_that_was_withdrawn_under_another_line(tmp_path, steps, stack):
    entries = run(*steps)
    assert ledger.champion_stack(entries) == stack
    assert [entries[-1].previous, entries[-1].champion] == [None, *stack][-2:]
    ledger.write(tmp_path / "ledger.jsonl", entries)
    assert ledger.read(tmp_path / "ledger.jsonl") == entries


def test_a_rollback_is_refused_where_all_earlier_champions_were_withdrawn():
    with pytest.raises(LedgerError, match=r"that was not withdrawn\. Received: a ledger without one\."):
        run(A, B, A, "A is bad", "B is bad")


def test_lines_of_a_version_that_led_to_the_withdrawn_are_read_and_lead_there_no_more(tmp_path):
    promoted = run(A, C, B, A)
    led = [
        *promoted,
        entry(5, "rollback", B, previous=C, replaced=A, reason="A is bad"),
        entry(6, "rollback", C, previous=A, replaced=B, reason="B is bad"),
    ]
    ledger.write(tmp_path / "ledger.jsonl", led)
    assert ledger.read(tmp_path / "ledger.jsonl") == led
    assert ledger.champion_stack(led) == [C]
    further = [*led, entry(7, "rollback", A, replaced=C, reason="C is bad")]
    ledger.write(tmp_path / "ledger.jsonl", further)
    assert ledger.champion_stack(ledger.read(tmp_path / "ledger.jsonl")) == [A]


def test_a_rolled_back_model_is_withdrawn_until_promoted_again():
    assert ledger.withdrawn(PROMOTED, B.bundle) == ""
    assert ledger.withdrawn(ROLLED_BACK, B.bundle).startswith("misses")
    assert ledger.withdrawn(ROLLED_BACK, A.bundle) == ""
    again = [*ROLLED_BACK, entry(4, "promote", B, previous=A, replaced=A)]
    assert ledger.withdrawn(again, B.bundle) == ""


@given(st.lists(st.one_of(st.just("rollback"), st.sampled_from([A, B, C])), max_size=12))
def test_the_last_reign_is_the_last_lines_champion(steps):
    entries: list[Entry] = []
    for step in steps:
        stack = ledger.champion_stack(entries)
        if step != "rollback":
            entries.append(entry(len(entries) + 1, "promote", step))
        elif len(stack) > 1:
            entries.append(entry(len(entries) + 1, "rollback", stack[-2], replaced=stack[-1]))
    assert [model for model in ledger.champion_stack(entries)[-1:]] == [one.champion for one in entries[-1:]]


@given(st.lists(st.one_of(st.just("bad"), st.sampled_from([A, B, C])), max_size=12))
def test_no_rollback_makes_a_withdrawn_model_champion_and_all_lines_follow(steps):
    entries: list[Entry] = []
    for step in steps:
        if step == "bad" and len(ledger.champion_stack(entries)) < 2:
            continue
        before = entries
        told = {"at": "2026-11-23T10:00:00Z", "actor": "ada", "commit": "", "figures": {}, "reason": "bad"}
        promoted = None if step == "bad" else step
        entries = [*entries, ledger.following(entries, promoted, **told)]
        last, stack = entries[-1], ledger.champion_stack(entries)
        assert [last.previous, last.champion] == [None, *stack][-2:]
        assert promoted or not ledger.withdrawn(before, last.champion.bundle)
        assert not any(ledger.withdrawn(entries, model.bundle) for model in stack)
    with TemporaryDirectory() as folder:
        ledger.write(Path(folder) / "ledger.jsonl", entries)
        assert ledger.read(Path(folder) / "ledger.jsonl") == entries
