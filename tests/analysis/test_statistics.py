from __future__ import annotations

import math

import numpy as np
import pytest

from coglab.analysis import statistics as st


def test_three_against_three_perfectly_separated_has_p_one_in_ten():
    # 20 ways to choose 3 of 6; the two extreme ones are equally extreme: 2/20.
    groups = np.array([0, 0, 0, 1, 1, 1])
    tested = st.permutation_tests([1, 2, 3, 4, 5, 6], [("groups", groups)])
    assert tested.is_exact
    assert tested.p[0] == pytest.approx(0.1)
    assert tested.attainable == pytest.approx(0.1)


def test_eight_units_could_reach_three_percent():
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    tested = st.permutation_tests(range(8), [("groups", groups)])
    assert tested.p[0] == pytest.approx(2 / 70)


def test_the_adjustment_counts_every_variable():
    rng = np.random.default_rng(0)
    groups = [("groups", rng.permutation([0, 0, 0, 0, 1, 1, 1, 1])) for _ in range(30)]
    tested = st.permutation_tests(rng.standard_normal(8), groups)
    assert (tested.adjusted >= tested.p - 1e-12).all()
    assert tested.attainable_adjusted > 0.1


def test_without_any_effect_few_families_have_a_finding():
    found = 0
    sets = 150
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        variables = [("groups", rng.integers(0, 2, 11)) for _ in range(12)]
        variables = [v for v in variables if len(set(v[1])) == 2]
        tested = st.permutation_tests(rng.standard_normal(11), variables)
        found += bool((tested.adjusted <= 0.05).any())
    assert found / sets <= 0.07


def test_ties_share_their_mean_rank():
    assert st.ranks([3, 1, 3, 2]).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_spearman_of_a_monotone_relation_is_one():
    assert st.spearman([1, 2, 3, 4], [1, 8, 27, 64]) == pytest.approx(1)
    assert st.spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert st.spearman([1, 1, 1], [1, 2, 3]) == 0


def test_cramers_v_of_aliased_and_of_independent_groups():
    assert st.cramers_v(np.array([0, 0, 1, 1]), np.array([5, 5, 7, 7])) == pytest.approx(1)
    assert st.cramers_v(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) == pytest.approx(0)


@pytest.mark.parametrize(
    ("df", "value"), [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042)]
)
def test_quantiles_of_student_t_are_those_of_the_tables(df, value):
    assert st.t_quantile(0.975, df) == pytest.approx(value, abs=1e-3)


def test_intervals_follow_the_number_of_seeds():
    assert st.mean_interval([1.0, 2.0]).method == "none"
    three = st.mean_interval([1.0, 2.0, 3.0])
    assert three.low == pytest.approx(2 - 4.3027 / math.sqrt(3), abs=1e-3)
    assert "roughly normal" in three.method
    assert st.mean_interval(list(range(12))).method == "bootstrap"


def test_pooled_deviation_by_hand():
    # Deviations from the means: 1, 1 and 0.5, 0.5: (2 + 0.5) / 2.
    deviation, df = st.pooled_deviation([[1, 3], [5, 6], [7]])
    assert df == 2
    assert deviation == pytest.approx(math.sqrt(2.5 / 2))
    assert st.pooled_deviation([[1], [2]]) == (None, 0)


def test_more_seeds_find_smaller_differences():
    assert st.detectable(1.0, 3, 0) > st.detectable(1.0, 10, 0)
    assert st.seeds_needed(1.0, 10.0) == 2
    assert st.seeds_needed(1.0, 0.01) is None


def test_fisher_by_hand():
    # 3 of 3 failed against 0 of 3: 1/20 each way.
    assert st.fisher_exact(3, 0, 0, 3) == pytest.approx(0.1)


def test_kendall_of_rising_and_falling_series():
    assert st.mann_kendall([1, 2, 3]) == 1
    assert st.mann_kendall([3, 2, 1]) == -1


def test_cliffs_delta_by_hand():
    assert st.cliffs_delta([2, 3], [1, 2.5]) == pytest.approx((1 - 1 + 1 + 1) / 4)
