"""An app with a small bundle of random weights, asked without a network between."""

from __future__ import annotations

import warnings

import pytest

from pipeline.predict import bundle
from pipeline.serve import app as apps
from tests.commands.conftest import config, draw, learnt, models, work

with warnings.catch_warnings(action="ignore"):  # Starlette's, of the httpx that it still takes
    from starlette.testclient import TestClient

__all__ = ["config", "draw", "learnt", "models", "work"]

HERE = "http://127.0.0.1"
TOLD = {"name": "current", "sha256": "0123456789ab", "learnt_from": "40 radiographs"}
QUIET = {"canary_s": 0, "follow_s": 0}


@pytest.fixture(scope="session")
def loaded(models):
    return bundle.load(models)


@pytest.fixture
def settle(config):
    """Settings with other values of the section `serve`; nothing runs on a schedule unless asked for."""

    def settled(**values):
        return config.model_copy(update={"serve": config.serve.model_copy(update=QUIET | values)})

    return settled


@pytest.fixture
def serve(settle, loaded):
    """Make a client of an app with other settings, or another model; all are closed at the end."""
    clients, begun = [], []

    def made(model=loaded, *, begin=False, **values):
        options = {name: values.pop(name) for name in ("later", "card", "seen") if name in values}
        client = TestClient(apps.create(settle(**values), model, TOLD, **options), base_url=HERE)
        clients.append(client)
        if begin:
            begun.append(client.__enter__())
        return client

    yield made
    for client in begun:
        client.__exit__()
    for client in clients:
        client.app.state.service.examiner.close()


@pytest.fixture
def client(serve):
    return serve()
