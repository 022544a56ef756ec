import numpy as np
import pytest

from pipeline.phantoms.bones import Bone, Fragment, Line
from pipeline.phantoms.shadows import bone_attenuation

BONE = Bone("shaft", (0, 0), (200, 0), shaft=10, ends=(10, 10), cortex=4.0)
NO_TRABECULAE = np.zeros((256, 256), np.float32)


def shadow(rows, columns, **broken):
    grid = np.meshgrid(np.float32(rows), np.float32(columns), indexing="ij")
    return bone_attenuation(BONE, *grid, NO_TRABECULAE, **broken)


def test_the_middle_of_a_shaft_is_two_walls_and_the_marrow_between():
    assert shadow([100], [0])[0, 0] == pytest.approx(0.070 * 8 + 0.026 * 0.35 * 12, rel=1e-4)


def test_the_cortex_is_brighter_than_the_canal_and_air_is_dark():
    canal, edge, outside = shadow([100], [0, 7, 11])[0]
    assert edge > 1.3 * canal
    assert outside == 0


def test_nothing_is_drawn_beyond_the_joints():
    assert shadow([-1, 201], [0]).max() == 0


def test_a_gap_between_fragments_is_empty():
    near = Fragment(site=100, joint=0, upper=Line(98))
    far = Fragment(site=100, joint=200, lower=Line(102))
    before, gap, after = shadow([90, 100, 110], [0], fragments=(near, far))[:, 0]
    assert gap == 0
    assert before == pytest.approx(after)


def test_overlapping_fragments_add_up():
    near = Fragment(site=100, joint=0, upper=Line(105))
    far = Fragment(site=100, joint=200, lower=Line(95))
    single, double = shadow([80, 100], [0], fragments=(near, far))[:, 0]
    assert double == pytest.approx(2 * single)


def test_points_map_to_the_scene_and_back():
    bone = Bone("slanted", (3, -7), (120, 60), shaft=8, ends=(12, 15), cortex=2, bow=3)
    along, across = np.array([0.0, 40.0, 99.0]), np.array([-5.0, 0.0, 11.0])
    points = bone.to_scene(along, across)
    np.testing.assert_allclose(bone.from_scene(points[:, 0], points[:, 1]), (along, across), atol=1e-9)


@pytest.mark.parametrize(
    "fragment",
    [
        Fragment(site=100, joint=0, across=6),
        Fragment(site=100, joint=200, across=-4),
        Fragment(site=100, across=3, along=-2, turn=0.4),
    ],
    ids=["near", "far", "loose"],
)
def test_a_fragment_moves_and_comes_to_rest_again(fragment):
    along, across = np.array([60.0, 100.0, 130.0]), np.array([-3.0, 0.0, 8.0])
    np.testing.assert_allclose(fragment.rest(*fragment.moved(along, across)), (along, across), atol=1e-9)


def test_a_fragment_stays_in_its_joint():
    _, across = Fragment(site=100, joint=200, across=5).moved(np.array([200.0, 100.0]), np.zeros(2))
    np.testing.assert_allclose(across, [0, 5])
