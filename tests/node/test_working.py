"""What becomes of a study: each step from the files alone, each failure tried again, then set aside."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.files import dicom, dicom_out
from pipeline.node import durable, exams, retrying, running, uids, working
from pipeline.node.audit import Audit
from pipeline.node.spool import Room, Spool
from pipeline.node.working import Answer, NotSentError, Work
from tests.node.made import echoing, instance, lines, result, uid

STUDY = uid("study")


class Mailbox:
    """A peer whose letters lie in a file, as those of another machine outlast the node; some fail."""

    def __init__(self, path: Path, *failures: str) -> None:
        self.path, self.failures = path, list(failures)

    def send(self, files: list[Path]) -> Iterator[tuple[Path, str]]:
        for file in files:
            if self.failures:
                raise NotSentError(self.failures.pop(0))
            with self.path.open("a") as letters:
                letters.write(f"{dicom.load(file).SOPInstanceUID}\n")
            yield file, "ok"

    @property
    def came(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path / "mailbox")


def opened(settings) -> Spool:
    return Spool(settings.spool, Room(1e9, 0))


def receive(spool, *numbers, study=STUDY):
    for number in numbers:
        image = instance(study, number)
        spool.accept(dicom_out.encode(image), study, image.SOPInstanceUID)


def work_on(settings, spool, peer, answer=echoing) -> Work:
    return Work(settings, spool, Audit(spool.audit_file), answer, peer)


def to_the_end(work, rounds=3):
    for _ in range(rounds):
        work.answer_all(lambda: False)
        work.send_all(lambda: False)


def states(spool):
    return [exam.state for study in spool.studies() for exam in exams.of(study)]


def expected(*numbers, study=STUDY):
    return result(study, sorted(uid(study, number) for number in numbers)).SOPInstanceUID


def test_a_quiet_study_is_closed_answered_and_sent_once(settings, mailbox):
    spool = opened(settings)
    with spool.opened():
        receive(spool, 1, 2)
        work = work_on(settings, spool, mailbox)
        work.answer_all(lambda: False)
        assert states(spool) == ["answered"]
        to_the_end(work)
        assert states(spool) == ["sent"]
    assert mailbox.came == [expected(1, 2)]
    assert [line["hop"] for line in lines(settings)] == ["closed", "answered", "sent"]
    assert len({line["study"] for line in lines(settings)}) == 1


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_a_study_to_which_images_come_is_left_open(settings, mailbox, monkeypatch, hours):
    real, seconds, spool = time.time, [0.0], opened(settings)
    monkeypatch.setattr(exams.time, "monotonic", lambda: seconds[0])
    with spool.opened():
        work = work_on(settings.model_copy(update={"quiet_s": 30.0}), spool, mailbox)
        monkeypatch.setattr(exams.time, "time", lambda: real() + 3600 * hours)  # the clock is set
        for number in (1, 2, 2):  # the last one comes again
            receive(spool, number)
            seconds[0] += 29
            to_the_end(work)
            assert states(spool) == []
        seconds[0] += 31
        to_the_end(work)
        assert states(spool) == ["sent"]
    assert mailbox.came == [expected(1, 2)]


@pytest.mark.reliability(
    "notes of the spool that a disk or a hand spoilt",
    "the study is answered all the same",
)
@pytest.mark.parametrize("spoilt", ["", "{", "[]", "null", '{"images": null}', '{"number": "many"}'])
def test_spoilt_notes_cost_no_answer(settings, mailbox, spoilt):
    spool = opened(settings)
    with spool.opened():
        receive(spool, 1)
        work = work_on(settings, spool, mailbox)
        work.answer_all(lambda: False)
        (exam,) = exams.of(spool.studies()[0])
        for name in ("tries.json", "closed.json"):
            (exam.folder / name).write_text(spoilt)
        receive(spool, 2)
        to_the_end(work)
        assert states(spool) == ["sent", "sent"]
        exam.folder.joinpath("sent.json").unlink()
        shutil.rmtree(exam.folder / "results")
        to_the_end(work)
        assert states(spool) == ["set aside", "sent"]
    assert mailbox.came == [expected(1), expected(1, 2)]
    assert lines(settings)[-1]["outcome"] == "spoilt"


@pytest.mark.reliability(
    "a study of the spool that cannot be read",
    "tried ever more seldom; all others go on",
)
@pytest.mark.parametrize("broken", ["waiting", "close"])
def test_a_study_that_cannot_be_looked_at_floods_neither_log_nor_trail(
    settings, mailbox, monkeypatch, caplog, broken
):
    slow, spool, real = (
        settings.model_copy(update={"retry_first_s": 100.0}),
        opened(settings),
        getattr(exams, broken),
    )
    slow = slow.model_copy(update={"retry_most_s": 1000.0})

    def denied(study, *more):
        if study.name == uids.digest(STUDY):
            raise PermissionError(13, "Permission denied", "PLANTED")
        return real(study, *more)

    monkeypatch.setattr(exams, broken, denied)
    with spool.opened():
        receive(spool, 1)
        receive(spool, 1, study=uid("other"))
        work = work_on(slow, spool, mailbox)
        to_the_end(work, 9)
    assert mailbox.came == [expected(1, study=uid("other"))]
    assert caplog.text.count("PermissionError; next in 100 s") == 1
    assert "PLANTED" not in caplog.text
    of_it = [line for line in lines(settings) if line["study"] == uids.digest(STUDY)]
    assert len(of_it) == (broken == "close")


def test_a_study_that_can_have_no_results_is_removed_after_its_time(settings, mailbox):
    spool, at_once = opened(settings), settings.model_copy(update={"keep_days": 0.0})
    with spool.opened():
        receive(spool, 1)
        work_on(settings, spool, mailbox, lambda files: Answer([], {})).answer_all(lambda: False)
        assert states(spool) == ["set aside"]
        to_the_end(work_on(settings, spool, mailbox))
        assert len(spool.studies()) == 1
        to_the_end(work_on(at_once, spool, mailbox))
        assert spool.studies() == []


def test_a_sender_whom_a_restart_cut_off_gets_a_quiet_time_to_go_on(settings, mailbox):
    patient, spool = settings.model_copy(update={"quiet_s": 0.3}), opened(settings)
    with spool.opened():
        receive(spool, 1)
        (image,) = spool.studies()[0].glob("images/*")
        os.utime(image, (0, 0))
        work = work_on(patient, spool, mailbox)
        to_the_end(work)
        assert states(spool) == []
        time.sleep(0.35)
        to_the_end(work)
        assert states(spool) == ["sent"]


def test_late_images_bring_another_answer_of_the_whole_study(settings, mailbox):
    spool = opened(settings)
    with spool.opened():
        receive(spool, 1)
        to_the_end(work_on(settings, spool, mailbox))
        receive(spool, 2)
        to_the_end(work_on(settings, spool, mailbox))
    assert mailbox.came == [expected(1), expected(1, 2)]


def test_views_keep_their_numbers_when_later_ones_come(settings, mailbox):
    spool, asked = opened(settings), []
    names = sorted(f"{uids.digest(uid(STUDY, number))}.dcm" for number in (1, 2))
    numbers = sorted((1, 2), key=lambda number: f"{uids.digest(uid(STUDY, number))}.dcm", reverse=True)

    def answer(files):
        asked.append([file.name for file in files])
        return echoing(files)

    with spool.opened():
        for number in numbers:
            receive(spool, number)
            to_the_end(work_on(settings, spool, mailbox, answer))
    assert asked == [names[1:], [names[1], names[0]]]
    assert states(spool) == ["sent", "sent"]


def test_views_keep_their_numbers_where_the_notes_of_the_last_exam_are_spoilt(settings, mailbox):
    spool, asked = opened(settings), []
    name = {number: f"{uids.digest(uid(STUDY, number))}.dcm" for number in (1, 2, 3)}
    last, first, middle = sorted(name, key=name.__getitem__)

    def answer(files):
        asked.append([file.name for file in files])
        return echoing(files)

    with spool.opened():
        for number in (first, middle):
            receive(spool, number)
            to_the_end(work_on(settings, spool, mailbox, answer))
        (exams.of(spool.studies()[0])[-1].folder / "closed.json").write_text("{")
        receive(spool, last)
        to_the_end(work_on(settings, spool, mailbox, answer))
    assert asked[-1][0] == name[first]
    assert sorted(asked[-1]) == sorted(name.values())


def strike(settings, mailbox, moment):
    """Receive, answer and send in a process that ends at a flush; whether it came to its end before."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    flushes, real = iter(range(moment)), os.fsync

    def fsync(number):
        if next(flushes, None) is None:
            os._exit(9)
        real(number)

    durable.os.fsync = fsync
    whole_way(settings, mailbox)
    os._exit(0)


