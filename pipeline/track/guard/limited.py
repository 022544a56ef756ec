"""MLflow's scoring server behind limits, for models of any age: what `launch` lets uvicorn serve.

Imports nothing of ours, so that the model's own copy of the package is the one that it runs with. A request's
body, rows, and the number of requests that wait are limited. Versions that were registered by older code
read any path and fail whole on one bad row; they get bytes alone, one row at a time.
"""

from __future__ import annotations

import asyncio
import os
import runpy
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PyFuncModel, scoring_server

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BYTES = int(os.environ.get("FRACTURE_MOST_BYTES", 64 * 2**20))
MOST_ROWS = int(os.environ.get("FRACTURE_MOST_ROWS", 256))
MOST_WAITING = 8
MOST_PIXELS = 1_000_000_000  # of all radiographs of a request, unless the environment says otherwise
BODY_S = 60.0  # for all of a body to arrive

_MODEL_VARIABLE = scoring_server._SERVER_MODEL_PATH
_received = runpy.run_path(str(Path(__file__).with_name("received.py")))
_TEXTS = ("body_part", "region_map")


class LimitedModel:
    """A loaded model as the scoring server sees it: so many rows a request, one request at a time."""

    def __init__(self, model: PyFuncModel) -> None:
        self._model, self._lock = model, Lock()
        self.metadata = model.metadata
        outputs = model.metadata.signature.outputs if model.metadata.signature else None
        self._refuses_rows = outputs is not None and "reason" in outputs.input_names()

    def predict(self, data: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Predict, as the model does.

        Raises
        ------
        MlflowException
            There are too many rows.
        """
        if len(data) > MOST_ROWS:
            raise MlflowException(
                f"a request may hold {MOST_ROWS} rows. Received: {len(data)}. Send several requests; "
                "who runs the server may set FRACTURE_MOST_ROWS.",
                error_code=BAD_REQUEST,
            )
        with self._lock:
            if self._refuses_rows:
                return self._model.predict(data, params=params)
            return pd.DataFrame([self._one(image, params) for image in data["image"]], dtype=object)

    def _one(self, image: object, params: dict[str, Any] | None) -> dict[str, Any]:
        """Ask an older version about one row."""
        try:
            sent = _received["data"](image, None)
            found: Any = self._model.predict(pd.DataFrame({"image": [sent]}), params=params)
        except _received["NotReceivedError"] as error:
            return _refused("not_base64", str(error))
        except Exception as error:  # whatever an older decoder raises
            return _refused(getattr(error, "reason", "broken"), str(error))
        return {**found.iloc[0].to_dict(), "reason": "", "detail": ""}


def limited(app: App) -> App:
    """Put limits before an app: a body too large gets 413, one too slow 408, too many requests 503."""
    waiting = 0

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal waiting
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        if waiting >= MOST_WAITING:
            await _answer(send, 503, f"{MOST_WAITING} requests are waiting already. Send it again later.")
            return
        waiting += 1
        try:
            await _with_body(app, scope, receive, send)
        finally:
            waiting -= 1

    return guarded


async def _with_body(app: App, scope: Message, receive: Receive, send: Send) -> None:
    try:
        async with asyncio.timeout(BODY_S):
            body = await _body(receive)
    except TimeoutError:
        await _answer(send, 408, f"a request must arrive within {BODY_S:g} s.")
        return
    if body is None:
        await _answer(
            send,
            413,
            f"a request may hold {MOST_BYTES} bytes. Send fewer radiographs at once; who runs the server may "
            "set FRACTURE_MOST_BYTES.",
        )
        return
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    del body

    async def replay() -> Message:
        return sent.pop() if sent else await receive()

    await app(scope, replay, send)


async def _body(receive: Receive) -> bytes | None:
    """Read a body; one too large is read to its end, or clients miss the answer, and not kept."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        chunks.append(chunk)
        if size > MOST_BYTES:
            chunks.clear()
        if not message.get("more_body", False):
            return None if size > MOST_BYTES else b"".join(chunks)


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _refused(reason: str, detail: str) -> dict[str, Any]:
    nothing = {"probability": None, "regions": "[]", **dict.fromkeys(_TEXTS, "")}
    return {**nothing, "decision": "refused", "reason": reason, "detail": detail}


def app() -> App:
    """Load the model, in each process of the server, and put limits before it."""
    os.environ.setdefault(_received["PIXELS_VARIABLE"], str(MOST_PIXELS))
    server: Any = scoring_server
    model = server.load_model_with_mlflow_config(os.environ[_MODEL_VARIABLE])
    return limited(server.init(LimitedModel(model)))
