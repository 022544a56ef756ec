"""What stands between the network and a served model."""

from __future__ import annotations

import asyncio
import base64
import warnings
from types import SimpleNamespace

import pandas as pd
import pytest

with warnings.catch_warnings(action="ignore"):  # MLflow's, of its own type hints
    from mlflow.exceptions import MlflowException

    from pipeline.track.guard import limited, received

SCOPE = {"type": "http", "method": "POST"}


def post(app, *chunks):
    """Send a body in chunks, and return the status and the text of the answer."""
    messages = [
        {"type": "http.request", "body": chunk, "more_body": place < len(chunks)}
        for place, chunk in enumerate(chunks, start=1)
    ]
    sent = []

    async def receive():
        return messages.pop(0) if messages else await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    asyncio.run(app(SCOPE, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


async def echo(scope, receive, send):
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


@pytest.mark.reliability("a request of more bytes than allowed", "413 with the limit; nothing is kept")
def test_a_body_beyond_the_limit_is_refused_and_another_arrives_whole(monkeypatch):
    monkeypatch.setattr(limited, "MOST_BYTES", 10)
    app = limited.limited(echo)
    status, text = post(app, b"12345", b"678901", b"2")
    assert (status, "10 bytes" in text) == (413, True)
    assert post(app, b"12345", b"67890") == (200, "1234567890")


@pytest.mark.reliability("a request that trickles in", "408 after a minute")
def test_a_body_that_does_not_arrive_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(limited, "BODY_S", 0.05)
    chunks = [{"type": "http.request", "body": b"1", "more_body": True}]
    sent = []

    async def receive():
        return chunks.pop() if chunks else await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    asyncio.run(limited.limited(echo)(SCOPE, receive, send))
    assert sent[0]["status"] == 408


def model(predict, outputs):
    schema = SimpleNamespace(input_names=lambda: outputs)
    metadata = SimpleNamespace(signature=SimpleNamespace(outputs=schema))
    return limited.LimitedModel(SimpleNamespace(predict=predict, metadata=metadata))


@pytest.mark.reliability("a request of more rows than allowed", "400 with the limit")
def test_a_request_holds_so_many_rows(monkeypatch):
    monkeypatch.setattr(limited, "MOST_ROWS", 2)
    asked = model(lambda data, params: data, ["reason"])
    with pytest.raises(MlflowException, match="may hold 2 rows") as caught:
        asked.predict(pd.DataFrame({"image": ["a"] * 3}))
    assert caught.value.get_http_status_code() == 400
    assert len(asked.predict(pd.DataFrame({"image": ["a"] * 2}))) == 2


@pytest.mark.reliability("a version of older code, sent a path and a bad row", "bytes alone; rows one by one")
def test_an_older_version_gets_bytes_alone_and_fails_row_by_row(tmp_path):
    (tmp_path / "a.png").write_bytes(b"secret")

    def predict(data, params):
        (image,) = data["image"]
        if image == b"bad":
            raise ValueError("cannot be decoded")
        return pd.DataFrame({"probability": [0.5], "decision": ["fracture"]})

    sent = [base64.b64encode(b"good").decode(), base64.b64encode(b"bad").decode(), str(tmp_path / "a.png")]
    found = model(predict, ["probability"]).predict(pd.DataFrame({"image": sent}))
    assert found["probability"].tolist() == [0.5, None, None]
    assert found["reason"].tolist() == ["", "broken", "not_base64"]


@pytest.mark.parametrize("sent", [None, 5, float("nan"), "data:image/png,abc", "\0", "a" * 5])
def test_what_is_no_file_is_told_apart(sent, tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(received.NotReceivedError, match="a file in base64 is needed"):
            received.data(sent, folder)


TEXT = base64.b64encode(b"file").decode()


@pytest.mark.reliability("base64 with quotes, blanks or a byte order mark around it", "read")
@pytest.mark.parametrize(
    "around", ['"{}"', " {}\r\n", "\ufeff{}", " data:image/png; base64,{}", "DATA:;BASE64,{}"]
)
def test_what_clients_leave_around_base64_counts_for_nothing(around):
    assert received.data(around.format(TEXT), None) == b"file"
