"""The shadows of bones, a dense cortex around spongy marrow, and of the flesh around them."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.files import resize
from pipeline.phantoms.anatomy import Flesh
from pipeline.phantoms.bones import Bone, Fragment, Lucency
from pipeline.phantoms.view import View
from pipeline.types import AnyArray

_CORTEX_PER_MM = 0.070  # attenuation of compact bone beyond that of the flesh it displaces, about 60 kV
_SPONGE_PER_MM = 0.026
_FAT_PER_MM = 0.0105
_MUSCLE_PER_MM = 0.0055  # beyond that of fat
_KNOTS = 96
_TILE = 256
_TRABECULA_MM = 0.35


def bone_attenuation(
    bone: Bone,
    rows: AnyArray,
    columns: AnyArray,
    tile: AnyArray,
    fragments: tuple[Fragment, ...] = (),
    lucencies: tuple[Lucency, ...] = (),
) -> AnyArray:
    """Attenuation of X-rays by one bone, whole or in fragments.

    Parameters
    ----------
    bone
        The bone in the scene.
    rows, columns
        float32 arrays of one shape: the scene point that each pixel sees, in mm.
    tile
        float32 noise of shape (256, 256), mean 0, deviation 1: the trabeculae.
    fragments
        The parts of a broken bone; none for a whole one.
    lucencies
        Dark lines in the bone.

    Returns
    -------
    float32 array of the shape of ``rows``, not negative: the exponent of Beer and Lambert's law.
    """
    place = bone.from_scene(rows, columns)
    if not fragments:
        return _whole(bone, *place, tile, lucencies)
    total = np.zeros_like(rows)
    for fragment in fragments:
        along, across = fragment.rest(*place)
        t = (across - bone.middle(along)) / bone.half_width(along)
        total += _whole(bone, along, across, tile, lucencies) * _between(fragment, along, t)
    return total


def flesh_attenuation(
    tubes: tuple[Flesh, ...], view: View, rows: AnyArray, columns: AnyArray, rng: np.random.Generator
) -> AnyArray:
    """Attenuation by fat and muscle, shape and unit as `bone_attenuation`, over the whole of a view."""
    skin = np.zeros_like(rows)
    muscle = np.zeros_like(rows)
    for tube in tubes:
        window = view.window(np.array([tube.start, tube.end]), max(tube.half_widths))
        half, distance = _tube(tube, rows[window], columns[window])
        skin[window] = np.maximum(skin[window], _depth(half, distance))
        muscle[window] = np.maximum(muscle[window], _depth(0.86 * half - 1.0, distance))
    skin = cv2.GaussianBlur(skin, (0, 0), view.px_per_mm)
    muscle = cv2.GaussianBlur(muscle, (0, 0), 2 * view.px_per_mm)
    texture = 1 + 0.05 * clouds(rows.shape, 9, rng) + 0.02 * clouds(rows.shape, 40, rng)
    return _FAT_PER_MM * skin + _MUSCLE_PER_MM * muscle * texture


def clouds(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> AnyArray:
    """Smooth noise with mean 0 and deviation about 1; ``cells`` knots on each side."""
    knots = rng.standard_normal((cells, cells)).astype(np.float32)
    return resize.to_shape(knots, shape, cv2.INTER_CUBIC)


def _whole(
    bone: Bone, along: AnyArray, across: AnyArray, tile: AnyArray, lucencies: tuple[Lucency, ...]
) -> AnyArray:
    """Attenuation of the unbroken bone at (along, across)."""
    knots = np.linspace(-0.1, 1.1, _KNOTS, dtype=np.float32) * bone.length
    half = _tabulated(along, knots, bone.half_width(knots))
    sideways = across - _tabulated(along, knots, bone.middle(knots))
    near, far = bone.flares(np.clip(along / bone.length, 0, 1))
    spongy = np.maximum(near, far)
    wall = bone.cortex * (1 - 0.72 * spongy)
    depth = np.sqrt(half * bone.shaft) / half  # ends widen more sideways than in depth
    t = sideways / half
    surface = _surface(bone, along, t)
    outer = depth * half * _chord(t) * _rounded(surface / (0.35 * bone.shaft))
    core = np.maximum(half - wall, 0.2)
    inner = depth * core * _chord(sideways / core)
    inner *= _rounded((surface - 0.25 * bone.cortex - 0.4) / (0.35 * bone.shaft))
    grain = _trabeculae(tile, along, across)
    sponge = _SPONGE_PER_MM * (0.35 + 0.85 * spongy) * np.maximum(1 + (0.10 + 0.14 * spongy) * grain, 0.2)
    total = _CORTEX_PER_MM * np.maximum(outer - inner, 0) + sponge * inner
    for lucency in lucencies:
        total *= 1 - _darkened(lucency, along, t, half)
    return bone.density * total


def _surface(bone: Bone, along: AnyArray, t: AnyArray) -> AnyArray:
    """Distance in mm to the nearer joint surface, positive inside the bone."""
    groove = np.exp(-((t / 0.3) ** 2))
    square = np.minimum(t * t, 4.0)
    bulge = square + 0.9 * square**4
    near = bone.dome[0] * bone.ends[0] * bulge + bone.notch[0] * groove
    far = bone.dome[1] * bone.ends[1] * bulge + bone.notch[1] * groove
    surface: AnyArray = np.minimum(along - near, bone.length - far - along)
    return surface


def _darkened(lucency: Lucency, along: AnyArray, t: AnyArray, half: AnyArray) -> AnyArray:
    steepness = np.sqrt(1 + (lucency.line.slope / half) ** 2)
    distance = (along - lucency.line(t)) / (steepness * lucency.width)
    low, high = lucency.t_range
    fading = np.clip((t - low) / 0.15, 0, 1) * np.clip((high - t) / 0.15, 0, 1)
    darkness: AnyArray = lucency.depth * fading * np.exp(-(distance**2))
    return darkness


def _between(fragment: Fragment, along: AnyArray, t: AnyArray) -> AnyArray:
    """Share of each pixel that belongs to the fragment; edges half a millimetre soft."""
    low, high = fragment.t_range
    share = _step((t - low) * 8) * _step((high - t) * 8)
    if fragment.lower is not None:
        share = share * _step((along - fragment.lower(t)) / 0.5)
    if fragment.upper is not None:
        share = share * _step((fragment.upper(t) - along) / 0.5)
    return share


def _trabeculae(tile: AnyArray, along: AnyArray, across: AnyArray) -> AnyArray:
    columns = np.mod(along / (2.5 * _TRABECULA_MM), _TILE).astype(np.float32)
    rows = np.mod(across / _TRABECULA_MM, _TILE).astype(np.float32)
    return cv2.remap(tile, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _tabulated(along: AnyArray, knots: AnyArray, values: AnyArray) -> AnyArray:
    return np.interp(along, knots, values).astype(np.float32)


def _chord(t: AnyArray) -> AnyArray:
    chord: AnyArray = 2 * np.sqrt(np.maximum(1 - t * t, 0))
    return chord


def _rounded(depth: AnyArray) -> AnyArray:
    rest = 1 - np.clip(depth, 0, 1)
    share: AnyArray = np.sqrt(1 - rest * rest)
    return share


def _step(distance: AnyArray) -> AnyArray:
    return np.clip(distance + 0.5, 0, 1)


def _tube(tube: Flesh, rows: AnyArray, columns: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Half width of the tube beside each point, and the point's distance from the axis."""
    down, right = tube.end[0] - tube.start[0], tube.end[1] - tube.start[1]
    length = np.hypot(down, right)
    along = ((rows - tube.start[0]) * down + (columns - tube.start[1]) * right) / length
    across = ((columns - tube.start[1]) * down - (rows - tube.start[0]) * right) / length
    knots = np.linspace(0, length, len(tube.half_widths))
    beyond = along - np.clip(along, 0, length)
    return np.interp(along, knots, tube.half_widths).astype(np.float32), np.hypot(across, beyond)


def _depth(half: AnyArray, distance: AnyArray) -> AnyArray:
    """Length of the beam's way through a round limb; limbs are a little flat."""
    depth: AnyArray = 1.7 * np.sqrt(np.maximum(half * half - distance * distance, 0))
    return depth
