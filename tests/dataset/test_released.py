"""The release that a training starts from: found, whole, of the same backbone, and the one that was asked."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.commands.checks import settings as checks
from pipeline.dataset import names, released
from pipeline.files import outputs
from tests import releases


@pytest.fixture
def config(params, tmp_path, monkeypatch):
    monkeypatch.setattr(released, "SHIPPED", ())
    paths = params.paths.model_copy(update={"models": tmp_path / "models", "reports": tmp_path / "reports"})
    train = params.train.model_copy(update={"weights": "released"})
    return params.model_copy(update={"paths": paths, "train": train})


def release(config, name="one", **made):
    return releases.make(config.paths.models / "released" / name, **made)


@pytest.mark.reliability(
    "`train.weights: released` where there is no release", "refused before the first stage"
)
def test_without_a_release_no_stage_begins(config):
    with pytest.raises(released.ReleaseError, match=r"none in .*released, and none in the package"):
        checks.require(config)
    assert checks.weights(config).status == "problem"


@pytest.mark.reliability("`train.weights: released` with another backbone", "refused before the first stage")
def test_a_release_of_another_backbone_is_refused_with_both(config):
    release(config, backbone="efficientnet-lite2")
    with pytest.raises(
        released.ReleaseError, match=r"efficientnet-lite2, .* one\. Received: 'efficientnet-lite0'"
    ):
        checks.require(config)
    release(config, backbone="efficientnet-lite0")
    checks.require(config)
    assert checks.weights(config).status == "ok"


def test_that_of_the_package_serves_where_the_repository_has_none(config, tmp_path, monkeypatch):
    monkeypatch.setattr(released, "SHIPPED", (tmp_path / "package",))
    sha256 = releases.make(tmp_path / "package/two")
    assert released.started_from(config.paths.models, "released").sha256 == sha256
    own = release(config)
    assert released.started_from(config.paths.models, "released").sha256 == own
    assert released.started_from(config.paths.models, "package") is None


@pytest.mark.parametrize("text", ["", "[]", '{"params": {}}'])
def test_a_release_that_does_not_say_how_it_was_made_is_refused(config, text):
    release(config)
    (config.paths.models / "released/one" / names.RELEASE).write_text(text)
    with pytest.raises(released.ReleaseError, match=r"set train\.weights: package"):
        released.started_from(config.paths.models, "released")


def test_two_releases_are_one_too_many(config):
    release(config)
    release(config, "two")
    with pytest.raises(released.ReleaseError, match=r"must hold one released model\. Received: one, two"):
        released.find(config.paths.models)


@pytest.mark.reliability("the release changed after `validate`", "train refuses, doctor warns")
def test_a_release_that_validate_did_not_ask_is_refused(config):
    sha256 = release(config, backbone="efficientnet-lite0")
    figures = config.paths.report("validate") / names.METRICS
    outputs.write_json(figures, {released.LEARNT_BY_RELEASE: {"sha256": sha256}})
    outputs.write_bytes(config.paths.classifier, b"trained")
    assert released.validated(config).sha256 == sha256
    assert checks.weights(config).status == "ok"
    blank = np.zeros((1, 64, 64), np.uint8)
    release(config, sha256=["ab" * 32], thumbnails=blank, backbone="efficientnet-lite0")
    with pytest.raises(released.ReleaseError, match="dvc repro --force"):
        released.validated(config)
    assert (checks.weights(config).status, checks.weights(config).mend) == ("warning", "dvc repro --force")
