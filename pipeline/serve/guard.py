"""What stands before the routes: who may ask, how often, how much and how long; and what every answer bears.

The whole body of a request is read here, within its limits, before a route sees it.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import os
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline import config
from pipeline.serve import problems
from pipeline.serve.bodies import Bodies
from pipeline.serve.metrics import Metrics
from pipeline.serve.problems import Problem, busy
from pipeline.serve.rate import Rate

CANARY = ("canary", 0)  # the client that is ourselves: no address of a network, and no rate holds it up
_PROBED = {"/health", "/ready"}  # by load balancers, which name an address of the machine, or no host at all
_OPEN = {"/", "/openapi.json", *_PROBED}  # and the page's files, which hold nothing of anybody
_OWN_PAGES = {"", "same-origin", "none"}  # what a browser says of who asks; other clients say nothing
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def is_here(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int) -> str:
    """Write the address of a service as clients take it: an IPv6 host stands in brackets."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def token(settings: config.Serve) -> str:
    """Read the token from the environment; empty where none is set.

    Raises
    ------
    ValueError
        It holds what no header can carry, so nobody could show it.
    """
    found = os.environ.get(settings.token_variable, "").strip()
    if not (found.isascii() and found.isprintable()):
        raise ValueError(
            f"the token in {settings.token_variable} must be of ASCII's letters, digits and signs. Received: "
            "others. Make one: `openssl rand -hex 24`."
        )
    return found


class Guard:
    """An app behind its limits.

    Parameters
    ----------
    app
        Whose answers bear the headers.
    settings
        The limits.
    metrics
        What counts the requests.
    """

    def __init__(self, app: ASGIApp, settings: config.Serve, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._token = token(settings)
        self._names = set(settings.trusted_hosts)
        self._knows_names = bool(self._names) or is_here(settings.host)
        self._rate = Rate(settings.rate_per_s, settings.burst)
        self._bodies = Bodies(settings.max_bytes, settings.timeout_s)
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out
        start, told = time.perf_counter(), _Told(send)
        try:
            self._check(scope, Headers(scope=scope))
            await (self._limited if scope["method"] == "POST" else self._app)(scope, receive, told.send)
        except Problem as problem:
            await told.instead(problem.response(), scope)
        except Exception as error:
            await told.instead(problems.unforeseen(error), scope)
        self._metrics.request(_route(scope), told.code, time.perf_counter() - start)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if not (scope["path"] in _PROBED or self._is_ours(_without_port(headers.get("host", "")))):
            raise Problem(
                400, "wrong_host", "the service answers to names in serve.trusted_hosts, and to localhost."
            )
        if scope["method"] == "POST" and headers.get("sec-fetch-site", "") not in _OWN_PAGES:
            raise Problem(403, "wrong_origin", "a page of another site asked; only our own page may.")
        if (encoding := headers.get("content-encoding", "identity").lower()) != "identity":
            raise Problem(
                415, "wrong_content_encoding", f"a body must come as it is. Received: {encoding[:80]!r}.",
                {"Accept-Encoding": "identity"},
            )  # fmt: skip
        if self._token and not _is_open(scope["path"]):
            scheme, _, sent = headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(sent.strip().encode(), self._token.encode())
            if not (right and scheme.lower() == "bearer"):
                raise Problem(
                    401, "no_token", "send the header `Authorization: Bearer TOKEN`.",
                    {"WWW-Authenticate": "Bearer"},
                )  # fmt: skip

    def _is_ours(self, host: str) -> bool:
        return not self._knows_names or host in self._names or is_here(host)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client") or ("",)
        if client != CANARY and (wait_s := self._rate.wait_s(client[0])):
            raise Problem(
                429,
                "too_many_requests",
                f"an address may send {self._settings.rate_per_s:g} requests a second. Send it again later.",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        if self._under_way >= self._settings.max_concurrent:
            raise busy(f"{self._under_way} requests are under way already. Send it again later.")
        self._count(1)
        try:
            async with self._bodies.whole(receive) as body:
                await self._app(scope, _replay(body, receive), send)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        self._under_way += change
        self._metrics.under_way(self._under_way)


class _Told:
    """Sends an answer with our headers, and remembers its status."""

    def __init__(self, send: Send) -> None:
        self._send, self.code = send, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.code = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def instead(self, response: ASGIApp, scope: Scope) -> None:
        """Send another answer, unless one has begun."""
        if not self.code:
            await response(scope, _nothing, self.send)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return sent.pop() if sent else await receive()

    return replayed


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _without_port(host: str) -> str:
    bare = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return bare.lower().removesuffix(".")


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith("/page/")


def _route(scope: Scope) -> str:
    """Give the template of the route that answered, for it holds no name of a file."""
    path: str = getattr(scope.get("route"), "path", "") or "other"
    return path
