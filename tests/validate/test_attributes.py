import numpy as np
import pandas as pd
import pytest

from pipeline.dataset import labels
from pipeline.files.faults import Issue
from pipeline.files.limits import Limits
from pipeline.validate import attributes, listing, scan, shortcuts
from pipeline.validate.scan import Fact

FILM = np.random.default_rng(0).integers(40, 160, (200, 160)).astype(np.uint8)


def gather(pixels=FILM, issues=(), **columns):
    """Attributes of one file with these pixels."""
    path = "train/fractured/a.jpg"
    fact = Fact(
        path,
        "train",
        True,
        issues=tuple(Issue(path, name, "note", "") for name in issues),
        thumbnail=pixels[:64, :64],
        border=shortcuts.border_features(pixels),
        markers=shortcuts.marker_features(pixels),
    )
    size = {"height_px": pixels.shape[0], "width_px": pixels.shape[1], "n_bytes": pixels.size // 8}
    kept = pd.DataFrame([{"path": path, "format": "JPEG", "mode": "L", "group": "g", **size, **columns}])
    return attributes.gather(kept, [fact]).iloc[0]


def test_a_plain_radiograph():
    expected = {
        "format": "JPEG",
        "mode": "L",
        "size": "200 x 160",
        "longer_side_px": "128 to 256",
        "bytes_a_pixel": "0.1 to 0.2",
        "aspect": "portrait",
        "black_sides": "0",
        "white_sides": "0",
        "black_corners": "0",
        "marker": "no",
        "text": "no",
    }
    assert gather().to_dict() == expected


@pytest.mark.parametrize(
    ("shape", "aspect"), [((224, 224), "square"), ((100, 104), "square"), ((90, 100), "landscape")]
)
def test_aspects(shape, aspect):
    assert gather(np.full(shape, 90, np.uint8))["aspect"] == aspect


@pytest.mark.parametrize(
    ("side_px", "name"), [(128, "to 128"), (129, "128 to 256"), (2048, "1024 to 2048"), (2049, "above 2048")]
)
def test_a_limit_belongs_to_the_range_below_it(side_px, name):
    assert gather(np.full((64, side_px), 90, np.uint8))["longer_side_px"] == name


def test_frames_and_corners_are_distinguished():
    framed = FILM.copy()
    framed[:, :20] = 0
    framed[:20] = 255
    assert gather(framed)[["black_sides", "white_sides"]].tolist() == ["1", "1"]
    turned = np.full((64, 64), 90, np.uint8)
    for rows in (slice(4), slice(-4, None)):
        for columns in (slice(4), slice(-4, None)):
            turned[rows, columns] = 0
    assert gather(turned)[["black_sides", "black_corners"]].tolist() == ["0", "4"]


def test_a_lead_plate_is_a_marker():
    marked = np.full((200, 160), 30, np.uint8)
    marked[20:30, 120:130] = 255
    assert gather(marked)[["marker", "text"]].tolist() == ["yes", "no"]


def test_every_issue_is_an_attribute():
    assert gather(issues=["grey_band"])["grey_band"] == "yes"


def test_columns_of_the_labels_are_attributes_and_the_manifests_own_are_not():
    found = gather(hardware="1", body_part="", fold="0", sha256="00")
    assert (found["labels.hardware"], found["labels.body_part"]) == ("1", "(unknown)")
    assert [name for name in found.index if name.endswith(("fold", "sha256", "group", "path"))] == []


def test_hardware_and_filled_bands_of_fracatlas_are_found(fracatlas):
    """All 56 radiographs with hardware are fractured, and so are the five with a filled band."""
    found, _ = listing.find(fracatlas, Limits(10**8, 32, 1.0))
    paths = [item.path.relative_to(fracatlas).as_posix() for item in found]
    user = labels.read(fracatlas / "labels.csv", paths).table
    bands = {f"IMG000{number}" for number in (4067, 4071, 4072, 4113, 4187)}
    chosen = {*paths[::10], *user.index[user["hardware"] == "1"]}
    chosen |= {path for path in paths if path[-14:-4] in bands}
    facts = [scan.inspect(item) for item, path in zip(found, paths, strict=True) if path in chosen]
    columns = ("path", "fractured", "format", "mode", "height_px", "width_px", "n_bytes", "sha256")
    kept = pd.DataFrame([{name: getattr(fact, name) for name in columns} for fact in facts])
    kept = kept.assign(group=kept["sha256"]).join(user[["hardware"]], on="path")
    found = attributes.label_associations(kept, facts).set_index(["attribute", "value"])
    assert found.loc[("grey_band", "yes"), ["files", "fractured_share"]].tolist() == [5, 1.0]
    assert found.loc[("labels.hardware", "1"), ["files", "fractured_share"]].tolist() == [56, 1.0]
    assert found.loc[("labels.hardware", "1"), "p_adjusted"] < 0.01
