import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.validate import annotation_check, annotation_messages
from pipeline.validate.annotation_check import Target

PATH = "train/fractured/a.jpg"
COPY = "test/fractured/copy.jpg"
TARGETS = {PATH: Target(PATH, 40, 60, True), COPY: Target(PATH, 40, 60, True)}
BOX = [10, 10, 20, 20]
SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]


def checked(tmp_path, *annotations, targets=TARGETS, **image):
    image = {"id": 1, "file_name": PATH, "height": 40, "width": 60} | image
    drawn = [{"id": row, "image_id": 1} | annotation for row, annotation in enumerate(annotations)]
    (tmp_path / "coco.json").write_text(json.dumps({"images": [image], "annotations": drawn}))
    return annotation_check.check(tmp_path / "coco.json", targets)[:2]


def read(tmp_path, values, targets=TARGETS, **settings):
    (tmp_path / "coco.json").write_text(values if isinstance(values, str) else json.dumps(values))
    return annotation_check.check(tmp_path / "coco.json", targets, **settings)


def coco(*annotations, names=(PATH,), **more):
    images = [{"id": n, "file_name": name, "height": 40, "width": 60} for n, name in enumerate(names, 1)]
    drawn = [{"id": n, "image_id": 1, "bbox": BOX} | one for n, one in enumerate(annotations)]
    return {"images": images, "annotations": drawn} | more


def test_sound_annotations_pass(tmp_path):
    sound, issues = checked(tmp_path, {"segmentation": [SQUARE]}, {"bbox": [0, 0, 60, 40]})
    assert [region.bbox for region in sound.for_path(PATH)] == [(10, 10, 10, 10), (0, 0, 60, 40)]
    assert sound.sizes == {PATH: (40, 60)}
    assert issues == []


@pytest.mark.parametrize(
    "annotation",
    [
        {"segmentation": [[10, 10, 70, 10, 70, 20]]},
        {"segmentation": [[10, -9, 20, 10, 10, 20]]},
        {"bbox": [50, 30, 20, 5]},
        {"bbox": [5, 5, 0, 4]},
        {"bbox": [5, 5, 4]},
        {"bbox": [5, float("nan"), 4, 4]},
        {"segmentation": [[1, 2, 3, 4]]},
        {},
    ],
)
@pytest.mark.reliability(27)
def test_an_unsound_annotation_alone_is_left_out(tmp_path, annotation):
    sound, issues = checked(tmp_path, annotation, {"segmentation": [SQUARE]})
    assert len(sound.for_path(PATH)) == 1
    assert [(issue.issue, issue.severity) for issue in issues] == [("annotation_malformed", "quarantined")]


@pytest.mark.parametrize(
    ("image", "targets", "issue"),
    [
        ({"height": 60, "width": 40}, TARGETS, "annotation_size"),
        ({}, {PATH: Target(PATH, 40, 60, False)}, "annotation_on_not_fractured"),
    ],
)
@pytest.mark.reliability(27)
def test_annotations_of_no_fitting_radiograph_are_left_out(tmp_path, image, targets, issue):
    sound, issues = checked(tmp_path, {"segmentation": [SQUARE]}, targets=targets, **image)
    assert sound.regions == {}
    assert [found.issue for found in issues] == [issue]


def test_the_annotations_of_a_byte_copy_move_to_the_kept_file(tmp_path):
    sound, issues = checked(tmp_path, {"segmentation": [SQUARE]}, file_name=COPY)
    assert list(sound.regions) == [PATH]
    assert issues == []


def test_a_run_length_mask_counts_as_its_box(tmp_path):
    run_lengths = {"size": [40, 60], "counts": [5, 5]}
    sound, _ = checked(tmp_path, {"segmentation": run_lengths, "bbox": [1, 2, 3, 4]})
    assert sound.for_path(PATH)[0].bbox == (1, 2, 3, 4)


@pytest.mark.parametrize("known", [{}, {"height": 0}])
@pytest.mark.parametrize("size", [[60, 40], [20, 30]])
def test_a_mask_of_another_size_is_no_region(tmp_path, known, size):
    mask = {"segmentation": {"size": size, "counts": [5, 5, size[0] * size[1] - 10]}}
    fitting = {"segmentation": {"size": [40, 60], "counts": [45, 5, 2350]}}
    sound, issues = checked(tmp_path, mask, fitting, **known)
    assert [region.bbox for region in sound.for_path(PATH)] == [(1, 5, 1, 5)]
    assert issues[0].issue == "annotation_malformed"
    assert "40 x 60" in issues[0].detail


