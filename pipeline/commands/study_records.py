"""The records of studies that `predict` examined: views answered together, and results in DICOM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.commands import file_records
from pipeline.config import Config
from pipeline.examine import examination, record, studies
from pipeline.files import dicom, dicom_out, images
from pipeline.files.faults import ImageFault
from pipeline.files.printable import printable
from pipeline.predict.bundle import Bundle, Finding
from pipeline.validate import intake

if TYPE_CHECKING:
    from pipeline.examine.dicom.view import Unnamed, View

DICOM = "dicom"  # the folder of the results in DICOM


class Seen(NamedTuple):
    """One view of a study: its record, its finding without map, and what DICOM results need of it."""

    record: dict[str, Any]
    finding: Finding | None
    view: View | Unnamed | None


def records(
    config: Config,
    loaded: Bundle,
    found: intake.Listing,
    told: Mapping[str, str],
    folder: Path | None = None,
    *,
    with_dicom: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the record of each study, and write overlays and DICOM results where a folder is wanted.

    Of each: ``study``, counted from 1; ``probability``, ``decision``, and what the former is
    ``calibrated_on``; the ``view`` that decides, and its first ``region``; ``views``, the records of its
    files; and ``dicom``, the files of its results, where these are wanted. A study whose files are all
    refused has null in place of an answer. What cannot be listed is a study of its own.

    Parameters
    ----------
    found, told, folder
        As for `predict.records`.
    """
    limits = examination.limits(config, loaded)
    groups = studies.group(found.files, limits, config.run.workers)
    answers = examination.examine(loaded, [path for group in groups for path in group], config)
    for number, group in enumerate(groups, 1):
        seen = [
            _see(config, loaded, told, place, each, found.shared, folder, with_dicom=with_dicom)
            for place, each in enumerate(islice(answers, len(group)), 1)
        ]
        one = _record(number, seen, loaded)
        if folder is not None and with_dicom:
            one[DICOM] = _write(folder / DICOM / f"study-{number}", seen, loaded, told)
        yield one
    for number, issue in enumerate(found.refused, len(groups) + 1):
        refused = record.refuse(Path(issue.path), issue) | {"study": number}
        yield _record(number, [Seen(refused, None, None)], loaded)


def _see(
    config: Config,
    loaded: Bundle,
    told: Mapping[str, str],
    place: int,
    each: tuple[Path, file_records.Result],
    shared: Path,
    folder: Path | None,
    *,
    with_dicom: bool,
) -> Seen:
    """Keep of one file what its study needs, so that pixels and map are held no longer."""
    path, result = each
    own = file_records.of(config, loaded, told, path, result, shared, folder)
    view = _view(path, result, place, loaded, told, config) if with_dicom else None
    return Seen(own, None if isinstance(result, ImageFault) else studies.without_map(result[1]), view)


def _view(
    path: Path,
    result: file_records.Result,
    place: int,
    loaded: Bundle,
    told: Mapping[str, str],
    config: Config,
) -> View | Unnamed | None:
    from pipeline.examine.dicom import results  # highdicom takes a second, which few calls need spend

    try:
        data = images.read_bytes(path)
    except ImageFault:
        return None
    if not dicom.is_dicom(data):
        return None
    if isinstance(result, ImageFault):
        return results.see_refused(results.Refused(data, printable(path), result.reason), place, loaded)
    answered = results.Answered(data, printable(path), *result)
    return results.see(answered, place, loaded, told, config.region_maps.colormap)


def _record(number: int, seen: Sequence[Seen], loaded: Bundle) -> dict[str, Any]:
    views = [({"study": number} | each.record, each.finding) for each in seen]
    return record.describe_study(number, views, loaded)


def _write(folder: Path, seen: Sequence[Seen], loaded: Bundle, told: Mapping[str, str]) -> list[str]:
    from pipeline.examine.dicom import results

    made = results.compose([each.view for each in seen if each.view], loaded, told)
    return [f"{DICOM}/{folder.name}/{name}" for name in dicom_out.write(folder, made)]
