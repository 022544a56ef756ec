"""The shapes of bones, of lines across them and of fragments between the lines.

Lengths are millimetres. A scene point is (row, column), rows growing towards the fingers or toes.
A point of a bone is (along, across): along the axis from the start, across it from the bowed
middle line; ``t`` is across in half widths, -1 to 1 from one outline to the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.types import AnyArray

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A line across a bone: where it runs along the axis, as a function of ``t``."""

    along: float
    slope: float = 0.0
    swirl: float = 0.0
    teeth: tuple[tuple[float, float, float], ...] = ()  # amplitude mm, frequency, phase

    def __call__(self, t: AnyArray) -> AnyArray:
        """Position along the axis in mm, of the shape of ``t``."""
        along: AnyArray = self.along + self.slope * t + self.swirl * np.arcsin(np.clip(t, -1, 1))
        for amplitude, frequency, phase in self.teeth:
            along = along + amplitude * np.sin(frequency * t + phase)
        return along


@dataclass(frozen=True)
class Lucency:
    """A dark line in a bone: a hairline, a growth plate, the canal of a nutrient vessel."""

    line: Line
    width: float
    depth: float  # share of the bone's attenuation it takes away
    t_range: tuple[float, float] = (-1.2, 1.2)


@dataclass(frozen=True)
class Fragment:
    """The part of a bone between two lines, and how far it moved.

    A fragment that hangs on a joint turns about it: its displacement grows from nothing at
    ``joint`` to ``across`` at ``site``. A loose one (``joint`` is None) moves and turns as a whole.
    """

    site: float
    joint: float | None = None
    lower: Line | None = None
    upper: Line | None = None
    across: float = 0.0
    along: float = 0.0
    turn: float = 0.0  # radians, about (site, 0)
    t_range: tuple[float, float] = (-2.0, 2.0)

    def moved(self, along: AnyArray, across: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Where points of the whole bone lie after the fracture."""
        if self.joint is not None:
            return along, across + self.across * self._ramp(along)
        c, s = np.cos(self.turn), np.sin(self.turn)
        offset = along - self.site
        return self.site + self.along + c * offset - s * across, self.across + s * offset + c * across

    def rest(self, along: AnyArray, across: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Where points after the fracture lay in the whole bone."""
        if self.joint is not None:
            return along, across - self.across * self._ramp(along)
        c, s = np.cos(self.turn), np.sin(self.turn)
        offset, sideways = along - self.site - self.along, across - self.across
        return self.site + c * offset + s * sideways, c * sideways - s * offset

    def _ramp(self, along: AnyArray) -> AnyArray:
        if self.joint is None:
            return np.ones_like(along)
        return np.clip((along - self.joint) / (self.site - self.joint), 0, 1.3)


@dataclass(frozen=True)
class Bone:
    """A tube from ``start`` to ``end`` that widens towards both ends."""

    name: str
    start: Point
    end: Point
    shaft: float  # half width in the middle
    ends: tuple[float, float]  # half widths at the start and at the end
    cortex: float  # wall at the middle; it thins towards the ends
    flare: tuple[float, float] = (0.25, 0.25)  # share of the length over which each end widens
    lean: tuple[float, float] = (0.0, 0.0)  # sideways shift of each end
    notch: tuple[float, float] = (0.0, 0.0)  # depth of the groove between two condyles
    dome: tuple[float, float] = (0.3, 0.3)  # how far the middle of an end stands out, in its half widths
    bow: float = 0.0
    density: float = 1.0

    @property
    def length(self) -> float:
        """Length of the axis in mm."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))

    def turned(self, pivot: Point, radians: float) -> Bone:
        """Rotate the bone about a point of the scene."""
        return replace(self, start=turn(self.start, pivot, radians), end=turn(self.end, pivot, radians))

    def half_width(self, along: AnyArray | float) -> AnyArray:
        """Half the outline's width in mm."""
        near, far = self.flares(np.asarray(along, np.float32) / self.length)
        return self.shaft + (self.ends[0] - self.shaft) * near + (self.ends[1] - self.shaft) * far

    def middle(self, along: AnyArray | float) -> AnyArray:
        """Sideways position in mm of the outline's middle."""
        share = np.asarray(along, np.float32) / self.length
        near, far = self.flares(share)
        bow = self.bow * 4 * share * (1 - share)
        return bow + self.lean[0] * near + self.lean[1] * far

    def to_scene(self, along: AnyArray, across: AnyArray) -> AnyArray:
        """Scene points of shape (n, 2) of points of the bone, of shape (n,)."""
        axis = self._axis()
        rows = self.start[0] + along * axis[0] - across * axis[1]
        columns = self.start[1] + along * axis[1] + across * axis[0]
        return np.stack([rows, columns], axis=-1)

    def from_scene(self, rows: AnyArray, columns: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Along and across, in mm, of scene points."""
        axis = self._axis()
        down, right = rows - self.start[0], columns - self.start[1]
        return down * axis[0] + right * axis[1], right * axis[0] - down * axis[1]

    def flares(self, share: AnyArray) -> tuple[AnyArray, AnyArray]:
        """How far, 0 to 1, the start and the end widen the bone at a share of its length."""
        return _fade(share / self.flare[0]), _fade((1 - share) / self.flare[1])

    def _axis(self) -> Point:
        return (self.end[0] - self.start[0]) / self.length, (self.end[1] - self.start[1]) / self.length


def turn(point: Point, pivot: Point, radians: float) -> Point:
    """Rotate a scene point about another."""
    c, s = np.cos(radians), np.sin(radians)
    down, right = point[0] - pivot[0], point[1] - pivot[1]
    return float(pivot[0] + c * down - s * right), float(pivot[1] + s * down + c * right)


def _fade(share: AnyArray) -> AnyArray:
    """1 at 0, falling smoothly to 0 at 1."""
    rest = 1 - np.clip(share, 0, 1)
    faded: AnyArray = rest * rest * (3 - 2 * rest)
    return faded
