"""Metal: plates with screws, wires and nails, well away from where the bone may break."""

from __future__ import annotations

import numpy as np

from pipeline.phantoms.bones import Bone
from pipeline.phantoms.view import View
from pipeline.types import AnyArray

_STEEL = 3.5  # attenuation of a plate


def metal_attenuation(view: View, bone: Bone, site: float, rng: np.random.Generator) -> AnyArray:
    """Attenuation by a plate or a wire on ``bone``, shape (height_px, width_px); 0 where there is no room.

    It keeps three half widths from ``site``, whether or not the bone is broken there: metal
    neither hides a fracture nor reveals one.
    """
    half = float(bone.half_width(site))
    clear = 3.2 * half
    room_near, room_far = site - clear, bone.length - site - clear
    towards_end = room_far > room_near if min(room_near, room_far) < 5 * half else rng.random() < 0.5
    room = room_far if towards_end else room_near
    if room < 4 * half:
        return np.zeros((view.height_px, view.width_px), np.float32)
    length = min(rng.uniform(6, 10) * half, 0.9 * room)
    start = site + clear if towards_end else site - clear - length
    if rng.random() < 0.6:
        return _plate(view, bone, start, length, half, rng)
    return _wire(view, bone, start, length, half, rng)


def _plate(
    view: View, bone: Bone, start: float, length: float, half: float, rng: np.random.Generator
) -> AnyArray:
    """Plate along one side, its screws across the bone."""
    side = rng.choice([-1, 1])
    middle = rng.uniform(0.0, 0.9) * side * half
    total = _STEEL * view.filled(_bar(bone, (start, middle), (start + length, middle), 0.32 * half))
    n_screws = int(rng.integers(3, 6))
    for along in start + length * (np.arange(n_screws) + 0.5) / n_screws:
        tip = middle - 1.5 * side * half
        total += 0.6 * _STEEL * view.filled(_bar(bone, (along, middle), (along, tip), 0.11 * half + 0.2))
        total += 0.5 * _STEEL * view.filled(_disc(bone, along, middle, 0.2 * half))
    return total


def _wire(
    view: View, bone: Bone, start: float, length: float, half: float, rng: np.random.Generator
) -> AnyArray:
    """One or two wires, aslant through the bone."""
    total = np.zeros((view.height_px, view.width_px), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        first, last = rng.uniform(-1.6, 1.6, 2) * half
        total += _STEEL * view.filled(_bar(bone, (start, first), (start + length, last), 0.07 * half + 0.3))
    return total


def _bar(bone: Bone, first: tuple[float, float], last: tuple[float, float], half: float) -> AnyArray:
    """Scene points of a bar with round ends between two (along, across) points of a bone."""
    direction = np.subtract(last, first) / max(float(np.hypot(*np.subtract(last, first))), 1e-6)
    heading = np.arctan2(direction[1], direction[0])
    angles = heading + np.linspace(-np.pi / 2, np.pi / 2, 7)
    cap = half * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([np.add(last, cap), np.subtract(first, cap)])
    return bone.to_scene(points[:, 0], points[:, 1] + bone.middle(points[:, 0]))


def _disc(bone: Bone, along: float, across: float, radius: float) -> AnyArray:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    spots = along + radius * np.cos(angles)
    return bone.to_scene(spots, across + radius * np.sin(angles) + bone.middle(spots))
