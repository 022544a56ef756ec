"""What a client sends, to named files: parts of a form, JSON with base64, or one file as the whole body.

A name is a label, and its suffix is compared with what the bytes are. It is never opened.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pipeline.files.faults import ImageFault
from pipeline.serve.problems import Problem, bad_request
from pipeline.track.guard import received

_LONGEST_NAME = 200  # characters; of a longer one the end is kept, where the suffix stands
_ALONE = ("application/dicom", "application/octet-stream")  # and all of image/
_FIELD = "file"
_EXTENDED_NAME = re.compile(rb""";\s*filename\*\s*=\s*"?([\w-]*)'[^']*'([^;"\s]*)"?""", re.IGNORECASE)
_PLAIN_NAME = re.compile(rb""";\s*filename\s*=\s*("(?:\\.|[^"\\])*"|[^;]*)""", re.IGNORECASE)
_PIECE = 2**20  # bytes of a form that are parsed at once
_MOST_SIGNS = 1000  # of JSON's structure, a file: beyond, each byte would become many in memory


class Sent(NamedTuple):
    """A file as it was sent: its name, and its bytes, or why there are none."""

    name: str
    data: bytes | ImageFault

    @property
    def path(self) -> Path:
        """The name as records have it."""
        return Path(self.name)


class Image(BaseModel):
    """A radiograph's file in JSON."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field("", description="A label of your own, such as a.png; it comes back as `path`.")
    data: str = Field(
        description="The file's bytes in base64, with line breaks or without, or as a data URI."
    )


class Images(BaseModel):
    """The body of a request in JSON."""

    model_config = ConfigDict(extra="forbid")
    images: list[Image]


async def read(request: Request, max_files: int) -> list[Sent]:
    """Read the files of a request, one or more.

    Raises
    ------
    Problem
        400, 413 or 415: the body is not what its content type says, holds no file or too many, or is of
        another type.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        files = await _form(request, max_files)
    elif kind == "application/json":
        files = _json(await request.body(), max_files)
    elif kind in _ALONE or kind.startswith("image/"):
        files = [Sent(named("", 0), await request.body())]
    else:
        raise Problem(
            415,
            "wrong_content_type",
            "files come as multipart/form-data, as application/json, or one alone as application/dicom, "
            f"image/* or application/octet-stream. Received: {kind[:80]!r}.",
        )
    if not files:
        raise bad_request(f"a request needs a file: fields {_FIELD!r} of a form, or `images` in JSON.")
    return files


def named(name: str, place: int) -> str:
    """Return a name that every record can hold; one that says nothing is its place in the request."""
    text = name.encode("utf-8", "replace").decode()[-_LONGEST_NAME:]
    return str(Path(text)) if text.strip() else f"file {place + 1}"


class _InMemory(MultiPartParser):
    """Keeps files in memory: the body is limited already, and no radiograph lies on the server's disk."""

    spool_max_size = 2**40
    ended = False

    def on_headers_finished(self) -> None:
        part = self._current_part
        part.content_disposition = _with_plain_name(part.content_disposition or b"")
        super().on_headers_finished()

    def on_end(self) -> None:
        self.ended = True


def _with_plain_name(disposition: bytes) -> bytes:
    """Write `filename*` (RFC 5987), in which some clients send letters beyond ASCII, as `filename`."""
    if (found := _EXTENDED_NAME.search(disposition)) is None:
        return disposition
    try:
        name = unquote_to_bytes(found[2]).decode(found[1].decode("ascii") or "utf-8", "replace")
    except LookupError:  # no such encoding
        return disposition
    quoted = name.encode("utf-8", "replace").replace(b"\\", rb"\\").replace(b'"', rb"\"")
    return _PLAIN_NAME.sub(b"", _EXTENDED_NAME.sub(b"", disposition)) + b'; filename="' + quoted + b'"'


async def form(request: Request, max_files: int) -> FormData:
    """Read a form into memory; whoever asks for it closes it.

    Raises
    ------
    Problem
        400 or 413.
    """

    async def body() -> AsyncGenerator[bytes, None]:
        whole = await request.body()
        for start in range(0, len(whole), _PIECE):
            yield whole[start : start + _PIECE]
            await asyncio.sleep(0)  # other requests have their turn meanwhile
        if not parser.ended:  # else the files behind the cut would be missing from the answer without a word
            raise MultiPartException("It ends before its last boundary.")

    parser = _InMemory(request.headers, body(), max_files=max_files, max_fields=max_files)
    try:
        return await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise _too_many(max_files) from None
        raise _no_form(str(error.__cause__ or error.message)) from None
    except (KeyError, ValueError, LookupError):
        raise _no_form("It cannot be read.") from None


def _no_form(why: str) -> Problem:
    return bad_request(f"the body must be a form of files, multipart/form-data. {why}")


async def _form(request: Request, max_files: int) -> list[Sent]:
    parsed = await form(request, max_files)
    parts = [part for _, part in parsed.multi_items() if isinstance(part, UploadFile)]
    files = [Sent(named(part.filename or "", place), await part.read()) for place, part in enumerate(parts)]
    texts = [part for part in parsed.getlist(_FIELD) if isinstance(part, str)]
    await parsed.close()
    if texts:
        raise _no_form(f"A part {_FIELD!r} came without `filename`, so as text and no file.")
    return files


def _json(body: bytes, max_files: int) -> list[Sent]:
    if sum(map(body.count, (b"{", b"[", b","))) > _MOST_SIGNS * max_files:
        raise _too_many(max_files)
    try:
        images = Images.model_validate_json(body.removeprefix(codecs.BOM_UTF8)).images
    except ValidationError as error:
        raise bad_request(
            f'the body must be {{"images": [{{"name": ..., "data": ...}}]}}. {first_wrong(error)}'
        ) from None
    if len(images) > max_files:
        raise _too_many(max_files, len(images))
    return [Sent(named(image.name or "", place), _data(image.data)) for place, image in enumerate(images)]


def first_wrong(error: ValidationError) -> str:
    """Say what is wrong first in JSON, and where, without what was sent."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{': '.join(filter(None, ('.'.join(map(str, first['loc'])), first['msg'])))}."


def _data(text: str) -> bytes | ImageFault:
    try:
        data = received.data(text, None)
    except received.NotReceivedError as error:
        return ImageFault("not_base64", str(error))
    return data if isinstance(data, bytes) else ImageFault("not_base64", "no path is read")


def _too_many(most: int, number: int | None = None) -> Problem:
    received_ = "" if number is None else f" Received: {number}."
    return Problem(413, "request_too_large", f"files in a request: {most} at most.{received_} Send several.")
