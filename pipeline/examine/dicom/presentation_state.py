"""Presentation states: outlines and words that a viewer lays over the original image, and can switch off.

Sure regions are solid lines and possible ones dotted, each kind in a layer of its own. One object serves the
views of one series that are displayed alike.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from highdicom.color import CIELabColor
from highdicom.content import PresentationLUTTransformation
from highdicom.pr import (
    ColorSoftcopyPresentationState,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from PIL import ImageCms
from pydicom import Dataset

from pipeline.examine.dicom import head, outline
from pipeline.examine.dicom.view import View
from pipeline.predict.bundle import Finding
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import in_words
from pipeline.predict.regions import Region
from pipeline.region_maps.legend import REGION

SURE, POSSIBLE, WORDS = "SURE", "POSSIBLE", "WORDS"
_DESCRIPTIONS = {SURE: "Sure regions", POSSIBLE: "Possible regions", WORDS: "Answer, model and scores"}
_CORNER = (0.01, 0.01, 0.6, 0.1)  # of the displayed area: left, top, right, bottom
_ICC_KIND, _ICC_DATE = slice(12, 16), slice(24, 36)  # of what device a profile is, and when it was made
_PER_IMAGE = ("GraphicAnnotationSequence", "DisplayedAreaSelectionSequence", "SoftcopyVOILUTSequence")


def make(views: Sequence[View], settings: RegionSettings, told: Mapping[str, str]) -> list[Dataset]:
    """Make the presentation states of the answered views of one study."""
    groups: dict[Any, list[View]] = {}
    for view in views:
        groups.setdefault((view.source.identity.SeriesInstanceUID, view.source.display.key), []).append(view)
    return [_of_series(group, number, settings, told) for number, group in enumerate(groups.values(), 1)]


def _of_series(
    views: Sequence[View], number: int, settings: RegionSettings, told: Mapping[str, str]
) -> Dataset:
    given = head.arguments(head.PRESENTATION, number, views, told)
    first, *others = [_of_view(view, given, settings, told) for view in views]
    for other in others:
        for keyword in _PER_IMAGE:
            if items := [*first.get(keyword, ()), *other.get(keyword, ())]:
                setattr(first, keyword, items)
        images = other.ReferencedSeriesSequence[0].ReferencedImageSequence
        first.ReferencedSeriesSequence[0].ReferencedImageSequence.extend(images)
    return head.finish(first, views)


def _of_view(
    view: View, given: Mapping[str, Any], settings: RegionSettings, told: Mapping[str, str]
) -> Dataset:
    """Make a state of one view, whose sequences can be joined with those of others."""
    source = view.source
    layers = [_layer(name, order) for order, name in enumerate(_DESCRIPTIONS, 1)]
    state: Dataset = _class(view)(
        [source.identity],
        content_label="FRACTURE",
        content_description=head.SHORT_DISCLAIMER,
        content_creator_name="",
        graphic_layers=layers,
        graphic_annotations=_annotations(view, layers, settings, told),
        **given,
    )
    state.ReferencedSeriesSequence[0].ReferencedImageSequence = [source.reference()]
    state.update(source.display.modality)
    area = state.DisplayedAreaSelectionSequence[0]
    area.ReferencedImageSequence = [source.reference()]
    del area.PresentationPixelAspectRatio
    area.update(source.display.area)
    if len(source.display.voi):
        item = Dataset()
        item.update(source.display.voi)
        item.ReferencedImageSequence = [source.reference()]
        state.SoftcopyVOILUTSequence = [item]
    return state


def _class(view: View) -> Any:
    """Choose the class, with what makes grey or colours of its image's values.

    The polarity of a state replaces the image's own: an image whose smallest value is white stays as it is.
    """
    if view.source.display.is_colour:
        return partial(ColorSoftcopyPresentationState, icc_profile=_srgb())
    shape = "INVERSE" if view.source.display.is_negative else "IDENTITY"
    return partial(
        GrayscaleSoftcopyPresentationState,
        presentation_lut_transformation=PresentationLUTTransformation(presentation_lut_shape=shape),
    )


@cache
def _srgb() -> bytes:
    """Make a profile of sRGB that is the same every time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_ICC_KIND] = b"scnr"  # of an input, as the standard asks; its tables are those of a display
    profile[_ICC_DATE] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(profile)


def _layer(name: str, order: int) -> GraphicLayer:
    return GraphicLayer(name, order, _DESCRIPTIONS[name], CIELabColor.from_rgb(*REGION))


def _annotations(
    view: View, layers: Sequence[GraphicLayer], settings: RegionSettings, told: Mapping[str, str]
) -> list[GraphicAnnotation]:
    if view.finding is None:
        raise ValueError(f"a presentation state needs an answered view. Received: {view.reason}")
    sure = [region for region in view.finding.regions if settings.is_sure(region)]
    possible = [region for region in view.finding.regions if not settings.is_sure(region)]
    texts = [_words(view.finding, told), *map(_score, view.finding.regions)]
    drawn: dict[str, dict[str, Any]] = {
        SURE: {"graphic_objects": [_line(outline.closed(region)) for region in sure]},
        POSSIBLE: {"graphic_objects": [dash for region in possible for dash in _dotted(region, view)]},
        WORDS: {"text_objects": texts},
    }
    return [
        GraphicAnnotation([view.source.identity], layer, view.source.frames, **drawn[layer.GraphicLayer])
        for layer in layers
        if any(drawn[layer.GraphicLayer].values())
    ]


def _line(points: np.ndarray[Any, Any]) -> GraphicObject:
    return GraphicObject("POLYLINE", points, "PIXEL")


def _dotted(region: Region, view: View) -> list[GraphicObject]:
    shape = (view.source.identity.Rows, view.source.identity.Columns)
    return [_line(dash) for dash in outline.dashes(outline.closed(region), shape)]


def _score(region: Region) -> TextObject:
    """Write a region's score at its upper left corner."""
    anchor = (float(region.column), float(region.row))
    return TextObject(f"{region.score:.2f}", "PIXEL", anchor_point=anchor, anchor_point_visible=False)


def _words(finding: Finding, told: Mapping[str, str]) -> TextObject:
    answer = f"{in_words(finding.decision, len(finding.regions))}, probability {finding.probability:.2f}"
    lines = (head.SHORT_DISCLAIMER, answer, f"model: {head.model(told)}, {head.version(told)}")
    return TextObject("\r\n".join(lines), "DISPLAY", _CORNER, text_justification="LEFT")
