"""Input and output of the promotion gate; see :mod:`pipeline.registry.promotion`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.types import BoolArray, FloatArray, StrArray


@dataclass(frozen=True)
class Candidate:
    """The model before the gate; arrays hold one entry for each of N test radiographs.

    Attributes
    ----------
    version
        Its number in the registry.
    y_true, y_score, called
        Reference standard (bool), probability (0..1), and whether that reaches the high-sensitivity
        point (bool).
    threshold
        That of the high-sensitivity point, in 0..1.
    group
        Radiographs that are copies of one another or show one patient (str).
    subgroups
        Columns of ``data.labels`` by name (str; empty: unknown).
    guaranteed
        Sensitivity at that point that holds with 95 % confidence, where radiographs have thresholds of their
        own; None where one threshold gives it.
    auroc, ece
        As ``evaluate`` reports them of ``test``, or ``recalibrate`` of the place; NaN where undefined.
    best_null
        Name of the strongest shortcut baseline; None where none was scored.
    null_gap_low
        Low end of the AUROC's lead over that one, on the same radiographs of ``test``; NaN without interval.
    pointing_game
        On annotated radiographs of ``test``; None where nothing is annotated.
    stale
        Stages whose results are not those that ``dvc.lock`` records.
    crossing
        Test groups that lie in train or val too.
    non_finite
        Weights of the network that are NaN or infinite, by name.
    withdrawn
        Why the version was rolled back, unless a reason is given to admit it again; else empty.
    place
        Where it was fitted to; empty where it answers as it was trained, and the radiographs are ``test``.
    base
        The bundle whose network it has, with its own thresholds on ``test``; None where it is no place's.
    """

    version: str
    y_true: BoolArray
    y_score: FloatArray
    called: BoolArray
    threshold: float
    group: StrArray
    subgroups: Mapping[str, StrArray]
    auroc: float
    ece: float
    best_null: str | None
    null_gap_low: float
    pointing_game: float | None
    stale: Sequence[str] = ()
    crossing: int = 0
    non_finite: Sequence[str] = ()
    withdrawn: str = ""
    guaranteed: float | None = None
    place: str = ""
    base: Candidate | None = None

    @property
    def tested_on(self) -> str:
        """What its radiographs are called."""
        return f"the radiographs of {self.place}" if self.place else "test"


@dataclass(frozen=True)
class Champion:
    """The champion's scores of the candidate's test radiographs.

    Attributes
    ----------
    version
        Its number in the registry.
    y_score
        Probability (N,).
    learnt
        Which of them lie in a group that it was trained or tuned on, bool (N,); None where
        nobody recorded that.
    """

    version: str
    y_score: FloatArray
    learnt: BoolArray | None


@dataclass(frozen=True)
class Rule:
    """One rule of the gate; ``passed`` is None where it does not apply. A count is an int."""

    name: str
    figure: float | None
    bar: str
    passed: bool | None
    sentence: str


@dataclass(frozen=True)
class Decision:
    """The rules in order, what follows from them, and the place that the candidate was fitted to, if any."""

    candidate: str
    champion: str | None
    rules: tuple[Rule, ...]
    place: str = ""

    @property
    def promoted(self) -> bool:
        """Whether no rule failed."""
        return all(rule.passed is not False for rule in self.rules)
