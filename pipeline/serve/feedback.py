"""Readings from the page: the model is asked again, so that what is kept as its answer is its answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from pipeline.config import Config
from pipeline.feedback import store
from pipeline.feedback.reading import Box, Reading
from pipeline.files import outputs
from pipeline.files.printable import one_line
from pipeline.serve import described, sent, service
from pipeline.serve.examining import Wanted
from pipeline.serve.model import Model
from pipeline.serve.problems import Problem, bad_request
from pipeline.serve.sent import Sent

router = APIRouter(responses=described.problems(400, 401))

_MOST_BOXES = 50
_LONGEST_NAME = 100
_OVER_THE_EDGE_PX = 1  # rounding
_SMALLEST_PX = 1
Finite = Annotated[float, Field(allow_inf_nan=False)]
Extent = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SentBox(_Form):
    """A box: left, top, width, height in the radiograph's pixels, and where it comes from."""

    bbox: Annotated[tuple[Finite, Finite, Extent, Extent], Field(strict=False)]
    origin: Literal["drawn", "model", "corrected"]


class SentReading(_Form):
    """What a reader says, and what answer the reader saw: its decision and the sha256 of its model."""

    fractured: bool | None
    boxes: Annotated[list[SentBox], Field(max_length=_MOST_BOXES)]
    reader: Annotated[str, Field(max_length=_LONGEST_NAME)]
    decision: str
    model: str


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "reading"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "reading": described.schema(SentReading),
                    },
                }
            }
        },
    }
}


@router.get("/feedback")
async def takes_readings(request: Request) -> dict[str, bool]:
    """Say whether readings are kept."""
    return {"stored": service.of(request).config.feedback.store}


_REFUSED = described.problems(403, 408, 413, 415, 429, 503) | {
    409: {"description": "Another model, or another answer, than the reader saw", "model": described.Failed},
    422: {"description": "The file is no sound radiograph", "model": described.Failed},
    507: {"description": "The disk takes nothing more", "model": described.Failed},
}


@router.post("/feedback", status_code=201, responses=_REFUSED, openapi_extra=_BODY)
async def keep(request: Request) -> dict[str, str]:
    """Keep a reader's word on an answer, with the radiograph."""
    here = service.of(request)
    if not here.config.feedback.store:
        raise Problem(403, "not_stored", "this service keeps no readings: `feedback.store` is off.")
    file, told = await _form(request)
    answering = here.model
    if told.model != answering.told["sha256"]:
        raise Problem(409, "model_changed", f"bundle {answering.told['sha256']} answers now: ask it first.")
    answers = await here.examiner.examine(answering, [file], Wanted(uncounted=True))
    reading = _reading(told, answers[0].record, answering)
    return {"stored": await run_in_threadpool(_kept, here.config, reading, file.data)}


async def _form(request: Request) -> tuple[Sent, SentReading]:
    form = await sent.form(request, 2)  # a reading may come as a file of its own
    parts = {name: await _content(part) for name, part in form.multi_items()}
    file, n_parts = form.get("file"), len(form.multi_items())
    await form.close()
    if not isinstance(file, UploadFile) or set(parts) != {"file", "reading"} or n_parts != len(parts):
        raise bad_request("a reading is a form with one `file`, the radiograph, and one `reading`, JSON.")
    radiograph = Sent(sent.named(file.filename or "", 0), parts["file"])
    try:
        return radiograph, SentReading.model_validate_json(parts["reading"])
    except ValidationError as error:
        wrong = sent.first_wrong(error)
        raise bad_request(f"`reading` is not as GET /openapi.json says. {wrong}") from None


async def _content(part: UploadFile | str) -> bytes:
    return part.encode() if isinstance(part, str) else await part.read()


def _reading(told: SentReading, answer: dict[str, Any], model: Model) -> Reading:
    if "error" in answer:
        raise Problem(422, answer["error"]["reason"], answer["error"]["detail"])
    if told.decision != answer["decision"]:
        raise Problem(409, "answer_changed", f"the answer is {answer['decision']!r} now: read it first.")
    if told.boxes and not told.fractured:
        raise bad_request("boxes mark fractures: remove them, or say that there is a fracture.")
    size = answer["height_px"], answer["width_px"]
    return Reading(
        datetime.now(UTC),
        "",
        "",
        size,
        model.told,
        answer["decision"],
        answer["probability"],
        told.fractured,
        tuple(Box(_inside(box, *size), box.origin) for box in told.boxes),
        one_line(told.reader.strip(), ""),
    )


def _inside(box: SentBox, height_px: int, width_px: int) -> tuple[float, float, float, float]:
    """Cut a box at the radiograph's edges, which it may pass by what rounding does."""
    left, top, width, height = box.bbox
    right, bottom = left + width, top + height
    over = max(-left, -top, right - width_px, bottom - height_px)
    left, top = max(left, 0.0), max(top, 0.0)
    width, height = min(right, width_px) - left, min(bottom, height_px) - top
    if over > _OVER_THE_EDGE_PX or min(width, height) < _SMALLEST_PX:
        raise bad_request(
            f"a box must lie on the radiograph, {width_px} x {height_px}, and be {_SMALLEST_PX} pixel wide "
            f"and high at least. Received: {box.bbox}."
        )
    return left, top, width, height


def _kept(config: Config, reading: Reading, data: object) -> str:
    """Keep a reading; a multipart file is always bytes."""
    if not isinstance(data, bytes):
        raise bad_request("a file must have bytes.")
    try:
        return store.write(config.feedback.folder, reading, data).stem
    except OSError as error:
        full = outputs.is_no_space(error)
        reason, what = ("no_space", "is full") if full else ("not_writable", "takes no readings")
        raise Problem(507, reason, f"the service's disk {what}; nothing was kept.") from error
