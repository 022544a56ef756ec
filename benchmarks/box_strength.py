"""Compare ways to rank the boxes that the network draws, by their average precision on `val`.

    python benchmarks/box_strength.py

Reads what `benchmarks/shown_regions.py` reads, of a pipeline that has run with `train.box_loss_weight` above
0. A row is how far down from a peak the boxes of cells are averaged; a column is what ranks a box: the peak
of the map, the same times the agreement of the cells inside it (`Region.agreement`), or its square, or times
the probability of the whole radiograph. Each cell holds the average precision at an IoU of 0.5 and of 0.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import shown_regions

from pipeline import config as settings
from pipeline.config import Config
from pipeline.dataset import annotations
from pipeline.dataset.annotations import Annotations
from pipeline.network import device
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.region_maps import coco, cut_choice, references

MAX_OVERLAP = 0.3
STRENGTHS: dict[str, Callable[[Region, float], float]] = {
    "peak": lambda region, _: region.evidence,
    "times agreement": lambda region, _: region.evidence * region.agreement,
    "times its square": lambda region, _: region.evidence * region.agreement**2,
    "times the radiograph's probability": lambda region, answer: region.evidence * answer,
}


def main() -> None:
    """Print the table in Markdown."""
    config = settings.read()
    device.prepare(config.run)
    known = annotations.read(config.paths.annotations)
    val = shown_regions.mapped(config, "val")
    usable = val.where(references.is_usable(val, known))
    if not usable.boxes.size:
        raise SystemExit("the network draws no boxes: train with train.box_loss_weight above 0")
    rows = {share: row(config, usable, known, share) for share in cut_choice.BOX_SHARES}
    print(f"| down to | {' | '.join(STRENGTHS)} |\n|---|{'---|' * len(STRENGTHS)}")
    for share, cells in rows.items():
        print(f"| {share:g} of the peak's odds | {' | '.join(cells)} |")


def row(config: Config, usable: MapSet, known: Annotations, share: float) -> list[str]:
    """Average precision of the same boxes, ranked in each way."""
    way = RegionSettings(
        1.0, 0.0, config.region_maps.max_regions,
        candidate_threshold=cut_choice.CANDIDATE_THRESHOLD, peak_share=share,
        valley_share=config.region_maps.valley_share, max_overlap=MAX_OVERLAP, weigh_agreement=True,
    )  # fmt: skip
    found = shown_regions.cut(way, usable)
    ids = [known.image_id(path) for path in usable.rows["path"]]
    data = annotations.load_coco(config.paths.annotations)
    answers = usable.rows["y_score"].tolist()
    cells = []
    for strength in STRENGTHS.values():
        ranked = [
            [replace(region, score=strength(region, answer)) for region in own]
            for own, answer in zip(found, answers, strict=True)
        ]
        scores = pd.Series(coco.average_precision(data, coco.results(ranked, ids), ids)).round(3)
        cells.append(f"{scores['coco_ap_50']:.3f}, {scores['coco_ap_30']:.3f}")
    return cells


if __name__ == "__main__":
    main()
