"""Walk the retraining that CI would do, on this machine: from a data drop to a promoted model, twice.

    make rehearse-ci        or        python -m ci.rehearse [FOLDER]

The jobs make the calls that the workflow files make, in fresh clones, with a folder as DVC's remote, MLflow's
server on SQLite and a stub forge, all of them on this machine. Radiographs are few, and small; the gate keeps
its bars but for two, which so few radiographs cannot reach. The second drop meets a champion: it is compared
and promoted instead of it. At the end a run that a schedule would start finds nothing to do.

FOLDER keeps everything, what each call said too; without it a temporary folder is used and deleted.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ci.servers import StubForge, mlflow_server, serving
from ci.site import DATA, RehearsalError, Site

log = logging.getLogger("ci")

# As little work as still trains a network that beats the shortcut baselines: no setting excuses it from them.
SETTINGS: dict[str, dict[str, Any]] = {
    "data": {"root": DATA, "annotations": f"{DATA}/annotations.coco.json", "labels": f"{DATA}/labels.csv"},
    "phantoms": {"train": 8, "val": 8, "test": 8, "min_side_px": 160, "max_side_px": 224},
    "preprocess": {"height_px": 128, "width_px": 128},
    "train": {"head_epochs": 3, "max_epochs": 10, "pyramid_channels": 32, "box_loss_weight": 0.0},
    "evaluate": {"bootstrap_samples": 100, "robustness_radiographs": 0},
    "region_maps": {
        "faithfulness_radiographs": 2,
        "faithfulness_steps": 2,
        "methods_radiographs": 2,
        "gallery": 8,
    },
    "promote": {"max_ece": 0.25, "non_inferiority_margin": 0.2},
}
# `val` is large for its task: the threshold for a sensitivity of 0.95 lies among its weakest two fractures.
COUNTS = ({"train": 120, "val": 80, "test": 72}, {"train": 160, "val": 104, "test": 96})


def main() -> None:
    """Rehearse in the folder that was named, or in a temporary one."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("pipeline").setLevel(logging.WARNING)
    with TemporaryDirectory(prefix="rehearsal-") as spare:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else f"{spare}/all").resolve()
        folder.mkdir(parents=True)
        try:
            rehearse(folder)
        except RehearsalError as error:
            log.error("%s", error)
            sys.exit(1)


def rehearse(folder: Path) -> None:
    """Walk the whole way in an empty folder.

    Raises
    ------
    RehearsalError
        A step of a job failed, or it did not come to what CI is for.
    """
    started, forge = time.monotonic(), StubForge()
    with mlflow_server(folder) as store, serving(forge) as address:
        env = {
            "GITHUB_REPOSITORY": "hospital/fractures", "GITHUB_API_URL": address, "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://forge.invalid", "GITHUB_ACTOR": "ada", "MLFLOW_TRACKING_URI": store,
        }  # fmt: skip
        play(Site(folder, env), forge)
    log.info("%.0f s: two data drops, two models promoted, nothing left to do", time.monotonic() - started)


def play(site: Site, forge: StubForge) -> None:
    """Drop, retrain, promote and merge, twice; then check that nothing would run again."""
    site.create(SETTINGS)
    for number, counts in enumerate(COUNTS, start=1):
        site.drop(counts)
        outputs = site.walk("retrain")
        expect(outputs["promote"] == "true", f"model {number} must pass the gate. Received: {outputs}")
        site.walk("promote", outputs["ref"], VERSION=outputs["version"])
        check_proposal(forge, number)
        site.merge(forge.requests[-1]["head"])
        check_champion(forge, number, site.clone / "ledger.jsonl")
        site.walk("check")
    outputs = site.walk("retrain")
    expect(outputs["promote"] == "false", f"the champion must not be promoted again. Received: {outputs}")
    expect(len(forge.requests) == 2, f"nothing must be proposed. Received: {forge.requests[-1]}")


def check_proposal(forge: StubForge, number: int) -> None:
    """Expect one pull request more, with a report, region maps and the promotion in its comments."""
    expect(len(forge.requests) == number, f"{number} pull requests. Received: {forge.requests}")
    report, promoted = (text for request, text in forge.comments if request == str(number))
    expected = ["passes the gate", "## Region maps", "/raw/", *(["# Comparison"] if number > 1 else [])]
    missing = [words for words in expected if words not in report]
    expect(not missing, f"the comment must hold {missing}. Received: {report}")
    expect(forge.approver in promoted, f"who approved must be told. Received: {promoted}")


def check_champion(forge: StubForge, number: int, ledger: Path) -> None:
    """Expect the version as champion in the ledger that was merged."""
    last = json.loads(ledger.read_text(encoding="utf-8").splitlines()[-1])
    expect(last["champion"]["version"] == f"{number}", f"{number} must be champion. Received: {last}")
    expect(last["actor"] == forge.approver, f"who approved must stand in the ledger. Received: {last}")


def expect(holds: bool, rule: str) -> None:
    """Raise where something does not hold."""
    if not holds:
        raise RehearsalError(rule)


if __name__ == "__main__":
    main()
