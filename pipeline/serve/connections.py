"""A client's connection, closed where it brings no request: such ones would take all places for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """A connection that is closed after twice ``head_s`` seconds at most without the whole head of a request.

    The body of a request has a limit of its own; see `bodies`.
    """

    def __init__(self, head_s: float, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._head_s = head_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and look after it."""
        super().connection_made(transport)
        self._look(None)

    def _look(self, before: object) -> None:
        """Close where what was there at the look before, a finished answer or none, is there still."""
        if self.transport.is_closing():
            return
        is_idle = self.cycle is None or self.cycle.response_complete
        now = self.cycle or self if is_idle else None
        if is_idle and now is before:
            self.transport.close()
        else:
            self.loop.call_later(self._head_s, self._look, now)
