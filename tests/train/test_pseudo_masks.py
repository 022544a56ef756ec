from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from pipeline.config import Config, Train
from pipeline.files import images
from pipeline.preprocess import shards
from pipeline.train import pseudo_masks, self_training, training
from pipeline.train.training import Examples
from tests import records

CANVAS = (records.SIDE, records.SIDE)


def peaks(places: Sequence[tuple[int, int]], heights: Sequence[float]) -> np.ndarray:
    """A map of logits on a grid of two cells to one of the network, with peaks four cells wide."""
    rows, columns = np.mgrid[:16, :16]
    hills = [
        height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)
        for (row, column), height in zip(places, heights, strict=True)
    ]
    return (np.max(hills, axis=0) - 6).astype(np.float32)


def test_a_mask_lies_about_the_highest_peak() -> None:
    mask = pseudo_masks.outline(peaks([(4, 4), (12, 12)], [8, 2]), CANVAS)
    assert mask.shape == CANVAS
    assert set(np.unique(mask)) == {0, 255}
    assert mask[18, 18] == 255
    assert mask[50, 50] == 0
    assert 0 < (mask > 0).mean() < 0.1


def test_a_second_peak_of_a_tenth_of_the_odds_is_inside_too() -> None:
    mask = pseudo_masks.outline(peaks([(4, 4), (12, 12)], [8, 7]), CANVAS)
    assert mask[18, 18] == mask[50, 50] == 255


def test_one_bright_cell_is_noise() -> None:
    evidence = peaks([(4, 4)], [6])
    evidence[12, 12] = 1.5  # more than the peak's 0
    mask = pseudo_masks.outline(evidence, CANVAS)
    assert mask[18, 18] == 255
    assert mask[50, 50] == 0


@pytest.mark.parametrize(
    ("source", "chosen"), [("annotations", []), ("maps", ["drawn", "undrawn"]), ("both", ["undrawn"])]
)
def test_fractured_radiographs_get_a_mask(source: str, chosen: list[str]) -> None:
    rows = pd.DataFrame(
        {
            "path": ["drawn", "undrawn", "whole"],
            "fractured": [True, True, False],
            "fractures": [2, 0, 0],
        }
    )
    assert pseudo_masks.rows_to_mask(rows, source)["path"].tolist() == chosen


def test_a_mask_is_drawn_for_every_row(network: keras.Model, examples: Examples) -> None:
    rows = pseudo_masks.rows_to_mask(examples.train, "maps")
    masks = pseudo_masks.draw(network, examples.folder, rows)
    assert list(masks) == rows["path"].tolist()
    for png in masks.values():
        mask = images.decode(png, "mask.png").pixels
        assert mask.shape == CANVAS
        assert mask.any()


def test_masks_that_are_given_stand_in_for_those_of_the_records(examples: Examples) -> None:
    left = np.zeros(CANVAS, np.uint8)
    left[:, :8] = 255
    fractured = examples.train["path"][examples.train["fractured"]]
    given = {path: images.encode_png(left) for path in fractured[:3]}
    batches = shards.dataset(examples.folder, examples.train, 16, with_masks=True, masks=given)
    _, _, masks = next(batches.as_numpy_iterator())
    _, _, drawn = next(
        shards.dataset(examples.folder, examples.train, 16, with_masks=True).as_numpy_iterator()
    )
    for path, mask, own in zip(examples.train["path"], masks[..., 0], drawn[..., 0], strict=True):
        assert np.array_equal(mask, left / 255 if path in given else own)


@pytest.fixture(scope="module")
def two_networks(params: Config, settings: Train) -> Config:
    """Settings of two networks that train for an epoch each, the second by maps of the first."""
    one = settings.model_copy(update={"mask_source": "maps", "max_epochs": 1, "head_epochs": 0})
    canvas = params.preprocess.model_copy(update={"height_px": records.SIDE, "width_px": records.SIDE})
    return params.model_copy(update={"train": one, "preprocess": canvas})


def test_the_first_network_learns_from_labels_alone_and_its_maps_are_the_masks_of_the_second(
    two_networks: Config, examples: Examples, tmp_path: Path
) -> None:
    seen: list[dict[str, float]] = []
    saved = tmp_path / "teacher.npz"
    shown, figures = self_training.with_pseudo_masks(
        two_networks, examples, saved, lambda epoch, row: seen.append({"at": epoch, **row})
    )
    fractured = examples.train["path"][examples.train["fractured"]]
    assert set(shown.masks) == set(fractured)
    assert figures == {"pseudo_masks": len(fractured), "teacher_val_auroc": seen[0]["teacher_val_auroc"]}
    assert [row["at"] for row in seen] == [0]

    labels_alone = two_networks.train.model_copy(update={"mask_loss_weight": 0.0})
    _, history = self_training.fit(two_networks, examples, labels_alone, tmp_path / "alone.npz")
    assert {f"teacher_{name}": value for name, value in history[0].items()} == {
        name: value for name, value in seen[0].items() if name != "at"
    }
    second, _ = self_training.fit(two_networks, shown, two_networks.train, tmp_path / "second.npz")
    drawn, _ = self_training.fit(two_networks, examples, two_networks.train, tmp_path / "drawn.npz")
    assert not all(map(np.array_equal, second.get_weights(), drawn.get_weights()))


def test_a_first_training_that_has_ended_is_not_done_again(
    two_networks: Config, examples: Examples, tmp_path: Path
) -> None:
    saved = tmp_path / "teacher.npz"
    before, figures = self_training.with_pseudo_masks(two_networks, examples, saved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_run_epoch", lambda *_: pytest.fail("an epoch ran again"))
        after, again = self_training.with_pseudo_masks(two_networks, examples, saved)
    assert after.masks == before.masks
    assert again == figures


def test_where_all_is_drawn_there_is_one_training(
    two_networks: Config, examples: Examples, tmp_path: Path
) -> None:
    both = two_networks.model_copy(
        update={"train": two_networks.train.model_copy(update={"mask_source": "both"})}
    )
    shown, figures = self_training.with_pseudo_masks(both, examples, tmp_path / "teacher.npz")
    assert shown is examples
    assert figures == {}
    assert not (tmp_path / "teacher.npz").exists()


@pytest.mark.parametrize(
    ("changes", "has_head"),
    [
        ({"mask_source": "annotations"}, True),
        ({"mask_source": "annotations", "box_loss_weight": 0.0}, False),
        ({"mask_source": "annotations", "mask_loss_weight": 0.0}, False),
        ({"mask_source": "maps"}, False),
    ],
)
def test_only_a_network_that_learns_from_drawings_has_a_head_for_boxes(
    changes: dict[str, float | str], has_head: bool, two_networks: Config, examples: Examples, tmp_path: Path
) -> None:
    train = two_networks.train.model_copy(update={"box_loss_weight": 1.0} | changes)
    config = two_networks.model_copy(update={"train": train})
    given, _ = self_training.with_pseudo_masks(config, examples, tmp_path / "teacher.npz")
    model, _ = self_training.fit(config, given, train, tmp_path / "training.npz")
    assert ("box" in model.output) is has_head
