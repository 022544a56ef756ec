"""What OpenAPI says of the bodies that routes take, and of the answers that are none."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from pipeline.serve.sent import Images


class Error(BaseModel):
    """Why there is no answer: a code for programs, a sentence for people."""

    reason: str
    detail: str


class Failed(BaseModel):
    """The body of every answer that is none."""

    error: Error


_STATUSES = {
    400: "The request cannot be read, or does not name this service",
    401: "The token is missing or wrong",
    403: "A page of another site asked",
    404: "There is no such route",
    408: "The request did not arrive in time",
    413: "The request is too large, or holds too many files",
    415: "The body is of another type, or compressed",
    429: "The address asks too often; `Retry-After` says when to ask again",
    503: "The service has no time; `Retry-After` says when to ask again",
}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
_ALONE = {"schema": {"type": "string", "format": "binary"}}

ALL_REFUSED: dict[int | str, dict[str, Any]] = {
    422: {"description": "Every file is refused; the body is that of 200, with the reason of each"}
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of these statuses."""
    return {status: {"description": _STATUSES[status], "model": Failed} for status in statuses}


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a model in JSON Schema, others within it in place: a reference to them would lead nowhere."""
    whole = model.model_json_schema()
    inner = whole.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(inner[value["$ref"].rpartition("/")[2]])
        return {key: inlined(each) for key, each in value.items()}

    described: dict[str, Any] = inlined(whole)
    return described


def files() -> dict[str, Any]:
    """Describe a body of files."""
    content = {
        "multipart/form-data": {"schema": _FORM},
        "application/json": {"schema": schema(Images)},
        "application/dicom": _ALONE,
    }
    return {"requestBody": {"required": True, "content": content}}
