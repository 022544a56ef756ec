"""Where the released model lies: in ``models/released``, or in the installed package."""

from __future__ import annotations

from pathlib import Path

from pipeline.dataset.names import BUNDLE
from pipeline.predict.sealing import BundleError

FOLDER = "released"
_PACKAGE = Path(__file__).parents[1]
SHIPPED = (_PACKAGE / FOLDER, _PACKAGE.parent / "models" / FOLDER)  # of a wheel, of an editable install


def find(models: Path) -> Path | None:
    """Find the folder of the released model; None where there is none.

    Parameters
    ----------
    models
        ``paths.models``, whose own goes before that of the package.

    Raises
    ------
    BundleError
        There are several in one place.
    """
    for place in (models / FOLDER, *SHIPPED):
        found = sorted(path.parent for path in place.glob(f"[!.]*/{BUNDLE}"))  # no unfinished one
        if len(found) > 1:
            others = ", ".join(path.name for path in found)
            raise BundleError(
                f"{place} must hold one released model. Received: {others}. Remove all but one."
            )
        if found:
            return found[0]
    return None
