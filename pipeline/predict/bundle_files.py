"""The settings in a bundle's files, read and written; odd content is an error that names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from pipeline.config import Preprocess
from pipeline.files import outputs
from pipeline.files.limits import DEFAULTS, Limits
from pipeline.network import tta
from pipeline.predict import scope
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Fit, Targets
from pipeline.predict.sealing import BundleError
from pipeline.predict.val_scores import ValScores

T = TypeVar("T")

_MAP_CALIBRATION, _STUDIES = "map_calibration", "studies"
_TTA_VIEWS = "tta_views"
_OLDER_VIEWS, _SAME_AS_OLDER = "views", 2  # as older code wrote them; beyond two, they were others


def _named(read: Callable[[Path], T]) -> Callable[[Path], T]:
    """Turn whatever odd content brings a reader to into an error that names the file."""

    @wraps(read)
    def reader(path: Path) -> T:
        try:
            return read(path)
        except BundleError:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise BundleError(
                f"{path} must be as the pipeline wrote it. Received: {error!r}. Run `dvc repro`."
            ) from error

    return reader


def write_operating_points(
    path: Path,
    points: OperatingPoints,
    calibration: Calibration,
    targets: Targets | None = None,
    val: ValScores | None = None,
    studies: Fit | None = None,
) -> None:
    """Write the thresholds and the calibration, in full precision: they decide.

    Beside them stand, for `recalibrate`, what the thresholds are to reach and how ``val`` scored; and what
    decides over studies of several views, where ``val`` knew them.
    """
    basis = {"targets": targets and targets._asdict(), "val": val and val.plain()}
    basis[_STUDIES] = studies and vars(studies.calibration) | vars(studies.points)
    told = {name: value for name, value in basis.items() if value is not None}
    outputs.write_exact_json(path, vars(calibration) | vars(points) | told)


@_named
def read_operating_points(path: Path) -> tuple[OperatingPoints, Calibration]:
    """Read what :func:`write_operating_points` wrote.

    Raises
    ------
    BundleError
        The file was written before the calibration had a slope and an intercept.
    """
    values = _read(path)
    if "slope" not in values:
        received = ", ".join(sorted(values))
        raise BundleError(f"{path} must hold slope and intercept. Received: {received}. Run `dvc repro`.")
    calibration = Calibration(values.pop("slope"), values.pop("intercept"))
    points = {name: value for name, value in values.items() if name not in ("targets", "val", _STUDIES)}
    return OperatingPoints(**points), calibration


@_named
def read_studies(path: Path) -> Fit | None:
    """Read what decides over studies of several views; None where ``val`` did not know enough of them."""
    if (values := _read(path).get(_STUDIES)) is None:
        return None
    calibration = Calibration(values.pop("slope"), values.pop("intercept"))
    return Fit(calibration, OperatingPoints(**values))


@_named
def read_basis(path: Path) -> tuple[Targets | None, ValScores | None]:
    """Read what the thresholds are to reach, and how ``val`` scored; None where an older file lacks it."""
    values = _read(path)
    targets, val = values.get("targets"), values.get("val")
    return targets and Targets(**targets), val and ValScores.of_plain(val)


def write_region_settings(path: Path, settings: RegionSettings, tta_views: int) -> None:
    """Write how regions are found and, beside it, over how many views outputs are averaged."""
    of_boxes = ("max_overlap", "weigh_agreement")
    unused = () if settings.max_overlap else of_boxes  # as before there were boxes of the network
    values = {name: value for name, value in vars(settings).items() if name not in unused}
    outputs.write_exact_json(path, values | {_TTA_VIEWS: tta_views})


@_named
def read_region_settings(path: Path) -> tuple[RegionSettings, int]:
    """Read what :func:`write_region_settings` wrote; a file without views means one."""
    values = _read(path)
    older = values.pop(_OLDER_VIEWS, 1)
    tta_views = values.pop(_TTA_VIEWS, older)
    if tta_views not in tta.NUMBERS or older > _SAME_AS_OLDER:
        raise ValueError(f"{max(tta_views, older)} views of older code, which are gone")
    values.pop(_MAP_CALIBRATION, None)
    return RegionSettings(**values), tta_views


@_named
def read_map_calibration(path: Path) -> Calibration | None:
    """Read the calibration that the regions were chosen with, where a site has another one since."""
    values = _read(path).get(_MAP_CALIBRATION)
    return values and Calibration(**values)


def keep_map_calibration(source: Path, path: Path, calibration: Calibration) -> None:
    """Copy how regions are cut, with the calibration that they were chosen with."""
    outputs.write_exact_json(path, {_MAP_CALIBRATION: vars(calibration)} | _read(source))


@_named
def read_preprocess(path: Path) -> tuple[Preprocess, Limits]:
    """Read how a radiograph comes onto the canvas, and what its file must meet: the defaults, if unsaid."""
    values = _read(path)
    limits = DEFAULTS._replace(**values.pop("limits", {}))
    return Preprocess(**values), limits


read_scope = _named(scope.read)


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values
