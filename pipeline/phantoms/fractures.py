"""Fractures: the lines along which a bone breaks, how its fragments move, and their outline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.phantoms.bones import Bone, Fragment, Line, Lucency
from pipeline.types import AnyArray

KINDS = {"transverse": 0.27, "oblique": 0.27, "spiral": 0.18, "comminuted": 0.18, "hairline": 0.10}
"""Kinds of fracture and their shares."""


@dataclass(frozen=True)
class Fracture:
    """A broken bone: what to draw in place of the whole one."""

    kind: str
    bone: str
    lines: tuple[Line, ...]
    fragments: tuple[Fragment, ...] = ()
    lucencies: tuple[Lucency, ...] = ()


def fracture(bone: Bone, site: float, kind: str, rng: np.random.Generator) -> Fracture:
    """Break a bone.

    Parameters
    ----------
    bone
        The whole bone.
    site
        Where it breaks, in mm from its start.
    kind
        One of ``KINDS``.
    rng
        Decides slopes, teeth and displacement, which grow with the bone's half width.
    """
    half = float(bone.half_width(site))
    side = float(rng.choice([-1, 1]))
    if kind == "hairline":
        line = Line(site, slope=side * rng.uniform(0.1, 0.9) * half, teeth=_teeth(rng, 0.12 * half))
        crack = Lucency(line, width=max(0.075 * half, 0.5), depth=rng.uniform(0.6, 0.8))
        return Fracture(kind, bone.name, (line,), lucencies=(crack,))
    if kind == "comminuted":
        return _comminuted(bone, site, half, side, rng)
    slope, swirl = {
        "transverse": (rng.uniform(-0.15, 0.15), 0.0),
        "oblique": (side * rng.uniform(0.8, 1.4), 0.0),
        "spiral": (side * rng.uniform(0.6, 1.0), side * rng.uniform(0.8, 1.1)),
    }[kind]
    gap = half * rng.uniform(0.12, 0.34)
    across = (
        half * rng.choice([-1, 1]) * (rng.uniform(0.15, 0.45) if kind == "spiral" else rng.uniform(0.3, 0.95))
    )
    teeth = _teeth(rng, (0.16 if kind == "transverse" else 0.07) * half)
    lines = tuple(Line(site + end * gap / 2, slope * half, swirl * half, teeth) for end in (-1, 1))
    return Fracture(kind, bone.name, lines, _two_ends(bone, site, lines, across, rng))


def outline(bone: Bone, broken: Fracture) -> AnyArray:
    """Scene points (n, 2), in mm, around the fracture lines and the displaced parts beside them."""
    t = np.linspace(-1.25, 1.25, 15, dtype=np.float32)
    parts = broken.fragments or (Fragment(site=0.0, joint=-1.0),)  # a hairline moves nothing
    points = []
    for line in broken.lines:
        along = line(np.clip(t, -1, 1))
        half = bone.half_width(along)
        for margin in (-0.4, 0.4):
            across = bone.middle(along) + t * half
            for part in parts:
                if part.joint is None:
                    inside = (t >= part.t_range[0]) & (t <= part.t_range[1])
                    points.append(bone.to_scene(*part.moved(along[inside], across[inside])))
                else:
                    points.append(bone.to_scene(*part.moved(along + margin * half, across)))
    return cv2.convexHull(np.concatenate(points).astype(np.float32))[:, 0]


def _two_ends(
    bone: Bone, site: float, lines: tuple[Line, ...], across: float, rng: np.random.Generator
) -> tuple[Fragment, Fragment]:
    """Near and far end of the bone, each turned about its joint."""
    share = rng.uniform(0.3, 0.7)
    return (
        Fragment(site, joint=0.0, upper=lines[0], across=-share * across),
        Fragment(site, joint=bone.length, lower=lines[-1], across=(1 - share) * across),
    )


def _comminuted(bone: Bone, site: float, half: float, side: float, rng: np.random.Generator) -> Fracture:
    """Two ends and three loose pieces between them."""
    reach, slope = half * rng.uniform(0.45, 0.8), side * half * rng.uniform(0.2, 0.5)
    gap = 0.12 * half
    near = Line(site - reach, slope, teeth=_teeth(rng, 0.14 * half))
    far = Line(site + reach, -slope, teeth=_teeth(rng, 0.14 * half))
    across = half * rng.choice([-1, 1]) * rng.uniform(0.1, 0.5)
    cuts = (-2.0, rng.uniform(-0.45, -0.15), rng.uniform(0.15, 0.45), 2.0)
    inner = (Line(near.along + gap, slope, teeth=near.teeth), Line(far.along - gap, -slope, teeth=far.teeth))
    pieces = tuple(
        Fragment(
            site,
            lower=inner[0],
            upper=inner[1],
            across=half * (outward * rng.uniform(0.15, 0.5) + rng.uniform(-0.08, 0.08)),
            along=half * rng.uniform(-0.25, 0.25),
            turn=rng.uniform(0.1, 0.45) * rng.choice([-1, 1]),
            t_range=(cuts[order], cuts[order + 1]),
        )
        for order, outward in enumerate((-1, 0, 1))
    )
    lines = (near, far)
    return Fracture("comminuted", bone.name, lines, (*_two_ends(bone, site, lines, across, rng), *pieces))


def _teeth(rng: np.random.Generator, amplitude: float) -> tuple[tuple[float, float, float], ...]:
    frequencies = (3.0, 7.0, 15.0)
    return tuple(
        (amplitude * rng.uniform(0.4, 1) / (1 + order), frequency, rng.uniform(0, 2 * np.pi))
        for order, frequency in enumerate(frequencies)
    )
