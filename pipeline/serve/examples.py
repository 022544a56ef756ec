"""Examples to try: phantoms, drawn anew by the same seed, and pictures of nobody."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, Response

from pipeline.files import images
from pipeline.phantoms import drawing
from pipeline.phantoms.drawing import Phantom
from pipeline.serve import described
from pipeline.serve.problems import Problem

router = APIRouter(responses=described.problems(400, 401))

_SEED = 7
_SPLIT = "test"
_SIDE_PX = (480, 560)
_PNG_OR_NONE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}},
    **described.problems(404),
}
_DRAWN = {  # name: index, whether it is fractured
    "drawn-1.png": (11, True),
    "drawn-2.png": (12, False),
    "drawn-3.png": (13, True),
}


@router.get("/examples")
async def listed() -> dict[str, Any]:
    """List the examples."""
    return {"examples": [{"name": name, "title": _title(name), "drawn": True} for name in _DRAWN]}


@router.get("/examples/{name}", response_class=Response, responses=_PNG_OR_NONE)
def example(name: str) -> Response:
    """Send one as PNG."""
    if name not in _DRAWN:
        raise Problem(404, "not_found", f"examples are {', '.join(_DRAWN)}.")
    return Response(_png(name), media_type="image/png")


def _title(name: str) -> str:
    phantom = _phantom(name)
    part = phantom.body_part.replace("_", " ")
    return f"Drawn {part}, {'with' if phantom.kind else 'without'} a fracture"


@cache
def _phantom(name: str) -> Phantom:
    index, fractured = _DRAWN[name]
    return drawing.draw(_SEED, _SPLIT, index, fractured=fractured, side_px=_SIDE_PX)


@cache
def _png(name: str) -> bytes:
    return images.encode_png(_phantom(name).pixels)
