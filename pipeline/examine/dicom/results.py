"""The results of one study as DICOM objects; a view that none can refer to costs the others nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydicom import Dataset

from pipeline.examine import picture, studies
from pipeline.examine.dicom import head, presentation_state, secondary_capture, source, structured_report
from pipeline.examine.dicom.source import SourceError, UnnamedError
from pipeline.examine.dicom.view import Unnamed, View
from pipeline.files import complaints
from pipeline.files.faults import ImageFault
from pipeline.files.printable import one_line, printable
from pipeline.predict.bundle import Bundle, Finding
from pipeline.validate import intake

T = TypeVar("T")

log = logging.getLogger(__name__)


class Answered(NamedTuple):
    """A view that was answered: the bytes of its DICOM file, its name for messages, and its answer."""

    data: bytes
    name: str
    admitted: intake.Admitted
    finding: Finding


class Refused(NamedTuple):
    """A view that was refused: its bytes, its name for messages, and why, as `ImageFault.reason` says."""

    data: bytes
    name: str
    reason: str


def make(views: Iterable[Answered | Refused], loaded: Bundle, told: Mapping[str, str]) -> list[Dataset]:
    """Make all results of one study, in memory.

    Parameters
    ----------
    views
        Of one study, numbered in this order; one is held at a time. The answer of the study is that of all.
        Those to which DICOM results cannot refer have none, and the log says why.
    told
        The model's record, as `loading.load` returns it.

    Returns
    -------
    list of Dataset
        The presentation states, a secondary capture an answered view and the structured report; each can be
        written as it is. Equal views and an equal model give equal bytes.
    """
    seen = [
        see(view, number, loaded, told) if isinstance(view, Answered) else see_refused(view, number, loaded)
        for number, view in enumerate(views, 1)
    ]
    return compose([view for view in seen if view], loaded, told)


def see(
    view: Answered, number: int, loaded: Bundle, told: Mapping[str, str], colormap: str = "cividis"
) -> View | Unnamed:
    """Keep of an answered view what its results need; where there can be none, the log says why."""
    pixels = view.admitted.radiograph.pixels

    def draw() -> View:
        header = source.read(view.data, view.name, pixels, loaded.limits.max_pixels)
        seen = View(number, header, studies.without_map(view.finding), None)
        words = f"{head.line(told)}. {head.SHORT_DISCLAIMER}"
        drawn = picture.draw(Path(seen.title), view.admitted, view.finding, loaded, colormap, words)
        return seen._replace(picture=drawn)

    return _tried(draw, view.name, "result") or Unnamed(
        number,
        studies.without_map(view.finding),
        source.patient(view.data, view.name, loaded.limits.max_pixels),
    )


def see_refused(view: Refused, number: int, loaded: Bundle) -> View | Unnamed | None:
    """Keep of a refused view what the report says of it; None of what is no image."""
    most = loaded.limits.max_pixels

    def read() -> View | Unnamed:
        try:
            header = source.read(view.data, view.name, None, most)
        except UnnamedError as error:
            log.warning("%s", one_line(printable(str(error))))
            return Unnamed(number, None, source.patient(view.data, view.name, most))
        return View(number, header, None, None, view.reason.replace("_", " "))

    return _tried(read, view.name, "result")


def compose(views: Sequence[View | Unnamed], loaded: Bundle, told: Mapping[str, str]) -> list[Dataset]:
    """Make the results of the views of one study that `see` and `see_refused` kept."""
    if len({_patient(view) for view in views} - {""}) > 1:
        log.warning("study: its views name different patients: no DICOM results")
        return []
    views = _named_once(views)
    named = [view for view in views if isinstance(view, View)]
    if not named:
        return []
    unnamed = [view for view in views if isinstance(view, Unnamed)]
    answered = [view for view in named if view.finding]
    settings = loaded.region_settings
    answer = studies.answer([view.finding for view in views], loaded)
    states = _tried(lambda: presentation_state.make(answered, settings, told), "study", head.PRESENTATION)
    captures = [
        _tried(partial(secondary_capture.make, view, told), view.title, head.CAPTURE) for view in answered
    ]
    report = _tried(
        lambda: structured_report.make(named, unnamed, answer, settings, told), "study", head.REPORT
    )
    return [made for made in (*(states or ()), *captures, report) if made is not None]


def _patient(view: View | Unnamed) -> str:
    return view.patient if isinstance(view, Unnamed) else str(view.source.identity.PatientID or "")


def _named_once(views: Sequence[View | Unnamed]) -> list[View | Unnamed]:
    """Let only the first file of an image bear its name."""
    kept, named = list[View | Unnamed](), dict[str, View]()
    for view in views:
        first = (
            view if isinstance(view, Unnamed) else named.setdefault(view.source.identity.SOPInstanceUID, view)
        )
        if first is view:
            kept.append(view)
            continue
        log.warning("%s bears the SOPInstanceUID of %s: no DICOM result of it", view.title, first.title)
        kept.append(Unnamed(view.number, view.finding, _patient(view)))
    return kept


def _tried(make: Callable[[], T], name: str, what: str) -> T | None:
    """Make what a hostile header may prevent; errors of libraries are not told, since they quote headers."""
    try:
        with complaints.heard():
            return make()
    except SourceError as error:
        log.warning("%s", one_line(printable(str(error))))
    except Exception as error:
        why = error.reason if isinstance(error, ImageFault) else type(error).__name__
        log.warning("%s: no DICOM %s: %s", one_line(printable(name)), what, why)
    return None
