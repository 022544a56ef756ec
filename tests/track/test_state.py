"""The keys and the staleness of pipelines made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.track import state
from pipeline.track.state import NoPipelineError, Pipeline, Recipe, Stage


def stage(name, *, upstream=(), leaf="1", seed=7, recorded_seed=7):
    """A stage that reads the file `leaf` and what the stages upstream make."""
    dependencies = {"code.py": leaf} | {f"{maker}.csv": "2" for maker in upstream}
    recipe = Recipe(f"python {name}", dependencies, {"params.yaml": {"run.seed": seed}})
    recorded = replace(recipe, params={"params.yaml": {"run.seed": recorded_seed}})
    return Stage(name, recipe, recorded, {f"{name}.csv": "2"}, frozenset({"code.py"}), frozenset(upstream))


def pipeline(*stages):
    return Pipeline(Path(), {stage.name: stage for stage in stages})


def names(stages):
    return [stage.name for stage in stages]


def test_a_key_does_not_depend_on_the_order_of_the_file():
    one = Recipe("c", {"a": "1", "b": "2"}, {"params.yaml": {"x": 1, "y": 2}})
    other = Recipe("c", {"b": "2", "a": "1"}, {"params.yaml": {"y": 2, "x": 1}})
    assert one.key == other.key


@pytest.mark.parametrize(
    "changed",
    [
        Recipe("d", {"a": "1"}, {"params.yaml": {"x": 1}}),
        Recipe("c", {"a": "2"}, {"params.yaml": {"x": 1}}),
        Recipe("c", {"b": "1"}, {"params.yaml": {"x": 1}}),
        Recipe("c", {"a": "1"}, {"params.yaml": {"x": 2}}),
        Recipe("c", {"a": "1"}, {"other.yaml": {"x": 1}}),
    ],
)
def test_a_key_depends_on_command_files_and_settings(changed):
    assert changed.key != Recipe("c", {"a": "1"}, {"params.yaml": {"x": 1}}).key


def test_the_state_depends_on_leaves_and_not_on_what_stages_make():
    train = stage("train", upstream=["validate"])
    remade = replace(train, now=replace(train.now, dependencies={"code.py": "1", "validate.csv": "other"}))
    assert pipeline(train).key == pipeline(remade).key
    assert pipeline(train).key != pipeline(stage("train", upstream=["validate"], leaf="other")).key


def test_folds_of_another_release_have_another_key():
    chain = pipeline(stage("train"))
    assert len({chain.folds_key(5), chain.folds_key(5, "a"), chain.folds_key(5, "b")}) == 3


def test_downstream_is_found_through_other_stages():
    chain = pipeline(
        stage("validate"),
        stage("train", upstream=["validate"]),
        stage("evaluate", upstream=["train"]),
        stage("other"),
    )
    assert chain.downstream("validate") == {"train", "evaluate"}
    assert chain.downstream("evaluate") == set()


def test_a_stage_after_a_changed_one_does_not_hold():
    chain = pipeline(
        stage("validate"),
        stage("train", upstream=["validate"], seed=8),
        stage("evaluate", upstream=["train"]),
        stage("other", upstream=["validate"]),
    )
    assert names(chain.current()) == ["validate", "other"]


def test_excluded_stages_take_those_after_them_along():
    chain = pipeline(stage("evaluate", upstream=["train"]), stage("train"), stage("other"))
    assert names(chain.current(excluding={"train"})) == ["other"]


def test_a_stage_that_never_ended_well_does_not_hold():
    assert pipeline(replace(stage("train"), recorded=None)).current() == []


def test_an_unknown_stage_is_refused():
    with pytest.raises(NoPipelineError, match="Received: 'tain'"):
        pipeline(stage("train"))["tain"]


def test_nested_values_become_dotted_names():
    assert dict(state.flatten({"a": {"b": {"c": 1}, "d": None}, "e": [2]})) == {
        "a.b.c": 1,
        "a.d": None,
        "e": [2],
    }


@pytest.mark.parametrize("other", [{"leaf": "2"}, {"seed": 8}, {"upstream": ("first",)}])
def test_a_checkpoint_is_found_by_the_same_recipe_only(other):
    first, train = stage("first"), stage("train")
    one, same, another = (
        pipeline(first, made).checkpoints("train")
        for made in (train, stage("train"), stage("train", **other))
    )
    assert one == same
    assert one != another
    assert one.parent == Path(".checkpoints")
