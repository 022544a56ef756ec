"""Phantoms: procedural radiographs of simple limbs, some broken, with the polygons of the fractures."""

from pipeline.phantoms.drawing import Phantom, draw
from pipeline.phantoms.folder import refuse_others, write

__all__ = ["Phantom", "draw", "refuse_others", "write"]
