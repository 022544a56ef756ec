"""Canaries: phantoms of which the right answer is known, sent through the whole way of a request.

What is known depends on what the model learnt from. Of a model of phantoms the label of each is known: its
sensitivity and specificity are held to floors. A model of radiographs rightly calls phantoms out of scope,
and nobody may put a patient's radiograph into a package: of it is known what it answers itself, asked
directly and without the service, and every answer must be that one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline import config
from pipeline.files import images
from pipeline.phantoms import drawing
from pipeline.predict.bundle import Finding
from pipeline.predict.operating_points import FRACTURE, NEEDS_REVIEW
from pipeline.serve.model import Model
from pipeline.types import UInt8Array

SEED = 20_000  # no stage draws from it, so no model learnt from these
_SIDE_PX = (320, 480)
_MOST_PX = _SIDE_PX[1] ** 2  # of a phantom; in base64 it has fewer than twice as many bytes
_AT_ONCE = 8  # phantoms of a request
_SAME = 1e-3  # probabilities this near are one: batches differ in the last digits


class Phantom(NamedTuple):
    """A drawn radiograph, uint8 (H, W), and whether its bone is broken."""

    pixels: UInt8Array
    fractured: bool


@dataclass(frozen=True)
class Outcome:
    """How a canary went.

    Attributes
    ----------
    figures
        ``sensitivity`` and ``specificity`` of a model of phantoms, and ``agreement``, the share of answers
        that are the model's own; each 0 to 1, None where it is not known.
    failures
        What is wrong, a sentence each; none where it passed.
    """

    figures: Mapping[str, float | None]
    failures: Sequence[str] = field(default_factory=tuple)


def draw(of_either_class: int, seed: int = SEED) -> list[Phantom]:
    """Draw so many phantoms with a fracture and so many without; the same seed gives the same ones."""
    kinds = [(index, bool(index % 2)) for index in range(2 * of_either_class)]
    drawn = (drawing.draw(seed, "test", i, fractured=fractured, side_px=_SIDE_PX) for i, fractured in kinds)
    return [Phantom(each.pixels, each.kind is not None) for each in drawn]


def bodies(settings: config.Serve, phantoms: Sequence[Phantom]) -> Iterator[bytes]:
    """Make the requests about them: a few each, and no more than the limits of one allow."""
    most = min(settings.max_files, settings.max_pixels // _MOST_PX, settings.max_bytes // (2 * _MOST_PX))
    at_once = max(1, min(_AT_ONCE, most))
    for start in range(0, len(phantoms), at_once):
        yield json.dumps(_body(phantoms[start : start + at_once])).encode()


def _body(phantoms: Sequence[Phantom]) -> dict[str, Any]:
    sent = (base64.b64encode(images.encode_png(phantom.pixels)).decode() for phantom in phantoms)
    return {"images": [{"name": f"canary {place}.png", "data": data} for place, data in enumerate(sent)]}


def asked_directly(model: Model, phantoms: Sequence[Phantom]) -> list[Finding]:
    """Ask the model itself, without the service."""
    return model.bundle.predict([phantom.pixels for phantom in phantoms])


def judge(
    settings: config.Serve,
    phantoms: Sequence[Phantom],
    records: Sequence[Mapping[str, Any]],
    own: Sequence[Finding] | None,
    *,
    phantoms_only: bool,
) -> Outcome:
    """Compare the service's records with what is known.

    Parameters
    ----------
    own
        What the model answers when it is asked directly; None where nobody asked.
    phantoms_only
        Whether the model learnt from phantoms, so that their labels count.
    """
    figures: dict[str, float | None] = {"sensitivity": None, "specificity": None, "agreement": None}
    if phantoms_only:
        found = [_decision(record) in (NEEDS_REVIEW, FRACTURE) for record in records]
        called = [_decision(record) == FRACTURE for record in records]
        figures["sensitivity"] = _share(
            [f for f, each in zip(found, phantoms, strict=True) if each.fractured]
        )
        figures["specificity"] = 1 - _share(
            [c for c, each in zip(called, phantoms, strict=True) if not each.fractured]
        )
    if own is not None:
        figures["agreement"] = _share([_same(*pair) for pair in zip(records, own, strict=True)])
    floors = {
        "sensitivity": settings.canary_sensitivity,
        "specificity": settings.canary_specificity,
        "agreement": 1.0,
    }
    low = ((name, value) for name, value in figures.items() if value is not None and value < floors[name])
    refused = sorted({str(record["error"]["reason"]) for record in records if "error" in record})
    because = f"; refused: {', '.join(refused)}" if refused else ""
    failures = [f"{name} {value:.2f}, must be {floors[name]:g} at least{because}" for name, value in low]
    return Outcome(figures, failures)


def _decision(record: Mapping[str, Any]) -> str:
    return str(record.get("decision", ""))


def _share(each: Sequence[bool]) -> float:
    return sum(each) / len(each)


def _same(record: Mapping[str, Any], own: Finding) -> bool:
    near = abs(float(record.get("probability", -1.0)) - own.probability) <= _SAME
    return near and _decision(record) == own.decision
