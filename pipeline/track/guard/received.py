"""What a client sends for a radiograph, to the bytes of a file; a path only below a folder of the server.

Imports nothing of ours, since `limited` runs it beside models that hold older code.
"""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import unquote

FOLDER_VARIABLE = "FRACTURE_IMAGES"  # of the environment: folder whose files may be named; unset: none
PIXELS_VARIABLE = "FRACTURE_MOST_PIXELS"  # how many pixels a request may hold; unset: any number

_NEEDED = "a file in base64 is needed"
_OR_NAME = ", or the name of one in the folder that the server allows"
_STANDARD = str.maketrans("-_", "+/")  # from the alphabet for addresses
_LONGEST_NAME = 4096
_AROUND = " \t\r\n\ufeff\"'"  # what clients leave around a text


class NotReceivedError(ValueError):
    """What was sent is no file."""


def data(image: object, folder: Path | None) -> bytes | Path:
    """Return a file's bytes, or the path of a file that the server may read.

    Parameters
    ----------
    image
        Bytes; base64, with line breaks or without, also of the alphabet for addresses, or as a data URI; or a
        name below ``folder``.
    folder
        None where no name is taken.

    Raises
    ------
    NotReceivedError
        It is none of these. The message is the same whether a file elsewhere exists or not.
    """
    if isinstance(image, bytes | bytearray):
        return bytes(image)
    needed = _NEEDED if folder is None else _NEEDED + _OR_NAME
    if not isinstance(image, str):
        raise NotReceivedError(f"{needed}. Received: {type(image).__name__}")
    if folder is not None and (path := _below(folder, image)):
        return path
    try:
        return _decode(image)
    except ValueError:
        raise NotReceivedError(f"{needed}. Received: {image[:40]!r}") from None


def _below(folder: Path, name: str) -> Path | None:
    if len(name) > _LONGEST_NAME:
        return None
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None


def _decode(text: str) -> bytes:
    text = text.strip(_AROUND)
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not (comma and head.lower().replace(" ", "").endswith(";base64")):
            raise ValueError(head)
        text = unquote(text)
    plain = "".join(text.split()).translate(_STANDARD).rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