def test_some_annotations_without_a_file_or_an_image_are_issues(tmp_path):
    values = coco({}, {"image_id": 2}, {"image_id": 9}, {"image_id": [1]}, {}, {}, names=(PATH, "gone.jpg"))
    sound, issues, figures = read(tmp_path, values)
    assert len(sound.for_path(PATH)) == 3
    assert [issue.issue for issue in issues] == [*["annotation_without_image"] * 2, "annotation_unknown_file"]
    assert figures == {"annotations_given": 6, "annotations_used": 3}


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ("", "empty file"),
        ('{"images": [', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"images": {"a": 1}, "annotations": []}', "`images` must be a list"),
        ({"images": [], "annotations": "x"}, "`annotations` must be a list"),
        (coco({}, names=["gone.jpg"]), rf"`file_name`.*0 of 1 annotated images.*'gone\.jpg'.*'{COPY}'"),
        (coco({"image_id": "a"}), r"1 of 1.*image_id \"a\" names no image.*id '1'"),
        (coco({"bbox": [0, 0, 1, 1]}), "pixels or shares"),
        (
            coco({}, categories=[{"id": 1, "name": "metal"}, {"id": 1, "name": "fracture"}]),
            "id of its own.*1 for 'metal' and 'fracture'",
        ),
    ],
)
@pytest.mark.reliability(
    "annotations that are torn, or name no file", "an error with the file, and both sides"
)
def test_other_files_are_refused(tmp_path, values, rule):
    with pytest.raises(ValueError, match=rule) as refused:
        read(tmp_path, values)
    assert "coco.json" in str(refused.value)


@pytest.mark.parametrize(
    "annotation",
    [
        {"segmentation": SQUARE},
        {"segmentation": [[10, 10], [20, 10], [20, 20], [10, 20]]},
        {"segmentation": [[[10, 10], [20, 10], [20, 20], [10, 20]]]},
        {"segmentation": [SQUARE, []], "bbox": None},
        {"segmentation": [[]], "bbox": ["10", "10", "10", "10"]},
        {"segmentation": None, "bbox": [10.0, 10, 10, 10]},
        {"image_id": "1", "bbox": [10, 10, 10, 10]},
        {"image_id": "1.0", "bbox": [10, 10, 10, 10]},
        {"image_id": 1.0, "bbox": [10, 10, 10, 10]},
    ],
)
@pytest.mark.reliability("outlines and ids that are written in other ways", "read")
def test_other_writings_of_a_region_are_read(tmp_path, annotation):
    sound, issues, _ = read(tmp_path, coco(annotation))
    assert [region.bbox for region in sound.for_path(PATH)] == [(10, 10, 10, 10)]
    assert issues == []


@pytest.mark.parametrize(
    "annotation",
    [
        {"bbox": None},
        {"bbox": {"x": 1}},
        {"bbox": ["a", 1, 2, 3]},
        {"bbox": [10**400, 1, 2, 3]},
        {"bbox": [None, 1, 2, 3]},
        {"bbox": 7},
        {"segmentation": ["x"]},
        {"segmentation": [[1, 2, 3, 4, 5, None]]},
        {"segmentation": [7, [1, 2]]},
        {"bbox": [0.2, 0.2, 0.3, 0.3]},
    ],
)
@pytest.mark.reliability("nulls and words in an annotation", "left out, with an issue")
def test_a_malformed_annotation_alone_is_left_out(tmp_path, annotation):
    values = coco(annotation, {})
    values["annotations"] += [None, "x", 3]
    sound, issues, _ = read(tmp_path, values)
    assert len(sound.for_path(PATH)) == 1
    assert [issue.issue for issue in issues] == ["annotation_malformed"] * 4


@pytest.mark.reliability("an image id of two files", "its boxes are left out; none moves")
def test_a_box_never_moves_to_another_radiograph(tmp_path):
    targets = {f"{n}.jpg": Target(f"{n}.jpg", 40, 60, True) for n in (1, 2, 3)}
    values = coco({}, {"image_id": 3}, names=["1.jpg", "2.jpg", "3.jpg"])
    values["images"][1]["id"] = "1"
    sound, issues, _ = read(tmp_path, values, targets)
    assert list(sound.regions) == ["3.jpg"]
    assert [issue.detail for issue in issues] == ["image_id 1 is that of 1.jpg and 2.jpg"]


