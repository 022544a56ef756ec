"""Phantoms: procedural radiographs of simple limbs, some broken, with the polygons of the fractures."""

from pipeline.data.phantoms.drawing import Phantom, draw
from pipeline.data.phantoms.folder import write

__all__ = ["Phantom", "draw", "write"]
