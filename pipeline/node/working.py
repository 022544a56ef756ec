"""What is done with the studies of a spool: closed, answered, sent, removed; each step from the files alone.

Two threads work: one closes, answers and removes, the other sends. They share nothing but the spool, and no
exam is in the hands of both: the first takes closed ones, the second answered ones.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pipeline.config import Node
from pipeline.files import outputs
from pipeline.node import exams, retrying
from pipeline.node.audit import Audit, Hop
from pipeline.node.exams import NO_RESULTS, Exam, Quiet
from pipeline.node.retrying import Pauses
from pipeline.node.spool import Spool, image_names

log = logging.getLogger(__name__)

_SPOILT = "spoilt"  # why an exam is set aside whose images are not known; the study gets another one
_DAY_S = 86_400


class Answer(NamedTuple):
    """What an exam gets.

    Attributes
    ----------
    results
        DICOM files.
    refused
        Of each image that is no sound radiograph, its name and the code of the reason.
    """

    results: Sequence[bytes]
    refused: Mapping[str, str]


class Peer(Protocol):
    """Where results go."""

    def send(self, files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
        """Yield each file that the peer has, with a code of the outcome; the others are tried, too.

        Raises
        ------
        NotSentError
            The peer does not have one or more.
        """


class NotSentError(Exception):
    """The peer does not have a result; the message is a code without anything of a patient."""


class Work:
    """The steps of a spool.

    Parameters
    ----------
    answer
        From the files of an exam to its answer; may raise anything, and is then tried again.
    """

    def __init__(
        self, settings: Node, spool: Spool, audit: Audit, answer: Callable[[list[Path]], Answer], peer: Peer
    ) -> None:
        self._settings, self._spool, self._audit = settings, spool, audit
        self._answer, self._peer = answer, peer
        self._quiet = Quiet()  # begins now: a sender whom the end of a node cut off gets time to go on
        self._answering, self._sending = Pauses(settings), Pauses(settings)

    def answer_all(self, is_over: Callable[[], bool]) -> int:
        """Close, answer and remove what is due, study by study; return how much was done."""
        return self._each(self._close_and_answer, self._answering, is_over)

    def send_all(self, is_over: Callable[[], bool]) -> int:
        """Send what is due; return how much was done."""
        return self._each(self._send_study, self._sending, is_over)

    def _each(self, step: Callable[[Path], int], pauses: Pauses, is_over: Callable[[], bool]) -> int:
        """Take a step with each study; what fails with one holds no other up. A full disk is raised."""
        done, full = 0, list[Exception]()
        for study in self._spool.studies():
            if is_over():
                break
            if pauses.holds(study):
                continue
            try:
                done += step(study)
                pauses.forget(study)
            except Exception as error:
                if outputs.is_no_space(error):
                    full.append(error)
                    continue
                kind, seconds = type(error).__name__, pauses.begin(study)
                log.warning(
                    "study %.12s: no look at it succeeds: %s; next in %.3g s", study.name, kind, seconds
                )
        if full:
            raise full[0]
        return done

    def _close_and_answer(self, study: Path) -> int:
        images = exams.waiting(study)
        if images and self._quiet.seconds(study, images) >= self._settings.quiet_s:
            self._audit("closed", study.name, "ok", 0.0, images=len(images), exam=len(exams.of(study)) + 1)
            exams.close(study, images)
            self._quiet.forget(study)
        elif not images:
            self._remove_old(study)
        return sum(self._try(exam, self._answer_exam) for exam in exams.of(study) if exam.state == "closed")

    def _send_study(self, study: Path) -> int:
        """Send exams in their order: a later one waits until those before are sent or set aside."""
        done = 0
        for exam in exams.of(study):
            if exam.state == "answered":
                done += self._try(exam, self._send_exam)
            if not exam.is_over:
                break
        return done

    def _try(self, exam: Exam, step: Callable[[Exam], None]) -> int:
        """Take a step that may fail, if it is due; return 1 where it was taken."""
        tries = retrying.read(exam.folder)
        if not tries.is_due(self._settings):
            return 0
        if tries.is_exhausted(self._settings):  # the node ended in the middle of the last one
            self._set_aside(exam, tries.reason)
            return 0
        tries, started = retrying.begin(exam.folder, self._settings), time.monotonic()
        try:
            step(exam)
            retrying.forget(exam.folder)
            return 1
        except Exception as error:
            if outputs.is_no_space(error):
                retrying.forget(exam.folder)  # no fault of this exam's
                raise
            self._failed(exam, tries, error, time.monotonic() - started)
            return 0

    def _answer_exam(self, exam: Exam) -> None:
        started, files = time.monotonic(), exam.files
        if not files:
            self._set_aside(exam, _SPOILT)
            return
        answer = self._answer(files)
        outcome, counts = "ok" if answer.results else NO_RESULTS, Counter(answer.refused.values())
        self._record(
            "answered", exam, outcome, started,
            images=len(files), results=len(answer.results), refused=dict(counts),
        )  # fmt: skip
        if answer.results:
            exam.keep_results(answer.results)
        else:
            self._set_aside(exam, NO_RESULTS)

    def _send_exam(self, exam: Exam) -> None:
        started, outcomes = time.monotonic(), Counter[str]()
        for result, outcome in self._peer.send(exam.unsent) if exam.unsent else ():
            exam.mark_sent(result)
            outcomes[outcome] += 1
        self._record("sent", exam, "+".join(sorted(outcomes)) or "ok", started, results=exam.n_results)
        exam.end()

    def _failed(self, exam: Exam, tries: retrying.Tries, error: Exception, seconds: float) -> None:
        """Note a failure; what an error says may hold a patient's name, so only its kind is told."""
        reason = str(error) if isinstance(error, NotSentError) else type(error).__name__
        where = "".join(traceback.format_tb(error.__traceback__))
        log.warning("exam %d of study %.12s: try %d: %s", exam.number, exam.study.name, tries.number, reason)
        log.debug("where it arose:\n%s", where)
        tries = retrying.fail(exam.folder, tries, reason, self._settings)
        self._audit("failed", exam.study.name, reason, seconds, exam=exam.number, tries=tries.number)
        if tries.is_exhausted(self._settings):
            self._set_aside(exam, reason)

    def _set_aside(self, exam: Exam, reason: str) -> None:
        log.warning("exam %d of study %.12s is set aside: %s", exam.number, exam.study.name, reason)
        self._audit("set aside", exam.study.name, reason, 0.0, exam=exam.number)
        exam.set_aside(reason)

    def _remove_old(self, study: Path) -> None:
        """Remove a study whose results are all sent, and old enough; what failed and was set aside stays."""
        all_of_it, images = exams.of(study), image_names(study)
        if not all_of_it or not all(exam.is_done for exam in all_of_it):
            return
        if abs(time.time() - all_of_it[-1].ended()) >= self._settings.keep_days * _DAY_S:
            self._audit("removed", study.name, "ok", 0.0, images=len(images), exam=len(all_of_it))
            if self._spool.remove(study, images):
                self._spool.measure()

    def _record(self, hop: Hop, exam: Exam, outcome: str, started: float, **more: object) -> None:
        self._audit(hop, exam.study.name, outcome, time.monotonic() - started, exam=exam.number, **more)


def call_again(spool: Spool) -> int:
    """Bring back all that was set aside, to be tried anew; return how many exams."""
    aside = [exam for study in spool.studies() for exam in exams.of(study) if exam.state == "set aside"]
    for exam in aside:
        retrying.forget(exam.folder)
        exam.call_again()
    return len(aside)