def test_all_annotations_are_accounted_for_on_the_terminal(tmp_path, caplog):
    caplog.set_level("INFO")
    values = coco(
        {}, {"image_id": 2}, {"bbox": None}, {"category_id": 1}, names=[PATH, COPY], **kinds("fracture", "x")
    )
    for one in values["annotations"][:3]:
        one["category_id"] = 0
    read(tmp_path, values)
    assert "1 of 4 used, on 1 of 1 fractured radiographs, names as given; left out: x 1" in caplog.text
    assert "annotation_malformed 1, drawn once more on a byte copy 1" in caplog.text


def test_images_that_name_one_file_are_one(tmp_path):
    sound, _, _ = read(tmp_path, coco({}, {"image_id": 2}, names=[PATH, PATH]))
    assert len(sound.for_path(PATH)) == 2


def test_a_radiograph_lends_its_size_to_annotations_without_one(tmp_path):
    values = coco({}, {"bbox": [50, 10, 20, 20]})
    values["images"][0] |= {"height": None, "width": "0"}
    sound, issues, _ = read(tmp_path, values)
    assert len(sound.for_path(PATH)) == 1
    assert [issue.issue for issue in issues] == ["annotation_malformed", "annotation_no_size"]


@pytest.mark.reliability("boxes and outlines in shares of the radiograph", "turned into pixels, with a note")
def test_shares_become_pixels(tmp_path):
    polygon = [0.5, 0.5, 1.0, 0.5, 1.0, 1.005]
    sound, issues, _ = read(tmp_path, coco({"bbox": [0, 0, 0.5, 1]}, {"segmentation": [polygon]}))
    first, second = sound.for_path(PATH)
    assert first.bbox == (0, 0, 30, 40)
    assert second.polygons[0][:, 0].tolist() == [30, 60, 60]
    assert [issue.issue for issue in issues] == ["annotation_normalised"]


def kinds(*names):
    return {"categories": [{"id": n, "name": name} for n, name in enumerate(names)]}


@pytest.mark.parametrize(
    ("categories", "used", "wanted", "n_used"),
    [
        (("fracture", "text"), (0, 1, 1), (), 1),
        (("Not Fractured", "Fractured", "metal"), (0, 1, 2), (), 1),
        (("lesion",), (0, 0), (), 2),
        (("fracture", "fracture"), (0, 1), (), 2),
        (("bone-fracture", "fracture"), (1, 1), (), 2),
        (("fracture", "text"), (1, 1), (), 0),
        (("a", "b", "c"), (0, 1, 2), ("A", 2), 2),
        (("fracture", "text"), ("0", 1.0), ("text",), 1),
        ((), (7, 7), (), 2),
        ((), (7, 8), (7,), 1),
    ],
)
@pytest.mark.reliability(
    "annotations of several categories", "fractures alone are used; the others are counted"
)
def test_fractures_are_told_by_their_category(tmp_path, categories, used, wanted, n_used):
    values = coco(*({"category_id": one} for one in used), **kinds(*categories))
    sound, issues, _ = read(tmp_path, values, fracture_categories=wanted)
    assert len(sound.for_path(PATH)) == n_used
    assert {issue.issue for issue in issues} == (
        {"annotation_other_category"} if n_used < len(used) else set()
    )


@pytest.mark.parametrize(
    ("categories", "used", "wanted"),
    [
        (("text", "metal"), (0, 1, 1), ()),
        (("metal",), (0, 0, 0), ()),
        (("forearm fracture", "wrist fracture"), (0, 1, 1), ()),
        (("not fractured",), (0, 0, 0), ()),
        (("fracture", "text"), (0, 0, 7), ("lesion",)),
        ((), (0, 1, 1), ()),
        (("fracture", "text"), (5, 5), ()),
    ],
)
@pytest.mark.reliability(
    "categories of which none, or several, may be a fracture", "an error asks for a setting"
)
def test_categories_that_leave_it_open_are_asked_for(tmp_path, categories, used, wanted):
    values = coco(*({"category_id": one} for one in used), **kinds(*categories))
    with pytest.raises(ValueError, match=r"data\.fracture_categories.*annotations\)"):
        read(tmp_path, values, fracture_categories=wanted)