def whole_way(settings, mailbox):
    spool = opened(settings)
    with spool.opened():
        receive(spool, 1, 2)
        to_the_end(work_on(settings, spool, mailbox))


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded")
@pytest.mark.reliability(
    "kill -9 of the node before each flush of its way", "the restart sends the same result, and no other"
)
def test_a_node_that_ends_anywhere_goes_on(settings, tmp_path):
    for moment in range(100):
        mailbox = Mailbox(tmp_path / f"mailbox{moment}")
        here = settings.model_copy(update={"spool": tmp_path / f"spool{moment}", "retry_first_s": 1e-9})
        over = strike(here, mailbox, moment)
        whole_way(here, mailbox)
        assert set(mailbox.came) == {expected(1, 2)}, moment
        assert len(mailbox.came) <= 2, moment  # confirmed, and killed before that was noted
        assert states(opened(here)) == ["sent"], moment
        assert not [*here.spool.glob("incoming/*")], moment
        if over:
            break
    assert 25 < moment < 99  # the way has so many flushes


def test_waits_grow_up_to_the_longest(settings):
    slow = settings.model_copy(update={"retry_first_s": 5, "retry_factor": 2, "retry_most_s": 60})
    assert [retrying.wait_s(number, slow) for number in range(1, 7)] == [5, 10, 20, 40, 60, 60]
    assert retrying.wait_s(10**6, slow) == 60


