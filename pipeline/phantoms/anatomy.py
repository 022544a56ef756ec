"""Arms and legs: simple bones in their places, and the flesh around them.

Lengths are millimetres of a middling adult. The axis of the forearm or the lower leg is column 0,
with the elbow or the knee at (0, 0) and rows growing towards the fingers or toes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.phantoms.bones import Bone, Point, turn


@dataclass(frozen=True)
class Flesh:
    """Soft tissue as a tube: half widths in mm at even steps from start to end."""

    start: Point
    end: Point
    half_widths: tuple[float, ...]

    def turned(self, pivot: Point, radians: float) -> Flesh:
        """Rotate the tube about a point of the scene."""
        return replace(self, start=turn(self.start, pivot, radians), end=turn(self.end, pivot, radians))


@dataclass(frozen=True)
class Limb:
    """Bones and flesh of an arm or a leg, or of a part of one."""

    bones: tuple[Bone, ...]
    flesh: tuple[Flesh, ...]

    def __add__(self, other: Limb) -> Limb:
        return Limb(self.bones + other.bones, self.flesh + other.flesh)

    def bone(self, name: str) -> Bone:
        """Find a bone by its name."""
        return next(bone for bone in self.bones if bone.name == name)

    def turned(self, pivot: Point, radians: float) -> Limb:
        """Rotate the limb about a point of the scene."""
        return Limb(
            tuple(bone.turned(pivot, radians) for bone in self.bones),
            tuple(tube.turned(pivot, radians) for tube in self.flesh),
        )


@dataclass(frozen=True)
class BodyPart:
    """What a radiograph is taken of: where it may break, how much is seen."""

    limb: str
    sites: tuple[tuple[str, float, float], ...]  # bone, and from where to where in shares of its length
    field_mm: tuple[float, float]  # shortest and longest of what the longer side shows


_ELBOW = _KNEE = (0.0, 0.0)
_WRIST = (242.0, 0.0)
_ANKLE = (365.0, 0.0)

_HUMERUS = Bone(
    "humerus", (-318, 4), (-1, 0), shaft=11.5, ends=(23, 28), cortex=4.0,
    flare=(0.2, 0.24), lean=(6, 0), notch=(0, 3), dome=(0.7, 0.12),
)  # fmt: skip
_RADIUS = Bone("radius", (6, 13), (238, 8), shaft=7, ends=(10.5, 15), cortex=2.9, flare=(0.13, 0.2))
_ULNA = Bone("ulna", (-20, -9), (233, -16), shaft=6.8, ends=(12, 8), cortex=2.7, flare=(0.3, 0.12))
_FEMUR = Bone(
    "femur", (-420, -22), (-1, 0), shaft=14.5, ends=(24, 39), cortex=5.4,
    flare=(0.16, 0.22), lean=(-8, 0), notch=(0, 9), dome=(0.6, 0.14),
)  # fmt: skip
_FEMORAL_NECK = Bone(
    "femoral neck", (-408, -34), (-440, 12), shaft=15, ends=(20, 20), cortex=2.5, dome=(0.1, 0.5)
)
_TIBIA = Bone(
    "tibia", (5, 0), (356, -3), shaft=13, ends=(37, 21), cortex=4.8,
    flare=(0.2, 0.14), notch=(1.5, 2), dome=(0.06, 0.08),
)  # fmt: skip
_FIBULA = Bone("fibula", (18, 33), (374, 24), shaft=6, ends=(9.5, 10), cortex=2.4, flare=(0.1, 0.14))
_CALCANEUS = Bone(
    "calcaneus", (404, -50), (392, 20), shaft=14, ends=(20, 17), cortex=1.6,
    flare=(0.5, 0.5), dome=(0.35, 0.3), density=0.8,
)  # fmt: skip

_PEBBLES = {  # row, column and half width of each short, round bone
    "carpals": (
        (250, -15, 7), (247, -3, 8.5), (249, 10, 9), (254, -21, 5),
        (262, -15, 7.5), (261, -4, 9), (264, 7, 6.5), (262, 17, 7.5),
    ),
    "femoral head": ((-446, 24, 24),),
    "patella": ((-22, 3, 20),),
    "tarsals": ((371, -1, 19), (383, 30, 12), (387, 46, 11), (397, 44, 11), (395, 22, 13)),
}  # fmt: skip

_FINGERS = {  # row and column of the base, direction in radians, lengths of the bones
    "index": ((273, 12), 0.13, (66, 40, 24, 17)),
    "middle": ((273, 1), 0.03, (64, 44, 28, 18)),
    "ring": ((273, -10), -0.09, (57, 41, 26, 18)),
    "little": ((273, -19), -0.20, (53, 33, 19, 16)),
}
_THUMB_BASE, _THUMB_LENGTHS = (266, 21), (45, 31, 22)
_CHAIN = ("metacarpal", "proximal phalanx", "middle phalanx", "distal phalanx")
_CHAIN_SHAFTS = (4.6, 4.3, 3.6, 2.8)
_JOINT_GAP = 2.2

_UPPER_ARM_FLESH = Flesh((-380, 0), (18, 0), (75, 60, 52, 50, 48, 44, 40))
_FOREARM_FLESH = Flesh((-18, 0), (250, 0), (38, 43, 44, 40, 34, 29, 28))
_PALM_FLESH = Flesh((230, 0), (346, -6), (27, 30, 38, 43, 43, 40))
_THIGH_FLESH = Flesh((-470, -25), (20, 0), (100, 95, 88, 80, 72, 64, 58, 56))
_CALF_FLESH = Flesh((-20, 3), (385, 0), (56, 58, 62, 60, 53, 44, 37, 34, 36))
_FOOT_FLESH = Flesh((396, -40), (432, 150), (28, 32, 34, 30, 26, 22, 17, 13))

BODY_PARTS = {
    "hand": BodyPart(
        "arm",
        (
            *((f"{finger} metacarpal", 0.25, 0.8) for finger in _FINGERS),
            *((f"{finger} proximal phalanx", 0.25, 0.7) for finger in ("index", "middle", "ring")),
            ("thumb metacarpal", 0.3, 0.7),
            ("radius", 0.88, 0.93),
        ),
        (125, 185),
    ),
    "forearm": BodyPart("arm", (("radius", 0.25, 0.93), ("ulna", 0.3, 0.9)), (135, 215)),
    "upper_arm": BodyPart("arm", (("humerus", 0.25, 0.85),), (160, 245)),
    "lower_leg": BodyPart("leg", (("tibia", 0.2, 0.9), ("fibula", 0.25, 0.9)), (190, 290)),
    "thigh": BodyPart("leg", (("femur", 0.35, 0.85),), (200, 300)),
}


def build(limb: str, rng: np.random.Generator) -> Limb:
    """Build an arm or a leg of random proportions and posture."""
    return _arm(rng) if limb == "arm" else _leg(rng)


def _arm(rng: np.random.Generator) -> Limb:
    stout, squeeze = rng.uniform(0.9, 1.12), rng.uniform(0.3, 1.1)
    upper = Limb((_varied(_HUMERUS, stout, 1.0, rng),), (_UPPER_ARM_FLESH,))
    lower = Limb(tuple(_varied(bone, stout, squeeze, rng) for bone in (_RADIUS, _ULNA)), (_FOREARM_FLESH,))
    bent = rng.choice([0.1, 0.5, 1.5]) * rng.uniform(-1, 1)
    return upper.turned(_ELBOW, bent) + lower + _hand(rng).turned(_WRIST, rng.normal(0, 0.12))


def _hand(rng: np.random.Generator) -> Limb:
    hand = Limb(_pebbles("carpals", rng), (_PALM_FLESH,))
    spread = rng.uniform(0.5, 1.6)
    for name, (base, direction, lengths) in _FINGERS.items():
        hand += _finger(name, base, (direction, direction * spread), lengths, rng)
    aside = rng.uniform(0.5, 1.0)
    thumb = _finger("thumb", _THUMB_BASE, (aside, 0.8 * aside), _THUMB_LENGTHS, rng)
    ball = Flesh((262, 14), thumb.bones[0].end, (22, 20, 15))
    return hand + thumb + Limb((), (ball,))


def _leg(rng: np.random.Generator) -> Limb:
    stout, squeeze = rng.uniform(0.9, 1.12), rng.uniform(0.35, 1.05)
    hip = (_FEMORAL_NECK, *_pebbles("femoral head", rng))
    patella = (replace(bone, density=0.35) for bone in _pebbles("patella", rng))
    upper = Limb((_varied(_FEMUR, stout, 1.0, rng), *hip, *patella), (_THIGH_FLESH,))
    lower = Limb(tuple(_varied(bone, stout, squeeze, rng) for bone in (_TIBIA, _FIBULA)), (_CALF_FLESH,))
    bent = rng.choice([0.08, 0.08, 0.9]) * rng.uniform(-1, 1)
    return upper.turned(_KNEE, bent) + lower + _foot(rng).turned(_ANKLE, rng.uniform(-0.3, 0.2))


def _foot(rng: np.random.Generator) -> Limb:
    """Build a foot seen from the side: heel, tarsals, five rays behind one another."""
    rays: list[Bone] = []
    for order in range(5):
        base, direction = (392.0 + 3.5 * order, 55.0 - 2 * order), 1.15 + 0.06 * order
        lengths = (62 - 2 * order, 24, 12)
        rays += _finger(f"ray {order}", base, (direction, direction + 0.25), lengths, rng).bones
    small = (replace(bone, density=0.8) for bone in (*_pebbles("tarsals", rng), *rays))
    return Limb((_CALCANEUS, *small), (_FOOT_FLESH,))


def _finger(
    name: str,
    base: Point,
    directions: tuple[float, float],
    lengths: tuple[int, ...],
    rng: np.random.Generator,
) -> Limb:
    """Chain a metacarpal and its phalanges, each from the end of the one before."""
    bones: list[Bone] = []
    start, angle = base, directions[0]
    for order, length in enumerate(lengths):
        shaft = _CHAIN_SHAFTS[order] * rng.uniform(0.92, 1.1)
        end = _onwards(start, angle, length)
        ends = (1.65 * shaft, (1.5 if order < 3 else 1.2) * shaft)
        part = Bone(f"{name} {_CHAIN[order]}", start, end, shaft, ends, cortex=0.42 * shaft)
        bones.append(replace(part, flare=(0.35, 0.3), dome=(0.2, 0.35)))
        angle = directions[1] + rng.normal(0, 0.05)
        start = _onwards(end, angle, _JOINT_GAP)
    return Limb(tuple(bones), (Flesh(bones[0].end, start, (11, 10.5, 9.5, 9.5, 9, 8.5, 7.5, 5.5)),))


def _pebbles(name: str, rng: np.random.Generator) -> tuple[Bone, ...]:
    """Short, round bones, each a little turned and stretched."""
    bones = []
    for row, column, half in _PEBBLES[name]:
        angle, stretch = rng.uniform(-0.9, 0.9), rng.uniform(0.85, 1.2)
        down, right = half * stretch * np.cos(angle), half * stretch * np.sin(angle)
        start, end = (row - down, column - right), (row + down, column + right)
        ends = (half * rng.uniform(0.65, 1.0), half * rng.uniform(0.65, 1.0))
        pebble = Bone(name, start, end, half / stretch, ends, cortex=0.1 * half + 0.5)
        bones.append(replace(pebble, flare=(1.0, 1.0), dome=(0.4, 0.4)))
    return tuple(bones)


def _varied(bone: Bone, stout: float, squeeze: float, rng: np.random.Generator) -> Bone:
    """Make a bone stouter, bowed, and nearer to its neighbour, as in an oblique or a lateral view."""
    (start_row, start_column), (end_row, end_column) = bone.start, bone.end
    return replace(
        bone,
        start=(start_row, squeeze * start_column),
        end=(end_row, squeeze * end_column),
        shaft=stout * bone.shaft,
        bow=rng.uniform(-5, 5),
    )


def _onwards(start: Point, direction: float, distance: float) -> Point:
    return float(start[0] + distance * np.cos(direction)), float(start[1] + distance * np.sin(direction))
