"""Phantoms: procedural radiographs of simple limbs, some broken, with the polygons of the fractures."""

from pipeline.data.phantoms.drawing import Phantom, draw
from pipeline.data.phantoms.folder import refuse_others, write

__all__ = ["Phantom", "draw", "refuse_others", "write"]
