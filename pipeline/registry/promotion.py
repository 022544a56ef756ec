"""Whether a candidate may become champion: a pure decision, rule by rule.

Nothing here reads a file or calls a server. The champion comes with scores that it gave to the
candidate's own test set, since figures of two test sets cannot be compared. Where it learnt from some of
those radiographs its score is memory: their groups are left out of the comparison, and where too
few remain the candidate is refused, because then nothing shows that it is no worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pipeline.config import Promote
from pipeline.evaluate import comparison
from pipeline.evaluate.guaranteed import rounded_down
from pipeline.files.printable import first
from pipeline.registry.evidence import Candidate, Champion, Decision, Rule
from pipeline.statistics import guarantees, metrics
from pipeline.types import BoolArray, StrArray

GUARANTEED = "guaranteed sensitivity"  # the rule whose figure holds with 95 % confidence
_N_NAMED = 8  # subgroups in a sentence


def decide(candidate: Candidate, champion: Champion | None, policy: Promote) -> Decision:
    """Apply every rule, also those after a failed one: a refusal names all its reasons.

    Parameters
    ----------
    champion
        None where there is none yet.
    """
    rules = (
        *_soundness(candidate),
        *_floors(candidate, policy),
        *_subgroups(candidate, policy),
        *_against(candidate, champion, policy),
    )
    return Decision(candidate.version, champion.version if champion else None, rules, candidate.place)


def _soundness(candidate: Candidate) -> Iterator[Rule]:
    """Check that the figures mean anything."""
    place = f" or of {candidate.place}" if candidate.place else ""
    yield _none_of(
        "validated record",
        len(candidate.stale),
        "The data passed validation, and all results are those that dvc.lock records.",
        f"Not what dvc.lock records: {', '.join(candidate.stale)}. Run `dvc repro`.",
    )
    yield _none_of(
        "leakage",
        candidate.crossing,
        f"No group of test{place} lies in train or val.",
        f"Groups of test{place} lie in train or val too: the figures there are memory.",
    )
    yield _none_of(
        "finite weights",
        len(candidate.non_finite),
        "All weights are finite.",
        f"NaN or infinite: {', '.join(candidate.non_finite)}.",
    )
    yield _none_of(
        "not withdrawn",
        int(bool(candidate.withdrawn)),
        "Never rolled back, or admitted again with a reason.",
        f"Rolled back before: {candidate.withdrawn}. Only --reason admits it again.",
    )


def _floors(candidate: Candidate, policy: Promote) -> Iterator[Rule]:
    """Check what every champion must reach, whatever the last one did."""
    sensitivity, n_groups = _sensitivity(candidate, candidate.y_true)
    own, least = candidate.guaranteed, policy.min_guaranteed_sensitivity
    promised = _guaranteed(candidate, candidate.y_true) if own is None else own
    share = f"Share of {n_groups} fractured groups found at the high-sensitivity point{_promise(promised)}."
    yield _at_least("auroc", candidate.auroc, policy.min_auroc, f"On {candidate.tested_on}.")
    yield _at_least("sensitivity", sensitivity, policy.min_sensitivity, share)
    yield _at_least_if_asked(GUARANTEED, promised, least, _shortfall(n_groups, least))
    bar, passed = f"at most {policy.max_ece:.3f}", candidate.ece <= policy.max_ece
    sentence = f"Expected calibration error on {candidate.tested_on}."
    yield Rule("ece", candidate.ece, bar, passed, sentence)
    yield _beats_shortcuts(candidate)
    if candidate.pointing_game is None:
        bar = f"at least {policy.min_pointing_game:.3f}"
        yield Rule("pointing game", None, bar, None, "No test radiograph is annotated: nothing to ask.")
    else:
        sentence = "Share of annotated radiographs of test whose map peaks on a fracture."
        yield _at_least("pointing game", candidate.pointing_game, policy.min_pointing_game, sentence)


def _beats_shortcuts(candidate: Candidate) -> Rule:
    """Check that the lead over the best shortcut baseline, on the same radiographs of test, is no chance."""
    rule, low, name = "null baselines", candidate.null_gap_low, candidate.best_null
    if name is None:
        sentence = "No shortcut baseline was scored: nothing shows that the model looks at bone."
    elif math.isnan(low):
        sentence = (
            f"The lead over {name} has no interval: a class has fewer than two groups in test, or `evaluate`"
            " is of an earlier version. Bring more groups, or run `dvc repro`."
        )
    else:
        sentence = f"Low end of the lead in AUROC, on test, over {name}, which does not look at bone."
    return Rule(rule, low, f"above {0:.3f}", name is not None and low > 0, sentence)  # NaN is above nothing


def _subgroups(candidate: Candidate, policy: Promote) -> Iterator[Rule]:
    """Check the sensitivity in each value of each column that the policy names.

    Of a place no columns are known: the bundle that its network comes from is judged, on ``test``.
    """
    for column in policy.subgroups:
        if candidate.base is None:
            yield from _values(candidate, column, policy, "")
        else:
            sentence = f"Not known of the radiographs of {candidate.place}: its network is judged on test."
            yield Rule(f"sensitivity, {column}, {candidate.place}", None, "", None, sentence)
            yield from _values(candidate.base, column, policy, " on test, at the network's own threshold")


def _values(candidate: Candidate, column: str, policy: Promote, where: str) -> Iterator[Rule]:
    """Check the sensitivity in each value of a column, and tell what was not judged."""
    least, bar = policy.min_subgroup_groups, f"at least {policy.min_subgroup_sensitivity:.3f}"
    rule, values = f"sensitivity, {column}", candidate.subgroups.get(column)
    if values is None:
        yield Rule(rule, None, bar, None, f"data.labels has no column {column}.")
        return
    judged, small = 0, []
    for value in np.unique(values[values != ""]):
        fractured = candidate.y_true & (values == value)
        sensitivity, n_groups = _sensitivity(candidate, fractured)
        if n_groups < least:
            small.append(f"{value} ({n_groups})")
        else:
            promise = _promise(_guaranteed(candidate, fractured))
            sentence = f"Share of {n_groups} fractured groups found{where}{promise}."
            yield _at_least(f"{rule} {value}", sensitivity, policy.min_subgroup_sensitivity, sentence)
            judged += 1
    unknown = _count(candidate.group[candidate.y_true & (values == "")])
    told = []
    if unknown or not judged + len(small):
        told.append(
            f"Not judged, since their {column} is unknown: fractured radiographs of {unknown} groups."
        )
    if small:
        told.append(f"Not judged, with fewer than {least} fractured groups: {first(small, _N_NAMED)}.")
    if told:
        yield Rule(rule, None, bar, None, " ".join(told))


def _against(candidate: Candidate, champion: Champion | None, policy: Promote) -> tuple[Rule, Rule]:
    """Test non-inferiority on groups that the champion did not learn from."""
    name, bar = "non-inferiority", f"above {-policy.non_inferiority_margin:.3f}"
    if champion is None:
        alone = "There is no champion yet."
        return Rule("champion's memory", None, "", None, alone), Rule(name, None, bar, None, alone)
    fair = np.ones(candidate.y_true.shape, bool) if champion.learnt is None else ~champion.learnt
    memory = _memory(candidate, champion, fair, policy.min_groups)
    if memory.passed is False:
        return memory, Rule(name, None, bar, None, "Not compared: too few groups are left.")
    apart = comparison.auroc_difference(
        candidate.y_true[fair], champion.y_score[fair], candidate.y_score[fair], candidate.group[fair]
    )
    sentence = (
        f"Low end of the difference in AUROC by group: {apart.second:.3f} less the champion's "
        f"{apart.first:.3f} is {apart.difference:+.3f} ({apart.low:+.3f} to {apart.high:+.3f})."
    )
    return memory, Rule(name, apart.low, bar, apart.low > -policy.non_inferiority_margin, sentence)


def _memory(candidate: Candidate, champion: Champion, fair: BoolArray, least: int) -> Rule:
    """Check that enough test groups remain which the champion did not learn from."""
    name, bar = "champion's memory", f"{least} groups of either class left"
    if champion.learnt is None:
        remembered, sentence = None, "Nobody recorded what the champion learnt from; memory would favour it."
    else:
        remembered, n_groups = _count(candidate.group[champion.learnt]), _count(candidate.group)
        groups = f"groups of {candidate.place}" if candidate.place else "test groups"
        sentence = f"Of {n_groups} {groups}, those that the champion learnt from: left out."
    remaining = min(_count(candidate.group[fair & kind]) for kind in (candidate.y_true, ~candidate.y_true))
    if remaining < least:
        advice = "Name the champion's manifest in validate.pinned_manifest, so that groups keep their split."
        if candidate.place:
            advice = "Run `fracture recalibrate` on later exams, which the champion did not learn from."
        sentence += f" {remaining} groups of one class are left. {advice}"
        return Rule(name, remembered, bar, False, sentence)
    return Rule(name, remembered, bar, None if remembered is None else True, sentence)


def _sensitivity(candidate: Candidate, fractured: BoolArray) -> tuple[float, int]:
    """Share of fractured radiographs found, each group weighing as one, and the number of groups."""
    names, code = np.unique(candidate.group[fractured], return_inverse=True)
    share = np.bincount(code, weights=candidate.called[fractured]) / np.bincount(code)
    return float(share.mean()) if share.size else float("nan"), names.size


def _guaranteed(candidate: Candidate, fractured: BoolArray) -> float:
    """Sensitivity that holds with 95 % confidence; a group is found where its mean probability is enough."""
    if not fractured.any():
        return 0.0
    _, score, _ = metrics.collapse_groups(
        candidate.y_true[fractured], candidate.y_score[fractured], candidate.group[fractured]
    )
    return guarantees.lower_bound(int((score >= candidate.threshold).sum()), score.size)


def _promise(bound: float) -> str:
    if math.isnan(bound):
        return "; nothing is promised of all such groups"
    return f"; with 95 % confidence at least {rounded_down(bound, 3)} of all such groups"


def _shortfall(n_groups: int, least: float) -> str:
    """Say from how many groups on the bar can be reached at all."""
    sentence = "What holds of all fractures with 95 % confidence, given so few groups."
    if least and (needed := guarantees.trials_needed(least)) > n_groups:
        sentence += f" {n_groups} groups cannot reach the bar: it takes {needed}, with none missed."
    return sentence


def _at_least_if_asked(name: str, figure: float, bar: float, sentence: str) -> Rule:
    return _at_least(name, figure, bar, sentence) if bar else Rule(name, figure, "", None, sentence)


def _none_of(name: str, count: int, good: str, bad: str) -> Rule:
    return Rule(name, count, "none", not count, bad if count else good)


def _at_least(name: str, figure: float, bar: float, sentence: str) -> Rule:
    return Rule(name, figure, f"at least {bar:.3f}", figure >= bar, sentence)  # NaN reaches no bar


def _count(group: StrArray) -> int:
    return len(np.unique(group))
