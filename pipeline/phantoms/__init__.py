"""Phantoms: procedural radiographs of simple limbs, some broken, with the polygons of the fractures."""

from pipeline.phantoms.drawing import Phantom, draw
from pipeline.phantoms.folder import write

__all__ = ["Phantom", "draw", "write"]
