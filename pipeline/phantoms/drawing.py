"""One procedural radiograph: a limb, perhaps a fracture, distractors, metal, an exposure.

Everything but the fracture is drawn from generators that do not know the class, so that nothing
else reveals it: a broken phantom and its unbroken twin differ by their fracture alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.dataset.layout import SPLITS
from pipeline.phantoms.anatomy import BODY_PARTS, BodyPart, Limb, build
from pipeline.phantoms.bones import Bone, Fragment, Line, Lucency
from pipeline.phantoms.exposure import Exposure, expose, random_exposure
from pipeline.phantoms.fractures import KINDS, Fracture, fracture, outline
from pipeline.phantoms.hardware import metal_attenuation
from pipeline.phantoms.shadows import bone_attenuation, flesh_attenuation
from pipeline.phantoms.view import View
from pipeline.types import AnyArray, UInt8Array

_HARDWARE_SHARE = 0.15
_GROWTH_PLATE_SHARE = 0.25
_CANAL_SHARE = 0.5


@dataclass(frozen=True)
class Phantom:
    """A drawn radiograph and its annotations.

    ``pixels`` is uint8 of shape (height_px, width_px); ``polygon`` float64 of shape (n, 2), columns
    before rows as in COCO, in pixels, or None; ``kind`` one of ``fractures.KINDS``, or None.
    """

    pixels: UInt8Array
    body_part: str
    hardware: bool
    exposure: Exposure
    kind: str | None
    polygon: AnyArray | None


@dataclass(frozen=True)
class _Scene:
    """What is in front of the cassette, before anything breaks."""

    body_part: str
    limb: Limb
    bone: Bone
    site: float
    lucencies: dict[str, tuple[Lucency, ...]]
    view: View
    hardware: bool


def draw(seed: int, split: str, index: int, *, fractured: bool, side_px: tuple[int, int]) -> Phantom:
    """Draw a radiograph that depends on its arguments alone.

    Parameters
    ----------
    seed, split, index
        Address of the radiograph; each gets its own random generator.
    fractured
        Whether the bone breaks. Posture, framing, exposure and metal do not depend on it.
    side_px
        Shortest and longest side allowed.
    """
    source = np.random.default_rng([seed, SPLITS.index(split), index])
    placing, breaking, metal, exposing, graining = source.spawn(5)
    scene = _scene(placing, side_px)
    kind = str(breaking.choice(list(KINDS), p=list(KINDS.values())))
    broken = fracture(scene.bone, scene.site, kind, breaking) if fractured else None
    exposure = random_exposure(exposing)
    tissue = _attenuation(scene, broken, graining)
    steel = metal_attenuation(scene.view, scene.bone, scene.site, metal) if scene.hardware else np.zeros(1)
    return Phantom(
        pixels=expose(tissue + steel, exposure, graining),
        body_part=scene.body_part,
        hardware=bool(steel.any()),
        exposure=exposure,
        kind=broken.kind if broken else None,
        polygon=_polygon(scene, broken) if broken else None,
    )


def _scene(rng: np.random.Generator, side_px: tuple[int, int]) -> _Scene:
    name = str(rng.choice(list(BODY_PARTS)))
    part = BODY_PARTS[name]
    limb = build(part.limb, rng)
    bone_name, low, high = part.sites[rng.integers(len(part.sites))]
    bone = limb.bone(bone_name)
    site = bone.length * rng.uniform(low, high)
    return _Scene(
        body_part=name,
        limb=limb,
        bone=bone,
        site=site,
        lucencies=_distractors(limb, bone, site, rng),
        view=_view(part, bone.to_scene(*np.array([site, 0.0]))[None], rng, side_px),
        hardware=bool(rng.random() < _HARDWARE_SHARE),
    )


def _view(part: BodyPart, site: AnyArray, rng: np.random.Generator, side_px: tuple[int, int]) -> View:
    """Frame the site, off the middle."""
    long_px = int(rng.integers(side_px[0], side_px[1] + 1))
    short_px = max(side_px[0], round(long_px * rng.uniform(0.7, 1.0)))
    upright = bool(rng.random() < 0.75)
    field = rng.uniform(*part.field_mm)
    shift = rng.uniform((-0.24, -0.12), (0.24, 0.12)) * field
    return View(
        height_px=long_px if upright else short_px,
        width_px=short_px if upright else long_px,
        px_per_mm=long_px / field,
        centre=(float(site[0, 0] + shift[0]), float(site[0, 1] + shift[1])),
        radians=rng.normal(0, 0.15) + np.pi * (rng.random() < 0.2) + (0 if upright else np.pi / 2),
        mirrored=bool(rng.random() < 0.5),
    )


def _distractors(
    limb: Limb, bone: Bone, site: float, rng: np.random.Generator
) -> dict[str, tuple[Lucency, ...]]:
    """Growth plates in the young, a vessel's canal in the long bone: dark lines that are no fractures."""
    young = rng.random() < _GROWTH_PLATE_SHARE
    lucencies: dict[str, tuple[Lucency, ...]] = {}
    for each in limb.bones:
        if young and each.length > 200:
            wave = ((0.05 * each.ends[1], 4.0, rng.uniform(0, 6)),)
            plate = Line(each.length - 0.75 * each.ends[1] ** 0.5 * each.shaft**0.5, teeth=wave)
            lucencies[each.name] = (Lucency(plate, width=0.9, depth=0.4),)
    if rng.random() < _CANAL_SHARE:
        half = float(bone.half_width(site))
        away = site + rng.choice([-1, 1]) * rng.uniform(3, 6) * half
        canal = Line(away, slope=rng.choice([-1, 1]) * 5 * half)
        start = rng.choice([-0.95, 0.55])
        lucency = Lucency(canal, width=max(0.05 * half, 0.4), depth=0.22, t_range=(start, start + 0.4))
        lucencies[bone.name] = (*lucencies.get(bone.name, ()), lucency)
    return lucencies


def _attenuation(scene: _Scene, broken: Fracture | None, graining: np.random.Generator) -> AnyArray:
    """Flesh and bones, one behind the other: their attenuations add up."""
    rows, columns = scene.view.grid()
    total = flesh_attenuation(scene.limb.flesh, scene.view, rows, columns, graining)
    tile = graining.standard_normal((256, 256), dtype=np.float32)
    for bone in scene.limb.bones:
        ends = np.array([bone.start, bone.end])
        window = scene.view.window(ends, 2.2 * max(*bone.ends, bone.shaft) + abs(bone.bow))
        if not rows[window].size:
            continue
        lucencies = scene.lucencies.get(bone.name, ())
        fragments: tuple[Fragment, ...] = ()
        if broken is not None and broken.bone == bone.name:
            fragments, lucencies = broken.fragments, (*lucencies, *broken.lucencies)
        total[window] += bone_attenuation(bone, rows[window], columns[window], tile, fragments, lucencies)
    return total


def _polygon(scene: _Scene, broken: Fracture) -> AnyArray:
    """Outline the fracture in pixels, columns before rows, inside the radiograph."""
    limits = np.array([scene.view.width_px, scene.view.height_px])
    corners = scene.view.to_px(outline(scene.bone, broken))[:, ::-1] + 0.5
    return np.clip(corners, 0, limits)
