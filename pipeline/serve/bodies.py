"""Bodies of requests, read whole within limits: of bytes of one, of bytes of all together, and of seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from pipeline.serve.problems import Problem, bad_request, busy

_LARGEST = 4  # bodies of the allowed size that may lie in memory at once
_CLOSE = {"Connection": "close"}


class Bodies:
    """The bodies that lie in memory now.

    Parameters
    ----------
    max_bytes
        Of one body.
    timeout_s
        For all of one to arrive.
    """

    def __init__(self, max_bytes: int, timeout_s: float) -> None:
        self._max_bytes, self._timeout_s = max_bytes, timeout_s
        self._held_bytes = 0

    @asynccontextmanager
    async def whole(self, receive: Receive) -> AsyncIterator[bytes]:
        """Read a body, and count its bytes as held until the request is answered.

        Raises
        ------
        Problem
            400, 408, 413 or 503.
        """
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._gather(receive, body)
            except TimeoutError:
                detail = f"a request must arrive within {self._timeout_s:g} s."
                raise Problem(408, "too_slow", detail, _CLOSE) from None
            yield bytes(body)
        finally:
            self._held_bytes -= len(body)

    async def _gather(self, receive: Receive, body: bytearray) -> None:
        """Gather a body; what goes beyond a limit is read on, or the client misses the answer."""
        size, problem, more = 0, None, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise bad_request("the client went away before its request was here.")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            problem = problem or self._too_much(size, len(chunk))
            if problem is None:
                body += chunk
                self._held_bytes += len(chunk)
        if problem is not None:
            raise problem

    def _too_much(self, size: int, more: int) -> Problem | None:
        if size > self._max_bytes:
            detail = f"a request may hold {self._max_bytes} bytes. Send several."
            return Problem(413, "request_too_large", detail, _CLOSE)
        if self._held_bytes + more > _LARGEST * self._max_bytes:
            return busy("other requests fill the memory. Send it again later.")
        return None
