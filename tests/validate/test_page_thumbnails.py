import numpy as np
import pandas as pd
import pytest

from pipeline.files import images
from pipeline.validate import page_thumbnails
from tests.report.copies.galleries import files, links


def test_each_split_and_class_has_its_turn_and_byte_copies_come_last():
    paths = ["train/1.jpg", "train/22.jpg", "train/33.jpg", "val/44.jpg", "val/55.jpg", "test/66.jpg"]
    rows = [{"path": path} for path in paths]
    rows[3]["status"] = "redundant"
    rows[2]["fractured"] = False
    order = [path[-6:-4] for path in page_thumbnails.spread(files(*rows))]
    assert order == ["/1", "33", "22", "55", "66", "44"]


@pytest.mark.parametrize(("n_pictures", "cut"), [(1, 1), (8, 8), (9, 7), (97, 7)])
def test_a_row_leaves_a_place_for_the_number_of_the_others(n_pictures, cut):
    assert len(page_thumbnails.first([""] * n_pictures)) == cut


def test_the_page_shows_what_could_be_decoded_of_what_is_left_out_and_groups_and_pairs():
    out = {"status": "quarantined", "split": "", "group": ""}
    members = [{"path": f"train/{number}.jpg", "sha256": "x"} for number in range(9)]
    pair = [{"path": "val/1.jpg", "group": "h"}, {"path": "val/2.jpg", "group": "h"}]
    alone = {"path": "val/alone.jpg", "group": "i"}
    listed = files({"path": "cut.jpg", **out}, {"path": "page.jpg", **out}, *members, *pair, alone)
    listed = listed.assign(format=["", *["JPEG"] * 13], reason=["truncated", "drawing", *[""] * 12])
    found = page_thumbnails.paths(listed, links(("val/1.jpg", "val/2.jpg", 0.9)))
    assert found == {"page.jpg", *(f"train/{number}.jpg" for number in range(7)), "val/1.jpg", "val/2.jpg"}


def test_a_sound_folder_without_groups_shows_nothing():
    assert page_thumbnails.paths(files({"path": "a.jpg"}).assign(format="JPEG", reason=""), links()) == set()


def test_thumbnails_are_drawn_without_loss_and_what_cannot_be_decoded_is_passed_over(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (400, 300)).astype(np.uint8)
    images.write(tmp_path / "b,1.png", pixels)
    (tmp_path / "a.png").write_bytes(b"no picture")
    page_thumbnails.draw({"b,1.png", "a.png", "not there.png"}, tmp_path, 200_000, tmp_path / "drawn")
    (row,) = pd.read_csv(tmp_path / "drawn" / page_thumbnails.INDEX).itertuples(index=False)
    assert row.path == "b,1.png"
    assert np.array_equal(
        images.read(tmp_path / "drawn" / row.file).pixels, page_thumbnails.fitted(pixels, 320)
    )


@pytest.mark.parametrize(
    ("shape", "fitted"), [((640, 480), (320, 240)), ((40, 80), (160, 320)), ((3000, 2), (320, 1))]
)
def test_the_longer_side_is_as_wanted(shape, fitted):
    assert page_thumbnails.fitted(np.zeros(shape, np.uint8), 320).shape == fitted
