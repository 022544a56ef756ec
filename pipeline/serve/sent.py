"""What a client sends, to named files: parts of a form, JSON with base64, or one file as the whole body.

A name is a label, and its suffix is compared with what the bytes are. It is never opened.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pipeline.files.faults import ImageFault
from pipeline.serve.problems import Problem, bad_request
from pipeline.track.guard import received

_LONGEST_NAME = 200  # characters; of a longer one the end is kept, where the suffix stands
_ALONE = ("application/dicom", "application/octet-stream", "image/")
_FIELD = "file"


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
    name: str = Field("", description="A label of your own, such as a.png; it comes back as `path`.")
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
        files = _json(await request.body())
    elif kind.startswith(_ALONE):
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
    if len(files) > max_files:
        raise _too_many(max_files, len(files))
    return files


def named(name: str, place: int) -> str:
    """Return a name that every record can hold; one that says nothing is its place in the request."""
    text = name.encode("utf-8", "replace").decode()[-_LONGEST_NAME:]
    return str(Path(text)) if text.strip() else f"file {place + 1}"


class _InMemory(MultiPartParser):
    """Keeps files in memory: the body is limited already, and no radiograph lies on the server's disk."""

    spool_max_size = 2**40


async def form(request: Request, max_files: int) -> FormData:
    """Read a form into memory; whoever asks for it closes it.

    Raises
    ------
    Problem
        400 or 413.
    """

    async def body() -> AsyncGenerator[bytes, None]:
        yield await request.body()

    try:
        parser = _InMemory(request.headers, body(), max_files=max_files, max_fields=max_files)
        return await parser.parse()
    except (MultiPartException, KeyError, ValueError, LookupError) as error:
        if "Too many files" in str(getattr(error, "message", "")):
            raise _too_many(max_files) from None
        raise bad_request(
            "the body must be a form of files, multipart/form-data. It cannot be read."
        ) from None


async def _form(request: Request, max_files: int) -> list[Sent]:
    parsed = await form(request, max_files)
    parts = [part for _, part in parsed.multi_items() if isinstance(part, UploadFile)]
    files = [Sent(named(part.filename or "", place), await part.read()) for place, part in enumerate(parts)]
    await parsed.close()
    return files


def _json(body: bytes) -> list[Sent]:
    try:
        images = Images.model_validate_json(body).images
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise bad_request(
            f'the body must be {{"images": [{{"name": ..., "data": ...}}]}}. {where}: {first["msg"]}.'
        ) from None
    return [Sent(named(image.name, place), _data(image.data)) for place, image in enumerate(images)]


def _data(text: str) -> bytes | ImageFault:
    try:
        data = received.data(text, None)
    except received.NotReceivedError as error:
        return ImageFault("not_base64", str(error))
    return data if isinstance(data, bytes) else ImageFault("not_base64", "no path is read")


def _too_many(most: int, number: int | None = None) -> Problem:
    received_ = "" if number is None else f" Received: {number}."
    return Problem(413, "request_too_large", f"a request may hold {most} files.{received_} Send several.")
