"""Which of several pictures in a file is meant, where the others are smaller views of it.

Phones put a preview, a gain map or a depth map behind a JPEG (a multi-picture file); scanners put reduced
pages into a TIFF. Pictures that stand beside one another are left for the user to part.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import islice
from typing import Any

from PIL import Image

from pipeline.files.faults import ImageFault, Note

_ENTRIES = 0xB002  # of a multi-picture file's index
_THUMBNAIL, _UNDEFINED = "Large Thumbnail", "Undefined"  # gain maps and depth maps are of the latter type


def of_frames(image: Image.Image, reopened: Callable[[], Image.Image], name: str) -> list[Note]:
    """Say what smaller pictures lie behind the first one.

    Parameters
    ----------
    image, reopened
        The picture at its first frame, and what opens it anew.

    Raises
    ------
    ImageFault
        ``multi_frame`` where another frame may be a picture of its own.
    """
    if (n_frames := getattr(image, "n_frames", 1)) == 1:
        return []
    if image.format != "MPO" or not all(_is_preview(reopened(), frame) for frame in range(1, n_frames)):
        raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {n_frames}")
    return [_note(n_frames - 1)]


def of_pages(file: Any, data: bytes, name: str) -> tuple[Any, bytes, list[Note]]:
    """Find the page of a TIFF that is no reduced view or mask of another one.

    Parameters
    ----------
    file
        The `tifffile.TiffFile` of ``data``.

    Returns
    -------
    page, bytes, notes
        The page, a TIFF of this page alone, and what was passed over.

    Raises
    ------
    ImageFault
        ``multi_frame`` where there is none, or more than one; ``truncated`` where no page is listed.
    """
    if (n_pages := len(file.pages)) == 1:
        return file.pages.first, data, []
    if not n_pages:
        raise ImageFault("truncated", f"{name}: truncated: the TIFF lacks the list of what it holds")
    meant = list(islice((page for page in file.pages if not (page.is_reduced or page.is_mask)), 2))
    if len(meant) != 1:
        raise ImageFault("multi_frame", f"{name}: one frame a file. Received: {n_pages}")
    return meant[0], _alone(data, meant[0]), [_note(n_pages - 1)]


def _is_preview(image: Image.Image, frame: int) -> bool:
    """Whether a frame is smaller than the first one and no part of a series, or no picture at all."""
    width, height = image.size
    kind = image.mpinfo[_ENTRIES][frame]["Attribute"]["MPType"]  # type: ignore[attr-defined]
    try:
        image.seek(frame)
    except (OSError, SyntaxError, ValueError, struct.error):
        return True  # some programs cut off what lies behind the first picture, and leave its index
    except Image.DecompressionBombError:
        return False
    return kind.startswith((_THUMBNAIL, _UNDEFINED)) and image.width * image.height < width * height


def _alone(data: bytes, page: Any) -> bytes:
    """Make a page the first and the last one of its TIFF."""
    tiff, changed = page.parent.tiff, bytearray(data)
    n_tags = struct.unpack_from(tiff.tagnoformat, data, page.offset)[0]
    following = page.offset + tiff.tagnosize + n_tags * tiff.tagsize
    struct.pack_into(tiff.offsetformat, changed, tiff.offsetsize, page.offset)
    struct.pack_into(tiff.offsetformat, changed, following, 0)
    return bytes(changed)


def _note(n_others: int) -> Note:
    others = "a smaller picture lies" if n_others == 1 else f"{n_others} smaller pictures lie"
    return Note("preview", f"{others} beside it, as phones and scanners add them; passed over")
