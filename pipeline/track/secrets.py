"""What opens a store, a proxy or a forge is never shown: neither within an address nor alone."""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from pipeline.files.processes import serve

HIDDEN = "***"

_VIEW = "viewStateShareKey="  # in addresses of MLflow's pages: no key of anything
_NAMED = r"passw(?:or)?d|passphrase|pwd|token|secret"
_SHOWN = (
    # Users, too: a token is often given as one. Some parsers take `/` in a password, none in a port.
    (r"(?<=://)[^\s/]*@", ""),
    (r"(?<=://)[^\s/:@]*:(?!\d+/)[^\s@]*@", ""),
    (rf"(?i)((?:[?&;](?!{_VIEW})[\w.%-]*(?:key|sig|auth|credential)|\b[\w.-]*(?:{_NAMED}))[\w.-]*=)"
     r"[^\s&'\",;)]+",
     rf"\1{HIDDEN}"),
    (r"(?i)(\bauthorization\W{1,4}(?:(?:bearer|basic|token)\s+)?)[^\s'\",]+", rf"\1{HIDDEN}"),
)  # fmt: skip
_VARIABLE = re.compile(r"(?i)(?:^|_)(?:PASSWORD|PASSWD|TOKEN|SECRET|ACCESS_KEY|API_KEY|PRIVATE_KEY)(?:_|$)")
_SHORTEST, _WITHIN_WORDS = 4, 8  # characters of a secret that is hidden alone, and even within a word

_told: set[str] = set()  # addresses that stand in settings


def remember(address: str) -> str:
    """Note an address that stands in no environment variable, and return it."""
    _told.add(address)
    return address


def without_password(text: str) -> str:
    """Return an address, or any text that may hold one, as it may be shown.

    Users and passwords of addresses are left out; tokens and passwords that stand alone become ``***``:
    those of the environment, and those of the addresses in it and in the settings.
    """
    for pattern, shown in _SHOWN:
        text = re.sub(pattern, shown, text)
    secrets = sorted({form for secret in _secrets() for form in _forms(secret)}, key=len, reverse=True)
    for secret in secrets:
        text = re.sub(_anywhere(secret), HIDDEN, text)
    return text


def guard() -> None:
    """Let nothing secret through to standard error: no message, no warning, no traceback."""
    if not isinstance(sys.stderr, _Guarded):
        sys.stderr = _Guarded(sys.stderr)


def relay(command: Sequence[str], env: Mapping[str, str], say: Callable[[str], object]) -> int:
    """Run a command, pass on line by line what it says without its secrets, and return its exit code."""
    return serve(command, {"PYTHONUNBUFFERED": "1", **env}, lambda line: say(without_password(line)))


class _Guarded:
    """A stream that hides secrets."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(without_password(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if _VARIABLE.search(name):
            yield value
    for address in (*os.environ.values(), *_told):
        yield from _of_address(address)


def _of_address(address: str) -> Iterator[str]:
    """Yield the password of an address, or a user that stands for a token, and its query's secrets."""
    for userinfo in re.findall(r"://([^\s/]*|[^\s/:@]*:(?!\d+/)\S*)@", address):
        user, _, password = userinfo.partition(":")
        yield password or user
        yield base64.b64encode(unquote(userinfo).encode()).decode()  # as a header holds it
    yield from re.findall(rf"(?i)://.*[?&][\w.-]*(?:{_NAMED})[\w.-]*=([^&\s]+)", address)


def _forms(secret: str) -> Iterator[str]:
    """Yield how a secret may be written, and its parts where a parser may cut it."""
    plain = unquote(secret)
    forms = {secret, plain, quote(plain), quote(plain, safe=""), *re.split(r"[/?#@\s]+", plain)}
    return (form for form in forms if len(form) >= _SHORTEST)


def _anywhere(secret: str) -> str:
    exact = re.escape(secret)
    return exact if len(secret) >= _WITHIN_WORDS else rf"(?<!\w){exact}(?!\w)"
