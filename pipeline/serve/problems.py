"""What a request can get in place of an answer: a status, a reason for programs, a detail for people."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

log = logging.getLogger(__name__)

_REASONS = {
    404: ("not_found", "there is no such route: no / stands at its end."),
    405: ("method_not_allowed", "the route takes another method."),
}
_DESCRIBED = "GET /openapi.json describes what is taken."


class Problem(Exception):
    """A request that gets no answer.

    Attributes
    ----------
    status
        Of HTTP.
    reason
        ``bad_request``, ``no_token``, ``wrong_host``, ``too_slow``, ``request_too_large``,
        ``wrong_content_type``, ``wrong_content_encoding``, ``too_many_requests`` or ``busy``.
    detail
        One sentence or two: the rule, what was received, what to do.
    headers
        Of the answer.
    """

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.status, self.reason, self.detail = status, reason, detail
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Say it in JSON."""
        return _json(self.status, self.reason, self.detail, self.headers)


def bad_request(detail: str) -> Problem:
    """Make the problem of a request that cannot be read."""
    return Problem(400, "bad_request", detail)


def busy(detail: str) -> Problem:
    """Make the problem of a service that has no time."""
    return Problem(503, "busy", detail, {"Retry-After": "1"})


def told_by(app: FastAPI) -> None:
    """Let an app say each problem in the same form."""
    app.add_exception_handler(Problem, _of_ours)
    app.add_exception_handler(HTTPException, _of_starlette)
    app.add_exception_handler(RequestValidationError, _of_fastapi)


def unforeseen(error: BaseException) -> JSONResponse:
    """Answer for an error that nobody foresaw; only its place is logged: its message may hold a name."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    log.error("%s in %s, line %s", type(error).__name__, last.name, last.lineno)
    return _json(
        500, "internal", "the service failed on this request; who runs it finds the place in its log"
    )


async def _of_ours(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Problem):
        raise error
    return error.response()


async def _of_starlette(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    reason, detail = _REASONS.get(error.status_code, ("bad_request", str(error.detail)))
    return _json(error.status_code, reason, f"{detail} {_DESCRIBED}", dict(error.headers or {}))


async def _of_fastapi(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return bad_request(f"{wrong}. {_DESCRIBED}").response()


def _json(status: int, reason: str, detail: str, headers: Mapping[str, str] = {}) -> JSONResponse:
    return JSONResponse({"error": {"reason": reason, "detail": detail}}, status, dict(headers))
