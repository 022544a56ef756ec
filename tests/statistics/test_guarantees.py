import numpy as np
import pytest
from scipy.stats import binom, binomtest

from pipeline.statistics import guarantees


@pytest.mark.parametrize(("successes", "trials"), [(1, 1), (42, 44), (44, 44), (7, 30), (1, 500)])
def test_bound_is_that_of_scipys_exact_one_sided_test(successes: int, trials: int) -> None:
    exact = binomtest(successes, trials, alternative="greater").proportion_ci(0.95, method="exact")
    assert guarantees.lower_bound(successes, trials) == pytest.approx(exact.low, abs=1e-12)


def test_without_success_nothing_is_guaranteed() -> None:
    assert guarantees.lower_bound(0, 12) == guarantees.lower_bound(0, 0) == 0.0


@pytest.mark.parametrize("share", [0.5, 0.83, 0.95, 0.99])
@pytest.mark.parametrize("trials", [5, 44, 130])
def test_bound_exceeds_the_true_share_in_no_more_than_one_of_twenty_sets(share: float, trials: int) -> None:
    counts = np.arange(trials + 1)
    bounds = np.array([guarantees.lower_bound(int(count), trials) for count in counts])
    assert binom.pmf(counts, trials, share)[bounds > share].sum() <= 0.05


def test_fifty_nine_without_a_miss_promise_095() -> None:
    """The known figures of Wilks: 59 for no miss, 93 for one, 124 for two."""
    assert [guarantees.trials_needed(0.95, misses) for misses in (0, 1, 2)] == [59, 93, 124]


@pytest.mark.parametrize(("successes", "trials"), [(44, 44), (43, 44), (96, 100), (194, 200)])
def test_one_group_fewer_than_needed_would_not_do(successes: int, trials: int) -> None:
    more = guarantees.more_needed(successes, trials, 0.95)
    assert more
    whole = trials + more
    share = successes / trials
    assert guarantees.lower_bound(share * whole, whole) >= 0.95
    assert guarantees.lower_bound(share * (whole - 1), whole - 1) < 0.95


def test_enough_groups_need_no_more_and_too_large_a_share_of_misses_needs_no_number() -> None:
    assert guarantees.more_needed(100, 100, 0.95) == 0
    assert guarantees.more_needed(44, 44, 0.95) == 15
    assert guarantees.more_needed(19, 20, 0.95) is guarantees.more_needed(0, 0, 0.95) is None


def test_counts_and_shares_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="Received: 3 of 2"):
        guarantees.lower_bound(3, 2)
    with pytest.raises(ValueError, match=r"Received: 0\.95 and 1"):
        guarantees.trials_needed(1.0)