def test_what_failed_waits_and_is_tried_again(settings, mailbox, monkeypatch):
    slow = settings.model_copy(update={"retry_first_s": 100, "retry_most_s": 1000})
    clock, spool = [1e9], opened(settings)
    monkeypatch.setattr(retrying.time, "time", lambda: clock[0])
    mailbox.failures = ["peer not reached"]
    with spool.opened():
        receive(spool, 1)
        work = work_on(slow, spool, mailbox)
        to_the_end(work)
        assert mailbox.came == []
        clock[0] += 101
        to_the_end(work)
    assert mailbox.came == [expected(1)]
    (failed,) = [line for line in lines(settings) if line["hop"] == "failed"]
    assert (failed["outcome"], failed["tries"]) == ("peer not reached", 1)


@pytest.mark.reliability(
    "a peer that takes nothing", "tried again with growing waits, then set aside with the reason"
)
def test_what_fails_too_often_is_set_aside_and_can_be_called_again(settings, mailbox):
    quick = settings.model_copy(update={"retry_first_s": 1e-9, "retry_most_s": 1e-9})
    spool, mailbox.failures = opened(settings), ["status A700"] * 4
    with spool.opened():
        receive(spool, 1)
        to_the_end(work_on(quick, spool, mailbox), 6)
        assert states(spool) == ["set aside"]
        assert lines(settings)[-1]["hop"] == "set aside"
        assert lines(settings)[-1]["outcome"] == "status A700"
        assert working.call_again(spool) == 1
        to_the_end(work_on(quick, spool, mailbox))
    assert mailbox.came == [expected(1)]


def test_what_ends_the_node_each_time_is_set_aside_too(settings, mailbox):
    class Killed(BaseException):
        pass

    def deadly(files):
        raise Killed

    quick = settings.model_copy(update={"retry_first_s": 1e-9, "retry_most_s": 1e-9})
    spool = opened(settings)
    with spool.opened():
        receive(spool, 1)
        for _ in range(settings.retry_tries):
            with pytest.raises(Killed):
                work_on(quick, spool, mailbox, deadly).answer_all(lambda: False)
        to_the_end(work_on(quick, spool, mailbox, deadly))
        assert states(spool) == ["set aside"]
    assert lines(settings)[-1]["outcome"] == retrying.INTERRUPTED


