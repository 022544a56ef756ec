"""What a server keeps of the radiographs that it saw."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.drift import served
from pipeline.files import images

PIXELS = np.random.default_rng(0).integers(0, 256, (120, 96), np.uint8)


def note(folder, pixels=PIXELS):
    data = images.encode_png(pixels)
    served.note(folder, images.decode(data, "patient Miller.png"), len(data))


def test_a_line_describes_a_radiograph_as_a_profile_does(tmp_path):
    note(tmp_path / "seen")
    profile = served.read(tmp_path / "seen")
    assert (profile.files, profile.groups, profile.described) == (1, 1, 1)
    assert (profile.sample["height_px"][0], profile.sample["format"][0]) == (120, "PNG")
    assert profile.sample["brightness"][0] == pytest.approx(PIXELS.mean(), abs=1)
    assert profile.sample["picture"].shape == (1, 64)


def test_a_line_names_nobody_and_shows_nothing(tmp_path):
    note(tmp_path)
    (day,) = tmp_path.iterdir()
    line = json.loads(day.read_text())
    assert "Miller" not in day.read_text()
    assert {name for name, value in line.items() if isinstance(value, str)} == {"format", "mode"}
    assert sum(len(value) if isinstance(value, list) else 1 for value in line.values()) < 80


def test_a_radiograph_sent_again_counts_once(tmp_path):
    for pixels in (PIXELS, PIXELS, 255 - PIXELS):
        note(tmp_path, pixels)
    profile = served.read(tmp_path)
    assert (profile.files, profile.groups) == (3, 2)


def test_one_day_is_read_alone(tmp_path):
    note(tmp_path)
    (day,) = tmp_path.iterdir()
    day.with_name("2020-01-01.jsonl").write_text(day.read_text())
    assert (served.read(day).files, served.read(tmp_path).files) == (1, 2)


def test_a_line_that_a_full_disk_tore_spoils_no_other(tmp_path, caplog):
    note(tmp_path)
    (day,) = tmp_path.iterdir()
    day.write_text(day.read_text() + day.read_text()[:30])
    assert served.read(tmp_path).files == 1
    assert "1 lines broke off" in caplog.text
    note(tmp_path, 255 - PIXELS)
    assert (served.read(tmp_path).files, served.read(tmp_path).groups) == (2, 2)


@pytest.mark.parametrize("text", ["", "[1]\n", "no json\n", '{"height_px": 1}\n{}\n'])
def test_what_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "2020-01-01.jsonl").write_text(text)
    with pytest.raises(ValueError, match="must hold what"):
        served.read(tmp_path)
