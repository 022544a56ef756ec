"""Requests that a fuzzer makes of the service's own description."""

from __future__ import annotations

import json
import re
import warnings

import pytest
from hypothesis import HealthCheck, given, settings

from tests.imports import REPOSITORY

with warnings.catch_warnings(action="ignore"):
    import schemathesis
    from schemathesis.checks import not_a_server_error


OPERATIONS = [
    *((path, "POST") for path in ("/predict", "/studies", "/feedback")),
    *((path, "GET") for path in ("/health", "/ready", "/metrics", "/model", "/feedback")),
    *((path, "GET") for path in ("/examples", "/examples/{name}")),
]  # fmt: skip


@pytest.mark.reliability(
    "requests that schemathesis makes of the OpenAPI document", "no status of 500 and more"
)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_that_the_description_allows_ends_in_an_error_of_ours(serve, path, method):
    app = serve(trusted_hosts=("testserver",), rate_per_s=1e6, burst=10**6).app
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method]

    @given(case=operation.as_strategy())
    @settings(max_examples=20 if method == "POST" else 3, suppress_health_check=list(HealthCheck))
    def tried(case):
        case.call_and_validate(checks=[not_a_server_error])

    tried()


def test_the_description_names_what_a_client_must_know(client):
    told = client.get("/openapi.json").json()
    asked = {"/health", "/ready", "/metrics", "/model", "/predict", "/studies"}
    assert set(told["paths"]) == asked | {"/feedback", "/examples", "/examples/{name}"}
    predict = told["paths"]["/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == {
        "multipart/form-data",
        "application/json",
        "application/dicom",
    }
    assert {"200", "400", "401", "403", "408", "413", "415", "422", "429", "503"} == set(predict["responses"])


def test_every_reference_leads_to_a_description(client):
    text = client.get("/openapi.json").text
    told = json.loads(text)
    references = set(re.findall(r'"\$ref":"([^"]*)"', text))
    assert references
    for reference in references:
        place = told
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
    body = told["paths"]["/feedback"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    box = body["properties"]["reading"]["properties"]["boxes"]["items"]
    assert set(box["properties"]) == {"bbox", "origin"}


def test_the_page_of_http_lists_every_route_and_metric(client):
    page = (REPOSITORY / "docs/reference/http.md").read_text(encoding="utf-8")
    routes = {route.partition("`")[0] for route in page.split("`") if route.startswith(("GET /", "POST /"))}
    described = client.get("/openapi.json").json()["paths"].items()
    served = {f"{method.upper()} {path}" for path, methods in described for method in methods}
    assert served | {"GET /", "GET /page/...", "GET /openapi.json"} == routes
    metrics = re.findall(r"^# TYPE (fracture_\w+)", client.get("/metrics").text, re.MULTILINE)
    created = {name for name in metrics if name.endswith("_created")}
    assert set(re.findall(r"^\| `(fracture_\w+)`", page, re.MULTILINE)) == set(metrics) - created
