from __future__ import annotations

from pipeline.dataset.annotations import Annotations
from pipeline.region_maps import references
from tests.region_maps.cells import CELLS, KNOWN, box, drawn


def test_an_annotation_on_a_sound_radiograph_does_not_count() -> None:
    known = Annotations({"r1": (box(CELLS[1]),), "r3": (box(CELLS[3]),)}, KNOWN.sizes)
    assert references.is_annotated(drawn(CELLS), known).tolist() == [False, True, False, False]


def test_the_peak_is_on_target_where_it_is_annotated() -> None:
    cells = [CELLS[0], (7, 7), (0, 0), (0, 0)]
    assert references.on_target(drawn(cells), KNOWN) == [True, False, None, None]
