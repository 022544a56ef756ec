import numpy as np
import pytest

from pipeline.files import images, outputs
from pipeline.report import preprocessing

COUNTS = ("radiographs", "negatives", "cropped", "annotated", "train", "val", "test")
INDEX = "path,inverted,cropped,before,after\ntrain/a&b.png,True,0.55,0-before.jpg,0-after.jpg\n"


@pytest.fixture
def config(params, tmp_path):
    return params.model_copy(update={"paths": params.paths.model_copy(update={"reports": tmp_path})})


def test_the_page_shows_the_examples_as_they_were_drawn(config, tmp_path):
    folder = tmp_path / "preprocess"
    outputs.write_json(folder / "metrics.json", dict.fromkeys(COUNTS, 3) | {"cropped_share": 0.1})
    outputs.write_text(folder / "examples/index.csv", INDEX)
    for name, level in (("before", 0), ("after", 255)):
        images.write(folder / f"examples/0-{name}.jpg", np.full((8, 6), level, np.uint8))
    page = preprocessing.documents(config)["report.html"]
    assert page.count('src="data:image/jpeg') == 2
    assert "<b>train/a&amp;b.png</b> negative set right; 55% of the area cropped" in page
    assert f"<dt>height_px</dt><dd>{config.preprocess.height_px}</dd>" in page


def test_without_examples_there_is_no_page(config, tmp_path):
    outputs.write_json(tmp_path / "preprocess/metrics.json", {})
    with pytest.raises(FileNotFoundError, match=r"examples/index\.csv"):
        preprocessing.documents(config)
