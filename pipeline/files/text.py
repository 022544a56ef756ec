"""Text files as people save them, in whatever encoding is plain, as text with plain line ends."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple

_MARKS = (  # the longer mark first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Letters of western Europe, not many side by side: other 8-bit encodings give signs, or whole words of them.
_NOT_WESTERN = re.compile("[\x80-\xbf\xd7\xf7]|[\xc0-\xff]{3}")
_SAVE = 'Save it as UTF-8 (in Excel: "CSV UTF-8").'


class TextFault(ValueError):
    """A file that cannot be read as text; the message names it, and what to do."""


class Text(NamedTuple):
    """What a file says, and how it was decoded where that had to be guessed (else empty)."""

    text: str
    note: str


def read(path: Path) -> Text:
    """Read UTF-8, UTF-16 or UTF-32 with its mark, or what is plainly Windows-1252 (Latin-1).

    Line ends of Windows and of old Macs become plain ones; another carriage return stays where it is.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    TextFault
        It cannot be read, is empty, or is in another encoding.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise TextFault(f"{path} must be a file. Received: a pipe, socket or device; it was not opened.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        kind = "a folder" if path.is_dir() else f"unreadable: {error.strerror}"
        raise TextFault(f"{path} must be a file that can be read. Received: {kind}.") from None
    text, note = _decoded(data, path)
    if not text.strip():
        raise TextFault(f"{path} must hold text. Received: an empty file. Restore or correct it.")
    if "\0" in text:
        raise TextFault(f"{path} must be text. Received: NUL bytes. {_SAVE}")
    return Text(_plain_ends(text), note)


def _decoded(data: bytes, path: Path) -> tuple[str, str]:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding), ""
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        western = data.decode("latin-1")
        if encoding != "utf-8" or _NOT_WESTERN.search(western):
            raise TextFault(
                f"{path} must be UTF-8. Received in line {line}: {data[error.start : error.end]!r}, "
                f"which is none. {_SAVE}"
            ) from None
        return western, f"no UTF-8 in line {line}: read as Windows-1252. {_SAVE}"


def _plain_ends(text: str) -> str:
    if 2 * text.count("\r\n") > text.count("\n"):
        return text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")
