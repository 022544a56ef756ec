"""Who may ask, how often, how much; and what every answer bears."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import AsyncExitStack

import pytest

from pipeline.serve import guard
from pipeline.serve.bodies import Bodies
from pipeline.serve.problems import Problem
from pipeline.serve.rate import Rate

NOTHING = {"images": []}  # costs a request its way through the guard, and nothing more


def reason(answer):
    return answer.status_code, answer.json()["error"]["reason"]


@pytest.mark.reliability("a request without the token of `fracture serve`, or with another", "401")
def test_a_token_is_asked_for_where_one_is_set(serve, monkeypatch):
    monkeypatch.setenv("FRACTURE_TOKEN", "long and random")
    client = serve()
    for path in ("/model", "/metrics"):
        assert reason(client.get(path)) == (401, "no_token")
    wrong = client.post("/predict", json=NOTHING, headers={"Authorization": "Bearer long and randon"})
    assert reason(wrong) == (401, "no_token")
    assert client.get("/model", headers={"Authorization": "Bearer long and random"}).status_code == 200
    assert [client.get(path).status_code for path in ("/", "/page/index.html", "/health", "/ready")] == [
        200
    ] * 4


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("bearer long and random", 200),
        ("Bearer  long and random ", 200),
        ("long and random", 401),
        ("Basic long and random", 401),
        ("Bearer", 401),
        (b"Bearer \xff", 401),
    ],
)
def test_a_token_is_borne_by_its_scheme_in_any_case(serve, monkeypatch, header, status):
    monkeypatch.setenv("FRACTURE_TOKEN", "long and random")
    assert serve().get("/model", headers={"Authorization": header}).status_code == status


@pytest.mark.parametrize("text", ["pässword", "a\nb", "\udcff"])
def test_a_token_that_no_header_can_carry_is_refused(config, monkeypatch, text):
    monkeypatch.setenv("FRACTURE_TOKEN", text)
    with pytest.raises(ValueError, match="the token in FRACTURE_TOKEN must be of ASCII"):
        guard.token(config.serve)


def test_a_head_is_answered_as_get_without_the_body(client):
    for path in ("/", "/health", "/metrics", "/page/main.js"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert client.head("/predict").status_code == 405
    assert 'fracture_requests_total{code="200",route="/health"} 1.0' in client.get("/metrics").text


def test_no_request_is_sent_on_to_another_address(client):
    for path in ("/predict/", "/page", "/health/"):
        answer = client.get(path, follow_redirects=False)
        assert reason(answer) == (404, "not_found")
        assert "no / stands at its end" in answer.json()["error"]["detail"]


@pytest.mark.reliability("a name of another host, as in DNS rebinding; a page of another site", "400; 403")
def test_only_our_own_names_and_pages_are_answered(client, serve):
    for host in ("evil.example", "127.0.0.1.evil.example", ""):
        assert reason(client.get("/model", headers={"Host": host})) == (400, "wrong_host")
        probed = [client.get(path, headers={"Host": host}).status_code for path in ("/health", "/ready")]
        assert probed == [200, 200]
    for host in ("localhost:8000", "127.0.0.1", "127.0.0.2", "[::1]:8000", "LocalHost.:8000"):
        assert client.get("/model", headers={"Host": host}).status_code == 200
    assert serve(trusted_hosts=("x.example",)).get("/model", headers={"Host": "x.example"}).status_code == 200
    foreign = client.post("/predict", json=NOTHING, headers={"Sec-Fetch-Site": "cross-site"})
    assert reason(foreign) == (403, "wrong_origin")
    own = client.post("/predict", json=NOTHING, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 400


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.2", "http://127.0.0.2:80"), ("::1", "http://[::1]:80")]
)
def test_the_address_that_the_service_tells_is_answered(serve, host, address):
    assert guard.address(host, 80) == address
    client = serve(host=host)
    assert client.get("/model", headers={"Host": address.removeprefix("http://")}).status_code == 200
    assert reason(client.get("/model", headers={"Host": "evil.example"})) == (400, "wrong_host")


def test_a_compressed_body_is_refused_as_such(client):
    body = gzip.compress(json.dumps(NOTHING).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert reason(client.post("/predict", content=body, headers=headers)) == (415, "wrong_content_encoding")
    headers["Content-Encoding"] = "identity"
    answer = client.post("/predict", content=json.dumps(NOTHING).encode(), headers=headers)
    assert reason(answer) == (400, "bad_request")


@pytest.mark.reliability("a client that asks too often", "429 with `Retry-After`; others are answered")
def test_an_address_may_ask_so_often(serve):
    client = serve(rate_per_s=0.001, burst=2)
    answers = [client.post("/predict", json=NOTHING) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert int(answers[-1].headers["Retry-After"]) > 500
    assert client.get("/health").status_code == 200


def test_a_bucket_fills_again_and_each_address_has_its_own():
    now = [0.0]
    rate = Rate(2.0, 3, clock=lambda: now[0])
    assert [rate.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.wait_s("b") == 0
    now[0] = 0.5
    assert [rate.wait_s("a"), rate.wait_s("a")] == [0, 0.5]
    now[0] = 100.0
    assert [rate.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_only_so_many_addresses_are_remembered(monkeypatch):
    monkeypatch.setattr("pipeline.serve.rate._MOST", 2)
    rate = Rate(0.001, 1)
    assert [rate.wait_s(address) > 0 for address in ("a", "b", "c", "c", "a")] == [False] * 3 + [True, False]


@pytest.mark.reliability("a request of more bytes than `fracture serve` takes", "413 with the limit")
def test_a_body_holds_so_many_bytes(serve):
    client = serve(max_bytes=1000)
    large = client.post("/predict", content=b"x" * 1001, headers={"Content-Type": "image/png"})
    assert reason(large) == (413, "request_too_large")
    assert (
        client.post("/predict", content=b"x" * 1000, headers={"Content-Type": "image/png"}).status_code == 422
    )


async def arriving(*chunks, pause_s=0.0):
    """Receive a body in chunks; after the last nothing comes."""
    for place, chunk in enumerate(chunks, start=1):
        yield {"type": "http.request", "body": chunk, "more_body": place < len(chunks)}
    await asyncio.sleep(60)


async def status(bodies, *chunks):
    try:
        async with bodies.whole(arriving(*chunks).__anext__) as body:
            return body
    except Problem as problem:
        return problem.status


@pytest.mark.reliability("a request to `fracture serve` that trickles in", "408")
def test_a_body_that_does_not_arrive_is_not_waited_for():
    bodies = Bodies(10, 0.05)

    async def never():
        return await asyncio.sleep(60)

    async def tried():
        with pytest.raises(Problem) as caught:
            async with bodies.whole(never):
                pass
        return caught.value.status, await status(bodies, b"12345", b"67890")

    assert asyncio.run(tried()) == (408, b"1234567890")


@pytest.mark.reliability("bodies that fill the memory together", "503; room again when they are answered")
def test_bodies_that_lie_in_memory_are_counted_until_they_are_answered():
    async def tried():
        bodies = Bodies(10, 1.0)
        async with AsyncExitStack() as held:
            for size in (10, 10, 10, 9):
                await held.enter_async_context(bodies.whole(arriving(b"x" * size).__anext__))
            full = await status(bodies, b"1", b"2")
        return full, await status(bodies, b"x" * 11), await status(bodies, *[b"x" * 5] * 2)

    assert asyncio.run(tried()) == (503, 413, b"x" * 10)


@pytest.mark.reliability("more requests at once than `fracture serve` takes", "503; the others are answered")
def test_so_many_requests_are_under_way_at_once(client):
    inner = asyncio.Event()

    async def app(scope, receive, send):
        await inner.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    service = client.app.state.service
    settings = service.config.serve.model_copy(update={"max_concurrent": 2})
    guarded, codes = guard.Guard(app, settings, service.metrics), []

    async def ask():
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [(b"host", b"localhost")]}

        async def send(message):
            codes.append(message.get("status"))

        await guarded(scope, arriving(b"1").__anext__, send)

    async def three():
        asked = [asyncio.create_task(ask()) for _ in range(3)]
        await asyncio.sleep(0.05)
        inner.set()
        await asyncio.gather(*asked)
        await ask()

    asyncio.run(three())
    assert [code for code in codes if code] == [503, 200, 200, 200]


def test_every_answer_bears_the_headers_that_shield_a_page(client):
    for path in ("/", "/health", "/nowhere", "/page/index.html"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'self'; img-src 'self' data: blob:;"
        )
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert not {"Access-Control-Allow-Origin", "Server"} & set(headers)
    assert reason(client.get("/nowhere")) == (404, "not_found")
    assert reason(client.get("/predict")) == (405, "method_not_allowed")


@pytest.mark.reliability(
    "an error in `fracture serve` that nobody foresaw", "500; the log names its place alone"
)
def test_an_error_that_nobody_foresaw_is_told_without_what_it_says(serve, monkeypatch, caplog):
    client = serve()

    async def fails(*_):
        raise RuntimeError("Doe_Jane.png")

    monkeypatch.setattr(client.app.state.service.examiner, "examine", fails)
    answer = client.post("/predict", content=b"x", headers={"Content-Type": "image/png"})
    assert reason(answer) == (500, "internal")
    assert "RuntimeError in fails" in caplog.text
    assert "Doe" not in caplog.text + answer.text