def test_a_study_that_fails_holds_no_other_up_and_tells_no_name(settings, mailbox, caplog):
    def picky(files):
        if dicom.load(files[0]).StudyInstanceUID == STUDY:
            raise ValueError("PLANTED^PATIENT is odd")
        return echoing(files)

    spool = opened(settings)
    with spool.opened():
        receive(spool, 1)
        receive(spool, 1, study=uid("other"))
        to_the_end(work_on(settings, spool, mailbox, picky))
    assert mailbox.came == [expected(1, study=uid("other"))]
    assert "ValueError" in caplog.text
    assert "PLANTED" not in caplog.text + spool.audit_file.read_text()


def test_a_full_disk_is_no_failure_of_the_study(settings, mailbox, monkeypatch):
    spool, real = opened(settings), durable.write_folder

    def full(path, files):
        if path.name == "results":
            raise OSError(28, "No space left on device")
        real(path, files)

    with spool.opened():
        receive(spool, 1)
        with monkeypatch.context() as patched:
            patched.setattr(durable, "write_folder", full)
            for _ in range(9):
                with pytest.raises(OSError, match="No space"):
                    work_on(settings, spool, mailbox).answer_all(lambda: False)
        to_the_end(work_on(settings, spool, mailbox))
    assert mailbox.came == [expected(1)]


def test_a_study_without_a_radiograph_is_set_aside_with_the_counts(settings, mailbox):
    def none(files):
        return Answer([], {files[0].name: "not_a_radiograph", files[1].name: "truncated"})

    spool = opened(settings)
    with spool.opened():
        receive(spool, 1, 2)
        to_the_end(work_on(settings, spool, mailbox, none))
        assert states(spool) == ["set aside"]
    answered = next(line for line in lines(settings) if line["hop"] == "answered")
    assert answered["refused"] == {"not_a_radiograph": 1, "truncated": 1}
    assert lines(settings)[-1]["outcome"] == working.NO_RESULTS


def test_studies_are_removed_after_their_time_and_what_is_set_aside_stays(settings, mailbox):
    spool = opened(settings)
    at_once = settings.model_copy(update={"keep_days": 0.0})
    with spool.opened():
        receive(spool, 1)
        to_the_end(work_on(settings, spool, mailbox))
        assert len(spool.studies()) == 1
        exams.of(spool.studies()[0])[0].set_aside("by hand")
        to_the_end(work_on(at_once, spool, mailbox))
        assert working.call_again(spool) == 1
        to_the_end(work_on(at_once, spool, mailbox))
        assert spool.studies() == []
    assert not [*settings.spool.rglob("*.dcm")]
    assert lines(settings)[-1]["hop"] == "removed"


def test_an_image_that_comes_at_the_last_moment_keeps_its_study(settings, mailbox):
    spool = opened(settings)
    with spool.opened():
        receive(spool, 1)
        (study,) = spool.studies()
        before = [path.name for path in (study / "images").iterdir()]
        receive(spool, 2)
        assert not spool.remove(study, before)
        assert len(spool.studies()) == 1


def test_a_line_that_a_kill_tore_spoils_no_other(tmp_path):
    trail = tmp_path / "audit.jsonl"
    trail.write_text('{"hop": "clos')
    Audit(trail)("sent", "abc", "ok", 0.1, results=3)
    _torn, whole = trail.read_text().splitlines()
    assert json.loads(whole)["results"] == 3


def test_trouble_with_the_spool_is_told_once_for_as_long_as_it_lasts(caplog):
    stop, looks = threading.Event(), iter("xxx.xx!")

    def look(is_over):
        seen = next(looks)
        if seen == "!":
            stop.set()
        if seen == "x":
            raise PermissionError(13, "Permission denied", "PLANTED")
        return 0

    running._loop(look, stop)
    assert caplog.messages == ["a look at the spool failed: PermissionError"] * 2