@pytest.mark.reliability(
    "a category that does not say fracture", "used with a warning that names the setting"
)
def test_a_category_of_another_name_is_used_with_a_warning(tmp_path, caplog):
    read(tmp_path, coco({"category_id": 0}, **kinds("lesion")))
    assert "data.fracture_categories confirms" in caplog.text


@pytest.mark.reliability("images without `file_name`", "an error that counts them")
def test_images_without_a_name_are_refused(tmp_path):
    values = coco({})
    for image in values["images"]:
        image["file_name"] = None
    with pytest.raises(ValueError, match=r"must have a `file_name`. Received: \d+ of \d+ without"):
        read(tmp_path, values)


def test_odd_categories_are_passed_over(tmp_path):
    for odd in ([None, 3, {"id": [1]}, {"id": 1, "name": None}], None, {"1": {"name": "fracture"}}):
        assert read(tmp_path, coco({"category_id": 1}, categories=odd)).figures["annotations_used"] == 1


@pytest.mark.reliability("half of a surrogate pair in a file's name", "written out; no traceback")
def test_names_that_no_file_can_hold_are_written_out(tmp_path):
    _, issues, _ = read(tmp_path, coco({}, {"image_id": 2}, names=(PATH, "\ud800.jpg")))
    assert [issue.path for issue in issues] == ["\\ud800.jpg"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([1, "1", PATH]),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=8,
)
entries = st.lists(
    json_values
    | st.fixed_dictionaries(
        {}, optional=dict.fromkeys([*coco({})["images"][0], *coco({})["annotations"][0], "name"], json_values)
    ),
    max_size=4,
)


@pytest.mark.reliability("any JSON in a COCO file", "read or refused; no other error")
@given(images=entries, annotations=entries, categories=entries | json_values)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_ends_in_another_error(tmp_path, images, annotations, categories):
    values = {"images": images, "annotations": annotations, "categories": categories}
    with contextlib.suppress(ValueError):
        read(tmp_path, values | {"images": [*images, *coco()["images"]]})


@pytest.mark.parametrize("box", ["[1, 2, 3, 4]", {"x": 1, "y": 2}, [[1, 2], [3, 4]], ["40,5", 1, 2, 3]])
def test_what_is_malformed_is_told_with_what_was_received(tmp_path, box, caplog):
    read(tmp_path, coco({"bbox": box}, {"bbox": BOX}))
    told = caplog.text.split("the first annotation_malformed: ")[1]
    assert told.startswith(
        f"{PATH}: annotation 0: an annotation needs lists of numbers. Received: {{'bbox': "
    )


def test_a_category_that_stands_twice_is_one_in_any_letter_case(tmp_path):
    twice = [{"id": 1, "name": "fracture"}, {"id": 1, "name": "Fracture "}]
    assert read(tmp_path, coco({"category_id": 1}, categories=twice)).annotations.regions


@pytest.mark.parametrize(("side_px", "warns"), [(1, True), (30, False)])
def test_points_in_place_of_outlines_are_told(tmp_path, caplog, side_px, warns):
    targets = {PATH: Target(PATH, 300, 200, True)}
    checked(tmp_path, {"bbox": [20, 20, side_px, side_px]}, targets=targets, height=300, width=200)
    assert ("1 of 1 are shorter than 1 % of their radiograph's longer side" in caplog.text) is warns


def test_no_outline_of_fracatlas_is_taken_for_a_point(fracatlas, caplog):
    coco = json.loads((fracatlas / "annotations.coco.json").read_text())
    targets = {
        image["file_name"]: Target(image["file_name"], image["height"], image["width"], True)
        for image in coco["images"]
    }
    checked = annotation_check.check(fracatlas / "annotations.coco.json", targets)
    assert checked.figures["annotations_used"] == checked.figures["annotations_given"] > 0
    sizes = checked.annotations.sizes
    lengths = [
        max(region.bbox[2:]) / max(sizes[path])
        for path, own in checked.annotations.regions.items()
        for region in own
    ]
    assert min(lengths) > annotation_messages._POINT
    assert "like points" not in caplog.text
